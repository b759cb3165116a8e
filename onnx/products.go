package onnx

import (
	"slices"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// Products with stored matrices, on the right of the data or on the left. Both
// are one matrix applied along one axis of the row. With other axes before and
// after it, the layer is the Kronecker product I x W x I, kept as a sparse map:
//
//	before x In x after  ->  before x Out x after

// multiply applies a matrix along one axis of the row, seen as before x In x

// after numbers, and adds the layer that does.
func (w *walker) multiply(n *pb.NodeProto, m *network.Dense, before, after int) error {
	if err := w.compute(n); err != nil {
		return err
	}
	if err := w.once(n); err != nil {
		return err
	}
	if before == 1 && after == 1 {
		if w.order != nil {
			if err := w.charge(n, len(m.W)); err != nil {
				return err
			}
			w.reorderColumns(m)
		}
		w.append(m, nil, n)
		return nil
	}
	if m.Out > 0 && len(m.W) > spareNumbers/(2*before*after) {
		return w.charge(n, w.spare+1)
	}
	if err := w.charge(n, 2*len(m.W)*before*after); err != nil {
		return err
	}
	b := newSparse(w.width)
	for l := range before {
		for i := range m.Out {
			for j := range after {
				for t, v := range m.Row(i) {
					b.add(w.column((l*m.In+t)*after+j), v)
				}
				b.endRow()
			}
		}
	}
	w.append(b.Sparse, nil, n)
	return nil
}

// reorderColumns makes m a matrix of the last layer's outputs.

func (w *walker) reorderColumns(m *network.Dense) {
	for i := range m.Out {
		copy(m.Row(i), w.byOutput(m.Row(i)))
	}
}

// matrix returns stored weights as a map along an axis: of shape In x Out, when

// they stand on the right of the data, or Out x In; and how many axes they have.
func (w *walker) matrix(n *pb.NodeProto, i int, right bool) (m *network.Dense, rank int, err error) {
	c, err := w.numbers(n, i)
	if err != nil {
		return nil, 0, err
	}
	rank = len(c.dims)
	for len(c.dims) > 2 && c.dims[0] == 1 {
		c.dims = c.dims[1:]
	}
	if len(c.dims) == 1 { // a vector: one output
		c.dims = []int{1, c.dims[0]}
		right = false
	}
	if len(c.dims) != 2 || len(c.v) == 0 {
		return nil, 0, unsupported(n, "its weights %q have the shape %v; matrices are understood", n.Input[i], c.dims)
	}
	if right {
		return network.NewDense(c.dims[1], c.dims[0], transpose(c.v, c.dims[0], c.dims[1])), rank, nil
	}
	return network.NewDense(c.dims[0], c.dims[1], c.v), rank, nil
}

// matMul takes rows times weights and weights times columns, along the last axis

// or the last but one.
func (w *walker) matMul(n *pb.NodeProto, data int) error {
	if err := arity(n, 2, 2); err != nil {
		return err
	}
	if _, err := attributesOf(n); err != nil {
		return err
	}
	m, rank, err := w.matrix(n, 1-data, data == 0)
	if err != nil {
		return err
	}
	inOrder, vector := w.order == nil, len(w.dims) == 1
	if err := w.along(n, m, data == 0, rank == 1); err != nil {
		return err
	}
	if rank == 2 && inOrder {
		w.know(n, &layerOrigin{Op: "MatMul", Left: data == 1, Vector: data == 1 && vector, Weight: n.Input[1-data]})
	}
	for len(w.dims) < rank && rank > 2 { // leading axes of size 1
		w.dims = slices.Insert(w.dims, 0, 1)
	}
	return nil
}

// along applies m along the last axis of the data (right: the weights stand on

// the right), or the last but one. A vector of weights takes the axis away.
func (w *walker) along(n *pb.NodeProto, m *network.Dense, right, vector bool) error {
	last := len(w.dims) - 1
	axis := last
	if !right && last > 0 {
		axis--
	}
	if axis < 0 {
		return broken(n, "it multiplies a single number, of no dimension")
	}
	if w.dims[axis] == rowAxis {
		return unsupported(n, "it adds up numbers of different rows")
	}
	if w.dims[axis] == unknownSize && len(w.dims) == 2 && w.order == nil && len(w.net.Layers) == 0 {
		w.dims = slices.Clone(w.dims)
		w.dims[axis], w.width = m.In, product(w.dims[:axis])*m.In*product(w.dims[axis+1:])
	}
	if w.dims[axis] != m.In || w.size() == unknownSize {
		return broken(n, "weights for %d numbers along axis %d of the shape %s", m.In, axis, shapeText(w.dims))
	}
	dims := slices.Clone(w.dims)
	dims[axis] = m.Out
	if vector {
		dims = slices.Delete(dims, axis, axis+1)
	}
	before, after := product(w.dims[:axis]), product(w.dims[axis+1:])
	if err := w.multiply(n, m, before, after); err != nil {
		return err
	}
	return w.setDims(n, dims)
}

// gemm is alpha A' B' + beta C, with the data as A or as B.

func (w *walker) gemm(n *pb.NodeProto, data int) error {
	if err := arity(n, 2, 3); err != nil {
		return err
	}
	a, err := attributesOf(n, "alpha", "beta", "transA", "transB", "broadcast")
	if err != nil {
		return err
	}
	if data == 2 {
		return unsupported(n, "the data stand where the bias belongs; use Add")
	}
	if err := w.asMatrix(n); err != nil {
		return err
	}
	flip := a.whole([]string{"transA", "transB"}[data], 0) != 0
	if flip {
		if err := w.permute(n, []int{1, 0}); err != nil {
			return err
		}
	}
	// Weights on the right are In x Out, and Out x In when transposed.
	transposed := a.whole([]string{"transA", "transB"}[1-data], 0) != 0
	m, rank, err := w.matrix(n, 1-data, (data == 0) != transposed)
	if err == nil && rank != 2 {
		err = broken(n, "weights of %d dimensions", rank)
	}
	if err != nil {
		return err
	}
	for i := range m.W {
		m.W[i] *= a.number("alpha", 1)
	}
	inOrder := w.order == nil
	if err := w.along(n, m, data == 0, false); err != nil {
		return err
	}
	if data == 0 && !flip && inOrder && a.number("alpha", 1) == 1 && a.number("beta", 1) == 1 {
		w.know(n, &layerOrigin{Op: "Gemm", Plain: !transposed, Weight: n.Input[1]})
	}
	return w.gemmBias(n, a.number("beta", 1))
}

// know keeps how the file writes the last layer, where it is dense.
func (w *walker) know(n *pb.NodeProto, known *layerOrigin) {
	last := len(w.net.Layers) - 1
	if _, dense := w.net.Layers[last].Map.(*network.Dense); dense {
		known.Product = *nodeOriginOf(n)
		w.origins[last] = known
	}
}

// knowBias keeps how the file writes the bias of the last layer, if bias it is:
// by n, from the tensor of that name.
func (w *walker) knowBias(n *pb.NodeProto, name string, dims []int, bias []float64) {
	last := len(w.net.Layers) - 1
	known := w.origins[last]
	if known == nil || &w.net.Layers[last].Bias[0] != &bias[0] {
		return
	}
	known.Bias, known.Row = name, len(dims) == 2
	if n.GetOpType() != "Gemm" {
		known.Apart = known.Op == "Gemm"
		known.Add = nodeOriginOf(n)
	}
}

func (w *walker) gemmBias(n *pb.NodeProto, beta float64) error {
	if len(n.Input) < 3 || n.Input[2] == "" || beta == 0 {
		return nil
	}
	c, err := w.numbers(n, 2)
	if err != nil {
		return err
	}
	for i := range c.v {
		c.v[i] *= beta
	}
	bias, err := w.spread(n, c, false)
	if err != nil {
		return err
	}
	if err := w.addBias(n, bias); err != nil {
		return err
	}
	if beta == 1 {
		w.knowBias(n, n.Input[2], c.dims, bias)
	}
	return nil
}

// asMatrix gives the data of a Gemm two axes. Old exporters pass on more, and

// mean what Flatten makes of them.
func (w *walker) asMatrix(n *pb.NodeProto) error {
	switch len(w.dims) {
	case 2:
		return nil
	case 0:
		return broken(n, "its data have no dimension")
	case 1:
		return w.setDims(n, []int{1, w.dims[0]})
	}
	w.note("The Gemm %q takes a tensor of %d dimensions, which ONNX no longer allows; it is flattened to rows.", nodeName(n), len(w.dims))
	return w.flattenAt(n, 1)
}
