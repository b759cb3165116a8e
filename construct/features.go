package construct

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// features, C5: draw the hyperplanes, solve for the output weights.
//
// A network with its hidden layer fixed interpolates iff Phi A + 1 c = Y has a
// solution, and every Y has one iff [Phi 1] has rank n. Random hyperplanes give
// that rank once there are a few more of them than rows; exactly n are almost
// never enough, since two units awake on the same d+2 rows or more lean on each
// other. Two things help: every hyperplane is put through a data point, so that
// none is wasted beside the data, each point serving once before any serves
// twice; and more are drawn than needed.
//
// What is drawn is then used in one of two ways.
//
//   - The fewest units: rank-revealing QR [Businger, Golub 1965] of [Phi 1]
//     picks n columns that span everything, and the solution uses only them:
//     n - 1 units and the bias. The others were free.
//   - For generalisation all of them, with the solution of least norm among the
//     affine space of solutions.
//
// Outputs share the hidden layer, universal whenever the rank is n. Targets may
// be solvable on a lower rank; that is a specific solution and is accepted too.
//
// Cost: O(n^2 m) operations and n m numbers, which limits n to some thousands.
func init() {
	register(&Construction{
		Name:   "features",
		Title:  "random hyperplanes through the rows, one linear solve",
		Source: "Huang, Zhu, Siew 2006 (Neurocomputing 70); rank-revealing QR of Businger, Golub 1965",
		Plan:   planFeatures,
		Build:  buildFeatures,
	})
}

const (
	// featureElements bounds the numbers of Phi: 2^23 of them are 64 MiB, held
	// some five times, and are factorized in some ten seconds without OpenBLAS.
	featureElements = 1 << 23
	// chooseRows is the number of rows up to which columns are chosen by pivoted
	// QR, which runs at the speed of memory; beyond, least norm on all columns.
	chooseRows = 1200
	// oversampling is the columns drawn per row: first try, and how often the
	// number may double when the rank falls short.
	oversampling      = 1.5
	oversamplingTries = 3
	// generalizeColumns is the columns per row of the least-norm solution:
	// overfitting is worst at 1 and mild from 4 on.
	generalizeColumns = 4
)

// featureColumns returns how many hyperplanes are drawn at first, and whether
// columns are chosen among them.
func featureColumns(p *Problem) (m int, choose bool) {
	n := p.Set.N()
	m = int(math.Ceil(oversampling*float64(n))) + p.Set.D()
	if p.Goal == Generalize {
		return max(m, min(generalizeColumns*n, featureElements/n)), false
	}
	return m, n <= chooseRows
}

func planFeatures(p *Problem) (Size, error) {
	m, choose := featureColumns(p)
	if err := featuresFit(p, m); err != nil {
		return Size{}, err
	}
	n, d, outputs := p.Set.N(), p.Set.D(), p.Set.P()
	if choose {
		m = max(1, n-1)
	}
	// A solve by QR leaves a residual of some n roundings of the largest terms,
	// and terms exceed targets by the condition of Phi: of the order of n.
	expected := 16 * float64(n) * float64(n) * p.Precision.Eps()
	return Size{HiddenLayers: 1, Units: m, Parameters: 2*d + m*(d+1) + (m+1)*outputs, Estimated: true, Error: expected}, nil
}

func featuresFit(p *Problem, m int) error {
	n := p.Set.N()
	if n*m <= featureElements {
		return nil
	}
	return &UnfitError{
		Construction: "features",
		Reason: fmt.Sprintf("a dense matrix of %d rows and %d units has %.2g numbers, and %.2g is the most that is factorized",
			n, m, float64(n)*float64(m), float64(featureElements)),
		Advice: "deep-slab, identity and sorted form no dense matrix; patch and needles use features on few units",
	}
}

func buildFeatures(p *Problem) (*network.Network, error) {
	m, choose := featureColumns(p)
	input, x := inputLayer(p)
	rng := rand.New(rand.NewPCG(p.Seed, 0xfea7))
	if p.Set.N() == 1 {
		return constantNetwork(p.Precision, p.Set.D(), p.Set.Y.RawRowView(0)), nil
	}
	var last error
	for try := 0; try < oversamplingTries; try++ {
		if err := featuresFit(p, m); err != nil {
			if last == nil {
				last = err
			}
			break
		}
		f := drawHyperplanes(p, x, m, rng)
		net, residual, bound := f.solve(p, input, choose)
		if last = refuseInaccurate("features", p, bound); last == nil {
			return net, nil
		}
		if residual <= allowedError(p)/2 {
			break // the rank is there, it is the rounding: more units add to that
		}
		m *= 2
	}
	return nil, last
}

// hyperplanes is a layer of units s(w_j.x + b_j) on scaled inputs, with its
// outputs on the rows.
type hyperplanes struct {
	w    *mat.Dense // m x d
	bias []float64  // m
	phi  *mat.Dense // n x (m+1): the interpolation matrix and a column of ones
	blur *mat.Dense // n x m: bounds of the rounding errors of phi, 0 where a unit surely sleeps
}

// drawHyperplanes draws m hyperplanes through rows of x, in random directions.
func drawHyperplanes(p *Problem, x *mat.Dense, m int, rng *rand.Rand) *hyperplanes {
	n, d := x.Dims()
	f := &hyperplanes{w: mat.NewDense(m, d, nil), bias: make([]float64, m)}
	scale := math.Ldexp(1, -int(math.Round(math.Log2(math.Sqrt(float64(d))))))
	order := rng.Perm(n)
	sign := 1.0
	for j := range m {
		w := f.w.RawRowView(j)
		if d == 1 { // there are two directions: one each, at every point
			if j > 0 && j%n == 0 {
				sign = -sign
			}
			w[0] = sign
			if order[j%n]%2 == 1 {
				w[0] = -sign
			}
		} else {
			copy(w, randomDirection(rng, d))
		}
		at := 0.0
		for k, v := range x.RawRowView(order[j%n]) {
			w[k] *= scale
			at += float64(w[k] * v)
		}
		f.bias[j] = p.Precision.Round(-at)
	}
	f.evaluate(p.Precision, x)
	return f
}

// layer returns the units of the given columns.
func (f *hyperplanes) layer(columns []int) network.Layer {
	_, d := f.w.Dims()
	dense := network.NewDense(len(columns), d, make([]float64, len(columns)*d))
	bias := make([]float64, len(columns))
	for k, j := range columns {
		copy(dense.Row(k), f.w.RawRowView(j))
		bias[k] = f.bias[j]
	}
	return network.Layer{Map: dense, Bias: bias, Act: network.ReLU, Name: "features"}
}

// evaluate fills phi, as the network's arithmetic gives it, and blur: a unit is
// a sum of d products and the bias, and each term may be off by as many
// roundings. For d = 1 there is one subtraction of exact numbers and no doubt.
func (f *hyperplanes) evaluate(precision network.Precision, x *mat.Dense) {
	n, d := x.Dims()
	m := len(f.bias)
	hidden := network.Network{Layers: []network.Layer{f.layer(firstColumns(m))}, Precision: precision}
	z := hidden.PreActivations(x, 0)
	f.phi, f.blur = mat.NewDense(n, m+1, nil), mat.NewDense(n, m, nil)
	if d > 1 {
		f.blur.Mul(absolute(x), absolute(f.w).T())
	}
	inner := termError(precision, d+1)
	parallel.Each(n, func(i int) {
		phi, blur := f.phi.RawRowView(i), f.blur.RawRowView(i)
		for j, v := range z.RawRowView(i) {
			if d > 1 {
				blur[j] = inner * (blur[j] + math.Abs(f.bias[j]))
			}
			if phi[j] = max(v, 0); v <= -blur[j] {
				blur[j] = 0
			}
		}
		phi[m] = 1
	})
}

// absolute returns |a|, entry by entry.
func absolute(a *mat.Dense) *mat.Dense {
	b := mat.DenseCopyOf(a)
	b.Apply(func(_, _ int, v float64) float64 { return math.Abs(v) }, b)
	return b
}

func firstColumns(m int) []int {
	columns := make([]int, m)
	for j := range columns {
		columns[j] = j
	}
	return columns
}

// solve returns the network with the output weights, the residual of the solve
// and the bound of the network's error on the rows.
func (f *hyperplanes) solve(p *Problem, input network.Layer, choose bool) (net *network.Network, residual, bound float64) {
	m := len(f.bias)
	w, solved := (*mat.Dense)(nil), false
	if !choose {
		w, solved = leastNorm(f.phi, p.Set.Y)
	}
	if !solved {
		w = chosenColumns(f.phi, p.Set.Y)
	}
	roundAll(p.Precision, w)
	residual, bound = f.errorBound(p, w)
	_, outputs := w.Dims()
	var used []int
	for j := range m {
		if mat.Norm(w.RowView(j), 1) > 0 {
			used = append(used, j)
		}
	}
	if len(used) == 0 {
		return constantNetwork(p.Precision, p.Set.D(), w.RawRowView(m)), residual, bound
	}
	out := network.NewDense(outputs, len(used), make([]float64, outputs*len(used)))
	for k, j := range used {
		for o := range outputs {
			out.W[o*len(used)+k] = w.At(j, o)
		}
	}
	net = &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input, f.layer(used), {Map: out, Bias: mat.Row(nil, m, w), Name: "output"},
	}}
	return net, residual, bound
}

// chosenColumns solves with the columns that pivoted QR picks; the constant is
// always among them. Targets that need less than full rank are solved as well
// as the rank allows.
func chosenColumns(phi, y *mat.Dense) *mat.Dense {
	_, columns := phi.Dims()
	f := factorize(mat.DenseCopyOf(phi), columns-1)
	w := f.solve(y)
	for range 2 {
		var residual mat.Dense
		residual.Mul(phi, w)
		residual.Sub(y, &residual)
		w.Add(w, f.solve(&residual))
	}
	return w
}

// errorBound returns the residual of the rounded weights w ((m+1) x p) on the
// rows, and a bound of the network's error whatever the order of summation,
// both as fractions of each target's range: the residual, the roundings of the
// output's sum, and those of each awake unit seen through its output weight.
func (f *hyperplanes) errorBound(p *Problem, w *mat.Dense) (residual, bound float64) {
	n, m := f.blur.Dims()
	var out, doubt mat.Dense
	out.Mul(f.phi, w)
	terms := mat.NewDense(n, m+1, nil)
	for i := range n {
		phi, blur, row := f.phi.RawRowView(i), f.blur.RawRowView(i), terms.RawRowView(i)
		awake := 1
		for j := range blur {
			if phi[j] > 0 || blur[j] > 0 {
				awake++
			}
		}
		relative := termError(p.Precision, awake)
		row[m] = relative
		for j, b := range blur {
			row[j] = relative*phi[j] + b*(1+relative)
		}
	}
	doubt.Mul(terms, absolute(w))
	for o, r := range p.Set.Range() {
		for i := range n {
			miss := math.Abs(out.At(i, o) - p.Set.Y.At(i, o))
			residual = max(residual, miss/r)
			bound = max(bound, (miss+doubt.At(i, o))/r)
		}
	}
	return residual, bound
}
