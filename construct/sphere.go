package construct

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// sphere, C6: a lift that makes every row an extreme point, so that one unit a
// row isolates it.
//
// A diagonal interpolation matrix exists in one hidden layer iff every row is an
// extreme point of the data's hull. Few rows are; but on the graph of a strictly
// convex function g all of them are, as on the sphere that gives the construction
// its name: the plane that touches the graph at a row has all other rows above
// it. A ReLU chain has no squares, and needs none. Take hyperplanes z_1..z_m that
// miss all rows, and
//
//	g(x) = sum_j |z_j(x)|,   convex, and affine on each cell of the arrangement.
//
// Theorem. If no two rows share a cell of the m hyperplanes, every row is an
// extreme point of the graph of g over the rows.
//
// Proof. Let a_i be the affine piece of g on the cell of row i. For every other
// row k, g(x_k) - a_i(x_k) = 2 sum |z_j(x_k)| over the hyperplanes j that have
// rows i and k on different sides: at least one. QED
//
// That difference is a sum of ReLU units, the ramps s(+-z_j) that are 0 at row i.
// So the unit of row i is
//
//	s(1 - sum_j s(-side_ij c_j z_j)),   side_ij = sign z_j(x_i),
//
// with c_j so large that every ramp that is awake on a row is at least 2 there.
// At row i all its ramps are exactly 0 and the unit is exactly 1; at every other
// row one of them is >= 2 and the unit is exactly 0. Phi is the unit matrix, bit for bit,
// in floating point and in any order of summation, by the argument of gates.go.
//
// How many hyperplanes: m of them have at most sum_{i<=d} C(m,i) cells, 2^m for
// m <= d. So n rows need log2(n) at least, and a greedy choice (planes.go) takes
// about twice that: 2m + n units, where identity takes 3n. On a line the m = n-1 hyperplanes are the kinks of a convex function.
//
// Worked case: the rows 0, 1, 2 and the hyperplanes x = 1/2, x = 3/2 give
// g = 2, 1, 2. The unit of the middle row is s(1 - s(2 - 4x) - s(4x - 6)): the
// first ramp is 2 at row 0, the second 2 at row 2, and both are 0 at row 1.
//
// Cost: O(m (n d + n log n)) to find the planes, n (2m + p) numbers.
func init() {
	register(&Construction{
		Name:   "sphere",
		Title:  "a convex lift on which every row is extreme, one unit a row: the interpolation matrix is the identity",
		Source: "extreme points of a convex graph (C6), by cells of an arrangement of hyperplanes",
		Plan:   planSphere,
		Build:  buildSphere,
	})
}

const (
	// sphereElements bounds the n x 2m numbers of the second layer: 64 MiB.
	sphereElements = 1 << 23
	// sphereProducts bounds n^2 m, the work of evaluating the network on all of its
	// rows: half a minute without OpenBLAS.
	sphereProducts = 1 << 37
	// awakeRamp is the least value of a ramp that is awake on a row: 1 would do,
	// and 2 leaves a certificate room for rounding.
	awakeRamp = 2
)

// fewestPlanes returns the least number of hyperplanes in d inputs with so many
// cells: m of them have at most sum_{i<=d} C(m,i) (Schlaefli).
func fewestPlanes(cells float64, d int) int {
	for m := 1; ; m++ {
		have, choose := 1.0, 1.0
		for i := 1; i <= min(d, m) && have < cells; i++ {
			choose *= float64(m-i+1) / float64(i)
			have += choose
		}
		if have >= cells {
			return m
		}
	}
}

// likelyPlanes estimates the number of hyperplanes that the search takes for n
// rows: twice the bits of a row's number, and enough for 4 n cells.
func likelyPlanes(n, d int) int {
	if d == 1 {
		return max(1, n-1)
	}
	return max(2*int(math.Ceil(math.Log2(float64(max(n, 2))))), fewestPlanes(4*float64(n), d))
}

func planSphere(p *Problem) (Size, error) {
	n, d := p.Set.N(), p.Set.D()
	m := likelyPlanes(n, d)
	if err := sphereFits(p, m); err != nil {
		return Size{}, err
	}
	size := Size{HiddenLayers: 2, Units: 2*m + n, Estimated: true, Error: sphereError(p, m)}
	size.Parameters = 2*d + m*d + 4*m + n*(2*m+1) + n*p.Set.P()
	return size, nil
}

// sphereFits refuses tables whose second layer would be too large.
func sphereFits(p *Problem, m int) error {
	n := p.Set.N()
	if n*2*m <= sphereElements && float64(n)*float64(n)*float64(m) <= sphereProducts {
		return nil
	}
	return &UnfitError{
		Construction: "sphere",
		Reason:       fmt.Sprintf("%d rows, each with a unit that looks at %d hyperplanes, are more than it is made for", n, m),
		Advice:       "identity does the same with units that look at few others",
	}
}

// sphereError bounds the error that a certificate must allow for, as a fraction
// of the range: it need not see that the m ramps of a row's own unit are all 0,
// and then counts m+2 roundings of the unit's 1.
func sphereError(p *Problem, m int) float64 {
	worst := 0.0
	if p.Set.IsClasses() {
		return termError(p.Precision, m+4)
	}
	for o, r := range p.Set.Range() {
		column := p.Set.Y.ColView(o)
		worst = max(worst, max(math.Abs(mat.Max(column)), math.Abs(mat.Min(column)))/r)
	}
	return worst * termError(p.Precision, m+6)
}

func buildSphere(p *Problem) (*network.Network, error) {
	n := p.Set.N()
	if n == 1 {
		return constantNetwork(p.Precision, p.Set.D(), p.Set.Y.RawRowView(0)), nil
	}
	if err := sphereFits(p, fewestPlanes(float64(n), p.Set.D())); err != nil {
		return nil, err
	}
	input, x := inputLayer(p)
	s := &planeSearch{p: p, x: x, most: min(sphereElements/(2*n), int(sphereProducts/(float64(n)*float64(n))))}
	if err := s.separate(); err != nil {
		return nil, err
	}
	ramps, bias := s.ramps()
	units := network.NewDense(n, len(bias), make([]float64, n*len(bias)))
	m := len(s.planes)
	ones := make([]float64, n)
	for i := range n {
		ones[i] = 1
		for j, plane := range s.planes {
			if plane.right[i] {
				units.Row(i)[m+j] = -1 // the ramp to the left is 0 here
			} else {
				units.Row(i)[j] = -1
			}
		}
	}
	output, err := sphereOutput(p, m)
	if err != nil {
		return nil, err
	}
	return &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input,
		{Map: ramps, Bias: bias, Act: network.ReLU, Name: "lift"},
		{Map: units, Bias: ones, Act: network.ReLU, Name: "rows"},
		output,
	}}, nil
}

// sphereOutput returns the labels on the units. They come back bit for bit; where
// that could not be certified, because the targets are far from 0 for their
// range, they are stored as differences from the middle of the range.
func sphereOutput(p *Problem, m int) (network.Layer, error) {
	if sphereError(p, m) <= allowedError(p) {
		return network.Layer{Map: labels(p.Set), Name: "labels"}, nil
	}
	n, outputs := p.Set.Y.Dims()
	center := middles(p)
	out := network.NewDense(outputs, n, make([]float64, outputs*n))
	bound := 0.0
	for o, r := range p.Set.Range() {
		for i := range n {
			y := p.Set.Y.At(i, o)
			difference := p.Precision.Round(y - center[o])
			out.Row(o)[i] = difference
			bound = max(bound, (math.Abs(y-center[o]-difference)+termError(p.Precision, m+6)*math.Abs(difference)+termError(p.Precision, 4)*math.Abs(y))/r)
		}
	}
	if err := refuseInaccurate("sphere", p, bound); err != nil {
		return network.Layer{}, err
	}
	return network.Layer{Map: out, Bias: center, Name: "labels"}, nil
}
