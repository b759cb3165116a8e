package construct

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// Blocks for slab-classes: cutting the rows along a direction into as few slabs
// as possible in each of which the classes are linearly separable.
//
// Whether some rows are separable is found out by a dual ascent. Scores w_c of
// least change from w0, those of the slab before, with
//
//	(w_own - w_c).phi_i >= 1  for all rows i and other classes c,
//
// are w0 + sum alpha_ic (e_own - e_c) phi_i with alpha >= 0; the ascent goes
// over the pairs (i, c), each time setting alpha_ic so that the constraint holds
// with equality or alpha_ic is 0 (Hildreth 1957; Hsieh et al. 2008 for classes).
// It ends when all margins are above 1/2, or after a bounded number of passes;
// not found is then no proof, and only makes a block shorter. The scores
// count only if each row's margin exceeds what rounding can do to it, in any order.
//
// Rows of a separable set are separable, so the longest block is found by
// doubling and bisection, and taking each block as long as it will go is optimal
// among cuts where the gap is wide enough (as in blocks.go).

const (
	// separatingWork bounds the multiplications of the passes over one set of
	// rows, separatingPasses their number.
	separatingWork   = 1 << 27
	separatingPasses = 250
	// sizeEffort multiplies both where the fewest units are asked for: blocks get
	// some 5 % longer.
	sizeEffort = 6
	// bisectionShare is the part of a block that bisection leaves undecided.
	bisectionShare = 64
	// cutWork bounds the multiplications of cutting along all directions that are
	// tried; at least one is tried whatever it takes.
	cutWork = 2e9
)

// classRows is the rows to be separated, in the order along a direction.
type classRows struct {
	classes int
	phi     *mat.Dense // n x m: features divided by scale and a last 1, by position
	class   []int      // n, by position
	scale   []float64  // m-1: powers of two
	effort  int        // 1, or more passes for longer blocks
	// relative bounds the rounding of a score as a fraction of its terms'
	// magnitudes.
	relative float64
}

// classSlabs is slabs and their scores.
type classSlabs struct {
	*slabs // grown holds the scores, k x m each
	rows   *classRows
}

// bestClassSlabs cuts the rows of x, with the given features (n x m-1), along
// several directions, as many as cutWork pays for, and returns the fewest slabs.
func bestClassSlabs(p *Problem, x, features *mat.Dense) (*classSlabs, error) {
	n, _ := x.Dims()
	_, m := features.Dims()
	perDirection := 64 * float64(n) * float64(m+1) * float64(p.Set.P())
	tries := int(max(1, min(6, cutWork/perDirection)))
	list := classDirections(p, x, max(2, tries/2))
	list = list[:min(len(list), max(tries, 1))]
	found, stuck := make([]*classSlabs, len(list)), make([]int, len(list))
	parallel.Each(len(list), func(a int) {
		s := newSlabs(p, x, list[a])
		found[a] = &classSlabs{s, newClassRows(p, features, s.along.order)}
		stuck[a] = found[a].cutClasses(p.Precision.Eps())
	})
	best := -1
	for a := range found {
		if stuck[a] < 0 && (best < 0 || found[a].count() < found[best].count()) {
			best = a
		}
	}
	if best < 0 {
		s := found[0]
		i := s.along.order[stuck[0]]
		return nil, slabClassesUnfit(fmt.Sprintf("in %v row %d can neither be separated from the next rows nor parted from them by a cut", p.Precision, p.Set.Rows[i]),
			"identity tells rows apart in more ways"+orFloat64(p))
	}
	return found[best], nil
}

func newClassRows(p *Problem, features *mat.Dense, order []int) *classRows {
	n, m := features.Dims()
	m++
	r := &classRows{classes: p.Set.P(), phi: mat.NewDense(n, m, nil), class: make([]int, n), scale: make([]float64, m-1), effort: 1}
	if p.Goal == SizeGoal {
		r.effort = sizeEffort
	}
	r.relative = termError(p.Precision, m+otherTerms+2)
	for j := range r.scale {
		r.scale[j] = powerOfTwoAbove(rootMeanSquare(features, j))
	}
	for k, i := range order {
		f := r.phi.RawRowView(k)
		for j, v := range features.RawRowView(i) {
			f[j] = v / r.scale[j]
		}
		f[m-1] = 1
		r.class[k] = p.Set.Class[i]
	}
	return r
}

// cutClasses cuts all rows into blocks; it returns the position where it got
// stuck, or -1.
func (s *classSlabs) cutClasses(eps float64) (stuck int) {
	n, m := s.rows.phi.Dims()
	s.starts, s.grown = []int{0}, nil
	w := mat.NewDense(s.rows.classes, m, nil)
	length := 2 * m
	for from := 0; from < n; {
		to, grown := s.rows.longest(from, length, w)
		if to == from { // too far from where the scores stood
			to, grown = s.rows.longest(from, 2*m, mat.NewDense(s.rows.classes, m, nil))
		}
		length = max(2, to-from)
		cut := to
		for cut > from && cut < n && !s.canCut(cut, eps) {
			cut--
		}
		if cut == from {
			return from
		}
		w = grown
		s.starts, s.grown = append(s.starts, cut), append(s.grown, s.rows.scaledToMargin(w, from, to))
		from = cut
	}
	return -1
}

// longest returns the end of the longest separable block that begins at
// position from, and its scores (k x m). It looks near from+guess first, starting
// from the scores w.
func (r *classRows) longest(from, guess int, w *mat.Dense) (to int, scores *mat.Dense) {
	n, _ := r.phi.Dims()
	good, bad := from, 0
	step := max(1, guess)
	for at := min(n, from+step); ; at = min(n, at+step) {
		if found := r.separate(from, at, w); found != nil {
			good, scores, w = at, found, found
		} else {
			bad = at
			break
		}
		if at == n {
			return n, scores
		}
		step = max(1, (good-from)/2)
	}
	for bad-good > max(1, (good-from)/bisectionShare) {
		at := good + (bad-good)/2
		if found := r.separate(from, at, w); found != nil {
			good, scores, w = at, found, found
		} else {
			bad = at
		}
	}
	return good, scores
}

// separate returns scores (k x m) that set the rows from..to-1 right, by more
// than their roundings, starting from w; nil when it finds none.
func (r *classRows) separate(from, to int, w *mat.Dense) *mat.Dense {
	_, m := r.phi.Dims()
	block, class := r.phi.Slice(from, to, 0, m).(*mat.Dense), r.class[from:to]
	found := mat.DenseCopyOf(w)
	passes := r.effort * min(separatingPasses, 4+separatingWork/((to-from)*m*r.classes))
	if !r.ascend(found, block, class, passes) || !r.holds(found, block, class) {
		return nil
	}
	return found
}

// ascend goes up to so many times over the rows of a block and reports whether
// all margins came above 1/2.
func (r *classRows) ascend(w, block *mat.Dense, class []int, passes int) bool {
	n, _ := block.Dims()
	k := r.classes
	alpha, square := make([]float64, n*k), make([]float64, n)
	for i := range square {
		square[i] = 2 * inner(block.RawRowView(i), block.RawRowView(i))
	}
	score := make([]float64, k)
	for range passes {
		held := true
		for i := range n {
			row, own := block.RawRowView(i), class[i]
			for c := range score {
				score[c] = fixedDot(w.RawRowView(c), row)
			}
			for c := range score {
				if c == own {
					continue
				}
				margin := score[own] - score[c]
				held = held && margin > 0.5
				step := max(-alpha[i*k+c], (1-margin)/square[i])
				if step == 0 {
					continue
				}
				alpha[i*k+c] += step
				fixedAxpy(w.RawRowView(own), step, row)
				fixedAxpy(w.RawRowView(c), -step, row)
				score[own] += step * square[i] / 2
				score[c] -= step * square[i] / 2
			}
		}
		if held {
			return true
		}
	}
	return false
}

// holds reports whether every margin of the block is above its roundings.
func (r *classRows) holds(w, block *mat.Dense, class []int) bool {
	return r.leastMargin(w, block, class, true) > 0
}

// leastMargin returns the least margin of the block's rows; with rounding asked
// for, 0 when a row's own roundings may eat half of its margin.
func (r *classRows) leastMargin(w, block *mat.Dense, class []int, rounding bool) float64 {
	n, _ := block.Dims()
	least := math.Inf(1)
	out, size := make([]float64, r.classes), make([]float64, r.classes)
	for i := range n {
		row := block.RawRowView(i)
		for c := range out {
			out[c], size[c] = dot(w.RawRowView(c), row)
		}
		own := class[i]
		for c := range out {
			if c == own {
				continue
			}
			margin := out[own] - out[c]
			if rounding && !(margin > 4*r.relative*(size[own]+size[c]+size[r.classes-1])) {
				return 0
			}
			least = min(least, margin)
		}
	}
	return least
}

// scaledToMargin returns the scores of the block from..to-1 scaled so that the
// least margin is 2.
func (r *classRows) scaledToMargin(w *mat.Dense, from, to int) *mat.Dense {
	_, m := r.phi.Dims()
	least := r.leastMargin(w, r.phi.Slice(from, to, 0, m).(*mat.Dense), r.class[from:to], false)
	scaled := mat.DenseCopyOf(w)
	scaled.Scale(2/least, scaled)
	return scaled
}
