package construct

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"hinge/network"
)

// Zigzag (C3): n rows on a line with about 2.83 sqrt(n) units in two hidden
// layers, where one hidden layer needs n - 2 in the worst case.
//
// Sort the rows along t = u.x and cut them into G groups of at most q
// neighbours. Inside a group walk from point to point on two slopes only, +M and
// -M by turns, with M above every chord slope: between two neighbours the walk
// turns once, where it must to meet the second,
//
//	\      /\  2          leg from (t, f) with slope m to (t', y): the turn lies
//	 \    /  \/           (f + m (t' - t) - y) / (2m)  before t',
//	  1  /    3           between the points since |y - f| <= M (t' - t).
//
// Every turn is a kink of 2M, and its sign depends on how many came before, not
// on the data. So leg k of *every* group can be the same unit of the second
// hidden layer: with z_k(t) = 2M (t - theta_gk) on group g, f = base + sum_k
// (+-) s(z_k), with output weights +1 and -1. All that changes from group to
// group is where z_k vanishes, and z_k is affine on each group: piecewise linear
// in t with two bends per gap between groups, one at either end. These bends are
// the first hidden layer, 2(G-1) units, plus one that passes t on; q - 1 kinks
// and one base per output are the second:
//
//	units = 2(G-1) + 1 + p q,      about 2 sqrt(2 n p) for G = sqrt(p n/2).
//
// 181 units at n = 4096. Counting allows no fewer than 2 sqrt(n) - d + 1 (L1).
//
// Rounding, and what was done about it. In the textbook form every z_k falls from
// its largest value to its least within each gap, and the units that make it
// fall are of size q M and cancel in all later groups.
// Here neighbouring groups are walked as mirror images, so that z_k is nearly as
// high where it enters a group as where it left the one before, and bends by a
// few M instead of q M:
//
//	group      1            2            3
//	walk    <- mid ->    <- mid ->    <- mid ->      from the middle, so that at
//	slots   B       A    A       B    B       A      most q/2 are awake at once
//
// The bends of the first layer start at the middle group and face away from it,
// which leaves half of them awake at most, at half the distance. And the walk
// carries the function as its stored weights make it, in twice the precision, so
// that no rounding of a weight travels. At n = 4096 on equal spacing the bound
// for any order of summation is 5e-8 of the range, hundreds of times less; it
// grows like eps n^2.5 (measured: docs/depth.md).
//
// Off the data: continuous and bounded by the walk's zigzag, M times half the
// widest gap away from the points: a memory device, not a model.
//
// Classes are stored as one integer (scalarlabel.go): the size does not depend
// on how many there are. Cost: O(n d + n log n + n p).

func init() {
	register(&Construction{
		Name:   "zigzag",
		Title:  "two slopes by turns along one direction, the turns shared by sqrt(n) groups: 2.83 sqrt(n) units in two layers",
		Source: "Yun, Sra, Jadbabaie 2019 (arXiv 1810.07770) for 4 sqrt(n) units; mirrored zigzag of this project for 2.83 sqrt(n)",
		Plan: func(p *Problem) (Size, error) {
			net, stored, bound, err := buildZigzag(p)
			if err != nil {
				return Size{}, err
			}
			size, err := scalarSize("zigzag", p, stored, net, bound)
			size.Note = zigzagNote(p)
			return size, err
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, stored, bound, err := buildZigzag(p)
			if err != nil {
				return nil, err
			}
			return net, refuseInaccurate("zigzag", stored, bound)
		},
	})
}

// zigzagSlack is how far M lies above the steepest chord: turns then stay off
// the points by that part of half a gap. zigzagPad keeps the base awake by that
// part of the range, and no M below that part of the largest.
const (
	zigzagSlack = 1 + 1.0/64
	zigzagPad   = 1.0 / 64
	hopeless    = 1000 // times the tolerance: far more than another design could mend
)

// A zigzagDesign says what part of the groups may be added to cut at wider gaps
// (0 cuts into equal parts), and how far the slope M may fall from one group to
// the next: 1 is the same M in all.
type zigzagDesign struct{ spare, decay float64 }

// zigzagDesigns are tried in turn, the fewest units first, until the bound is
// allowed. Evenly spaced rows take the first. On 1000 rows at random places, three
// draws, the first is bounded by 2e-5 to 5e-5, and the best by 7e-7 to 2e-6 with
// 91 to 97 units instead of 89.
var zigzagDesigns = []zigzagDesign{{0, 1}, {0, 0.8}, {0.05, 0.8}, {0.1, 0.8}, {0.2, 0.8}}

// buildZigzag returns the network, the problem as it is stored, and the bound of
// the rounding error in units of the stored targets' range.
func buildZigzag(p *Problem) (*network.Network, *Problem, float64, error) {
	stored, scores, err := scalarLabels("zigzag", p)
	if err != nil {
		return nil, nil, 0, err
	}
	input, x := inputLayer(stored)
	dir, err := separatingDirection("zigzag", stored, x)
	if err != nil {
		return nil, nil, 0, err
	}
	line := dir.points()
	if len(line.t) == 1 {
		return withScores(constantNetwork(p.Precision, p.Set.D(), line.y), scores), stored, 0, nil
	}
	best, bound := bestZigzag(stored, line, dir.delta)
	input, u := dir.reduce(input)
	return withScores(best.network(input, u), scores), stored, bound, nil
}

// bestZigzag returns the first design that the tolerance allows, or else that of
// the least bound, and the bound.
func bestZigzag(p *Problem, l line, delta float64) (best *zigzag, bound float64) {
	ranges := p.Set.Range()
	for _, design := range zigzagDesigns {
		z := newZigzag(p.Precision, l, p.Set.P(), design)
		z.delta = delta
		z.walk()
		worst := 0.0
		for o, e := range z.worst {
			worst = max(worst, e/ranges[o])
		}
		if best == nil || worst < bound {
			best, bound = z, worst
		}
		if worst <= allowedError(p) || worst > hopeless*allowedError(p) {
			break
		}
	}
	return best, bound
}

// zigzagNote says which of zigzag and slab, 2 n/(d+1) units for one output, is
// the smaller by count.
func zigzagNote(p *Problem) string {
	if p.Set.IsClasses() || p.Set.P() > 1 {
		return ""
	}
	wide, root := p.Set.D()+1, 0.71*math.Sqrt(float64(p.Set.N()))
	which := "slab needs fewer units than zigzag where d + 1 > 0.71 sqrt(n): not here"
	if float64(wide) > root {
		which = "slab needs fewer units than zigzag where d + 1 > 0.71 sqrt(n): here"
	}
	return fmt.Sprintf("%s, with %d against %.1f", which, wide, root)
}

// zigzagShape returns the number of groups and the most points of one for m
// points and p outputs that give the fewest units, the fewest groups among
// equals. The best size is next to sqrt(2 m/p); it is looked for from half to
// twice that, and a few more.
func zigzagShape(m, p int) (groups, size int) {
	least := math.MaxInt
	about := int(math.Sqrt(2 * float64(m) / float64(p)))
	for q := min(m, 2*about+3); q >= max(1, about/2-3); q-- {
		g := ceilDiv(m, q)
		if units := 2*(g-1) + 1 + p*q; units < least {
			least, groups, size = units, g, q
		}
	}
	return groups, size
}

// zigzag is the groups of a line's points and the units that walk them.
type zigzag struct {
	precision network.Precision
	line
	outputs int
	groups  int
	starts  []int     // group g holds the points starts[g] to starts[g+1]-1
	steep   []float64 // groups x p: the slope M
	shift   []float64 // p: added to the base to keep it awake, and taken off the output

	// The second layer: for each output one base, then slots A, then slots B.
	slots  [2]int
	units  []slotUnit
	weight *network.Dense // units x first layer
	bias   []float64      // of the units

	delta float64   // error of t - knot in the network
	worst []float64 // p: bound of the error of every output
}

// newZigzag groups the points of a line and chooses the slopes.
func newZigzag(precision network.Precision, l line, outputs int, design zigzagDesign) *zigzag {
	m := len(l.t)
	z := &zigzag{precision: precision, line: l, outputs: outputs, worst: make([]float64, outputs)}
	var size int
	z.groups, size = zigzagShape(m, outputs)
	z.groups = min(m, z.groups+int(math.Ceil(design.spare*float64(z.groups))))
	z.slots = [2]int{size / 2, (size - 1) / 2}
	z.starts = make([]int, z.groups+1)
	for g := range z.starts {
		z.starts[g] = g * m / z.groups
	}
	if design.spare > 0 {
		z.cutAtWideGaps(size)
	}
	z.setSlopes(design.decay)
	z.setShifts()
	width := outputs * (1 + z.slots[0] + z.slots[1])
	z.units, z.bias = make([]slotUnit, width), make([]float64, width)
	first := 2*(z.groups-1) + 1
	z.weight = network.NewDense(width, first, make([]float64, width*first))
	return z
}

// cutAtWideGaps moves the cuts so that the narrowest gap cut is as wide as
// possible, with groups of at most size points: by bisection on that width, since
// for a given width the fewest groups are those that reach as far as they can.
func (z *zigzag) cutAtWideGaps(size int) {
	m := len(z.t)
	gaps := make([]float64, 0, m)
	for i := 1; i < m; i++ {
		gaps = append(gaps, z.t[i]-z.t[i-1])
	}
	slices.Sort(gaps)
	reach := func(width float64) []int {
		starts := []int{0}
		for from := 0; m-from > size; {
			to := from + size
			for to > from && z.t[to]-z.t[to-1] < width {
				to--
			}
			if to == from || len(starts) == z.groups {
				return nil
			}
			starts, from = append(starts, to), to
		}
		return append(starts, m)
	}
	k := sort.Search(len(gaps), func(k int) bool { return reach(gaps[k]) == nil }) - 1
	if k < 0 {
		return
	}
	if starts := reach(gaps[k]); len(starts) == len(z.starts) {
		z.starts = starts
	}
}

// setSlopes chooses M for every group and output, above all its chord slopes and
// not far below that of its neighbours.
func (z *zigzag) setSlopes(decay float64) {
	p := z.outputs
	z.steep = make([]float64, z.groups*p)
	span := z.t[len(z.t)-1] - z.t[0]
	for o := range p {
		all := 0.0
		for g := range z.groups {
			most := 0.0
			for i := z.starts[g] + 1; i < z.starts[g+1]; i++ {
				most = max(most, math.Abs(z.y[i*p+o]-z.y[(i-1)*p+o])/(z.t[i]-z.t[i-1]))
			}
			z.steep[g*p+o] = zigzagSlack * most
			all = max(all, most)
		}
		if all == 0 {
			all = 1 / span // constant targets: any slope walks
		}
		z.smooth(o, zigzagSlack*all, decay)
	}
}

// smooth raises M of output o to at least decay times that of either neighbour,
// and a small part of most everywhere.
func (z *zigzag) smooth(o int, most, decay float64) {
	p, before := z.outputs, 0.0
	for g := range z.groups {
		m := &z.steep[g*p+o]
		*m = max(*m, decay*before, zigzagPad*most)
		before = *m
	}
	for g := z.groups - 1; g >= 0; g-- {
		m := &z.steep[g*p+o]
		*m = max(*m, decay*before)
		before = *m
	}
}

// setShifts finds what keeps every base above 0 on its group.
func (z *zigzag) setShifts() {
	p := z.outputs
	z.shift = make([]float64, p)
	for o := range p {
		lo, hi, least := math.Inf(1), math.Inf(-1), math.Inf(1)
		for i := range z.t {
			lo, hi = min(lo, z.y[i*p+o]), max(hi, z.y[i*p+o])
		}
		for g := range z.groups {
			mid, m := z.middle(g), z.steep[g*p+o]
			reach := max(z.t[mid]-z.t[z.starts[g]], z.t[z.starts[g+1]-1]-z.t[mid])
			least = min(least, z.y[mid*p+o]-m*reach)
		}
		pad := zigzagPad * (hi - lo + math.Abs(least))
		z.shift[o] = z.precision.Round(pad - least)
	}
}

// middle returns the point at which the walks of group g start: the longer half
// is walked with slots A, to the right in even groups and to the left in odd
// ones.
func (z *zigzag) middle(g int) int {
	legs := z.starts[g+1] - z.starts[g] - 1
	if g%2 == 0 {
		return z.starts[g] + legs/2
	}
	return z.starts[g] + (legs+1)/2
}

// network writes the layers: the bends, the slots, and the output.
func (z *zigzag) network(input network.Layer, u []float64) *network.Network {
	first := 2*(z.groups-1) + 1
	bends := &network.Projected{P: network.NewDense(1, len(u), u), Pick: make([]int32, first), Scale: make([]float64, first)}
	knots := make([]float64, first)
	bends.Scale[0], knots[0] = 1, -z.t[0]
	for g := 1; g < z.groups; g++ {
		sign := z.facing(g)
		for k, t := range []float64{z.t[z.starts[g]-1], z.t[z.starts[g]]} {
			bends.Scale[2*g-1+k], knots[2*g-1+k] = sign, -sign*t
		}
	}
	per := len(z.units) / z.outputs
	out := network.NewDense(z.outputs, len(z.units), make([]float64, z.outputs*len(z.units)))
	bias := make([]float64, z.outputs)
	for o := range z.outputs {
		for k := range per {
			out.Row(o)[o*per+k] = z.units[o*per+k].sign
		}
		bias[o] = -z.shift[o]
	}
	var last network.Map = out
	if z.outputs > 1 {
		last = blockRows(out, per)
	}
	return &network.Network{
		Precision: z.precision,
		Layers: []network.Layer{
			input,
			{Map: bends, Bias: knots, Act: network.ReLU, Name: "bends"},
			{Map: z.weight, Bias: z.bias, Act: network.ReLU, Name: "slots"},
			{Map: last, Bias: bias, Name: "output"},
		},
	}
}

// blockRows returns the block-diagonal map whose row o holds the entries
// o*width, ..., o*width+width-1 of row o of m.
func blockRows(m *network.Dense, width int) *network.Sparse {
	s := &network.Sparse{Out: m.Out, In: m.In, RowPtr: make([]int, m.Out+1)}
	for o := range m.Out {
		for k := o * width; k < (o+1)*width; k++ {
			s.Col, s.Val = append(s.Col, int32(k)), append(s.Val, m.Row(o)[k])
		}
		s.RowPtr[o+1] = len(s.Col)
	}
	return s
}

// facing returns the side to which the bends of the gap before group g face:
// away from the middle group.
func (z *zigzag) facing(g int) float64 {
	if g <= z.groups/2 {
		return -1
	}
	return 1
}
