package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hinge/internal/shareddata"
	"hinge/network"
	"hinge/statedict"
)

// file puts a header and elements together.
func file(header string, elements []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), elements...)
}

// stored is a tensor to write.
type stored struct {
	name  string
	dtype string
	shape []int
	v     []float64
}

// write lays tensors out one after the other, the header's entries in another
// order.
func write(rng *rand.Rand, tensors []stored) []byte {
	var elements []byte
	entries := []string{`"__metadata__":{"format":"pt"}`}
	for _, t := range tensors {
		from := len(elements)
		for _, x := range t.v {
			elements = encode(elements, t.dtype, x)
		}
		shape, _ := json.Marshal(append([]int{}, t.shape...))
		entries = append(entries, fmt.Sprintf(`%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, t.name, t.dtype, shape, from, len(elements)))
	}
	rng.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	return file("{"+strings.Join(entries, ",")+"}  ", elements)
}

// encode appends a number that the type holds exactly.
func encode(b []byte, dtype string, x float64) []byte {
	single := math.Float32bits(float32(x))
	switch dtype {
	case "F64":
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	case "F32":
		return binary.LittleEndian.AppendUint32(b, single)
	case "BF16":
		return binary.LittleEndian.AppendUint16(b, uint16(single>>16))
	case "F16": // near 1 and for 0: sign, top and low bits of the exponent, fraction
		half := single>>16&0xc000 | single>>13&0x3fff
		return binary.LittleEndian.AppendUint16(b, uint16(half))
	}
	return append(b, 0)
}

// draw returns a number that every type holds: few bits, near 1.
func draw(rng *rand.Rand) float64 { return math.Ldexp(float64(rng.IntN(255)-127), -5) }

func newTensors(rng *rand.Rand) []stored {
	var tensors []stored
	for i := range 1 + rng.IntN(5) {
		t := stored{name: fmt.Sprintf("t%d", i), dtype: []string{"F64", "F32", "BF16", "F16"}[rng.IntN(4)]}
		n := 1
		for range rng.IntN(4) {
			t.shape = append(t.shape, rng.IntN(4))
			n *= t.shape[len(t.shape)-1]
		}
		for range n {
			t.v = append(t.v, draw(rng))
		}
		tensors = append(tensors, t)
	}
	return tensors
}

// What is written comes back: names, shapes, types, every element.
func TestTensorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		want := newTensors(rng)
		got, err := Tensors(write(rng, want))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d tensors of %d: %v", len(got), len(want), err)
		}
		for _, g := range got {
			k := slices.IndexFunc(want, func(w stored) bool { return w.name == g.Name })
			if k < 0 || g.Type != want[k].dtype || !slices.Equal(g.Shape, want[k].shape) || !slices.Equal(g.Values(), want[k].v) {
				t.Fatalf("%s %v %v is %v", g.Name, g.Shape, g.Values(), want)
			}
			if (g.Precision == network.Float64) != (g.Type == "F64") {
				t.Fatalf("%s of %s is %v", g.Name, g.Type, g.Precision)
			}
		}
	})
}

// Bytes that no header could say: every file that is broken is told so, and why.
func TestBrokenFiles(t *testing.T) {
	one := func(dtype, shape, offsets string) []byte {
		return file(fmt.Sprintf(`{"w":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets), make([]byte, 24))
	}
	for want, data := range map[string][]byte{
		"3 bytes; the header's length":                             []byte("abc"),
		"a header of 1000 bytes":                                   binary.LittleEndian.AppendUint64(nil, 1000),
		"a header of 18446744073709551615":                         append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...),
		"not the JSON it should be":                                file("{", nil),
		`it begins with "[]"`:                                      file("[]", nil),
		"something stands behind it":                               file("{}{}", nil),
		"24 bytes belong to no tensor":                             file("{}", make([]byte, 24)),
		"its entry cannot be read":                                 file(`{"w":7}`, nil),
		"stored twice":                                             file(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{}}`, nil),
		`its type "F31"`:                                           one("F31", "[2,3]", "[0,24]"),
		`its type ""`:                                              file(`{"w":null}`, nil),
		"its bytes are [0] of 24":                                  one("F32", "[2,3]", "[0]"),
		"its bytes are [0 25] of 24":                               one("F32", "[2,3]", "[0,25]"),
		"its bytes are [-4 20] of 24":                              one("F32", "[2,3]", "[-4,20]"),
		"its bytes are [24 0] of 24":                               one("F32", "[2,3]", "[24,0]"),
		"[2 2] F32 elements do not take the 24":                    one("F32", "[2,2]", "[0,24]"),
		"[-2 -3] F32":                                              one("F32", "[-2,-3]", "[0,24]"),
		"[4294967296 4294967296 6] F32":                            one("F32", "[4294967296,4294967296,6]", "[0,24]"),
		"[2 3] F64":                                                one("F64", "[2,3]", "[0,24]"),
		"it begins at byte 4, but":                                 one("F32", "[5]", "[4,24]"),
		"4 bytes belong to no tensor":                              one("F32", "[5]", "[0,20]"),
		"it begins at byte 8, but the tensor before it ends at 12": file(`{"v":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"w":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}`, make([]byte, 24)),
	} {
		var broken *FormatError
		if _, err := Decode(data, ""); !errors.As(err, &broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", data, err, want)
		}
	}
}

// Tensors of other types are no fault until they are needed as weights.
func TestTypesThatAreNoWeights(t *testing.T) {
	for dtype, size := range sizes {
		data := file(fmt.Sprintf(`{"fc.weight":{"dtype":%q,"shape":[1,1],"data_offsets":[0,%d]}}`, dtype, size), make([]byte, size))
		var unsupported *statedict.UnsupportedError
		if _, err := Decode(data, ""); !errors.As(err, &unsupported) || unsupported.Tensor != "fc.weight" {
			t.Errorf("%s: %v", dtype, err)
		}
	}
}

// A small network in the type of each tensor's choice.
func TestNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	w1, b1, w2 := []float64{1, 2, 3, 4, 5, 6}, []float64{-1, 0, 1}, []float64{1, -1, 0.5}
	data := write(rng, []stored{
		{"fc10.weight", "BF16", []int{1, 3}, w2}, {"fc9.bias", "F16", []int{3}, b1}, {"fc9.weight", "F32", []int{3, 2}, w1},
	})
	net, err := Decode(data, "2-3-relu-1")
	if err != nil {
		t.Fatal(err)
	}
	want := &network.Network{Precision: network.Float32, Layers: []network.Layer{
		{Map: network.NewDense(3, 2, w1), Bias: b1, Act: network.ReLU}, {Map: network.NewDense(1, 3, w2)},
	}}
	if net.Digest() != want.Digest() {
		t.Errorf("%v", net)
	}
}

// The file of another project names no activation: it is asked for, and what is
// told is computed.
func TestFileOfOthers(t *testing.T) {
	data := shareddata.Bytes(t, "nets", "tinygrad_mnist_nobias.safetensors")
	var ask *statedict.AskError
	if _, err := Decode(data, ""); !errors.As(err, &ask) || ask.Example != "784-128-relu-10" {
		t.Errorf("%v", err)
	}
	var unsupported *statedict.UnsupportedError
	if _, err := Decode(data, "784-128-leakyrelu-10"); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "leakyrelu") {
		t.Errorf("%v", err)
	}
	net, err := Decode(data, "784-128-relu-10")
	if err != nil {
		t.Fatal(err)
	}
	// The first tensor's bytes lie behind the header, row by row.
	first := net.Layers[0].Map.(*network.Dense)
	at := len(data) - 4*(128*784+10*128)
	for k, w := range first.W {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(data[at+4*k:])); float64(got) != w {
			t.Fatalf("weight %d is %v, in the file %v", k, w, got)
		}
	}
	if first.Out != 128 || net.Precision != network.Float32 || net.Layers[0].Bias != nil {
		t.Errorf("%v", net)
	}
}

// Whatever the bytes, the answer is a sound network or a typed error.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 5))
		f.Add(write(rng, newTensors(rng)), "")
	}
	rng := rand.New(rand.NewPCG(9, 5))
	two := []stored{{"a.weight", "F32", []int{2, 1}, []float64{1, 2}}, {"b.weight", "F32", []int{1, 2}, []float64{3, 4}}}
	f.Add(write(rng, two), "1-2-relu-1")
	f.Add(write(rng, two[:1]), "")
	f.Fuzz(func(t *testing.T, data []byte, layers string) {
		net, err := Decode(data, layers)
		var broken *FormatError
		var unsupported *statedict.UnsupportedError
		var told *statedict.LayersError
		var ask *statedict.AskError
		switch {
		case err == nil:
			if err := net.Validate(); err != nil {
				t.Fatal(err)
			}
		case !errors.As(err, &broken) && !errors.As(err, &unsupported) && !errors.As(err, &told) && !errors.As(err, &ask):
			t.Fatal(err)
		}
	})
}
