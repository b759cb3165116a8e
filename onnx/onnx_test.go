package onnx

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	"hinge/internal/ort"
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// networksDrawn is the number of random networks of each property test.
const networksDrawn = 400

var precisions = []network.Precision{network.Float64, network.Float32}

func encode(t testing.TB, net *network.Network, opts Options) []byte {
	t.Helper()
	data, err := Encode(net, opts)
	if err != nil {
		t.Fatalf("%v\n%v", err, net)
	}
	return data
}

// same reports whether two networks are equal to the bit, 0 and -0 told apart.
func same(a, b *network.Network) bool {
	if !reflect.DeepEqual(a, b) {
		return false
	}
	return slices.Equal(bits(a), bits(b))
}

func bits(net *network.Network) []uint64 {
	var all []uint64
	collect := func(v []float64) {
		for _, x := range v {
			all = append(all, math.Float64bits(x))
		}
	}
	for _, l := range net.Layers {
		network.Weights(l.Map, collect)
		collect(l.Bias)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(networksDrawn) {
		m := newMaker(seed)
		m.number = m.awkward
		net := m.network(precisions[seed%2])
		data := encode(t, net, Options{})
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, net)
		}
		if !same(net, got) {
			t.Fatalf("seed %d: wrote\n%#v\nread\n%#v", seed, net, got)
		}
		if again := encode(t, got, Options{}); !bytes.Equal(data, again) {
			t.Fatalf("seed %d: the second time, other bytes were written", seed)
		}
	}
}

func TestRoundTripDense(t *testing.T) {
	for seed := range uint64(networksDrawn) {
		m := newMaker(seed)
		net := m.network(precisions[seed%2])
		data := encode(t, net, Options{Dense: true, Input: "rows", Output: "answers"})
		for _, n := range nodesOf(t, data) {
			if op := n.GetOpType(); op != "Gemm" && op != "Relu" {
				t.Fatalf("seed %d: dense export made a %s", seed, op)
			}
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, net)
		}
		if !same(net.Dense(), got) {
			t.Fatalf("seed %d: wrote\n%v\nread\n%v", seed, net.Dense(), got)
		}
	}
}

func nodesOf(t testing.TB, data []byte) []*pb.NodeProto {
	t.Helper()
	return modelOf(t, data).Graph.Node
}

func modelOf(t testing.TB, data []byte) *pb.ModelProto {
	t.Helper()
	var model pb.ModelProto
	if err := proto.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	return &model
}

// In integers every order of summation gives the same bits, so ONNX Runtime
// must agree with Eval exactly, for every kind of map.
func TestRuntimeAgreesInIntegers(t *testing.T) {
	for seed := range uint64(150) {
		m := newMaker(seed)
		net := m.network(precisions[seed%2])
		if len(net.Layers) > 3 {
			net.Layers = net.Layers[:3] // keeps all numbers below 2^24
		}
		x := m.inputs(1+m.IntN(5), net.Inputs())
		want := net.Eval(x)
		for _, dense := range []bool{false, true} {
			got := ort.Run(t, encode(t, net, Options{Dense: dense}), x, net.Precision)
			if !mat.Equal(want, got) {
				t.Fatalf("seed %d, dense %v: Eval gives\n%v\nONNX Runtime\n%v\n%v", seed, dense, mat.Formatted(want), mat.Formatted(got), net)
			}
		}
	}
}

// A lookup network gives back its labels bit for bit, real numbers as they are,
// over several batches.
func TestRuntimeLookupIsBitExact(t *testing.T) {
	const n, p, rows = 800, 2, 5000
	for _, prec := range precisions {
		for _, q := range []int{1, 3} {
			m := newMaker(uint64(q))
			m.number = func() float64 { return prec.Round(m.NormFloat64()) }
			labels := m.inputs(n, p)
			data := encode(t, lookup(labels, q, prec), Options{})
			checkLookupGraph(t, data, n, p, q)
			x, want := mat.NewDense(rows, 1, nil), mat.NewDense(rows, p, nil)
			for i := range rows {
				x.Set(i, 0, float64(i%n+1))
				want.SetRow(i, labels.RawRowView(i%n))
			}
			if got := ort.Run(t, data, x, prec); !mat.Equal(want, got) {
				t.Errorf("%v, q = %d: ONNX Runtime does not return the labels", prec, q)
			}
		}
	}
}

// checkLookupGraph checks that a lookup network has O(n) numbers and wires its
// parts directly.
func checkLookupGraph(t *testing.T, data []byte, n, p, q int) {
	t.Helper()
	model := modelOf(t, data)
	for _, node := range model.Graph.Node {
		if op := node.GetOpType(); op == "Concat" || op == "Slice" || op == "Gather" {
			t.Errorf("the lookup network has a %s", op)
		}
	}
	numbers := 0
	for _, tensor := range model.Graph.Initializer {
		_, count, _ := shapeOf(tensor)
		numbers += count
	}
	if limit := 6*q*n + n + n*p + 2*q + 2; numbers > limit {
		t.Errorf("the lookup network stores %d numbers, more than %d", numbers, limit)
	}
}

// Real weights, all kinds of maps: the runtime may sum in another order, so it
// must agree within the rounding of sums of a few dozen terms.
func TestRuntimeAgreesInReals(t *testing.T) {
	for seed := range uint64(60) {
		m := newMaker(1000 + seed)
		m.number = func() float64 { return float64(float32(m.NormFloat64())) }
		net := m.network(precisions[seed%2])
		x := m.inputs(7, net.Inputs())
		want, got := net.Eval(x), ort.Run(t, encode(t, net, Options{}), x, net.Precision)
		// 1e4 roundings of numbers of the size of the absolute network's outputs
		size := mat.Max(absolute(net).Forward(abs(x)))
		for i := range 7 {
			for j, v := range want.RawRowView(i) {
				if d := math.Abs(v - got.At(i, j)); !(d <= 1e4*net.Precision.Eps()*size) {
					t.Errorf("seed %d: row %d output %d: Eval %v, ONNX Runtime %v", seed, i, j, v, got.At(i, j))
				}
			}
		}
	}
}

// absolute returns the network of the absolute values of all weights: on
// absolute inputs it bounds every intermediate number.
func absolute(net *network.Network) *network.Network {
	data, _ := Encode(net, Options{})
	big, _ := Decode(data)
	take := func(v []float64) {
		for i := range v {
			v[i] = math.Abs(v[i])
		}
	}
	for _, l := range big.Layers {
		network.Weights(l.Map, take)
		take(l.Bias)
	}
	return big
}

func abs(x *mat.Dense) *mat.Dense {
	var a mat.Dense
	a.Apply(func(_, _ int, v float64) float64 { return math.Abs(v) }, x)
	return &a
}

func TestFrame(t *testing.T) {
	net := newMaker(5).network(network.Float32)
	model := modelOf(t, encode(t, net, Options{}))
	if model.GetProducerName() != "hinge" || model.GetIrVersion() != irVersion {
		t.Errorf("producer %q, IR %d", model.GetProducerName(), model.GetIrVersion())
	}
	in := model.Graph.Input[0]
	dims := in.GetType().GetTensorType().GetShape().GetDim()
	if in.GetName() != "x" || model.Graph.Output[0].GetName() != "y" || dims[0].GetDimParam() != "N" {
		t.Errorf("input %v", in)
	}
	var keys []string
	for _, entry := range model.MetadataProps {
		keys = append(keys, entry.GetKey())
	}
	if want := []string{"a", structureKey, "schema"}; !slices.Equal(keys, want) {
		t.Errorf("metadata %v, want %v", keys, want)
	}
	names := map[string]bool{}
	for _, n := range model.Graph.Node {
		if n.GetName() == "" || names[n.GetName()] {
			t.Errorf("node name %q is empty or taken", n.GetName())
		}
		names[n.GetName()] = true
	}
}

func TestWriteRefuses(t *testing.T) {
	net := func() *network.Network { return lookup(mat.NewDense(3, 1, []float64{1, 2, 3}), 1, network.Float64) }
	reserved, text, name, nan := net(), net(), net(), net()
	reserved.Meta = map[string]string{structureKey: ""}
	text.Meta = map[string]string{"a": "\xff"}
	name.Layers[0].Name = "\xff"
	nan.Layers[1].Bias[0] = math.NaN()
	for _, bad := range []*network.Network{reserved, text, name, nan, {}} {
		if _, err := Encode(bad, Options{}); err == nil {
			t.Errorf("wrote %v", bad.Layers)
		}
	}
	if _, err := Encode(net(), Options{Input: "a", Output: "a"}); err == nil {
		t.Error("wrote an output named like the input")
	}
	wide := lookup(mat.NewDense(40000, 1, nil), 1, network.Float64)
	var tooLarge *TooLargeError
	if _, err := Encode(wide, Options{Dense: true}); !errors.As(err, &tooLarge) {
		t.Errorf("40000 x 80000 weights in float64: %v", err)
	}
}
