package onnx

import (
	"math"
	"slices"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// Operators that compute. Each becomes a layer, or the bias or activation of the
// last one.

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
	w.net.Layers = append(w.net.Layers, network.Layer{Map: m, Bias: bias, Name: n.GetName()})
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
		return w.charge(n, spareNumbers+1)
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
	if err := w.along(n, m, data == 0, rank == 1); err != nil {
		return err
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
	if err := w.along(n, m, data == 0, false); err != nil {
		return err
	}
	if len(n.Input) < 3 || n.Input[2] == "" || a.number("beta", 1) == 0 {
		return nil
	}
	c, err := w.numbers(n, 2)
	if err != nil {
		return err
	}
	for i := range c.v {
		c.v[i] *= a.number("beta", 1)
	}
	bias, err := w.spread(n, c, false)
	if err != nil {
		return err
	}
	return w.addBias(n, bias)
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

// elementwise takes x + c, c + x, x - c, c - x, x * c, c * x and x / c.
func (w *walker) elementwise(n *pb.NodeProto, data int) error {
	if err := arity(n, 2, 2); err != nil {
		return err
	}
	if err := w.compute(n); err != nil {
		return err
	}
	op := n.GetOpType()
	if op == "Div" && data == 1 {
		return unsupported(n, "it divides by the data, which is not affine")
	}
	c, err := w.numbers(n, 1-data)
	if err != nil {
		return err
	}
	if err := w.oldBroadcast(n, &c, data); err != nil {
		return err
	}
	if (op == "Mul" || op == "Div") && all(c.v, 1) || (op == "Add" || op == "Sub" && data == 0) && !w.open && all(c.v, 0) {
		if grown, err := w.broadcast(n, c); err != nil || !grown {
			w.note("The %s %q changes no number, and is left out.", op, nodeName(n))
			return err
		}
	}
	v, err := w.spread(n, c, true)
	if err != nil {
		return err
	}
	return w.combine(n, op, v, data)
}

// combine does to each output of the last layer what op does with v.
func (w *walker) combine(n *pb.NodeProto, op string, v []float64, data int) error {
	switch {
	case op == "Mul":
		return w.scale(n, v)
	case op == "Div":
		for i := range v {
			if v[i] = 1 / v[i]; math.IsInf(v[i], 0) {
				return unsupported(n, "it divides by 0, or by a number whose reciprocal is too large")
			}
		}
		w.note("The Div %q is read as a product with reciprocals, each rounded once.", nodeName(n))
		return w.scale(n, v)
	case op == "Sub" && data == 0:
		for i := range v {
			v[i] = -v[i]
		}
	case op == "Sub":
		if err := w.pass(n, -1); err != nil {
			return err
		}
	}
	return w.addBias(n, v)
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

func all(v []float64, x float64) bool {
	for _, y := range v {
		if y != x {
			return false
		}
	}
	return true
}

// oldBroadcast gives the second operand the shape that operator set 6 means by
// its attributes: it is laid along the axes of the first, from axis on, or along
// the last ones.
func (w *walker) oldBroadcast(n *pb.NodeProto, c *constant, data int) error {
	a, err := attributesOf(n, "broadcast", "axis", "consumed_inputs")
	if err != nil {
		return err
	}
	if w.opset > 6 {
		if len(a) > 0 {
			return broken(n, "its attributes ended with operator set 6, and the model is of set %d", w.opset)
		}
		return nil
	}
	if a["axis"] == nil || a.whole("broadcast", 0) == 0 {
		return nil
	}
	axis, err := axisOf(n, a.whole("axis", 0), len(w.dims))
	if err != nil {
		return err
	}
	if data != 0 || axis+len(c.dims) > len(w.dims) {
		return broken(n, "%v along axis %d of the shape %s", c.dims, axis, shapeText(w.dims))
	}
	for len(c.dims) < len(w.dims)-axis {
		c.dims = append(c.dims, 1)
	}
	return nil
}

// spread returns one number of c for each output of the last layer: c is laid
// along the tensor as operators broadcast. With grow, the tensor may be laid along
// c as well.
func (w *walker) spread(n *pb.NodeProto, c constant, grow bool) ([]float64, error) {
	before := w.dims
	grown, err := w.broadcast(n, c)
	if err != nil {
		return nil, err
	}
	if grown && !grow {
		return nil, broken(n, "a bias of shape %v for a product of shape %s", c.dims, shapeText(before))
	}
	if err := w.once(n); err != nil {
		return nil, err
	}
	size := w.size()
	if len(c.v) != size || w.order != nil {
		if err := w.charge(n, size); err != nil {
			return nil, err
		}
	}
	if len(c.v) == size {
		return w.byOutput(c.v), nil
	}
	dims, steps := w.stepsOf(c.dims)
	return w.byOutput(pick(c.v, strided(dims, steps))), nil
}

// stepsOf returns the sizes of the axes of a row, and how far apart neighbours
// along each stand in a tensor of the shape c, which is laid along the row.
func (w *walker) stepsOf(c []int) (dims, steps []int) {
	stride := 1
	for i := len(w.dims) - 1; i >= 0; i-- {
		k := i - len(w.dims) + len(c)
		if w.dims[i] != rowAxis {
			step := 0
			if k >= 0 && c[k] > 1 {
				step = stride
			}
			dims, steps = append(dims, w.dims[i]), append(steps, step)
		}
		if k >= 0 {
			stride *= c[k]
		}
	}
	slices.Reverse(dims)
	slices.Reverse(steps)
	return dims, steps
}

// broadcast gives the tensor the shape that it has when it meets c. It reports
// whether numbers of it had to be repeated for that.
func (w *walker) broadcast(n *pb.NodeProto, c constant) (grown bool, err error) {
	dims := slices.Clone(w.dims)
	for len(dims) < len(c.dims) {
		dims = slices.Insert(dims, 0, 1)
	}
	if len(dims) > maxRank {
		return false, broken(n, "%d dimensions", len(dims))
	}
	old := slices.Clone(dims)
	data := slices.Clone(dims) // its own shape: the axis of rows takes no part
	for i, d := range data {
		if d == rowAxis {
			data[i] = 1
		}
	}
	for k, size := range c.dims {
		i := len(dims) - len(c.dims) + k
		switch {
		case size == 1 || size == dims[i]:
		case dims[i] == rowAxis:
			return false, unsupported(n, "its constant of shape %v differs from row to row", c.dims)
		case dims[i] == 1 && size > 1:
			dims[i], grown = size, true
		default:
			return false, broken(n, "a constant of shape %v meets data of shape %s", c.dims, shapeText(w.dims))
		}
	}
	w.dims = old
	if !grown {
		return false, nil
	}
	if err := w.setDims(n, dims); err != nil {
		return false, err
	}
	if err := w.charge(n, w.size()); err != nil {
		return false, err
	}
	axes, steps := w.stepsOf(data)
	w.rearrange(strided(axes, steps))
	w.repeats = true
	return true, nil
}

// batchNorm is (x - mean) / sqrt(variance + epsilon) * factor + shift for each
// channel, folded into one factor and one bias.
func (w *walker) batchNorm(n *pb.NodeProto, data int) error {
	a, err := attributesOf(n, "epsilon", "momentum", "spatial", "is_test", "training_mode", "consumed_inputs")
	if err != nil {
		return err
	}
	if err := w.compute(n); err != nil {
		return err
	}
	for _, name := range n.Output[1:] {
		if name != "" {
			return unsupported(n, "it is set to training; export the network for inference")
		}
	}
	if data != 0 || len(n.Input) != 5 {
		return broken(n, "%d inputs, the data as number %d", len(n.Input), data)
	}
	if a.whole("training_mode", 0) != 0 || a.whole("spatial", 1) != 1 || len(w.dims) < 2 || w.dims[1] == rowAxis {
		return unsupported(n, "it is read for inference, with channels as the second dimension")
	}
	var v [4][]float64 // factor, shift, mean, variance
	for i := range v {
		c, err := w.numbers(n, i+1)
		if err != nil {
			return err
		}
		if v[i] = c.v; len(c.v) != w.dims[1] {
			return broken(n, "%d numbers in %q for %d channels", len(c.v), n.Input[i+1], w.dims[1])
		}
	}
	for i := range v[0] {
		v[0][i] /= math.Sqrt(v[3][i] + a.number("epsilon", 1e-5))
		v[1][i] -= float64(v[2][i] * v[0][i])
	}
	shape := make([]int, len(w.dims)-1)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = w.dims[1]
	for i, op := range []string{"Mul", "Add"} {
		u, err := w.spread(n, constant{dims: shape, v: v[i]}, false)
		if err != nil {
			return err
		}
		if err := w.combine(n, op, u, 0); err != nil {
			return err
		}
	}
	w.note("The BatchNormalization %q is folded into one factor and one bias for each channel.", nodeName(n))
	return nil
}
