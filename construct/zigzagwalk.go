package construct

import (
	"math"
)

// The walk of a zigzag, and the weights that make it.
//
// A unit of the second layer is affine on every group. The walk goes through the
// groups from the middle one outward. On each it decides, unit by unit, the line
// that the unit should be; the weights of the two bends in the gap before are
// computed from where the unit *stands* with its stored weights, so that it
// meets the line up to the last rounding; and the next unit is decided from the
// function that the units before it really make.

// slotUnit is the state of one unit of the second layer on the group last walked.
type slotUnit struct {
	sign float64 // output weight: +1 or -1
	here segment // the line that the stored weights make there

	// For the bound of the error, by side (left and right of the middle group):
	// sums of |w| and of |w| * distance over the bends awake, at place.
	steep, height, place [2]float64
	base                 [2]float64 // steepness and magnitude of what the middle group needs
}

// A segment is the line value + slope * (t - at).
type segment struct {
	at           float64
	value, slope double
}

// to returns the line's value at t, in twice the precision.
func (s segment) to(t float64) double {
	run := distance(s.at, t)
	if t < s.at {
		run = run.neg()
	}
	return s.value.add(s.slope.times(run))
}

// walk decides all lines and writes all weights of the second layer.
func (z *zigzag) walk() {
	per := len(z.units) / z.outputs
	mid := z.groups / 2
	for o := range z.outputs {
		units := z.units[o*per : (o+1)*per]
		z.setSigns(units)
		start := make([]segment, per)
		z.walkGroup(mid, o, units)
		for k := range units {
			start[k] = units[k].here
		}
		for g := mid + 1; g < z.groups; g++ {
			z.walkGroup(g, o, units)
		}
		for k := range units {
			units[k].here = start[k]
		}
		for g := mid - 1; g >= 0; g-- {
			z.walkGroup(g, o, units)
		}
	}
}

// setSigns sets the output weights: walking outward, slots A turn down first,
// slots B up.
func (z *zigzag) setSigns(units []slotUnit) {
	units[0].sign = 1
	sign := -1.0
	for k := range z.slots[0] {
		units[1+k].sign, sign = sign, -sign
	}
	sign = 1
	for k := range z.slots[1] {
		units[1+z.slots[0]+k].sign, sign = sign, -sign
	}
}

// walkGroup places all units of output o on group g.
func (z *zigzag) walkGroup(g, o int, units []slotUnit) {
	p, mid := z.outputs, z.middle(g)
	forward := 1.0 // the direction in which slots A are walked
	if g%2 == 1 {
		forward = -1
	}
	m := z.steep[g*p+o]
	unit := o * len(units)
	base := segment{at: z.t[mid], slope: double{hi: forward * m}}
	base.value = double{hi: z.shift[o]}.addFloat(z.y[mid*p+o])
	units[0].here = z.place(g, unit, &units[0], base)
	z.walkHalf(g, o, forward, m, units[0].here, units[1:1+z.slots[0]], unit+1)
	z.walkHalf(g, o, -forward, -m, units[0].here, units[1+z.slots[0]:], unit+1+z.slots[0])
	z.worst[o] = max(z.worst[o], z.groupError(g, o, units))
}

// walkHalf walks from the middle of group g towards dir (+1 right, -1 left),
// leaving with the slope m per step in that direction, and places the slots.
func (z *zigzag) walkHalf(g, o int, dir, m float64, f segment, slots []slotUnit, unit int) {
	p, i := z.outputs, z.middle(g)
	f.value = f.value.addFloat(-z.shift[o])
	end := z.starts[g+1] - 1
	if dir < 0 {
		end = z.starts[g]
	}
	for k := range slots {
		s := &slots[k]
		line := segment{slope: double{hi: 2 * math.Abs(m) * dir}}
		if i == end {
			line.at = z.beyond(end, int(dir)) // a slot without a leg sleeps on the group
			s.here = z.place(g, unit+k, s, line)
			continue
		}
		i += int(dir)
		miss := f.to(z.t[i]).neg().addFloat(z.y[i*p+o])
		line.at, line.value = z.t[i], double{hi: s.sign * miss.hi}
		s.here = z.place(g, unit+k, s, line)
		moved := s.here.to(z.t[i])
		value, slope := f.to(z.t[i]), s.here.slope
		if s.sign < 0 {
			moved, slope = moved.neg(), slope.neg()
		}
		f = segment{at: z.t[i], value: value.add(moved), slope: f.slope.add(slope)}
	}
}

// beyond returns a place half a gap beyond point i towards dir.
func (z *zigzag) beyond(i, dir int) float64 {
	if j := i + dir; j >= 0 && j < len(z.t) {
		return z.t[i] + (z.t[j]-z.t[i])/2
	}
	return z.t[i] + float64(dir)*(z.t[len(z.t)-1]-z.t[0])/float64(len(z.t))
}

// place writes the weights that bring a unit to the line want on group g and
// returns the line that they really make.
func (z *zigzag) place(g, unit int, s *slotUnit, want segment) segment {
	row, mid := z.weight.Row(unit), z.groups/2
	round := z.precision.Round
	if g == mid { // c (t - t_0) + b
		c := round(want.slope.hi)
		want.slope = double{hi: c}
		z.bias[unit] = round(want.to(z.t[0]).hi)
		row[0] = c
		s.base = [2]float64{math.Abs(c), math.Abs(z.bias[unit])}
		return segment{at: z.t[0], value: double{hi: z.bias[unit]}, slope: double{hi: c}}
	}
	// Outward over the gap: from the last point of the group before to the first
	// of this one, with slopes per step outward.
	gap, near, far := g, z.starts[g]-1, z.starts[g]
	side, sign := 1, 1.0
	if g < mid {
		gap, near, far = g+1, z.starts[g+1], z.starts[g+1]-1
		side, sign = 0, -1
	}
	nearUnit, farUnit := 2*gap-1, 2*gap
	if side == 0 {
		nearUnit, farUnit = farUnit, nearUnit
	}
	run := distance(z.t[near], z.t[far])
	from, slope := s.here.to(z.t[near]), s.here.slope
	if side == 0 {
		slope = slope.neg()
	}
	rise := want.to(z.t[far]).add(from.neg())
	a := round(slope.neg().addFloat(rise.hi / run.hi).hi)
	slope = slope.addFloat(a)
	value := from.add(slope.times(run))
	b := round(slope.neg().addFloat(sign * want.slope.hi).hi)
	slope = slope.addFloat(b)
	row[nearUnit], row[farUnit] = a, b
	s.weigh(side, z.t[near], a)
	s.weigh(side, z.t[far], b)
	if side == 0 {
		slope = slope.neg()
	}
	return segment{at: z.t[far], value: value, slope: slope}
}

// groupError bounds the error that rounding makes on the points of group g, for
// the units of one output, in any order of summation. Every term of a unit's sum
// is off by at most k+2 roundings, k the number of terms; delta is the error of
// t itself. Of the slots, those to one side of the group's middle are awake at a
// point, and those to the other side only while they are next to 0.
func (z *zigzag) groupError(g, o int, units []slotUnit) float64 {
	mid := z.groups / 2
	first, last := z.t[z.starts[g]], z.t[z.starts[g+1]-1]
	side, out := 1, last
	if g < mid {
		side, out = 0, first
	}
	perTerm := termError(z.precision, 2*max(g-mid, mid-g)+4)
	sum := func(units []slotUnit, end float64) (e, size, most float64) {
		for k := range units {
			s := &units[k]
			height := 0.0
			if s.steep[side] > 0 && g != mid {
				height = s.height[side] + s.steep[side]*math.Abs(out-s.place[side])
			}
			mine := perTerm*(s.base[0]*(last-z.t[0])+s.base[1]+height) + (s.base[0]+s.steep[side])*z.delta
			e, most = e+mine, max(most, mine)
			size += math.Abs(s.here.to(end).hi)
		}
		return e, size, most
	}
	endA, endB := last, first
	if g%2 == 1 {
		endA, endB = first, last
	}
	a, b := units[1:1+z.slots[0]], units[1+z.slots[0]:]
	eA, sizeA, mostA := sum(a, endA)
	eB, sizeB, mostB := sum(b, endB)
	e, size, _ := sum(units[:1], endA)
	_, other, _ := sum(units[:1], endB)
	return e + max(eA+mostB, eB+mostA) + termError(z.precision, len(a)+3)*(max(size, other)+max(sizeA, sizeB)+math.Abs(z.shift[o]))
}

// weigh keeps account of the bend of weight w at t.
func (s *slotUnit) weigh(side int, t, w float64) {
	if s.steep[side] > 0 {
		s.height[side] += s.steep[side] * math.Abs(t-s.place[side])
	}
	s.place[side] = t
	s.steep[side] += math.Abs(w)
}
