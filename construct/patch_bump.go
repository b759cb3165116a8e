package construct

import (
	"math"
	"math/rand/v2"

	"hinge/internal/fixed"
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
	var group fixed.Span
	var members []candidate
	for _, c := range list {
		if group.Add(fixed.Homogeneous(t.x(c.row))) {
			members = append(members, c)
		}
		if len(members) == t.rows.d { // a hyperplane holds no more
			break
		}
	}
	for size, failed := len(members), 0; size > 0; failed++ {
		group.Shrink(size)
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
func (t *patcher) over(group *fixed.Span, members []candidate, common []float64, lift [][]float64) *bump {
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
		value := group.Interpolate(shortfall)
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
