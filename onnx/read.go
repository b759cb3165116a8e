package onnx

import (
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// oldestOpset is the first operator set in which Add and Mul broadcast as they
// have ever since.
const oldestOpset = 7

// Read reads an ONNX model. Models that [Write] made give back the very network,
// bit for bit, its structured maps and its metadata with it; of others, chains
// of Gemm, MatMul, Add, Sub, Mul and Relu are understood. It returns a
// [*FormatError] for broken files and an [*UnsupportedError] for sound ones that
// are no such chain. Memory is bounded by a small multiple of the file's size.
func Read(r io.Reader) (*network.Network, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return Decode(data)
}

// Decode reads an ONNX model from bytes, as [Read] does.
func Decode(data []byte) (*network.Network, error) {
	if len(data) >= maxFile {
		return nil, &FormatError{Reason: "it is larger than any protocol buffer (2 GiB)"}
	}
	var model pb.ModelProto
	if err := proto.Unmarshal(data, &model); err != nil {
		return nil, &FormatError{Reason: fmt.Sprintf("it is no protocol buffer (it begins with %q)", data[:min(len(data), 24)])}
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

// graph is the graph of a model with its frame checked: one input, one output,
// tensors by name.
type graph struct {
	*pb.GraphProto
	in, out string
	width   int // columns of the input; 0 when the file leaves them open
	prec    network.Precision
	opset   int64
	tensors map[string]*pb.TensorProto
	meta    map[string]string
}

func openGraph(model *pb.ModelProto) (*graph, error) {
	if model.Graph == nil || len(model.Graph.Node) == 0 {
		return nil, &FormatError{Reason: "it holds no graph"}
	}
	if len(model.Functions) > 0 {
		return nil, &UnsupportedError{Reason: "it defines functions of its own; inline them first"}
	}
	g := &graph{GraphProto: model.Graph, tensors: map[string]*pb.TensorProto{}, meta: map[string]string{}}
	for _, set := range model.OpsetImport {
		if set.GetDomain() == "" || set.GetDomain() == "ai.onnx" {
			g.opset = set.GetVersion()
		}
	}
	if g.opset < oldestOpset {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("operator set %d; %d and later are understood", g.opset, oldestOpset)}
	}
	for _, t := range g.Initializer {
		if g.tensors[t.GetName()] != nil {
			return nil, &FormatError{Where: where(t), Reason: "stored twice"}
		}
		g.tensors[t.GetName()] = t
	}
	if len(g.SparseInitializer) > 0 {
		return nil, &UnsupportedError{Reason: "it stores sparse tensors; store them as dense ones"}
	}
	for _, entry := range model.MetadataProps {
		g.meta[entry.GetKey()] = entry.GetValue()
	}
	if err := g.openEnds(); err != nil {
		if op := g.firstUnknown(); op != nil {
			return nil, op // says more than the shape of the input does
		}
		return nil, err
	}
	return g, nil
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
		return &UnsupportedError{Reason: fmt.Sprintf("%d inputs and %d outputs; one of each is understood", len(inputs), len(g.Output))}
	}
	g.in, g.out = inputs[0].GetName(), g.Output[0].GetName()
	tensor := inputs[0].GetType().GetTensorType()
	switch typ := pb.TensorProto_DataType(tensor.GetElemType()); typ {
	case pb.TensorProto_FLOAT:
		g.prec = network.Float32
	case pb.TensorProto_DOUBLE:
		g.prec = network.Float64
	default:
		return &UnsupportedError{Reason: fmt.Sprintf("the input %q is a tensor of %v; float and double are understood", g.in, typ)}
	}
	dims := tensor.GetShape().GetDim()
	if len(dims) != 2 {
		return &UnsupportedError{Reason: fmt.Sprintf("the input %q has %d dimensions; rows by columns are understood", g.in, len(dims))}
	}
	if w := dims[1].GetDimValue(); w > 0 && w <= maxFile {
		g.width = int(w)
	}
	return nil
}

// read restores the network that hinge wrote, where the graph is still that
// one, and else walks the graph.
func (g *graph) read() (*network.Network, error) {
	described, ours := g.meta[structureKey]
	delete(g.meta, structureKey)
	var net *network.Network
	var err error
	if ours {
		net, err = g.restore(described)
	}
	if net == nil {
		var walkErr error
		if net, walkErr = g.walk(); walkErr != nil {
			if ours {
				return nil, &UnsupportedError{Reason: fmt.Sprintf("it was written by hinge and changed since (%v), and what it is now is no plain chain (%v)", err, walkErr)}
			}
			return nil, walkErr
		}
	}
	if len(g.meta) > 0 {
		net.Meta = g.meta
	}
	return net, nil
}
