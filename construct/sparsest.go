package construct

import (
	"math"
	"slices"

	"hinge/network"
)

// sparsest, C1s: the fewest bends through the points of a line [Debarre,
// Denoyelle, Unser, Fageot 2022, theorem 2 and algorithm 1].
//
// The function of "sorted" bends at every point where the chord slope changes,
// by the second difference a_i = slope_(i+1) - slope_i. Where two neighbouring
// bends have the same sign, one does: prolong the chord before the first and
// the chord after the second until they meet. They meet between the two points,
// at the barycentre
//
//	(a_i t_i + a_(i+1) t_(i+1)) / (a_i + a_(i+1)),
//
// with the amplitude a_i + a_(i+1). A run of A neighbouring bends of equal sign
// thus needs ceil(A/2) knots, pairing from the left, and no function with fewer
// exists: at a change of sign, or at a point where the slope does not change,
// nothing can be prolonged. The sum of |a| stays what it is, and is the least
// possible too.
//
// A small case: the points of t^2 at 0, 1, 2, 3 have slopes 1, 3, 5 and bends
// 2, 2 at 1 and 2; one bend of 4 at 1.5 replaces them.
//
// Bends are K, units K + 1: the function needs two slopes at its start. Targets
// without structure keep about 0.775 n bends, convex ones n/2. Points in line
// cost nothing, which is where this wins on tables that are piecewise linear.
//
// Merging answers for one output. With several, a pair merges only where the
// barycentre is one for all outputs (two classes, say, whose indicators are
// each other's complement); else the points at which any output bends are kept.
// The size says what that leaves.
func init() {
	register(&Construction{
		Name:   "sparsest",
		Title:  "the fewest bends along one direction",
		Source: "Debarre, Denoyelle, Unser, Fageot 2022 (J. Comput. Appl. Math. 406), theorem 2",
		Plan: func(p *Problem) (Size, error) {
			net, bound, err := buildSparsest(p)
			return sizeOf(net, bound), err
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, bound, err := buildSparsest(p)
			if err != nil {
				return nil, err
			}
			return net, refuseInaccurate("sparsest", p, bound)
		},
	})
}

// straight lists what counts as in line: a point whose distance from the chord
// of its neighbours, as a fraction of what the problem allows, is at most that.
// Small distances add up along curves, so the outcome is checked, and the next
// entry tried when the function misses. The last leaves a few roundings of the
// target's range.
var straight = []float64{1. / 16, 1. / 4096, 0}

func buildSparsest(p *Problem) (*network.Network, float64, error) {
	input, x := inputLayer(p)
	dir, err := separatingDirection("sparsest", p, x)
	if err != nil {
		return nil, 0, err
	}
	l := dir.points()
	if len(l.t) == 1 {
		return constantNetwork(p.Precision, p.Set.D(), l.y), 0, nil
	}
	ranges := p.Set.Range()
	var b *bend
	miss := math.Inf(1)
	for _, share := range straight {
		flat := make([]float64, len(ranges))
		for o, r := range ranges {
			flat[o] = max(share*allowedError(p), 4*p.Precision.Eps()) * r
		}
		b = l.bent(l.bends(p.Precision, flat), p.Precision, p.Set.P())
		b.walk(p.Precision)
		miss = b.missed(l, ranges)
		if miss <= allowedError(p)/4 {
			break
		}
	}
	b.left.dropIdle(p.Set.P())
	b.right.dropIdle(p.Set.P())
	bound := miss + b.errorBound(p.Precision, l.t, dir.delta, ranges)
	if len(b.left.knot)+len(b.right.knot) == 0 {
		return constantNetwork(p.Precision, p.Set.D(), b.start), bound, nil
	}
	input, u := dir.reduce(input)
	return b.network(p.Precision, input, u), bound, nil
}

// A bendAt is a knot that replaces the bends at the points first..last (one or
// two of them).
type bendAt struct {
	knot        float64
	first, last int
}

// bends returns the knots of the sparsest function, in ascending order. Output
// o is in line at a point within flat[o] of the chord of its neighbours.
func (l line) bends(precision network.Precision, flat []float64) []bendAt {
	p := len(flat)
	before, here := make([]float64, p), make([]float64, p)
	var knots []bendAt
	for i := 1; i < len(l.t)-1; i++ {
		before, here = here, before
		if !l.secondDifferences(here, i, flat) {
			continue
		}
		if k := len(knots) - 1; k >= 0 && knots[k].first == i-1 && knots[k].last == i-1 {
			if share, ok := barycentre(before, here); ok {
				knot := precision.Round(l.t[i-1] + (l.t[i]-l.t[i-1])*share)
				if knot > l.t[i-1] && knot < l.t[i] {
					knots[k] = bendAt{knot, i - 1, i}
					continue
				}
			}
		}
		knots = append(knots, bendAt{l.t[i], i, i})
	}
	return knots
}

// secondDifferences writes by how much the slope of each output changes at point
// i, 0 where the point is in line, and reports whether any does.
func (l line) secondDifferences(a []float64, i int, flat []float64) bool {
	p := len(a)
	before, after := l.t[i]-l.t[i-1], l.t[i+1]-l.t[i]
	bent := false
	for o := range a {
		y0, y1, y2 := l.y[(i-1)*p+o], l.y[i*p+o], l.y[(i+1)*p+o]
		a[o] = (y2-y1)/after - (y1-y0)/before
		if math.Abs(a[o])*(before*(after/(before+after))) <= flat[o] {
			a[o] = 0
		}
		bent = bent || a[o] != 0
	}
	return bent
}

// sameShare is how far the barycentres of two outputs may be apart, as a share
// of the gap, to count as one: rounding of second differences of like size.
const sameShare = 0x1p-40

// barycentre returns where between two points, as a share of the gap, one bend
// replaces bends a and b of equal sign in every output.
func barycentre(a, b []float64) (share float64, ok bool) {
	share = math.NaN()
	for o := range a {
		if a[o] == 0 && b[o] == 0 {
			continue
		}
		if a[o] == 0 || b[o] == 0 || (a[o] > 0) != (b[o] > 0) {
			return 0, false
		}
		s := b[o] / (a[o] + b[o])
		if math.Abs(s-share) > sameShare {
			return 0, false
		}
		share = s
	}
	return share, true
}

// bent returns the function with the given knots through the points. It starts
// at the middle knot, or in the middle of the line when nothing bends there.
func (l line) bent(knots []bendAt, precision network.Precision, p int) *bend {
	n := len(l.t)
	if len(knots) == 0 { // straight: one unit from the first point
		b := &bend{from: l.t[0], start: rounded(precision, l.y[:p])}
		b.right = side{knot: l.t[:1], aim: l.t[n-1:], y: l.y[(n-1)*p:]}
		return b
	}
	middle := len(knots) / 2
	m := knots[middle]
	b := &bend{from: m.knot, start: make([]float64, p)}
	for o := range p {
		b.start[o] = precision.Round(l.y[m.first*p+o] + l.chord(m.first-1, o, p)*(m.knot-l.t[m.first]))
	}
	for k := middle; k < len(knots); k++ {
		far := n - 1
		if k+1 < len(knots) {
			far = knots[k+1].first
		}
		b.right.aimAt(knots[k].knot, far, l, p)
	}
	for k := middle; k >= 0; k-- {
		far := 0
		if k > 0 {
			far = knots[k-1].last
		}
		b.left.aimAt(knots[k].knot, far, l, p)
	}
	return b
}

// chord returns the slope of output o between the points i and i+1.
func (l line) chord(i, o, p int) float64 {
	return (l.y[(i+1)*p+o] - l.y[i*p+o]) / (l.t[i+1] - l.t[i])
}

// aimAt adds a knot aimed at point i.
func (s *side) aimAt(knot float64, i int, l line, p int) {
	s.knot, s.aim, s.y = append(s.knot, knot), append(s.aim, l.t[i]), append(s.y, l.y[i*p:(i+1)*p]...)
}

// dropIdle removes the kinks whose amplitude is 0 in all of p outputs.
func (s *side) dropIdle(p int) {
	kept := side{}
	for k := range s.knot {
		if a := s.amplitude[k*p : (k+1)*p]; slices.ContainsFunc(a, func(v float64) bool { return v != 0 }) {
			kept.knot, kept.amplitude = append(kept.knot, s.knot[k]), append(kept.amplitude, a...)
		}
	}
	*s = kept
}

// missed returns how far the stored function, evaluated without rounding, is
// from the targets at the points, as a fraction of each target's range: the
// points between a knot and its aim are hit only as well as the knot is.
func (b *bend) missed(l line, ranges []float64) float64 {
	p := len(b.start)
	worst := 0.0
	for o := range p {
		right := follower{side: &b.right, at: b.from, value: double{hi: b.start[o]}, o: o, p: p}
		left := follower{side: &b.left, at: b.from, value: double{hi: b.start[o]}, o: o, p: p}
		for i, t := range l.t {
			if t >= b.from {
				worst = max(worst, math.Abs(right.valueAt(t)-l.y[i*p+o])/ranges[o])
			}
		}
		for i := len(l.t) - 1; i >= 0; i-- {
			if l.t[i] <= b.from {
				worst = max(worst, math.Abs(left.valueAt(l.t[i])-l.y[i*p+o])/ranges[o])
			}
		}
	}
	return worst
}

// follower evaluates a walked side at places that lead away from the start.
type follower struct {
	*side
	at           float64
	value, slope double
	next, o, p   int
}

func (f *follower) valueAt(t float64) float64 {
	for f.next < len(f.knot) && distance(f.at, f.knot[f.next]).hi <= distance(f.at, t).hi {
		f.move(f.knot[f.next])
		f.slope = f.slope.addFloat(f.amplitude[f.next*f.p+f.o])
		f.next++
	}
	f.move(t)
	return f.value.hi
}

func (f *follower) move(t float64) {
	f.value, f.at = f.value.add(f.slope.times(distance(f.at, t))), t
}
