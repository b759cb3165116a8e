package lp

import (
	"context"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/floats"

	"hinge/internal/exact"
	"hinge/internal/parallel"
)

// Sizes of the working set, from runs on layers of 256 units and 60,000 rows.
const (
	wholeSet      = 3000 // up to so many different rows, all work from the start
	firstPerSide  = 1000 // otherwise so many of either side, the least-squares fit's worst
	roundPerSide  = 500  // and up to so many more of either side a round
	stepsPerRound = 128  // major steps between two looks at all rows
	exactSize     = 1e6  // numbers up to which hyperplanes are checked in rational arithmetic
)

// OutOfTime is why a result is Unknown when patience ran out.
const OutOfTime = "patience ran out"

// Separate decides whether a hyperplane has all rows with in[i] on its positive
// side and all others on its negative side. It stops when the verdict is
// verified and the margin's bounds are within opt.Gap, when rounding errors
// allow nothing better, or when patience runs out; it then returns the best that
// was proven. It panics when in has not one element a row.
func (p *Points) Separate(ctx context.Context, in []bool, opt Options) Result {
	if len(in) != p.n {
		panic("lp: memberships and rows differ in number")
	}
	if opt.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opt.Patience)
		defer cancel()
	}
	if r, done := p.trivial(in); done {
		return r
	}
	s := &search{p: p, frame: p.plainFrame(), in: in, opt: opt, ctx: ctx, hulls: newHulls(len(p.columns)+2, opt.gap())}
	s.result = Result{Verdict: Unknown, Upper: math.Inf(1)}
	s.scores = make([]float64, len(p.first))
	s.scoreAll(p.leastSquares(in))
	s.open()
	s.run()
	if s.result.Verdict == Unknown && ctx.Err() == nil {
		if f := p.fineFrame(ctx); f != nil {
			s.frame, s.hulls = f, newHulls(len(p.columns)+2, opt.gap())
			s.open()
			s.run()
		}
	}
	if s.result.Verdict == Unknown && ctx.Err() == nil {
		s.exactly()
	}
	if s.result.Verdict == Unknown && ctx.Err() != nil {
		s.result.Why = OutOfTime
	}
	return s.result
}

// trivial settles what needs no search: a side without points, and equal points
// on both sides.
func (p *Points) trivial(in []bool) (Result, bool) {
	sides := map[bool]bool{}
	for i, member := range in {
		sides[member] = true
		if r := p.rep[i]; in[r] != member {
			rows := []int{r, i}
			if !in[r] {
				rows = []int{i, r}
			}
			c := &Common{Rows: rows, Num: ones(2), Den: ones(1)[0]}
			if p.CheckCommon(c, in) == nil {
				return Result{Verdict: Inseparable, Common: c}, true
			}
		}
	}
	if len(sides) == 2 {
		return Result{}, false
	}
	plane := &Hyperplane{W: make([]float64, p.m), B: signOf(in[0])}
	margin, _ := p.Check(plane, in)
	return Result{Verdict: Separable, Plane: plane, Lower: margin, Upper: math.Inf(1)}, true
}

// search is one call of Separate.
type search struct {
	*hulls
	p      *Points
	frame  *frame
	in     []bool
	opt    Options
	ctx    context.Context
	scores []float64 // of the rows p.first: how far on its own side each lies, see price
	result Result
}

// open chooses the first working rows and the first support.
func (s *search) open() {
	perSide := firstPerSide
	if len(s.p.first) <= wholeSet {
		perSide = wholeSet
	}
	a, b := s.worst(perSide, math.Inf(1))
	for _, side := range [][]int{a, b} {
		for _, i := range side {
			s.bring(s.p, s.frame, i, s.in[i])
		}
	}
	if s.start(a[0], b[0]) { // a bound, should the time be up already
		s.result.Upper = min(s.result.Upper, s.p.upperMargin(s.c.rows, s.c.alpha, s.in))
	}
}

// scoreAll sets the scores of all different rows: y w.(h - mean) scale.
func (s *search) scoreAll(w []float64) {
	p := s.p
	if s.frame.z != nil {
		for t, z := range s.frame.z {
			s.scores[t] = signOf(s.in[p.first[t]]) * floats.Dot(w, z)
		}
		return
	}
	full, shift := make([]float64, p.m), 0.0
	for c, j := range p.columns {
		full[j] = w[c] * p.scale
		shift += full[j] * p.mean[c]
	}
	parallel.Ranges(len(p.first), func(from, to int) {
		for t := from; t < to; t++ {
			i := p.first[t]
			s.scores[t] = signOf(s.in[i]) * (floats.Dot(full, p.h.RawRowView(i)) - shift)
		}
	})
}

// worst returns for either side the up to most rows of the lowest scores,
// ascending, that lie below the level.
func (s *search) worst(most int, level float64) (a, b []int) {
	order := make([]int, 0, len(s.scores))
	for t, v := range s.scores {
		if v < level || math.IsInf(level, 1) {
			order = append(order, t)
		}
	}
	sort.SliceStable(order, func(x, y int) bool { return s.scores[order[x]] < s.scores[order[y]] })
	for _, t := range order {
		if i := s.p.first[t]; s.in[i] && len(a) < most {
			a = append(a, i)
		} else if !s.in[i] && len(b) < most {
			b = append(b, i)
		}
	}
	return a, b
}

// run descends on the working set and widens it until the matter is decided or
// no row is left to bring in.
func (s *search) run() {
	touch := touching * s.largest
	for s.ctx.Err() == nil {
		out := s.descend(s.ctx, stepsPerRound, touch)
		if len(s.c.rows) < 2 {
			return
		}
		s.result.Upper = min(s.result.Upper, s.p.upperMargin(s.c.rows, s.c.alpha, s.in))
		if out == meeting || out == stuck {
			if s.meet() {
				return
			}
			touch = s.length / 16 // it was not: look closer
			if len(s.w) == 0 {
				return
			}
			if out == stuck {
				s.look()
				return
			}
		}
		news := s.look()
		if s.closed() || out == optimal && !news {
			return
		}
	}
}

// closed reports whether the verdict stands and the bounds are close enough.
func (s *search) closed() bool {
	r := &s.result
	return r.Verdict == Separable && r.Upper-r.Lower <= s.opt.gap()*r.Upper
}

// meet tries the support as the carrier of a common point.
func (s *search) meet() bool {
	for _, least := range []float64{0, 1e-9} {
		var rows []int
		for t, i := range s.c.rows {
			if s.c.alpha[t] >= least {
				rows = append(rows, i)
			}
		}
		if c, err := s.p.commonOf(s.ctx, rows, s.in); err == nil {
			s.result = Result{Verdict: Inseparable, Common: c}
			return true
		}
	}
	return false
}

// look scores all rows along w, checks the hyperplane there if it seems to
// separate, and brings the rows that lie farthest behind their supporting planes
// to work. It reports whether any came.
func (s *search) look() (news bool) {
	s.scoreAll(s.w)
	nearest := map[bool]int{true: -1, false: -1} // side -> place in first
	for t, v := range s.scores {
		if n := nearest[s.in[s.p.first[t]]]; n < 0 || v < s.scores[n] {
			nearest[s.in[s.p.first[t]]] = t
		}
	}
	a, b := nearest[true], nearest[false]
	var doubtful []int
	if s.scores[a]+s.scores[b] > -behind*s.largest {
		doubtful = s.propose(s.p.first[a], s.p.first[b])
	}
	planeA, planeB := s.planes()
	tolerance := behind * s.largest
	for t, i := range s.p.first { // scores below become depths behind the planes
		if s.in[i] {
			s.scores[t] -= planeA
		} else {
			s.scores[t] -= planeB
		}
	}
	before := len(s.points)
	restA, restB := s.worst(roundPerSide, -tolerance)
	for _, rows := range [][]int{restA, restB, doubtful} {
		for _, i := range rows[:min(len(rows), roundPerSide)] {
			s.bring(s.p, s.frame, i, s.in[i])
		}
	}
	return len(s.points) > before
}

// propose checks the hyperplane with normal w midway between rows a and b, the
// nearest of either side, keeps it when it is the best so far, and returns the
// rows that refute it.
func (s *search) propose(a, b int) (violated []int) {
	p := s.p
	if s.frame.z != nil {
		if !finite(s.w) {
			return nil
		}
		level := s.scores[p.place[a]]/2 - s.scores[p.place[b]]/2
		coarse, fine := p.hyperplane(s.frame, s.w, level)
		if violated = s.accept(coarse); len(violated) > 0 && float64(len(p.first))*float64(p.m) <= exactSize {
			violated = s.accept(fine)
		}
		return violated
	}
	plane := &Hyperplane{W: make([]float64, p.m)}
	for c, j := range p.columns {
		plane.W[j] = s.w[c] * p.scale
	}
	if !finite(plane.W) {
		return nil
	}
	plane.B = -(exact.Dot(plane.W, p.h.RawRowView(a), 0)/2 + exact.Dot(plane.W, p.h.RawRowView(b), 0)/2)
	return s.accept(plane)
}

// accept keeps a hyperplane that is verified and better than the last.
func (s *search) accept(plane *Hyperplane) (violated []int) {
	margin, violated := s.p.Check(plane, s.in)
	if len(violated) > 0 {
		return violated
	}
	if s.result.Verdict != Separable || margin > s.result.Lower {
		s.result.Verdict, s.result.Plane, s.result.Lower = Separable, plane, margin
	}
	return nil
}

// tooClose is said of sides too near each other for floating point, and too
// many for the exact method.
const tooClose = "the sides are too near each other for floating point, and too large for the exact method"

// exactly is the last resort, in rational arithmetic on the working rows that
// are nearest to the hyperplane; rows that refute its answer join them.
func (s *search) exactly() {
	s.result.Why = tooClose
	most := simplexCells / (len(s.p.columns) + 2)
	if most < len(s.p.columns)+2 {
		return
	}
	if len(s.w) > 0 {
		s.scoreAll(s.w)
	}
	a, b := s.worst(most/4+1, math.Inf(1))
	rows := append(a, b...)
	for s.ctx.Err() == nil && len(rows) <= most+4 {
		common, coarse, fine, err := s.p.simplex(s.ctx, rows, s.in)
		if err != nil {
			return
		}
		if common != nil {
			if s.p.CheckCommon(common, s.in) == nil {
				s.result = Result{Verdict: Inseparable, Common: common}
			}
			return
		}
		violated := s.accept(coarse)
		if len(violated) > 0 {
			violated = s.accept(fine)
		}
		if len(violated) == 0 {
			s.result.Why = ""
			return
		}
		for _, i := range violated[:min(len(violated), most/8+1)] {
			if !slices.Contains(rows, i) {
				rows = append(rows, i)
			}
		}
	}
}
