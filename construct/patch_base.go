package construct

import (
	"math"
	"math/rand/v2"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// A patchBase is a first guess at the classes: some hidden units and their
// output weights. Bumps correct it where it is wrong.
type patchBase struct {
	units   *network.Dense // m x d; nil when the base has no units
	bias    []float64      // m
	weights *mat.Dense     // m x k output weights
	out     []float64      // k output biases
	f       *mat.Dense     // n x k: its outputs on the rows
}

// The affine base.
//
// f(x) = W^T x + b, fitted so that as few rows as possible have their class
// beaten by another. With m_i = f_class(x_i) - max of the other outputs, the
// fit lowers the mean of
//
//	(1-a) (sqrt(1+m^2) - m)/2  +  a (1 - m/sqrt(1+m^2))/2,
//
// first with a = 0, a convex function much like the logistic loss, then with a
// rising to 1, a smooth count of the errors. The count gives up on rows that
// are hopeless, which is right here: a bump corrects hundreds of them for three
// units. On MNIST the convex fit leaves 3,300 errors and the count 2,150.
//
// Both functions need only square roots, so the fit is the same on every
// machine (see [deltaRows]). The steps are heavy-ball gradient steps on
// batches, in the metric of the inputs' covariance: without that the thousandfold
// spread of its eigenvalues would need thousands of steps.
const (
	affineEpochs   = 60    // passes over the rows
	affineBatch    = 10000 // rows per step
	affineMinSteps = 360   // steps for small sets
	affineRate     = 10.0  // first step length in the whitened metric, falling linearly to 0
	affineMomentum = 0.9
	affineSharp    = 2.0  // margins are counted in units of 1/affineSharp
	affineConvex   = 0.3  // part of the steps with a = 0
	affineCounting = 0.6  // part of the steps after which a = 1
	affineRidge    = 1e-2 // added to the covariance's diagonal, relative to its mean; keeps rare inputs from huge weights

	// covarianceRows bounds the rows the metric is taken from, whitenedInputs
	// the inputs beyond which it is diagonal only.
	covarianceRows = 20000
	whitenedInputs = 3000
)

// affineFit is the state of the fit.
type affineFit struct {
	rows  *deltaRows
	class []int
	k     int
	mean  []float64 // d: the origin of the fit, as a difference from common
	chol  []float64 // factor of the covariance, or nil
	diag  []float64 // its diagonal when chol is nil
	w     []float64 // d x k
	b     []float64 // k
}

// fitAffine fits the affine base on the scaled inputs with steps proportional
// to effort (1 is the full fit).
func fitAffine(rows *deltaRows, class []int, k int, seed uint64, effort float64) *affineFit {
	f := &affineFit{rows: rows, class: class, k: k, w: make([]float64, rows.d*k), b: make([]float64, k)}
	rng := rand.New(rand.NewPCG(seed, 0x9a7c4))
	order := rng.Perm(rows.n)
	f.measure(order[:min(len(order), covarianceRows)])

	batch := min(rows.n, affineBatch)
	perEpoch := rows.n / batch
	steps := int(math.Ceil(effort * float64(max(affineMinSteps, affineEpochs*perEpoch))))
	vw, vb := make([]float64, len(f.w)), make([]float64, k)
	for s := 0; s < steps; s++ {
		if s%perEpoch == 0 && perEpoch > 1 {
			rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		}
		part := s % perEpoch
		progress := float64(s) / float64(steps)
		count := min(1, max(0, (progress-affineConvex)/(affineCounting-affineConvex)))
		gw, gb := f.gradient(order[part*batch:(part+1)*batch], count)
		f.precondition(gw)
		rate := affineRate * (1 - progress)
		descend(f.w, vw, gw, rate)
		descend(f.b, vb, gb, rate)
	}
	return f
}

func descend(w, velocity, gradient []float64, rate float64) {
	for i, g := range gradient {
		velocity[i] = float64(affineMomentum*velocity[i]) + g
		w[i] -= float64(rate * velocity[i])
	}
}

// measure finds the metric of the fit.
func (f *affineFit) measure(sample []int) {
	sort.Ints(sample)
	d := f.rows.d
	f.mean = f.rows.meanDelta(sample)
	if d > whitenedInputs {
		f.diag = make([]float64, d)
		for _, i := range sample {
			for at := f.rows.ptr[i]; at < f.rows.ptr[i+1]; at++ {
				f.diag[f.rows.col[at]] += float64(f.rows.val[at]*f.rows.val[at]) / float64(len(sample))
			}
		}
		for j := range f.diag {
			f.diag[j] = float64(float64(d)*f.diag[j]) + affineRidge // d: the diagonal alone underrates shared directions
		}
		return
	}
	f.chol = f.rows.covariance(sample, f.mean)
	trace := 0.0
	for j := 0; j < d; j++ {
		trace += f.chol[j*d+j]
	}
	ridge := max(affineRidge*trace/float64(d), math.SmallestNonzeroFloat64)
	for j := 0; j < d; j++ {
		f.chol[j*d+j] += ridge
	}
	fixedCholesky(f.chol, d, ridge)
}

func (f *affineFit) precondition(g []float64) {
	if f.chol != nil {
		fixedSolve(f.chol, f.rows.d, f.k, g)
		return
	}
	for j, v := range f.diag {
		scaleBy(g[j*f.k:(j+1)*f.k], 1/v)
	}
}

// gradient returns the mean gradient of the loss over a batch of rows.
func (f *affineFit) gradient(batch []int, count float64) (gw, gb []float64) {
	d, k := f.rows.d, f.k
	chunks := (len(batch) + 4*chunkRows - 1) / (4 * chunkRows)
	offset := append([]float64(nil), f.b...) // f at delta = 0
	for j, m := range f.mean {
		fixedAxpy(offset, -m, f.w[j*k:(j+1)*k])
	}
	partW, partB := make([][]float64, chunks), make([][]float64, chunks)
	parallel.Each(chunks, func(c int) {
		w, b := make([]float64, d*k), make([]float64, k)
		score := make([]float64, k)
		for _, i := range batch[len(batch)*c/chunks : len(batch)*(c+1)/chunks] {
			copy(score, offset)
			f.rows.scores(i, f.w, score)
			own, other := f.class[i], strongestOther(score, f.class[i])
			if other < 0 {
				continue
			}
			pull := lossSlope(affineSharp*(score[own]-score[other]), count)
			b[own] += pull
			b[other] -= pull
			for at := f.rows.ptr[i]; at < f.rows.ptr[i+1]; at++ {
				v := float64(pull * f.rows.val[at])
				j := int(f.rows.col[at]) * k
				w[j+own] += v
				w[j+other] -= v
			}
		}
		partW[c], partB[c] = w, b
	})
	gw, gb = make([]float64, d*k), make([]float64, k)
	for c := range partW {
		fixedAxpy(gw, 1/float64(len(batch)), partW[c])
		fixedAxpy(gb, 1/float64(len(batch)), partB[c])
	}
	for j, m := range f.mean { // the inputs of the fit are delta - mean
		fixedAxpy(gw[j*k:(j+1)*k], -m, gb)
	}
	return gw, gb
}

// lossSlope is the derivative of the loss by m.
func lossSlope(m, count float64) float64 {
	q := math.Sqrt(1 + float64(m*m))
	return float64((count-1)*((1-m/q)/2)) - count/(2*q*q*q)
}

// strongestOther returns the class other than own with the largest score, the
// first of equals; -1 when there is no other class.
func strongestOther(score []float64, own int) int {
	best := -1
	for c, v := range score {
		if c != own && (best < 0 || v > score[best]) {
			best = c
		}
	}
	return best
}

// carried returns the fit's weights (k x d), biases and outputs on the rows
// (n x k), less those of the last class: that changes no decision, and leaves
// the last class with nothing to carry.
func (f *affineFit) carried() (w *mat.Dense, bias []float64, out *mat.Dense) {
	d, k := f.rows.d, f.k
	w, bias = mat.NewDense(k, d, nil), make([]float64, k)
	for c := 0; c < k; c++ {
		bias[c] = f.b[c] - f.b[k-1]
		for j := 0; j < d; j++ {
			v := f.w[j*k+c] - f.w[j*k+k-1]
			w.Set(c, j, v)
			bias[c] -= float64((f.rows.common[j] + f.mean[j]) * v)
		}
	}
	out = mat.NewDense(f.rows.n, k, nil)
	for c := 0; c < k-1; c++ {
		for i, v := range f.rows.dots(w.RawRowView(c), bias[c]) {
			out.Set(i, c, v)
		}
	}
	return w, bias, out
}

// affineBase returns the base whose k-1 units s(f_c - f_last + B), awake on all
// the data, carry the fit through the hidden layer.
func (f *affineFit) affineBase() *patchBase {
	w, bias, out := f.carried()
	d, k := f.rows.d, f.k
	base := &patchBase{f: out, weights: mat.NewDense(k-1, k, nil), out: make([]float64, k), bias: make([]float64, k-1)}
	base.units = network.NewDense(k-1, d, append([]float64(nil), w.RawMatrix().Data[:(k-1)*d]...))
	for c := 0; c < k-1; c++ {
		lo, hi := columnRange(out, c)
		// A unit stays awake as far beyond the data as the data is wide.
		lift := math.Ceil(max(0, (hi-lo)-lo) + 1)
		base.bias[c] = bias[c] + lift
		base.weights.Set(c, c, 1)
		base.out[c] = -lift
	}
	return base
}

func columnRange(m *mat.Dense, c int) (lo, hi float64) {
	n, _ := m.Dims()
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := 0; i < n; i++ {
		lo, hi = min(lo, m.At(i, c)), max(hi, m.At(i, c))
	}
	return lo, hi
}

// network returns the fit as a network without hidden units when all rows keep
// their class whatever the rounding, else nil.
func (f *affineFit) network(p *Problem, input network.Layer) *network.Network {
	w, bias, out := f.carried()
	longest := 0.0
	for c, b := range bias {
		row := w.RawRowView(c)
		longest = max(longest, math.Sqrt(fixedDot(row, row)+float64(b*b)))
	}
	// Two outputs, each a sum of d+1 rounded products of rounded weights.
	rounding := 4 * float64(f.rows.d+2) * p.Precision.Eps() * longest
	for i, c := range f.class {
		if !(rowMargin(out.RawRowView(i), c) > rounding*math.Sqrt(f.rows.square[i])) {
			return nil
		}
	}
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input,
		{Map: network.NewDense(f.k, f.rows.d, append([]float64(nil), w.RawMatrix().Data...)), Bias: bias, Name: "out"},
	}}
	net.Round()
	return net
}
