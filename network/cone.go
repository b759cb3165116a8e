package network

import "math"

// A Cone is one unit of a layer together with all units that it depends on: a
// small network of its own. Level by level, from the inputs on, unit i of a
// level sums Weight[k] times unit Slot[k] of the level before, or input Slot[k],
// for Ptr[i] <= k < Ptr[i+1], in that order, and Bias[i]. The last level is the unit.
type Cone struct {
	Levels    []ConeLevel
	precision Precision
	ends      [3][]float64 // work space: the bounds of three levels
	values    [2][]float64
	short     [2][]float32
}

// ConeLevel is one level of a Cone.
type ConeLevel struct {
	Ptr    []int32
	Slot   []int32
	Weight []float64
	Bias   []float64
	Act    Activation

	unit []int32 // the units of the level, as the network counts them
	// larger tells of units a + s(b - a), with a passed on by s(a), the slots of a and b
	// two levels before; -1 for others. Their bounds are those of max(a, b).
	larger [][2]int32
}

// cones makes cones, one after the other in the same storage.
type cones struct {
	l    *Local
	cone Cone
	slot [][]int32 // of every level: where a unit stands in the cone, plus one
}

func (l *Local) newCones() *cones {
	c := &cones{l: l, cone: Cone{Levels: make([]ConeLevel, len(l.levels)), precision: l.precision}}
	for _, v := range l.levels {
		c.slot = append(c.slot, make([]int32, v.width))
	}
	return c
}

// of returns the cone of a unit; it is good until the next call.
func (c *cones) of(unit int) *Cone {
	last := len(c.l.levels) - 1
	for i := range c.cone.Levels {
		v := &c.cone.Levels[i]
		v.unit, v.Ptr, v.Slot = v.unit[:0], append(v.Ptr[:0], 0), v.Slot[:0]
		v.Weight, v.Bias, v.Act = v.Weight[:0], v.Bias[:0], c.l.levels[i].act
	}
	c.cone.Levels[last].unit = append(c.cone.Levels[last].unit, int32(unit))
	for i := last; i >= 0; i-- {
		c.fill(i)
	}
	for i := range last {
		for _, u := range c.cone.Levels[i].unit {
			c.slot[i][u] = 0
		}
	}
	c.cone.findLarger()
	return &c.cone
}

// findLarger finds the units that are the larger of two.
func (c *Cone) findLarger() {
	for i := range c.Levels {
		v := &c.Levels[i]
		v.larger = v.larger[:0]
		for u := range v.Bias {
			pair := [2]int32{-1, -1}
			if from := v.Ptr[u]; i >= 2 && c.Levels[i-2].Act == ReLU && v.Ptr[u+1]-from == 2 && v.Bias[u] == 0 && v.Weight[from] == 1 && v.Weight[from+1] == 1 {
				p, q := v.Slot[from], v.Slot[from+1]
				if pair = c.Levels[i-1].largerOf(p, q); pair[0] < 0 {
					pair = c.Levels[i-1].largerOf(q, p)
				}
			}
			v.larger = append(v.larger, pair)
		}
	}
}

// largerOf returns a and b if unit p is s(a) and unit q is s(b - a).
func (v *ConeLevel) largerOf(p, q int32) [2]int32 {
	none := [2]int32{-1, -1}
	a, d := v.Ptr[p], v.Ptr[q]
	if v.Act != ReLU || v.Bias[p] != 0 || v.Bias[q] != 0 || v.Ptr[p+1]-a != 1 || v.Weight[a] != 1 || v.Ptr[q+1]-d != 2 {
		return none
	}
	minus, plus := d, d+1
	if v.Weight[minus] != -1 {
		minus, plus = plus, minus
	}
	if v.Weight[minus] != -1 || v.Weight[plus] != 1 || v.Slot[minus] != v.Slot[a] {
		return none
	}
	return [2]int32{v.Slot[a], v.Slot[plus]}
}

// fill writes the sums of the units of level i, and lists the units that they
// need in the level before.
func (c *cones) fill(i int) {
	from, v := &c.l.levels[i], &c.cone.Levels[i]
	for _, u := range v.unit {
		bias := 0.0
		if from.bias != nil {
			bias = from.bias[u]
		}
		v.Bias = append(v.Bias, bias)
		for k := from.ptr[u]; k < from.ptr[u+1]; k++ {
			slot := from.col[k]
			if i > 0 {
				slot = c.slotOf(i-1, slot)
			}
			v.Slot, v.Weight = append(v.Slot, slot), append(v.Weight, from.val[k])
		}
		v.Ptr = append(v.Ptr, int32(len(v.Slot)))
	}
}

func (c *cones) slotOf(i int, unit int32) int32 {
	if s := c.slot[i][unit]; s > 0 {
		return s - 1
	}
	v := &c.cone.Levels[i]
	v.unit = append(v.unit, unit)
	c.slot[i][unit] = int32(len(v.unit))
	return int32(len(v.unit)) - 1
}

// weights returns the number of weights of the cone.
func (c *Cone) weights() int {
	total := 0
	for i := range c.Levels {
		total += len(c.Levels[i].Weight)
	}
	return total
}

// Value evaluates the unit on one row, as the network does: in its precision,
// bias first, then the terms in order.
func (c *Cone) Value(row []float64) float64 {
	if c.precision == Float32 {
		return float64(coneValue(c, row, &c.short))
	}
	return coneValue(c, row, &c.values)
}

func coneValue[T float32 | float64](c *Cone, row []float64, space *[2][]T) T {
	in := append(space[0][:0], make([]T, len(row))...)
	for j, v := range row {
		in[j] = T(v)
	}
	out := space[1]
	for i := range c.Levels {
		v := &c.Levels[i]
		out = out[:0]
		for u, bias := range v.Bias {
			sum := T(bias)
			for k := v.Ptr[u]; k < v.Ptr[u+1]; k++ {
				sum += T(T(v.Weight[k]) * in[v.Slot[k]])
			}
			if v.Act == ReLU {
				sum = max(sum, 0)
			}
			out = append(out, sum)
		}
		in, out = out, in
	}
	space[0], space[1] = in, out
	return in[0]
}

// Most returns a bound from above of the unit on all inputs of the box lo..hi,
// in any evaluation: every order of summation, fused or not, exact or in the
// network's precision or a finer one.
func (c *Cone) Most(lo, hi []float64) float64 {
	before, in, out := c.ends[0], c.ends[1][:0], c.ends[2]
	for j, v := range lo {
		in = append(in, v, hi[j])
	}
	tiny, huge := smallest(c.precision), largestSum(c.precision)
	for i := range c.Levels {
		v := &c.Levels[i]
		out = out[:0]
		for u := range v.Bias {
			least, most, ok := v.bounds(u, in, c.precision, tiny, huge)
			if !ok {
				return math.Inf(1) // some order of summation may overflow
			}
			if pair := v.larger[u]; pair[0] >= 0 {
				l, m := larger(before, pair, c.precision)
				least, most = max(least, l), min(most, m)
			}
			if v.Act == ReLU {
				least, most = max(least, 0), max(most, 0)
			}
			out = append(out, least, most)
		}
		before, in, out = in, out, before
	}
	c.ends[0], c.ends[1], c.ends[2] = before, in, out
	return in[1]
}

// bounds returns the interval of unit u before its activation, for those of its
// inputs; false when sums could overflow.
func (v *ConeLevel) bounds(u int, in []float64, p Precision, tiny, huge float64) (least, most float64, ok bool) {
	bias := v.Bias[u]
	least, most, size := bias, bias, math.Abs(bias)
	from, to := v.Ptr[u], v.Ptr[u+1]
	for k := from; k < to; k++ {
		w, s := v.Weight[k], 2*v.Slot[k]
		a, b := w*in[s], w*in[s+1]
		if w < 0 {
			a, b = b, a
		}
		least += a
		most += b
		size += max(math.Abs(a), math.Abs(b))
	}
	if size == 0 {
		return 0, 0, true // nothing but zeros: exact
	}
	e := sumError(p, int(to-from))*size + float64(to-from+1)*tiny
	return least - e, most + e, size < huge
}

// larger bounds the computed a + s(b - a), with a and b within the given ends. Both are
// clipped at 0; b - a is rounded only when it is kept, which is less than b, and
// sums do not underflow: the relative error is two roundings.
func larger(ends []float64, pair [2]int32, p Precision) (least, most float64) {
	a, b := 2*pair[0], 2*pair[1]
	least = max(ends[a], ends[b], 0)
	most = max(ends[a+1], ends[b+1], 0)
	e := 8 * (p.Eps() + 0x1p-53)
	return least * (1 - e), most * (1 + e)
}
