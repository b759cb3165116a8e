package construct

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Deep-slab (C2d): blocks of rows behind each other along a direction, one
// affine piece each, switched on by depth. Two hidden layers, block-diagonal Phi.
//
// Cut the rows along t = u.x into K slabs (blocks.go, cuts.go), each with an affine
// piece A_k that hits its rows. The first hidden layer passes the inputs on and
// measures how far t lies outside each slab's plateau [lo_k, hi_k], whose edges
// lie a quarter of the gap beyond the slab's rows:
//
//	s(x_j - c_j), s(c_j - x_j)             the inputs, split at their medians
//	over_k = s(t - hi_k)                   exactly 0 on slabs 1..k
//	under_k = s(lo_k - t)                  exactly 0 on slabs k..K
//
// The second has one unit per slab and output,
//
//	s(A_k(x) - C_k over_k - C_k under_k)
//
// with A_k > 0 on its own rows (targets are shifted to be positive) and C_k so
// large that the unit sleeps on all others. At every row exactly one unit of
// each output is awake, and its distance terms are exactly 0, so the output
// sum_k unit_k + b has one term: nothing accumulates and nothing cancels, which
// is what the one-hidden-layer slab suffers from.
//
// Example, d = 1, rows x = 0 1 | 5 6 with targets 0 1 | 1 0: K = 2, A_1 = x,
// A_2 = 6 - x, the plateaus end at 2 and begin at 4.
//
// An input split at its median comes as two features, so that a piece is affine
// on either side of the median and a block can hold up to 2d+1 rows; and since
// only one of the two is awake, and small for most rows, sums round less.
//
// Cost: O(n r m) for blocks of r rows and m features, K(m+5) parameters for
// p = 1. Nothing takes n*K: C_k comes from bounds of A_k, not from evaluating it.

func init() {
	register(&Construction{
		Name:   "deep-slab",
		Title:  "affine pieces in slabs, each switched on by a unit of the second hidden layer",
		Source: "the sparse-matrix principle of Huang, arXiv 2208.07498, for slabs along a direction",
		Plan:   planDeepSlab,
		Build:  buildDeepSlab,
	})
}

// The rounding errors of an output may use up this part of the tolerance, and
// never more than deepSlabAim of the range in float64: the arithmetic reaches
// that with nearly full blocks, so a larger tolerance would buy no smaller
// network.
const (
	deepSlabShare = 0.9
	deepSlabAim   = 5e-10
)

// classRoundings bounds the rounding errors of class outputs, whose margin is
// classMargin.
const classRoundings = 0.01

// splitInputs is the number of inputs up to which each is split at its median.
// Wider rows have features enough, and pieces cost the square of their number.
const splitInputs = 64

// targetPad keeps the units' targets above 0, as a fraction of the range.
const targetPad = 1.0 / 64

func planDeepSlab(p *Problem) (Size, error) {
	n, d := p.Set.X.Dims()
	outputs := p.Set.P()
	target := newShift(p)
	limit, err := target.limits("deep-slab", p, slabAim(p))
	if err != nil {
		return Size{}, err
	}
	width, k := d, (n+d)/(d+1) // full blocks
	if d <= splitInputs || flopsPerRow(d+1, outputs)*float64(min(n, planRows)) <= planFlops {
		_, x := inputLayer(p)
		f := newPassOn(p, x)
		width = f.width()
		r := newRowsToHit(f.values, target.z, p.Set.Class, p.Precision, limit)
		if k, err = planSlabs(p, x, r); err != nil {
			return Size{}, named("deep-slab", err)
		}
	}
	size := Size{HiddenLayers: 2, Units: width + 2*k + k*outputs, Estimated: true, Error: slabAim(p)}
	size.Parameters = 2*d + 2*width + d + 4*k + k*outputs*(width+3) + k*outputs + outputs
	return size, nil
}

// planRows is the number of rows that a plan cuts to estimate the slabs, where
// planFlops allows.
const (
	planRows  = 2000
	planFlops = 2e9
)

// planSlabs estimates the number of slabs from the first planRows rows along one
// direction, or, where rows are so wide that this would take seconds, by full
// blocks.
func planSlabs(p *Problem, x *mat.Dense, r *rowsToHit) (int, error) {
	n, d := x.Dims()
	_, m := r.phi.Dims()
	if r.flopsPerRow()*float64(min(n, planRows)) > planFlops {
		return (n + m - 1) / m, nil
	}
	s := newSlabs(p, x, slabDirection(p, d, 0))
	end := min(n, planRows)
	if s.cut(r, end) >= 0 {
		best, err := bestSlabs(p, x, r, end, 0)
		if err != nil {
			return 0, err
		}
		s = best
	}
	return max(1, (s.count()*n+end/2)/end), nil
}

// slabAim returns the error to build for, as a fraction of the range.
func slabAim(p *Problem) float64 {
	if p.Set.IsClasses() {
		return classRoundings
	}
	aim := deepSlabShare * allowedError(p)
	if p.Precision == network.Float64 {
		aim = min(aim, deepSlabAim)
	}
	return aim
}

// limits returns what the aim leaves for the piece of each output, in units of
// z, when the output layer has rounded its sum of two terms. It returns an
// [*UnfitError] in the name of the construction when that is nothing, or when
// the sum might overflow.
func (t *shift) limits(name string, p *Problem, aim float64) ([]float64, error) {
	limit := make([]float64, len(t.factor))
	for k, unit := range p.Set.Range() {
		z := unit / t.factor[k]
		limit[k] = aim*z - 4*p.Precision.Eps()*(2*z+math.Abs(t.bias[k])/t.factor[k])
		if limit[k] <= 0 {
			return nil, &UnfitError{
				Construction: name,
				Reason:       fmt.Sprintf("target %d lies so far from 0, for its range, that %v rounds it by more than the tolerance", k+1, p.Precision),
				Advice:       "identity returns stored values bit for bit; or use a larger --tolerance" + orFloat64(p),
			}
		}
		if most := 2*unit + math.Abs(t.bias[k]); max(most, aim*unit/p.Precision.Eps()) >= largestSum(p.Precision) {
			return nil, &UnfitError{
				Construction: name,
				Reason:       fmt.Sprintf("sums of target %d, which reaches %.2g, could overflow in %v", k+1, most, p.Precision),
				Advice:       "identity does not add targets up" + orFloat64(p),
			}
		}
	}
	return limit, nil
}

// largestSum bounds the magnitudes that may be added up, and those that rounding
// errors show to have been added up: an eighth of the largest number of the
// precision.
func largestSum(p network.Precision) float64 {
	if p == network.Float32 {
		return math.MaxFloat32 / 8
	}
	return math.MaxFloat64 / 8
}

// named fills in the construction of an UnfitError.
func named(construction string, err error) error {
	if unfit, ok := err.(*UnfitError); ok {
		unfit.Construction = construction
	}
	return err
}

func buildDeepSlab(p *Problem) (*network.Network, error) {
	scale, x := inputLayer(p)
	f := newPassOn(p, x)
	target := newShift(p)
	limit, err := target.limits("deep-slab", p, slabAim(p))
	if err != nil {
		return nil, err
	}
	r := newRowsToHit(f.values, target.z, p.Set.Class, p.Precision, limit)
	s, err := bestSlabs(p, x, r, p.Set.N(), 0)
	if err != nil {
		return nil, named("deep-slab", err)
	}
	weights, constants := s.pieces(r)
	low, high := s.plateaus()
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		scale,
		f.layer(s.along.u, low, high),
		{Map: s.units(p, f, weights, constants), Bias: constants, Act: network.ReLU, Name: "slabs"},
		target.layer(s.count()),
	}}
	net.Round()
	return net, net.Validate()
}

// passOn is the features that pass the inputs on: s(x_j - c_j) for all j, and
// then s(c_j - x_j) when the inputs are split.
type passOn struct {
	center []float64  // d
	split  bool       // whether there are both sides
	values *mat.Dense // n x m, as the network gives them; m is d or 2d
}

// newPassOn splits every input at its median, but an input of at most two values
// at its minimum, and all inputs there when there are more than splitInputs.
func newPassOn(p *Problem, x *mat.Dense) *passOn {
	n, d := x.Dims()
	f := &passOn{center: make([]float64, d)}
	for j := range d {
		column := mat.Col(nil, j, x)
		sort.Float64s(column)
		f.center[j] = column[0]
		if d <= splitInputs && !twoValues(column) {
			f.center[j] = column[n/2]
			f.split = true
		}
	}
	f.values = mat.NewDense(n, f.width(), nil)
	for i := range n {
		v := f.values.RawRowView(i)
		for j, t := range x.RawRowView(i) {
			t = p.Precision.Round(t - f.center[j])
			v[j] = max(0, t)
			if f.split {
				v[d+j] = max(0, -t)
			}
		}
	}
	return f
}

// width returns m, the number of features.
func (f *passOn) width() int {
	if f.split {
		return 2 * len(f.center)
	}
	return len(f.center)
}

func twoValues(sorted []float64) bool {
	for _, v := range sorted {
		if v != sorted[0] && v != sorted[len(sorted)-1] {
			return false
		}
	}
	return true
}

// layer returns the first hidden layer: the features, over_k, under_k.
func (f *passOn) layer(u, low, high []float64) network.Layer {
	d, k := len(u), len(low)
	var pass []network.Map
	var bias []float64
	for _, sign := range []float64{1, -1}[:f.width()/d] {
		pass = append(pass, &network.Diagonal{D: slices.Repeat([]float64{sign}, d)})
		for _, c := range f.center {
			bias = append(bias, -sign*c)
		}
	}
	thresholds := &network.Projected{P: network.NewDense(1, d, append([]float64(nil), u...)), Pick: make([]int32, 2*k), Scale: make([]float64, 2*k)}
	for a := range k {
		thresholds.Scale[a], thresholds.Scale[k+a] = 1, -1
	}
	for _, edge := range high {
		bias = append(bias, -edge)
	}
	bias = append(bias, low...)
	return network.Layer{Map: &network.Stack{Maps: append(pass, thresholds)}, Bias: bias, Act: network.ReLU, Name: "distances"}
}

// plateaus returns the edges of the slabs: a quarter of the gap beyond their
// rows, and far out at both ends.
func (s *slabs) plateaus() (low, high []float64) {
	k := s.count()
	low, high = make([]float64, k), make([]float64, k)
	n := len(s.along.order)
	first, last := s.above[0], s.below[n]
	span := max(last-first, 1)
	for b := range k {
		low[b], high[b] = first-span, last+span
		if b > 0 {
			low[b] = s.above[s.starts[b]] - s.gap(s.starts[b])/4
		}
		if b < k-1 {
			high[b] = s.below[s.starts[b+1]] + s.gap(s.starts[b+1])/4
		}
	}
	return low, high
}

// units returns the map of the second hidden layer. Unit (output, k) weighs the
// distances by C_k = 2 max A_k / (least distance of another row): the largest
// values of the features bound A_k on all rows.
func (s *slabs) units(p *Problem, f *passOn, weights *mat.Dense, constants []float64) network.Map {
	k := s.count()
	units, m := weights.Dims()
	largest := make([]float64, m)
	for j := range largest {
		largest[j] = mat.Max(f.values.ColView(j))
	}
	over, under := &network.Stack{}, &network.Stack{}
	for from := 0; from < units; from += k {
		o, u := make([]float64, k), make([]float64, k)
		for b := range k {
			reach := math.Abs(constants[from+b])
			for j, w := range weights.RawRowView(from + b) {
				reach += float64(math.Abs(w) * largest[j])
			}
			// The other rows begin three quarters of the gap beyond the edge;
			// half of it leaves room for rounding the edges.
			if b < k-1 {
				o[b] = -2 * reach / (s.gap(s.starts[b+1]) / 2)
			}
			if b > 0 {
				u[b] = -2 * reach / (s.gap(s.starts[b]) / 2)
			}
		}
		over.Maps, under.Maps = append(over.Maps, &network.Diagonal{D: o}), append(under.Maps, &network.Diagonal{D: u})
	}
	affine := network.NewDense(units, m, weights.RawMatrix().Data)
	return &network.Sum{Maps: []network.Map{affine, single(over), single(under)}}
}

// single unwraps a stack of one map.
func single(s *network.Stack) network.Map {
	if len(s.Maps) == 1 {
		return s.Maps[0]
	}
	return s
}

// shift is the targets of the units, z = (y - bias) / factor: positive and of a
// range of about 1. The factor is a power of two.
type shift struct {
	z            *mat.Dense // n x p
	factor, bias []float64  // p
	pad          []float64  // p: targetPad of the range of z
}

func newShift(p *Problem) *shift {
	n, outputs := p.Set.Y.Dims()
	t := &shift{z: mat.NewDense(n, outputs, nil), factor: make([]float64, outputs), bias: make([]float64, outputs), pad: make([]float64, outputs)}
	ranges := p.Set.Range()
	for k := range outputs {
		if p.Set.IsClasses() { // the same for all: they are compared
			t.factor[k], t.bias[k] = 1, -targetPad
		} else {
			t.factor[k] = powerOfTwoAbove(ranges[k])
			t.bias[k] = p.Precision.Round(mat.Min(p.Set.Y.ColView(k)) - targetPad*ranges[k])
		}
		t.pad[k] = targetPad * ranges[k] / t.factor[k]
		for i := range n {
			t.z.Set(i, k, (p.Set.Y.At(i, k)-t.bias[k])/t.factor[k])
		}
	}
	return t
}

// layer returns the output layer, which adds up the k units of every output.
func (t *shift) layer(k int) network.Layer {
	outputs := len(t.factor)
	sum := &network.Sparse{Out: outputs, In: outputs * k, RowPtr: make([]int, 1, outputs+1)}
	for out, factor := range t.factor {
		for range k {
			sum.Col, sum.Val = append(sum.Col, int32(len(sum.Col))), append(sum.Val, factor)
		}
		sum.RowPtr = append(sum.RowPtr, (out+1)*k)
	}
	var m network.Map = sum
	if outputs == 1 {
		m = network.NewDense(1, k, sum.Val)
	}
	return network.Layer{Map: m, Bias: t.bias, Name: "output"}
}
