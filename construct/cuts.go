package construct

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// Where to cut the rows into blocks (blocks.go), and along which direction.
//
// A cut is a threshold of t = u.x that every row must pass on its own side in
// floating point, in any order of summation. So every row counts with the
// interval that its rounded t lies in, and a gap is what remains between all
// intervals before the cut and all after it: a row with large inputs, whose t is
// rounded coarsely, is not overlooked because it lies elsewhere.

// slabs is rows cut into blocks along a direction.
type slabs struct {
	along *ordering
	// spare is the part of a block that may be given up for a wider gap: 0 for
	// the fewest blocks.
	spare  float64
	starts []int        // block k holds the sorted positions starts[k] to starts[k+1]-1
	grown  []*mat.Dense // the pieces' weights, p x m each, in the metric
	// below[k] and above[k] bound u.x of all rows before position k, and of all
	// rows from k on, whatever the order of summation: a threshold between them
	// separates the rows for certain. Indexed by position, 0..n.
	below, above []float64
}

// count returns K, the number of slabs.
func (s *slabs) count() int { return len(s.starts) - 1 }

// gap returns the width between the rows on both sides of the cut at position k.
func (s *slabs) gap(k int) float64 { return s.above[k] - s.below[k] }

// newSlabs orders the rows of x along u, and bounds u.x with the rounding of
// any order of summation.
func newSlabs(p *Problem, x *mat.Dense, u []float64) *slabs {
	n, _ := x.Dims()
	s := &slabs{along: orderAlong(p, x, u), below: make([]float64, n+1), above: make([]float64, n+1)}
	radius := make([]float64, n)
	for i := range radius {
		terms, sum := 3, 0.0
		for j, v := range x.RawRowView(i) {
			if u[j] != 0 && v != 0 {
				terms++
				sum += math.Abs(float64(u[j] * v))
			}
		}
		radius[i] = float64(terms) * p.Precision.Eps() * sum
	}
	s.below[0], s.above[n] = math.Inf(-1), math.Inf(1)
	for k, i := range s.along.order {
		s.below[k+1] = max(s.below[k], s.along.t[i]+radius[i])
	}
	for k := n - 1; k >= 0; k-- {
		i := s.along.order[k]
		s.above[k] = min(s.above[k+1], s.along.t[i]-radius[i])
	}
	return s
}

// A cut needs a gap of gapRoundings roundings of the numbers on its sides, so
// that the plateau edges, a quarter of the gap inside it, stay apart from the
// rows and from each other when rounded.
const gapRoundings = 64

func (s *slabs) canCut(k int, eps float64) bool {
	return s.gap(k) > gapRoundings*eps*max(math.Abs(s.above[k]), math.Abs(s.below[k]))
}

// cut cuts positions 0..end-1 into as few blocks as possible; it returns the
// position where it got stuck, or -1: rows that no block holds together and no
// gap parts.
func (s *slabs) cut(r *rowsToHit, end int) (stuck int) {
	s.starts, s.grown = []int{0}, nil
	for from := 0; from < end; {
		full := s.grow(r, from, end)
		reached := from + len(full.all)
		to := reached
		if to < end {
			to = s.bestCut(from, to, r.unit)
		}
		if to == from {
			return from
		}
		if to < reached {
			full = s.grow(r, from, to)
		}
		full.refine()
		s.starts, s.grown = append(s.starts, to), append(s.grown, full.w)
		from = to
	}
	return -1
}

// grow returns the piece that takes up the rows from position from on, to
// position end-1 or as far as it will go.
func (s *slabs) grow(r *rowsToHit, from, end int) *piece {
	c := r.newPiece()
	for at := from; at < end && c.add(s.along.order[at]); at++ {
	}
	return c
}

// bestCut returns the position at which to end the block from..to-1: the last
// one where the gap is wide enough, or, as far as the block has rows to spare,
// one before it where the gap is wider. It returns from when there is none.
func (s *slabs) bestCut(from, to int, eps float64) int {
	for to > from && !s.canCut(to, eps) {
		to--
	}
	best := to
	for k := to - 1; k > from && float64(to-k) <= s.spare*float64(to-from); k-- {
		if s.gap(k) > s.gap(best) {
			best = k
		}
	}
	return best
}

// pieces returns the weights (K*p x m-1, output by output) and constants (K*p)
// of the slabs' affine pieces, in the features' own units.
func (s *slabs) pieces(r *rowsToHit) (weights *mat.Dense, constants []float64) {
	_, m := r.phi.Dims()
	_, p := r.z.Dims()
	k := s.count()
	weights, constants = mat.NewDense(k*p, m-1, nil), make([]float64, k*p)
	for b, grown := range s.grown {
		for out := range p {
			w := grown.RawRowView(out)
			for j := range m - 1 {
				weights.Set(out*k+b, j, w[j]/r.scale[j])
			}
			constants[out*k+b] = w[m-1]
		}
	}
	return weights, constants
}

// directionFlops is the work that the choice of a direction may cost: about a
// second of one core.
const directionFlops = 1e9

// bestSlabs tries random directions, as many as directionFlops pays for and
// between 1 and 16, and returns the one with the fewest slabs on the positions
// before end (all of them for end = n). When blocks that start from the global
// fit get stuck in all directions, as wide tables in float32 may, it sets out
// once more from constants.
func bestSlabs(p *Problem, x *mat.Dense, r *rowsToHit, end int, spare float64) (*slabs, error) {
	_, d := x.Dims()
	found := make([]*slabs, int(max(1, min(16, directionFlops/(r.flopsPerRow()*float64(end))))))
	stuck := make([]int, len(found))
	for range 2 {
		parallel.Each(len(found), func(a int) {
			found[a] = newSlabs(p, x, slabDirection(p, d, uint64(a)))
			found[a].spare = spare
			stuck[a] = found[a].cut(r, end)
		})
		best := -1
		for a := range found {
			if stuck[a] < 0 && (best < 0 || found[a].count() < found[best].count()) {
				best = a
			}
		}
		if best >= 0 {
			return found[best], nil
		}
		r.startFromConstants()
	}
	return nil, found[0].whyStuck(p, r, stuck[0])
}

// whyStuck explains why cut got stuck at a position.
func (s *slabs) whyStuck(p *Problem, r *rowsToHit, at int) error {
	i := s.along.order[at]
	unfit := &UnfitError{Advice: "use a larger --tolerance or --construction identity" + orFloat64(p)}
	_, m := r.phi.Dims()
	if at+1 == len(s.along.order) || !r.newPiece().add(i) {
		unfit.Reason = fmt.Sprintf("in %v sums over %d features round by more than the tolerance allows at row %d", p.Precision, m-1, p.Set.Rows[i])
		return unfit
	}
	unfit.Reason = fmt.Sprintf("in %v rows %d and %d are too close to each other for their targets", p.Precision, p.Set.Rows[i], p.Set.Rows[s.along.order[at+1]])
	return unfit
}

// slabDirection returns random direction number a, with entries of the precision.
func slabDirection(p *Problem, d int, a uint64) []float64 {
	rng := rand.New(rand.NewPCG(p.Seed, 0x51ab<<16|a))
	u := make([]float64, d)
	norm := 0.0
	for j := range u {
		u[j] = rng.NormFloat64()
		norm += u[j] * u[j]
	}
	for j := range u {
		u[j] = p.Precision.Round(u[j] / math.Sqrt(norm))
	}
	return u
}
