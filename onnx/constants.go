package onnx

import (
	"slices"

	pb "hinge/onnx/internal/onnxpb"
)

// A constant is a tensor that does not depend on the data: stored, held by a
// Constant node, or made from such ones by nodes that move numbers. Exporters
// write such nodes to transpose weights, and to compute the shape of a Reshape
// from the number of rows:
//
//	x -> Shape -> Gather 0 -> Unsqueeze -> Concat with -1 -> shape of x's Reshape
type constant struct {
	dims []int
	typ  pb.TensorProto_DataType
	v    []float64 // the elements, of float and double
	ints []int64   // the elements, of whole numbers and truth values
}

// rowCount stands, among whole numbers, for the number of rows of the batch.
const rowCount = -1 << 40

const (
	maxDepth     = 64   // nodes that may follow each other to make a constant: no exporter needs ten
	maxShape     = 4096 // elements of a tensor that may be joined or gathered: enough for shapes
	costOfFold   = 256  // numbers that a node among constants is charged for
	scalarMaxInt = 1 << 31
)

// constant returns the tensor of a name. Its elements belong to the caller.
func (w *walker) constant(n *pb.NodeProto, name string, depth int) (constant, error) {
	if t := w.tensors[name]; t != nil {
		c, err := decodeConstant(t)
		if err == nil && w.seen[name] {
			err = w.charge(n, len(c.v)+len(c.ints))
		}
		w.seen[name] = true
		return c, err
	}
	made := w.producer[name]
	if name == "" || made == nil || w.fromInput[name] {
		return constant{}, unsupported(n, "its input %q is not stored in the file", name)
	}
	if err := w.charge(n, costOfFold); err != nil {
		return constant{}, err
	}
	fold := folds[made.GetOpType()]
	if fold == nil || !isStandard(made) || depth > maxDepth || made.Output[0] != name {
		return constant{}, unsupported(made, "it makes the input %q of node %q; let the exporter fold constants, so that the file stores what it makes", name, nodeName(n))
	}
	return fold(w, made, depth+1)
}

// numbers returns input i of n, which must hold float or double.
func (w *walker) numbers(n *pb.NodeProto, i int) (constant, error) {
	c, err := w.constant(n, n.Input[i], 0)
	if err != nil {
		return c, err
	}
	switch c.typ {
	case pb.TensorProto_FLOAT:
		w.single = true
	case pb.TensorProto_DOUBLE:
		w.double = true
	default:
		return c, unsupported(n, "its input %q holds %v; float and double are understood", n.Input[i], c.typ)
	}
	return c, nil
}

// wholes returns input i of n, which must hold whole numbers.
func (w *walker) wholes(n *pb.NodeProto, i int) ([]int64, error) {
	c, err := w.constant(n, n.Input[i], 0)
	if err == nil && (c.v != nil || len(c.dims) > 1) {
		err = broken(n, "its input %q is a tensor of %v of shape %v; a list of whole numbers is wanted", n.Input[i], c.typ, c.dims)
	}
	return c.ints, err
}

// folds are the operators that can make constants from constants.
var folds map[string]func(w *walker, n *pb.NodeProto, depth int) (constant, error)

func init() {
	folds = map[string]func(w *walker, n *pb.NodeProto, depth int) (constant, error){
		"Constant": (*walker).foldConstant, "Identity": (*walker).foldIdentity, "Cast": (*walker).foldCast,
		"Transpose": (*walker).foldTranspose, "Reshape": (*walker).foldReshape, "Squeeze": (*walker).foldSqueeze,
		"Unsqueeze": (*walker).foldUnsqueeze, "Shape": (*walker).foldShape, "Gather": (*walker).foldGather,
		"Concat": (*walker).foldConcat, "Slice": (*walker).foldSlice,
		"Add": (*walker).foldArithmetic, "Sub": (*walker).foldArithmetic, "Mul": (*walker).foldArithmetic,
	}
}

func (w *walker) foldConstant(n *pb.NodeProto, _ int) (constant, error) {
	if len(n.Attribute) != 1 {
		return constant{}, broken(n, "%d attributes where one value is wanted", len(n.Attribute))
	}
	switch a := n.Attribute[0]; a.GetName() {
	case "value":
		if a.T != nil {
			c, err := decodeConstant(a.T)
			if err == nil && w.seen[n.Output[0]] {
				err = w.charge(n, len(c.v)+len(c.ints))
			}
			w.seen[n.Output[0]] = true
			return c, err
		}
	case "value_float":
		return constant{typ: pb.TensorProto_FLOAT, v: []float64{float64(a.GetF())}}, nil
	case "value_floats":
		v := make([]float64, len(a.Floats))
		for i, x := range a.Floats {
			v[i] = float64(x)
		}
		return constant{dims: []int{len(v)}, typ: pb.TensorProto_FLOAT, v: v}, w.charge(n, len(v))
	case "value_int":
		return constant{typ: pb.TensorProto_INT64, ints: []int64{a.GetI()}}, nil
	case "value_ints":
		return constant{dims: []int{len(a.Ints)}, typ: pb.TensorProto_INT64, ints: slices.Clone(a.Ints)}, w.charge(n, len(a.Ints))
	}
	return constant{}, unsupported(n, "its value is given as %q; tensors and numbers are understood", n.Attribute[0].GetName())
}

// input returns the constant that is input i of a node among constants.
func (w *walker) input(n *pb.NodeProto, i, depth int) (constant, error) {
	if i >= len(n.Input) {
		return constant{}, broken(n, "it has no input %d", i)
	}
	return w.constant(n, n.Input[i], depth)
}

func (w *walker) foldIdentity(n *pb.NodeProto, depth int) (constant, error) {
	return w.input(n, 0, depth)
}

func (w *walker) foldCast(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	a, err := attributesOf(n, "to", "saturate", "round_mode")
	if err != nil {
		return c, err
	}
	to := pb.TensorProto_DataType(a.whole("to", 0))
	floats := to == pb.TensorProto_FLOAT || to == pb.TensorProto_DOUBLE
	switch {
	case c.v != nil && floats:
		if to == pb.TensorProto_FLOAT {
			for i, x := range c.v {
				c.v[i] = float64(float32(x))
			}
		}
	case c.v == nil && floats:
		c.v = make([]float64, len(c.ints))
		for i, x := range c.ints {
			if x <= -scalarMaxInt || x >= scalarMaxInt {
				return c, unsupported(n, "it makes a number of %d", x)
			}
			c.v[i] = float64(x)
		}
		c.ints = nil
		err = w.charge(n, len(c.v))
	case c.v == nil && (to == pb.TensorProto_INT64 || to == pb.TensorProto_INT32):
	default:
		return c, unsupported(n, "casts of constants from %v to %v are not understood", c.typ, to)
	}
	c.typ = to
	return c, err
}

func (w *walker) foldTranspose(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	perm, err := permutation(n, len(c.dims))
	if err != nil {
		return c, err
	}
	if err := w.charge(n, len(c.v)+len(c.ints)); err != nil {
		return c, err
	}
	from, dims := moved(c.dims, perm)
	c.dims, c.v, c.ints = dims, pick(c.v, from), pick(c.ints, from)
	return c, nil
}

// pick returns the elements of v that from names.
func pick[T any](v []T, from []int32) []T {
	if v == nil {
		return nil
	}
	p := make([]T, len(from))
	for i, j := range from {
		p[i] = v[j]
	}
	return p
}

func (w *walker) foldReshape(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	shape, err := w.input(n, 1, depth)
	if err != nil {
		return c, err
	}
	c.dims, err = w.reshaped(n, c.dims, shape.ints)
	return c, err
}

func (w *walker) foldSqueeze(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	c.dims, err = w.squeezed(n, c.dims)
	return c, err
}

func (w *walker) foldUnsqueeze(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	c.dims, err = w.unsqueezed(n, c.dims)
	return c, err
}

// foldShape gives the shape of a tensor that the walk has come past.
func (w *walker) foldShape(n *pb.NodeProto, depth int) (constant, error) {
	a, err := attributesOf(n, "start", "end")
	if err != nil {
		return constant{}, err
	}
	if len(n.Input) != 1 {
		return constant{}, broken(n, "%d inputs", len(n.Input))
	}
	dims, known := w.shapes[n.Input[0]]
	if !known || slices.Contains(dims, unknownSize) {
		return constant{}, unsupported(n, "the shape of %q is not known", n.Input[0])
	}
	from, to := a.whole("start", 0), a.whole("end", int64(len(dims)))
	from, to = clampAxis(from, len(dims)), clampAxis(to, len(dims))
	c := constant{typ: pb.TensorProto_INT64, ints: []int64{}}
	for i := from; i < to; i++ {
		if dims[i] == rowAxis {
			c.ints = append(c.ints, rowCount)
		} else {
			c.ints = append(c.ints, int64(dims[i]))
		}
	}
	c.dims = []int{len(c.ints)}
	return c, nil
}

func clampAxis(i int64, rank int) int64 {
	if i < 0 {
		i += int64(rank)
	}
	return min(max(i, 0), int64(rank))
}

// foldGather takes elements of a list of whole numbers.
func (w *walker) foldGather(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	index, err := w.input(n, 1, depth)
	if err != nil {
		return c, err
	}
	a, err := attributesOf(n, "axis")
	if err != nil {
		return c, err
	}
	if c.ints == nil || len(c.dims) != 1 || len(index.ints) > maxShape || a.whole("axis", 0) != 0 {
		return c, unsupported(n, "among constants, it is understood on lists of whole numbers")
	}
	taken := constant{dims: index.dims, typ: c.typ, ints: []int64{}}
	for _, i := range index.ints {
		if i < 0 {
			i += int64(len(c.ints))
		}
		if i < 0 || i >= int64(len(c.ints)) {
			return c, broken(n, "it takes element %d of %d", i, len(c.ints))
		}
		taken.ints = append(taken.ints, c.ints[i])
	}
	return taken, nil
}

// foldConcat joins lists of whole numbers.
func (w *walker) foldConcat(n *pb.NodeProto, depth int) (constant, error) {
	joined := constant{typ: pb.TensorProto_INT64, ints: []int64{}}
	for i := range n.Input {
		c, err := w.input(n, i, depth)
		if err != nil {
			return c, err
		}
		if joined.ints = append(joined.ints, c.ints...); c.ints == nil || len(c.dims) != 1 || len(joined.ints) > maxShape {
			return c, unsupported(n, "among constants, it is understood on lists of whole numbers")
		}
	}
	joined.dims = []int{len(joined.ints)}
	return joined, nil
}

// foldSlice takes a stretch of a list of whole numbers, as operator sets from 10
// on have it.
func (w *walker) foldSlice(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	a, err := attributesOf(n, "starts", "ends", "axes")
	if err != nil {
		return c, err
	}
	bounds := [4][]int64{a.wholes("starts"), a.wholes("ends"), {0}, {1}} // starts, ends, axes, steps
	if a["axes"] != nil {
		bounds[2] = a.wholes("axes")
	}
	for i := 1; i < len(n.Input) && i <= len(bounds); i++ {
		b, err := w.input(n, i, depth)
		if err != nil {
			return c, err
		}
		bounds[i-1] = b.ints
	}
	for _, b := range bounds {
		if len(b) != 1 || c.ints == nil || len(c.dims) != 1 {
			return c, unsupported(n, "among constants, it is understood on lists of whole numbers")
		}
	}
	from, to := clampAxis(bounds[0][0], len(c.ints)), clampAxis(bounds[1][0], len(c.ints))
	if bounds[2][0] != 0 && bounds[2][0] != -1 || bounds[3][0] != 1 {
		return c, unsupported(n, "axis %d and step %d; a stretch of a list is understood", bounds[2][0], bounds[3][0])
	}
	c.ints = c.ints[from:max(from, to)]
	c.dims = []int{len(c.ints)}
	return c, nil
}

// foldArithmetic computes sizes from sizes: single whole numbers.
func (w *walker) foldArithmetic(n *pb.NodeProto, depth int) (constant, error) {
	c, err := w.input(n, 0, depth)
	if err != nil {
		return c, err
	}
	d, err := w.input(n, 1, depth)
	if err != nil {
		return d, err
	}
	if len(n.Attribute) > 0 || len(c.ints) != 1 || len(d.ints) != 1 || !isSize(c.ints[0]) || !isSize(d.ints[0]) {
		return c, unsupported(n, "among constants, it is understood for single whole numbers; let the exporter fold constants")
	}
	switch n.GetOpType() {
	case "Add":
		c.ints[0] += d.ints[0]
	case "Sub":
		c.ints[0] -= d.ints[0]
	default:
		c.ints[0] *= d.ints[0]
	}
	if len(d.dims) > len(c.dims) {
		c.dims = d.dims
	}
	return c, nil
}

// isSize reports whether v can be computed with: the number of rows cannot.
func isSize(v int64) bool { return v > -scalarMaxInt && v < scalarMaxInt }
