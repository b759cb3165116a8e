package onnx

import (
	"math"
	"slices"

	pb "hinge/onnx/internal/onnxpb"
)

// Arithmetic with constants, number by number: normalisation of the inputs,
// biases, batch normalisation. A constant is laid along the data as ONNX
// broadcasts: the last axes face each other, and an axis of size 1 is repeated.
// The axis of rows may only face a size of 1, or nothing: all rows get the same.

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
	return w.combine(n, op, v, c.dims, data)
}

// combine does to each output of the last layer what op does with v, which the
// file stores in the shape dims.

func (w *walker) combine(n *pb.NodeProto, op string, v []float64, dims []int, data int) error {
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
	if err := w.addBias(n, v); err != nil {
		return err
	}
	if op == "Add" {
		w.knowBias(n, n.Input[1-data], dims, v)
	}
	return nil
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
	factor, bias, err := w.foldNorm(n, a.number("epsilon", 1e-5))
	if err != nil {
		return err
	}
	shape := make([]int, len(w.dims)-1)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = w.dims[1]
	if factor, err = w.spread(n, constant{dims: shape, v: factor}, false); err != nil {
		return err
	}
	if err := w.scale(n, factor); err != nil {
		return err
	}
	if bias, err = w.spread(n, constant{dims: shape, v: bias}, false); err != nil {
		return err
	}
	if err := w.addBias(n, bias); err != nil {
		return err
	}
	w.note("The BatchNormalization %q is folded into one factor and one bias for each channel.", nodeName(n))
	return nil
}

// foldNorm returns the factor and the bias of each channel.
func (w *walker) foldNorm(n *pb.NodeProto, epsilon float64) (factor, bias []float64, err error) {
	var v [4][]float64 // factor, shift, mean, variance
	for i := range v {
		c, err := w.numbers(n, i+1)
		if err != nil {
			return nil, nil, err
		}
		if v[i] = c.v; len(c.v) != w.dims[1] {
			return nil, nil, broken(n, "%d numbers in %q for %d channels", len(c.v), n.Input[i+1], w.dims[1])
		}
	}
	factor, bias = v[0], v[1]
	for i := range factor {
		factor[i] /= math.Sqrt(v[3][i] + epsilon)
		bias[i] -= float64(v[2][i] * factor[i])
	}
	return factor, bias, nil
}
