package network

import (
	"fmt"
	"slices"
)

// New are units to be added to a layer.
type New struct {
	W    [][]float64 // k x in: their weights
	Bias []float64   // k
	// Out holds, for each of the k units, its weights in every unit of the next
	// layer; nil for units that the next layer does not read yet.
	Out [][]float64
	// Merged writes a dense layer and its new units as one matrix. Otherwise they
	// stay apart, and so do the sums of the next layer: first the old terms, in
	// the order that they always had, then the new ones. A matrix of another
	// width may be summed in another order.
	Merged bool
}

// AddUnits returns the network with units added at the end of layer l, and
// their weights to the next layer's. All that was there keeps its place and its
// numbers, and its operations unless Merged, so a unit that is exactly 0 on a row
// leaves every output as it was on that row. It shares what it does not change
// with n.
//
// It panics when l is the last layer or a length does not fit.
func (n *Network) AddUnits(l int, units New) *Network {
	k := len(units.W)
	if l < 0 || l+1 >= len(n.Layers) || len(units.Bias) != k || units.Out != nil && len(units.Out) != k {
		panic(fmt.Sprintf("network: %d units with %d biases and %d output weights cannot be added to layer %d of %d", k, len(units.Bias), len(units.Out), l, len(n.Layers)))
	}
	grown := n.shallow()
	this, next := &grown.Layers[l], &grown.Layers[l+1]
	width := this.Width()
	if this.Bias == nil {
		this.Bias = make([]float64, width)
	}
	this.Bias = slices.Concat(this.Bias, units.Bias)
	this.Map = addOutputs(this.Map, units.W, units.Merged)
	next.Map = addInputs(next.Map, k, units.Out, units.Merged)
	return grown
}

// InsertCopy returns the network with a ReLU layer that copies the outputs of
// layer l put behind it. The outputs of a ReLU are not negative, so every number
// is copied exactly, and the function is the same bit for bit. It panics when
// layer l has no ReLU.
func (n *Network) InsertCopy(l int, name string) *Network {
	if n.Layers[l].Act != ReLU {
		panic("network: only the outputs of a ReLU can be copied by another")
	}
	width := n.Layers[l].Width()
	ones := make([]float64, width)
	for i := range ones {
		ones[i] = 1
	}
	grown := n.shallow()
	grown.Layers = slices.Insert(grown.Layers, l+1, Layer{Map: &Diagonal{D: ones}, Act: ReLU, Name: name})
	return grown
}

// shallow returns a copy of the network whose layers and notes can be replaced.
func (n *Network) shallow() *Network {
	c := *n
	c.Layers = slices.Clone(n.Layers)
	c.Meta = make(map[string]string, len(n.Meta))
	for k, v := range n.Meta {
		c.Meta[k] = v
	}
	return &c
}

// addOutputs returns m with rows w below it.
func addOutputs(m Map, w [][]float64, merged bool) Map {
	_, in := m.Dims()
	flat := make([]float64, 0, len(w)*in)
	for _, row := range w {
		if len(row) != in {
			panic(fmt.Sprintf("network: a unit with %d weights for %d inputs", len(row), in))
		}
		flat = append(flat, row...)
	}
	if d, ok := m.(*Dense); ok && merged {
		return NewDense(d.Out+len(w), in, slices.Concat(d.W, flat))
	}
	added := NewDense(len(w), in, flat)
	if s, ok := m.(*Stack); ok {
		return &Stack{slices.Concat(s.Maps, []Map{added})}
	}
	return &Stack{[]Map{m, added}}
}

// addInputs returns m with k inputs more, input j with the weights w[j], or with
// weights 0 when w is nil.
func addInputs(m Map, k int, w [][]float64, merged bool) Map {
	out, in := m.Dims()
	for _, column := range w {
		if len(column) != out {
			panic(fmt.Sprintf("network: a unit with %d output weights for %d units", len(column), out))
		}
	}
	if d, ok := m.(*Dense); ok && merged {
		wide := NewDense(out, in+k, make([]float64, out*(in+k)))
		for i := range out {
			row := wide.Row(i)
			copy(row, d.Row(i))
			for j, column := range w {
				row[in+j] = column[i]
			}
		}
		return wide
	}
	added := &Sparse{Out: out, In: k, RowPtr: make([]int, 1, out+1)}
	for i := range out {
		for j, column := range w {
			if column[i] != 0 {
				added.Col, added.Val = append(added.Col, int32(j)), append(added.Val, column[i])
			}
		}
		added.RowPtr = append(added.RowPtr, len(added.Val))
	}
	if s, ok := m.(*Sum); ok {
		return &Sum{slices.Concat(s.Maps, []Map{added})}
	}
	return &Sum{[]Map{m, added}}
}
