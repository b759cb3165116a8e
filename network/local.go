package network

import (
	"math"
	"slices"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// Finding the awake units of a layer of local units.
//
// A unit of a deep layer often depends on few units: the hat of a vertex on the
// ramps beside it, and not on all others. Its cone is the small network of those.
// A cone is cheap to evaluate, at a point and on a whole box of inputs
// at once, by interval arithmetic: sums of intervals, widened by the rounding error
// of any order of summation, and max(z, 0) of both ends. When the upper
// end is 0, the unit is 0 on every row in the box, whatever the order of its
// sums. So a tree of boxes around the rows finds the rows on which
// a unit can be awake without looking at the others:
//
//	descend(unit, box): upper end 0? done. One row? list it. Else both halves of the box.
//
// For n rows and m units in few dimensions, each awake on few rows, that is about
// O(m log n) cones instead of n m. Nothing is assumed of how the network
// came about; where cones are large or boxes tell nothing, the search gives up.

const (
	// localInputs is the most inputs for which boxes of rows are worth a try.
	localInputs = 8
	// localCone bounds the weights of a cone, on average.
	localCone = 1 << 12
	// localVisits bounds the boxes that are looked at per unit and row.
	localVisits = 600
	// leafRows is the most rows of a box that is not divided any more.
	leafRows = 4
	// localChunks is the number of parts that the units are looked at in.
	localChunks = 64
)

// Local is a hidden layer of a network whose units have small cones.
type Local struct {
	precision Precision
	inputs    int
	levels    []level
}

// A level is a layer in compressed rows; a Projected map makes two of them.
type level struct {
	width int
	ptr   []int
	col   []int32
	val   []float64
	bias  []float64 // nil: none
	act   Activation
}

// FindLocal returns the given layer with the weights of its units at hand. It
// returns false when a layer before it has a map of no use for that (a full
// matrix), when the network has more than eight inputs, or when the cones are large.
func FindLocal(n *Network, layer int) (*Local, bool) {
	if layer < 1 || layer >= len(n.Layers) || n.Inputs() > localInputs || n.Layers[layer].Act != ReLU {
		return nil, false
	}
	l := &Local{precision: n.Precision, inputs: n.Inputs()}
	for i := range n.Layers[:layer+1] {
		if !l.append(&n.Layers[i]) {
			return nil, false
		}
	}
	const looked = 64
	units, weights := l.Units(), 0
	w := l.newCones()
	for k := range looked {
		weights += w.of(units * k / looked).weights()
	}
	return l, weights <= looked*localCone
}

// Units returns the number of units of the layer.
func (l *Local) Units() int { return l.levels[len(l.levels)-1].width }

// append adds the levels of a layer.
func (l *Local) append(layer *Layer) bool {
	m := layer.Map
	out, _ := m.Dims()
	next := level{width: out, bias: layer.Bias, act: layer.Act, ptr: make([]int, 1, out+1)}
	if p, ok := m.(*Projected); ok {
		first := level{width: p.P.Out, ptr: make([]int, 1, p.P.Out+1)}
		for k := range p.P.Out {
			if !first.appendRow(p.P, k) {
				return false
			}
		}
		l.levels = append(l.levels, first)
		for j, k := range p.Pick {
			next.add(int(k), p.Scale[j])
			next.ptr = append(next.ptr, len(next.col))
		}
		l.levels = append(l.levels, next)
		return true
	}
	for i := range out {
		if !next.appendRow(m, i) {
			return false
		}
	}
	l.levels = append(l.levels, next)
	return true
}

func (v *level) add(j int, w float64) {
	if w != 0 {
		v.col, v.val = append(v.col, int32(j)), append(v.val, w)
	}
}

// appendRow adds the terms of unit i of m, in the order in which they are summed.
func (v *level) appendRow(m Map, i int) bool {
	ok := v.terms(m, i, 0)
	v.ptr = append(v.ptr, len(v.col))
	return ok
}

func (v *level) terms(m Map, i, shift int) bool {
	switch m := m.(type) {
	case *Dense:
		before := len(v.col)
		for j, w := range m.Row(i) {
			v.add(shift+j, w)
		}
		return len(v.col)-before <= 1 // the order of a product of matrices is not known
	case *Sparse:
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			v.add(shift+int(m.Col[k]), m.Val[k])
		}
		return true
	case *Diagonal:
		v.add(shift+i, m.D[i])
		return true
	case *Sum:
		for _, part := range m.Maps {
			if !v.terms(part, i, shift) {
				return false
			}
			_, in := part.Dims()
			shift += in
		}
		return true
	case *Stack:
		for _, part := range m.Maps {
			out, _ := part.Dims()
			if i < out {
				return v.terms(part, i, shift)
			}
			i -= out
		}
	case *Blocks:
		for _, part := range m.Maps {
			out, in := part.Dims()
			if i < out {
				return v.terms(part, i, shift)
			}
			i, shift = i-out, shift+in
		}
	}
	return false
}

// EachAwake calls visit for every unit that can be awake on a row of x (n x d),
// with its cone and those rows, ascending. On all other rows it is exactly 0 in any
// evaluation in the network's precision or a finer one: any order of
// summation, fused or not, and exact arithmetic too. The units are looked at
// in 64 chunks at the same time, those of a chunk in order. The cone and the rows are
// good until visit returns.
//
// It returns false, having called visit for some units, when the boxes of rows do not tell
// enough, so that every unit on every row would be looked at.
func (l *Local) EachAwake(x *mat.Dense, visit func(chunk, unit int, cone *Cone, rows []int32)) bool {
	n, _ := x.Dims()
	tree := newRowTree(x, l.precision)
	units := l.Units()
	budget := int64(localVisits) * int64(n+units)
	var visits atomic.Int64
	parallel.Each(localChunks, func(c int) {
		cones := l.newCones()
		var rows []int32
		for i := units * c / localChunks; i < units*(c+1)/localChunks && visits.Load() < budget; i++ {
			cone := cones.of(i)
			seen := 0
			rows = tree.find(cone, 0, rows[:0], &seen)
			visits.Add(int64(seen))
			if len(rows) > 0 {
				slices.Sort(rows)
				visit(c, i, cone, rows)
			}
		}
	})
	return visits.Load() < budget
}

// LocalChunks is the number of chunks of [Local.EachAwake].
const LocalChunks = localChunks

// Values returns the layer's outputs on the rows of x in the network's own
// precision, bit for bit those of [Network.Activations]: for every row the units that
// are awake, ascending, and what they put out. See EachAwake for false.
func (l *Local) Values(x *mat.Dense) (*Awake, []float64, bool) {
	type chunk struct {
		pairs  []rowUnit
		values []float64
	}
	n, _ := x.Dims()
	found := make([]chunk, localChunks)
	ok := l.EachAwake(x, func(c, unit int, cone *Cone, rows []int32) {
		for _, r := range rows {
			if v := cone.Value(x.RawRowView(int(r))); v > 0 {
				found[c].pairs = append(found[c].pairs, rowUnit{r, int32(unit)})
				found[c].values = append(found[c].values, v)
			}
		}
	})
	if !ok {
		return nil, nil, false
	}
	pairs, total := make([][]rowUnit, len(found)), 0
	for c := range found {
		pairs[c] = found[c].pairs
		total += len(pairs[c])
	}
	awake := byRow(pairs, total, n)
	values, next := make([]float64, total), slices.Clone(awake.RowPtr[:n])
	for c := range found {
		for k, p := range found[c].pairs {
			values[next[p.row]] = found[c].values[k]
			next[p.row]++
		}
	}
	return awake, values, true
}

// A rowTree divides rows into boxes: node 1's children are 2 and 3, and so on.
type rowTree struct {
	row   []int32
	nodes []rowNode
}

type rowNode struct {
	lo, hi   []float64 // the box of the rows
	from, to int
	child    [2]int32 // 0: a leaf
}

func newRowTree(x *mat.Dense, p Precision) *rowTree {
	n, _ := x.Dims()
	t := &rowTree{row: make([]int32, n)}
	for i := range t.row {
		t.row[i] = int32(i)
	}
	t.grow(x, p, 0, n)
	return t
}

// grow adds the node of the rows at positions from <= i < to and returns its index.
func (t *rowTree) grow(x *mat.Dense, p Precision, from, to int) int32 {
	_, d := x.Dims()
	ends := make([]float64, 2*d)
	node := rowNode{lo: ends[:d], hi: ends[d:], from: from, to: to}
	copy(node.lo, x.RawRowView(int(t.row[from])))
	copy(node.hi, node.lo)
	for _, r := range t.row[from:to] {
		for j, v := range x.RawRowView(int(r)) {
			node.lo[j], node.hi[j] = min(node.lo[j], v), max(node.hi[j], v)
		}
	}
	widest := 0
	for j := range d {
		if node.hi[j]-node.lo[j] > node.hi[widest]-node.lo[widest] {
			widest = j
		}
	}
	divisible := to-from > leafRows && node.hi[widest] > node.lo[widest]
	middle := (from + to) / 2
	if divisible {
		t.partition(x, widest, from, to, middle)
	}
	for j := range d { // as a runtime is fed
		node.lo[j], node.hi[j] = p.Round(node.lo[j]), p.Round(node.hi[j])
	}
	at := len(t.nodes)
	t.nodes = append(t.nodes, node)
	if divisible {
		left := t.grow(x, p, from, middle)
		right := t.grow(x, p, middle, to)
		t.nodes[at].child = [2]int32{left, right}
	}
	return int32(at)
}

// partition puts the rows so that those before middle have no larger x_j than
// those from middle on (quickselect).
func (t *rowTree) partition(x *mat.Dense, j, from, to, middle int) {
	key := func(i int) float64 { return x.At(int(t.row[i]), j) }
	for to-from > 1 {
		pivot := key(from + (to-from)/2)
		a, b := from, to-1
		for a <= b {
			for key(a) < pivot {
				a++
			}
			for key(b) > pivot {
				b--
			}
			if a <= b {
				t.row[a], t.row[b] = t.row[b], t.row[a]
				a, b = a+1, b-1
			}
		}
		switch {
		case middle <= b:
			to = b + 1
		case middle >= a:
			from = a
		default:
			return
		}
	}
}

// find appends the rows below a node on which the cone's unit can be awake.
func (t *rowTree) find(c *Cone, node int32, rows []int32, seen *int) []int32 {
	*seen++
	at := &t.nodes[node]
	if most := c.Most(at.lo, at.hi); most <= 0 {
		return rows
	}
	if at.child == [2]int32{} {
		return append(rows, t.row[at.from:at.to]...)
	}
	return t.find(c, at.child[1], t.find(c, at.child[0], rows, seen), seen)
}

// sumError bounds the relative error of a sum of k products, of its computation in
// the precision and of that of its bound in float64.
func sumError(p Precision, k int) float64 {
	return 1.01 * float64(k+2) * (p.Eps() + 0x1p-52)
}

func smallest(p Precision) float64 {
	if p == Float32 {
		return 0x1p-148
	}
	return math.SmallestNonzeroFloat64
}

// largestSum bounds the magnitudes of terms whose sums stay far from overflow.
func largestSum(p Precision) float64 {
	if p == Float32 {
		return 0x1p120
	}
	return 0x1p1000
}
