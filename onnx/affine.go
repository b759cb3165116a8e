package onnx

import (
	"slices"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// Every operator that computes becomes a layer, or the bias or activation of the
// last one. The numbers of the tensor may stand in another order than the last
// layer's outputs, after a Transpose: the operators that work number by number
// then work on the outputs where they stand, and products take their columns in
// that order. So a Transpose costs nothing. Only where it comes last, or where
// numbers were repeated, a layer of its own moves them (settle).

// compute notes that the data take part in arithmetic, in their own type.

func (w *walker) compute(n *pb.NodeProto) error {
	switch w.typ {
	case pb.TensorProto_FLOAT:
		w.single = true
	case pb.TensorProto_DOUBLE:
		w.double = true
	default:
		return unsupported(n, "it computes in %v; cast the input to float first", w.typ)
	}
	return nil
}

// append adds an affine layer, whose outputs are the numbers of the tensor in

// their order.
func (w *walker) append(m network.Map, bias []float64, n *pb.NodeProto) {
	name := nodeName(n)
	if w.named[name] && len(n.Output) > 0 {
		name = n.Output[0]
	}
	w.named[name] = true
	w.net.Layers = append(w.net.Layers, network.Layer{Map: m, Bias: bias, Name: name})
	w.origins = append(w.origins, nil)
	w.width, _ = m.Dims()
	w.open = bias == nil
	w.order, w.repeats = nil, false
}

// relu passes through whatever order the numbers have. One after another does

// nothing.
func (w *walker) relu(n *pb.NodeProto, _ int) error {
	if err := arity(n, 1, 1); err != nil {
		return err
	}
	if err := w.compute(n); err != nil {
		return err
	}
	last := len(w.net.Layers) - 1
	if last < 0 {
		if err := w.pass(n, 1); err != nil {
			return err
		}
		last++
	}
	if known := w.origins[last]; known != nil && known.Relu == nil {
		known.Relu = nodeOriginOf(n)
	}
	w.net.Layers[last].Act = network.ReLU
	w.open = false
	return nil
}

// pass adds a layer that passes the last one's outputs on, times factor, and

// leaves their order in the tensor as it is.
func (w *walker) pass(n *pb.NodeProto, factor float64) error {
	if err := w.charge(n, w.width); err != nil {
		return err
	}
	return w.scale(n, slices.Repeat([]float64{factor}, w.width))
}

// scale adds a layer of one factor for each output of the last one, and leaves

// their order as it is.
func (w *walker) scale(n *pb.NodeProto, d []float64) error {
	order, repeats := w.order, w.repeats
	w.append(&network.Diagonal{D: d}, nil, n)
	w.order, w.repeats = order, repeats
	return nil
}

// addBias adds one number to each output of the last layer.

func (w *walker) addBias(n *pb.NodeProto, bias []float64) error {
	if !w.open {
		if err := w.pass(n, 1); err != nil {
			return err
		}
	}
	w.net.Layers[len(w.net.Layers)-1].Bias, w.open = bias, false
	return nil
}

func (w *walker) negate(n *pb.NodeProto, _ int) error {
	if err := arity(n, 1, 1); err != nil {
		return err
	}
	if err := w.compute(n); err != nil {
		return err
	}
	return w.pass(n, -1)
}

// settle makes the last layer's outputs the numbers of the tensor in their order,

// by a layer that takes each from its place.
func (w *walker) settle(n *pb.NodeProto) error {
	if w.order == nil {
		return nil
	}
	if err := w.charge(n, 2*len(w.order)); err != nil {
		return err
	}
	b := newSparse(w.width)
	for _, j := range w.order {
		b.add(int(j), 1)
		b.endRow()
	}
	w.append(b.Sparse, nil, &pb.NodeProto{})
	return nil
}

// once makes sure that the tensor has every output of the last layer once, so

// that what is done to its numbers can be done to the outputs.
func (w *walker) once(n *pb.NodeProto) error {
	if w.repeats {
		return w.settle(n)
	}
	return nil
}

// column returns the output of the last layer that is number j of the tensor.

func (w *walker) column(j int) int {
	if w.order == nil {
		return j
	}
	return int(w.order[j])
}

// byOutput takes one value for each number of the tensor and returns one for each

// output of the last layer.
func (w *walker) byOutput(v []float64) []float64 {
	if w.order == nil {
		return v
	}
	u := make([]float64, len(v))
	for j, x := range v {
		u[w.order[j]] = x
	}
	return u
}

// A sparse collects the rows of a sparse map.

type sparse struct{ *network.Sparse }

func newSparse(in int) sparse {
	return sparse{&network.Sparse{In: in, RowPtr: []int{0}}}
}

func (b sparse) add(col int, v float64) {
	b.Col, b.Val = append(b.Col, int32(col)), append(b.Val, v)
}

// endRow closes a row and sorts its columns, which are all different.

func (b sparse) endRow() {
	from := b.RowPtr[b.Out]
	cols, vals := b.Col[from:], b.Val[from:]
	if !slices.IsSorted(cols) {
		order := make([]int, len(cols))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return int(cols[i]) - int(cols[j]) })
		c, v := slices.Clone(cols), slices.Clone(vals)
		for k, i := range order {
			cols[k], vals[k] = c[i], v[i]
		}
	}
	b.Out++
	b.RowPtr = append(b.RowPtr, len(b.Col))
}
