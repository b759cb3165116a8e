package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// The directions of plateau gates. Along one random direction n rows leave
// about n^2 h/range pairs that rounding does not tell apart (h the rounding of
// a projection). A second, independent direction leaves that number times
// another factor h/range, and so on: q projections serve up to about
// n = (range/h)^(q/2) rows. In float64 (h about 1e-15) one is enough for
// millions of rows; in float32 (h about 1e-6) two or three serve tens of
// thousands.
//
// The search takes, for the first projection, the best of a few random
// directions, and lists the pairs of rows that still meet: after one sort,
// these are neighbours, so the list costs O(n + its length). Every further
// projection is the one that tells most of the listed pairs apart. Coordinates
// are candidates too: along a coordinate no rounding happens at all, so rows
// that differ in one input are told apart by it, however close they are.

const (
	maxProjections = 12      // more have never been of use; float32 tables of 60,000 rows need 3
	firstTries     = 6       // directions tried as the first projection; the search stops at a perfect one
	firstWork      = 1 << 27 // and stops trying after about this many multiplications
	laterTries     = 24      // random directions tried for every further projection
	scoutedPairs   = 4096    // pairs on which candidates for further projections are compared
	minMeetings    = 1 << 22 // pairs of rows that may be listed, whatever the size of the table
	fewerFrom      = 32      // inputs from which directions along an eighth of them are tried
	gateStream     = 0x6a7e  // the stream of random numbers, so that other searches draw others
)

// plateauGates returns one gate per row of x (n x d, scaled inputs, exact
// data): exactly 1 on its own row and exactly 0 on every other row. Narrow
// gates are slivers around their rows; otherwise a gate fills the gap to the
// next row. It returns an [*UnfitError] in the name of a construction when two
// rows cannot be told apart.
func plateauGates(name string, p *Problem, x *mat.Dense, narrow bool) (*gates, error) {
	s := &gateSearch{p: p, x: x, narrow: narrow, rng: rand.New(rand.NewPCG(p.Seed, gateStream))}
	s.used = varyingColumns(x)
	first, left := s.first()
	switch {
	case s.overflow:
		return nil, &UnfitError{name, fmt.Sprintf("the inputs come near the largest %v numbers", p.Precision), "scale the columns down"}
	case first == nil:
		return nil, s.crowded(name)
	}
	g := &gates{strips: []*strip{first}}
	for len(left) > 0 {
		next := s.next(left)
		rest := next.stillMeeting(left)
		g.strips = append(g.strips, next)
		if len(rest) == len(left) || len(rest) > 0 && len(g.strips) == maxProjections {
			return nil, s.inseparable(name, rest[0])
		}
		left = rest
	}
	return g, nil
}

// stillMeeting returns those of the meetings that the strip does not end.
func (st *strip) stillMeeting(left []meeting) []meeting {
	const chunks = 32
	var rest [chunks][]meeting
	parallel.Each(chunks, func(c int) {
		for _, m := range left[len(left)*c/chunks : len(left)*(c+1)/chunks] {
			if st.meets(m.i, m.j) {
				rest[c] = append(rest[c], m)
			}
		}
	})
	return slices.Concat(rest[:]...)
}

// withinRange reports whether the projections are finite and far enough from
// overflow for ramps.
func (proj *projection) withinRange(prec network.Precision) bool {
	huge := 0x1p900
	if prec == network.Float32 {
		huge = 0x1p90
	}
	for i, t := range proj.t {
		if !(math.Abs(t) <= huge && proj.half[i] <= huge) {
			return false
		}
	}
	return true
}

// gateSearch is the state of the search for directions.
type gateSearch struct {
	p      *Problem
	x      *mat.Dense
	narrow bool
	rng    *rand.Rand
	used   []int // the columns of x that are not constant

	overflow bool // the projections come near the largest number
}

// varyingColumns returns the columns of x that hold two different values.
func varyingColumns(x *mat.Dense) []int {
	n, d := x.Dims()
	varies := make([]bool, d)
	left := d
	first := x.RawRowView(0)
	for i := 1; i < n && left > 0; i++ {
		for j, v := range x.RawRowView(i) {
			if v != first[j] && !varies[j] {
				varies[j] = true
				left--
			}
		}
	}
	var columns []int
	for j, v := range varies {
		if v {
			columns = append(columns, j)
		}
	}
	return columns
}

// first returns the best of a few strips, and the pairs that meet in it; nil
// when too many meet in all of them.
func (s *gateSearch) first() (*strip, []meeting) {
	n, d := s.x.Dims()
	limit := max(minMeetings, n*d) // the list takes at most the memory of x
	tries := max(2, min(firstTries, firstWork/(n*d+1)))
	var best *strip
	least := limit + 1
	for try := 0; try < tries && least > 0; try++ {
		u := s.random(try)
		if len(s.used) < 2 {
			u, try = s.axis(0), tries
		}
		proj := project(s.p, s.x, u)
		if s.overflow = !proj.withinRange(s.p.Precision); s.overflow {
			return nil, nil
		}
		st := newStrip(s.p, proj, s.narrow)
		if looks := st.looks(); looks < least {
			best, least = st, looks
		}
	}
	if best == nil {
		return nil, nil
	}
	return best, best.meetings()
}

// random returns a random direction. Every second try looks along an eighth of
// the columns only: fewer terms round less, which pays when there are hundreds.
func (s *gateSearch) random(try int) []float64 {
	_, d := s.x.Dims()
	u := make([]float64, d)
	if len(s.used) == 0 {
		return s.axis(0)
	}
	keep := len(s.used)
	if try%2 == 1 && keep >= fewerFrom {
		keep /= 8
	}
	for _, k := range s.rng.Perm(len(s.used))[:keep] {
		// All bits of the format: short entries make ties on integer tables.
		u[s.used[k]] = s.p.Precision.Round(0.5 + s.rng.Float64()/2)
		if s.rng.IntN(2) == 1 {
			u[s.used[k]] *= -1
		}
	}
	return u
}

// axis returns the direction of the k-th column that is not constant.
func (s *gateSearch) axis(k int) []float64 {
	_, d := s.x.Dims()
	u := make([]float64, d)
	if len(s.used) > 0 {
		k = s.used[k]
	}
	u[k] = 1
	return u
}

// next returns the strip along the candidate direction that tells most of the
// given pairs apart, judged on a sample of them.
func (s *gateSearch) next(left []meeting) *strip {
	sample := left
	if len(left) > scoutedPairs {
		sample = make([]meeting, scoutedPairs)
		for k := range sample {
			sample[k] = left[len(left)/scoutedPairs*k]
		}
	}
	var candidates [][]float64
	for try := range laterTries {
		candidates = append(candidates, s.random(try))
	}
	candidates = append(candidates, s.axis(s.bestAxis(sample)))
	var best []float64
	most := -1
	for _, u := range candidates {
		if apart := s.apart(u, sample); apart > most {
			best, most = u, apart
		}
	}
	return newStrip(s.p, project(s.p, s.x, best), s.narrow)
}

// bestAxis returns the index into used of the column in which most of the
// pairs differ.
func (s *gateSearch) bestAxis(pairs []meeting) int {
	best, most := 0, -1
	for k, j := range s.used {
		differ := 0
		for _, m := range pairs {
			if s.x.At(int(m.i), j) != s.x.At(int(m.j), j) {
				differ++
			}
		}
		if differ > most {
			best, most = k, differ
		}
	}
	return best
}

// apart returns how many of the pairs lie apart along u by enough for a ramp.
func (s *gateSearch) apart(u []float64, pairs []meeting) int {
	gamma, tiny := dotError(s.p.Precision, u)
	count := 0
	for _, m := range pairs {
		ti, ai := dot(u, s.x.RawRowView(int(m.i)))
		tj, aj := dot(u, s.x.RawRowView(int(m.j)))
		need := plateauSlack * (float64(gamma*(2*ai+aj)) + 3*tiny) // both enclosures and half a plateau
		if math.Abs(ti-tj) > need {
			count++
		}
	}
	return count
}

// inseparable says that no projection tells the rows of m apart.
func (s *gateSearch) inseparable(name string, m meeting) error {
	i, j := s.p.Set.Rows[min(m.i, m.j)], s.p.Set.Rows[max(m.i, m.j)]
	e := &UnfitError{
		Construction: name,
		Reason:       fmt.Sprintf("rows %d and %d are too close to each other to be told apart in %v", i, j, s.p.Precision),
		Advice:       "drop one of the two, or the outliers that dwarf the columns in which they differ",
	}
	if s.p.Precision == network.Float32 {
		e.Advice = "use float64, or drop one of the two"
	}
	return e
}

// crowded says that too many rows meet, and names two that do.
func (s *gateSearch) crowded(name string) error {
	st := newStrip(s.p, project(s.p, s.x, s.axis(0)), s.narrow)
	at := 0
	right := &st.sides[0]
	for a, i := range st.order {
		if right.reach[i] > right.reach[st.order[at]] {
			at = a
		}
	}
	e := s.inseparable(name, meeting{int32(st.order[at]), int32(st.order[min(at+1, len(st.order)-1)])}).(*UnfitError)
	e.Reason += ", and neither are most others"
	return e
}
