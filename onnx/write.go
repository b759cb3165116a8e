// Package onnx writes networks as ONNX models and reads them back.
//
// For most uses, call [Write] to export a network and [ReadFile] or [Read] to
// load one; there are forms that work on bytes, [Encode] and [Decode].
//
// A network is written operation by operation as package network evaluates it,
// so that what certify proved of it holds for the file in any runtime that
// keeps to IEEE arithmetic. Structured maps stay structured: a layer along q
// directions is q matrix-vector products and elementwise multiplications, never
// an n x n matrix. emit.go tells how each map is written.
//
// A network that was read from another exporter's file is written as that file
// is: the names, types and declared shapes of its input and output, and the
// operators and names of its dense layers (origin.go, frame.go). A dense part of
// a layer is one Gemm with its own slice of the bias, so that units added beside
// it change none of its operators. In ONNX Runtime, then, rows on which the added
// units are 0 get the bits that the user's file gave them, which is measured on
// real networks, and not proved: docs/formats.md says what holds.
//
// Read takes the graph for the truth, since that is what runtimes run. What
// hinge notes in the metadata about the layers only guides it, and is believed
// where writing the network that it describes gives the very graph in the file.
// Files of other exporters are walked operator by operator; walk.go tells how.
package onnx

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// The versions written. Of the intermediate representation, 4 is the first in
// which weights need not be declared as inputs that a caller may replace. It
// came with operator set 9 (ONNX 1.4, January 2019), so a lower one would let
// no further runtime in, though ONNX Runtime takes the same files down to 7. All
// operators used here exist there for float and double: Gemm, MatMul, Mul, Add,
// Relu, Concat, Slice, Gather.
const (
	irVersion = 4
	opset     = 9
)

// maxFile is the size that no protocol buffer may reach.
const maxFile = math.MaxInt32

// structureKey is the metadata entry in which Write describes the layers.
const structureKey = "hinge.layers"

// Options of [Write]. The zero value writes structured graphs, with the input and
// output of the file that the network came from, else with an input x and an
// output y.
type Options struct {
	// Dense writes net.Dense() as a chain of Gemm and Relu nodes and nothing
	// else, for tools that know no other operators, with an input N x d and an
	// output N x p. In floating point that is another network, which needs its own
	// certificate.
	Dense  bool
	Input  string // name of the input; default that of the network's file, or "x"
	Output string // name of the output; default that of the network's file, or "y"
}

func (o Options) names(from *origin) (in, out string, err error) {
	in, out = o.Input, o.Output
	if from != nil {
		in, out = cmp.Or(in, from.Input.Name), cmp.Or(out, from.Output.Name)
	}
	if in == "" {
		in = "x"
	}
	if out == "" {
		out = "y"
	}
	if in == out || !utf8.ValidString(in) || !utf8.ValidString(out) {
		return "", "", fmt.Errorf("onnx: input and output cannot be named %q and %q: two different names in UTF-8 are needed", in, out)
	}
	return in, out, nil
}

// Write writes net as an ONNX model in its own precision: one input (N x d) and
// one output (N x p), N left open, or shaped as in the file that net was read
// from. The same network gives the same bytes. It
// returns a [*TooLargeError] for networks that no .onnx file can hold.
func Write(w io.Writer, net *network.Network, opts Options) error {
	data, err := Encode(net, opts)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// Encode returns the bytes that [Write] writes.
func Encode(net *network.Network, opts Options) ([]byte, error) {
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if opts.Dense {
		if err := denseFits(net); err != nil {
			return nil, err
		}
		net = net.Dense()
	}
	var store tensorStore
	e := newEmitter(net.Precision, opts.Dense, store.add)
	described := structure{Gemm: opts.Dense, Parts: !opts.Dense && hasParts(net)}
	if o := originOf(net); o != nil && !opts.Dense {
		e.origin, described.Framed, described.Precision = o, true, net.Precision.String()
	}
	e.parts = described.Parts
	in, out, err := opts.names(e.origin)
	if err != nil {
		return nil, err
	}
	if described.Layers, err = e.network(net, in, out); err != nil {
		return nil, err
	}
	model := modelFrame(net, e.origin, in, out)
	model.Graph.Node, model.Graph.Initializer = e.nodes, store.tensors
	if e.origin != nil && e.origin.Listed {
		e.origin.list(model.Graph)
	}
	if model.MetadataProps, err = metadata(net.Meta, &described); err != nil {
		return nil, err
	}
	return marshal(model)
}

// denseFits refuses a network whose dense form no file could hold, before
// that form is made.
func denseFits(net *network.Network) error {
	var bytes float64
	for i := range net.Layers {
		out, in := net.Layers[i].Map.Dims()
		bytes += float64(out) * float64(in) * float64(width(net.Precision))
	}
	if bytes >= maxFile {
		return &TooLargeError{Bytes: int64(min(bytes, 1<<62))}
	}
	return nil
}

// marshal returns the bytes of a model.
func marshal(model *pb.ModelProto) ([]byte, error) {
	if size := proto.Size(model); size >= maxFile {
		return nil, &TooLargeError{Bytes: int64(size)}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(model)
}

// modelFrame returns the model of a network without nodes, tensors and metadata.
func modelFrame(net *network.Network, o *origin, in, out string) *pb.ModelProto {
	model := &pb.ModelProto{
		IrVersion:    proto.Int64(irVersion),
		ProducerName: proto.String("hinge"),
		OpsetImport:  []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(opset)}},
		Graph: &pb.GraphProto{
			Name:   proto.String("hinge"),
			Input:  []*pb.ValueInfoProto{batchOf(in, net.Inputs(), net.Precision)},
			Output: []*pb.ValueInfoProto{batchOf(out, net.Outputs(), net.Precision)},
		},
	}
	if o == nil {
		return model
	}
	graph := model.Graph
	graph.Input[0], graph.Output[0] = o.declare(&o.Input, net.Precision), o.declare(&o.Output, net.Precision)
	graph.Input[0].Name, graph.Output[0].Name = proto.String(in), proto.String(out)
	for _, text := range []struct {
		to   **string
		text string
	}{{&graph.Name, o.Graph}, {&graph.DocString, o.GraphDoc}, {&model.DocString, o.Doc}, {&model.Domain, o.Domain}} {
		if text.text != "" {
			*text.to = proto.String(text.text)
		}
	}
	if o.Version != 0 {
		model.ModelVersion = proto.Int64(o.Version)
	}
	return model
}

// batchOf declares a matrix of N rows, N unknown.
func batchOf(name string, columns int, prec network.Precision) *pb.ValueInfoProto {
	shape := &pb.TensorShapeProto{Dim: []*pb.TensorShapeProto_Dimension{
		{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
		{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(columns)}},
	}}
	return &pb.ValueInfoProto{Name: proto.String(name), Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{
		TensorType: &pb.TypeProto_Tensor{ElemType: proto.Int32(int32(elemType(prec))), Shape: shape}}}}
}

// metadata returns the entries of the file: the network's own texts and the
// description of its layers, sorted by key.
func metadata(texts map[string]string, s *structure) ([]*pb.StringStringEntryProto, error) {
	all := maps.Clone(texts)
	if all == nil {
		all = map[string]string{}
	}
	if _, taken := all[structureKey]; taken {
		return nil, fmt.Errorf("onnx: the metadata key %q is kept for the description of the layers", structureKey)
	}
	described, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	all[structureKey] = string(described)
	var entries []*pb.StringStringEntryProto
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !utf8.ValidString(key) || !utf8.ValidString(all[key]) {
			return nil, fmt.Errorf("onnx: the metadata entry %q is not UTF-8 text", key)
		}
		entries = append(entries, &pb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(all[key])})
	}
	return entries, nil
}
