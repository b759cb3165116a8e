package construct

import (
	"math"
	"math/rand/v2"
	"sort"

	"hinge/internal/parallel"
	"hinge/network"
)

// A bump adds, on one hyperplane and nowhere else on the data, affine functions
// g_1..g_r to the outputs, each with its own weights (r is 1 or 2):
//
//	sum over a of lift_a ( s(L s + g_a) - s(2 L s + g_a - top) + s(L s - top) )
//
// s(x) = w.x~ is the distance to the hyperplane and L a number. Where s = 0 and
// 0 <= g < top the bracket equals g. Where L|s| >= |g| + top all its units sleep
// (s < 0), or all are awake and cancel (s > 0): it is exactly 0. The last unit
// is shared, so a bump has 2r + 1 units.
type bump struct {
	steep []float64   // d+1: the weights of L s, the bias last
	value [][]float64 // r x (d+1): the weights of the g_a
	top   float64
	lift  [][]float64 // r x k: what each output gains per unit of g_a
	rows  []int       // the rows on the hyperplane
}

const (
	// independence is the least distance of a row from the span of a group,
	// relative to its length, at which it may join: the rows of a group then
	// determine an affine function stably.
	independence = 3e-3
	// onPlane is the distance, relative to |w||x~|, up to which a row counts
	// as lying on the hyperplane.
	onPlane = 1e-11
	// pushes is how often the hyperplane is pushed away from the rows nearest
	// to it, pushedRows how many rows at a time.
	pushes     = 40
	pushedRows = 8
	// liftStarts is how many permutations the search for output weights starts
	// from, liftLimit the largest weight it may move one to, liftRows how many
	// rows it looks at.
	liftStarts = 16
	liftLimit  = 16
	liftRows   = 1000
	// fanRadius is the largest output weight of a bump with two values, fanTurns
	// how many directions are tried for them.
	fanRadius = 16
	fanTurns  = 24
	// flatter is how much pushing can lower the steepness at best.
	flatter = 50
)

// patcher corrects the outputs f (n x k) of a base, bump by bump.
type patcher struct {
	p     *Problem
	rows  *deltaRows
	x     func(i int) []float64 // row i of the scaled inputs
	f     [][]float64           // n: the outputs as corrected so far
	class []int
	need  float64 // margin a corrected row is given
	least float64 // margin below which a row is to be corrected
	share float64 // part of a row's margin that one bump's rounding errors may cost
	rng   *rand.Rand
	width int // units of the hidden layer, about
	// capacity is how many rows a group can hold, as far as is known.
	capacity int
}

// wrong returns the rows whose margin is too small, in order.
func (t *patcher) wrong() []int {
	var rows []int
	for i, f := range t.f {
		if rowMargin(f, t.class[i]) < t.least {
			rows = append(rows, i)
		}
	}
	return rows
}

// rowMargin returns by how much the class's output beats the others; +Inf when
// there is no other.
func rowMargin(f []float64, class int) float64 {
	other := strongestOther(f, class)
	if other < 0 {
		return math.Inf(1)
	}
	return f[class] - f[other]
}

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

// nextBump corrects as many of the given rows as one bump can, for its units. It
// returns nil when no row can be corrected.
//
// One value serves only the rows whose class is on an envelope, two serve all:
// five units instead of three. Two are tried first where they promise more rows
// a unit, and one also where two keep less than half of that.
func (t *patcher) nextBump(wrong []int) *bump {
	single := [][]float64{t.chooseLift(wrong)}
	served := 0
	for _, i := range wrong {
		if t.serves(single[0], i) {
			served++
		}
	}
	served = min(served, t.capacity)
	var double *bump
	if 3*min(len(wrong), t.capacity) > 5*served {
		double = t.through(wrong, t.fan(wrong))
		if double != nil && 2*3*len(double.rows) > 5*served {
			return double
		}
	}
	b := t.through(wrong, single)
	if b == nil || double != nil && 3*len(double.rows) > 5*len(b.rows) {
		return double
	}
	return b
}

// through builds the bump with the given output weights that corrects the most
// of the rows; nil when it can correct none. The common value is a high one at
// first, so that most rows can have just that, and a lower one where a few rows
// that need huge values spoil it for the others.
func (t *patcher) through(wrong []int, lift [][]float64) *bump {
	var best *bump
	for _, quantile := range [...]float64{0.75, 0.25, 0} {
		list, common := t.candidates(wrong, lift, quantile)
		b := t.largest(list, common, lift)
		if b != nil && (best == nil || len(b.rows) > len(best.rows)) {
			best = b
		}
		if best != nil && 3*len(best.rows) > min(len(list), t.capacity) {
			break
		}
	}
	return best
}

// largest builds the bump over the first candidates that are affinely
// independent, and over fewer when the hyperplane through them passes too close
// to some other row.
func (t *patcher) largest(list []candidate, common []float64, lift [][]float64) *bump {
	var group affineSpan
	var members []candidate
	for _, c := range list {
		if group.add(homogeneous(t.x(c.row))) {
			members = append(members, c)
		}
		if len(members) == t.rows.d { // a hyperplane holds no more
			break
		}
	}
	for size, failed := len(members), 0; size > 0; failed++ {
		group.shrink(size)
		if b := t.over(&group, members[:size], common, lift); b != nil {
			if size < len(list) {
				t.capacity = max(t.capacity, size)
			}
			return b
		}
		if failed < 4 { // small steps near the span of all rows, larger ones later
			size = size * 14 / 15
		} else {
			size = size * 5 / 6
		}
	}
	return nil
}

// over builds the bump over a group, nil when rounding would spoil it.
func (t *patcher) over(group *affineSpan, members []candidate, common []float64, lift [][]float64) *bump {
	b := &bump{lift: lift}
	d := t.rows.d
	in := make(map[int]bool, len(members))
	for _, m := range members {
		in[m.row] = true
		b.rows = append(b.rows, m.row)
	}
	reach := make([]float64, t.rows.n) // the largest |g_a|
	var g [][]float64
	for a := range lift {
		shortfall := make([]float64, len(members))
		for j, m := range members {
			shortfall[j] = m.z[a] - common[a]
			b.top = max(b.top, 1.25*m.z[a])
		}
		value := group.interpolate(shortfall)
		value[d] += common[a]
		b.value = append(b.value, value)
		g = append(g, t.rows.dots(value[:d], value[d]))
		for i, v := range g[a] {
			reach[i] = max(reach[i], math.Abs(v))
		}
	}
	w, s := t.hyperplane(group, reach, b, in)
	if w == nil {
		return nil
	}
	steep := 0.0
	for i, si := range s {
		switch {
		case in[i]:
		case t.onPlane(si, i):
			if !t.harmless(i, g, b) {
				return nil
			}
			b.rows = append(b.rows, i)
		default:
			steep = max(steep, (reach[i]+b.top)/math.Abs(si))
		}
	}
	steep *= 1.02
	if t.spoils(b, steep, s) {
		return nil
	}
	b.steep = make([]float64, d+1)
	for j, v := range w {
		b.steep[j] = steep * v
	}
	b.snap(t.p.Precision)
	return b
}

// onPlane reports whether a row at distance s lies on the hyperplane as far as
// can be told.
func (t *patcher) onPlane(s float64, i int) bool {
	return math.Abs(s) <= onPlane*math.Sqrt(t.rows.square[i])
}

// spoils reports whether the rounding errors of a bump with |w| = 1 and the
// given steepness could cost some row more of its margin than one bump may.
//
// Four times L s is summed in the units of an awake row, with d+2 roundings each,
// and |w||x~| bounds the size of the terms; their values, 4 L s in all, are summed
// again in every output. Two outputs make a margin.
func (t *patcher) spoils(b *bump, steep float64, s []float64) bool {
	largest := 0.0
	for _, lift := range b.lift {
		for _, v := range lift {
			largest = max(largest, float64(len(b.lift))*math.Abs(v))
		}
	}
	noise := 2 * largest * 4 * steep * t.p.Precision.Eps()
	for i, si := range s {
		if si <= 0 && !t.onPlane(si, i) {
			continue
		}
		margin := max(rowMargin(t.f[i], t.class[i]), t.least)
		if t.onPlane(si, i) {
			margin = t.need
		}
		size := float64(float64(t.rows.d+2)*math.Sqrt(t.rows.square[i])) + float64(float64(t.width)*math.Abs(si))
		if noise*size > margin*t.share {
			return true
		}
	}
	return false
}

// harmless reports whether a row on the hyperplane, not of the group, keeps its
// class with the bump's values there.
func (t *patcher) harmless(i int, g [][]float64, b *bump) bool {
	moved := append([]float64(nil), t.f[i]...)
	for a := range g {
		if g[a][i] < 0 || g[a][i] >= b.top {
			return false
		}
		fixedAxpy(moved, g[a][i], b.lift[a])
	}
	return rowMargin(moved, t.class[i]) >= t.least
}

// hyperplane returns w (d+1) with w.x~ = 0 on the group and |w.x~_i| large
// against |g_i| + top on all other rows, and the distances s (n). Of a few
// random directions of the group's complement it takes the best, then pushes
// the hyperplane away from the nearest rows again and again. It returns nil
// when the group spans all rows.
func (t *patcher) hyperplane(group *affineSpan, g []float64, b *bump, in map[int]bool) (w, s []float64) {
	d, top := t.rows.d, b.top
	best := 0.0
	for try := 0; try < 4; try++ {
		z := make([]float64, d+1)
		for j := range z {
			z[j] = t.rng.Float64() + t.rng.Float64() + t.rng.Float64() - 1.5
		}
		z = group.complement(z)
		if !normalizeVector(z) {
			continue
		}
		sz := t.rows.dots(z[:d], z[d])
		if q, _ := t.nearest(sz, g, top, in); w == nil || q > best {
			w, s, best = z, sz, q
		}
	}
	if w == nil {
		return nil, nil
	}
	if best == 0 || t.spoils(b, 1/(flatter*best), s) {
		return nil, nil
	}
	now, near := t.nearest(s, g, top, in)
	at, size := append([]float64(nil), w...), s
	stride := 1.0
	for push := 0; push < pushes && len(near) > 0; push++ {
		if !t.spoils(b, 2/best, s) { // twice as flat as needed
			break
		}
		at = t.push(group, at, size, g, top, now*(1+stride), near)
		if !normalizeVector(at) {
			break
		}
		size = t.rows.dots(at[:d], at[d])
		now, near = t.nearest(size, g, top, in)
		if now > best {
			w, s, best = append([]float64(nil), at...), size, now
		} else {
			stride *= 0.9
		}
	}
	return w, s
}

// nearest returns the least ratio |s_i| / (|g_i| + top) over the rows that are
// not of the group and not on the hyperplane, and the rows with the least.
func (t *patcher) nearest(s, g []float64, top float64, in map[int]bool) (least float64, rows []int) {
	type ratio struct {
		q   float64
		row int
	}
	var near []ratio // ascending, at most pushedRows
	for i, si := range s {
		q := math.Abs(si) / (math.Abs(g[i]) + top)
		if len(near) == pushedRows && q >= near[pushedRows-1].q || in[i] || t.onPlane(si, i) {
			continue
		}
		at := sort.Search(len(near), func(a int) bool { return near[a].q > q })
		if len(near) < pushedRows {
			near = append(near, ratio{})
		}
		copy(near[at+1:], near[at:])
		near[at] = ratio{q, i}
	}
	for _, r := range near {
		rows = append(rows, r.row)
	}
	if len(near) == 0 {
		return math.Inf(1), nil
	}
	return near[0].q, rows
}

// push moves w, within the group's complement, so that the given rows reach the
// ratio aim, one after the other.
func (t *patcher) push(group *affineSpan, w, s, g []float64, top, aim float64, rows []int) []float64 {
	w = append([]float64(nil), w...)
	for _, i := range rows {
		x := homogeneous(t.x(i))
		side := 1.0
		if s[i] < 0 {
			side = -1
		}
		lack := float64(aim*(math.Abs(g[i])+top)) - float64(side*fixedDot(w, x))
		if lack <= 0 {
			continue
		}
		away := group.complement(x)
		if reach := fixedDot(away, away); reach > 0 {
			fixedAxpy(w, side*lack/reach, away)
		}
	}
	return w
}

// snap rounds the weights to one grid on which L s, g, top and all their sums
// are numbers of the precision. The units then cancel exactly as functions, and
// not only as far as their rounded weights agree.
func (b *bump) snap(prec network.Precision) {
	largest := b.top
	for _, value := range b.value {
		for j := range b.steep {
			largest = max(largest, 2*math.Abs(b.steep[j])+math.Abs(value[j])+b.top)
		}
	}
	_, exp := math.Frexp(largest)
	grid := math.Ldexp(prec.Eps()*2, exp)
	for _, v := range append([][]float64{b.steep}, b.value...) {
		for j := range v {
			v[j] = math.RoundToEven(v[j]/grid) * grid
		}
	}
	b.top = math.Ceil(b.top/grid) * grid
}

// units returns the weights (2r+1 rows of d+1, the bias last) of the bump's
// units and their output weights (2r+1 rows of k).
func (b *bump) units() (w, out [][]float64) {
	combine := func(l float64, g []float64, top float64) []float64 {
		row := make([]float64, len(b.steep))
		for j, v := range b.steep {
			row[j] = l * v // 1 or 2 times
			if g != nil {
				row[j] += g[j]
			}
		}
		row[len(row)-1] -= top
		return row
	}
	total := make([]float64, len(b.lift[0]))
	for a, g := range b.value {
		w = append(w, combine(1, g, 0), combine(2, g, b.top))
		down := make([]float64, len(total))
		fixedAxpy(down, -1, b.lift[a])
		fixedAxpy(total, 1, b.lift[a])
		out = append(out, b.lift[a], down)
	}
	return append(w, combine(1, nil, b.top)), append(out, total)
}

// apply adds the bump to the outputs of the rows it touches.
func (t *patcher) apply(b *bump) {
	d := t.rows.d
	for _, i := range b.rows {
		for a, value := range b.value {
			fixedAxpy(t.f[i], fixedDot(value[:d], t.x(i))+value[d], b.lift[a])
		}
	}
}

// homogeneous returns (x, 1).
func homogeneous(x []float64) []float64 {
	return append(append(make([]float64, 0, len(x)+1), x...), 1)
}

func normalizeVector(v []float64) bool {
	length := math.Sqrt(fixedDot(v, v))
	if !(length > 1e-9) {
		return false
	}
	scaleBy(v, 1/length)
	return true
}

// An affineSpan is the span of rows x~, as an orthonormal basis grown row by
// row (Gram-Schmidt, twice, which is enough [Kahan, Parlett]): the m rows are
// R Q with R lower triangular.
type affineSpan struct {
	q, r [][]float64
}

// add takes a row into the span unless it is within a relative distance
// independence of it, and reports whether it did.
func (a *affineSpan) add(x []float64) bool {
	length := math.Sqrt(fixedDot(x, x))
	v := append([]float64(nil), x...)
	coef := make([]float64, len(a.q)+1)
	for pass := 0; pass < 2; pass++ {
		a.reduce(v, coef)
	}
	rest := math.Sqrt(fixedDot(v, v))
	if rest <= independence*length {
		return false
	}
	scaleBy(v, 1/rest)
	coef[len(a.q)] = rest
	a.q, a.r = append(a.q, v), append(a.r, coef)
	return true
}

// reduce subtracts from v its part in the span, and adds its coefficients to
// coef.
func (a *affineSpan) reduce(v, coef []float64) {
	c := make([]float64, len(a.q))
	parallel.Each((len(a.q)+31)/32, func(k int) {
		for j := 32 * k; j < min(len(c), 32*(k+1)); j++ {
			c[j] = fixedDot(a.q[j], v)
		}
	})
	for j, cj := range c {
		fixedAxpy(v, -cj, a.q[j])
		if coef != nil {
			coef[j] += cj
		}
	}
}

// shrink keeps the first size rows.
func (a *affineSpan) shrink(size int) { a.q, a.r = a.q[:size], a.r[:size] }

// complement returns the part of z orthogonal to the span.
func (a *affineSpan) complement(z []float64) []float64 {
	v := append([]float64(nil), z...)
	a.reduce(v, nil)
	a.reduce(v, nil)
	return v
}

// interpolate returns the least-norm affine function (d+1 weights) that takes
// the given values on the span's rows.
func (a *affineSpan) interpolate(values []float64) []float64 {
	c := make([]float64, len(a.q))
	out := make([]float64, len(a.q[0]))
	for i, v := range values {
		c[i] = (v - fixedDot(a.r[i][:i], c[:i])) / a.r[i][i]
		fixedAxpy(out, c[i], a.q[i])
	}
	return out
}
