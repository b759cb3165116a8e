package statedict

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hinge/network"
)

// dense is a tensor of float32 numbers.
func dense(name string, v []float64, shape ...int) Tensor {
	return Tensor{Name: name, Shape: shape, Type: "F32", Precision: network.Float32, Values: func() []float64 { return slices.Clone(v) }}
}

// numbered returns 1, 2, 3, ...: as a matrix, none equals its transpose unless
// it has one row or column.
func numbered(name string, shape ...int) Tensor {
	n, _ := Elements(shape, 1<<20)
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i + 1)
	}
	return dense(name, v, shape...)
}

// sample is a random chain, the tensors that store it and the text that tells it.
type sample struct {
	net     *network.Network
	chain   chain
	tensors []Tensor
}

// newSample draws 1 to 5 layers. Names are numbered in the order of the layers,
// so that fc10 comes behind fc9.
func newSample(rng *rand.Rand, named bool) *sample {
	s := &sample{net: &network.Network{Precision: network.Float32}}
	in := 1 + rng.IntN(4)
	s.chain.inputs = in
	for i := range 1 + rng.IntN(5) {
		out, name := 1+rng.IntN(4), fmt.Sprintf("net.fc%d", 8+i)
		st := step{width: out, transposed: rng.IntN(3) == 0, act: network.Activation(rng.IntN(2))}
		if named {
			name = fmt.Sprintf("part%c", 'z'-i)
			st.name = name
		}
		w := make([]float64, out*in)
		for k := range w {
			w[k] = float64(float32(rng.NormFloat64()))
		}
		l := network.Layer{Map: network.NewDense(out, in, w), Act: st.act}
		kernel, stored, shape := rng.IntN(2) == 0, w, []int{out, in}
		leaf := ".weight"
		if kernel {
			leaf = ".kernel"
		}
		if kernel != st.transposed {
			stored, shape = transpose(w, out, in), []int{in, out}
		}
		s.tensors = append(s.tensors, dense(name+leaf, stored, shape...))
		if rng.IntN(3) > 0 {
			l.Bias = w[:out:out]
			if len(w) < out {
				l.Bias = make([]float64, out)
			}
			s.tensors = append(s.tensors, dense(name+".bias", l.Bias, out))
		}
		s.net.Layers = append(s.net.Layers, l)
		s.chain.steps = append(s.chain.steps, st)
		in = out
	}
	s.chain.text = s.chain.String()
	rng.Shuffle(len(s.tensors), func(i, j int) { s.tensors[i], s.tensors[j] = s.tensors[j], s.tensors[i] })
	return s
}

// Whatever the order, the names and the way round: what is told comes out.
func TestChainComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		named := rapid.Bool().Draw(t, "named")
		s := newSample(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), named)
		got, err := Network(s.tensors, Options{Layers: s.chain.text})
		if err != nil {
			t.Fatalf("%s: %v", s.chain.text, err)
		}
		if got.Digest() != s.net.Digest() {
			t.Fatalf("%s: got\n%vwant\n%v", s.chain.text, got, s.net)
		}
		if len(got.Notes()) < 2 || !strings.Contains(got.Notes()[0], s.chain.text) {
			t.Fatalf("notes %q", got.Notes())
		}
	})
}

// A text that is written reads as itself.
func TestParseReadsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSample(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2)), rapid.Bool().Draw(t, "named"))
		got, err := parse(s.chain.text)
		if err != nil || got.inputs != s.chain.inputs || !slices.Equal(got.steps, s.chain.steps) {
			t.Fatalf("%s: %v, %v", s.chain.text, got, err)
		}
	})
}

// The question's example is always an answer.
func TestExampleAnswers(t *testing.T) {
	asked := 0
	for seed := range uint64(300) {
		s := newSample(rand.New(rand.NewPCG(seed, 3)), seed%2 == 0)
		for i := range s.tensors { // stored one way round, or its example is not found
			s.tensors[i].Name = strings.Replace(s.tensors[i].Name, "kernel", "weight", 1)
		}
		var ask *AskError
		if _, err := Network(s.tensors, Options{Ordered: seed%3 == 0}); !errors.As(err, &ask) || ask.Example == "" {
			continue
		}
		asked++
		if _, err := Network(s.tensors, Options{Layers: ask.Example, Ordered: seed%3 == 0}); err != nil {
			t.Errorf("seed %d: %v: %v", seed, ask, err)
		}
	}
	if asked < 50 {
		t.Errorf("asked only %d times: the test does not test", asked)
	}
}

// Nothing is guessed: without an activation told there is no network, and the
// question says which text fits.
func TestAsks(t *testing.T) {
	for _, c := range []struct {
		tensors []Tensor
		ordered bool
		layers  string
		example string
	}{
		{[]Tensor{numbered("l1.weight", 128, 784), numbered("l2.weight", 10, 128)}, false, "", "784-128-relu-10"},
		{[]Tensor{numbered("l1.weight", 784, 128), numbered("l2.weight", 128, 10)}, false, "", "784-128T-relu-10T"},
		{[]Tensor{numbered("l1.kernel", 784, 128), numbered("l2.kernel", 128, 10)}, false, "", "784-128-relu-10"},
		{[]Tensor{numbered("l10.weight", 2, 3), numbered("l9.weight", 3, 4)}, false, "", "4-3-relu-2"},
		{[]Tensor{numbered("hidden.weight", 3, 4), numbered("input.weight", 4, 7), numbered("output.weight", 2, 3)}, false, "", "7-4-relu-3-relu-2"},
		{[]Tensor{numbered("a.weight", 3, 3), numbered("b.weight", 3, 3)}, false, "", "3-3-relu-3"},
		{[]Tensor{numbered("b.weight", 3, 3), numbered("a.weight", 3, 3)}, true, "", "3-b:3-relu-a:3"},
		{[]Tensor{numbered("b.weight", 3, 3), numbered("a.weight", 3, 3)}, true, "3-3-relu-3", "3-b:3-relu-a:3"},
		{[]Tensor{numbered("a.weight", 3, 5), numbered("b.weight", 7, 2)}, false, "", ""},
		// The biases tell which way round.
		{[]Tensor{numbered("a.weight", 2, 3), numbered("a.bias", 3), numbered("b.weight", 3, 2), numbered("b.bias", 2)}, false, "", "2-3T-relu-2T"},
	} {
		var ask *AskError
		_, err := Network(c.tensors, Options{Layers: c.layers, Ordered: c.ordered})
		if !errors.As(err, &ask) || ask.Example != c.example || !strings.Contains(err.Error(), c.tensors[0].Name) {
			t.Errorf("%v; want the example %q", err, c.example)
		}
	}
}

func TestSingleMatrix(t *testing.T) {
	for _, c := range []struct {
		tensors []Tensor
		want    string
	}{
		{[]Tensor{numbered("fc1.weight", 3, 2), numbered("fc1.bias", 3)}, "affine map 2-3;"},
		{[]Tensor{numbered("fc1.weight", 3, 2), numbered("fc1.bias", 2)}, "affine map 3-2T;"},
		{[]Tensor{numbered("weight", 3, 2)}, "affine map 2-3;"},
		{[]Tensor{numbered("kernel", 3, 2)}, "affine map 3-2;"},
		{[]Tensor{numbered("kernel", 3, 2), numbered("bias", 3)}, "affine map 2-3T;"},
	} {
		net, err := Network(c.tensors, Options{})
		if err != nil || !strings.Contains(net.Notes()[0], c.want) {
			t.Errorf("%v, %v; want %q", net, err, c.want)
		}
	}
}

func TestNotesSayWhatShapesCannot(t *testing.T) {
	square := []Tensor{numbered("a.weight", 3, 3), numbered("b.weight", 3, 3), numbered("c.weight", 2, 3)}
	for _, c := range []struct{ layers, want string }{
		{"3-3-relu-3-relu-2", "taken as their names suggest (a T behind a width turns them): a.weight, b.weight."},
		{"3-3T-relu-3-relu-2", "turns them): b.weight."},
		{"3-b:3-relu-c:2", "Left out, since all maps are named: a.weight."},
		{"3-3-3-2", "as they come"},
	} {
		net, err := Network(square, Options{Layers: c.layers})
		if err != nil || !strings.Contains(strings.Join(net.Notes(), "\n"), c.want) {
			t.Errorf("%s: %v\n%v\nwant %q", c.layers, err, net.Notes(), c.want)
		}
	}
}

func TestLayersThatAreWrong(t *testing.T) {
	tensors := []Tensor{numbered("l1.weight", 5, 4), numbered("l1.bias", 5), numbered("l2.weight", 2, 5)}
	for layers, want := range map[string]string{
		"4":                  "no map follows the inputs",
		"4-relu-5-relu-2":    "behind the map that it belongs to",
		"4-5-relu-relu-2":    "two relu in a row",
		"4-5-rleu-2":         "neither a width nor relu",
		"4-5-tanhh-2":        "activation tanhh",
		"4-5-GELU-2":         "activation GELU: hinge holds networks of affine maps and ReLU",
		"4-5-relu-2-softmax": "leave it off",
		"4-5-relu-0":         "neither a width",
		"4--5":               `"" is neither`,
		"4-99999999999":      "neither a width",
		"l1:4-5":             "the plain number of inputs",
		"4T-5":               "the plain number of inputs",
		"4-5":                "it has 1 map, and the file 2 matrices",
		"4-5-relu-3":         "map 2 has 5 inputs and 3 outputs, which l2.weight 2 x 5 is not",
		"5-4-relu-2":         "l1.weight 5 x 4 is not",
		"4-5-relu-2T":        "leave off the T",
		"4-l3:5-relu-2":      "no matrix l3.weight",
		"4-l1:5-l1:5":        "or it is named twice",
		"4-l2:5-relu-2":      "l2.weight 2 x 5 is not",
	} {
		_, err := Network(tensors, Options{Layers: layers})
		var told *LayersError
		var unsupported *UnsupportedError
		if !errors.As(err, &told) && !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", layers, err, want)
		}
	}
	turned := []Tensor{numbered("l1.weight", 4, 5), numbered("l2.weight", 2, 5)}
	if _, err := Network(turned, Options{Layers: "4-5-relu-2"}); err == nil || !strings.Contains(err.Error(), "so write 5T") {
		t.Error(err)
	}
}

// What is no affine map is refused by its name, told or not.
func TestTensorsRefused(t *testing.T) {
	weight := numbered("fc.weight", 3, 2)
	integers := Tensor{Name: "q.weight", Shape: []int{3, 2}, Type: "I8"}
	for _, c := range []struct {
		tensors      []Tensor
		tensor, want string
	}{
		{nil, "", "no weights"},
		{[]Tensor{weight, numbered("fc.running_mean", 3)}, "fc.running_mean", "batch normalisation"},
		{[]Tensor{weight, {Name: "bn.num_batches_tracked", Type: "I64"}}, "bn.num_batches_tracked", "batch normalisation"},
		{[]Tensor{weight, numbered("norm.weight", 3)}, "norm.weight", "shape 3 is no matrix"},
		{[]Tensor{numbered("conv.weight", 3, 1, 5, 5)}, "conv.weight", "3 x 1 x 5 x 5 is a convolution"},
		{[]Tensor{numbered("w")}, "w", "a single number"},
		{[]Tensor{numbered("w", 0, 3)}, "w", "0 x 3 leaves no weights"},
		{[]Tensor{numbered("lstm.weight_ih_l0", 4, 3)}, "lstm.weight_ih_l0", "neither a weight nor a bias by its name"},
		{[]Tensor{weight, numbered("gc.bias", 3)}, "gc.bias", "without a weight"},
		{[]Tensor{weight, numbered("fc.bias", 4)}, "fc.bias", "shape 4 does not fit the weight of shape 3 x 2"},
		{[]Tensor{weight, numbered("fc.bias", 3, 1)}, "fc.bias", "does not fit"},
		{[]Tensor{weight, numbered("fc.bias", 3), numbered("fc.b", 3)}, "fc.b", "second bias"},
		{[]Tensor{weight, numbered("fc.w", 3, 2)}, "fc.w", "second matrix"},
		{[]Tensor{integers}, "q.weight", "type I8"},
		{[]Tensor{dense("fc.weight", []float64{1, math.NaN()}, 1, 2)}, "fc.weight", "holds NaN"},
		{[]Tensor{weight, dense("fc.bias", []float64{1, math.Inf(1), 0}, 3)}, "fc.bias", "holds +Inf"},
	} {
		var unsupported *UnsupportedError
		_, err := Network(c.tensors, Options{})
		if !errors.As(err, &unsupported) || unsupported.Tensor != c.tensor || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q, %q", err, c.tensor, c.want)
		}
	}
}

// Weights of 16 bits are said to be computed with in more.
func TestNarrowWeights(t *testing.T) {
	half := numbered("fc.weight", 3, 2)
	half.Type = "BF16"
	net, err := Network([]Tensor{half}, Options{})
	if err != nil || !strings.Contains(strings.Join(net.Notes(), "\n"), "stored in 16 bits; hinge computes with them in float32") {
		t.Error(net, err)
	}
}

// Whatever the text, it is refused in words or reads again as it is written.
func FuzzLayers(f *testing.F) {
	for _, text := range []string{"784-128-relu-10", "4-8-8-relu-2-relu", "784-128T-relu-10", "4-l1:50-relu-l2:50", "4-5-tanh-2", " 1 - 2 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(text)
		var told *LayersError
		var unsupported *UnsupportedError
		if err != nil {
			if !errors.As(err, &told) && !errors.As(err, &unsupported) {
				t.Fatal(err)
			}
			return
		}
		again, err := parse(c.String())
		if err != nil || again.inputs != c.inputs || !slices.Equal(again.steps, c.steps) {
			t.Fatalf("%q is written as %q: %v", text, c, err)
		}
	})
}

// One float64 tensor makes the network one of float64.
func TestPrecision(t *testing.T) {
	wide := numbered("a.bias", 3)
	wide.Precision = network.Float64
	for _, c := range []struct {
		bias Tensor
		want network.Precision
	}{{numbered("a.bias", 3), network.Float32}, {wide, network.Float64}} {
		net, err := Network([]Tensor{numbered("a.weight", 3, 2), c.bias}, Options{})
		if err != nil || net.Precision != c.want {
			t.Error(net, err)
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	sorted := []string{"", "a", "a.0", "a.2", "a.10", "a.10.1", "a.0010x", "b", "fc2", "fc10"}
	for i, x := range sorted {
		for j, y := range sorted {
			if got := natural(x, y); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("natural(%q, %q) = %d", x, y, got)
			}
		}
	}
}

// All 65536 binary16 numbers, against their definition through binary32: the
// fraction moves up by 13 bits and the bias from 15 to 127; subnormals are
// multiples of 2^-24.
func TestHalf(t *testing.T) {
	for bits := range 1 << 16 {
		b := binary.BigEndian.AppendUint16(nil, uint16(bits))
		got := F16.At(b, binary.BigEndian)
		sign, e, f := uint32(bits>>15)<<31, uint32(bits>>10&31), uint32(bits&1023)
		want := float64(math.Float32frombits(sign | (e+112)<<23 | f<<13))
		switch {
		case e == 0:
			want = math.Copysign(float64(f)*0x1p-24, want)
		case e == 31:
			want = float64(math.Float32frombits(sign | 255<<23 | f<<13))
		}
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != math.Signbit(want) && want == 0 {
			t.Fatalf("%04x is %v, want %v", bits, got, want)
		}
	}
}

func TestOtherFloats(t *testing.T) {
	for _, c := range []struct {
		f    *Float
		b    []byte
		want float64
	}{
		{BF16, []byte{0xc0, 0x3f}, 1.5}, {BF16, []byte{0x80, 0xc0}, -4},
		{F32, binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.1)), float64(float32(0.1))},
		{F64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.1)), 0.1},
	} {
		if got := c.f.At(c.b, binary.LittleEndian); got != c.want || len(c.b) != c.f.Size {
			t.Errorf("%s: %v, want %v", c.f.Name, got, c.want)
		}
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true}, {[]int{2, 3}, 6, true}, {[]int{0, math.MaxInt}, 0, true}, {[]int{101, 0}, 0, true}, {[]int{100}, 100, true}, {[]int{101}, 0, false},
		{[]int{0, -1}, 0, false}, {[]int{-2, -3}, 0, false}, {[]int{math.MaxInt, math.MaxInt}, 0, false}, {[]int{1 << 32, 1 << 32}, 0, false},
	} {
		if n, ok := Elements(c.shape, 100); ok != c.ok || ok && n != c.n {
			t.Errorf("%v: %d, %v", c.shape, n, ok)
		}
	}
}
