package certify

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
	"hinge/network"
)

// An Enclosure holds, for the outputs of a layer on some rows, every value that
// a runtime can compute in the network's precision, whatever its order of
// summation: Centre - Radius <= value <= Centre + Radius, both n x m. Where both
// are 0 the value is exactly 0 in every runtime. Radius is nil when all values
// are exact, as those of inputs are.
type Enclosure struct {
	Centre, Radius *mat.Dense
	arithmetic     arithmetic
}

// Enclose returns the enclosure of the outputs of the first depth layers of net
// on the rows of x (n x d), numbers of the precision; depth 0 is the inputs
// themselves, sharing storage. It costs what [Certify] costs and two n x m
// matrices.
// The error says that network and rows do not fit each other.
func Enclose(net *network.Network, x *mat.Dense, depth int) (*Enclosure, error) {
	n, d := x.Dims()
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if d != net.Inputs() || depth < 0 || depth > len(net.Layers) {
		return nil, fmt.Errorf("certify: %d layers of a network of %d layers and %d inputs, on rows of %d numbers", depth, len(net.Layers), net.Inputs(), d)
	}
	if depth == 0 {
		return &Enclosure{Centre: x, arithmetic: newArithmetic(net.Precision)}, nil
	}
	e := newEnclosure(newArithmetic(net.Precision), n, net.Layers[depth-1].Width())
	part := *net
	part.Layers = net.Layers[:depth]
	newProof(&part, x).each(n, e.store)
	return e, nil
}

func newEnclosure(a arithmetic, n, width int) *Enclosure {
	return &Enclosure{mat.NewDense(n, width, nil), mat.NewDense(n, width, nil), a}
}

// store keeps the balls of the rows from, from+1, ...
func (e *Enclosure) store(from int, out batch) {
	for r := range out.c.Rows {
		copy(e.Centre.RawRowView(from+r), out.c.Row(r))
		copy(e.Radius.RawRowView(from+r), out.e.Row(r))
	}
}

// enclosureRows is how many rows a layer takes at a time.
const enclosureRows = 512

// Layer returns the enclosure of the outputs that a layer makes of those of e.
// It panics when the layer's map does not take them.
func (e *Enclosure) Layer(l network.Layer) *Enclosure {
	n, width := e.Centre.Dims()
	if _, in := l.Map.Dims(); in != width {
		panic(fmt.Sprintf("certify: a layer of %d inputs on %d outputs", in, width))
	}
	out := newEnclosure(e.arithmetic, n, l.Width())
	zeros := make([]float64, enclosureRows*width)
	shared := newLayer(e.arithmetic, l)
	blas.OneThread(func() {
		parallel.Batches(n, enclosureRows, func() func(from, to int) {
			worker := shared.worker()
			return func(from, to int) { out.store(from, worker.apply(e.rows(from, to, zeros))) }
		})
	})
	return out
}

// rows returns the balls of the rows from <= i < to, sharing storage with e or
// with zeros.
func (e *Enclosure) rows(from, to int, zeros []float64) batch {
	_, width := e.Centre.Dims()
	part := func(m *mat.Dense) blas.Matrix[float64] {
		raw := m.RawMatrix()
		return blas.Matrix[float64]{Data: raw.Data[from*raw.Stride : (to-1)*raw.Stride+width], Rows: to - from, Cols: width, Stride: raw.Stride}
	}
	if e.Radius == nil {
		return batch{part(e.Centre), blas.Matrix[float64]{Data: zeros[:(to-from)*width], Rows: to - from, Cols: width, Stride: width}}
	}
	return batch{part(e.Centre), part(e.Radius)}
}

// Bound returns the radius of output j on row i.
func (e *Enclosure) Bound(i, j int) float64 {
	if e.Radius == nil {
		return 0
	}
	return e.Radius.At(i, j)
}

// Select returns the enclosure of the given rows.
func (e *Enclosure) Select(rows []int) *Enclosure {
	_, width := e.Centre.Dims()
	part := newEnclosure(e.arithmetic, len(rows), width)
	for k, i := range rows {
		copy(part.Centre.RawRowView(k), e.Centre.RawRowView(i))
		if e.Radius != nil {
			copy(part.Radius.RawRowView(k), e.Radius.RawRowView(i))
		}
	}
	return part
}

// Asleep reports whether output j is exactly 0 on row i in every runtime.
func (e *Enclosure) Asleep(i, j int) bool { return e.Centre.At(i, j) == 0 && e.Bound(i, j) == 0 }
