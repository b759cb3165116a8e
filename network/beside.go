package network

import (
	"fmt"
	"slices"
)

// Beside returns the network whose outputs are the sums of those of a and b on
// the same inputs: their layers stand side by side, and only the last ones meet.
// Where one has fewer layers its values are copied along, exactly; values that
// may be negative are carried through a ReLU as their positive and their
// negative part. The network has a's precision and notes.
//
// The outputs of both must be affine and equal in number, and so must the inputs
// be; otherwise the error says what is in the way.
func Beside(a, b *Network) (*Network, error) {
	if a.Inputs() != b.Inputs() || a.Outputs() != b.Outputs() {
		return nil, fmt.Errorf("network: %d -> %d and %d -> %d cannot stand side by side", a.Inputs(), a.Outputs(), b.Inputs(), b.Outputs())
	}
	left, right := &strand{width: a.Inputs(), layers: a.Layers}, &strand{width: b.Inputs(), layers: b.Layers}
	for _, s := range []*strand{left, right} {
		if s.last().Act != Identity {
			return nil, fmt.Errorf("network: a network that ends in a ReLU cannot be added to another")
		}
	}
	sum := a.shallow()
	sum.Layers = nil
	for {
		act, more := nextActivation(left, right)
		if !more {
			break
		}
		sum.Layers = append(sum.Layers, sideBySide(left.step(act), right.step(act), len(sum.Layers) == 0))
	}
	if len(sum.Layers) == 0 { // both read the inputs: a layer that gives them twice
		sum.Layers = append(sum.Layers, sideBySide(left.step(Identity), right.step(Identity), true))
	}
	sum.Layers = append(sum.Layers, Layer{
		Map: &Sum{[]Map{left.end(), right.end()}}, Bias: addBiases(left.last(), right.last(), a.Precision), Name: left.last().Name,
	})
	return sum, nil
}

// A strand is one of two networks that are laid side by side.
type strand struct {
	layers   []Layer // those not yet laid; the last one stays
	width    int     // of the values that go into the next layer
	positive bool    // the values are outputs of a ReLU
	split    bool    // the values are the positive and the negative parts
}

func (s *strand) last() Layer { return s.layers[len(s.layers)-1] }

// nextActivation returns the activation of the next layer of both; affine layers
// come first, so that the other network only has to copy.
func nextActivation(a, b *strand) (act Activation, more bool) {
	act = ReLU
	for _, s := range []*strand{a, b} {
		if len(s.layers) > 1 {
			more = true
			if s.layers[0].Act == Identity {
				act = Identity
			}
		}
	}
	return act, more
}

// step returns the strand's next layer if it has the activation, and otherwise
// one that copies its values.
func (s *strand) step(act Activation) Layer {
	if len(s.layers) > 1 && s.layers[0].Act == act {
		l := s.layers[0]
		s.layers, s.width, s.positive = s.layers[1:], l.Width(), act == ReLU
		return l
	}
	if act == Identity || s.positive {
		return Layer{Map: multiples(s.width, 1), Act: act}
	}
	l := Layer{Map: &Stack{[]Map{multiples(s.width, 1), multiples(s.width, -1)}}, Act: ReLU}
	s.width, s.positive, s.split = 2*s.width, true, true
	return l
}

// end returns the map of the last layer, for values that may have been split.
func (s *strand) end() Map {
	m := s.last().Map
	if !s.split {
		return m
	}
	out, in := m.Dims()
	minus := NewDense(out, in, make([]float64, out*in))
	m.entries(func(i, j int, w float64) { minus.W[i*in+j] -= w })
	return &Sum{[]Map{m, minus}}
}

func multiples(width int, by float64) *Diagonal {
	d := make([]float64, width)
	for i := range d {
		d[i] = by
	}
	return &Diagonal{d}
}

// sideBySide joins two layers that read the same inputs, or inputs of their own.
func sideBySide(a, b Layer, shared bool) Layer {
	joined := Layer{Act: a.Act, Name: a.Name}
	if shared {
		joined.Map = &Stack{[]Map{a.Map, b.Map}}
	} else {
		joined.Map = &Blocks{[]Map{a.Map, b.Map}}
	}
	if a.Bias != nil || b.Bias != nil {
		joined.Bias = slices.Concat(biasOf(a), biasOf(b))
	}
	return joined
}

// biasOf returns the biases of a layer, zeros where it has none.
func biasOf(l Layer) []float64 {
	if l.Bias != nil {
		return l.Bias
	}
	return make([]float64, l.Width())
}

func addBiases(a, b Layer, precision Precision) []float64 {
	if a.Bias == nil && b.Bias == nil {
		return nil
	}
	sum := slices.Clone(biasOf(a))
	for i, v := range biasOf(b) {
		sum[i] = precision.Round(sum[i] + v)
	}
	return sum
}
