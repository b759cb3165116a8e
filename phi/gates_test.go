package phi

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/network"
)

// randomGates returns a network with thresholds along inputs and projections,
// and a second layer of random units on a few of them, in every kind of map.
func randomGates(t *rapid.T) (*network.Network, *mat.Dense) {
	rng := newRand(t)
	n, d, m := rapid.IntRange(1, 30).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "d"), rapid.IntRange(1, 12).Draw(t, "m")
	x := random(rng, n, d)
	projected := &network.Projected{P: network.NewDense(2, d, random(rng, 2, d).RawMatrix().Data)}
	for range 2 * m {
		projected.Pick = append(projected.Pick, int32(rng.IntN(2)))
		projected.Scale = append(projected.Scale, float64(rng.IntN(7)-3))
	}
	first := &network.Stack{Maps: []network.Map{&network.Diagonal{D: random(rng, 1, d).RawRowView(0)}, projected}}
	units := d + 2*m
	second := &network.Sparse{Out: m, In: units, RowPtr: []int{0}}
	for range m {
		for u := 0; u < units; u++ {
			if rng.IntN(units) < 4 {
				second.Col, second.Val = append(second.Col, int32(u)), append(second.Val, 3*rng.NormFloat64())
			}
		}
		second.RowPtr = append(second.RowPtr, len(second.Col))
	}
	halves := &network.Sum{Maps: []network.Map{
		network.NewDense(m, d, random(rng, m, d).RawMatrix().Data),
		&network.Diagonal{D: random(rng, 1, m).RawRowView(0)},
		&network.Diagonal{D: random(rng, 1, m).RawRowView(0)},
	}}
	layers := &network.Stack{Maps: []network.Map{second, halves}}
	bias := random(rng, 1, 2*m)
	bias.Scale(2, bias)
	net := &network.Network{
		Precision: rapid.SampledFrom([]network.Precision{network.Float64, network.Float32}).Draw(t, "precision"),
		Layers: []network.Layer{
			{Map: &network.Diagonal{D: random(rng, 1, d).RawRowView(0)}, Bias: random(rng, 1, d).RawRowView(0)},
			{Map: first, Bias: random(rng, 1, units).RawRowView(0), Act: network.ReLU},
			{Map: layers, Bias: bias.RawRowView(0), Act: network.ReLU},
			{Map: network.NewDense(1, 2*m, make([]float64, 2*m))},
		}}
	net.Round()
	return net, x
}

// Reading gates from structure finds what evaluating every entry finds, on
// any weights. Only entries within rounding of zero may be missed or added.
func TestGatesAgainstEvaluation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		net, x := randomGates(t)
		want := net.Activations(x, 2)
		n, m := want.Dims()
		layer := net.Layers[2]
		c, ok := readCoordinates(net, x, 1)
		if !ok || !c.all {
			t.Fatal("the thresholds were not recognised")
		}
		w := weightsOf(layer.Map, math.MaxInt)
		got := newGates(c).read(w, layer.Bias, nil, math.MaxInt)
		if got == nil {
			t.Fatal("the gates were not read")
		}
		tolerance := 1e3 * net.Precision.Eps() * (1 + largestEntry(want))
		for j := 0; j < m; j++ {
			for i := 0; i < n; i++ {
				if v := got.at(j, i); math.Abs(v-want.At(i, j)) > tolerance {
					t.Fatalf("row %d, gate %d: %v, evaluated %v", i, j, v, want.At(i, j))
				}
			}
		}
	})
}

// Narrow gates are read from few rows: their cost does not grow with n times m.
func TestGatesReadFewRows(t *testing.T) {
	rng := seeded(21)
	x := random(rng, 3000, 4)
	net := gateNet(rng, x, 3, network.Float64)
	c, _ := readCoordinates(net, x, 0)
	w := weightsOf(net.Layers[1].Map, math.MaxInt)
	if got := newGates(c).read(w, net.Layers[1].Bias, nil, 3*3000); got == nil || len(got.val) < 3000 {
		t.Error("3000 gates of width 1/1000 took more than 9000 rows")
	}
	if newGates(c).read(w, net.Layers[1].Bias, nil, 2999) != nil {
		t.Error("the limit on rows was not kept")
	}
}
