package construct

import (
	"math"
	"sort"

	"hinge/internal/parallel"
)

// Which rows can share a bump, and with which values: the output weights of a
// bump ("lift") and the value of g each row needs.

// interval returns the values z > 0 for which f + z lift has the class winning
// by at least need; empty (lo > hi) when there is none.
//
// As z grows the winner follows the upper envelope of the lines f_c + z lift_c.
// A row can be corrected when its class is on the envelope for some z > 0, and
// rows of all classes can share a bump, each with its own z: g may take any
// values on affinely independent rows.
func interval(f []float64, class int, lift []float64, need float64) (lo, hi float64) {
	lo, hi = 0, math.Inf(1)
	for c, v := range f {
		rise, lack := lift[class]-lift[c], v-f[class]+need
		switch {
		case c == class:
		case rise > 0:
			lo = max(lo, lack/rise)
		case rise < 0:
			hi = min(hi, lack/rise)
		case lack > 0:
			return 1, 0
		}
	}
	return lo, hi
}

// chooseLift returns output weights that make as many of the rows correctable
// as it can find: from random permutations of equally spaced values it climbs by
// swaps, by moving single values and by making two equal. Equal values matter:
// a group of classes lifted alike keeps its order.
func (t *patcher) chooseLift(rows []int) (best []float64) {
	k := len(t.f[0])
	if len(rows) > liftRows {
		sample := make([]int, liftRows)
		for a := range sample {
			sample[a] = rows[a*len(rows)/liftRows]
		}
		rows = sample
	}
	starts := make([][]float64, liftStarts)
	counts := make([]int, liftStarts)
	for a := range starts {
		starts[a] = make([]float64, k)
		for c, rank := range t.rng.Perm(k) {
			starts[a][c] = float64(rank) - float64(k-1)/2
			if a%2 == 1 { // two levels
				starts[a][c] = 3 * float64(rank%2)
			}
		}
	}
	parallel.Each(liftStarts, func(a int) { counts[a] = t.climb(starts[a], rows) })
	most := -1
	for a, n := range counts {
		if n > most {
			best, most = starts[a], n
		}
	}
	return best
}

// climb improves lift in place and returns how many of the rows it serves.
func (t *patcher) climb(lift []float64, rows []int) int {
	count := func() int {
		n := 0
		for _, i := range rows {
			if t.serves(lift, i) {
				n++
			}
		}
		return n
	}
	now := count()
	for improved := true; improved; {
		improved = false
		try := func(a, b int, va, vb float64) {
			oldA, oldB := lift[a], lift[b]
			lift[a], lift[b] = va, vb
			if n := count(); n > now {
				now, improved = n, true
			} else {
				lift[a], lift[b] = oldA, oldB
			}
		}
		for a := range lift {
			for b := range lift {
				if b < a {
					try(a, b, lift[b], lift[a])
				}
				if lift[b] != lift[a] {
					try(a, a, lift[b], lift[b])
				}
			}
			for _, step := range [...]float64{-4, -1, 1, 4} {
				v := min(max(lift[a]+step, -liftLimit), liftLimit)
				try(a, a, v, v)
			}
		}
	}
	return now
}

// serves reports whether row i can be corrected by a bump with the given lift.
func (t *patcher) serves(lift []float64, i int) bool {
	lo, hi := interval(t.f[i], t.class[i], lift, t.need)
	return lo <= hi && hi > 0
}

// candidate is a row that a bump could correct, with the values it would get.
type candidate struct {
	row  int
	z    []float64 // r
	cost float64   // distance of z from the bump's common values
}

// fan returns the output weights of a bump with two values, which can correct
// any row: the classes sit on a quarter of a circle, in the order that asks for
// the smallest values, and so each is the farthest in some direction (z_1, z_2).
func (t *patcher) fan(rows []int) [][]float64 {
	k := len(t.f[0])
	best, least := [][]float64(nil), math.Inf(1)
	if len(rows) > liftRows/4 {
		rows = rows[:liftRows/4]
	}
	for start := 0; start < liftStarts; start++ {
		lift := [][]float64{make([]float64, k), make([]float64, k)}
		for c, rank := range t.rng.Perm(k) {
			turn := float64(rank) / float64(max(k-1, 1))
			lift[0][c], lift[1][c] = fanRadius*(1-float64(turn*turn)), fanRadius*(1-float64((1-turn)*(1-turn)))
		}
		total := 0.0
		for _, i := range rows {
			if z := t.values(i, lift); z != nil {
				total += math.Sqrt(z[0] + z[1])
			} else {
				total += math.Sqrt(fanRadius)
			}
		}
		if total < least {
			best, least = lift, total
		}
	}
	return best
}

// values returns the smallest values z >= 0 (r) that correct row i with some
// room, nil when there are none. Of two values a few dozen directions are tried.
func (t *patcher) values(i int, lift [][]float64) []float64 {
	along := lift[0]
	turns := 0
	if len(lift) > 1 {
		turns = fanTurns
		along = make([]float64, len(lift[0]))
	}
	var best []float64
	for turn := 0; turn <= turns; turn++ {
		dir := []float64{1, 0}
		if turns > 0 {
			dir[1] = float64(turn) / float64(turns)
			dir[0] = 1 - dir[1]
			for c := range along {
				along[c] = float64(dir[0]*lift[0][c]) + float64(dir[1]*lift[1][c])
			}
		}
		lo, hi := interval(t.f[i], t.class[i], along, t.need)
		if lo > hi || hi <= 0 {
			continue
		}
		z := lo + min((hi-lo)/4, t.need) // stay away from the ends
		if best == nil || z < best[0]+best[len(best)-1]*float64(len(lift)-1) {
			best = []float64{float64(z * dir[0]), float64(z * dir[1])}[:len(lift)]
		}
	}
	return best
}

// candidates returns the rows that lift can correct, those first whose values
// are nearest to common ones (a quantile of all). The g_a are then nearly constant, small weights
// suffice for them, and rows off the hyperplane get values of the same size.
func (t *patcher) candidates(rows []int, lift [][]float64, quantile float64) (list []candidate, common []float64) {
	for _, i := range rows {
		if z := t.values(i, lift); z != nil {
			list = append(list, candidate{row: i, z: z})
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	common = make([]float64, len(lift))
	column := make([]float64, len(list))
	for a := range common {
		for b := range list {
			column[b] = list[b].z[a]
		}
		sort.Float64s(column)
		common[a] = column[int(quantile*float64(len(column)-1))]
	}
	for b := range list {
		c := &list[b]
		if len(lift) == 1 { // a larger value may do as well
			_, hi := interval(t.f[c.row], t.class[c.row], lift[0], t.need)
			c.z[0] = max(c.z[0], min(common[0], hi-min((hi-c.z[0])/4, t.need)))
		}
		for a, z := range c.z {
			c.cost += math.Abs(z - common[a])
		}
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].cost < list[b].cost })
	return list, common
}
