// Package nnet reads networks in the NNet text format of the Stanford
// Intelligent Systems Laboratory (ACAS Xu and its kin).
//
// For most uses, call [Decode] with the bytes of a file and the zero Options.
//
// A file holds a ReLU network and, in its header, the smallest and largest value,
// the mean and the range of every input, and one mean and range for all outputs.
// The weights work on normalised numbers; the header says how raw ones become
// those. So one file holds up to three functions (see [Reading]), tools differ in
// which they mean, and Decode notes in the network which one it gave.
//
// The format, as https://github.com/sisl/NNet describes it (comments first):
//
//	// any text
//	2,2,3,3,             layers, inputs, outputs, widest layer
//	2,2,3,               widths, from the inputs to the outputs
//	0,                   unused
//	-1.0,-1.0,           smallest values of the inputs
//	1.0,1.0,             largest values
//	0.0,0.0,0.0,         means of the inputs, and of the outputs
//	1.0,1.0,1.0,         ranges of the inputs, and of the outputs
//	1.0,1.0,             the first layer's weights, a line per unit
//	-1.0,-1.0,
//	0.0,                 and its biases, one per line
//	0.0,
//	...                  the further layers
package nnet

import (
	"fmt"
	"math"

	"hinge/network"
)

// Reading says which of the functions that a file holds is meant.
type Reading uint8

const (
	// Auto is Normalised when the header's means and ranges can be used, else
	// Raw.
	Auto Reading = iota
	// Raw is the bare chain of layers: normalised numbers in and out.
	Raw
	// Normalised takes raw inputs, x -> (x - mean) / range, and gives raw outputs,
	// y -> y range + mean. NNet's own converter to ONNX writes this function.
	Normalised
	// Clipped is Normalised behind a clipping of every input to its smallest and
	// largest value, as NNet's evaluator does. The clipping is made of ReLU units,
	// min(max(x, lo), hi) = lo + max(x - lo, 0) - max(x - hi, 0) for lo <= hi: a
	// further hidden layer of two units per input.
	Clipped
)

var readings = []string{"auto", "raw", "normalised", "clipped"}

func (r Reading) String() string {
	if int(r) < len(readings) {
		return readings[r]
	}
	return fmt.Sprintf("Reading(%d)", uint8(r))
}

// ParseReading returns the reading named auto (or ""), raw, normalised or
// clipped.
func ParseReading(s string) (Reading, error) {
	for i, name := range readings {
		if s == name {
			return Reading(i), nil
		}
	}
	switch s {
	case "":
		return Auto, nil
	case "normalized":
		return Normalised, nil
	}
	return 0, fmt.Errorf("unknown reading %q of an .nnet file: use auto, raw, normalised or clipped", s)
}

// Options of [Decode]. The zero value works.
type Options struct {
	Reading Reading // default Auto
}

// Decode reads a network from the bytes of an .nnet file, in float64. What it
// chose among the readings stands in the network's notes
// ([network.Network.Notes]). Errors are of type [*FormatError] or
// [*UnsupportedError]. Memory is bounded by a small multiple of the file's size.
func Decode(data []byte, opts Options) (*network.Network, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	net := &network.Network{Layers: f.layers}
	why := f.unusable()
	reading := opts.Reading
	if reading == Auto && why == "" {
		reading = Normalised
	}
	switch {
	case reading == Auto || reading == Raw:
		f.noteRaw(net, why)
	case reading > Clipped:
		return nil, fmt.Errorf("nnet: there is no %v", reading)
	case why != "":
		return nil, &UnsupportedError{fmt.Sprintf("its header has no normalisation to use (%s): take the raw reading", why)}
	case reading == Clipped && !f.clips():
		return nil, &UnsupportedError{"its header has no smallest and largest value for every input: take the normalised reading"}
	default:
		f.normalise(net, reading == Clipped)
	}
	if err := net.Validate(); err != nil {
		return nil, &FormatError{Reason: err.Error()}
	}
	return net, nil
}

// unusable says why the means and ranges of the header cannot be used, or "".
func (f *file) unusable() string {
	d := f.sizes[0]
	for _, h := range []struct {
		name string
		v    []float64
	}{{"means", f.means}, {"ranges", f.ranges}} {
		if len(h.v) != d+1 {
			return fmt.Sprintf("%d %s where %d inputs and the outputs need %d", len(h.v), h.name, d, d+1)
		}
	}
	for i, r := range f.ranges {
		if !(r > 0) {
			return fmt.Sprintf("range %d is %v", i+1, r)
		}
		// Beyond these, the affine layers that normalise are no finite numbers.
		if scale := 1 / r; math.IsInf(scale, 0) || scale == 0 || math.IsInf(f.means[i]*scale, 0) {
			return fmt.Sprintf("mean %d is %v and its range %v", i+1, f.means[i], r)
		}
	}
	return ""
}

// clips reports whether the header has an interval for every input.
func (f *file) clips() bool {
	d := f.sizes[0]
	if len(f.mins) != d || len(f.maxes) != d {
		return false
	}
	for j, lo := range f.mins {
		if !(lo <= f.maxes[j]) {
			return false
		}
	}
	return true
}

func (f *file) noteRaw(net *network.Network, why string) {
	switch {
	case why != "":
		net.AddNote("The file is read raw: its header has no normalisation to use (" + why + ").")
	case f.identity():
		net.AddNote("The file is read raw; its header's normalisation changes nothing.")
	default:
		net.AddNote("The file is read raw: inputs and outputs are normalised numbers, not those of the header's ranges.")
	}
}

func (f *file) identity() bool {
	for i := range f.means {
		if f.means[i] != 0 || f.ranges[i] != 1 {
			return false
		}
	}
	return true
}

// normalise puts the header's maps before and behind the layers of the file,
// where they change anything, and says so.
func (f *file) normalise(net *network.Network, clip bool) {
	d := f.sizes[0]
	var before []network.Layer
	if clip {
		before = f.clipping()
	}
	if scale, ok := affine("scale", f.means[:d], f.ranges[:d]); ok {
		before = append(before, scale)
	}
	net.Layers = append(before, net.Layers...)
	mean, size := f.means[d], f.ranges[d]
	if mean != 0 || size != 1 {
		p := f.sizes[len(f.sizes)-1]
		undo := network.Layer{Map: &network.Diagonal{D: repeat(size, p)}, Bias: repeat(mean, p), Name: "unscale"}
		net.Layers = append(net.Layers, undo)
	}
	note := "The file is read with its header's normalisation: raw inputs, raw outputs"
	if f.identity() {
		note = "The file is read with its header's normalisation, which changes nothing"
	}
	switch {
	case clip:
		note += "; inputs clipped to the header's smallest and largest values by a hidden layer of their own"
	case f.clips():
		note += "; inputs are not clipped to the header's smallest and largest values, though NNet's own evaluator does that"
	}
	net.AddNote(note + ".")
}

// affine returns the layer (x - mean) / size, and whether it changes anything.
func affine(name string, means, sizes []float64) (network.Layer, bool) {
	m, bias, changes := &network.Diagonal{}, []float64(nil), false
	for j, mean := range means {
		changes = changes || mean != 0 || sizes[j] != 1
		m.D = append(m.D, 1/sizes[j])
		bias = append(bias, 0-mean/sizes[j]) // 0, not -0, for no mean
	}
	return network.Layer{Map: m, Bias: bias, Name: name}, changes
}

// clipping returns the two layers of lo + max(x - lo, 0) - max(x - hi, 0).
func (f *file) clipping() []network.Layer {
	d := f.sizes[0]
	up, down := &network.Diagonal{D: repeat(1, d)}, &network.Diagonal{D: repeat(-1, d)}
	var bias []float64
	for _, limits := range [][]float64{f.mins, f.maxes} {
		for _, v := range limits {
			bias = append(bias, -v)
		}
	}
	return []network.Layer{
		{Map: &network.Stack{Maps: []network.Map{up, up}}, Bias: bias, Act: network.ReLU, Name: "clip"},
		{Map: &network.Sum{Maps: []network.Map{up, down}}, Bias: f.mins, Name: "clipped"},
	}
}

func repeat(v float64, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = v
	}
	return s
}
