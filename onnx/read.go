package onnx

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// The operator sets whose operators are read. What later ones changed in those,
// if anything, is not known here: they are read as in the newest, and it is noted.
const (
	oldestOpset = 6
	newestOpset = 21
)

// Read reads an ONNX model. Models that [Write] made give back the very network,
// bit for bit, its structured maps and its metadata with it. Of others, chains of
// affine operators and Relu are understood, with what moves numbers between them:
// Gemm, MatMul, Conv, AveragePool, BatchNormalization; Add, Sub, Mul and Div with
// constants; Identity, Dropout, Cast, Flatten, Reshape, Squeeze, Unsqueeze and
// Transpose; Softmax and ArgMax at the end. Their metadata say under hinge.notes
// what was left out or taken for granted.
//
// It returns a [*FormatError] for broken files and an [*UnsupportedError] for
// sound ones that are no such chain. Memory is bounded by a small multiple of the
// file's size, and 1 GiB. Tensors that lie in other files need [ReadFile].
func Read(r io.Reader) (*network.Network, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// Decode reads an ONNX model from bytes, as [Read] does.
func Decode(data []byte) (*network.Network, error) { return decode(data, nil) }

func decode(data []byte, beside *folder) (*network.Network, error) {
	if len(data) >= maxFile {
		return nil, &FormatError{Reason: "it is larger than any protocol buffer (2 GiB)"}
	}
	var model pb.ModelProto
	if err := proto.Unmarshal(data, &model); err != nil {
		return nil, notAModel(data)
	}
	if err := beside.gather(&model); err != nil {
		return nil, err
	}
	g, err := openGraph(&model)
	if err != nil {
		return nil, err
	}
	net, err := g.read()
	if err != nil {
		return nil, err
	}
	if err := net.Validate(); err != nil {
		return nil, &FormatError{Reason: err.Error()}
	}
	return net, nil
}

// notAModel says what a file is that is no protocol buffer, where its beginning
// tells.
func notAModel(data []byte) error {
	begins := fmt.Sprintf("it begins with %q", data[:min(len(data), 24)])
	for _, known := range []struct{ magic, reason string }{
		{"version https://git-lfs", "it is a Git LFS pointer and not the model itself, which \"git lfs pull\" fetches"},
		{"\x1f\x8b", "it is compressed; unpack it with gunzip"},
		{"PK\x03\x04", "it is a zip archive, as of PyTorch or Keras"},
		{"\x89HDF", "it is an HDF5 file, as of Keras"},
	} {
		if strings.HasPrefix(string(data), known.magic) {
			return &FormatError{Reason: known.reason + " (" + begins + ")"}
		}
	}
	return &FormatError{Reason: "it is no protocol buffer (" + begins + ")"}
}

// graph is the graph of a model with its frame checked: one input, one output,
// tensors by name.
type graph struct {
	*pb.GraphProto
	model    *pb.ModelProto
	declared *pb.ValueInfoProto // the input
	in, out  string
	elem     pb.TensorProto_DataType // of the input
	dims     []int                   // shape of the input, with an axis that counts rows, where there can be one
	rows     int                     // rows that the file declares; 0 when it leaves them open
	opset    int64
	tensors  map[string]*pb.TensorProto
	meta     map[string]string
	stored   int // numbers that the file holds, about

	producerName string // the program that wrote the file

	producer  map[string]*pb.NodeProto // by tensor
	fromInput map[string]bool          // tensors that depend on an input
	needed    map[string]bool          // tensors that the outputs depend on
	path      []*pb.NodeProto          // from the input to the output
}

func openGraph(model *pb.ModelProto) (*graph, error) {
	if model.Graph == nil || len(model.Graph.Node) == 0 {
		return nil, &FormatError{Reason: "it holds no graph"}
	}
	if len(model.Functions) > 0 {
		return nil, &UnsupportedError{Reason: "it defines functions of its own; inline them first"}
	}
	g := &graph{GraphProto: model.Graph, model: model, tensors: map[string]*pb.TensorProto{}, meta: map[string]string{}}
	if g.opset = opsetOf(model); g.opset < oldestOpset {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("operator set %d; %d to %d are understood", g.opset, oldestOpset, newestOpset)}
	}
	for _, t := range g.Initializer {
		if g.tensors[t.GetName()] != nil {
			return nil, &FormatError{Where: where(t), Reason: "stored twice"}
		}
		g.tensors[t.GetName()] = t
		g.stored += len(t.RawData)/4 + len(t.FloatData) + len(t.DoubleData)
	}
	if len(g.SparseInitializer) > 0 {
		return nil, &UnsupportedError{Reason: "it stores sparse tensors; store them as dense ones"}
	}
	for _, entry := range model.MetadataProps {
		g.meta[entry.GetKey()] = entry.GetValue()
	}
	if name := strings.TrimSpace(model.GetProducerName() + " " + model.GetProducerVersion()); name != "" {
		g.producerName = strings.ToValidUTF8(name, "?")
	}
	if err := g.trace(); err != nil {
		return nil, err
	}
	if err := g.openEnds(); err != nil {
		if op := g.firstUnknown(); op != nil {
			return nil, op // says more than the shape of the input does
		}
		return nil, err
	}
	return g, nil
}

func opsetOf(model *pb.ModelProto) (opset int64) {
	for _, set := range model.OpsetImport {
		if set.GetDomain() == "" || set.GetDomain() == "ai.onnx" {
			opset = set.GetVersion()
		}
	}
	return opset
}

// openEnds finds the input and the output. Old files list the stored tensors
// among the inputs too.
func (g *graph) openEnds() error {
	var inputs []*pb.ValueInfoProto
	for _, v := range g.Input {
		if g.tensors[v.GetName()] == nil {
			inputs = append(inputs, v)
		}
	}
	if len(inputs) != 1 || len(g.Output) != 1 {
		return &UnsupportedError{Reason: fmt.Sprintf("%d inputs (%s) and %d outputs (%s); hinge reads networks of one input and one output, and onnx.utils.extract_model of Python's onnx cuts such a part out",
			len(inputs), nameList(inputs), len(g.Output), nameList(g.Output))}
	}
	g.declared = inputs[0]
	g.in, g.out = inputs[0].GetName(), g.Output[0].GetName()
	tensor := inputs[0].GetType().GetTensorType()
	switch g.elem = pb.TensorProto_DataType(tensor.GetElemType()); g.elem {
	case pb.TensorProto_FLOAT, pb.TensorProto_DOUBLE, pb.TensorProto_INT64, pb.TensorProto_INT32,
		pb.TensorProto_UINT8, pb.TensorProto_INT8, pb.TensorProto_INT16, pb.TensorProto_UINT16:
	default:
		return &UnsupportedError{Reason: fmt.Sprintf("the input %q is a tensor of %v; float and double are understood", g.in, g.elem)}
	}
	return g.openShape(tensor)
}

// nameList names the first few of some tensors.
func nameList(values []*pb.ValueInfoProto) string {
	const few = 4
	var names []string
	for _, v := range values[:min(len(values), few)] {
		names = append(names, v.GetName())
	}
	if len(values) > few {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}

// openShape reads the shape of the input, and says which axis counts rows: the
// first that the file leaves open, or the first of all, if there are two.
func (g *graph) openShape(tensor *pb.TypeProto_Tensor) error {
	if tensor.Shape == nil {
		g.dims = []int{rowAxis, unknownSize}
		return nil
	}
	for _, d := range tensor.Shape.Dim {
		switch v := d.GetDimValue(); {
		case v > maxFile || len(g.dims) == maxRank:
			return &UnsupportedError{Reason: fmt.Sprintf("the input %q has a dimension of %d, or more than %d of them", g.in, v, maxRank)}
		case v > 0:
			g.dims = append(g.dims, int(v))
		default:
			g.dims = append(g.dims, unknownSize)
		}
	}
	switch open := slices.Index(g.dims, unknownSize); {
	case open >= 0 && len(g.dims) == 1:
		return &UnsupportedError{Reason: fmt.Sprintf("the input %q is a list of any length; a fixed number of columns is needed", g.in)}
	case open >= 0:
		g.dims[open] = rowAxis
	case len(g.dims) > 1:
		g.rows, g.dims[0] = g.dims[0], rowAxis
	}
	return nil
}

// table returns the columns of an input of rows by columns, 0 for others.
func (g *graph) table() int {
	if len(g.dims) == 2 && g.dims[0] == rowAxis {
		return g.dims[1]
	}
	return 0
}

// oneRow returns the shape of the input for a single row, as the file declares it.
func (g *graph) oneRow() []int {
	dims := slices.Clone(g.dims)
	for i, d := range dims {
		if d == rowAxis {
			dims[i] = max(g.rows, 1)
		}
	}
	return dims
}

// read restores the network that hinge wrote, where the graph is still that
// one, and else walks the graph.
func (g *graph) read() (*network.Network, error) {
	described, ours := g.meta[structureKey]
	delete(g.meta, structureKey)
	if !ours {
		return g.readForeign()
	}
	net, err := g.restore(described)
	if err == nil {
		return net, nil
	}
	net, walkErr := g.readForeign()
	if walkErr != nil {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("it was written by hinge and changed since (%v), and what it is now is no plain chain (%v)", err, walkErr)}
	}
	return net, nil
}

// readForeign walks the graph: with an axis that counts rows, and where that
// fails because the axes of a row are mixed with it, for a single row. Where the
// axis that the file leaves open does not come first, it may also be the columns.
func (g *graph) readForeign() (*network.Network, error) {
	if err := g.firstUnknown(); err != nil {
		return nil, err
	}
	if err := g.findPath(); err != nil {
		return nil, err
	}
	w, err := g.walk(g.dims)
	if err != nil && (w.mixer != nil || g.rows > 0) {
		single, singleErr := g.walk(g.oneRow())
		if g.rows == 0 {
			single.note("The %s %q would mix the rows of a batch; the graph is read for one row at a time.", w.mixer.GetOpType(), nodeName(w.mixer))
		}
		w, err = further(w, err, single, singleErr)
	}
	if open := slices.Index(g.dims, rowAxis); err != nil && open > 0 && g.rows == 0 {
		dims := slices.Clone(g.dims)
		dims[0], dims[open] = rowAxis, unknownSize
		g.rows = g.dims[0]
		columns, columnsErr := g.walk(dims)
		w, err = further(w, err, columns, columnsErr)
	}
	if err != nil {
		return nil, err
	}
	g.describe(w)
	return w.net, nil
}

// further returns the second of two walks if it came through, or at least to a
// later node than the first, which failed.
func further(w *walker, err error, second *walker, secondErr error) (*walker, error) {
	if secondErr == nil || second.steps > w.steps {
		return second, secondErr
	}
	return w, err
}

// describe gives the network what the file says of itself, and the notes.
func (g *graph) describe(w *walker) {
	if g.rows > 1 && slices.Contains(w.shapes[g.in], rowAxis) {
		w.note("The file is made for batches of %d rows; hinge takes any number of them.", g.rows)
	}
	if g.opset > newestOpset {
		w.note("The file is of operator set %d; it is read with the meaning that operators have in set %d.", g.opset, newestOpset)
	}
	if w.ending != nil {
		g.meta[outputKey] = readings[w.ending.GetOpType()]
	}
	if len(w.notes) > 0 {
		g.meta[notesKey] = strings.Join(w.notes, "\n")
	}
	if g.producerName != "" {
		g.meta[producerKey] = g.producerName
	}
	g.keepOrigin(w)
	if len(g.meta) > 0 {
		w.net.Meta = g.meta
	}
}
