package construct

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
	"hinge/network"
)

// The smooth base of needles: ridge regression on random ReLU features,
//
//	base(x) = sum_j a_j s(w_j.x - theta_j) + c.
//
// Directions w_j look at one to three inputs each, and thresholds go through
// rows of the data. Sparse directions are what makes plain random features good
// on tables: California housing, 1500 features, test R2 0.80 against 0.76 for
// dense directions. Inputs count in units of their middle 80 %, so that heavy
// tails do not blunt the rest. (More than splitInputs inputs are most likely
// pixels or the like, none of which says much alone: then directions are dense.)
//
// The number of features and the ridge are chosen by the error on rows held
// out, among those whose rounding errors the tolerance allows. All candidates
// share one Gram matrix: a smaller number of features is a leading block of it.
//
// Cost: n m^2 multiplications, which baseFlops bounds, and memory m^2.

const (
	baseFeatures = 2048 // the most features: beyond, California's test R2 gains less than 0.005
	baseFlops    = 2e11 // bounds n m^2: 2 s with OpenBLAS on two cores, 15 s without
	heldOutRows  = 4096 // the most rows held out
	baseBits     = 12   // of the weights: all machines find the same ones, though their sums differ in the last bits
	baseBatch    = 1024 // rows whose features are held at a time
	maxSupport   = 3    // inputs per direction, at most
	wideSupport  = 16   // inputs per direction of wide tables
	baseStream   = 0xba5e
)

// baseLadder are the parts of the features tried as well, in float32 mostly:
// few features make few roundings.
var baseLadder = []int{1, 4, 8, 16, 32, 64}

// baseRidges are tried from strong to weak, until the held-out error rises.
var baseRidges = []float64{10, 1, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7}

// randomFeatures is m units s(w_j.x - theta_j).
type randomFeatures struct {
	w         *network.Sparse // m x d
	theta     []float64
	precision network.Precision
}

// drawFeatures draws m features: first the inputs on either side of their
// medians, which make a good small base, then random ones.
func drawFeatures(p *Problem, x *mat.Dense, m int) *randomFeatures {
	n, d := x.Dims()
	f := &randomFeatures{w: &network.Sparse{In: d, RowPtr: []int{0}}, precision: p.Precision}
	rng := rand.New(rand.NewPCG(p.Seed, baseStream))
	spread, median := middleSpreads(x)
	used := varyingColumns(x)
	if len(used) == 0 {
		used = []int{0}
	}
	for k := 0; len(used) <= splitInputs && k < 2*len(used) && f.w.Out < m; k++ {
		j, sign := used[k%len(used)], float64(1-2*(k/len(used)))
		f.add([]int{j}, []float64{sign}, sign*median[j])
	}
	sides := f.w.Out
	for f.w.Out < m {
		support := drawSupport(rng, used)
		weights := make([]float64, len(support))
		through := x.RawRowView(rng.IntN(n))
		theta := 0.0
		for k, j := range support {
			weights[k] = p.Precision.Round(rng.NormFloat64() / spread[j])
			theta += float64(weights[k] * through[j])
		}
		f.add(support, weights, p.Precision.Round(theta))
	}
	f.faceInwards(x, sides)
	return f
}

// faceInwards turns every feature from the given one on to the side where it
// stays smaller: away from heavy tails, where it would round most and predict
// worst.
func (f *randomFeatures) faceInwards(x *mat.Dense, from int) {
	n, _ := x.Dims()
	parallel.Each(f.w.Out-from, func(k int) {
		j := from + k
		from, to := f.w.RowPtr[j], f.w.RowPtr[j+1]
		least, most := math.Inf(1), math.Inf(-1)
		for i := range n {
			row, z := x.RawRowView(i), 0.0
			for e := from; e < to; e++ {
				z += float64(f.w.Val[e] * row[f.w.Col[e]])
			}
			least, most = min(least, z), max(most, z)
		}
		if most-f.theta[j] > f.theta[j]-least {
			for e := from; e < to; e++ {
				f.w.Val[e] = -f.w.Val[e]
			}
			f.theta[j] = -f.theta[j]
		}
	})
}

// drawSupport returns the inputs that a direction looks at, ascending.
func drawSupport(rng *rand.Rand, used []int) []int {
	size := wideSupport
	if len(used) <= splitInputs {
		size = 1 + rng.IntN(min(maxSupport, len(used)))
	}
	order := rng.Perm(len(used))
	support := make([]int, size)
	for k := range support {
		support[k] = used[order[k]]
	}
	slices.Sort(support)
	return support
}

func (f *randomFeatures) add(support []int, weights []float64, theta float64) {
	for k, j := range support {
		f.w.Col, f.w.Val = append(f.w.Col, int32(j)), append(f.w.Val, weights[k])
	}
	f.w.RowPtr = append(f.w.RowPtr, len(f.w.Col))
	f.w.Out++
	f.theta = append(f.theta, theta)
}

// leading returns the first m features.
func (f *randomFeatures) leading(m int) *randomFeatures {
	end := f.w.RowPtr[m]
	w := &network.Sparse{Out: m, In: f.w.In, RowPtr: f.w.RowPtr[:m+1], Col: f.w.Col[:end], Val: f.w.Val[:end]}
	return &randomFeatures{w: w, theta: f.theta[:m], precision: f.precision}
}

// selected returns the given features, in that order.
func (f *randomFeatures) selected(order []int) *randomFeatures {
	r := &randomFeatures{w: &network.Sparse{In: f.w.In, RowPtr: []int{0}}, precision: f.precision}
	for _, j := range order {
		from, to := f.w.RowPtr[j], f.w.RowPtr[j+1]
		r.w.Col, r.w.Val = append(r.w.Col, f.w.Col[from:to]...), append(r.w.Val, f.w.Val[from:to]...)
		r.w.RowPtr = append(r.w.RowPtr, len(r.w.Col))
		r.w.Out++
		r.theta = append(r.theta, f.theta[j])
	}
	return r
}

// middleSpreads returns half the width of the middle 80 % of every column, or 1
// where that is nothing to speak of, and the medians.
func middleSpreads(x *mat.Dense) (spread, median []float64) {
	n, d := x.Dims()
	spread, median = make([]float64, d), make([]float64, d)
	for j := range d {
		column := mat.Col(nil, j, x)
		sort.Float64s(column)
		median[j] = column[n/2]
		spread[j] = (column[n-1-n/10] - column[n/10]) / 2
		if spread[j] < 1.0/32 {
			spread[j] = 1
		}
	}
	return spread, median
}

// row writes the features of x and a last constant 1 to phi (m+1), and to
// magnitude, if it is not nil, the bound of each feature's rounding error in
// units of the roundoff.
func (f *randomFeatures) row(x, phi, magnitude []float64) {
	for j, theta := range f.theta {
		z, size := 0.0, math.Abs(theta)
		from, to := f.w.RowPtr[j], f.w.RowPtr[j+1]
		for e := from; e < to; e++ {
			term := f.precision.Round(f.w.Val[e] * x[f.w.Col[e]])
			z = f.precision.Round(z + term)
			size += math.Abs(term)
		}
		phi[j] = max(0, f.precision.Round(z-theta))
		if magnitude != nil {
			magnitude[j] = float64(to-from+1) * size
		}
	}
	phi[len(f.theta)] = 1
}

// moments is the sums over rows that ridge regression needs.
type moments struct {
	rows  int
	gram  blas.Matrix[float64] // (m+1) x (m+1), lower triangle, of the features and the constant
	right blas.Matrix[float64] // (m+1) x p
}

func newMoments(m, p int) *moments {
	return &moments{gram: blas.NewMatrix[float64](m+1, m+1), right: blas.NewMatrix[float64](m+1, p)}
}

// add adds the given rows.
func (s *moments) add(f *randomFeatures, x, z *mat.Dense, rows []int) {
	m, p := s.right.Rows, s.right.Cols
	s.rows += len(rows)
	for from := 0; from < len(rows); from += baseBatch {
		part := rows[from:min(from+baseBatch, len(rows))]
		phi, y := blas.NewMatrix[float64](len(part), m), blas.NewMatrix[float64](len(part), p)
		parallel.Each(len(part), func(k int) {
			f.row(x.RawRowView(part[k]), phi.Row(k), nil)
			copy(y.Row(k), z.RawRowView(part[k]))
		})
		blas.AddGram(s.gram, phi)
		blas.TransMulAdd(s.right, phi, y)
	}
}

// ridge returns the weights of the first m features and the constant (p x m+1)
// with the least mean square error plus ridge times the sum of squares of
// a_j * std(feature j); the constant is free. It returns false when the matrix
// is singular to working precision.
func (s *moments) ridge(m int, ridge float64) (*mat.Dense, bool) {
	n, last, p := float64(s.rows), s.gram.Rows-1, s.right.Cols
	sums := s.gram.Row(last)
	a, b := blas.NewMatrix[float64](m, m), blas.NewMatrix[float64](m, p)
	std := make([]float64, m)
	for i := range std {
		mean := sums[i] / n
		std[i] = math.Sqrt(max(0, s.gram.Row(i)[i]/n-mean*mean))
		if std[i] == 0 {
			std[i] = 1
		}
	}
	for i := range m {
		for j := 0; j <= i; j++ {
			a.Row(i)[j] = (s.gram.Row(i)[j]/n - sums[i]/n*(sums[j]/n)) / (std[i] * std[j])
		}
		a.Row(i)[i] += ridge
		for k := range p {
			b.Row(i)[k] = (s.right.Row(i)[k]/n - sums[i]/n*(s.right.Row(last)[k]/n)) / std[i]
		}
	}
	if !blas.Cholesky(a) {
		return nil, false
	}
	blas.CholeskySolve(a, b)
	w := mat.NewDense(p, m+1, nil)
	for k := range p {
		constant, largest := s.right.Row(last)[k]/n, 0.0
		for i := range m {
			largest = max(largest, math.Abs(b.Row(i)[k]))
		}
		for i := range m {
			// A grid for all weights, relative to the largest, as errors are.
			grid := math.Ldexp(powerOfTwoAbove(largest)/powerOfTwoAbove(std[i]), -baseBits)
			v := grid * math.RoundToEven(b.Row(i)[k]/std[i]/grid)
			w.Set(k, i, v)
			constant -= v * sums[i] / n
		}
		w.Set(k, m, shortest(constant))
	}
	return w, true
}

// shortest rounds v to baseBits bits.
func shortest(v float64) float64 {
	if v == 0 {
		return 0
	}
	_, exp := math.Frexp(v)
	return math.Ldexp(math.RoundToEven(math.Ldexp(v, baseBits-exp)), exp-baseBits)
}

// smoothBase is the fitted base.
type smoothBase struct {
	features *randomFeatures
	w        *mat.Dense // p x (m+1): the weights of the features, and the constant
}

// grouped says that the base is summed in groups (see units).
func (b *smoothBase) grouped() bool {
	p, _ := b.w.Dims()
	return p == 1 && b.features.precision == network.Float32
}

// groupSize is the number of features in a group of m.
func groupSize(m int) int { return int(math.Ceil(math.Sqrt(float64(m)))) }

// roundings returns how often a term of the base is rounded in the worst order,
// up to the output.
func (b *smoothBase) roundings() float64 {
	m := len(b.features.theta)
	if !b.grouped() {
		return float64(m + 4)
	}
	g := groupSize(m)
	return float64(g + m/g + 2 + 4) // a group, the groups of both signs, residual and bias
}

// value writes the base's outputs at x, without lift, to out and returns the
// bound of the rounding error of the worst output: any order of summation, and
// a lift and an output layer on top.
func (b *smoothBase) value(x, out, phi, magnitude []float64) (bound float64) {
	b.features.row(x, phi, magnitude)
	m, roundings := len(phi)-1, b.roundings()
	for k := range out {
		sum, size, inputs := 0.0, 0.0, 0.0
		for j, w := range b.w.RawRowView(k) {
			if phi[j] == 0 {
				continue
			}
			sum += float64(w * phi[j])
			size += math.Abs(w) * phi[j]
			if j < m {
				inputs += math.Abs(w) * magnitude[j]
			}
		}
		out[k] = sum
		bound = max(bound, roundings*size+inputs)
	}
	return bound * b.features.precision.Eps()
}

// fitBase returns the base for the targets z (n x p, ranges of about 1) whose
// rounding error stays below limit on all rows, and its outputs there.
func fitBase(p *Problem, x, z *mat.Dense, limit float64) (b *smoothBase, out *mat.Dense) {
	n, _ := x.Dims()
	_, outputs := z.Dims()
	most := int(min(baseFeatures, math.Sqrt(baseFlops/float64(n)), 2*float64(n)))
	f := drawFeatures(p, x, max(1, most))
	shuffled := rand.New(rand.NewPCG(p.Seed, baseStream+1)).Perm(n)
	held := shuffled[:min(n/5, heldOutRows)]
	fit := newMoments(f.w.Out, outputs)
	fit.add(f, x, z, shuffled[len(held):])
	m, ridge := chooseBase(f, fit, x, z, held, limit)
	fit.add(f, x, z, held)
	for {
		if w, ok := fit.ridge(m, ridge); ok {
			b := &smoothBase{features: f.leading(m), w: w}
			if out, worst := b.outputs(x); worst <= limit || ridge > 1e12 {
				return b, out
			}
		}
		ridge *= 4
	}
}

// chooseBase returns the number of features and the ridge with the least error
// on the rows held out.
func chooseBase(f *randomFeatures, fit *moments, x, z *mat.Dense, held []int, limit float64) (m int, ridge float64) {
	best := math.Inf(1)
	m, ridge = f.w.Out, 1e-3
	if len(held) == 0 {
		return m, ridge
	}
	rows, targets := rowsOf(x, held), rowsOf(z, held)
	for _, part := range baseLadder {
		features := f.leading(max(1, f.w.Out/part))
		before := math.Inf(1)
		for _, r := range baseRidges {
			w, ok := fit.ridge(features.w.Out, r)
			if !ok {
				break
			}
			miss := (&smoothBase{features: features, w: w}).meanSquare(rows, targets, limit)
			if miss < best {
				best, m, ridge = miss, features.w.Out, r
			}
			if miss > before {
				break
			}
			before = miss
		}
	}
	return m, ridge
}

// outputs returns the base's outputs on all rows of x (n x p), and the largest
// bound of their rounding errors.
func (b *smoothBase) outputs(x *mat.Dense) (out *mat.Dense, worst float64) {
	n, _ := x.Dims()
	p, m := b.w.Dims()
	out = mat.NewDense(n, p, nil)
	bounds := make([]float64, n)
	parallel.Ranges(n, func(from, to int) {
		phi, magnitude := make([]float64, m), make([]float64, m)
		for i := from; i < to; i++ {
			bounds[i] = b.value(x.RawRowView(i), out.RawRowView(i), phi, magnitude)
		}
	})
	for _, bound := range bounds {
		worst = max(worst, bound)
	}
	return out, worst
}

// meanSquare returns the mean square error, or +Inf when rounding errors are
// above the limit.
func (b *smoothBase) meanSquare(x, z *mat.Dense, limit float64) float64 {
	out, worst := b.outputs(x)
	if !(worst <= limit) {
		return math.Inf(1)
	}
	out.Sub(out, z)
	return mat.Dot(flat(out), flat(out)) / float64(len(out.RawMatrix().Data))
}

func flat(m *mat.Dense) mat.Vector {
	data := m.RawMatrix().Data
	return mat.NewVecDense(len(data), data)
}
