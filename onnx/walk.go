package onnx

import (
	"fmt"
	"slices"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// A walker follows the one path of data from the input to the output and makes
// a layer of every affine step. It covers plain chains, whoever wrote them;
// whatever branches or reshapes is refused by name.
//
// The layers are the steps of the graph in its own order of rounding: a second
// bias, or a factor after a bias, opens a layer of its own, and is not folded
// into the one before.
type walker struct {
	*graph
	net   *network.Network
	at    string // the tensor that the layers so far put out
	width int    // and its columns
	open  bool   // whether the last layer can still take a bias

	seen  map[string]bool // stored tensors already used
	spare int             // numbers that may still be made beyond those stored
}

// spareNumbers bounds what a small file can make a walk hold: layers written
// out from a single number, and tensors used again. 16 Mi numbers are 128 MiB.
const spareNumbers = 1 << 24

// charge counts numbers that are not the file's own.
func (w *walker) charge(n *pb.NodeProto, numbers int) error {
	if w.spare -= numbers; w.spare < 0 {
		return unsupported(n, "written out, the model would hold far more numbers than its file")
	}
	return nil
}

// numbers returns the stored tensor that is input i of n.
func (w *walker) numbers(n *pb.NodeProto, i int) (dims []int, v []float64, err error) {
	t := w.tensors[n.Input[i]]
	if t == nil {
		return nil, nil, unsupported(n, "its input %q is not stored", n.Input[i])
	}
	if dims, v, err = decodeNumbers(t); err != nil {
		return nil, nil, err
	}
	if typ := pb.TensorProto_DataType(t.GetDataType()); typ != elemType(w.prec) {
		return nil, nil, broken(n, "its input %q holds %v, and the model works in %v", n.Input[i], typ, w.prec)
	}
	if w.seen[n.Input[i]] {
		err = w.charge(n, len(v))
	}
	w.seen[n.Input[i]] = true
	return dims, v, err
}

// walk reads a graph that is a chain.
func (g *graph) walk() (*network.Network, error) {
	if err := g.firstUnknown(); err != nil {
		return nil, err
	}
	w := &walker{graph: g, net: &network.Network{Precision: g.prec}, at: g.in, width: g.width, seen: map[string]bool{}, spare: spareNumbers}
	for _, n := range g.Node {
		if n.GetOpType() == "Constant" && isStandard(n) {
			if err := g.constant(n); err != nil {
				return nil, err
			}
			continue
		}
		if err := w.step(n); err != nil {
			return nil, err
		}
	}
	if w.at != g.out {
		return nil, &FormatError{Where: fmt.Sprintf("output %q", g.out), Reason: "no node makes it from the input"}
	}
	if len(w.net.Layers) == 0 {
		return nil, &UnsupportedError{Reason: "its output is its input: there is no layer"}
	}
	return w.net, nil
}

func isStandard(n *pb.NodeProto) bool { return n.GetDomain() == "" || n.GetDomain() == "ai.onnx" }

// nodeName names a node for messages; nodes need not have names.
func nodeName(n *pb.NodeProto) string {
	if n.GetName() != "" || len(n.Output) == 0 {
		return n.GetName()
	}
	return n.Output[0]
}

func unsupported(n *pb.NodeProto, format string, args ...any) error {
	op := n.GetOpType()
	if !isStandard(n) {
		op = n.GetDomain() + "." + op
	}
	return &UnsupportedError{Node: nodeName(n), Op: op, Reason: fmt.Sprintf(format, args...)}
}

func broken(n *pb.NodeProto, format string, args ...any) error {
	return &FormatError{Where: fmt.Sprintf("node %q (%s)", nodeName(n), n.GetOpType()), Reason: fmt.Sprintf(format, args...)}
}

// constant adds what a Constant node holds to the stored tensors.
func (g *graph) constant(n *pb.NodeProto) error {
	if len(n.Output) != 1 || g.tensors[n.Output[0]] != nil {
		return broken(n, "one new output wanted")
	}
	for _, a := range n.Attribute {
		if a.GetName() == "value" && a.T != nil {
			g.tensors[n.Output[0]] = a.T
			return nil
		}
	}
	return unsupported(n, "constants that are tensors are understood")
}

// step takes one node, whose data input must be what the last one put out.
func (w *walker) step(n *pb.NodeProto) error {
	if len(n.Input) == 0 || len(n.Output) == 0 {
		return broken(n, "%d inputs and %d outputs", len(n.Input), len(n.Output))
	}
	data := -1
	for i, name := range n.Input {
		switch {
		case name == w.at && data < 0:
			data = i
		case name == "" || w.tensors[name] != nil:
		default:
			return unsupported(n, "its input %q is neither stored nor what the node before puts out; chains are understood", name)
		}
	}
	if data < 0 {
		return unsupported(n, "it does not take what the node before puts out; chains are understood")
	}
	if err := operators[n.GetOpType()](w, n, data); err != nil {
		return err
	}
	w.at = n.Output[0]
	return nil
}

// operators are those that a walk understands, and how.
var operators = map[string]func(w *walker, n *pb.NodeProto, data int) error{
	"Identity": func(w *walker, n *pb.NodeProto, _ int) error { return w.arity(n, 1) },
	"Relu":     func(w *walker, n *pb.NodeProto, _ int) error { return w.relu(n) },
	"Gemm":     (*walker).gemm,
	"MatMul":   (*walker).matMul,
	"Add":      (*walker).elementwise,
	"Sub":      (*walker).elementwise,
	"Mul":      (*walker).elementwise,
}

func unknown(n *pb.NodeProto) error {
	return unsupported(n, "chains of Gemm, MatMul, Add, Sub, Mul, Relu and Identity are understood")
}

// layoutOperators only move numbers: a file that has them and others beyond a
// walk is refused for the others.
var layoutOperators = map[string]bool{"Constant": true, "Reshape": true, "Flatten": true, "Transpose": true,
	"Squeeze": true, "Unsqueeze": true, "Dropout": true, "Cast": true, "Concat": true, "Slice": true, "Gather": true, "Split": true}

// firstUnknown returns an error for the operator that most clearly no walk takes.
func (g *graph) firstUnknown() error {
	var layout error
	for _, n := range g.Node {
		switch op := n.GetOpType(); {
		case isStandard(n) && (operators[op] != nil || op == "Constant"):
		case !isStandard(n) || !layoutOperators[op]:
			return unknown(n)
		case layout == nil:
			layout = unknown(n)
		}
	}
	return layout
}

func (w *walker) arity(n *pb.NodeProto, inputs int) error {
	if len(n.Input) != inputs || len(n.Output) != 1 {
		return broken(n, "%d inputs and %d outputs", len(n.Input), len(n.Output))
	}
	return nil
}

func (w *walker) relu(n *pb.NodeProto) error {
	if err := w.arity(n, 1); err != nil {
		return err
	}
	last := len(w.net.Layers) - 1
	if last < 0 || w.net.Layers[last].Act == network.ReLU {
		if err := w.identity(n, 1); err != nil {
			return err
		}
		last++
	}
	w.net.Layers[last].Act = network.ReLU
	w.open = false
	return nil
}

// identity adds a layer that passes its inputs on, times sign.
func (w *walker) identity(n *pb.NodeProto, sign float64) error {
	if w.width == 0 {
		return unsupported(n, "the file does not say how many columns the input has")
	}
	if err := w.charge(n, w.width); err != nil {
		return err
	}
	w.append(&network.Diagonal{D: slices.Repeat([]float64{sign}, w.width)}, nil, n)
	return nil
}

// append adds an affine layer.
func (w *walker) append(m network.Map, bias []float64, n *pb.NodeProto) {
	w.net.Layers = append(w.net.Layers, network.Layer{Map: m, Bias: bias, Name: n.GetName()})
	w.width, _ = m.Dims()
	w.open = bias == nil
}

// matrix returns the stored matrix that is input i of n as a dense map, which
// transB says how to read: as In x Out, or transposed as Out x In.
func (w *walker) matrix(n *pb.NodeProto, i int, transB bool) (*network.Dense, error) {
	dims, v, err := w.numbers(n, i)
	if err != nil {
		return nil, err
	}
	if len(dims) != 2 {
		return nil, unsupported(n, "its weights %q have the shape %v; matrices are understood", n.Input[i], dims)
	}
	in, out := dims[0], dims[1]
	if transB {
		in, out = out, in
	} else {
		v = transpose(v, in, out)
	}
	if out == 0 || in == 0 || w.width != 0 && in != w.width {
		return nil, broken(n, "weights for %d inputs and %d outputs where %d come in", in, out, w.width)
	}
	return network.NewDense(out, in, v), nil
}

func (w *walker) matMul(n *pb.NodeProto, data int) error {
	if err := w.arity(n, 2); err != nil {
		return err
	}
	if data != 0 {
		return unsupported(n, "its weights stand on the left; rows times weights are understood")
	}
	m, err := w.matrix(n, 1, false)
	if err != nil {
		return err
	}
	w.append(m, nil, n)
	return nil
}

func (w *walker) gemm(n *pb.NodeProto, data int) error {
	if len(n.Input) < 2 || len(n.Input) > 3 || len(n.Output) != 1 {
		return broken(n, "%d inputs and %d outputs", len(n.Input), len(n.Output))
	}
	transB := false
	for _, a := range n.Attribute {
		switch name := a.GetName(); {
		case name == "transB":
			transB = a.GetI() != 0
		case name == "transA" && a.GetI() == 0, (name == "alpha" || name == "beta") && a.GetF() == 1:
		default:
			return unsupported(n, "its attribute %q is set; products without factors of rows are understood", name)
		}
	}
	if data != 0 {
		return unsupported(n, "its weights stand on the left; rows times weights are understood")
	}
	m, err := w.matrix(n, 1, transB)
	if err != nil {
		return err
	}
	var bias []float64
	if len(n.Input) == 3 && n.Input[2] != "" {
		if bias, err = w.row(n, 2, m.Out); err != nil {
			return err
		}
	}
	w.append(m, bias, n)
	return nil
}

// row returns the stored tensor that is input i of n, one number for each of
// width columns; a single number stands for all.
func (w *walker) row(n *pb.NodeProto, i, width int) ([]float64, error) {
	dims, v, err := w.numbers(n, i)
	if err != nil {
		return nil, err
	}
	if len(dims) > 2 || len(v) != 1 && (len(v) != width || dims[len(dims)-1] != width) {
		return nil, unsupported(n, "%q has the shape %v; a number for each of the %d columns is understood", n.Input[i], dims, width)
	}
	if len(v) == width {
		return v, nil
	}
	return slices.Repeat(v, width), w.charge(n, width)
}

// elementwise takes x + c, c + x, x - c, c - x and x * c.
func (w *walker) elementwise(n *pb.NodeProto, data int) error {
	if err := w.arity(n, 2); err != nil {
		return err
	}
	if w.width == 0 {
		return unsupported(n, "the file does not say how many columns the input has")
	}
	c, err := w.row(n, 1-data, w.width)
	if err != nil {
		return err
	}
	op := n.GetOpType()
	if op == "Mul" {
		w.append(&network.Diagonal{D: c}, nil, n)
		return nil
	}
	if op == "Sub" && data == 0 {
		for j, v := range c {
			c[j] = -v
		}
	}
	if op == "Sub" && data == 1 {
		err = w.identity(n, -1)
	} else if !w.open {
		err = w.identity(n, 1)
	}
	if err != nil {
		return err
	}
	w.net.Layers[len(w.net.Layers)-1].Bias, w.open = c, false
	return nil
}
