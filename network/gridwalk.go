package network

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// Evaluating a network on a grid by its boxes.
//
// On a row only the hats of the corners of its box are awake ([Grid.isolates]): 2^q
// of them for q axes. Each corner has the ramp to its right on some axes and to
// its left on the others. The maxima are taken as the layers take them, axis by
// axis, for all corners at once, so the numbers are the network's own, rounding by
// rounding; the order of the final sums is that of the vertices.

// gridRows is how many rows are evaluated at a time.
const gridRows = 4096

// walker evaluates one network on a grid.
type walker[T float32 | float64] struct {
	axes   []gridAxis[T]
	stride []int // of every axis: from a vertex to the next
	p      int
	value  []T // vertex, output
	bias   []T
}

type gridAxis[T float32 | float64] struct {
	input        int
	scale        T
	place, slope []T
	cell         []int32 // of equal parts of the axis: the first cell that meets it
	parts        T       // parts per unit of t
}

// partsPerCell is how finely an axis is divided to look up cells.
const partsPerCell = 2

func newWalker[T float32 | float64](g *Grid, last *Layer) *walker[T] {
	out := last.Map.(*Sparse)
	w := &walker[T]{p: out.Out, value: make([]T, out.In*out.Out), bias: make([]T, out.Out), stride: make([]int, len(g.Place))}
	copy(w.bias, convert[T](last.Bias))
	for o := range out.Out {
		for k := out.RowPtr[o]; k < out.RowPtr[o+1]; k++ {
			w.value[int(out.Col[k])*out.Out+o] = T(out.Val[k])
		}
	}
	stride := 1
	for a := len(g.Place) - 1; a >= 0; a-- {
		w.stride[a] = stride
		stride *= len(g.Place[a])
	}
	for a, places := range g.Place {
		axis := gridAxis[T]{input: g.Input[a], scale: T(g.Scale[g.Input[a]]), place: convert[T](places), slope: convert[T](g.Slope[a])}
		axis.divide()
		w.axes = append(w.axes, axis)
	}
	return w
}

// divide makes the table that find starts from.
func (x *gridAxis[T]) divide() {
	cells := len(x.slope)
	n := partsPerCell * cells
	x.cell = make([]int32, n+1)
	first, last := x.place[0], x.place[cells]
	x.parts = T(n) / (last - first)
	k := 0
	for i := range x.cell {
		for k < cells-1 && float64(x.place[k+1]) <= float64(first)+float64(i)/float64(n)*float64(last-first) {
			k++
		}
		x.cell[i] = int32(k)
	}
}

// find returns the cell of t; values beyond the places count to the outermost.
func (x *gridAxis[T]) find(t T) int {
	part := max(0, min(T(len(x.cell)-1), (t-x.place[0])*x.parts))
	if part != part { // t is NaN, or parts is infinite
		part = 0
	}
	k := int(x.cell[int(part)])
	for k+1 < len(x.slope) && t >= x.place[k+1] {
		k++
	}
	for k > 0 && t < x.place[k] {
		k--
	}
	return k
}

// row computes the outputs of one row.
func (w *walker[T]) row(x []float64, out []float64) {
	var right, left [1 << maxGridAxes]T // M of the corners, by which axes are at the upper end
	var vertex [1 << maxGridAxes]int
	var acc [gridOutputs]T
	sums := acc[:0]
	if w.p > gridOutputs {
		sums = make([]T, 0, w.p)
	}
	sums = append(sums, w.bias...)
	corners := 1
	last := len(w.axes) - 1
	for a := range w.axes {
		axis := &w.axes[a]
		t := T(axis.scale * T(x[axis.input]))
		k := axis.find(t)
		low := T(axis.slope[k] * max(t-axis.place[k], 0))
		high := T(axis.slope[k] * max(axis.place[k+1]-t, 0))
		for c := corners - 1; c >= 0; c-- {
			m, n, v := right[c], left[c], vertex[c]+k*w.stride[a]
			vertex[2*c], vertex[2*c+1] = v, v+w.stride[a]
			if a < last {
				right[2*c], left[2*c] = m+max(low-m, 0), n
				right[2*c+1], left[2*c+1] = m, n+max(high-n, 0)
				continue
			}
			base := 1 - m - n
			right[2*c] = max(base-max(low-m, 0), 0) // the hats
			right[2*c+1] = max(base-max(high-n, 0), 0)
		}
		corners *= 2
	}
	for c, hat := range right[:corners] {
		if hat > 0 {
			for o, y := range w.value[vertex[c]*w.p : (vertex[c]+1)*w.p] {
				sums[o] += T(y * hat)
			}
		}
	}
	for o, v := range sums {
		out[o] = float64(v)
	}
}

const (
	maxGridAxes = 4
	gridOutputs = 8 // up to which no memory is needed per row
)

// evalGrid evaluates a network on a grid on the rows of x.
func evalGrid[T float32 | float64](g *Grid, n *Network, x *mat.Dense) *mat.Dense {
	w := newWalker[T](g, &n.Layers[len(n.Layers)-1])
	rows, _ := x.Dims()
	y := mat.NewDense(rows, w.p, nil)
	parallel.Batches(rows, gridRows, func() func(from, to int) {
		return func(from, to int) {
			for r := from; r < to; r++ {
				w.row(x.RawRowView(r), y.RawRowView(r))
			}
		}
	})
	return y
}

// onGrid evaluates the network by its boxes, if it is on a grid.
func (n *Network) onGrid(x *mat.Dense) (*mat.Dense, bool) {
	g, ok := FindGrid(n)
	if !ok || len(g.Place) > maxGridAxes || !finite(x) {
		return nil, false
	}
	if n.Precision == Float32 {
		return evalGrid[float32](g, n, x), true
	}
	return evalGrid[float64](g, n, x), true
}

// finite reports whether all numbers of x are finite.
func finite(x *mat.Dense) bool {
	rows, _ := x.Dims()
	for r := range rows {
		for _, v := range x.RawRowView(r) {
			if math.IsInf(v-v, 0) || v-v != 0 {
				return false
			}
		}
	}
	return true
}
