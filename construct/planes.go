package construct

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// Hyperplanes that give every row a cell of its own, for sphere.
//
// The search is greedy. Rows that no hyperplane tells apart yet share a cell.
// Each step takes two rows of a largest cell and tries a few directions: their
// difference, the input they differ in most, random ones. Along each, a
// hyperplane may stand in any gap between consecutive rows that is wide enough for the
// arithmetic; sweeping once over the sorted rows counts for every gap how many
// pairs that still share a cell it parts. Of the gaps that part nearly the most
// the widest is taken, and of the directions the one that parts the most.
//
// A hyperplane through the middle of every cell would halve them all and
// log2(n) would do; the best of some dozens takes about twice as many: halving
// all cells at once gets harder the smaller they are.

const (
	// For each hyperplane so many directions are tried, between these numbers, as
	// take about planeWork multiplications.
	leastTries  = 8
	mostTries   = 64
	planeWork   = 1 << 22
	nearlyMost  = 0.9 // a gap may part this share of the most pairs for being wider
	planeStream = 0x5fe
)

// A plane is the hyperplane u.x = theta, and which rows lie to its right.
type plane struct {
	u     []float64 // d
	theta float64
	slope float64 // a power of two: slope |u.x - theta| >= awakeRamp on all rows
	right []bool  // n
	parts int     // pairs of rows that shared a cell and that it tells apart
	gap   float64 // width of the gap it stands in, as a fraction of the range
}

// planeSearch is the state of the search.
type planeSearch struct {
	p      *Problem
	x      *mat.Dense
	most   int // hyperplanes that may be used
	planes []*plane
	cell   []int // n: the cell of each row
	size   []int // rows in each cell
	rng    *rand.Rand
	along  map[int]*projection // projections along the inputs, kept where there are few
}

// separate finds hyperplanes until every row has a cell of its own; it returns
// an [*UnfitError] when two rows are too close to each other.
func (s *planeSearch) separate() error {
	n, _ := s.x.Dims()
	s.cell, s.size = make([]int, n), []int{n}
	s.rng = rand.New(rand.NewPCG(s.p.Seed, planeStream))
	s.along = map[int]*projection{}
	for {
		a, b := s.pair()
		if a < 0 {
			return nil
		}
		if len(s.planes) == s.most {
			return sphereFits(s.p, s.most+1)
		}
		best := s.best(a, b)
		if best == nil {
			return &UnfitError{
				Construction: "sphere",
				Reason:       fmt.Sprintf("in %v no hyperplane that misses all rows was found between rows %d and %d", s.p.Precision, s.p.Set.Rows[a], s.p.Set.Rows[b]),
				Advice:       "identity tells rows apart one by one" + orFloat64(s.p),
			}
		}
		s.planes = append(s.planes, best)
		s.divide(best)
	}
}

// pair returns two rows of a largest cell, or -1 when all rows are alone.
func (s *planeSearch) pair() (a, b int) {
	largest := 0
	for c, size := range s.size {
		if size > s.size[largest] {
			largest = c
		}
	}
	if s.size[largest] < 2 {
		return -1, -1
	}
	first := s.rng.IntN(s.size[largest])
	second := (first + 1 + s.rng.IntN(s.size[largest]-1)) % s.size[largest]
	at := 0
	for i, c := range s.cell {
		if c != largest {
			continue
		}
		if at == first {
			a = i
		}
		if at == second {
			b = i
		}
		at++
	}
	return a, b
}

// divide gives the rows to the right of the plane cells of their own, and numbers
// the cells anew.
func (s *planeSearch) divide(pl *plane) {
	number := make(map[[2]int]int)
	s.size = s.size[:0]
	for i, c := range s.cell {
		key := [2]int{c, 0}
		if pl.right[i] {
			key[1] = 1
		}
		id, seen := number[key]
		if !seen {
			id = len(s.size)
			number[key] = id
			s.size = append(s.size, 0)
		}
		s.cell[i] = id
		s.size[id]++
	}
}

// best returns the hyperplane that parts the most pairs, of those tried for the
// rows a and b; nil when none parts any.
func (s *planeSearch) best(a, b int) *plane {
	n, d := s.x.Dims()
	var tried []*projection
	if d == 1 {
		tried = append(tried, s.axis(0))
	} else {
		tried = append(tried, s.axis(s.apart(a, b)), project(s.p, s.x, s.difference(a, b)))
		for range max(leastTries, min(mostTries, planeWork/(n*d))) - 2 {
			i, j := s.rng.IntN(n), s.rng.IntN(n)
			u := s.difference(i, j)
			if i == j || s.rng.IntN(2) == 0 {
				u = randomDirection(s.rng, d)
			}
			tried = append(tried, project(s.p, s.x, u))
		}
	}
	found := make([]*plane, len(tried))
	parallel.Each(len(tried), func(k int) { found[k] = s.stand(tried[k]) })
	var best *plane
	for _, pl := range found {
		if pl != nil && (best == nil || cmp.Or(cmp.Compare(pl.parts, best.parts), cmp.Compare(pl.gap, best.gap)) > 0) {
			best = pl
		}
	}
	return best
}

// axis returns the projection on input j.
func (s *planeSearch) axis(j int) *projection {
	if proj := s.along[j]; proj != nil {
		return proj
	}
	_, d := s.x.Dims()
	u := make([]float64, d)
	u[j] = 1
	proj := project(s.p, s.x, u)
	if len(s.along) < 16 {
		s.along[j] = proj
	}
	return proj
}

// apart returns the input in which rows a and b differ most.
func (s *planeSearch) apart(a, b int) int {
	best, most := 0, -1.0
	for j, v := range s.x.RawRowView(a) {
		if gap := math.Abs(v - s.x.At(b, j)); gap > most {
			best, most = j, gap
		}
	}
	return best
}

// difference returns the direction from row a to row b, its largest entry about
// 1, shortened.
func (s *planeSearch) difference(a, b int) []float64 {
	_, d := s.x.Dims()
	u := make([]float64, d)
	largest := 0.0
	for j := range u {
		u[j] = s.x.At(b, j)/2 - s.x.At(a, j)/2
		largest = max(largest, math.Abs(u[j]))
	}
	if largest == 0 {
		return u
	}
	for j := range u {
		u[j] = math.Ldexp(math.Round(math.Ldexp(u[j]/largest, directionBits)), -directionBits)
	}
	return u
}

// stand returns the best hyperplane along a projection, or nil.
func (s *planeSearch) stand(proj *projection) *plane {
	n := len(proj.order)
	if !proj.withinRange(s.p.Precision) {
		return nil
	}
	parts := s.sweep(proj)
	most := slices.Max(parts)
	if most == 0 {
		return nil
	}
	// low[k] is the upper end of all rows before position k, high[k] the lower
	// end of the others.
	low, high := make([]float64, n+1), make([]float64, n+1)
	low[0], high[n] = math.Inf(-1), math.Inf(1)
	for k, i := range proj.order {
		low[k+1] = max(low[k], proj.t[i]+proj.half[i])
	}
	for k := n - 1; k >= 0; k-- {
		high[k] = min(high[k+1], proj.lower(proj.order[k], 1))
	}
	limit := steepest(s.p.Precision, proj)
	for share := nearlyMost; share > 1e-9; share /= 4 {
		var best *plane
		at := 0
		for k := 1; k < n; k++ {
			if parts[k] == 0 || float64(parts[k]) < share*float64(most) || best != nil && high[k]-low[k] <= best.gap {
				continue
			}
			if theta, slope, ok := placePlane(s.p.Precision, low[k], high[k], limit); ok {
				best, at = &plane{u: proj.u, theta: theta, slope: slope, parts: parts[k], gap: high[k] - low[k]}, k
			}
		}
		if best != nil {
			best.right = make([]bool, n)
			for _, i := range proj.order[at:] {
				best.right[i] = true
			}
			best.gap /= max(math.SmallestNonzeroFloat64, low[n]-high[0])
			return best
		}
	}
	return nil
}

// sweep returns for every position k how many pairs of rows of one cell lie on
// both sides of a hyperplane before the k-th row.
func (s *planeSearch) sweep(proj *projection) []int {
	parts := make([]int, len(proj.order)+1)
	left := make([]int, len(s.size))
	now := 0
	for k, i := range proj.order {
		c := s.cell[i]
		// The row leaves the right side, where size-left-1 others stay, and joins left.
		now += s.size[c] - 2*left[c] - 1
		left[c]++
		parts[k+1] = now
	}
	return parts
}

// placePlane returns a threshold between low and high and a slope, a power of two,
// such that both ramps have at least awakeRamp on their rows. It fails when the
// gap is too narrow.
func placePlane(prec network.Precision, low, high, limit float64) (theta, slope float64, ok bool) {
	theta = prec.Round(low + (high-low)/2)
	room := rampMargin / awakeRamp * min(theta-low, high-theta)
	if !(room > 0) {
		return 0, 0, false
	}
	_, exp := math.Frexp(room)
	slope = math.Ldexp(1, 1-exp)
	return theta, slope, slope <= limit
}

// ramps returns the first hidden layer: the ramps to the right of all planes,
// then those to the left.
func (s *planeSearch) ramps() (*network.Projected, []float64) {
	_, d := s.x.Dims()
	m := len(s.planes)
	r := &network.Projected{P: network.NewDense(m, d, make([]float64, m*d)), Pick: make([]int32, 2*m), Scale: make([]float64, 2*m)}
	bias := make([]float64, 2*m)
	for j, pl := range s.planes {
		copy(r.P.Row(j), pl.u)
		r.Pick[j], r.Pick[m+j] = int32(j), int32(j)
		r.Scale[j], r.Scale[m+j] = pl.slope, -pl.slope
		bias[j], bias[m+j] = -pl.slope*pl.theta, pl.slope*pl.theta
	}
	return r, bias
}
