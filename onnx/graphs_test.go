package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	"hinge/internal/ort"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// A chain builds a model as other exporters might, node after node: each takes
// what the last put out where its input is data.
type chain struct {
	model *pb.ModelProto
	elem  pb.TensorProto_DataType
	last  string
	count int
}

// data stands, among the inputs of a node, for what the last node put out.
const data = "\x00data"

// newChain begins a model of an operator set, with an input x of the given shape,
// 0 standing for a number of rows left open.
func newChain(opset int64, elem pb.TensorProto_DataType, dims ...int) *chain {
	c := &chain{elem: elem, last: "x", model: &pb.ModelProto{
		IrVersion:    proto.Int64(8),
		ProducerName: proto.String("a test"),
		OpsetImport:  []*pb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(opset)}},
		Graph:        &pb.GraphProto{Name: proto.String("g")},
	}}
	c.model.Graph.Input = []*pb.ValueInfoProto{valueInfo("x", elem, dims)}
	return c
}

func valueInfo(name string, elem pb.TensorProto_DataType, dims []int) *pb.ValueInfoProto {
	v := batchOf(name, 1, network.Float32)
	typ := v.GetType().GetTensorType()
	typ.ElemType = proto.Int32(int32(elem))
	typ.Shape.Dim = nil
	for _, d := range dims {
		dim := &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimParam{DimParam: "rows"}}
		if d > 0 {
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		}
		typ.Shape.Dim = append(typ.Shape.Dim, dim)
	}
	return v
}

func (c *chain) name(base string) string {
	c.count++
	return fmt.Sprintf("%s%d", base, c.count)
}

// numbers stores a tensor of the model's type and returns its name.
func (c *chain) numbers(v []float64, dims ...int) string {
	var raw []byte
	for _, x := range v {
		if c.elem == pb.TensorProto_DOUBLE {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
		} else {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
		}
	}
	return c.store(c.elem, raw, dims)
}

// wholes stores a list of whole numbers and returns its name.
func (c *chain) wholes(v ...int64) string {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return c.store(pb.TensorProto_INT64, raw, []int{len(v)})
}

func (c *chain) store(typ pb.TensorProto_DataType, raw []byte, dims []int) string {
	t := &pb.TensorProto{Name: proto.String(c.name("w")), DataType: proto.Int32(int32(typ)), RawData: raw}
	if raw == nil {
		t.RawData = []byte{}
	}
	for _, d := range dims {
		t.Dims = append(t.Dims, int64(d))
	}
	c.model.Graph.Initializer = append(c.model.Graph.Initializer, t)
	return t.GetName()
}

// node adds a node, whose output becomes the data, and returns it.
func (c *chain) node(op string, attrs map[string]any, inputs ...string) *pb.NodeProto {
	out := c.name("t")
	n := c.side(op, attrs, out, inputs...)
	c.last = out
	return n
}

// side adds a node beside the path of the data.
func (c *chain) side(op string, attrs map[string]any, out string, inputs ...string) *pb.NodeProto {
	n := &pb.NodeProto{OpType: proto.String(op), Name: proto.String(c.name("n")), Output: []string{out}}
	for _, in := range inputs {
		if in == data {
			in = c.last
		}
		n.Input = append(n.Input, in)
	}
	for _, name := range sortedKeys(attrs) {
		n.Attribute = append(n.Attribute, attribute(name, attrs[name]))
	}
	c.model.Graph.Node = append(c.model.Graph.Node, n)
	return n
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func attribute(name string, v any) *pb.AttributeProto {
	a := &pb.AttributeProto{Name: proto.String(name)}
	switch v := v.(type) {
	case int:
		a.Type, a.I = pb.AttributeProto_INT.Enum(), proto.Int64(int64(v))
	case float64:
		a.Type, a.F = pb.AttributeProto_FLOAT.Enum(), proto.Float32(float32(v))
	case string:
		a.Type, a.S = pb.AttributeProto_STRING.Enum(), []byte(v)
	case []int:
		a.Type = pb.AttributeProto_INTS.Enum()
		for _, x := range v {
			a.Ints = append(a.Ints, int64(x))
		}
	case *pb.TensorProto:
		a.Type, a.T = pb.AttributeProto_TENSOR.Enum(), v
	}
	return a
}

// bytes closes the model.
func (c *chain) bytes(t testing.TB) []byte {
	t.Helper()
	out := valueInfo(c.last, c.elem, nil)
	out.GetType().GetTensorType().Shape = nil
	for _, n := range c.model.Graph.Node {
		if n.GetOpType() == "ArgMax" {
			out.GetType().GetTensorType().ElemType = proto.Int32(int32(pb.TensorProto_INT64))
		}
	}
	c.model.Graph.Output = []*pb.ValueInfoProto{out}
	return marshalModel(t, c.model)
}

func (c *chain) precision() network.Precision {
	if c.elem == pb.TensorProto_DOUBLE {
		return network.Float64
	}
	return network.Float32
}

// needRuntime skips the test where there is no ONNX Runtime.
func needRuntime(t testing.TB) {
	t.Helper()
	net := lookup(mat.NewDense(1, 1, nil), 1, network.Float64)
	ort.Run(t, encode(t, net, Options{}), mat.NewDense(1, 1, nil), net.Precision)
}

// agree reads the model and compares its outputs on the rows of x with those of
// ONNX Runtime, which gets them as a tensor of the given shape, 0 standing for
// the number of rows. Outputs must have the rows as their axis out (none: -1). It
// reports whether the runtime takes the model; hinge must take every model that
// the runtime takes.
func (c *chain) agree(t testing.TB, x *mat.Dense, shape []int, out int) bool {
	t.Helper()
	model := c.bytes(t)
	rows, d := x.Dims()
	in := ort.Tensor{Dims: make([]int64, len(shape))}
	axis := slices.Index(shape, 0)
	before := 1
	for i, s := range shape {
		in.Dims[i] = int64(s)
		if i == axis {
			in.Dims[i] = int64(rows)
		} else if i < axis {
			before *= s
		}
	}
	in.Data = rowsAlong(x.RawMatrix().Data, rows, d, before)
	want, err := ort.EvalTensor(model, in, c.precision())
	if err != nil {
		needRuntime(t)
		t.Logf("the runtime refuses: %v", err)
		return false
	}
	net, err := Decode(model)
	if err != nil {
		t.Errorf("ONNX Runtime takes this model, hinge does not: %v\n%v", err, c.model.Graph.Node)
		return true
	}
	got := net.Eval(x)
	before = 1
	for i := range max(out, 0) {
		before *= int(want.Dims[i])
	}
	compareRows(t, c, net, x, got, rowsFirst(want.Data, rows, before))
	c.writtenAgain(t, net, in, want)
	return true
}

// writtenAgain writes the network that was read of the model: ONNX Runtime must
// take the same input and give the same output, in the same shape.
func (c *chain) writtenAgain(t testing.TB, net *network.Network, in ort.Tensor, want *ort.Tensor) {
	t.Helper()
	written := encode(t, net, Options{})
	if back, err := Decode(written); err != nil || !same(net, back) {
		t.Errorf("written, it is read as\n%v\nnot\n%v: %v", back, net, err)
	}
	got, err := ort.EvalTensor(written, in, c.precision())
	if err != nil || !slices.Equal(got.Dims, want.Dims) {
		t.Errorf("written again: %v (%v)\nwant %v of %v\n%v\n%s", got, err, want.Dims, in.Dims, c.model.Graph.Node, net.Meta[originKey])
		return
	}
	size := 1.0
	for l := range net.Layers {
		pre := net.PreActivations(mat.NewDense(len(in.Data)/net.Inputs(), net.Inputs(), in.Data), l)
		size = max(size, mat.Max(pre), -mat.Min(pre))
	}
	for i, v := range want.Data {
		if !(math.Abs(got.Data[i]-v) <= 2*graphTolerance[net.Precision]*size) {
			t.Errorf("written again: %v, not %v", got.Data[i], v)
		}
	}
}

// rowsAlong puts a table (rows x d) into a tensor that has its rows as an axis
// after others of before numbers in all; rowsFirst undoes that.
func rowsAlong(v []float64, rows, d, before int) []float64 {
	out := make([]float64, 0, len(v))
	after := d / before
	for b := range before {
		for r := range rows {
			out = append(out, v[r*d+b*after:r*d+(b+1)*after]...)
		}
	}
	return out
}

func rowsFirst(v []float64, rows, before int) []float64 {
	out := make([]float64, 0, len(v))
	after := len(v) / rows / before
	for r := range rows {
		for b := range before {
			out = append(out, v[(b*rows+r)*after:(b*rows+r+1)*after]...)
		}
	}
	return out
}

func exponentials(v []float64) []float64 {
	e := make([]float64, len(v))
	for i, x := range v {
		e[i] = math.Exp(x)
	}
	return e
}

// graphTolerance bears a few dozen roundings of float32 in numbers as large as
// the largest of any layer; in float64, of that.
var graphTolerance = map[network.Precision]float64{network.Float32: 2e-5, network.Float64: 1e-13}

func compareRows(t testing.TB, c *chain, net *network.Network, x, got *mat.Dense, want []float64) {
	t.Helper()
	largest := 1.0
	for l := range net.Layers {
		pre := net.PreActivations(x, l)
		largest = max(largest, mat.Max(pre), -mat.Min(pre))
	}
	rows, p := got.Dims()
	switch net.Meta[outputKey] {
	case "softmax", "logsoftmax":
		for r := range rows {
			got.SetRow(r, softmax(got.RawRowView(r)))
		}
		if net.Meta[outputKey] == "logsoftmax" {
			want = exponentials(want)
		}
	case "argmax":
		for r := range rows {
			row := got.RawRowView(r)
			if best := slices.Index(row, slices.Max(row)); len(want) != rows || float64(best) != want[r] {
				t.Errorf("row %d: largest is output %d, in ONNX Runtime %v\n%v", r, best, want, net)
			}
		}
		return
	}
	if len(want) != rows*p {
		t.Fatalf("%d outputs for %d rows, in ONNX Runtime %d\n%v\n%v", rows*p, rows, len(want), net, c.model.Graph.Node)
	}
	for i, v := range want {
		if d := math.Abs(got.At(i/p, i%p) - v); !(d <= graphTolerance[net.Precision]*largest) {
			t.Fatalf("row %d output %d: %v, in ONNX Runtime %v\n%v\n%v", i/p, i%p, got.At(i/p, i%p), v, net, c.model.Graph.Node)
		}
	}
}
