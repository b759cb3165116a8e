package torch

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hinge/network"
	"hinge/statedict"
)

// view is a tensor to write, and its elements in row-major order.
type view struct {
	name    string
	kind    string
	shape   []int
	strides []int
	v       []float64
}

var floatClasses = []string{"DoubleStorage", "FloatStorage", "BFloat16Storage", "HalfStorage"}

// add writes a tensor as a view with gaps, in any order of its dimensions,
// somewhere in a storage.
func (w *writer) add(name, class string, shape []int) view {
	strides, step := make([]int, len(shape)), 1
	for _, k := range w.Perm(len(shape)) {
		strides[k] = step
		step *= max(shape[k], 1)
		if w.IntN(3) == 0 {
			step++
		}
	}
	offset := w.IntN(3)
	stored := make([]float64, offset+step)
	for i := range stored {
		stored[i] = math.Ldexp(float64(w.IntN(255)-127), -5)
	}
	t := view{name: name, kind: kinds[class].name, shape: shape, strides: strides}
	n := 1
	for _, s := range shape {
		n *= s
	}
	for i := range n { // the i-th element, by the definition of strides
		at, rest := offset, i
		for k := len(shape) - 1; k >= 0; k-- {
			at += rest % shape[k] * strides[k]
			rest /= shape[k]
		}
		t.v = append(t.v, stored[at])
	}
	w.text(name)
	w.tensor(class, w.store(class, stored), len(stored), offset, shape, strides)
	return t
}

func (w *writer) addSome() []view {
	var views []view
	for i := range 1 + w.IntN(5) {
		shape := make([]int, w.IntN(4))
		for k := range shape {
			shape[k] = w.IntN(4)
		}
		views = append(views, w.add(fmt.Sprintf("t%d", i), floatClasses[w.IntN(4)], shape))
	}
	return views
}

// What is written comes back in its order: names, shapes, types, every element
// of views with any strides, from a bare state dict or a checkpoint.
func TestTensorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)))
		checkpoint := rapid.Bool().Draw(t, "checkpoint")
		key := ""
		if checkpoint {
			key = "model"
			w.begin()
			w.text("epoch")
			w.number(w.IntN(300))
			w.text(key)
		}
		w.begin()
		want := w.addSome()
		w.end()
		if w.IntN(2) == 0 {
			w.metadata()
		}
		if checkpoint {
			w.text("history")
			w.op("](G\x3f\xf0\x00\x00\x00\x00\x00\x00N\x88e") // [1.0, None, True]
			w.end()
		}
		got, gotKey, err := Tensors(w.file())
		if err != nil || gotKey != key {
			t.Fatalf("%q: %v", gotKey, err)
		}
		same := slices.EqualFunc(got, want, func(g statedict.Tensor, v view) bool {
			return g.Name == v.name && g.Type == v.kind && slices.Equal(g.Shape, v.shape) && slices.Equal(g.Values(), v.v)
		})
		if !same {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// addLinear writes the weights of a layer.
func (w *writer) addLinear(name, class string, out, in int) network.Layer {
	weight, bias := w.add(name+".weight", class, []int{out, in}), w.add(name+".bias", class, []int{out})
	return network.Layer{Map: network.NewDense(out, in, weight.v), Bias: bias.v}
}

func TestNetwork(t *testing.T) {
	for i, class := range floatClasses {
		w := newWriter(rand.New(rand.NewPCG(uint64(i), 2)))
		w.begin()
		want := &network.Network{Precision: network.Float32}
		if class == "DoubleStorage" {
			want.Precision = network.Float64
		}
		want.Layers = append(want.Layers, w.addLinear("seq.0", class, 4, 3), w.addLinear("seq.2", class, 2, 4))
		want.Layers[0].Act = network.ReLU
		w.end()
		data := w.file()
		var ask *statedict.AskError
		if _, err := Decode(data, ""); !errors.As(err, &ask) || ask.Example != "3-4-relu-2" {
			t.Errorf("%s: %v", class, err)
			continue
		}
		got, err := Decode(data, ask.Example)
		if err != nil || got.Digest() != want.Digest() {
			t.Errorf("%s: %v, %v", class, got, err)
		}
	}
}

// program wraps instructions into a file with one storage of 6 float32.
func program(code string) []byte {
	return archiveOf("x/", map[string][]byte{"data.pkl": []byte(code), "data/0": make([]byte, 24)}, zip.Store)
}

// tensorProgram is a state dict of one tensor, a view of storage key.
func tensorProgram(key, n, offset int, shape, strides []int) []byte {
	w := newWriter(rand.New(rand.NewPCG(1, 3)))
	w.op("}")
	w.text("w")
	w.tensor("FloatStorage", key, n, offset, shape, strides)
	w.op("s.")
	return program(w.pickle.String())
}

// Nothing is called but what rebuilds tensors: everything else is refused by
// name, before any argument is looked at.
func TestCodeIsRefused(t *testing.T) {
	for code, want := range map[string]string{
		"cos\nsystem\n(X\x04\x00\x00\x00true\x85R.":  `"os.system"`,
		"cbuiltins\neval\n(X\x01\x00\x00\x001tR.":    `"builtins.eval"`,
		"\x8c\x08__main__\x8c\x03Net\x93)\x81.":      `"__main__.Net": Python code that a state dict does not need`,
		"ctorch.nn.modules.linear\nLinear\n)\x81}b.": `"torch.nn.modules.linear.Linear"`,
		"ctorch\nload\n(X\x01\x00\x00\x00/tR.":       `"torch.load"`,
		"ctorch._utils\n_rebuild_qtensor\n.":         `"torch._utils._rebuild_qtensor"`,
		"ccollections OrderedDict\nx\n.":             `"collections OrderedDict.x"`,
		"(i__main__\nNet\n.":                         "instruction 0x69",
		"}\x81.":                                     "instruction 0x81",
		"\x82\x01.":                                  "instruction 0x82", // EXT1
		"P0\n.":                                      "instruction 0x50", // PERSID, text
		"X\x05\x00\x00\x00hello.":                    `holds the text "hello", not a state dict`,
		"].":                                         "holds a list of 0",
		"}.":                                         "no dict of tensors",
		"}X\x01\x00\x00\x00aK\x01s.":                 "no dict of tensors",
		"ctorch._utils\n" + strings.Repeat("n", 500) + "\n.": `nnn": Python code`,
	} {
		var unsupported *UnsupportedError
		_, err := Decode(program(code), "")
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%q: %v; want %s", code, err, want)
		}
	}
}

func TestBrokenPrograms(t *testing.T) {
	for code, want := range map[string]string{
		"":                                       "ends within an instruction",
		"}":                                      "ends within an instruction",
		".":                                      "the stack holds 0 values where 1",
		"(.":                                     "a mark stands where a value",
		"X\xff\xff\xff\xffa.":                    "ends within an instruction",
		"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.": "ends within an instruction",
		"\x95\xff.":                              "ends within an instruction",
		"t.":                                     "no mark",
		"K\x01\x86.":                             "the stack holds 1 values where 2",
		"h\x07.":                                 "nothing is remembered as number 7",
		"K\x01K\x02s.":                           "without a dict",
		"}(K\x01u.":                              "without a dict",
		"K\x01a.":                                "items without a list",
		"}]K\x01s.":                              "a dict with a list of 0 as a key",
		"}(K\x01K\x02\x86K\x03u.":                "a dict with a tuple of 2 as a key",
		"\x8a\x09123456789.":                     "a number of 9 bytes",
		"ctorch":                                 "a name without an end",
		"K\x01K\x02\x93.":                        "a name made of 1 and 2",
		"K\x01)R.":                               "a call of 1",
		"ctorch\nFloatStorage\n)R.":              "a call of torch.FloatStorage",
		"ctorch\nSize\n)R.":                      "torch.Size of something other",
		"ccollections\nOrderedDict\nK\x01\x85R.": "a dict made of 1 arguments",
		"ctorch._utils\n_rebuild_tensor_v2\n)R.": "a tensor made of 0 arguments",
		"ctorch._utils\n_rebuild_tensor_v2\n(K\x00K\x00))tR.": "a tensor made of 0, 0, a tuple of 0",
		"ctorch._utils\n_rebuild_parameter\nK\x01\x85R.":      "a parameter made of no tensor",
		"K\x01}b.":                      "attributes of 1",
		"K\x01Q.":                       "a reference that is 1",
		"(K\x01K\x01K\x01K\x01K\x01tQ.": "a reference to 1 of 1",
	} {
		var broken *FormatError
		if _, err := Decode(program(code), ""); !errors.As(err, &broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", code, err, want)
		}
	}
}

// Views that leave their storage, or stand for more than it holds.
func TestViewsOutside(t *testing.T) {
	huge := math.MaxInt
	for _, c := range []struct {
		n, offset      int
		shape, strides []int
		want           string
	}{
		{7, 0, []int{2, 3}, []int{3, 1}, "a storage of 7 elements of float32 in 24 bytes"},
		{-1, 0, []int{2, 3}, []int{3, 1}, "a storage of -1 elements"},
		{6, 1, []int{2, 3}, []int{3, 1}, "leaves its storage"},
		{6, 7, []int{0}, []int{1}, "begins outside"},
		{6, 6, []int{1}, []int{1}, "leaves its storage"},
		{6, -1, []int{2, 3}, []int{3, 1}, "begins outside"},
		{6, 0, []int{2, 3}, []int{4, 1}, "leaves its storage"},
		{6, 5, []int{2, 3}, []int{-3, -1}, "runs backwards"},
		{6, 0, []int{2, 2}, []int{huge, huge}, "leaves its storage"},
		{6, 0, []int{2, 3}, []int{1}, "is none"},
		{6, 0, []int{huge, huge}, []int{0, 0}, "is none"},
		{6, 0, []int{1000000}, []int{0}, "is none"},
		{6, 0, []int{-1}, []int{1}, "is none"},
		{6, 0, make([]int, 17), make([]int, 17), "17 dimensions"},
	} {
		var broken *FormatError
		if _, _, err := Tensors(tensorProgram(0, c.n, c.offset, c.shape, c.strides)); !errors.As(err, &broken) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, _, err := Tensors(tensorProgram(0, 6, 0, []int{2, 3}, []int{3, 1})); err != nil {
		t.Error(err)
	}
	var broken *FormatError
	if _, _, err := Tensors(tensorProgram(1, 6, 0, []int{2, 3}, []int{3, 1})); !errors.As(err, &broken) || !strings.Contains(err.Error(), "no data/1") {
		t.Error(err)
	}
}

// Many tensors over one storage do not multiply the memory.
func TestSharedStorages(t *testing.T) {
	write := func(views int) []byte {
		w := newWriter(rand.New(rand.NewPCG(1, 4)))
		key := w.store("FloatStorage", make([]float64, 1000))
		w.begin()
		for i := range views {
			w.text(fmt.Sprintf("t%d.weight", i))
			w.tensor("FloatStorage", key, 1000, 0, []int{20, 50}, []int{50, 1})
		}
		w.end()
		return w.file()
	}
	if got, _, err := Tensors(write(3)); err != nil || len(got) != 3 {
		t.Errorf("tied weights: %v", err)
	}
	var unsupported *UnsupportedError
	if _, _, err := Tensors(write(100)); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "many times over") {
		t.Error(err)
	}
}

func TestArchives(t *testing.T) {
	w := newWriter(rand.New(rand.NewPCG(3, 4)))
	w.begin()
	w.addLinear("fc", "FloatStorage", 2, 3)
	w.end()
	sound := w.file()
	if _, err := Decode(sound, ""); err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(sound)
	at := bytes.Index(damaged, w.storages[0])
	damaged[at] ^= 1
	for want, data := range map[string][]byte{
		"it is no zip archive":          []byte("nothing of the kind"),
		"format before PyTorch 1.6":     append(slices.Clone(magic), 1, 2, 3),
		"checksum":                      damaged,
		"not a valid zip file":          sound[:len(sound)-30],
		"compressed":                    archiveOf("net/", w.parts(), zip.Deflate),
		"the archive has no data.pkl":   archiveOf("net/", map[string][]byte{"readme": []byte("x")}, zip.Store),
		"TorchScript":                   archiveOf("net/", map[string][]byte{"constants.pkl": nil, "data.pkl": []byte("}.")}, zip.Store),
		"two data.pkl":                  archiveOf("net/", map[string][]byte{"data.pkl": []byte("}."), "a/data.pkl": []byte("}.")}, zip.Store),
		"a Keras archive":               archiveOf("", map[string][]byte{"config.json": nil, "model.weights.h5": nil}, zip.Store),
		"2 state dicts (actor, critic)": program("}(X\x05\x00\x00\x00actor" + inner + "X\x06\x00\x00\x00critic" + inner + "u."),
	} {
		var broken *FormatError
		var unsupported *UnsupportedError
		if _, err := Decode(data, ""); !errors.As(err, &broken) && !errors.As(err, &unsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// inner is {"w": a tensor of no dimension}.
const inner = "}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00))\x89NtRs"

// A key that comes again keeps its place and gets the new value.
func TestRepeatedKeys(t *testing.T) {
	got, key, err := Tensors(program("}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02X\x01\x00\x00\x00a" + inner + "u."))
	if err != nil || key != "a" || len(got) != 1 {
		t.Error(got, key, err)
	}
}

// Whatever the bytes, the answer is a sound network or a typed error; nothing
// else happens.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(4) {
		w := newWriter(rand.New(rand.NewPCG(seed, 5)))
		w.begin()
		w.addLinear("a", floatClasses[seed], 2, 3)
		w.addLinear("b", "FloatStorage", 1, 2)
		w.end()
		f.Add(w.file(), "3-2-relu-1")
		f.Add(w.pickle.Bytes(), "")
	}
	saved, _ := filepath.Glob("testdata/*.pt")
	for _, path := range saved {
		if data, err := os.ReadFile(path); err == nil {
			f.Add(data, "5-7-relu-7-relu-2")
		}
	}
	f.Add([]byte("}(X\x05\x00\x00\x00actor"+inner+"u."), "")
	f.Fuzz(func(t *testing.T, data []byte, layers string) {
		if !bytes.HasPrefix(data, []byte("PK")) { // a program: past the checksums
			data = program(string(data))
		}
		net, err := Decode(data, layers)
		var broken *FormatError
		var unsupported *UnsupportedError
		var tensor *statedict.UnsupportedError
		var told *statedict.LayersError
		var ask *statedict.AskError
		switch {
		case err == nil:
			if err := net.Validate(); err != nil {
				t.Fatal(err)
			}
		case !errors.As(err, &broken) && !errors.As(err, &unsupported) && !errors.As(err, &tensor) && !errors.As(err, &told) && !errors.As(err, &ask):
			t.Fatal(err)
		}
	})
}
