package construct

import (
	"fmt"
	"math"

	"hinge/network"
)

// network writes the layers: the look-up of the group, and the peel.
func (k *packed) network(input network.Layer, u []float64) *network.Network {
	net := &network.Network{Precision: k.precision, Layers: []network.Layer{input, k.ramps(u), k.lookup(), k.gather()}}
	s := peelState{z: k.outputs, over: -1, under: -1, width: k.outputs + 1}
	for o := range k.outputs {
		s.words = append(s.words, []int{o})
	}
	for bit := k.bits*k.cells - 1; bit >= 0; bit-- {
		split := newWiring(s.width)
		next := k.split(split, s, bit)
		join := newWiring(next.width)
		s = k.join(join, next, bit)
		net.Layers = append(net.Layers,
			split.layer(network.ReLU, fmt.Sprintf("split%d", bit)), join.layer(network.ReLU, fmt.Sprintf("bit%d", bit)))
	}
	return k.finish(net, s)
}

// ramps returns the first layer: over_g for all groups but the last, under_g for
// all but the first, and t itself from the first point on.
func (k *packed) ramps(u []float64) network.Layer {
	gaps := len(k.groups) - 1
	m := &network.Projected{P: network.NewDense(1, len(u), u), Pick: make([]int32, 2*gaps+1), Scale: make([]float64, 2*gaps+1)}
	bias := make([]float64, 2*gaps+1)
	for g := range gaps {
		a, b := k.t[k.groups[g].to-1], k.t[k.groups[g+1].from]
		slope := rampSlope(b - a)
		m.Scale[g], bias[g] = slope, -slope*k.precision.Round(a+(b-a)/4)
		m.Scale[gaps+g], bias[gaps+g] = -slope, slope*k.precision.Round(b-(b-a)/4)
	}
	m.Scale[2*gaps], bias[2*gaps] = 1, -k.t[0]
	return network.Layer{Map: m, Bias: bias, Act: network.ReLU, Name: "ramps"}
}

// rampSlope returns a power of two that takes a ramp over three quarters of the
// gap to 3 or more.
func rampSlope(gap float64) float64 {
	_, exp := math.Frexp(gap)
	return math.Ldexp(1, 3-exp)
}

// lookup returns the second layer: for each output the words of all groups, then
// the places in all groups; those of other groups sleep.
func (k *packed) lookup() network.Layer {
	groups := len(k.groups)
	l := newWiring(2*groups - 1)
	closed := func(g int, by float64) (wires []wire) {
		if g < groups-1 {
			wires = append(wires, wire{g, -by})
		}
		if g > 0 {
			wires = append(wires, wire{groups - 1 + g - 1, -by})
		}
		return wires
	}
	for o := range k.outputs {
		for g, group := range k.groups {
			l.unit(k.words(group)[o], closed(g, math.Ldexp(1, wordBits(k.precision)))...)
		}
	}
	for g, group := range k.groups {
		slope := k.precision.Round(1 / group.width)
		start := k.precision.Round(0.5 - slope*(k.t[group.from]-k.t[0]))
		l.unit(start, append(closed(g, k.closing(g, slope)), wire{2*groups - 2, slope})...)
	}
	return l.layer(network.ReLU, "lookup")
}

// closing returns the factor of the ramps that puts the place of group g below 0
// on all other groups: at a distance D >= gap from the group the place is at most
// cells + slope D; the ramp is at least 3 D/gap.
func (k *packed) closing(g int, slope float64) float64 {
	gap := 0.0
	if g > 0 {
		gap = k.t[k.groups[g].from] - k.t[k.groups[g-1].to-1]
	}
	if g < len(k.groups)-1 {
		gap = max(gap, k.t[k.groups[g+1].from]-k.t[k.groups[g].to-1])
	}
	_, exp := math.Frexp(float64(k.groups[g].cells) + 2*slope*gap)
	return math.Ldexp(1, exp)
}

// gather returns the third layer: the word of each output, and the place.
func (k *packed) gather() network.Layer {
	groups := len(k.groups)
	l := newWiring(groups * (k.outputs + 1))
	for o := range k.outputs + 1 {
		wires := make([]wire, groups)
		for g := range wires {
			wires[g] = wire{o*groups + g, 1}
		}
		l.unit(0, wires...)
	}
	return l.layer(network.ReLU, "words")
}

// peelState says which outputs of a layer are what; indices are -1 or lists empty
// where there is none yet.
type peelState struct {
	words       [][]int // per output: the parts of the word, all but one of them 0
	z           int     // the place
	bits        []int   // per output: the bit just taken
	over, under int     // ramps around its cell
	kept        []int   // per output: the label so far
	width       int

	high, above []int // per output, between split and join: s(L - 2^k), s(L - 2^k + 1)
	hits        []int // per output: the bit taken before, if of the row's cell
}

// split writes the first layer of a bit: the word compared, and the bit before
// let through or not.
func (k *packed) split(l *wiring, s peelState, bit int) peelState {
	next := peelState{over: -1, under: -1}
	top := math.Ldexp(1, bit)
	for o := range k.outputs {
		var word []wire
		for _, part := range s.words[o] {
			word = append(word, wire{part, 1})
		}
		next.high = append(next.high, l.unit(-top, word...))
		next.above = append(next.above, l.unit(1-top, word...))
		next.words = append(next.words, []int{l.unit(0, word...)})
	}
	next.z = l.unit(0, wire{s.z, 1})
	k.let(l, s, &next)
	next.width = len(l.bias)
	return next
}

// let writes the units that let the bits taken pass in the row's cell, and those
// that keep the labels so far.
func (k *packed) let(l *wiring, s peelState, next *peelState) {
	for o := range s.bits {
		next.hits = append(next.hits, l.unit(0, wire{s.bits[o], 1}, wire{s.over, -1}, wire{s.under, -1}))
	}
	for o := range s.kept {
		next.kept = append(next.kept, l.unit(0, wire{s.kept[o], 1}))
	}
}

// join writes the second layer of a bit: the bit, the word without it, the ramps
// around its cell, and the labels with the bit before.
func (k *packed) join(l *wiring, s peelState, bit int) peelState {
	next := peelState{}
	for o := range k.outputs {
		low := l.unit(0, wire{s.high[o], 1})
		rest := l.unit(0, wire{s.above[o], -math.Ldexp(1, bit+1)}, wire{s.words[o][0], 1})
		next.words = append(next.words, []int{low, rest})
		next.bits = append(next.bits, l.unit(0, wire{s.high[o], -1}, wire{s.above[o], 1}))
	}
	cell, steep := float64(bit/k.bits), 1/packedMargin
	next.z = l.unit(0, wire{s.z, 1})
	next.over = l.unit(-steep*(cell+1-packedMargin), wire{s.z, steep})
	next.under = l.unit(steep*(cell+packedMargin), wire{s.z, -steep})
	k.keep(l, s, &next, bit+1)
	next.width = len(l.bias)
	return next
}

// keep writes the labels so far with the bit before, which is bit bit of the word.
func (k *packed) keep(l *wiring, s peelState, next *peelState, bit int) {
	for o := range s.hits {
		wires := []wire{{s.hits[o], math.Ldexp(1, bit%k.bits)}}
		if len(s.kept) > 0 {
			wires = append(wires, wire{s.kept[o], 1})
		}
		next.kept = append(next.kept, l.unit(0, wires...))
	}
}

// finish adds the last bit and the least target.
func (k *packed) finish(net *network.Network, s peelState) *network.Network {
	letting := newWiring(s.width)
	let := peelState{}
	k.let(letting, s, &let)
	keeping := newWiring(len(letting.bias))
	kept := peelState{}
	k.keep(keeping, let, &kept, 0)
	out := newWiring(len(keeping.bias))
	for o := range k.outputs {
		out.unit(k.least[o], wire{kept.kept[o], 1})
	}
	net.Layers = append(net.Layers, letting.layer(network.ReLU, "let"), keeping.layer(network.ReLU, "label"), out.layer(network.Identity, "output"))
	return net
}
