package nnet

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"hinge/network"
)

// file is what an .nnet file says, unjudged.
type file struct {
	sizes         []int // widths from the inputs to the outputs
	mins, maxes   []float64
	means, ranges []float64
	layers        []network.Layer
}

// shown bounds how much of a line an error quotes.
const shown = 40

// parse reads the text. Every number takes two bytes of it at least, and rows
// are stored as they come, so memory is bounded by the file's size.
func parse(data []byte) (*file, error) {
	t := &text{rest: data}
	f := &file{}
	if err := f.header(t); err != nil {
		return nil, err
	}
	for i := 1; i < len(f.sizes); i++ {
		l, err := t.layer(i, f.sizes[i-1], f.sizes[i])
		if err != nil {
			return nil, err
		}
		if i < len(f.sizes)-1 {
			l.Act = network.ReLU
		}
		f.layers = append(f.layers, l)
	}
	if line, ok := t.next(); ok {
		return nil, t.fault("%q stands behind the last layer", clip(line))
	}
	return f, nil
}

func (f *file) header(t *text) error {
	frame, err := t.integers("the number of layers")
	if err != nil {
		return err
	}
	if f.sizes, err = t.integers("the layers' widths"); err != nil {
		return err
	}
	n := len(f.sizes) - 1
	if n < 1 || frame[0] != n {
		return t.fault("%d widths, where %d layers have %d", n+1, frame[0], frame[0]+1)
	}
	for i, want := range []int{f.sizes[0], f.sizes[n]} {
		if len(frame) > i+1 && frame[i+1] != want {
			return t.fault("the widths run from %d to %d, but the first line says %v", f.sizes[0], f.sizes[n], frame[1:])
		}
	}
	if _, ok := t.next(); !ok {
		return t.fault("the file ends within its header")
	}
	for _, h := range []struct {
		name string
		into *[]float64
	}{{"smallest values", &f.mins}, {"largest values", &f.maxes}, {"means", &f.means}, {"ranges", &f.ranges}} {
		if *h.into, err = t.numbers("the inputs' "+h.name, nil); err != nil {
			return err
		}
	}
	return nil
}

// text hands out the lines of a file that are neither empty nor comments.
type text struct {
	rest []byte
	line int // number of the last one handed out, from 1
}

func (t *text) next() (string, bool) {
	for len(t.rest) > 0 {
		line, rest, _ := bytes.Cut(t.rest, []byte("\n"))
		t.rest = rest
		t.line++
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			return string(line), true
		}
	}
	return "", false
}

func (t *text) fault(format string, args ...any) error {
	return &FormatError{Line: t.line, Reason: fmt.Sprintf(format, args...)}
}

// fields returns the cells of the next line. A comma may end it.
func (t *text) fields(what string) ([]string, error) {
	line, ok := t.next()
	if !ok {
		return nil, t.fault("the file ends before %s", what)
	}
	line = strings.TrimSpace(strings.TrimSuffix(line, ","))
	return strings.Split(line, ","), nil
}

// integers reads a line of numbers from 1 on.
func (t *text) integers(what string) ([]int, error) {
	fields, err := t.fields(what)
	if err != nil {
		return nil, err
	}
	var v []int
	for _, cell := range fields {
		k, err := strconv.ParseInt(strings.TrimSpace(cell), 10, 32)
		if err != nil || k < 1 {
			return nil, t.fault("%q stands where %s belongs, a whole number from 1", clip(cell), what)
		}
		v = append(v, int(k))
	}
	return v, nil
}

// numbers reads a line of finite numbers and appends them.
func (t *text) numbers(what string, to []float64) ([]float64, error) {
	fields, err := t.fields(what)
	if err != nil {
		return nil, err
	}
	for _, cell := range fields {
		v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, t.fault("%q is no finite number; %s belong here", clip(cell), what)
		}
		to = append(to, v)
	}
	return to, nil
}

// layer reads the i-th layer: out lines of in weights, out lines of a bias.
func (t *text) layer(i, in, out int) (network.Layer, error) {
	if left := len(t.rest); out > left || in > left/out {
		return network.Layer{}, t.fault("layer %d of %d x %d weights needs more than the %d bytes left of the file", i, out, in, left)
	}
	read := func(what string, rows, width int) ([]float64, error) {
		v := make([]float64, 0, rows*width)
		for k := range rows {
			before := len(v)
			var err error
			if v, err = t.numbers(fmt.Sprintf("%s %d of layer %d", what, k+1, i), v); err != nil {
				return nil, err
			}
			if got := len(v) - before; got != width {
				return nil, t.fault("%d numbers; %s %d of layer %d has %d", got, what, k+1, i, width)
			}
		}
		return v, nil
	}
	w, err := read("the weights of unit", out, in)
	if err != nil {
		return network.Layer{}, err
	}
	bias, err := read("the bias of unit", out, 1)
	if err != nil {
		return network.Layer{}, err
	}
	return network.Layer{Map: network.NewDense(out, in, w), Bias: bias}, nil
}

func clip(s string) string {
	if len(s) > shown {
		return s[:shown] + "..."
	}
	return s
}
