package phi

import (
	"fmt"
	"math"
	"sort"
)

// This file reads a hidden layer on projections without its n x m numbers.
//
// The unit s(a t + b) is awake on one side of its threshold, so on a prefix or
// a suffix of the rows sorted by t: a binary search counts its rows, and
// differences of those counts give the awake units of every row. Cost
// O((n + m) log n).
//
// Rank along one coordinate [P]. Let t_0 < ... < t_{N-1} be the different
// values of t on the data and e_k = s(t - t_k). On the data, 1, e_0, ...,
// e_{N-2} are a basis of all functions of t (sorted, they are triangular with
// a nonzero diagonal). A unit awake from t_k on, with its threshold theta in
// [t_{k-1}, t_k), is
//
//	a s(t - theta) = alpha e_{k-1} + beta e_k,
//	alpha = a (t_k - theta)/(t_k - t_{k-1}), beta = a (theta - t_{k-1})/(t_k - t_{k-1}),
//
// with e_{N-1} = 0 (check both sides at t_{k-1}, at t_k, and that both are
// affine beyond). A unit awake below its threshold is the same plus
// a (theta - t), an affine function, by s(z) = z + s(-z); so modulo
// span{1, e_0} both sides count alike. The rank of such a chain of vectors, each on two
// neighbouring basis functions, is found from left to right in O(m).
//
// Worked case: knots at all points but the last (theta = t_{k-1}, so beta = 0)
// give e_0, ..., e_{N-2}: rank [Phi 1] = N.

// ladder is a layer of units along coordinates, each awake on one side.
type ladder struct {
	*coordinates
	from, to []int // per unit: the run of its coordinate's sorted rows it is awake on
}

// newLadder finds the run of every unit.
func newLadder(c *coordinates) *ladder {
	l := &ladder{coordinates: c, from: make([]int, len(c.of)), to: make([]int, len(c.of))}
	for u, k := range c.of {
		awake := func(r int) bool { return c.value(u, c.sorted(k, r)) > 0 }
		l.to[u] = c.n
		if c.scale[u] < 0 {
			l.to[u] = sort.Search(c.n, func(r int) bool { return !awake(r) })
		} else {
			l.from[u] = sort.Search(c.n, awake)
		}
	}
	return l
}

func (l *ladder) at(i, j int) float64 { return l.value(j, l.t[l.of[j]][i]) }

func (l *ladder) count(u int) int { return l.to[u] - l.from[u] }

// stats counts without visiting the entries.
func (l *ladder) stats() *Stats {
	s := &Stats{PerRow: make([]int, l.n), PerUnit: make([]int, len(l.of)), Patterns: -1}
	steps := make([][]int, len(l.t))
	for k := range steps {
		steps[k] = make([]int, l.n+1)
	}
	for u, k := range l.of {
		s.PerUnit[u] = l.count(u)
		s.Nonzeros += int64(l.count(u))
		steps[k][l.from[u]]++
		steps[k][l.to[u]]--
		for _, r := range []int{0, l.n - 1} {
			s.Scale = max(s.Scale, l.value(u, l.sorted(k, r)))
		}
	}
	for k, step := range steps {
		awake := 0
		for r, i := range l.order[k] {
			awake += step[r]
			s.PerRow[i] += awake
		}
	}
	s.markConstant()
	if k, ok := l.onlyCoordinate(); ok {
		s.Patterns = l.patterns(k)
	}
	return s
}

// onlyCoordinate returns the coordinate of all units that are awake on some
// rows and asleep on others, when it is one.
func (l *ladder) onlyCoordinate() (k int32, ok bool) {
	k = -1
	for u, at := range l.of {
		if c := l.count(u); c == 0 || c == l.n {
			continue
		}
		if k >= 0 && at != k {
			return 0, false
		}
		k = at
	}
	return k, k >= 0
}

// patterns counts the sets of awake units along coordinate k: a new one at
// every place where some unit wakes or falls asleep. Going up in t, units
// awake above only wake and units awake below only fall asleep, so no set comes
// back.
func (l *ladder) patterns(k int32) int {
	boundary := make(map[int]struct{})
	for u, at := range l.of {
		if at != k {
			continue
		}
		for _, r := range []int{l.from[u], l.to[u]} {
			if r > 0 && r < l.n {
				boundary[r] = struct{}{}
			}
		}
	}
	return len(boundary) + 1
}

// rankBounds returns proven bounds of rank [Phi 1], for units taken in exact
// arithmetic on the projections as they are; ok is false when units on several
// coordinates fall asleep.
func (l *ladder) rankBounds() (lower, upper int, ok bool) {
	k, ok := l.onlyCoordinate()
	if !ok {
		return 0, 0, false
	}
	chain := l.chain(k)
	affine, free := false, 0 // e_0 in the span mod 1; always-on units elsewhere
	left, right := false, false
	for u, at := range l.of {
		switch {
		case l.count(u) == l.n && at == k:
			affine = affine || l.scale[u] != 0
		case l.count(u) == l.n:
			free++
		case l.count(u) > 0:
			left, right = left || l.scale[u] < 0, right || l.scale[u] > 0
		}
	}
	switch {
	case affine:
		lower = 2 + chain.rank(true)
		upper = lower
	case left && right:
		// Modulo e_0 the rank is certain; e_0 itself may or may not be there.
		lower = 1 + chain.rank(true)
		upper = lower + 1
	case left:
		lower = 1 + l.mirrored(k).rank(false)
		upper = lower
	default:
		lower = 1 + chain.rank(false)
		upper = lower
	}
	lower = min(lower, l.n)
	return lower, min(upper+free, l.n), true
}

// rungChain is the units' vectors, grouped by gap: those of gap k are
// (alpha, beta) on (e_{k-1}, e_k), k = 1..N-1.
type rungChain struct {
	gaps []int // ascending gap of every vector
	vec  [][2]float64
	last int // N-1: e_last = 0
}

// chain returns the vectors of the units on coordinate k.
func (l *ladder) chain(k int32) *rungChain { return l.chainOf(k, 1) }

// mirrored is chain along -t.
func (l *ladder) mirrored(k int32) *rungChain { return l.chainOf(k, -1) }

func (l *ladder) chainOf(k int32, sign float64) *rungChain {
	var points []float64 // the different values, ascending in sign*t
	place := make([]int, l.n+1)
	for r := 0; r < l.n; r++ {
		at := r
		if sign < 0 {
			at = l.n - 1 - r
		}
		t := sign * l.sorted(k, at)
		if r == 0 || t != points[len(points)-1] {
			points = append(points, t)
		}
		place[r] = len(points) - 1
	}
	c := &rungChain{last: len(points) - 1}
	for u, at := range l.of {
		if at != k || l.count(u) == 0 || l.count(u) == l.n {
			continue
		}
		first := l.from[u] // the boundary: first row on the upper side
		if l.scale[u] < 0 {
			first = l.to[u]
		}
		if sign < 0 {
			first = l.n - first
		}
		gap := place[first]
		theta := -l.bias[u] / l.scale[u] * sign
		width := points[gap] - points[gap-1]
		beta := max(0, min(1, (theta-points[gap-1])/width))
		c.gaps = append(c.gaps, gap)
		c.vec = append(c.vec, [2]float64{1 - beta, beta})
	}
	sort.Sort(c)
	return c
}

func (c *rungChain) Len() int           { return len(c.gaps) }
func (c *rungChain) Less(a, b int) bool { return c.gaps[a] < c.gaps[b] }
func (c *rungChain) Swap(a, b int) {
	c.gaps[a], c.gaps[b] = c.gaps[b], c.gaps[a]
	c.vec[a], c.vec[b] = c.vec[b], c.vec[a]
}

// rungTolerance decides whether two thresholds in one gap differ, and whether
// a threshold lies on a point, as a fraction of the gap.
const rungTolerance = 1e-12

// rank returns the rank of the vectors; grounded takes it modulo e_0. Going up
// the gaps, have says that e_{k-1} itself is in the span so far: each gap adds
// the dimension of its vectors modulo that, and e_k is in the span when the
// gap's vectors and e_{k-1} span both, or when one of them is e_k.
func (c *rungChain) rank(grounded bool) int {
	rank, have, known := 0, grounded, 0 // have is about e_known
	for at := 0; at < len(c.gaps); {
		gap := c.gaps[at]
		if gap-1 != known {
			have = false
		}
		lo, hi := math.Inf(1), math.Inf(-1) // of beta
		for ; at < len(c.gaps) && c.gaps[at] == gap; at++ {
			lo, hi = min(lo, c.vec[at][1]), max(hi, c.vec[at][1])
		}
		if gap == c.last { // e_gap = 0: only alpha counts
			if !have && lo < 1-rungTolerance {
				rank++
			}
			break
		}
		switch {
		case have && hi > rungTolerance: // e_{k-1} and something with e_k
			rank, have = rank+1, true
		case have:
			have = false
		case hi-lo > rungTolerance:
			rank, have = rank+2, true
		default:
			rank, have = rank+1, lo > 1-rungTolerance
		}
		known = gap
	}
	return rank
}

// kind names the layer from its thresholds.
func (l *ladder) kind() (Kind, string) {
	k, ok := l.onlyCoordinate()
	if !ok {
		return UnknownKind, "units fall asleep along several projections"
	}
	boundary := make(map[int]int)
	left, right, top, bottom := 0, 0, 0, l.n
	for u, at := range l.of {
		if at != k || l.count(u) == 0 || l.count(u) == l.n {
			continue
		}
		if l.scale[u] < 0 {
			left++
			boundary[l.to[u]]++
			top = max(top, l.to[u])
		} else {
			right++
			boundary[l.from[u]]++
			bottom = min(bottom, l.from[u])
		}
	}
	most := 0
	for _, count := range boundary {
		most = max(most, count)
	}
	detail := fmt.Sprintf("%d units with %d different active sets along one projection", left+right, len(boundary))
	switch {
	case left > 0 && right > 0 && top <= bottom:
		return BlockDiagonal, detail + ", a block facing each way"
	case left > 0 && right > 0:
		return UnknownKind, detail + ", facing both ways; permutations were not searched"
	case most == 1:
		return Triangular, detail
	}
	return BlockTriangular, detail
}
