package nnet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/network"
)

// sample is a random file and what it was made of.
type sample struct {
	file
	text []byte
}

// newSample draws widths, weights and a header with a normalisation that can be
// used, and writes them as the format says.
func newSample(rng *rand.Rand) *sample {
	s := &sample{}
	for range 2 + rng.IntN(4) {
		s.sizes = append(s.sizes, 1+rng.IntN(5))
	}
	d, n := s.sizes[0], len(s.sizes)-1
	for j := range d + 1 {
		s.means = append(s.means, 100*rng.NormFloat64())
		s.ranges = append(s.ranges, math.Exp(3*rng.NormFloat64()))
		if j < d {
			s.mins = append(s.mins, rng.NormFloat64())
			s.maxes = append(s.maxes, s.mins[j]+rng.ExpFloat64())
		}
	}
	for i := range n {
		l := network.Layer{Bias: normal(rng, s.sizes[i+1])}
		l.Map = network.NewDense(s.sizes[i+1], s.sizes[i], normal(rng, s.sizes[i+1]*s.sizes[i]))
		if i < n-1 {
			l.Act = network.ReLU
		}
		s.layers = append(s.layers, l)
	}
	s.write(rng)
	return s
}

func normal(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

func (s *sample) write(rng *rand.Rand) {
	var b bytes.Buffer
	line := func(v ...float64) {
		var cells []string
		for _, x := range v {
			cells = append(cells, fmt.Sprint(x))
		}
		b.WriteString(strings.Join(cells, []string{",", ", "}[rng.IntN(2)]) + []string{"\n", ",\n", ",\r\n", "\n\n"}[rng.IntN(4)])
	}
	n := len(s.sizes) - 1
	fmt.Fprintf(&b, "// a comment\n%d,%d,%d,99,\n", n, s.sizes[0], s.sizes[n])
	for _, w := range s.sizes {
		fmt.Fprintf(&b, "%d,", w)
	}
	b.WriteString("\nanything at all\n")
	line(s.mins...)
	line(s.maxes...)
	line(s.means...)
	line(s.ranges...)
	for _, l := range s.layers {
		m := l.Map.(*network.Dense)
		for i := range m.Out {
			line(m.Row(i)...)
		}
		for _, v := range l.Bias {
			line(v)
		}
	}
	s.text = b.Bytes()
}

// What is written comes back bit for bit.
func TestRawIsWhatTheFileSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSample(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)))
		net, err := Decode(s.text, Options{Reading: Raw})
		if err != nil {
			t.Fatalf("%v\n%s", err, s.text)
		}
		want := &network.Network{Layers: s.layers}
		if net.Digest() != want.Digest() {
			t.Fatalf("read\n%vwant\n%v", net, want)
		}
	})
}

// The readings are the formulas of the format's description, computed here
// number by number.
func TestReadings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		s := newSample(rng)
		d := s.sizes[0]
		for _, reading := range []Reading{Auto, Normalised, Clipped} {
			net, err := Decode(s.text, Options{Reading: reading})
			if err != nil {
				t.Fatal(err)
			}
			x, z := normal(rng, d), make([]float64, d)
			for j, v := range x {
				if reading == Clipped {
					v = min(max(v, s.mins[j]), s.maxes[j])
				}
				z[j] = (v - s.means[j]) / s.ranges[j]
			}
			y := (&network.Network{Layers: s.layers}).Eval(mat.NewDense(1, d, z)).RawRowView(0)
			got := net.Eval(mat.NewDense(1, d, x)).RawRowView(0)
			size := math.Abs(s.means[d])
			for _, v := range y {
				size = max(size, math.Abs(v*s.ranges[d]))
			}
			for j, v := range y {
				// Means up to some hundreds of ranges cost that many units of rounding.
				if want := v*s.ranges[d] + s.means[d]; !(math.Abs(got[j]-want) <= 1e-9*(1+size)) {
					t.Fatalf("%v: output %d is %v, want %v", reading, j, got[j], want)
				}
			}
		}
	})
}

// tiny is the smallest file of the format's own library: no header to use.
const tiny = "2\n1, 1, 1\n0\n0\n0\n0\n0\n1\n0\n1\n0\n"

// with replaces lines of tiny, counted from 1.
func with(lines map[int]string) []byte {
	text := strings.Split(tiny, "\n")
	for i, line := range lines {
		text[i-1] = line
	}
	return []byte(strings.Join(text, "\n"))
}

func TestNotesSayWhichReading(t *testing.T) {
	identity := map[int]string{6: "0,0", 7: "1,1"}
	scaled := map[int]string{6: "0,5", 7: "2,1"}
	for _, c := range []struct {
		lines   map[int]string
		reading Reading
		layers  int
		note    string
	}{
		{nil, Auto, 2, "no normalisation to use (1 means where 1 inputs and the outputs need 2)"},
		{map[int]string{6: "0,0", 7: "0,1"}, Auto, 2, "range 1 is 0"},
		{map[int]string{6: "1e300,0", 7: "1e-300,1"}, Auto, 2, "mean 1 is 1e+300 and its range 1e-300"},
		{identity, Auto, 2, "which changes nothing; inputs are not clipped"},
		{identity, Raw, 2, "changes nothing"},
		{scaled, Auto, 4, "raw inputs, raw outputs; inputs are not clipped"},
		{scaled, Normalised, 4, "raw inputs, raw outputs; inputs are not clipped"},
		{scaled, Clipped, 6, "clipped to the header's smallest and largest values by a hidden layer"},
		{scaled, Raw, 2, "normalised numbers"},
		{map[int]string{4: "1", 5: "0", 6: "0,5", 7: "2,1"}, Normalised, 4, "raw inputs, raw outputs"},
	} {
		net, err := Decode(with(c.lines), Options{Reading: c.reading})
		if err != nil {
			t.Errorf("%v %v: %v", c.lines, c.reading, err)
			continue
		}
		notes := net.Notes()
		if len(notes) != 1 || !strings.Contains(notes[0], c.note) || len(net.Layers) != c.layers {
			t.Errorf("%v %v: %d layers, %q; want %d, %q", c.lines, c.reading, len(net.Layers), notes, c.layers, c.note)
		}
	}
	for _, reading := range []Reading{Normalised, Clipped} {
		var unsupported *UnsupportedError
		if _, err := Decode([]byte(tiny), Options{Reading: reading}); !errors.As(err, &unsupported) {
			t.Errorf("%v of a file without it: %v", reading, err)
		}
	}
	var unsupported *UnsupportedError
	if _, err := Decode(with(map[int]string{4: "1", 5: "0", 6: "0,5", 7: "2,1"}), Options{Reading: Clipped}); !errors.As(err, &unsupported) {
		t.Errorf("an empty interval: %v", err)
	}
}

func TestBrokenFiles(t *testing.T) {
	for _, c := range []struct {
		text []byte
		line int
		want string
	}{
		{nil, 0, "ends before the number of layers"},
		{[]byte("2\n"), 1, "ends before the layers' widths"},
		{[]byte("version https://git-lfs"), 1, `"version https://git-lfs" stands where the number of layers`},
		{with(map[int]string{1: "3"}), 2, "3 widths, where 3 layers have 4"},
		{with(map[int]string{1: "2,1,7"}), 2, "the widths run from 1 to 1"},
		{with(map[int]string{2: "1, 0, 1"}), 2, `" 0" stands where`},
		{with(map[int]string{2: "1,99999999999,1"}), 2, "a whole number"},
		{with(map[int]string{2: "1,2000000000,1"}), 7, "needs more than"},
		{with(map[int]string{2: "2000000000,2000000000,1"}), 7, "needs more than"},
		{with(map[int]string{4: "low"}), 4, `"low" is no finite number; the inputs' smallest values`},
		{with(map[int]string{8: "nan"}), 8, "the weights of unit 1 of layer 1 belong here"},
		{with(map[int]string{9: "1e999"}), 9, "the bias of unit 1 of layer 1"},
		{with(map[int]string{10: "1,1"}), 10, "2 numbers; the weights of unit 1 of layer 2 has 1"},
		{with(map[int]string{11: ""}), 11, "ends before the bias of unit 1 of layer 2"},
		{with(map[int]string{11: "1\n5"}), 12, `"5" stands behind the last layer`},
		{[]byte("2\n1,1,1\n"), 2, "within its header"},
	} {
		var broken *FormatError
		_, err := Decode(c.text, Options{})
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.text, err, c.want)
		} else if broken.Line != c.line {
			t.Errorf("%q: blames line %d, want %d", c.text, broken.Line, c.line)
		}
	}
}

func TestParseReading(t *testing.T) {
	for r := Auto; r <= Clipped; r++ {
		if got, err := ParseReading(r.String()); err != nil || got != r {
			t.Errorf("%v: %v, %v", r, got, err)
		}
	}
	if r, err := ParseReading("normalized"); err != nil || r != Normalised {
		t.Error(r, err)
	}
	if _, err := ParseReading("folded"); err == nil {
		t.Error("folded is no reading")
	}
	if _, err := Decode([]byte(tiny), Options{Reading: 9}); err == nil {
		t.Error("there is no reading 9")
	}
}

// Whatever the bytes, the answer is a sound network or a typed error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(tiny), uint8(0))
	for seed := range uint64(4) {
		f.Add(newSample(rand.New(rand.NewPCG(seed, 3))).text, uint8(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte, reading uint8) {
		net, err := Decode(data, Options{Reading: Reading(reading % 4)})
		var broken *FormatError
		var unsupported *UnsupportedError
		switch {
		case err == nil:
			if err := net.Validate(); err != nil {
				t.Fatal(err)
			}
			if len(net.Notes()) == 0 {
				t.Fatal("no word on the reading")
			}
		case !errors.As(err, &broken) && !errors.As(err, &unsupported):
			t.Fatal(err)
		}
	})
}
