package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// A walker follows the one path of data from the input to the output, node by
// node, and makes a layer of every affine step. It knows operators, not
// exporters: trace.go finds the path, affine.go, products.go,
// elementwise.go, window.go and reduce.go take the operators that compute, layout.go those that only move numbers, ending.go those that
// read the outputs, constants.go gives the stored numbers that they take.
//
// The layers are the steps of the graph in its own order of rounding: a second
// bias, or a factor after a bias, opens a layer of its own, and is not folded
// into the one before.
//
// What a graph passes on is a tensor of any shape; what hinge passes on is a row
// of numbers. So a walker keeps the shape beside the row. One axis counts the
// rows of the batch, and may stand anywhere; all others, in row-major order, are
// the numbers of one row. For an image net, say,
//
//	[N 1 28 28] --Reshape--> [N 784] --Gemm, Relu--> [N 50]
//	   784 numbers               784                    50
//
// Where a graph lets its rows mix, no axis can count them: then the graph is
// read anew for one row, every axis being part of that row (see read.go).
//
// Numbers are kept in float64 while a graph is walked, and rounded to the
// network's precision at the end.
type walker struct {
	*graph
	net   *network.Network
	at    string // the tensor that the layers so far put out
	dims  []int  // its shape: sizes, rowAxis, or unknownSize
	width int    // outputs of the last layer, or inputs; 0 when not known yet

	order   []int32 // number i of the tensor is output order[i] of the last layer; nil: output i
	repeats bool    // whether order names an output twice, or leaves one out

	typ    pb.TensorProto_DataType // of the tensor
	open   bool                    // whether the last layer can still take a bias
	single bool                    // whether numbers of float take part
	double bool                    // and of double

	origins []*layerOrigin  // how the file writes each layer; nil where hinge has a way of its own
	named   map[string]bool // names of layers

	reshapedEnding bool // the shape of what a reading of the outputs gives was changed

	ending *pb.NodeProto // what turned the outputs into a reading of them, see ending.go
	mixer  *pb.NodeProto // a node that only moves numbers, and would have mixed the rows

	shapes map[string][]int // of the tensors on the path so far
	notes  []string
	seen   map[string]bool // stored tensors already used
	spare  int             // numbers that may still be made beyond those stored
	steps  int             // nodes taken
}

const (
	rowAxis     = -1 // as a size: the axis that counts the rows of a batch
	unknownSize = 0  // as a size: the file does not say
)

// spareNumbers bounds what a small file can make a walk hold: layers written
// out from a single number, windows written out as sparse maps, and tensors
// used again. 16 Mi numbers are 128 MiB.
const spareNumbers = 1 << 24

// mostNotes is more than anyone reads.
const mostNotes = 50

// charge counts numbers that are not the file's own.
func (w *walker) charge(n *pb.NodeProto, numbers int) error {
	if w.spare -= numbers; w.spare < 0 {
		return unsupported(n, "written out, the model would hold far more numbers than its file; hinge keeps %d more at most", spareNumbers)
	}
	return nil
}

// note keeps a sentence for whoever reads the network, once.
func (w *walker) note(format string, args ...any) {
	text := strings.ToValidUTF8(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "), "?")
	switch {
	case slices.Contains(w.notes, text):
	case len(w.notes) < mostNotes:
		w.notes = append(w.notes, text)
	case len(w.notes) == mostNotes:
		w.notes = append(w.notes, "There is more to say of this file than is listed here.")
	}
}

// size returns how many numbers a row has, 0 when not known yet.
func (w *walker) size() int {
	size := 1
	for _, d := range w.dims {
		if d != rowAxis {
			size *= d
		}
	}
	return size
}

// setDims sets the shape, unless it has more numbers than any file could hold.
func (w *walker) setDims(n *pb.NodeProto, dims []int) error {
	size := int64(1)
	for _, d := range dims {
		if d != rowAxis {
			if size *= int64(d); size > math.MaxInt32 {
				return unsupported(n, "its output, of shape %s, has more numbers than hinge takes", shapeText(dims))
			}
		}
	}
	w.dims = dims
	return nil
}

// shapeText writes a shape for messages: [N 1 28 28].
func shapeText(dims []int) string {
	names := make([]string, len(dims))
	for i, d := range dims {
		switch d {
		case rowAxis:
			names[i] = "N"
		case unknownSize:
			names[i] = "?"
		default:
			names[i] = fmt.Sprint(d)
		}
	}
	return "[" + strings.Join(names, " ") + "]"
}

// walk reads a graph that is a chain; dims is the shape of its input.
func (g *graph) walk(dims []int) (*walker, error) {
	w := &walker{graph: g, net: &network.Network{}, at: g.in, typ: g.elem,
		shapes: map[string][]int{}, named: map[string]bool{}, seen: map[string]bool{}, spare: spareNumbers + g.stored}
	if err := w.setDims(g.path[0], dims); err != nil {
		return w, err
	}
	w.width = w.size()
	if !isTable(dims) {
		w.note("The input, of shape %s, is read as rows of width %d, in row-major order.", shapeText(dims), w.width)
	}
	for _, n := range g.path {
		w.shapes[w.at] = w.dims
		if err := w.step(n); err != nil {
			return w, err
		}
		w.at = n.Output[0]
		w.steps++
	}
	if err := w.settle(g.path[len(g.path)-1]); err != nil {
		return w, err
	}
	if len(w.net.Layers) == 0 {
		return w, &UnsupportedError{Reason: "its output is its input: there is no layer"}
	}
	w.finish()
	return w, nil
}

// isTable reports whether a shape is rows by columns, or a row.
func isTable(dims []int) bool {
	return len(dims) == 2 && (dims[0] == rowAxis || dims[0] == 1 && dims[1] != rowAxis)
}

// finish gives the network its precision and its notes.
func (w *walker) finish() {
	if w.single && w.double {
		w.note("It mixes float and double; hinge computes all of it in float64.")
	}
	if !w.double {
		w.net.Precision = network.Float32
	}
	w.net.Round()
	if w.ending == nil && !isTable(w.dims) {
		w.note("The output, of shape %s, is read as rows of width %d, in row-major order.", shapeText(w.dims), w.size())
	}
}

// step takes one node of the path.
func (w *walker) step(n *pb.NodeProto) error {
	data := slices.Index(n.Input, w.at)
	if w.ending != nil {
		return w.afterEnding(n)
	}
	take := operators[n.GetOpType()]
	if !isStandard(n) || take == nil {
		return unknown(n)
	}
	if w.size() == unknownSize && !blind[n.GetOpType()] {
		return unsupported(n, "the file does not say how many columns the input has: export it with a fixed number")
	}
	return take(w, n, data)
}

// blind are the operators that can do without the number of columns.
var blind = map[string]bool{"Gemm": true, "MatMul": true, "Identity": true, "Cast": true, "Dropout": true}

// operators are those that a walk understands, and how. It is filled when the
// program starts, since some of them lead back to it.
var operators map[string]func(w *walker, n *pb.NodeProto, data int) error

func init() {
	operators = map[string]func(w *walker, n *pb.NodeProto, data int) error{
		"Relu":               (*walker).relu,
		"Gemm":               (*walker).gemm,
		"MatMul":             (*walker).matMul,
		"Add":                (*walker).elementwise,
		"Sub":                (*walker).elementwise,
		"Mul":                (*walker).elementwise,
		"Div":                (*walker).elementwise,
		"Neg":                (*walker).negate,
		"BatchNormalization": (*walker).batchNorm,
		"Conv":               (*walker).conv,
		"AveragePool":        (*walker).averagePool,
		"GlobalAveragePool":  (*walker).globalAveragePool,
		"Identity":           (*walker).identity,
		"Dropout":            (*walker).dropout,
		"Cast":               (*walker).cast,
		"Flatten":            (*walker).flatten,
		"Reshape":            (*walker).reshape,
		"Squeeze":            (*walker).squeeze,
		"Unsqueeze":          (*walker).unsqueeze,
		"Transpose":          (*walker).transpose,
		"ReduceMean":         (*walker).reduce,
		"ReduceSum":          (*walker).reduce,
		"Pad":                (*walker).padded,
		"Softmax":            (*walker).end,
		"LogSoftmax":         (*walker).end,
		"ArgMax":             (*walker).end,
	}
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

// arity checks the numbers of inputs and outputs.
func arity(n *pb.NodeProto, least, most int) error {
	if len(n.Input) < least || len(n.Input) > most || len(n.Output) != 1 {
		return broken(n, "%d inputs and %d outputs", len(n.Input), len(n.Output))
	}
	return nil
}
