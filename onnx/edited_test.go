package onnx

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	"hinge/internal/ort"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

func marshalModel(t testing.TB, model *pb.ModelProto) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Any changed bit of a stored tensor gives another network, or none.
func TestEveryBitCounts(t *testing.T) {
	for seed := range uint64(networksDrawn) {
		m := newMaker(seed)
		m.number = m.awkward
		net := m.network(precisions[seed%2])
		model := modelOf(t, encode(t, net, Options{Dense: seed%3 == 0}))
		if seed%3 == 0 {
			net = net.Dense()
		}
		for _, tensor := range model.Graph.Initializer {
			at := m.IntN(8 * len(tensor.RawData))
			tensor.RawData[at/8] ^= 1 << (at % 8)
			got, err := Decode(marshalModel(t, model))
			if err == nil && same(net, got) {
				t.Fatalf("seed %d: bit %d of %s changed, and the network read did not", seed, at, tensor.GetName())
			}
			tensor.RawData[at/8] ^= 1 << (at % 8)
		}
	}
}

// Whatever someone does to a graph, a network that is read from it is what ONNX
// Runtime runs: the description in the metadata never wins against the graph.
func TestEditedGraphsAreNotMisread(t *testing.T) {
	read := 0
	for seed := range uint64(800) {
		m := newMaker(seed)
		net := m.network(precisions[seed%2])
		net.Layers = net.Layers[:min(len(net.Layers), 3)]
		data := encode(t, net, Options{Dense: seed%3 == 0})
		model := modelOf(t, data)
		for range 1 + m.IntN(2) {
			edits[m.IntN(len(edits))](m.Rand, model)
		}
		edited := marshalModel(t, model)
		got, err := Decode(edited)
		if err != nil {
			continue // refused: never wrong
		}
		if strings.Contains(got.Meta[notesKey], "The output, of shape") {
			continue // its rows are not the first axis, which is all that Eval runs
		}
		x := m.inputs(3, got.Inputs())
		want, err := ort.Eval(edited, x, got.Precision)
		if err != nil {
			_ = ort.Run(t, data, m.inputs(1, net.Inputs()), net.Precision) // skips where there is no runtime
			t.Errorf("seed %d: read what ONNX Runtime refuses: %v", seed, err)
			continue
		}
		read++
		if !mat.Equal(want, got.Eval(x)) {
			t.Errorf("seed %d: ONNX Runtime gives\n%v\nthe network read\n%v", seed, mat.Formatted(want), mat.Formatted(got.Eval(x)))
		}
	}
	if read < 100 {
		t.Errorf("only %d edited graphs could still be read: the test shows little", read)
	}
}

// edits are changes to a model that keep it well formed more often than not.
var edits = []func(r *rand.Rand, model *pb.ModelProto){
	func(r *rand.Rand, model *pb.ModelProto) { // bypass a node
		g := model.Graph
		i := r.IntN(len(g.Node))
		out := g.Node[i].Output[0]
		for _, n := range g.Node {
			for k, name := range n.Input {
				if name == out {
					n.Input[k] = g.Node[i].Input[0]
				}
			}
		}
		if out != g.Output[0].GetName() {
			g.Node = append(g.Node[:i:i], g.Node[i+1:]...)
		}
	},
	func(r *rand.Rand, model *pb.ModelProto) { // exchange the inputs of a node
		n := model.Graph.Node[r.IntN(len(model.Graph.Node))]
		if len(n.Input) > 1 {
			n.Input[0], n.Input[1] = n.Input[1], n.Input[0]
		}
	},
	func(r *rand.Rand, model *pb.ModelProto) { // another operator
		n := model.Graph.Node[r.IntN(len(model.Graph.Node))]
		others := map[string][]string{"Relu": {"Identity", "Neg"}, "Add": {"Sub", "Mul"}, "Mul": {"Add", "Sub"}}[n.GetOpType()]
		if len(others) > 0 {
			n.OpType = proto.String(others[r.IntN(len(others))])
		}
	},
	func(r *rand.Rand, model *pb.ModelProto) { // another number in an attribute
		for _, n := range model.Graph.Node {
			for _, a := range n.Attribute {
				if r.IntN(4) == 0 && a.I != nil {
					a.I = proto.Int64(1 - a.GetI())
				} else if r.IntN(4) == 0 && len(a.Ints) == 1 {
					a.Ints[0]++
				}
			}
		}
	},
	func(r *rand.Rand, model *pb.ModelProto) { // exchange two tensors
		all := model.Graph.Initializer
		a, b := all[r.IntN(len(all))], all[r.IntN(len(all))]
		a.Name, b.Name = b.Name, a.Name
	},
	func(r *rand.Rand, model *pb.ModelProto) { // negate a number
		t := model.Graph.Initializer[r.IntN(len(model.Graph.Initializer))]
		if size := map[int32]int{int32(pb.TensorProto_FLOAT): 4, int32(pb.TensorProto_DOUBLE): 8}[t.GetDataType()]; size > 0 && len(t.RawData) > 0 {
			t.RawData[size*r.IntN(len(t.RawData)/size)+size-1] ^= 0x80
		}
	},
	func(r *rand.Rand, model *pb.ModelProto) { // no description, or a broken one
		for _, entry := range model.MetadataProps {
			if text := []byte(entry.GetValue()); entry.GetKey() == structureKey {
				text[r.IntN(len(text))] = "01{}[],x"[r.IntN(8)]
				entry.Value = proto.String(string(text))
			}
		}
	},
	func(_ *rand.Rand, model *pb.ModelProto) { // a later operator set
		model.OpsetImport[0].Version = proto.Int64(13)
		model.IrVersion = proto.Int64(8)
	},
	func(_ *rand.Rand, model *pb.ModelProto) { // tensors listed as inputs, as old files do
		for _, t := range model.Graph.Initializer {
			v := batchOf(t.GetName(), 1, network.Float64)
			typ := v.GetType().GetTensorType()
			typ.ElemType = t.DataType
			typ.Shape.Dim = nil
			for _, d := range t.Dims {
				typ.Shape.Dim = append(typ.Shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
			}
			model.Graph.Input = append(model.Graph.Input, v)
		}
	},
}

func TestErrorsNameTheNode(t *testing.T) {
	model := modelOf(t, encode(t, newMaker(1).network(network.Float32), Options{Dense: true}))
	model.Graph.Node[0].OpType = proto.String("Softmax")
	_, err := Decode(marshalModel(t, model))
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Fatalf("a Softmax: %v", err)
	}
	var plain pb.ModelProto
	proto.Merge(&plain, model)
	plain.MetadataProps = nil
	_, err = Decode(marshalModel(t, &plain))
	if !errors.As(err, &unsupported) || unsupported.Op != "Softmax" || unsupported.Node != model.Graph.Node[0].GetName() {
		t.Errorf("a Softmax in a file of others: %v", err)
	}
	for _, data := range [][]byte{nil, []byte("version https://git-lfs.github.com/spec/v1\n"), encode(t, newMaker(2).network(network.Float64), Options{})[:200]} {
		var broken *FormatError
		if _, err := Decode(data); !errors.As(err, &broken) {
			t.Errorf("%d bytes that are no model: %v", len(data), err)
		}
	}
}

// A few bytes must not make a large network.
func TestHostileSizes(t *testing.T) {
	model := modelOf(t, encode(t, newMaker(1).network(network.Float32), Options{Dense: true}))
	model.MetadataProps = nil
	g := model.Graph
	g.Input[0].GetType().GetTensorType().GetShape().Dim[1] = &pb.TensorShapeProto_Dimension{
		Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: 1<<31 - 2}}
	g.Node = []*pb.NodeProto{{OpType: proto.String("Relu"), Input: []string{"x"}, Output: []string{"y"}}}
	if _, err := Decode(marshalModel(t, model)); err == nil {
		t.Error("read a layer of 2^31-2 units")
	}
	g.Initializer[0].Dims = []int64{1 << 40, 1 << 40}
	if _, _, err := decodeNumbers(g.Initializer[0]); err == nil {
		t.Error("read a tensor of 2^80 numbers")
	}
}

func FuzzDecode(f *testing.F) {
	for seed := range uint64(12) {
		net := newMaker(seed).network(precisions[seed%2])
		net.Layers = net.Layers[:min(len(net.Layers), 2)]
		f.Add(encode(f, net, Options{Dense: seed%4 == 0}))
	}
	for seed := range uint64(40) {
		f.Add(newGrower(seed, map[string]int{}).bytes(f))
	}
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		net, err := Decode(data)
		if err != nil {
			var broken *FormatError
			var unsupported *UnsupportedError
			if !errors.As(err, &broken) && !errors.As(err, &unsupported) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		again, err := Encode(net, Options{})
		if err != nil {
			return // names or metadata that hinge does not write
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("read a network, wrote it, and could not read it: %v", err)
		}
		if !same(net, back) {
			t.Fatalf("read\n%v\nwrote it, and read\n%v", net, back)
		}
	})
}
