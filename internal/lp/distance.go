package lp

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"

	"hinge/internal/parallel"
)

// The nearest points of two hulls, by Wolfe's active-set method.
//
// A major step prices the working rows along w = p - q: the row that lies
// farthest behind its side's supporting plane joins the support. A minor step
// moves the weights towards those of the nearest points of the affine hulls;
// when a weight would become negative, it stops there and drops that point.
// |p - q| falls with every major step, so no support comes twice and the method
// ends: either no row lies behind the planes, and w is the normal of the
// hyperplane of largest margin, or p = q.

// Numbers in the centred and scaled space, where rows have norms about 1.
const (
	// touching is the |p - q| from which the hulls may meet: rounding moves p
	// and q by about eps sqrt(m).
	touching = 0x1p-43
	// behind is how far behind its plane a row must lie, relative to the
	// largest row, to join: the rounding error of a dot product.
	behind = 0x1p-48
	// setbacks is how many major steps in a row may leave |p - q| no shorter:
	// where it is tiny, rounding errors can hide progress for a while, and only
	// a longer lack of it means that they have taken over.
	setbacks = 64
	// listLength is the most rows on price's short list.
	listLength = 200
)

// outcome says why descend returned.
type outcome int

const (
	optimal outcome = iota // no working row lies behind the supporting planes
	paused                 // the step limit was reached, or the time is up
	meeting                // |p - q| is down to rounding errors
	stuck                  // rounding errors prevent any further step
)

// hulls is the state of the search.
type hulls struct {
	c       corral
	points  [][]float64 // working rows, lifted and signed: dim numbers each
	ids     []int       // their row numbers
	inside  map[int]int // row number -> place in points
	largest float64     // largest norm of a working row
	w       []float64   // unit normal, p - q over its length
	length  float64     // |p - q|
	gap     float64     // relative gap of the margin's bounds to stop at
	list    []int       // working rows that were far behind lately, see price
	listed  float64     // how far the worst of them was
	idle    int         // major steps in a row without progress
}

func newHulls(dim int, gap float64) *hulls {
	return &hulls{c: corral{dim: dim}, inside: map[int]int{}, gap: gap}
}

// bring adds a working row.
func (s *hulls) bring(p *Points, f *frame, i int, in bool) {
	if _, here := s.inside[i]; here {
		return
	}
	z := make([]float64, s.c.dim)
	p.point(f, z, p.place[i])
	if in {
		z[s.c.dim-2] = 1
	} else {
		floats.Scale(-1, z)
		z[s.c.dim-1] = 1
	}
	s.inside[i] = len(s.points)
	s.points, s.ids = append(s.points, z), append(s.ids, i)
	s.largest = max(s.largest, floats.Norm(z[:s.c.dim-2], 2))
}

// start makes a support of the two given working rows, one of either side.
func (s *hulls) start(a, b int) bool {
	if !s.c.add(a, 1, s.points[s.inside[a]]) || !s.c.add(b, -1, s.points[s.inside[b]]) {
		return false
	}
	s.c.alpha[0], s.c.alpha[1] = 1, 1
	return s.settle() == optimal
}

// descend makes at most limit major steps, fewer when ctx ends; it stops at
// lengths below touch.
func (s *hulls) descend(ctx context.Context, limit int, touch float64) outcome {
	for step := 0; step < limit && ctx.Err() == nil; step++ {
		if !(s.length >= touch) || len(s.w) == 0 {
			return meeting
		}
		next, depth := s.price()
		if next < 0 || depth <= max(s.gap*s.length/4, behind*s.largest) {
			return optimal
		}
		before := s.length
		if !s.c.add(s.ids[next], sideOf(s.points[next]), s.points[next]) {
			return stuck
		}
		if got := s.settle(); got != optimal {
			return got
		}
		if s.length < before {
			s.idle = 0
		} else if s.idle++; s.idle > setbacks {
			return stuck
		}
	}
	return paused
}

func sideOf(z []float64) float64 { return z[len(z)-2] - z[len(z)-1] }

// planes returns the supporting values w.z of the support, one for each side.
func (s *hulls) planes() (a, b float64) {
	m := len(s.w)
	for t, i := range s.c.rows {
		v := s.c.alpha[t] * floats.Dot(s.w, s.points[s.inside[i]][:m])
		if s.c.side[t] > 0 {
			a += v
		} else {
			b += v
		}
	}
	return a, b
}

// price returns the working row farthest behind its plane, and how far. It looks
// at a short list of rows that were far behind lately; only when none of them is
// still half as far behind as the worst was then, it looks at all and makes a
// new list. A depth of a list is thus not the largest, and "none" is always said
// of all rows.
func (s *hulls) price() (next int, depth float64) {
	planeA, planeB := s.planes()
	if next, depth = s.deepest(s.list, planeA, planeB); next >= 0 && depth >= s.listed/2 {
		return next, depth
	}
	depths := make([]float64, len(s.points))
	parallel.Ranges(len(s.points), func(from, to int) {
		for t := from; t < to; t++ {
			depths[t] = s.depth(t, planeA, planeB)
		}
	})
	s.listed = floats.Max(depths)
	s.list = s.list[:0]
	for t, d := range depths {
		if d > 0 && d >= s.listed/2 && len(s.list) < listLength {
			s.list = append(s.list, t)
		}
	}
	if len(s.list) == 0 {
		return -1, 0
	}
	next = floats.MaxIdx(depths)
	return next, depths[next]
}

// depth is how far working row t lies behind its side's plane.
func (s *hulls) depth(t int, planeA, planeB float64) float64 {
	z, m := s.points[t], len(s.w)
	d := planeB
	if z[m] > 0 {
		d = planeA
	}
	return d - floats.Dot(s.w, z[:m])
}

// deepest returns the row of the list that is farthest behind, -1 for none.
func (s *hulls) deepest(list []int, planeA, planeB float64) (next int, depth float64) {
	next = -1
	for _, t := range list {
		if d := s.depth(t, planeA, planeB); d > depth {
			next, depth = t, d
		}
	}
	return next, depth
}

// settle makes minor steps until all weights are positive, then sets w and
// length.
func (s *hulls) settle() outcome {
	c := &s.c
	for {
		target, ca, cb, ok := c.affine()
		if !ok {
			return stuck
		}
		step, leaving := 1.0, -1
		for t, v := range target {
			if v <= 0 {
				if ratio := c.alpha[t] / (c.alpha[t] - v); leaving < 0 || ratio < step {
					step, leaving = ratio, t
				}
			}
		}
		if leaving < 0 {
			copy(c.alpha, target)
			w, length, ok := c.direction(ca, cb)
			s.length = length
			if !ok {
				s.length = 0
				return meeting
			}
			s.w = w
			return optimal
		}
		if math.IsNaN(step) {
			step = 0
		}
		for t, v := range target {
			c.alpha[t] = max(0, c.alpha[t]+step*(v-c.alpha[t]))
		}
		c.remove(leaving)
	}
}
