package construct

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
)

// coverSearch covers one class, pool by pool of candidates.
type coverSearch struct {
	*cover
	class int
	rng   *rand.Rand
	own   []int // rows of the class that are not covered yet
	other []int // rows of all other classes
	units []coverUnit
}

const (
	// coverPool is how many candidates are looked at together.
	coverPool = 768
	// coverFade ends a pool: when the best candidate covers less than this part of
	// what the first one did, a new pool from the rows that are left does better.
	coverFade = 0.125
	// repairAtOnce bounds the hyperplanes added in one round.
	repairAtOnce = 64
	coverBlock   = 512 // rows of other classes evaluated at a time
)

// run returns the units that cover the class; none when it is the only one.
func (s *coverSearch) run() ([]coverUnit, error) {
	for i, c := range s.p.Set.Class {
		if c == s.class {
			s.own = append(s.own, i)
		} else {
			s.other = append(s.other, i)
		}
	}
	if len(s.other) == 0 {
		return nil, nil
	}
	for len(s.own) > 0 {
		pool := s.newPool()
		before := len(s.own)
		pool.greedy()
		if len(s.own) == before {
			if err := s.repair(pool); err != nil {
				return nil, err
			}
		}
	}
	return s.units, nil
}

// A coverPool is candidate rows and what each would cover.
type candidates struct {
	*coverSearch
	rows  []int
	bound []float64   // least q of the other classes, less its rounding
	reach [][]covered // the own rows that it covers, by ascending position
}

// covered is a row of the class, by its position in own, with its q and rounding.
type covered struct {
	at int32
	q  float32
}

// newPool draws candidates from the rows that are left and evaluates them.
func (s *coverSearch) newPool() *candidates {
	c := &candidates{coverSearch: s}
	count := min(len(s.own), coverPool)
	picked := s.rng.Perm(len(s.own))[:count]
	slices.Sort(picked)
	m := s.planes.count()
	set := blas.NewMatrix[float32](count, m)
	for k, at := range picked {
		c.rows = append(c.rows, s.own[at])
		copy(set.Row(k), s.planes.asleep.Row(s.own[at]))
	}
	c.bound = s.leastOf(set)
	c.reach = make([][]covered, count)
	q := s.sums(s.own, set)
	parallel.Each(count, func(k int) {
		limit := float32(c.bound[k] * (1 - 2*coverMargin))
		for at, i := range s.own {
			if v := q.Row(at)[k] + float32(s.rounding(i, q.Row(at)[k])); v < limit {
				c.reach[k] = append(c.reach[k], covered{int32(at), v})
			}
		}
	})
	return c
}

// sums returns q of the given rows for sets of hyperplanes (rows x sets).
func (s *coverSearch) sums(rows []int, set blas.Matrix[float32]) blas.Matrix[float32] {
	q, h := blas.NewMatrix[float32](len(rows), set.Rows), blas.NewMatrix[float32](len(rows), set.Cols)
	for k, i := range rows {
		copy(h.Row(k), s.planes.h.Row(i))
	}
	blas.MulTrans(q, h, set)
	return q
}

// rounding bounds the error of q on row i, in any evaluation.
func (s *coverSearch) rounding(i int, q float32) float64 {
	m := float64(s.planes.count())
	return m*s.planes.doubt[i] + planeSafety*m*s.p.Precision.Eps()*float64(q)
}

// leastOf returns the least q of the other classes' rows, less its rounding, for
// every set.
func (s *coverSearch) leastOf(set blas.Matrix[float32]) []float64 {
	least := slices.Repeat([]float64{math.Inf(1)}, set.Rows)
	h, q := blas.NewMatrix[float32](coverBlock, set.Cols), blas.NewMatrix[float32](coverBlock, set.Rows)
	for from := 0; from < len(s.other); from += coverBlock {
		rows := s.other[from:min(from+coverBlock, len(s.other))]
		for k, i := range rows {
			copy(h.Row(k), s.planes.h.Row(i))
		}
		part := q.Block(0, len(rows))
		blas.MulTrans(part, h.Block(0, len(rows)), set)
		for k, i := range rows {
			fixed, factor := s.rounding(i, 0), 1-s.rounding(i, 1)+s.rounding(i, 0)
			for c, v := range part.Row(k) {
				if w := float64(v)*factor - fixed; w < least[c] {
					least[c] = w
				}
			}
		}
	}
	return least
}

// greedy takes candidates, the one that covers most of what is left first, until
// a new pool promises more.
func (c *candidates) greedy() {
	done := make([]bool, len(c.own))
	gain := make([]int, len(c.rows))
	for k := range gain {
		gain[k] = len(c.reach[k])
	}
	first, remain := 0, len(c.own)
	for remain > 0 {
		best := -1
		// Gains only fall: a stale one that is no longer the best is looked at again.
		for k := range gain {
			if gain[k] > 0 && (best < 0 || gain[k] > gain[best]) {
				if gain[k] = c.fresh(k, done); best < 0 || gain[k] > gain[best] {
					best = k
				}
			}
		}
		if best < 0 || gain[best] == 0 {
			break
		}
		first = max(first, gain[best])
		if len(c.rows) < len(c.own) && float64(gain[best]) < coverFade*float64(first) {
			break
		}
		c.take(best, done)
		remain -= gain[best]
		gain[best] = 0
	}
	var left []int
	for at, i := range c.own {
		if !done[at] {
			left = append(left, i)
		}
	}
	c.own = left
}

// fresh drops the rows that are covered by now from what a candidate covers.
func (c *candidates) fresh(k int, done []bool) int {
	c.reach[k] = slices.DeleteFunc(c.reach[k], func(v covered) bool { return done[v.at] })
	return len(c.reach[k])
}

// take makes a candidate a unit: its threshold lies halfway between the farthest
// row that needs it and the nearest of the other classes.
func (c *candidates) take(k int, done []bool) {
	farthest := 0.0
	for _, v := range c.reach[k] {
		done[v.at] = true
		farthest = max(farthest, float64(v.q))
	}
	u := coverUnit{theta: c.p.Precision.Round((farthest + c.bound[k]) / 2), margin: (c.bound[k] - farthest) / 2}
	for j, in := range c.planes.asleep.Row(c.rows[k]) {
		if in != 0 {
			u.set = append(u.set, int32(j))
		}
	}
	c.units = append(c.units, u)
}

// repair adds hyperplanes for candidates that no threshold serves, because too few
// hyperplanes, or none, lie between them and some row of another class.
func (s *coverSearch) repair(pool *candidates) error {
	stuck := pool.rows[:min(len(pool.rows), repairAtOnce)]
	_, d := s.x.Dims()
	n := s.p.Set.N()
	if s.planes.count()+len(stuck) > 4*n+16 {
		return coverUnfit("it would take more hyperplanes than four times the rows", "use identity, deep-slab or tree")
	}
	v, b := mat.NewDense(len(stuck), d, nil), make([]float64, len(stuck))
	for k, i := range stuck {
		j := s.nearest(i)
		b[k] = s.planes.bisect(v.RawRowView(k), i, j)
		// Too close: the new hyperplane would not see them apart either.
		half := fixedDot(v.RawRowView(k), s.x.RawRowView(j)) + b[k]
		if reach := float64(s.planes.count() + len(stuck)); half <= 2*reach*(s.planes.doubt[i]+s.planes.doubt[j]) || float32(half) == 0 {
			return s.tooNear(i, j)
		}
	}
	s.planes.add(v, b)
	return nil
}

// nearest returns, of the other classes' rows, the nearest one that row i's
// hyperplanes do not shut out safely; where they shut out all, the one of least q.
func (s *coverSearch) nearest(i int) int {
	set := blas.NewMatrix[float32](1, s.planes.count())
	copy(set.Row(0), s.planes.asleep.Row(i))
	near, away := -1, math.Inf(1)
	inner, least := s.other[0], math.Inf(1)
	x := s.x.RawRowView(i)
	for from := 0; from < len(s.other); from += coverBlock {
		rows := s.other[from:min(from+coverBlock, len(s.other))]
		q := s.sums(rows, set)
		for k, j := range rows {
			v := q.Row(k)[0]
			safe := float64(v) - s.rounding(j, v)
			if safe < least {
				inner, least = j, safe
			}
			if safe > 2*s.rounding(i, 0) {
				continue
			}
			if d := weighted2(s.planes.metric, x, s.x.RawRowView(j)); near < 0 || d < away {
				near, away = j, d
			}
		}
	}
	if near < 0 {
		return inner
	}
	return near
}

// weighted2 is the squared distance of two rows in the given metric.
func weighted2(metric, a, b []float64) float64 {
	sum := 0.0
	for j, w := range metric {
		sum += float64(w * (a[j] - b[j]) * (a[j] - b[j]))
	}
	return sum
}
