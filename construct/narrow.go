package construct

import (
	"fmt"
	"math"
	"slices"

	"hinge/network"
)

// Narrow (C9): three units wide and as deep as the rows are many, exact at any
// depth.
//
// A narrow network that adds up one term of "sorted" per layer carries t and a
// running sum of large terms that must cancel, and rounds it anew in every
// layer. Here nothing large is carried and, on the rows, nothing is rounded.
//
// Sort the rows along t = u.x, and let neighbours of equal targets be one run:
// runs 1..R with the targets Y_1..Y_R. Hidden layer r holds
//
//	rest_r = s(rest_(r-1) - w_r)              how far t lies beyond run r
//	todo_(r-1) = s(1 - c_(r-1) rest_(r-1))    1 up to run r-1, 0 from run r on
//	sum_(r-2) = s(sum_(r-3) - d_(r-2) todo_(r-2))
//
// with d_r = Y_(r+1) - Y_r, and the output is sum - d todo once more. At a row of
// run i the steps r >= i are to do and the others are not, so the output is
// Y_R - (d_i + ... + d_(R-1)) = Y_i.
//
//	t     run 1 ----- run 2 ----- run 3        R = 3, targets 5, 7, 4
//	todo   1 1         0 1         0 0
//	sum   4+3-2=5     4+3=7          4         = 4 - (2, -3 where to do)
//
// Exactness. w_r is the very value that the arithmetic computes for rest_(r-1) at
// the last row of run r, so rest_r is exactly 0 there, and positive for all rows
// beyond, since rounding is monotone. Of the rows' rests, one subtraction of two
// stored numbers each, the computed values are certain. So todo is exactly 1 or
// exactly 0 at every row. The targets are rounded to multiples of a unit so
// small, and so large, that every sum on the way is a number of the arithmetic:
// no addition rounds. What remains is that unit, about 4 eps of the range, and
// the rounding of the last sum, whatever n. Depth does not multiply errors when
// layers pass on zeros and ones. [Proved here; the width, not the exactness, is
// in the literature.]
//
// Where t is a sum of several rounded products, rests are known up to an error
// that grows by a rounding per layer; plateaus and ramps leave room for it, and
// the construction refuses where the gaps do not. Beyond narrowDepth runs it
// refuses for another reason: n layers on n rows are n^2 work.
//
// Size: R <= n hidden layers, 3R - 4 units for one output; every further output
// adds R - 2. Between the rows f is the piecewise linear interpolant.

func init() {
	register(&Construction{
		Name:   "narrow",
		Title:  "three units wide, a layer per row: zeros and ones on the rows, exact at any depth",
		Source: "width 3 as in Park, Yun, Lee, Shin 2021 (arXiv 2006.08859); exactness of this project",
		Plan: func(p *Problem) (Size, error) {
			net, stored, bound, err := buildNarrow(p)
			if err != nil {
				return Size{}, err
			}
			return scalarSize("narrow", p, stored, net, bound)
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, stored, bound, err := buildNarrow(p)
			if err != nil {
				return nil, err
			}
			return net, refuseInaccurate("narrow", stored, bound)
		},
	})
}

const (
	// narrowDepth is the most runs: a layer each, and every row goes through all
	// of them, so this is 16 million steps of three units for as many rows.
	narrowDepth = 4096
	// narrowRoom is by how many roundings c_r rest_r exceeds 1 at the next run.
	narrowRoom = 64
	// narrowTop bounds the sums on the way, in ranges: they lie between 0 and 2
	// and a pad.
	narrowTop = 2 + 1.0/16
)

// buildNarrow returns the network, the problem as it is stored, and the bound of
// the rounding error in units of the stored targets' range.
func buildNarrow(p *Problem) (*network.Network, *Problem, float64, error) {
	stored, scores, err := scalarLabels("narrow", p)
	if err != nil {
		return nil, nil, 0, err
	}
	input, x := inputLayer(stored)
	dir, err := separatingDirection("narrow", stored, x)
	if err != nil {
		return nil, nil, 0, err
	}
	line := dir.points()
	runs := runsOf(line)
	if len(runs) == 2 {
		return withScores(constantNetwork(p.Precision, p.Set.D(), line.y[:stored.Set.P()]), scores), stored, p.Precision.Eps() * largest(line.y), nil
	}
	if r := len(runs) - 1; r > narrowDepth {
		return nil, nil, 0, &UnfitError{
			Construction: "narrow",
			Reason:       fmt.Sprintf("%d layers for as many different neighbours along a line; %d are the most", r, narrowDepth),
			Advice:       "sorted and zigzag take the same rows with one and two hidden layers",
		}
	}
	n := &narrow{precision: p.Precision, line: line, outputs: stored.Set.P(), runs: runs}
	if err := n.pass(dir.delta); err != nil {
		return nil, nil, 0, err
	}
	bound := n.setSteps(stored.Set.Range())
	input, u := dir.reduce(input)
	return withScores(n.network(input, u), scores), stored, bound, nil
}

// runsOf returns where the runs of equal targets start along a line, and its
// end.
func runsOf(l line) []int {
	p := len(l.y) / len(l.t)
	starts := []int{0}
	for i := 1; i < len(l.t); i++ {
		for o := range p {
			if l.y[i*p+o] != l.y[(i-1)*p+o] {
				starts = append(starts, i)
				break
			}
		}
	}
	return append(starts, len(l.t))
}

func largest(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// narrow is the runs of a line and the numbers that the layers store.
type narrow struct {
	precision network.Precision
	line
	outputs int
	runs    []int // run r holds the points runs[r] to runs[r+1]-1

	width []float64 // w_r; the first is a place, the others distances
	steep []float64 // c_r
	start []float64 // p: what the sum begins with
	step  []float64 // x p: d_r
	end   []float64 // p: bias of the output
}

// pass follows all points through the layers, as the arithmetic does, and sets
// the widths and slopes. A point's rest is known as center and radius.
func (n *narrow) pass(delta float64) error {
	rest, radius := make([]float64, len(n.t)), make([]float64, len(n.t))
	copy(rest, n.t)
	for i := range radius {
		radius[i] = 3 * delta
	}
	last := len(n.runs) - 2
	for r := range last {
		from, to := n.runs[r], n.runs[r+1]
		top := math.Inf(-1) // of the run's rests
		for i := from; i < to; i++ {
			high := rest[i]
			if radius[i] > 0 {
				high += 2*radius[i] + 16*n.rounding()*math.Abs(rest[i])
			}
			top = max(top, high)
		}
		w := roundUp(n.precision, top)
		low := math.Inf(1) // of the rests of all runs beyond
		for i := to; i < len(n.t); i++ {
			if radius[i] > 0 {
				radius[i] += 4*n.rounding()*(math.Abs(rest[i])+math.Abs(w)) + radius[i]*0x1p-30
			}
			rest[i] = n.precision.Round(rest[i] - w)
			low = min(low, rest[i]-2*radius[i])
		}
		c := roundUp(n.precision, (1+narrowRoom*n.precision.Eps())/low)
		if !(low > 0) || !(c*rest[len(rest)-1] < steepLimit(n.precision)) {
			return &UnfitError{
				Construction: "narrow",
				Reason:       fmt.Sprintf("after %d layers two rows of different targets cannot be told apart in %v", r+1, n.precision),
				Advice:       "identity looks along several directions at once" + orFloat64(&Problem{Precision: n.precision}),
			}
		}
		n.width, n.steep = append(n.width, w), append(n.steep, c)
	}
	return nil
}

// rounding returns the relative error of one operation, and of the float64 one
// by which it is followed here.
func (n *narrow) rounding() float64 { return n.precision.Eps() + network.Float64.Eps() }

// steepLimit keeps pre-activations far from overflow.
func steepLimit(precision network.Precision) float64 {
	if precision == network.Float32 {
		return 0x1p100
	}
	return 0x1p1000
}

// setSteps rounds the targets to multiples of a unit of which every sum on the
// way is an exact multiple, sets the steps, and returns the bound of the error
// of the outputs as a fraction of the ranges.
func (n *narrow) setSteps(ranges []float64) float64 {
	p, count := n.outputs, len(n.runs)-1
	n.start, n.end = make([]float64, p), make([]float64, p)
	n.step = make([]float64, (count-1)*p)
	digits, least, normal := 53, 0x1p-1022, 0x1p-1022
	if n.precision == network.Float32 {
		digits, least, normal = 24, 0x1p-149, 0x1p-126
	}
	worst := 0.0
	for o := range p {
		_, exp := math.Frexp(narrowTop * ranges[o])
		unit := max(math.Ldexp(1, exp-digits), least)
		target := func(r int) float64 { return n.y[n.runs[r]*p+o] }
		base := math.Ceil(ranges[o]*(1+1.0/64)/unit) * unit
		n.end[o] = n.precision.Round(target(count-1) - base)
		stored := func(r int) float64 { return math.Round((target(r)-n.end[o])/unit) * unit }
		n.start[o] = stored(count - 1)
		for r := range count - 1 {
			n.step[r*p+o] = stored(r+1) - stored(r)
		}
		e := unit + 8*least
		if unit < normal { // underflow may round every step
			e += 8 * least * float64(count)
		}
		e += termError(n.precision, 5) * (narrowTop*ranges[o] + math.Abs(n.end[o]))
		worst = max(worst, e/ranges[o])
	}
	return worst
}

// network writes the layers.
func (n *narrow) network(input network.Layer, u []float64) *network.Network {
	p, last := n.outputs, len(n.width) // the runs before the last
	net := &network.Network{Precision: n.precision, Layers: []network.Layer{
		input,
		{Map: network.NewDense(1, len(u), u), Bias: []float64{-n.width[0]}, Act: network.ReLU, Name: "rest"},
	}}
	// Of layer r the outputs are: rest, unless it is the last; todo; the sums.
	in := 1
	for r := 1; r <= last; r++ {
		l := newWiring(in)
		if r < last {
			l.unit(-n.width[r], wire{0, 1})
		}
		l.unit(1, wire{0, -n.steep[r-1]})
		for o := range p {
			switch {
			case r == 2:
				l.unit(n.start[o], wire{1, -n.step[o]})
			case r > 2:
				l.unit(0, wire{1, -n.step[(r-2)*p+o]}, wire{2 + o, 1})
			}
		}
		net.Layers = append(net.Layers, l.layer(network.ReLU, fmt.Sprintf("run%d", r+1)))
		in = len(l.bias)
	}
	out := newWiring(in)
	for o := range p {
		if last == 1 {
			out.unit(n.precision.Round(n.end[o]+n.start[o]), wire{0, -n.step[o]})
			continue
		}
		out.unit(n.end[o], wire{0, -n.step[(last-1)*p+o]}, wire{1 + o, 1})
	}
	net.Layers = append(net.Layers, out.layer(network.Identity, "output"))
	return net
}

// A wire carries an input, times a weight, into a unit.
type wire struct {
	from   int
	weight float64
}

// wiring writes a layer of few wires unit by unit.
type wiring struct {
	sparse *network.Sparse
	bias   []float64
}

func newWiring(inputs int) *wiring {
	return &wiring{sparse: &network.Sparse{In: inputs, RowPtr: []int{0}}}
}

// unit adds a unit with its bias and its wires and returns its index. Wires of
// weight 0 are left out.
func (l *wiring) unit(bias float64, wires ...wire) int {
	slices.SortFunc(wires, func(a, b wire) int { return a.from - b.from })
	for _, w := range wires {
		if w.weight != 0 {
			l.sparse.Col, l.sparse.Val = append(l.sparse.Col, int32(w.from)), append(l.sparse.Val, w.weight)
		}
	}
	l.bias = append(l.bias, bias)
	l.sparse.Out++
	l.sparse.RowPtr = append(l.sparse.RowPtr, len(l.sparse.Col))
	return l.sparse.Out - 1
}

func (l *wiring) layer(act network.Activation, name string) network.Layer {
	return network.Layer{Map: l.sparse, Bias: l.bias, Act: act, Name: name}
}
