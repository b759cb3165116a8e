package certify

import (
	"math/rand/v2"
	"testing"

	"hinge/network"
)

// TestTermsOfStacks compares the terms of stacked maps, by unit and by input,
// with the matrix written out.
func TestTermsOfStacks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(k int) []float64 {
		v := make([]float64, k)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		return v
	}
	m := &network.Sum{Maps: []network.Map{
		network.NewDense(4, 3, draw(12)),
		&network.Stack{Maps: []network.Map{&network.Diagonal{D: draw(2)}, network.NewDense(2, 2, draw(4))}},
	}}
	if !walkable(m) {
		t.Fatal("a stack of plain maps is not walkable")
	}
	flat := (&network.Network{Layers: []network.Layer{{Map: m}}}).Dense().Layers[0].Map.(*network.Dense)
	byUnit, byInput := network.NewDense(4, 5, make([]float64, 20)), network.NewDense(4, 5, make([]float64, 20))
	cols := newColumns(m)
	for i := range 4 {
		eachTerm(m, i, func(j int, w float64) { byUnit.Row(i)[j] += w })
	}
	for j := range 5 {
		cols.each(j, func(i int, w float64) { byInput.Row(i)[j] += w })
	}
	for k, w := range flat.W {
		if byUnit.W[k] != w || byInput.W[k] != w {
			t.Errorf("entry %d: %g by unit, %g by input, want %g", k, byUnit.W[k], byInput.W[k], w)
		}
	}
}
