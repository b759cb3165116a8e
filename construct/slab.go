package construct

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Slab (C2): the fewest units of one hidden layer. Block-triangular Phi.
//
// Cut the rows along t = u.x into K slabs (blocks.go, cuts.go) with affine pieces A_k
// that hit their rows. The first piece is carried by one unit that is awake on
// all data, s(A_1(x) + B); every further slab adds the jump D_k = A_k - A_{k-1}
// by a gate pair with its threshold theta_k in the middle of the gap:
//
//	s(c_k (t - theta_k) + D_k(x)) - s(c_k (t - theta_k))
//
// is D_k(x) for t > theta_k and 0 for t < theta_k, on every row for which c_k
// is large enough that D_k does not change the sign of the first unit:
// c_k >= |D_k(x_i)| / |t_i - theta_k| where the two have opposite signs. The
// second unit serves all outputs. Units: (p+1)(K-1) + p; counting parameters, any
// network of one hidden layer needs at least n/(d+1) - 1.
//
// In floating point each awake pair makes an error of about eps c_k |t - theta_k|,
// because its two units cancel, and a sum over K of them in the worst order K
// times that. So wide gaps and small jumps matter more than the last slab. The
// build tries a few caps on the pieces' size, bounds the error of each network,
// and keeps the first, and smallest, that the tolerance allows. Deep-slab does
// not have this weakness: the clearest advantage of depth.
//
// The weights of a pair are rounded before the next jump is computed from the
// function they really make, so no rounding of weights travels from slab to slab.

func init() {
	register(&Construction{
		Name:   "slab",
		Title:  "affine pieces in slabs, each jump switched on by a pair of units: the fewest units of one hidden layer",
		Source: "gate pairs along one direction; compare 4 ceil(n/d) units of Bubeck et al. 2020, arXiv 2006.02855",
		Plan:   planSlab,
		Build:  buildSlab,
	})
}

// A slabDesign caps the pieces' size, as a multiple of the range, and says what
// part of a block may be given up for a wider gap.
type slabDesign struct{ size, spare float64 }

// slabDesigns are tried in turn, from the fewest slabs to the smallest error.
// California housing (20,433 rows of 12 inputs, limit 1570 units): 3589 units
// and error 1e-5 of the range with the first, 5195 and 6e-8 with the last.
var slabDesigns = []slabDesign{{1e4, 0}, {1e3, 0.15}, {100, 0.15}, {10, 0.15}, {10, 0.35}}

// slabMargin widens c_k above its least value, so that roundings cannot wake a
// unit that should sleep: they are far below one percent of the pre-activation.
const slabMargin = 1.01

func buildSlab(p *Problem) (*network.Network, error) {
	net, _, err := smallestSlab(p)
	if err != nil {
		return nil, err
	}
	return net, nil
}

func planSlab(p *Problem) (Size, error) {
	n, d, outputs := p.Set.N(), p.Set.D(), p.Set.P()
	if p.Set.IsClasses() && 2*float64(d*d*outputs)*float64(min(n, planRows)) > planFlops {
		k := (n + d) / (d + 1)
		units := (outputs+1)*(k-1) + outputs
		return Size{HiddenLayers: 1, Units: units, Parameters: units * (d + 2), Estimated: true, WinsOnly: true}, nil
	}
	if n <= planRows {
		net, worst, err := smallestSlab(p)
		if net == nil || p.Set.IsClasses() && err != nil {
			return Size{}, err
		}
		size := sizeOf(net, worst)
		size.WinsOnly = p.Set.IsClasses()
		return size, nil
	}
	// The build itself on planRows rows, spread over the table. The number of
	// slabs grows with n.
	rows := make([]int, planRows)
	for k := range rows {
		rows[k] = k * n / planRows
	}
	part := *p
	part.Set = p.Set.Select(rows)
	net, worst, err := smallestSlab(&part)
	if net == nil || p.Set.IsClasses() && err != nil {
		return Size{}, err
	}
	more := float64(n) / planRows
	size := sizeOf(net, worst*math.Pow(more, slabErrorGrowth))
	size.Units, size.Parameters = int(more*float64(size.Units)), int(more*float64(size.Parameters))
	size.Estimated, size.WinsOnly = true, p.Set.IsClasses()
	return size, nil
}

// slabErrorGrowth is the power of n that the error bound grows with: the gaps
// shrink and the pairs that are awake become more. On California housing
// the bound grows from 2e-9 at 500 rows to 2e-4 at 20,433.
const slabErrorGrowth = 3

// smallestSlab returns the smallest network that the tolerance allows, and the
// bound of its largest error in any order of summation. When the tolerance
// allows none, it returns the most accurate one beside the error.
func smallestSlab(p *Problem) (net *network.Network, worst float64, err error) {
	scale, x := inputLayer(p)
	target := newShift(p)
	var unfit error
	for _, design := range slabDesigns {
		r := newRowsToHit(x, target.z, p.Set.Class, p.Precision, target.caps(p, design.size))
		s, err := bestSlabs(p, x, r, p.Set.N(), design.spare)
		if err != nil {
			unfit = named("slab", err)
			continue
		}
		weights, constants := s.pieces(r)
		built := newSlabBuilder(p, x, s, target, weights, constants).network(scale)
		if built.Validate() != nil {
			continue
		}
		net, worst = built, boundedError(p, built, x, boundSample)
		if worst <= allowedError(p) || design == slabDesigns[len(slabDesigns)-1] {
			worst = boundedError(p, net, x, p.Set.N())
		}
		if worst <= allowedError(p) {
			return net, worst, nil
		}
	}
	switch {
	case net == nil && unfit != nil:
		return nil, 0, unfit
	case net == nil:
		return nil, 0, refuseInaccurate("slab", p, math.NaN())
	case p.Set.IsClasses():
		return net, worst, &UnfitError{
			Construction: "slab",
			Reason:       fmt.Sprintf("rounding in %v, in the worst order of summation, can change the class of some rows", p.Precision),
			Advice:       "deep-slab and identity do not add up large terms" + orFloat64(p),
		}
	}
	return net, worst, refuseInaccurate("slab", p, worst)
}

// caps returns the limits of [newRowsToHit] that stop pieces at the given size.
func (t *shift) caps(p *Problem, size float64) []float64 {
	limit := make([]float64, len(t.factor))
	for k := range limit {
		limit[k] = size * float64(p.Set.D()) * p.Precision.Eps()
		if p.Set.IsClasses() {
			limit[k] = min(limit[k], classRoundings)
		}
	}
	return limit
}

// slabBuilder turns slabs into units.
type slabBuilder struct {
	p         *Problem
	x         *mat.Dense // n x d
	slabs     *slabs
	target    *shift
	weights   *mat.Dense // pieces: row out*K+k
	constants []float64
	largest   []float64 // d: the largest |x_j| of all rows
}

func newSlabBuilder(p *Problem, x *mat.Dense, s *slabs, target *shift, weights *mat.Dense, constants []float64) *slabBuilder {
	b := &slabBuilder{p: p, x: x, slabs: s, target: target, weights: weights, constants: constants}
	_, d := x.Dims()
	for j := range d {
		column := x.ColView(j)
		b.largest = append(b.largest, max(mat.Max(column), -mat.Min(column)))
	}
	return b
}

// network returns the network: for output out the units out*K+k carry the first
// piece (k = 0) and the jumps, and the last K-1 units the thresholds.
func (b *slabBuilder) network(scale network.Layer) *network.Network {
	k, outputs := b.slabs.count(), b.p.Set.P()
	_, d := b.x.Dims()
	jumps := network.NewDense(outputs*k, d, make([]float64, outputs*k*d))
	bias := make([]float64, outputs*k)
	// The function so far: what the rounded units really make.
	sum, sumBias := mat.NewDense(outputs, d, nil), make([]float64, outputs)
	lift := make([]float64, outputs)
	for out := range outputs {
		first := jumps.Row(out * k)
		copy(first, rounded(b.p.Precision, b.weights.RawRowView(out*k)))
		sum.SetRow(out, first)
		lift[out] = b.lift(first, b.constants[out*k])
		bias[out*k] = b.p.Precision.Round(b.constants[out*k] + lift[out])
		sumBias[out] = bias[out*k] - lift[out]
	}
	thresholds := &network.Projected{P: network.NewDense(1, d, slices.Clone(b.slabs.along.u)), Pick: make([]int32, k-1), Scale: make([]float64, k-1)}
	thresholdBias := make([]float64, k-1)
	for a := 1; a < k; a++ {
		steep, theta := b.gate(a, sum, sumBias)
		thresholds.Scale[a-1], thresholdBias[a-1] = steep, -steep*theta
		for out := range outputs {
			i := out*k + a
			row, piece := jumps.Row(i), b.weights.RawRowView(i)
			for j, u := range b.slabs.along.u {
				row[j] = b.p.Precision.Round(steep*u + (piece[j] - sum.At(out, j)))
				sum.Set(out, j, sum.At(out, j)+(row[j]-steep*u))
			}
			bias[i] = b.p.Precision.Round(-steep*theta + (b.constants[i] - sumBias[out]))
			sumBias[out] += bias[i] + steep*theta
		}
	}
	hidden := network.Layer{Map: jumps, Bias: bias, Act: network.ReLU, Name: "slabs"}
	if k > 1 {
		hidden.Map = &network.Stack{Maps: []network.Map{jumps, thresholds}}
		hidden.Bias = append(hidden.Bias, thresholdBias...)
	}
	net := &network.Network{Precision: b.p.Precision, Layers: []network.Layer{scale, hidden, b.output(lift)}}
	net.Round()
	return net
}

// lift returns B, a number of the precision that keeps the first piece positive
// on all rows.
func (b *slabBuilder) lift(w []float64, constant float64) float64 {
	n, _ := b.x.Dims()
	least, largest := math.Inf(1), 0.0
	for i := range n {
		v := inner(w, b.x.RawRowView(i)) + constant
		least, largest = min(least, v), max(largest, math.Abs(v))
	}
	return b.p.Precision.Round(targetPad*largest + max(0, -least))
}

// gate returns c_a, a power of two, and theta_a for the jump from the function
// so far (sum, sumBias) to piece a. It walks from the cut to both sides and
// stops where no row can ask for more, which is soon: |t - theta| grows and
// |D| is bounded.
func (b *slabBuilder) gate(a int, sum *mat.Dense, sumBias []float64) (steep, theta float64) {
	s, k := b.slabs, b.slabs.count()
	cut := s.starts[a]
	theta = b.p.Precision.Round(s.below[cut] + s.gap(cut)/2)
	outputs, d := sum.Dims()
	n := len(s.along.order)
	for out := range outputs {
		jump := make([]float64, d)
		reach := math.Abs(b.constants[out*k+a] - sumBias[out])
		for j := range jump {
			jump[j] = b.weights.At(out*k+a, j) - sum.At(out, j)
			reach += float64(math.Abs(jump[j]) * b.largest[j])
		}
		constant := b.constants[out*k+a] - sumBias[out]
		// ask raises c for the row at position i; false means that no row
		// further out asks for more.
		ask := func(i int) bool {
			row := s.along.order[i]
			away := s.along.t[row] - theta
			if v := inner(jump, b.x.RawRowView(row)) + constant; v*away < 0 {
				steep = max(steep, math.Abs(v/away))
			}
			return reach > steep*math.Abs(away)
		}
		for i := cut; i < n && ask(i); i++ {
		}
		for i := cut - 1; i >= 0 && ask(i); i-- {
		}
	}
	return powerOfTwoAbove(steep * slabMargin), theta
}

// output returns the layer that adds up the units.
func (b *slabBuilder) output(lift []float64) network.Layer {
	k, outputs := b.slabs.count(), b.p.Set.P()
	layer := b.target.layer(k)
	layer.Bias = slices.Clone(layer.Bias)
	for out, factor := range b.target.factor {
		layer.Bias[out] -= factor * lift[out]
	}
	if k == 1 {
		return layer
	}
	w := make([]float64, outputs*(k-1))
	for out, factor := range b.target.factor {
		for a := range k - 1 {
			w[out*(k-1)+a] = -factor
		}
	}
	thresholds := network.NewDense(outputs, k-1, w)
	if dense, ok := layer.Map.(*network.Dense); ok {
		layer.Map = network.NewDense(1, 2*k-1, slices.Concat(dense.W, w))
	} else {
		layer.Map = &network.Sum{Maps: []network.Map{layer.Map, thresholds}}
	}
	return layer
}
