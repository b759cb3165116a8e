package onnx

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

const (
	float  = pb.TensorProto_FLOAT
	double = pb.TensorProto_DOUBLE
)

// threeByTwo are weights of 3 inputs and 2 outputs.
var threeByTwo = []float64{1, -2, 3, 4, -5, 6}

// Rows need not be the first axis, and there need not be an axis of rows.
func TestWhereTheRowsAre(t *testing.T) {
	x := mat.NewDense(3, 3, []float64{1, 2, 3, -4, 5, -6, 0, 7, 1})
	one := mat.NewDense(1, 3, []float64{1, 2, 3})
	for _, c := range []struct {
		name  string
		shape []int // of the input; 0 for the rows
		left  bool  // weights on the left
		x     *mat.Dense
		out   int // axis of the rows in the output; -1 for none
	}{
		{"rows first", []int{0, 3}, false, x, 0},
		{"rows last", []int{3, 0}, true, x, 1},
		{"one row as a list", []int{3}, false, one, -1},
		{"one row as a list, weights left", []int{3}, true, one, -1},
		{"one row as a column", []int{3, 1}, true, one, -1},
		{"one row as a row", []int{1, 3}, false, one, -1},
		{"rows in the middle", []int{1, 0, 3}, false, x, 1},
		{"rows first, columns behind", []int{0, 3, 1}, true, x, 0},
	} {
		g := newChain(13, float, c.shape...)
		if c.left {
			g.node("MatMul", nil, g.numbers(threeByTwo, 2, 3), data)
		} else {
			g.node("MatMul", nil, data, g.numbers(threeByTwo, 3, 2))
		}
		g.node("Relu", nil, data)
		if !g.agree(t, c.x, c.shape, c.out) {
			t.Errorf("%s: the runtime refuses", c.name)
		}
	}
}

// A file made for batches of 4 rows is read for any number.
func TestFixedBatch(t *testing.T) {
	g := newChain(13, float, 4, 3)
	g.node("Gemm", nil, data, g.numbers(threeByTwo, 3, 2), g.numbers([]float64{1, 2}, 2))
	g.node("Reshape", nil, data, g.wholes(4, 2))
	g.node("Relu", nil, data)
	net, err := Decode(g.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if net.Inputs() != 3 || !strings.Contains(net.Meta[notesKey], "batches of 4 rows") {
		t.Errorf("%v%v", net, net.Meta)
	}
	g.agree(t, newMaker(1).inputs(4, 3), []int{4, 3}, 0)
}

// Of an input with one row and columns left open, the weights tell how many.
func TestOpenColumnsOfOneRow(t *testing.T) {
	g := newChain(13, float, 1, 0)
	g.node("Gemm", nil, data, g.numbers(threeByTwo, 3, 2))
	g.node("Relu", nil, data)
	g.agree(t, mat.NewDense(1, 3, []float64{1, 2, 3}), []int{1, 3}, 0)
}

// The shape of a Reshape may be computed from that of the data, as tracing
// exporters do for x.view(x.size(0), -1); weights may be transposed by a node.
func TestConstantsThatNodesMake(t *testing.T) {
	g := newChain(13, float, 0, 3, 2)
	g.side("Shape", nil, "shape", data)
	g.side("Constant", map[string]any{"value_int": 0}, "zero")
	g.side("Gather", map[string]any{"axis": 0}, "n", "shape", "zero")
	g.side("Unsqueeze", nil, "n1", "n", g.wholes(0))
	g.side("Concat", map[string]any{"axis": 0}, "wanted", "n1", g.wholes(-1))
	g.node("Reshape", nil, data, "wanted")
	g.side("Transpose", nil, "turned", g.numbers([]float64{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}, 2, 6))
	g.node("MatMul", nil, data, "turned")
	g.side("Constant", map[string]any{"value_float": 0.5}, "half")
	g.side("Identity", nil, "again", "half")
	g.node("Mul", nil, "again", data)
	g.side("Cast", map[string]any{"to": int(float)}, "whole", g.wholes(3, 4))
	g.side("Reshape", nil, "row", "whole", g.wholes(1, -1))
	g.side("Squeeze", nil, "list", "row", g.wholes(0))
	g.node("Add", nil, data, "list")
	if !g.agree(t, newMaker(1).inputs(5, 6), []int{0, 3, 2}, 0) {
		t.Error("the runtime refuses")
	}
}

// Sizes are computed from sizes, and stretches of shapes are taken.
func TestSizesThatNodesCompute(t *testing.T) {
	for _, opset := range []int64{9, 13} {
		g := newChain(opset, float, 0, 3, 2)
		g.side("Shape", nil, "shape", data)
		g.side("Gather", nil, "c", "shape", g.wholes(1))
		g.side("Gather", nil, "h", "shape", g.wholes(-1))
		g.side("Mul", nil, "ch", "c", "h")
		g.side("Add", nil, "more", "ch", g.wholes(1))
		g.side("Sub", nil, "all", "more", g.wholes(1))
		if opset < 10 {
			g.side("Slice", map[string]any{"starts": []int{0}, "ends": []int{1}, "axes": []int{0}}, "n", "shape")
		} else {
			g.side("Slice", nil, "n", "shape", g.wholes(0), g.wholes(-2), g.wholes(0))
		}
		g.side("Concat", map[string]any{"axis": 0}, "wanted", "n", "all")
		g.node("Reshape", nil, data, "wanted")
		g.node("MatMul", nil, data, g.numbers([]float64{1, 2, 3, 4, 5, 6}, 6, 1))
		if !g.agree(t, newMaker(1).inputs(5, 6), []int{0, 3, 2}, 0) {
			t.Errorf("operator set %d: the runtime refuses", opset)
		}
	}
}

// Tensors hold their numbers as bytes or as lists, and old files list them among
// the inputs.
func TestTypedTensors(t *testing.T) {
	for _, elem := range []pb.TensorProto_DataType{float, double} {
		g := newChain(9, elem, 0, 3)
		g.node("Gemm", nil, data, g.numbers(threeByTwo, 3, 2), g.numbers([]float64{1, 2}, 2))
		g.node("Reshape", nil, data, g.wholes(-1, 2))
		g.node("Relu", nil, data)
		for _, tensor := range g.model.Graph.Initializer {
			c, err := decodeConstant(tensor)
			if err != nil {
				t.Fatal(err)
			}
			tensor.RawData, tensor.Int64Data = nil, c.ints
			for _, v := range c.v {
				if elem == float {
					tensor.FloatData = append(tensor.FloatData, float32(v))
				} else {
					tensor.DoubleData = append(tensor.DoubleData, v)
				}
			}
			g.model.Graph.Input = append(g.model.Graph.Input, valueInfo(tensor.GetName(), c.typ, c.dims))
		}
		net, err := Decode(g.bytes(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := net.Eval(mat.NewDense(1, 3, []float64{1, 1, 1})).RawRowView(0); !slices.Equal(got, []float64{0, 10}) {
			t.Errorf("%v: outputs %v", elem, got)
		}
	}
}

// Operator set 6, which the runtimes at hand no longer know: operands are laid
// along the axes that attributes name.
func TestOldOperators(t *testing.T) {
	g := newChain(6, float, 0, 2, 3)
	g.node("Sub", map[string]any{"broadcast": 1, "axis": 1}, data, g.numbers([]float64{1, 2}, 2))
	g.node("Mul", map[string]any{"broadcast": 1}, data, g.numbers([]float64{1, 10, 100}, 3))
	g.node("Dropout", map[string]any{"is_test": 1, "ratio": 0.5}, data)
	g.node("BatchNormalization", map[string]any{"is_test": 1, "epsilon": 0.0, "spatial": 1}, data, g.numbers([]float64{1, 2}, 2),
		g.numbers([]float64{0, 1}, 2), g.numbers([]float64{0, 0}, 2), g.numbers([]float64{1, 4}, 2))
	net, err := Decode(g.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	got := net.Eval(mat.NewDense(1, 6, []float64{1, 2, 3, 4, 5, 6})).RawRowView(0)
	if want := []float64{0, 10, 200, 3, 31, 401}; !slices.Equal(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
}

// Whole numbers may come in, when they are cast; float and double may meet.
func TestTypesOfData(t *testing.T) {
	g := newChain(13, float, 0, 3)
	g.model.Graph.Input[0] = valueInfo("x", pb.TensorProto_INT64, []int{0, 3})
	g.node("Cast", map[string]any{"to": int(float)}, data)
	g.node("MatMul", nil, data, g.numbers(threeByTwo, 3, 2))
	net, err := Decode(g.bytes(t))
	if err != nil || net.Precision != network.Float32 {
		t.Errorf("cast from int64: %v", err)
	}
	g.elem = double
	g.node("Cast", map[string]any{"to": int(double)}, data)
	if net, err = Decode(g.bytes(t)); err != nil || net.Precision != network.Float32 {
		t.Errorf("a cast of the outputs: %v", err)
	}
	g.node("Add", nil, data, g.numbers([]float64{0.1, 0.2}, 2))
	if net, err = Decode(g.bytes(t)); err != nil || net.Precision != network.Float64 || !strings.Contains(net.Meta[notesKey], "mixes") {
		t.Errorf("float and double: %v", err)
	}
}

// A Transpose costs no layer where what follows can take its numbers in another
// order, and is a layer of ones where it comes last.
func TestTransposeIsFolded(t *testing.T) {
	g := newChain(13, float, 0, 2, 3)
	g.node("Transpose", map[string]any{"perm": []int{0, 2, 1}}, data)
	g.node("Relu", nil, data)
	g.node("Add", nil, data, g.numbers([]float64{1, 2, 3, 4, 5, 6}, 3, 2))
	g.node("Flatten", nil, data)
	g.node("Gemm", nil, data, g.numbers([]float64{1, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1}, 6, 2))
	net, err := Decode(g.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(net.Layers) != 3 || net.Layers[2].Map.String() != "dense" {
		t.Errorf("read\n%v", net)
	}
	g.agree(t, newMaker(2).inputs(3, 6), []int{0, 2, 3}, 0)
	last := newChain(13, float, 0, 2, 3)
	last.node("Neg", nil, data)
	last.node("Transpose", map[string]any{"perm": []int{0, 2, 1}}, data)
	if net, err = Decode(last.bytes(t)); err != nil || len(net.Layers) != 2 || net.Layers[1].Map.Params() != 6 {
		t.Errorf("read\n%v: %v", net, err)
	}
}

// What changes no number makes no layer.
func TestEmptyArithmetic(t *testing.T) {
	g := newChain(13, float, 0, 2)
	g.node("Sub", nil, data, g.numbers([]float64{0, 0}, 2))
	g.node("Div", nil, data, g.numbers([]float64{1}))
	g.node("Gemm", nil, data, g.numbers([]float64{1, 2, 3, 4}, 2, 2))
	net, err := Decode(g.bytes(t))
	if err != nil || len(net.Layers) != 1 || strings.Count(net.Meta[notesKey], "changes no number") != 2 {
		t.Errorf("%v: %v", net, err)
	}
}

// What is no chain of affine operators and Relu is refused by node and operator,
// for a reason that says what to do.
func TestRefusals(t *testing.T) {
	w := func(g *chain) string { return g.numbers(threeByTwo, 3, 2) }
	for _, c := range []struct {
		op, reason string
		build      func(g *chain)
	}{
		{"Add", "skip connections", func(g *chain) {
			g.side("Relu", nil, "r", data)
			g.node("Add", nil, data, "r")
		}},
		{"Mul", "both come from the input", func(g *chain) { g.node("Relu", nil, data); g.node("Mul", nil, data, data) }},
		{"Div", "divides by the data", func(g *chain) { g.node("Div", nil, g.numbers([]float64{1}), data) }},
		{"Div", "divides by 0", func(g *chain) { g.node("Div", nil, data, g.numbers([]float64{0})) }},
		{"Softmax", "only at the end", func(g *chain) { g.node("Softmax", nil, data); g.node("MatMul", nil, data, w(g)) }},
		{"Softmax", "over all numbers of a row", func(g *chain) { g.node("MatMul", nil, data, w(g)); g.node("Softmax", map[string]any{"axis": 0}, data) }},
		{"Tanh", "train with ReLU", func(g *chain) { g.node("MatMul", nil, data, w(g)); g.node("Tanh", nil, data) }},
		{"Slice", "cut this node out", func(g *chain) { g.node("Slice", nil, data, g.wholes(0), g.wholes(1), g.wholes(1)) }},
		{"Cast", "which rounds", func(g *chain) { g.node("Cast", map[string]any{"to": int(pb.TensorProto_INT64)}, data) }},
		{"Cast", "which rounds", func(g *chain) { g.node("Cast", map[string]any{"to": int(pb.TensorProto_FLOAT16)}, data) }},
		{"Dropout", "set to training", func(g *chain) {
			g.node("Dropout", nil, data, "", g.store(pb.TensorProto_BOOL, []byte{1}, nil))
		}},
		{"MatMul", "different rows", func(g *chain) { g.node("MatMul", nil, g.numbers([]float64{1, 2}, 1, 2), data) }},
		{"Add", "differs from row to row", func(g *chain) { g.node("Add", nil, data, g.numbers([]float64{1, 2}, 2, 1)) }},
		{"Sqrt", "let the exporter fold", func(g *chain) {
			g.side("Sqrt", nil, "root", w(g))
			g.side("Transpose", nil, "turned", "root")
			g.node("Gemm", nil, data, "turned")
		}},
		{"MatMul", "matrices are understood", func(g *chain) { g.node("MatMul", nil, data, g.numbers(make([]float64, 12), 2, 3, 2)) }},
		{"MatMul", "float and double", func(g *chain) { g.node("MatMul", nil, data, g.wholes(1, 2, 3)) }},
		{"Gemm", "use Add", func(g *chain) { g.node("Gemm", nil, w(g), w(g), data) }},
		{"com.x.Relu", "domain", func(g *chain) { g.node("Relu", nil, data).Domain = proto.String("com.x") }},
		{"Gemm", "not understood", func(g *chain) { g.node("Gemm", map[string]any{"bend": 1}, data, w(g)) }},
	} {
		g := newChain(13, float, 0, 3)
		c.build(g)
		_, err := Decode(g.bytes(t))
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Op != c.op || unsupported.Node == "" || !strings.Contains(unsupported.Reason, c.reason) {
			t.Errorf("%s, %q: %v", c.op, c.reason, err)
		}
	}
}

// Graphs that no runtime could run are broken, not unsupported.
func TestBrokenGraphs(t *testing.T) {
	w := func(g *chain, dims ...int) string { return g.numbers(threeByTwo, dims...) }
	for name, build := range map[string]func(g *chain){
		"shapes that do not fit":     func(g *chain) { g.node("MatMul", nil, data, w(g, 2, 3)) },
		"a constant too long":        func(g *chain) { g.node("Add", nil, data, g.numbers([]float64{1, 2}, 2)) },
		"an input nobody makes":      func(g *chain) { g.node("Add", nil, data, "nothing") },
		"a cycle":                    func(g *chain) { g.node("Add", nil, data, "t1"); g.model.Graph.Node[0].Output[0] = "t1" },
		"an output made twice":       func(g *chain) { g.side("Relu", nil, "t", data); g.side("Relu", nil, "t", data); g.last = "t" },
		"a Reshape to another size":  func(g *chain) { g.node("Flatten", nil, data); g.node("Reshape", nil, data, g.wholes(0, -7)) },
		"two sizes left open":        func(g *chain) { g.node("Reshape", nil, data, g.wholes(-1, -1)) },
		"an order of the wrong axes": func(g *chain) { g.node("Transpose", map[string]any{"perm": []int{0, 0}}, data) },
		"an axis too many":           func(g *chain) { g.node("Squeeze", nil, data, g.wholes(5)) },
		"an attribute of a wrong type": func(g *chain) {
			g.node("Gemm", map[string]any{"transB": "yes"}, data, w(g, 3, 2))
		},
		"a missing input":  func(g *chain) { g.node("MatMul", nil, data) },
		"no output":        func(g *chain) { g.node("Relu", nil, data); g.last = "elsewhere" },
		"a number too few": func(g *chain) { g.node("MatMul", nil, data, w(g, 3, 3)) },
		"a weight of NaN":  func(g *chain) { g.node("Mul", nil, data, g.numbers([]float64{math.NaN()})) },
		"a negative window": func(g *chain) {
			g.node("Unsqueeze", nil, data, g.wholes(1))
			g.node("AveragePool", map[string]any{"kernel_shape": []int{-1}}, data)
		},
	} {
		g := newChain(13, float, 0, 3)
		build(g)
		_, err := Decode(g.bytes(t))
		var broken *FormatError
		if !errors.As(err, &broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Small files must not make large networks, nor long work.
func TestHostileGraphs(t *testing.T) {
	for name, c := range map[string]struct {
		dims  []int
		build func(g *chain)
	}{
		"a large image, transposed": {[]int{0, 1 << 15, 1 << 15}, func(g *chain) {
			g.node("Transpose", map[string]any{"perm": []int{0, 2, 1}}, data)
		}},
		"a convolution written out": {[]int{0, 1, 5000, 5000}, func(g *chain) {
			g.node("Conv", nil, data, g.numbers([]float64{1}, 1, 1, 1, 1))
		}},
		"a huge window in huge pads": {[]int{0, 1, 1, 1, 1}, func(g *chain) {
			k := 1 << 30
			g.node("AveragePool", map[string]any{"kernel_shape": []int{k, k, k}, "pads": []int{k, k, k, k, k, k}, "count_include_pad": 1}, data)
		}},
		"a constant laid along itself": {[]int{0, 1, 1}, func(g *chain) {
			v := make([]float64, 8192)
			g.node("Add", nil, data, g.numbers(v, 8192, 1))
			g.node("Add", nil, data, g.numbers(v, 8192))
		}},
		"an outer product": {[]int{1 << 14, 1}, func(g *chain) {
			g.node("MatMul", nil, data, g.numbers(make([]float64, 1<<14), 1, 1<<14))
			g.node("Relu", nil, data)
			g.node("Transpose", nil, data)
			g.node("MatMul", nil, data, g.numbers(make([]float64, 1<<14), 1<<14, 1))
		}},
		"lists that double": {[]int{0, 3}, func(g *chain) {
			list := g.wholes(1)
			for range 60 {
				next := g.name("list")
				g.side("Concat", map[string]any{"axis": 0}, next, list, list)
				list = next
			}
			g.node("Reshape", nil, data, list)
		}},
		"a long way to a constant": {[]int{0, 3}, func(g *chain) {
			list := g.wholes(0, 3)
			for range 5000 {
				next := g.name("list")
				g.side("Identity", nil, next, list)
				list = next
			}
			g.node("Reshape", nil, data, list)
		}},
	} {
		g := newChain(13, float, c.dims...)
		c.build(g)
		var unsupported *UnsupportedError
		if net, err := Decode(g.bytes(t)); !errors.As(err, &unsupported) {
			t.Errorf("%s: %v\n%v", name, err, net)
		}
	}
}
