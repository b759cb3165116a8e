// Package network holds feedforward ReLU networks as chains of layers, each an
// affine map followed by an activation.
//
// For most uses, build a Network with package construct or read one with
// package onnx, then call [Network.Forward] for its outputs on a batch of rows,
// or [Network.Activations] for what one of its layers puts out.
//
// The affine maps may be structured (see [Map]), so that a layer whose units
// all look along one direction, or a layer that works element by element,
// costs O(units) and not O(units * inputs). Structure is part of the network's
// meaning in floating point: a [Projected] map rounds its projections before it
// scales them, in hinge as in the exported file.
//
// Throughout, n is the number of rows of a batch, d the network's inputs, p its
// outputs and m the width of a layer. Matrices have one row per data row.
package network

import (
	"fmt"
	"math"
	"strings"
)

// Activation is what a layer applies to each of its pre-activations.
type Activation uint8

const (
	Identity Activation = iota // z
	ReLU                       // max(z, 0)
)

func (a Activation) String() string {
	switch a {
	case Identity:
		return "identity"
	case ReLU:
		return "relu"
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// Precision is the floating-point arithmetic a network is meant to run in.
type Precision uint8

const (
	Float64 Precision = iota // IEEE binary64
	Float32                  // IEEE binary32
)

func (p Precision) String() string {
	if p == Float32 {
		return "float32"
	}
	return "float64"
}

// Eps returns the unit roundoff of the arithmetic: the largest relative error
// of one correctly rounded operation, 2^-53 or 2^-24.
func (p Precision) Eps() float64 {
	if p == Float32 {
		return 0x1p-24
	}
	return 0x1p-53
}

// Round returns x rounded to the nearest number of the arithmetic.
func (p Precision) Round(x float64) float64 {
	if p == Float32 {
		return float64(float32(x))
	}
	return x
}

// ParsePrecision returns the precision named "float32" or "float64".
func ParsePrecision(s string) (Precision, error) {
	switch s {
	case "float64", "":
		return Float64, nil
	case "float32":
		return Float32, nil
	}
	return 0, fmt.Errorf("unknown precision %q: use float64 or float32", s)
}

// A Layer computes Act(Map x + Bias).
type Layer struct {
	Map  Map
	Bias []float64 // one number per output; nil means zero
	Act  Activation
	Name string // optional; names the layer's tensors in exported files
}

// Width returns the number of outputs of the layer.
func (l *Layer) Width() int {
	out, _ := l.Map.Dims()
	return out
}

// Network is a chain of layers. The output of each is the input of the next.
// The last layer is usually affine (Act Identity); the layer before it is the
// last hidden layer, whose outputs on data are the interpolation matrix Phi.
type Network struct {
	Layers    []Layer
	Precision Precision         // the arithmetic the network is meant for; every weight is a number of it
	Meta      map[string]string // free text that travels inside the exported file
}

// Inputs returns d, the number of inputs.
func (n *Network) Inputs() int {
	_, in := n.Layers[0].Map.Dims()
	return in
}

// Outputs returns p, the number of outputs.
func (n *Network) Outputs() int { return n.Layers[len(n.Layers)-1].Width() }

// HiddenLayers returns the indices of the layers with a ReLU, in order.
// Affine layers in between (scaling of the inputs, say) are not hidden layers.
func (n *Network) HiddenLayers() []int {
	var hidden []int
	for i := range n.Layers {
		if n.Layers[i].Act == ReLU {
			hidden = append(hidden, i)
		}
	}
	return hidden
}

// LastHidden returns the index of the last layer with a ReLU, or -1 when the
// network is affine.
func (n *Network) LastHidden() int {
	for i := len(n.Layers) - 1; i >= 0; i-- {
		if n.Layers[i].Act == ReLU {
			return i
		}
	}
	return -1
}

// Units returns the number of hidden (ReLU) units.
func (n *Network) Units() int {
	units := 0
	for _, i := range n.HiddenLayers() {
		units += n.Layers[i].Width()
	}
	return units
}

// Parameters returns the number of numbers that the network stores: those of
// its structured maps, and its biases.
func (n *Network) Parameters() int {
	params := 0
	for _, l := range n.Layers {
		params += l.Map.Params() + len(l.Bias)
	}
	return params
}

// Validate reports the first fault that keeps the network from being
// evaluated: no layer, maps that do not fit each other, a bias of the wrong
// length, an index out of range, or a weight that is not a finite number of
// the network's precision.
func (n *Network) Validate() error {
	if len(n.Layers) == 0 {
		return fmt.Errorf("network: no layers")
	}
	width := n.Inputs()
	for i, l := range n.Layers {
		out, in := l.Map.Dims()
		if in != width {
			return fmt.Errorf("network: layer %d takes %d inputs, but %d come in", i, in, width)
		}
		if l.Bias != nil && len(l.Bias) != out {
			return fmt.Errorf("network: layer %d has %d units and %d biases", i, out, len(l.Bias))
		}
		if l.Act > ReLU {
			return fmt.Errorf("network: layer %d has the unknown activation %d", i, l.Act)
		}
		if err := l.Map.check(); err != nil {
			return fmt.Errorf("network: layer %d: %w", i, err)
		}
		if err := n.checkNumbers(l); err != nil {
			return fmt.Errorf("network: layer %d: %w", i, err)
		}
		width = out
	}
	return nil
}

func (n *Network) checkNumbers(l Layer) error {
	var err error
	test := func(v []float64) {
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				err = fmt.Errorf("a weight is %v", x)
			} else if n.Precision.Round(x) != x {
				err = fmt.Errorf("the weight %v is no %v number", x, n.Precision)
			}
		}
	}
	test(l.Bias)
	Weights(l.Map, test)
	return err
}

// Round rounds every weight and bias to the network's precision, in place.
func (n *Network) Round() {
	if n.Precision == Float64 {
		return
	}
	round := func(v []float64) {
		for i, x := range v {
			v[i] = n.Precision.Round(x)
		}
	}
	for _, l := range n.Layers {
		round(l.Bias)
		Weights(l.Map, round)
	}
}

// Dense returns the same chain with every map written out as a Dense matrix,
// its entries rounded to the network's precision. In floating point that is a
// different network: its sums have other terms. It needs its own certificate.
func (n *Network) Dense() *Network {
	flat := &Network{Precision: n.Precision, Meta: n.Meta}
	for _, l := range n.Layers {
		out, in := l.Map.Dims()
		dense := NewDense(out, in, make([]float64, out*in))
		l.Map.entries(func(i, j int, w float64) { dense.W[i*in+j] += w })
		flat.Layers = append(flat.Layers, Layer{Map: dense, Bias: append([]float64(nil), l.Bias...), Act: l.Act, Name: l.Name})
	}
	flat.Round()
	return flat
}

// String describes the network in one line per layer.
func (n *Network) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v network: %d inputs, %d outputs, %d hidden units, %d parameters\n",
		n.Precision, n.Inputs(), n.Outputs(), n.Units(), n.Parameters())
	for i, l := range n.Layers {
		out, in := l.Map.Dims()
		fmt.Fprintf(&b, "  layer %d: %d -> %d  %v  %v", i, in, out, l.Map, l.Act)
		if l.Name != "" {
			fmt.Fprintf(&b, "  %s", l.Name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
