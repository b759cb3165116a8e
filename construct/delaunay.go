package construct

import (
	"errors"
	"fmt"
	"math"

	"hinge/internal/delaunay"
	"hinge/network"
)

// delaunay: the piecewise linear interpolant of scattered points in two or three
// inputs, on their Delaunay triangulation: what SciPy's LinearNDInterpolator
// computes, as a network.
//
// The interpolant is the sum of Y_v hat_v, with hat_v the function that is linear on
// every simplex, 1 at v and 0 at all other points. Max-min forms of the
// whole function need every one of its pieces at every x. But a hat is simple: it is
// 1 - g in the star of v, the simplices around v, where
//
//	g(x) = z_T(x),  x in the cone from v through T,   z_T(x) = w_T.(x - v),
//
// and w_T is the vector with z_T = 1 on the face of T opposite to v. The cones fill
// all space, g is continuous, positively homogeneous in x - v, and >= 1 exactly
// outside the star. So hat_v = s(1 - g) everywhere, and only g is to be written
// with ReLU units.
//
//	   b               If the star is convex, g is the largest of the z_T: the face
//	  / \              behind T supports it. If not, g is a least of largests,
//	c/ v \a
//	 \ . /             g = min_i max_(T in S_i) z_T.
//	  \d/
//
// Theorem (lattice form [Tarela, Martinez 1999; Ovchinnikov 2002], for cones). Let
// S be sets of simplices of the star with
//
//	(a) every T has a set S_i with z_j <= z_T on T's cone for all j in S_i, and T in S_i;
//	(b) every set S_i has, for every T, a j with z_j >= z_T on T's cone.
//
// Then g = min_i max_(S_i) z_j. Proof. At x in the cone of T, (b) gives max_(S_i) z_j >=
// z_T(x) = g(x) for all i, and (a) equality for one. QED
//
// Both conditions are comparisons at the d rays of T, since the z are linear on its
// cone: z_T is 1 at the rays' points, so (a) says z_j <= 1 there, (b) z_j >= 1. The
// sets S_T = {j : z_j <= 1 on T} do (the cited theorem), and are then merged and thinned out
// as long as (b) holds. A convex star ends with one set.
//
// Outside the hull. The points are enclosed by the corners of a box that is
// wider than the hull by its size on each side; all of them get one value, the mean over the
// hull's points. So no star is cut by the hull, and f goes
// linearly from its values on the hull to that mean at the box, and keeps it beyond: no NaN
// and no runaway.
//
// In floating point. x - v is computed in units of its own, to one rounding, and
// is exactly 0 at v; so hat_v is exactly 1 there. The w are made larger by
// a factor 1 + eta, so that (b) holds with room for all roundings: then hat_v is
// exactly 0 at every other row, in any order of summation. Phi is
// the identity. eta is about 100 eps times the aspect ratio of the star's simplices.
//
// Layers: scale; the 2d halves of x - v for every v; z; maxima by tournament, in
// rounds of s(b - a) and a; 1 - max, clipped; maxima over the sets; hats. A point has 6
// triangles on average in the plane and about 27 tetrahedra in space, so all is O(n).
func init() {
	register(&Construction{
		Name:   "delaunay",
		Title:  "piecewise linear on the Delaunay triangulation of scattered points, 2 or 3 inputs: a hat per row",
		Source: "Delaunay 1934; lattice forms: Tarela and Martinez 1999, Ovchinnikov 2002; the hats are proved here",
		Plan:   planDelaunay,
		Build:  buildDelaunay,
	})
}

const (
	// delaunayRows bounds the rows: the triangulation takes 1 kB for each in space.
	delaunayRows = 1 << 21
	// steepestStar bounds eta. Beyond it the network is exact at the rows but
	// not the interpolant between them.
	steepestStar = 0.01
)

func unfitDelaunay(reason, advice string) *UnfitError {
	return &UnfitError{Construction: "delaunay", Reason: reason, Advice: advice}
}

// checkDelaunay refuses what needs no triangulation to be refused, and returns
// the inputs that vary.
func checkDelaunay(p *Problem) ([]int, error) {
	n, d := p.Set.X.Dims()
	if d > 64 || n > delaunayRows {
		return nil, unfitDelaunay(fmt.Sprintf("it is for two or three inputs and up to %d rows, not %d inputs and %d rows", delaunayRows, d, n), "deep-slab and needles take any number of either")
	}
	var inputs []int
	for j := range d {
		for i := range n {
			if p.Set.X.At(i, j) != p.Set.X.At(0, j) {
				inputs = append(inputs, j)
				break
			}
		}
	}
	if len(inputs) != 2 && len(inputs) != 3 {
		return nil, unfitDelaunay(fmt.Sprintf("%d inputs vary, and it is for two or three", len(inputs)), "take sorted or grid for one input, deep-slab or needles for more")
	}
	return inputs, nil
}

// planDelaunay estimates the size from the averages of random points.
func planDelaunay(p *Problem) (Size, error) {
	inputs, err := checkDelaunay(p)
	if err != nil {
		return Size{}, err
	}
	const small = 2000 // rows that are triangulated in milliseconds
	n := p.Set.N()
	if n <= small {
		net, err := buildDelaunay(p)
		return sizeOf(net, delaunayError(p)), err
	}
	perRow, numbers, layers := 46, 84, 17
	if len(inputs) == 3 {
		perRow, numbers, layers = 400, 840, 25
	}
	return Size{HiddenLayers: layers, Units: perRow * n, Parameters: (numbers + p.Set.P()) * n, Estimated: true, Error: delaunayError(p)}, nil
}

// delaunayError is the error at the rows: the roundings of y - mean and of adding
// the mean again.
func delaunayError(p *Problem) float64 {
	worst := 0.0
	for j, r := range p.Set.Range() {
		largest := 0.0
		for i := range p.Set.N() {
			largest = max(largest, math.Abs(p.Set.Y.At(i, j)))
		}
		worst = max(worst, 8*p.Precision.Eps()*largest/r)
	}
	return worst
}

// A cloud is the distinct points of a table, triangulated and enclosed.
type cloud struct {
	d      int
	inputs []int
	scale  []float64
	tri    *delaunay.Triangulation
	row    []int     // of every vertex: a row of the table
	star   [][]int32 // of every vertex: its simplices, d other vertices each, one after the other
	outer  []float64 // the value beyond the hull, per output
}

func buildDelaunay(p *Problem) (*network.Network, error) {
	inputs, err := checkDelaunay(p)
	if err != nil {
		return nil, err
	}
	c, err := triangulate(p, inputs)
	if err != nil {
		return nil, err
	}
	hats := make([]hat, len(c.row))
	if err := c.makeHats(p, hats); err != nil {
		return nil, err
	}
	return c.network(p, hats), nil
}

// triangulate finds the stars of all rows.
func triangulate(p *Problem, inputs []int) (*cloud, error) {
	n := p.Set.N()
	c := &cloud{d: len(inputs), inputs: inputs, scale: powersNear(p)}
	c.shareScale(p)
	x := make([]float64, 0, n*c.d)
	for i := range n {
		for _, j := range inputs {
			x = append(x, p.Precision.Round(float64(c.scale[j]*p.Set.X.At(i, j))))
		}
	}
	var err error
	if c.tri, err = delaunay.New(x, c.d, p.Seed); err != nil {
		if errors.Is(err, delaunay.ErrFlat) {
			return nil, unfitDelaunay("all rows are on a line or in a plane", "take sorted, deep-slab or needles")
		}
		return nil, err
	}
	vertex := make([]int32, n) // the hats of doubles are those of the first one
	for i := range vertex {
		vertex[i] = int32(i)
	}
	for _, pair := range c.tri.Doubles {
		vertex[pair[0]] = -1
		for j := range p.Set.P() {
			if p.Set.Y.At(int(pair[0]), j) != p.Set.Y.At(int(pair[1]), j) {
				return nil, unfitDelaunay(fmt.Sprintf("rows %d and %d are one point in %v and have different targets", pair[0]+1, pair[1]+1, p.Precision), "merge them"+orFloat64(p))
			}
		}
	}
	for i, v := range vertex {
		if v >= 0 {
			vertex[i] = int32(len(c.row))
			c.row = append(c.row, i)
		}
	}
	corners := c.tri.Enclose(farCorners(x, c.d))
	c.star = make([][]int32, len(c.row))
	hull := make([]bool, n)
	c.tri.Simplices(func(v []int32) {
		outside := v[0] >= corners[0] || v[1] >= corners[0] || v[2] >= corners[0] || c.d == 3 && v[c.d] >= corners[0]
		for i, u := range v {
			if int(u) >= n {
				continue
			}
			hull[u] = hull[u] || outside
			at := vertex[u]
			for k := 1; k <= c.d; k++ {
				c.star[at] = append(c.star[at], v[(i+k)%(c.d+1)])
			}
		}
	})
	c.outer = meanOver(p, hull)
	return c, nil
}

// meanOver returns the means of the targets of some rows, rounded to the precision.
func meanOver(p *Problem, use []bool) []float64 {
	mean, count := make([]float64, p.Set.P()), 0.0
	for i, yes := range use {
		if !yes {
			continue
		}
		count++
		for j, y := range p.Set.Y.RawRowView(i) {
			mean[j] += (y - mean[j]) / count
		}
	}
	return rounded(p.Precision, mean)
}

// powersNear returns for every input a power of two that brings its largest
// value near 1.
func powersNear(p *Problem) []float64 {
	n, d := p.Set.X.Dims()
	scale := make([]float64, d)
	for i := range n {
		for j, v := range p.Set.X.RawRowView(i) {
			scale[j] = max(scale[j], math.Abs(v))
		}
	}
	for j, v := range scale {
		_, exp := math.Frexp(v)
		scale[j] = math.Ldexp(1, max(-125, min(125, -exp)))
	}
	return scale
}

// oneUnit is the ratio of ranges up to which inputs count as measured in one
// unit: then the triangulation is that of the points as they are. Otherwise
// each input is brought near 1, since circles in mixed units mean nothing.
const oneUnit = 16

// shareScale gives all inputs one scale if their ranges are similar.
func (c *cloud) shareScale(p *Problem) {
	least, most, scale := math.Inf(1), 0.0, math.Inf(1)
	for _, j := range c.inputs {
		lo, hi := p.Set.X.At(0, j), p.Set.X.At(0, j)
		for i := range p.Set.N() {
			lo, hi = min(lo, p.Set.X.At(i, j)), max(hi, p.Set.X.At(i, j))
		}
		least, most, scale = min(least, hi-lo), max(most, hi-lo), min(scale, c.scale[j])
	}
	if most <= oneUnit*least {
		for _, j := range c.inputs {
			c.scale[j] = scale
		}
	}
}

// farCorners returns the corners of a box that is wider than the points by
// their range on each side.
func farCorners(x []float64, d int) [][]float64 {
	lo, hi := make([]float64, d), make([]float64, d)
	copy(lo, x)
	copy(hi, x)
	for i, v := range x {
		lo[i%d], hi[i%d] = min(lo[i%d], v), max(hi[i%d], v)
	}
	var all [][]float64
	for c := range 1 << d {
		p := make([]float64, d)
		for j := range p {
			width := hi[j] - lo[j]
			p[j] = lo[j] - width
			if c>>j&1 == 1 {
				p[j] = hi[j] + width
			}
		}
		all = append(all, p)
	}
	return all
}
