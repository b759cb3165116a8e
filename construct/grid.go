package construct

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// grid, C13: targets on a rectangular grid in one to four inputs, as an exact
// piecewise linear network; the N-dimensional interp.
//
// The grid's boxes are cut into simplices by the Freudenthal triangulation: a
// box with corner v falls into the d! simplices
// { z : 1 >= z_a >= z_b >= ... >= 0 }, one for every order of its inputs, with
// z = (x - v)/cell. For d = 3 that is the tetrahedral interpolation of colour
// tables. The interpolant that is linear on every simplex is the sum of
// Y_v hat_v(x), and the hat of vertex v is
//
//	hat_v = s(1 - max(0, max_j z_j) - max(0, max_j -z_j)),
//
// with z_j counted in cells of the side of v that x_j is on, so that cells of
// unequal width are no matter. [Kuhn 1960; the formula is proved below.]
//
// Proof. In a box that has v for a corner, let A be the inputs along which v is
// the lower corner and B the others; z_j >= 0 on A and <= 0 on B. With
// w_j = z_j on A and 1 + z_j on B the w are the coordinates of the box, and
// hat_v = s(min_B w - max_A w). On a simplex of the box, which orders the w, the
// vertices are the points where the first k of the order are 1 and the rest 0.
// The formula is 1 at the one with exactly B at 1, which is v, and 0 at the
// others: there some w_B is 0 or some w_A is 1. It is linear on the simplex, as
// the order decides the min and the max. And in a box without v some |z_j| >= 1,
// so that it is 0. QED
//
// In floating point. Layers, for d > 1 inputs sorted by the number of their places:
//
//	scale     x_j times a power of two: exact, and nothing is subtracted
//	ramps     r = s(x_j - v_j), l = s(v_j - x_j): zero at v exactly, relative error eps
//	cells     u = s(r slope), slope rounded up from (1 + 2 eps)/cell: > 1 from the next place on
//	max       q = s(u_(m+1) - M_m), then M_(m+1) = M_m + q, input by input
//	hats      s(1 - M - q - M' - q'), M' and q' of the left side
//
// At a vertex the ramps of its own hat are exactly 0, and the hat is 1. All other u
// there are 0 or above 1, so that in every sum for another hat some term is at most -1: it is 0 in any order of
// summation, Phi is the identity, and the stored targets come back bit for bit. Away from the vertices the 2 eps
// keep the hats of other boxes at exactly 0 (proved at [network.Grid]); they
// move the output by at most 2 q eps of the targets.
//
// Beyond the outermost places there are no ramps: the outputs stay what they are
// at the border.
//
// Size: N hats for N places, 2N units for the last maximum, and fewer for all the
// others; 8N + pN numbers. A plain evaluation touches all of them;
// [network.Network.EvalLocal] finds the box and touches its corners only.
func init() {
	register(&Construction{
		Name:   "grid",
		Title:  "piecewise linear on a rectangular grid, 1 to 4 inputs: hats of the Freudenthal triangulation",
		Source: "Kuhn 1960 (Freudenthal triangulation); colour tables: Kasson et al. 1995 (tetrahedral interpolation)",
		Plan: func(p *Problem) (Size, error) {
			net, err := buildGrid(p)
			return sizeOf(net, 0), err
		},
		Build: buildGrid,
	})
}

const (
	// gridAxes is the most inputs that vary: the simplices of a box are d!, its
	// corners 2^d.
	gridAxes = 4
	// gridPlaces bounds the places of a grid; each takes about 100 bytes.
	gridPlaces = 1 << 23
)

// A lattice is a full rectangular grid found in the rows of a table. Its axes
// are the inputs that vary, those with fewer places first.
type lattice struct {
	input []int       // of every axis: the column
	place [][]float64 // of every axis: the scaled values, ascending
	row   []int       // of every vertex, last axis fastest: a row of the table
}

// buildGrid builds the network; the plan builds it too, in O(n log n + n p).
func buildGrid(p *Problem) (*network.Network, error) {
	scale, err := gridScale(p)
	if err != nil {
		return nil, err
	}
	g, err := findLattice(p, scale)
	if err != nil {
		return nil, err
	}
	if len(g.input) == 0 {
		return constantNetwork(p.Precision, p.Set.D(), p.Set.Y.RawRowView(0)), nil
	}
	slopes, err := g.slopes(p)
	if err != nil {
		return nil, err
	}
	net := &network.Network{Precision: p.Precision}
	on := &network.Grid{Scale: scale, Input: g.input, Place: g.place, Slope: slopes}
	net.Layers = append(on.Layers(), network.Layer{Map: vertexValues(p.Set.Y, g.row), Name: "values"})
	return net, nil
}

// gridScale returns a power of two for every input, that brings its largest
// value near 1. It refuses tables with too many inputs that vary.
func gridScale(p *Problem) ([]float64, error) {
	n, d := p.Set.X.Dims()
	largest, varies := make([]float64, d), make([]bool, d)
	first := p.Set.X.RawRowView(0)
	count := 0
	for i := range n {
		for j, v := range p.Set.X.RawRowView(i) {
			largest[j] = max(largest[j], math.Abs(v))
			if v != first[j] && !varies[j] {
				varies[j] = true
				count++
			}
		}
		if count > gridAxes {
			return nil, unfitGrid(fmt.Sprintf("more than %d inputs vary", gridAxes))
		}
	}
	for j, v := range largest {
		_, exp := math.Frexp(v)
		largest[j] = math.Ldexp(1, max(-125, min(125, -exp)))
	}
	return largest, nil
}

func unfitGrid(reason string) *UnfitError {
	return &UnfitError{Construction: "grid", Reason: reason,
		Advice: "the rows must be all combinations of the places along each input; for scattered points in 2 or 3 inputs take delaunay"}
}

// findLattice finds the grid that the rows form, in any order, duplicates allowed.
func findLattice(p *Problem, scale []float64) (*lattice, error) {
	n, d := p.Set.X.Dims()
	g := &lattice{}
	for j := range d {
		column := make([]float64, n)
		for i := range column {
			column[i] = p.Precision.Round(float64(scale[j] * p.Set.X.At(i, j)))
		}
		slices.Sort(column)
		if places := slices.Compact(column); len(places) > 1 {
			g.input, g.place = append(g.input, j), append(g.place, slices.Clip(places))
		}
	}
	g.sortAxes()
	total := 1
	for _, places := range g.place {
		if total *= len(places); total > n || total > gridPlaces {
			return nil, unfitGrid(fmt.Sprintf("%s places along the inputs, but there are %d rows", g.shape(), n))
		}
	}
	g.row = slices.Repeat([]int{-1}, total)
	filled := 0
	for i := range n {
		v := g.vertex(p, scale, i)
		switch {
		case g.row[v] < 0:
			g.row[v] = i
			filled++
		case !slices.Equal(p.Set.Y.RawRowView(i), p.Set.Y.RawRowView(g.row[v])):
			return nil, unfitGrid(fmt.Sprintf("rows %d and %d have the same place and different targets", g.row[v]+1, i+1))
		}
	}
	if filled < total {
		return nil, unfitGrid(fmt.Sprintf("%d of the %s places have no row", total-filled, g.shape()))
	}
	return g, nil
}

// sortAxes puts axes with fewer places first: the maxima are then taken over
// as few combinations as can be.
func (g *lattice) sortAxes() {
	order := make([]int, len(g.input))
	for a := range order {
		order[a] = a
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(g.place[a]) - len(g.place[b]) })
	input, place := slices.Clone(g.input), slices.Clone(g.place)
	for a, from := range order {
		g.input[a], g.place[a] = input[from], place[from]
	}
}

func (g *lattice) shape() string {
	s := ""
	for a, places := range g.place {
		if a > 0 {
			s += " x "
		}
		s += fmt.Sprint(len(places))
	}
	return s
}

// vertex returns the index of the vertex that row i is at.
func (g *lattice) vertex(p *Problem, scale []float64, i int) int {
	v := 0
	for a, j := range g.input {
		at, _ := slices.BinarySearch(g.place[a], p.Precision.Round(float64(scale[j]*p.Set.X.At(i, j))))
		v = v*len(g.place[a]) + at
	}
	return v
}

// slopes returns for every axis the slope of each cell, rounded up. It refuses
// cells so narrow that the far end of the axis would come near overflow.
func (g *lattice) slopes(p *Problem) ([][]float64, error) {
	most := 0x1p900
	if p.Precision == network.Float32 {
		most = 0x1p110
	}
	all := make([][]float64, len(g.place))
	for a, places := range g.place {
		all[a] = make([]float64, len(places)-1)
		for k := range all[a] {
			cell := p.Precision.Round(places[k+1] - places[k])
			least := 1 + network.SteepBy*p.Precision.Eps()
			slope := roundUp(p.Precision, least/cell)
			for p.Precision.Round(slope*cell) < least {
				slope = roundUp(p.Precision, math.Nextafter(slope, math.Inf(1)))
			}
			if !(slope*max(1, places[len(places)-1]-places[0]) < most) {
				return nil, &UnfitError{Construction: "grid", Reason: fmt.Sprintf("two places of input %d are only %.3g of its size apart: their slope leaves the range of %v", g.input[a]+1, cell, p.Precision),
					Advice: "merge places that are equal in practice" + orFloat64(p)}
			}
			all[a][k] = slope
		}
	}
	return all, nil
}

// vertexValues returns the map of the output layer: column v holds the targets
// of the row at vertex v. It is Sparse, so that its sums have an order.
func vertexValues(y *mat.Dense, row []int) *network.Sparse {
	_, p := y.Dims()
	m := &network.Sparse{Out: p, In: len(row), RowPtr: make([]int, 1, p+1)}
	for o := range p {
		for v, i := range row {
			if t := y.At(i, o); t != 0 {
				m.Col, m.Val = append(m.Col, int32(v)), append(m.Val, t)
			}
		}
		m.RowPtr = append(m.RowPtr, len(m.Col))
	}
	return m
}
