package onnx

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"hinge/internal/ort"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// small is a model of 3 inputs and 2 outputs behind the nodes that begin sets.
func small(t *testing.T, input pb.TensorProto_DataType, begin func(c *chain), end func(c *chain)) []byte {
	t.Helper()
	c := newChain(13, pb.TensorProto_FLOAT, 0, 3)
	c.model.Graph.Input[0].GetType().GetTensorType().ElemType = proto.Int32(int32(input))
	begin(c)
	c.node("MatMul", nil, data, c.numbers([]float64{1, 2, 3, 4, 5, 6}, 3, 2))
	c.node("Add", nil, data, c.numbers([]float64{-1, 0.5}, 2))
	end(c)
	c.bytes(t)
	return marshalModel(t, c.model)
}

func typesOf(t *testing.T, model []byte) (in, out pb.TensorProto_DataType) {
	t.Helper()
	g := modelOf(t, model).Graph
	return pb.TensorProto_DataType(g.Input[0].GetType().GetTensorType().GetElemType()), pb.TensorProto_DataType(g.Output[0].GetType().GetTensorType().GetElemType())
}

// The declared types stay, whatever the network computes in between; a network
// that is widened takes and gives double where its file took and gave float.
func TestTypesStay(t *testing.T) {
	none := func(*chain) {}
	toFloat := func(c *chain) { c.node("Cast", map[string]any{"to": int(pb.TensorProto_FLOAT)}, data) }
	toDouble := func(c *chain) {
		c.node("Cast", map[string]any{"to": int(pb.TensorProto_DOUBLE)}, data)
		c.elem = pb.TensorProto_DOUBLE // of the declared output
	}
	for name, v := range map[string]struct {
		input           pb.TensorProto_DataType
		begin, end      func(*chain)
		in, out         pb.TensorProto_DataType
		wideIn, wideOut pb.TensorProto_DataType
	}{
		"float":  {pb.TensorProto_FLOAT, none, none, pb.TensorProto_FLOAT, pb.TensorProto_FLOAT, pb.TensorProto_DOUBLE, pb.TensorProto_DOUBLE},
		"bytes":  {pb.TensorProto_UINT8, toFloat, none, pb.TensorProto_UINT8, pb.TensorProto_FLOAT, pb.TensorProto_UINT8, pb.TensorProto_DOUBLE},
		"double": {pb.TensorProto_DOUBLE, toFloat, toDouble, pb.TensorProto_DOUBLE, pb.TensorProto_DOUBLE, pb.TensorProto_DOUBLE, pb.TensorProto_DOUBLE},
	} {
		original := small(t, v.input, v.begin, v.end)
		net, err := Decode(original)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		net.Precision = network.Float32
		wide := *net
		wide.Precision = network.Float64
		for _, w := range []struct {
			net     *network.Network
			in, out pb.TensorProto_DataType
		}{{net, v.in, v.out}, {&wide, v.wideIn, v.wideOut}} {
			written := encode(t, w.net, Options{})
			if in, out := typesOf(t, written); in != w.in || out != w.out {
				t.Errorf("%s, computed in %v: %v -> %v, want %v -> %v", name, w.net.Precision, in, out, w.in, w.out)
			}
			if back, err := Decode(written); err != nil || !same(back, w.net) {
				t.Errorf("%s: read back otherwise: %v", name, err)
			}
			runsIn(t, name, written, w.in)
		}
	}
}

// runsIn runs the model of small on the row 1, 1, 1.
func runsIn(t *testing.T, name string, model []byte, typ pb.TensorProto_DataType) {
	t.Helper()
	prec := network.Float64
	switch typ {
	case pb.TensorProto_FLOAT:
		prec = network.Float32
	case pb.TensorProto_UINT8:
		return // the test's own runtime takes float and double
	}
	needRuntime(t)
	y, err := ort.EvalTensor(model, ort.Tensor{Dims: []int64{1, 3}, Data: []float64{1, 1, 1}}, prec)
	if err != nil || len(y.Data) != 2 || y.Data[0] != 8 || y.Data[1] != 12.5 {
		t.Errorf("%s: %v, %v", name, y, err)
	}
}

// Names, texts and the user's own metadata go through; the options' names win.
func TestNamesAndTextsStay(t *testing.T) {
	model := modelOf(t, small(t, pb.TensorProto_FLOAT, func(*chain) {}, func(c *chain) { c.node("Relu", nil, data) }))
	model.DocString, model.Domain, model.ModelVersion = proto.String("a model"), proto.String("org.example"), proto.Int64(7)
	model.Graph.DocString = proto.String("a graph")
	model.MetadataProps = []*pb.StringStringEntryProto{
		{Key: proto.String("author"), Value: proto.String("Ümlaut")}, {Key: proto.String(originKey), Value: proto.String(`{"input":{"name":"forged"}}`)},
	}
	net, err := Decode(marshalModel(t, model))
	if err != nil {
		t.Fatal(err)
	}
	is := modelOf(t, encode(t, net, Options{}))
	if is.GetDocString() != "a model" || is.GetDomain() != "org.example" || is.GetModelVersion() != 7 || is.Graph.GetDocString() != "a graph" || is.Graph.GetName() != "g" {
		t.Errorf("texts: %v %v %v", is.GetDocString(), is.GetDomain(), is.Graph.GetDocString())
	}
	if net.Meta["author"] != "Ümlaut" || net.Meta[producerKey] != "a test" || strings.Contains(net.Meta[originKey], "forged") {
		t.Errorf("metadata %v", net.Meta)
	}
	for i, n := range model.Graph.Node {
		if k := is.Graph.Node[i]; k.GetName() != n.GetName() || k.GetOpType() != n.GetOpType() || k.Output[0] != n.Output[0] {
			t.Errorf("node %v became %v", n, k)
		}
	}
	renamed := modelOf(t, encode(t, net, Options{Input: "in", Output: "out"}))
	if renamed.Graph.Input[0].GetName() != "in" || renamed.Graph.Output[0].GetName() != "out" {
		t.Errorf("%v -> %v", renamed.Graph.Input, renamed.Graph.Output)
	}
}

// A network that is no longer the file's, or notes that someone has made up, are
// written as hinge writes any other.
func TestOriginsThatDoNotFit(t *testing.T) {
	net, err := Decode(small(t, pb.TensorProto_FLOAT, func(*chain) {}, func(*chain) {}))
	if err != nil {
		t.Fatal(err)
	}
	good := net.Meta[originKey]
	for _, text := range []string{
		"", "{", "null", strings.ReplaceAll(good, `"size":3`, `"size":4`), strings.ReplaceAll(good, `"size":3`, `"size":-3`),
		strings.ReplaceAll(good, `"rows":0`, `"rows":7`), strings.ReplaceAll(good, `"name":"x"`, `"name":""`),
		strings.ReplaceAll(good, `"type":1`, `"type":8`), strings.ReplaceAll(good, `"precision"`, `"ending":"Loop","precision"`),
	} {
		if text == good {
			t.Fatal("nothing was changed")
		}
		net.Meta[originKey] = text
		written := encode(t, net, Options{})
		if g := modelOf(t, written).Graph; g.Input[0].GetName() != "x" || g.Output[0].GetName() != "y" {
			t.Errorf("with %s: %v -> %v", text, g.Input, g.Output)
		}
		if back, err := Decode(written); err != nil || !same(back, net) {
			t.Errorf("with %s: read back otherwise: %v", text, err)
		}
	}
	net.Meta[originKey] = strings.ReplaceAll(good, `"op":"MatMul"`, `"op":"Loop"`)
	if back, err := Decode(encode(t, net, Options{})); err != nil || !same(back, net) {
		t.Errorf("with an unknown operator: %v", err)
	}
}

// Someone who changes only how many rows an edited file takes does not lose its
// layers; what else is changed outside is not taken for what was written.
func TestRowsMayBeOpenedLater(t *testing.T) {
	c := newChain(13, pb.TensorProto_FLOAT, 1, 3, 1)
	c.node("Flatten", nil, data)
	c.node("MatMul", nil, data, c.numbers([]float64{1, 2, 3, 4, 5, 6}, 3, 2))
	c.node("Relu", nil, data)
	c.node("MatMul", nil, data, c.numbers([]float64{1, 2}, 2, 1))
	net, err := Decode(c.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	net = net.AddUnits(0, network.New{W: [][]float64{{1, 1, 1}}, Bias: []float64{-9}, Out: [][]float64{{2}}})
	model := modelOf(t, encode(t, net, Options{}))
	dims := model.Graph.Input[0].GetType().GetTensorType().Shape.Dim
	if dims[0].GetDimValue() != 1 || len(dims) != 3 {
		t.Fatalf("the declared shape is %v", dims)
	}
	dims[0].Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}
	if back, err := Decode(marshalModel(t, model)); err != nil || !same(back, net) {
		t.Errorf("with rows left open: %v", err)
	}
	dims[1].Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: 4}
	if back, err := Decode(marshalModel(t, model)); err == nil {
		t.Errorf("with other columns, read as %v", back)
	}
}
