package construct

import (
	"math"
	"slices"

	"hinge/network"
)

// Leaves of trees as gates.
//
// A leaf of a tree is where all splits on its path go its way. A split compares
// a number t of the row (a feature, or a projection) with a threshold: t <= low
// goes left, t >= high goes right, and no number that matters lies in between.
// It gets two ramps, 1/w a power of two with low + w <= high:
//
//	over  = s((t - low)/w)          0 up to low,           at least 1 from low + w on
//	under = s((low + w - t)/w)      at least 1 up to low,  0 from low + w on
//
//	      over                            under
//	1          /---                1 ---\
//	0 ________/                    0     \________
//	        low  low+w                 low  low+w
//
// and a leaf is one unit of the second hidden layer, which adds up the ramps of
// the splits on its path that would turn a row away:
//
//	leaf = s(1 - sum of over where the path goes left - sum of under where it goes right).
//
// Theorem. If 1/w, low/w and high/w are numbers of the arithmetic, leaf is exactly
// 1 on the rows that reach it and exactly 0 on all others, in any order of
// summation, with or without fused multiply-add.
//
// Proof. The product t * (1/w) is exact and the ramp's sum is rounded once, to
// nearest, which is monotone and leaves 0 and 1 alone: a ramp is exactly 0 on its
// own side and at least 1 on the other. On a row of the leaf all terms but the 1
// are 0. On another row some ramp is at least 1; the computed sum is monotone in
// every ramp, hence at most 1 - 1 = 0. QED
//
// Many splits of a path are idle: of those that bound the same t from the same
// side only the tightest is kept, so that a leaf of a tree on d features has at
// most 2d terms, however deep it lies. Trees share ramps: a split that occurs
// again, in any tree, has no ramps of its own.
//
// Worked case, d = 1: rows t = 1, 2, 4, 5 of the classes a a b a: splits 2|4 and
// 4|5, three leaves s(1 - over(2)), s(1 - under(2) - over(4)), s(1 - under(4)).

// A boundary is one split of a number t: what is at most low and at most
// high - 1/slope goes left, what is at least high and at least low + 1/slope goes
// right. (Where low + 1/slope is a number of the precision, that is high.)
type boundary struct {
	axis      int32   // which t
	low, high float64 // numbers of the precision
	slope     float64 // 1/w, a power of two
}

// order sorts boundaries of one axis from left to right.
func (b boundary) order(c boundary) int {
	switch {
	case b.axis != c.axis:
		return int(b.axis) - int(c.axis)
	case b.low < c.low:
		return -1
	case b.low > c.low:
		return 1
	case b.slope > c.slope: // the narrower one ends first
		return -1
	case b.slope < c.slope:
		return 1
	}
	return 0
}

// A boxTree is a tree whose splits are boundaries.
type boxTree struct {
	split       []int32 // index of the node's boundary; -1 for a leaf
	left, right []int32
}

// boxes are the leaves of trees, as gates over shared ramps.
type boxes struct {
	bounds []boundary // sorted by order, distinct
	leaves []int32    // by row of the sparse map: the leaf's node
	starts []int      // by tree: its first row, and an end
	terms  *network.Sparse
	ramps  []ramp // the first hidden layer
}

// A ramp is one side of a boundary.
type ramp struct {
	bound int32
	under bool
}

// newBoxes makes the gates of all leaves of the trees that can be reached.
// Boundaries are sorted and distinct. Cells may be added before numberRamps.
func newBoxes(bounds []boundary, trees []boxTree) *boxes {
	b := &boxes{bounds: bounds, terms: &network.Sparse{RowPtr: []int{0}}}
	axes := 0
	for _, bound := range bounds {
		axes = max(axes, int(bound.axis)+1)
	}
	w := &boxWalk{boxes: b, over: fill(axes, -1), under: fill(axes, -1)}
	for i := range trees {
		b.starts = append(b.starts, len(b.leaves))
		w.tree = &trees[i]
		w.walk(0)
	}
	b.starts = append(b.starts, len(b.leaves))
	return b
}

// addBox adds a gate whose terms are 2*boundary (over) and 2*boundary+1 (under).
func (b *boxes) addBox(node int32, terms []int32) {
	from := len(b.terms.Col)
	b.terms.Col = append(b.terms.Col, terms...)
	slices.Sort(b.terms.Col[from:])
	b.leaves = append(b.leaves, node)
	b.terms.RowPtr = append(b.terms.RowPtr, len(b.terms.Col))
}

func fill(n int, v int32) []int32 { return slices.Repeat([]int32{v}, n) }

// boxWalk walks one tree and keeps, for every axis, the tightest boundaries of
// the path: the box that the path has come to.
type boxWalk struct {
	*boxes
	tree        *boxTree
	over, under []int32 // by axis: the boundary, -1 for none
	path        []int32 // the axes that have one
	found       []int32
}

// walk visits the nodes below one. Terms stand for ramps as 2*boundary (over)
// and 2*boundary+1 (under) until numberRamps has seen all of them.
func (w *boxWalk) walk(node int32) {
	at := w.tree.split[node]
	if at < 0 {
		w.leaf(node)
		return
	}
	axis := w.bounds[at].axis
	over, under := w.over[axis], w.under[axis]
	fresh := over < 0 && under < 0
	if fresh {
		w.path = append(w.path, axis)
	}
	if under < at { // otherwise nothing goes left
		if over < 0 || at < over {
			w.over[axis] = at
		}
		w.walk(w.tree.left[node])
		w.over[axis] = over
	}
	if over < 0 || at < over {
		w.under[axis] = max(under, at)
		w.walk(w.tree.right[node])
		w.under[axis] = under
	}
	if fresh {
		w.path = w.path[:len(w.path)-1]
	}
}

// leaf adds the gate of the path's box.
func (w *boxWalk) leaf(node int32) {
	w.found = w.found[:0]
	for _, axis := range w.path {
		if over := w.over[axis]; over >= 0 {
			w.found = append(w.found, 2*over)
		}
		if under := w.under[axis]; under >= 0 {
			w.found = append(w.found, 2*under+1)
		}
	}
	w.addBox(node, w.found)
}

// numberRamps numbers the ramps in use, by axis and from left to right.
func (b *boxes) numberRamps() {
	used := make([]bool, 2*len(b.bounds))
	for _, c := range b.terms.Col {
		used[c] = true
	}
	number := make([]int32, len(used))
	for c, in := range used {
		if in {
			number[c] = int32(len(b.ramps))
			b.ramps = append(b.ramps, ramp{int32(c / 2), c%2 == 1})
		}
	}
	for k, c := range b.terms.Col {
		b.terms.Col[k] = number[c]
	}
	b.terms.Val = slices.Repeat([]float64{-1}, len(b.terms.Col))
	b.terms.Out, b.terms.In = len(b.leaves), len(b.ramps)
}

// count returns the number of leaves.
func (b *boxes) count() int { return len(b.leaves) }

// layers returns the two hidden layers on inputs whose number axis is row axis of
// directions (q x d). The map of the first is a Projected map, or dense where
// wide says so.
func (b *boxes) layers(directions *network.Dense, wide bool) []network.Layer {
	n := len(b.ramps)
	pick, scale, bias := make([]int32, n), make([]float64, n), make([]float64, n)
	for j, r := range b.ramps {
		bound := b.bounds[r.bound]
		pick[j], scale[j], bias[j] = bound.axis, bound.slope, -bound.slope*bound.low
		if r.under {
			scale[j], bias[j] = -bound.slope, bound.slope*bound.high
		}
	}
	var first network.Map = &network.Projected{P: directions, Pick: pick, Scale: scale}
	if wide {
		first = writtenOut(directions, pick, scale)
	}
	return []network.Layer{
		{Map: first, Bias: bias, Act: network.ReLU, Name: "splits"},
		{Map: b.terms, Bias: slices.Repeat([]float64{1}, b.count()), Act: network.ReLU, Name: "leaves"},
	}
}

// writtenOut is a Projected map as a matrix; scales are powers of two, so that
// no entry is rounded.
func writtenOut(directions *network.Dense, pick []int32, scale []float64) *network.Dense {
	m := network.NewDense(len(pick), directions.In, make([]float64, len(pick)*directions.In))
	for j, k := range pick {
		row := m.Row(j)
		for i, v := range directions.Row(int(k)) {
			row[i] = float64(scale[j] * v)
		}
	}
	return m
}

// unsplit reports trees of one leaf only: there is nothing to split.
func (b *boxes) unsplit() bool { return len(b.ramps) == 0 }

// sortBoundaries returns the distinct boundaries in order and, for every one
// given, its place.
func sortBoundaries(all []boundary) (distinct []boundary, place []int32) {
	order := make([]int32, len(all))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return all[i].order(all[j]) })
	place = make([]int32, len(all))
	for k, i := range order {
		if k == 0 || all[order[k-1]] != all[i] {
			distinct = append(distinct, all[i])
		}
		place[i] = int32(len(distinct) - 1)
	}
	return distinct, place
}

// steepestFor returns the steepest slope for which no ramp of a number up to
// largest overflows, or comes near it.
func steepestFor(prec network.Precision, largest float64) float64 {
	_, exp := math.Frexp(max(1, largest))
	if prec == network.Float32 {
		return math.Ldexp(1, 110-exp)
	}
	return math.Ldexp(1, 900-exp)
}
