package network

import (
	"fmt"
	"math/big"
)

// EvalExact evaluates the network on one row (d numbers) in rational
// arithmetic: the outputs are those of the function that the stored weights
// define, with no rounding at all. It costs thousands of times a float64
// evaluation and is meant for single rows. It panics when x has not d numbers.
func (n *Network) EvalExact(x []float64) []*big.Rat {
	if len(x) != n.Inputs() {
		panic(fmt.Sprintf("network: a row of %d numbers for a network of %d inputs", len(x), n.Inputs()))
	}
	h := make([]*big.Rat, len(x))
	for j, v := range x {
		h[j] = new(big.Rat).SetFloat64(v)
	}
	for i := range n.Layers {
		h = n.Layers[i].evalExact(h)
	}
	return h
}

func (l *Layer) evalExact(h []*big.Rat) []*big.Rat {
	out := make([]*big.Rat, l.Width())
	for i := range out {
		out[i] = new(big.Rat)
		if l.Bias != nil {
			out[i].SetFloat64(l.Bias[i])
		}
	}
	addExact(l.Map, out, h)
	if l.Act == ReLU {
		for _, z := range out {
			if z.Sign() < 0 {
				z.SetInt64(0)
			}
		}
	}
	return out
}

// addExact adds W h to z, skipping the zeros of h.
func addExact(m Map, z, h []*big.Rat) {
	var w, term big.Rat
	switch m := m.(type) {
	case *Projected:
		t := make([]*big.Rat, m.P.Out)
		for k := range t {
			t[k] = new(big.Rat)
		}
		addExact(m.P, t, h)
		for j, k := range m.Pick {
			w.SetFloat64(m.Scale[j])
			z[j].Add(z[j], term.Mul(&w, t[k]))
		}
	case *Stack:
		for _, part := range m.Maps {
			out, _ := part.Dims()
			addExact(part, z[:out], h)
			z = z[out:]
		}
	case *Sum:
		for _, part := range m.Maps {
			_, in := part.Dims()
			addExact(part, z, h[:in])
			h = h[in:]
		}
	case *Blocks:
		for _, part := range m.Maps {
			out, in := part.Dims()
			addExact(part, z[:out], h[:in])
			z, h = z[out:], h[in:]
		}
	default:
		m.entries(func(i, j int, v float64) {
			if v != 0 && h[j].Sign() != 0 {
				w.SetFloat64(v)
				z[i].Add(z[i], term.Mul(&w, h[j]))
			}
		})
	}
}
