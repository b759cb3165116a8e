package onnx

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	"hinge/internal/ort"
	"hinge/internal/shareddata"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// foreignFiles are the shared networks of other exporters that hinge reads and
// that hold all of their numbers.
func foreignFiles(t *testing.T) (dir string, names []string) {
	dir = shareddata.File(t, "nets")
	all, err := fs.Glob(os.DirFS(dir), "*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if refused[name] == "" && !strings.HasPrefix(name, "broken_") {
			names = append(names, name)
		}
	}
	return dir, names
}

// shapeOfInput returns the declared shape, 1 for what is open.
func shapeOfInput(v *pb.ValueInfoProto) []int64 {
	var dims []int64
	for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
		dims = append(dims, max(d.GetDimValue(), 1))
	}
	return dims
}

// rowsFor draws rows of a network's inputs, of the size that its numbers have.
func rowsFor(seed uint64, n, d int) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 5))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			v := r.Float64()
			if d < 100 {
				v = 2*v - 1
			} else if r.IntN(3) > 0 {
				v = 0
			}
			x.Set(i, j, float64(float32(v)))
		}
	}
	return x
}

// otherSums are the files whose products hinge does not hold as they are: a
// convolution becomes a sparse map. Their outputs differ by rounding.
var otherSums = map[string]bool{"refuse_traffic_conv.onnx": true}

// A file that hinge has read and written again, and one whose network has units
// added that are asleep, give in ONNX Runtime what the file itself gives: the
// same bits, in the same shape, one row at a time and in batches where the file
// takes them, with the runtime's optimisations and without.
func TestWrittenAgainTheFileIsTheSame(t *testing.T) {
	needRuntime(t)
	dir, names := foreignFiles(t)
	compared := 0
	for _, name := range names {
		original, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		net, err := Decode(original)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		x := rowsFor(1, 40, net.Inputs())
		grown := withSleepers(t, name, net, x)
		for what, n := range map[string]*network.Network{"written again": net, "edited": grown} {
			model := encode(t, n, Options{})
			if back, err := Decode(model); err != nil || !same(n, back) {
				t.Errorf("%s, %s: read back otherwise (%v)", name, what, err)
			}
			compared += sameInRuntime(t, name+", "+what, original, model, x)
		}
		if otherSums[name] {
			continue
		}
		sameOutside(t, name, modelOf(t, original), modelOf(t, encode(t, grown, Options{})))
	}
	if compared < 100 {
		t.Errorf("only %d runs compared", compared)
	}
}

// sameInRuntime runs both models and returns how many ways to run them could be
// compared: the runtime refuses some originals.
func sameInRuntime(t *testing.T, name string, original, model []byte, x *mat.Dense) int {
	t.Helper()
	compared := 0
	for _, batch := range []int{1, 7} {
		declared := inputOf(modelOf(t, original))
		in := batches(declared, x, batch)
		prec := network.Float32
		if pb.TensorProto_DataType(declared.GetType().GetTensorType().GetElemType()) == pb.TensorProto_DOUBLE {
			prec = network.Float64
		}
		for _, optimised := range []bool{false, true} {
			got, err := ort.EvalTensors(model, in, prec, optimised)
			want, originalErr := ort.EvalTensors(original, in, prec, optimised)
			if originalErr != nil {
				if err != nil && batch == 1 {
					t.Errorf("%s: ONNX Runtime refuses what was written: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, batches of %d: %v", name, batch, err)
				continue
			}
			compared++
			if !sameTensors(got, want, otherSums[name[:strings.Index(name, ",")]]) {
				t.Errorf("%s, batches of %d, optimised %v: other outputs", name, batch, optimised)
			}
		}
	}
	return compared
}

// sameTensors compares shapes and numbers: every bit of them, but for the sign
// of zeros, or rounding.
func sameTensors(got, want []*ort.Tensor, rounding bool) bool {
	for i := range want {
		if !slices.Equal(got[i].Dims, want[i].Dims) {
			return false
		}
		size := 0.0
		for _, v := range want[i].Data {
			size = max(size, math.Abs(v))
		}
		for j, v := range want[i].Data {
			if d := math.Abs(got[i].Data[j] - v); d != 0 && !(rounding && d <= foreignTolerance[network.Float32]*size) {
				return false
			}
		}
	}
	return true
}

// batches cuts rows into inputs of the declared shape, of that many rows each:
// what the file leaves open, or else its first axis, counts them.
func batches(v *pb.ValueInfoProto, x *mat.Dense, rows int) []ort.Tensor {
	n, d := x.Dims()
	dims := shapeOfInput(v)
	open := 0
	for i, dim := range v.GetType().GetTensorType().GetShape().GetDim() {
		if dim.GetDimValue() < 1 {
			open = i
			break
		}
	}
	if rows > 1 {
		dims[open] = int64(rows)
	}
	var all []ort.Tensor
	for i := 0; i+rows <= n; i += rows {
		all = append(all, ort.Tensor{Dims: dims, Data: x.RawMatrix().Data[i*d : (i+rows)*d]})
	}
	return all
}

// inputOf returns the input that is no stored tensor.
func inputOf(model *pb.ModelProto) *pb.ValueInfoProto {
	stored := map[string]bool{}
	for _, w := range model.Graph.Initializer {
		stored[w.GetName()] = true
	}
	for _, v := range model.Graph.Input {
		if !stored[v.GetName()] {
			return v
		}
	}
	return nil
}

// sameOutside checks what a program that runs or inspects the edited model sees
// of the user's: input, output, types, shapes, texts, and the stored tensors and
// nodes of its dense layers.
func sameOutside(t *testing.T, name string, original, edited *pb.ModelProto) {
	t.Helper()
	was, is := original.Graph, edited.Graph
	if in := inputOf(original); !proto.Equal(declaredOf(in), declaredOf(is.Input[0])) {
		t.Errorf("%s: input %v became %v", name, in, is.Input[0])
	}
	if w := declaredOf(was.Output[0]); len(w.Type.GetTensorType().Shape.Dim) > 0 && !proto.Equal(w, declaredOf(is.Output[0])) {
		t.Errorf("%s: output %v became %v", name, was.Output[0], is.Output[0])
	}
	if was.GetName() != is.GetName() && was.GetName() != "" || original.GetDocString() != edited.GetDocString() || edited.GetProducerName() != "hinge" {
		t.Errorf("%s: graph %q of %q", name, is.GetName(), edited.GetProducerName())
	}
	nodes, tensors := map[string]bool{}, map[string]*pb.TensorProto{}
	for _, n := range is.Node {
		nodes[n.GetName()] = true
	}
	for _, w := range is.Initializer {
		tensors[w.GetName()] = w
	}
	for _, n := range was.Node {
		if op := n.GetOpType(); n.GetName() != "" && (op == "Gemm" || op == "MatMul") && !nodes[n.GetName()] {
			t.Errorf("%s: no node is called %q any more", name, n.GetName())
		}
	}
	for _, w := range was.Initializer {
		if m := tensors[w.GetName()]; len(w.Dims) == 2 && (m == nil || !slices.Equal(m.Dims, w.Dims) || !sameNumbers(m, w)) {
			t.Errorf("%s: the tensor %q is another one, or gone", name, w.GetName())
		}
	}
}

// declaredOf is a declaration without the shape's empty or missing parts.
func declaredOf(v *pb.ValueInfoProto) *pb.ValueInfoProto {
	c := &pb.ValueInfoProto{Name: v.Name, Type: &pb.TypeProto{Value: &pb.TypeProto_TensorType{TensorType: &pb.TypeProto_Tensor{
		ElemType: v.GetType().GetTensorType().ElemType, Shape: &pb.TensorShapeProto{}}}}}
	for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
		dim := &pb.TensorShapeProto_Dimension{}
		if d.GetDimValue() > 0 {
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: d.GetDimValue()}
		} else if d.GetDimParam() != "" {
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d.GetDimParam()}
		}
		c.Type.GetTensorType().Shape.Dim = append(c.Type.GetTensorType().Shape.Dim, dim)
	}
	return c
}

func sameNumbers(a, b *pb.TensorProto) bool {
	x, errX := decodeConstant(a)
	y, errY := decodeConstant(b)
	return errX == nil && errY == nil && slices.Equal(x.v, y.v) && slices.Equal(x.ints, y.ints)
}

// withSleepers adds to every hidden layer units that are 0 on the rows of x, and
// that the next layer reads, and behind the last one a layer that copies it.
func withSleepers(t *testing.T, name string, net *network.Network, x *mat.Dense) *network.Network {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	grown := net
	for _, l := range net.HiddenLayers() {
		if l == len(net.Layers)-1 {
			continue
		}
		_, in := grown.Layers[l].Map.Dims()
		largest := max(mat.Max(x), -mat.Min(x))
		if l > 0 {
			h := grown.Activations(x, l-1)
			largest = max(mat.Max(h), -mat.Min(h))
		}
		units := network.New{}
		for range 3 {
			w, out := make([]float64, in), make([]float64, grown.Layers[l+1].Width())
			for j := range w {
				w[j] = float64(float32(r.Float64()))
			}
			for j := range out {
				out[j] = float64(float32(r.NormFloat64()))
			}
			units.W, units.Out = append(units.W, w), append(units.Out, out)
			units.Bias = append(units.Bias, -float64(float32(2*largest*float64(in)+1)))
		}
		grown = grown.AddUnits(l, units)
	}
	if last := grown.LastHidden(); last >= 0 && last < len(net.Layers)-1 {
		grown = grown.InsertCopy(last, "copy")
	}
	if !mat.Equal(grown.Eval(x), net.Eval(x)) && grown.Units() > net.Units() {
		t.Fatalf("%s: the units that were added are awake", name)
	}
	return grown
}
