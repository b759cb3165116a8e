package construct

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// Plateau gates: hidden units that are exactly 1 on one row and exactly 0 on
// every other row, in floating point and whatever the order of summation.
//
// Along a direction u every row has the value t = u.x. A gate of row i is
//
//	s(1 - s((t - r)/w) - s((l - t)/w))        s(z) = max(z, 0)
//
// with l <= t_i <= r: a plateau of height 1 over [l, r] that falls to 0 over a
// further w on either side. With q directions, 2q ramps are subtracted from
// the 1 and the gate is the intersection of q such strips.
//
//	1        ______
//	        /      \            rows:  j      i        k
//	0 _____/        \______
//	      j  l  i  r    k
//
// Theorem. Let t^ be the value that some evaluation computes for t, and let
// |t^ - t| <= h for every row, with h the row's own bound. Let 1/w be a power
// of two and l, r, l/w, r/w numbers of the arithmetic. Then
//
//	(a) l <= t_i - h_i and t_i + h_i <= r  =>  both ramps of gate i are 0 at row i;
//	(b) t_k - h_k >= r + w                 =>  gate i is 0 at row k (likewise on the left).
//
// Proof. The product t^ * (1/w) is exact, so the ramp's argument is rounded
// once: fl((t^ - r)/w), fused or not. Rounding is monotone and leaves 0 and 1
// alone. Hence t^ <= r gives an argument <= 0 and the ramp is 0: (a). And
// t^ >= r + w gives an argument >= 1, so the ramp a is >= 1. The gate then sums
// 1 and the -a's in some order. Every such evaluation is monotone in each
// ramp, so it is at most the evaluation with a = 1 and all other ramps 0,
// which is 1 - 1 = 0, exactly; the ReLU gives 0: (b). QED
//
// Nothing but the rounding of t enters, and that is bounded as follows. Any
// order of summation of m products makes m-1 additions and at most one rounding
// per product, so
//
//	|t^ - t| <= gamma_m sum_j |u_j x_j|,   gamma_m = m eps/(1 - m eps)
//
// [Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., (3.5)].
// The builder's own t, summed in float64, obeys the same bound with float64's
// eps. One entry that is a power of two makes no rounding: along a coordinate
// h = 0, and rows that differ at all are told apart.
//
// Two rows need to be told apart in one of the projections only. The plateau
// of row i in a projection reaches a quarter of the way to the nearest row
// that can be told apart from it there; closer rows are left to the other
// projections (see plateauGates).

const (
	// plateauSlack widens the rounding bound h, so that a certificate whose
	// bounds are up to twice as loose as the builder's still holds.
	plateauSlack = 2
	// plateauShare is the part of the gap to the next row that the plateau
	// takes; the ramp falls over the rest.
	plateauShare = 0.25
	// rampMargin keeps a ramp's value at the next row above 1 by 2 %, many
	// times the rounding of the ramp itself.
	rampMargin = 0.98
	// narrowRamp is the width of narrow gates, in half-plateaus: wide enough to
	// stay clear of rounding, a sliver otherwise.
	narrowRamp = 8
)

// A projection is the rows along one direction.
type projection struct {
	u     []float64 // d: numbers of the network's precision
	t     []float64 // n: u.x of every row, summed in float64
	half  []float64 // n: bound h of the rounding of t, widened by plateauSlack
	order []int     // the rows by ascending t, ties by row
}

// project computes the rows of x (n x d, exact data) along u and sorts them.
func project(p *Problem, x *mat.Dense, u []float64) *projection {
	n, _ := x.Dims()
	proj := &projection{u: u, t: make([]float64, n), half: make([]float64, n)}
	gamma, tiny := dotError(p.Precision, u)
	parallel.Each(n, func(i int) {
		t, size := dot(u, x.RawRowView(i))
		proj.t[i] = t
		proj.half[i] = plateauSlack * (float64(gamma*size) + tiny + p.blur(i, u))
	})
	proj.order = ascending(proj.t)
	return proj
}

// dot returns u.x and the sum of |u_j x_j|, in float64.
func dot(u, x []float64) (t, size float64) {
	for j, v := range x {
		term := float64(u[j] * v)
		t += term
		size += math.Abs(term)
	}
	return t, size
}

// dotError returns gamma and tiny such that any evaluation of u.x in precision
// prec differs from the float64 value of dot by at most gamma*size + tiny; tiny
// covers underflow. Unless u is along a coordinate, zero entries are counted
// too: a certificate need not see that they make no rounding.
func dotError(prec network.Precision, u []float64) (gamma, tiny float64) {
	nonzero, last := 0, 0.0
	for _, v := range u {
		if v != 0 {
			nonzero++
			last = v
		}
	}
	if f, _ := math.Frexp(last); nonzero == 0 || nonzero == 1 && math.Abs(f) == 0.5 {
		return 0, 0
	}
	m := float64(len(u))
	if m*prec.Eps() >= 0.5 {
		return math.Inf(1), 0
	}
	const eps64 = 0x1p-53
	gamma = m*prec.Eps()/(1-m*prec.Eps()) + 2*m*eps64
	tiny = m * 0x1p-1070
	if prec == network.Float32 {
		tiny = m * 0x1p-148
	}
	return gamma, tiny
}

// rampSide is one ramp per row: gate i is down where edge + 1/slope is passed. A
// left side holds its numbers with the axis reversed (-t), so that both sides
// fall to the right.
type rampSide struct {
	sign  float64   // +1 right, -1 left: ramp = s(slope*(sign*t - edge))
	edge  []float64 // n: numbers of the precision
	slope []float64 // n: powers of two
	reach []int32   // n: how many rows next to row i the ramp does not clear for certain
}

// strip is the two sides of every row's gate along one projection.
type strip struct {
	*projection
	sides [2]rampSide
}

// newStrip places the plateaus of all rows along proj.
func newStrip(p *Problem, proj *projection, narrow bool) *strip {
	st := &strip{projection: proj}
	parallel.Each(2, func(k int) { st.sides[k] = newRampSide(p, proj, 1-2*float64(k), narrow) })
	return st
}

// newRampSide places the right (sign 1) or left (sign -1) ramps. Positions run
// in ascending sign*t. far[b], the least lower end of the rows from position b
// on, ascends: a row is told apart from all of them once far[b] is clear of its
// upper end by half a plateau and a ramp fits in between.
func newRampSide(p *Problem, proj *projection, sign float64, narrow bool) rampSide {
	n := len(proj.t)
	s := rampSide{sign: sign, edge: make([]float64, n), slope: make([]float64, n), reach: make([]int32, n)}
	near, half, far := make([]float64, n), make([]float64, n), make([]float64, n+1) // by position
	far[n] = math.Inf(1)
	for a := n - 1; a >= 0; a-- {
		i := proj.at(a, sign)
		half[a] = proj.half[i]
		near[a] = sign*proj.t[i] + half[a]
		far[a] = min(far[a+1], proj.lower(i, sign))
	}
	limit := steepest(p.Precision, proj)
	for a := 0; a < n; a++ {
		i := proj.at(a, sign)
		b := firstBeyond(far, a+1, near[a]+half[a])
		edge, slope, ok := placeRamp(p.Precision, near[a], far[b], half[a], limit, narrow)
		for !ok { // a gap of about the last bit of the format: seldom
			b++
			edge, slope, ok = placeRamp(p.Precision, near[a], far[b], half[a], limit, narrow)
		}
		s.edge[i], s.slope[i], s.reach[i] = edge, slope, int32(b-a-1)
	}
	return s
}

// firstBeyond returns the first index >= from at which far, ascending and +Inf
// at its end, exceeds v. It looks near from first: steps double, then halve.
func firstBeyond(far []float64, from int, v float64) int {
	lo, step := from, 1
	for lo+step < len(far) && far[lo+step-1] <= v {
		lo, step = lo+step, 2*step
	}
	return lo + sort.Search(min(step, len(far)-lo), func(k int) bool { return far[lo+k] > v })
}

// at returns the row at position a of ascending sign*t.
func (proj *projection) at(a int, sign float64) int {
	if sign < 0 {
		a = len(proj.order) - 1 - a
	}
	return proj.order[a]
}

// lower returns the lower end of the enclosure of row i's sign*t.
func (proj *projection) lower(i int, sign float64) float64 { return sign*proj.t[i] - proj.half[i] }

// A meeting says that the gate of row i is not known to be 0 at row j.
type meeting struct{ i, j int32 }

// meets reports whether gate i may be above 0 at row j, for all that this
// strip does.
func (st *strip) meets(i, j int32) bool {
	for k := range st.sides {
		s := &st.sides[k]
		if (st.lower(int(j), s.sign)-s.edge[i])*s.slope[i] >= 1 {
			return false
		}
	}
	return true
}

// looks returns how many pairs of rows meetings has to look at: a bound of
// their number.
func (st *strip) looks() int {
	total := 0
	for k := range st.sides {
		for _, r := range st.sides[k].reach {
			total += int(r)
		}
	}
	return total
}

// meetings returns all meetings of the strip.
func (st *strip) meetings() []meeting {
	const chunks = 32
	n := len(st.order)
	var found [2 * chunks][]meeting
	parallel.Each(len(found), func(c int) {
		s, c0 := &st.sides[c/chunks], c%chunks
		for a := n * c0 / chunks; a < n*(c0+1)/chunks; a++ {
			i := st.at(a, s.sign)
			for b := a + 1; b <= a+int(s.reach[i]); b++ {
				if j := int32(st.at(b, s.sign)); st.meets(int32(i), j) {
					found[c] = append(found[c], meeting{int32(i), j})
				}
			}
		}
	})
	return slices.Concat(found[:]...)
}

// placeRamp returns the edge and the slope of a ramp that is 0 up to near and
// at least 1 from far on. It fails when no number of the precision fits in
// between, or when the ramp would be steeper than limit; with far = +Inf it
// does not fail.
func placeRamp(prec network.Precision, near, far, half, limit float64, narrow bool) (edge, slope float64, ok bool) {
	if math.IsInf(far, 1) { // the last row: let its gate end somewhere
		far = near + max(1, math.Abs(near), 4/limit)
	}
	if narrow {
		sliver := (far - near) / narrowRamp
		if half > 0 {
			sliver = min(far-near, narrowRamp*half)
		}
		if edge, slope, ok = fitRamp(prec, near, near+sliver, plateauShare, limit); ok {
			return edge, slope, ok
		}
	}
	if edge, slope, ok = fitRamp(prec, near, far, plateauShare, limit); ok {
		return edge, slope, ok
	}
	return fitRamp(prec, near, far, 0, limit)
}

// fitRamp is placeRamp with the plateau at a given share of the gap.
func fitRamp(prec network.Precision, near, far, share, limit float64) (edge, slope float64, ok bool) {
	edge = roundUp(prec, near+share*(far-near))
	room := rampMargin * (far - edge)
	if room <= 0 {
		return 0, 0, false
	}
	_, exp := math.Frexp(room) // 2^(exp-1) <= room
	slope = math.Ldexp(1, 1-exp)
	return edge, slope, slope <= limit
}

// steepest returns the steepest slope for which no ramp overflows, or comes
// near it, on the data.
func steepest(prec network.Precision, proj *projection) float64 {
	largest := 1.0
	for _, t := range proj.t {
		largest = max(largest, math.Abs(t))
	}
	_, exp := math.Frexp(largest)
	if prec == network.Float32 {
		return math.Ldexp(1, 110-exp)
	}
	return math.Ldexp(1, 1000-exp)
}

// roundUp returns the least number of the precision that is >= v.
func roundUp(prec network.Precision, v float64) float64 {
	r := prec.Round(v)
	if r < v { // float32
		return float64(math.Nextafter32(float32(r), float32(math.Inf(1))))
	}
	return r
}

// gates is one plateau gate per row.
type gates struct {
	strips []*strip // q projections
}

// ramps returns the layer of the 2q n ramps on the scaled inputs, without its
// activation: for each projection the right ramps of all rows, then the left
// ramps.
func (g *gates) ramps() (*network.Projected, []float64) {
	n, d, q := len(g.strips[0].t), len(g.strips[0].u), len(g.strips)
	m := &network.Projected{
		P:     network.NewDense(q, d, make([]float64, q*d)),
		Pick:  make([]int32, 2*q*n),
		Scale: make([]float64, 2*q*n),
	}
	bias := make([]float64, 2*q*n)
	at := 0
	for k, st := range g.strips {
		copy(m.P.Row(k), st.u)
		for _, s := range st.sides {
			for i, slope := range s.slope {
				m.Pick[at] = int32(k)
				m.Scale[at] = s.sign * slope
				bias[at] = -slope * s.edge[i]
				at++
			}
		}
	}
	return m, bias
}

// plateaus returns the layer that makes the n gates of the 2q n ramps: 1 minus
// the ramps of the row. Its ReLU makes the gate.
func (g *gates) plateaus() (*network.Sum, []float64) {
	n := len(g.strips[0].t)
	sum := &network.Sum{}
	for range 2 * len(g.strips) {
		sum.Maps = append(sum.Maps, &network.Diagonal{D: slices.Repeat([]float64{-1}, n)})
	}
	return sum, slices.Repeat([]float64{1}, n)
}
