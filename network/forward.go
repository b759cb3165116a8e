package network

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
)

// batchElements bounds the numbers held per layer while a batch is evaluated:
// 1 Mi of them, 8 MiB in float64, are enough rows for fast products of matrices
// and few enough to stay in a cache until the ReLU. Each processor takes batches
// of its own.
const batchElements = 1 << 20

// Forward evaluates the network in float64 on the rows of x (n x d) and
// returns its outputs (n x p). It panics when x has not d columns.
func (n *Network) Forward(x mat.Matrix) *mat.Dense {
	return forward[float64](n, x, len(n.Layers), true)
}

// Forward32 evaluates the network in float32: inputs and weights are rounded
// to float32 first. The outputs (n x p) are float32 numbers.
func (n *Network) Forward32(x mat.Matrix) *mat.Dense {
	return forward[float32](n, x, len(n.Layers), true)
}

// Eval evaluates the network in its own precision.
func (n *Network) Eval(x mat.Matrix) *mat.Dense {
	if n.Precision == Float32 {
		return n.Forward32(x)
	}
	return n.Forward(x)
}

// Activations returns the outputs of layer l (n x m) in the network's own
// precision. For the last hidden layer that is the interpolation matrix Phi.
func (n *Network) Activations(x mat.Matrix, l int) *mat.Dense {
	if n.Precision == Float32 {
		return forward[float32](n, x, l+1, true)
	}
	return forward[float64](n, x, l+1, true)
}

// PreActivations returns the outputs of layer l (n x m) before its activation,
// in the network's own precision.
func (n *Network) PreActivations(x mat.Matrix, l int) *mat.Dense {
	if n.Precision == Float32 {
		return forward[float32](n, x, l+1, false)
	}
	return forward[float64](n, x, l+1, false)
}

// forward runs the first depth layers over x in batches of rows; activateLast
// says whether the last of them applies its activation.
func forward[T blas.Float](n *Network, x mat.Matrix, depth int, activateLast bool) *mat.Dense {
	rows, d := x.Dims()
	if d != n.Inputs() {
		panic(fmt.Sprintf("network: rows of %d numbers for a network of %d inputs", d, n.Inputs()))
	}
	layers := make([]program[T], depth)
	widest := d
	for i := range layers {
		layers[i] = compile[T](&n.Layers[i])
		widest = max(widest, layers[i].width)
	}
	if depth > 0 && !activateLast {
		layers[depth-1].act = Identity
	}
	out := d
	if depth > 0 {
		out = layers[depth-1].width
	}
	result := mat.NewDense(rows, out, nil)
	newWorker := func() func(from, to int) {
		mine := slices.Clone(layers) // work space of its own, the same weights
		return func(from, to int) { forwardBatch(mine, result, x, from, to) }
	}
	batch := max(1, batchElements/widest)
	if rows <= batch {
		newWorker()(0, rows)
		return result
	}
	blas.OneThread(func() { parallel.Batches(rows, batch, newWorker) })
	return result
}

// forwardBatch writes the outputs of the layers for rows from <= i < to of x.
func forwardBatch[T blas.Float](layers []program[T], result *mat.Dense, x mat.Matrix, from, to int) {
	h := loadRows[T](x, from, to)
	for i := range layers {
		h = layers[i].apply(h)
	}
	for r := 0; r < h.Rows; r++ {
		dst := result.RawRowView(from + r)
		for j, v := range h.Row(r) {
			dst[j] = float64(v)
		}
	}
}

func loadRows[T blas.Float](x mat.Matrix, from, to int) blas.Matrix[T] {
	_, d := x.Dims()
	h := blas.NewMatrix[T](to-from, d)
	raw, isRaw := x.(mat.RawRowViewer)
	for r := 0; r < h.Rows; r++ {
		row := h.Row(r)
		if isRaw {
			for j, v := range raw.RawRowView(from + r) {
				row[j] = T(v)
			}
			continue
		}
		for j := range row {
			row[j] = T(x.At(from+r, j))
		}
	}
	return h
}

// program is a layer with its weights in T.
type program[T blas.Float] struct {
	kernel kernel[T]
	bias   []T
	act    Activation
	width  int
	buffer []T // holds the outputs of one batch after the other
}

// A kernel adds W src to dst, row by row: dst is rows x out, src rows x in.
type kernel[T blas.Float] interface {
	add(dst, src blas.Matrix[T])
}

func compile[T blas.Float](l *Layer) program[T] {
	return program[T]{kernel: compileMap[T](l.Map), bias: convert[T](l.Bias), act: l.Act, width: l.Width()}
}

// apply returns the layer's outputs for src; they are good until the next call.
func (p *program[T]) apply(src blas.Matrix[T]) blas.Matrix[T] {
	if cap(p.buffer) < src.Rows*p.width {
		p.buffer = make([]T, src.Rows*p.width)
	}
	dst := blas.Matrix[T]{Data: p.buffer[:src.Rows*p.width], Rows: src.Rows, Cols: p.width, Stride: p.width}
	parallel.Each(dst.Rows, func(r int) {
		if row := dst.Row(r); p.bias != nil {
			copy(row, p.bias)
		} else {
			clear(row)
		}
	})
	p.kernel.add(dst, src)
	if p.act == ReLU {
		parallel.Each(dst.Rows, func(r int) {
			row := dst.Row(r)
			for j, v := range row {
				row[j] = max(v, 0)
			}
		})
	}
	return dst
}

func compileMap[T blas.Float](m Map) kernel[T] {
	switch m := m.(type) {
	case *Dense:
		return denseKernel[T]{blas.Matrix[T]{Data: convert[T](m.W), Rows: m.Out, Cols: m.In, Stride: m.In}}
	case *Sparse:
		return sparseKernel[T]{m, convert[T](m.Val)}
	case *Diagonal:
		return diagonalKernel[T](convert[T](m.D))
	case *Projected:
		return projectedKernel[T]{compileMap[T](m.P), m.P.Out, m.Pick, convert[T](m.Scale)}
	case *Stack:
		return stackKernel[T](compileParts[T](m.Maps))
	case *Sum:
		return sumKernel[T](compileParts[T](m.Maps))
	case *Blocks:
		return blocksKernel[T](compileParts[T](m.Maps))
	}
	panic(fmt.Sprintf("network: unknown map %T", m))
}

type denseKernel[T blas.Float] struct{ w blas.Matrix[T] }

func (k denseKernel[T]) add(dst, src blas.Matrix[T]) { blas.MulTransAdd(dst, src, k.w) }

type sparseKernel[T blas.Float] struct {
	*Sparse
	val []T
}

func (k sparseKernel[T]) add(dst, src blas.Matrix[T]) {
	parallel.Each(dst.Rows, func(r int) {
		x, y := src.Row(r), dst.Row(r)
		for i := range y {
			sum := y[i]
			for e := k.RowPtr[i]; e < k.RowPtr[i+1]; e++ {
				sum += T(k.val[e] * x[k.Col[e]])
			}
			y[i] = sum
		}
	})
}

type diagonalKernel[T blas.Float] []T

func (k diagonalKernel[T]) add(dst, src blas.Matrix[T]) {
	parallel.Each(dst.Rows, func(r int) {
		x, y := src.Row(r), dst.Row(r)
		for i, d := range k {
			y[i] += T(d * x[i])
		}
	})
}

type projectedKernel[T blas.Float] struct {
	project kernel[T]
	q       int
	pick    []int32
	scale   []T
}

func (k projectedKernel[T]) add(dst, src blas.Matrix[T]) {
	t := blas.NewMatrix[T](src.Rows, k.q)
	k.project.add(t, src)
	parallel.Each(dst.Rows, func(r int) {
		t, y := t.Row(r), dst.Row(r)
		for j, pick := range k.pick {
			y[j] += T(k.scale[j] * t[pick])
		}
	})
}

// part is a kernel within a Stack or a Sum, with its dimensions.
type part[T blas.Float] struct {
	kernel  kernel[T]
	out, in int
}

func compileParts[T blas.Float](maps []Map) []part[T] {
	parts := make([]part[T], len(maps))
	for i, m := range maps {
		parts[i].kernel = compileMap[T](m)
		parts[i].out, parts[i].in = m.Dims()
	}
	return parts
}

type stackKernel[T blas.Float] []part[T]

func (k stackKernel[T]) add(dst, src blas.Matrix[T]) {
	at := 0
	for _, p := range k {
		p.kernel.add(dst.Columns(at, at+p.out), src)
		at += p.out
	}
}

type sumKernel[T blas.Float] []part[T]

func (k sumKernel[T]) add(dst, src blas.Matrix[T]) {
	at := 0
	for _, p := range k {
		p.kernel.add(dst, src.Columns(at, at+p.in))
		at += p.in
	}
}

type blocksKernel[T blas.Float] []part[T]

func (k blocksKernel[T]) add(dst, src blas.Matrix[T]) {
	row, col := 0, 0
	for _, p := range k {
		p.kernel.add(dst.Columns(row, row+p.out), src.Columns(col, col+p.in))
		row, col = row+p.out, col+p.in
	}
}

func convert[T blas.Float](v []float64) []T {
	if v == nil {
		return nil
	}
	if same, ok := any(v).([]T); ok {
		return same
	}
	w := make([]T, len(v))
	for i, x := range v {
		w[i] = T(x)
	}
	return w
}
