// Package statedict makes a network out of named tensors: the architecture for
// formats that store weights and nothing else.
//
// For most uses, call Decode of package safetensors or torch, which call
// [Network] with what they read.
//
// A state dict says less than it seems. Names and shapes tell which matrix
// follows which; they do not tell what stands between two of them (ReLU, tanh,
// nothing), nor what stands behind the last. A network with a guessed activation
// is another function, and every certificate and figure about it would be true of
// that function and not of the user's. So from two matrices on the layers must be
// told, in one short text (see [Options]):
//
//	784-128-relu-10
//
// The [AskError] of a call without it proposes the text that fits the shapes. A
// gap in the numbers of an nn.Sequential (seq.0, seq.2) shows that something
// without weights stands there, but not what; it does not make the question
// needless.
//
// Weights are taken as outputs x inputs, as nn.Linear stores them, those named
// kernel as inputs x outputs, as Keras and Flax do; a T in the text says
// otherwise. Whatever the shapes cannot confirm is noted in the network
// ([network.Network.Notes]).
package statedict

import (
	"fmt"
	"math"
	"strings"

	"hinge/network"
)

// Tensor is one tensor of a file.
type Tensor struct {
	Name      string
	Shape     []int
	Type      string            // of its elements, as the file names it
	Precision network.Precision // the coarsest that holds every element, if they are floats
	Values    func() []float64  // its elements, row-major; nil if they are no floats
}

// Options of [Network]. The zero value works.
type Options struct {
	// Layers is needed from two matrices on. It runs from the inputs to the
	// outputs:
	//
	//	784-128-relu-10         784 inputs, an affine map to 128 units, ReLU, an affine map to 10 outputs
	//	4-8-8-relu-2-relu       two affine maps in a row; ReLU on the outputs too
	//	784-128T-relu-10        the first matrix is stored the other way round: 784 x 128
	//	4-l1:50-relu-l2:50      which tensors (l1.weight, l1.bias) belong to which map
	//
	// The widths must be those of the tensors; they are asked for so that a text
	// that belongs to another file is noticed.
	Layers  string
	Ordered bool // the order of the tensors is that of the model's parts, not one of names or sizes
}

// Network makes a chain of layers out of the tensors of a file. Errors are of
// type [*AskError], [*LayersError] or [*UnsupportedError].
func Network(tensors []Tensor, opts Options) (*network.Network, error) {
	parts, err := split(tensors)
	if err != nil {
		return nil, err
	}
	s := &search{parts: parts, orders: orders(parts, opts.Ordered)}
	var c *chain
	if opts.Layers != "" {
		if c, err = parse(opts.Layers); err != nil {
			return nil, err
		}
	} else if c = single(parts); c == nil {
		return nil, s.ask("the file stores weights, but not which activations stand between and behind them")
	}
	chosen, err := s.assign(c)
	if err != nil {
		return nil, err
	}
	net, err := c.build(chosen)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("The layers are %s, as told: a state dict does not name its activations.", c.text)
	if opts.Layers == "" {
		note = fmt.Sprintf("The single matrix %s is read as the affine map %s; a state dict does not say whether an activation follows.", chosen[0].weight.Name, c.text)
	}
	net.AddNote(note)
	c.remarks(net, chosen, parts)
	return net, nil
}

// single returns the chain of a file with one matrix, or nil. Which way round
// the matrix is stored is known when its bias fits one side only.
func single(parts []*part) *chain {
	if len(parts) != 1 {
		return nil
	}
	p := parts[0]
	var s step
	out, in := p.dims(false)
	if b := p.bias; b != nil && b.Shape[0] == in && in != out {
		s.transposed, out, in = true, in, out
	}
	s.width = out
	c := &chain{inputs: in, steps: []step{s}}
	c.text = c.String()
	return c
}

// remarks notes what the shapes could not confirm.
func (c *chain) remarks(net *network.Network, chosen, all []*part) {
	used, square, narrow := map[*part]bool{}, []string(nil), false
	for i, p := range chosen {
		used[p] = true
		narrow = narrow || strings.Contains(p.weight.Type, "16") // F16, bfloat16
		if s := p.weight.Shape; s[0] == s[1] && !c.steps[i].transposed {
			square = append(square, p.weight.Name)
		}
	}
	if len(square) > 0 {
		net.AddNote("Square weights fit either way round, and are taken as their names suggest (a T behind a width turns them): " + listed(square) + ".")
	}
	var left []string
	for _, p := range all {
		if !used[p] {
			left = append(left, p.weight.Name)
		}
	}
	if len(left) > 0 {
		net.AddNote("Left out, since all maps are named: " + listed(left) + ".")
	}
	if narrow {
		net.AddNote("The weights are stored in 16 bits; hinge computes with them in " + net.Precision.String() + ".")
	}
	net.AddNote("A state dict does not say how its inputs were scaled or ordered: they are taken as they come.")
}

// build makes the layers of a chain out of the parts chosen for its steps.
func (c *chain) build(chosen []*part) (*network.Network, error) {
	net := &network.Network{Precision: network.Float32}
	in := c.inputs
	for i, s := range c.steps {
		p := chosen[i]
		w, err := p.weight.values(&net.Precision)
		if err != nil {
			return nil, err
		}
		if s.transposed != p.kernel {
			w = transpose(w, in, s.width)
		}
		l := network.Layer{Map: network.NewDense(s.width, in, w), Act: s.act, Name: p.name}
		if p.bias != nil {
			if l.Bias, err = p.bias.values(&net.Precision); err != nil {
				return nil, err
			}
		}
		net.Layers = append(net.Layers, l)
		in = s.width
	}
	if err := net.Validate(); err != nil {
		return nil, &UnsupportedError{Reason: err.Error()}
	}
	return net, nil
}

// values returns the numbers of a tensor, and raises the precision to one that
// holds them.
func (t *Tensor) values(p *network.Precision) ([]float64, error) {
	if t.Values == nil {
		return nil, &UnsupportedError{t.Name, fmt.Sprintf("its elements are of type %s; floats are understood: convert it first", t.Type)}
	}
	v := t.Values()
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, &UnsupportedError{t.Name, fmt.Sprintf("it holds %v; only finite weights make a network", x)}
		}
	}
	if t.Precision == network.Float64 {
		*p = network.Float64
	}
	return v, nil
}

// transpose turns a rows x cols matrix, row-major.
func transpose(w []float64, rows, cols int) []float64 {
	turned := make([]float64, len(w))
	for i := range rows {
		for j := range cols {
			turned[j*rows+i] = w[i*cols+j]
		}
	}
	return turned
}

// shapeText writes 128 x 784.
func shapeText(shape []int) string {
	if len(shape) == 0 {
		return "a single number"
	}
	var b strings.Builder
	for i, s := range shape {
		if i > 0 {
			b.WriteString(" x ")
		}
		fmt.Fprint(&b, s)
	}
	return b.String()
}
