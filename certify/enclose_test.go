package certify

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// randomChain is a network of dense ReLU layers of the given widths.
func randomChain(rng *rand.Rand, precision network.Precision, widths ...int) *network.Network {
	net := &network.Network{Precision: precision}
	for i := 1; i < len(widths); i++ {
		m := network.NewDense(widths[i], widths[i-1], make([]float64, widths[i]*widths[i-1]))
		for k := range m.W {
			m.W[k] = rng.NormFloat64()
		}
		bias := make([]float64, widths[i])
		for k := range bias {
			bias[k] = rng.NormFloat64()
		}
		net.Layers = append(net.Layers, network.Layer{Map: m, Bias: bias, Act: network.ReLU})
	}
	net.Round()
	return net
}

// shuffled returns what a runtime computes that sums the terms of every unit in
// a random order.
func shuffled(rng *rand.Rand, net *network.Network, x []float64) []float64 {
	round := net.Precision.Round
	h := append([]float64(nil), x...)
	for _, l := range net.Layers {
		m := l.Map.(*network.Dense)
		next := make([]float64, m.Out)
		for i := range next {
			terms := []float64{l.Bias[i]}
			for j, w := range m.Row(i) {
				terms = append(terms, round(w*h[j]))
			}
			rng.Shuffle(len(terms), func(a, b int) { terms[a], terms[b] = terms[b], terms[a] })
			sum := terms[0]
			for _, t := range terms[1:] {
				sum = round(sum + t)
			}
			next[i] = max(sum, 0)
		}
		h = next
	}
	return h
}

// Whatever the order of summation, computed values lie in the enclosure, layer
// by layer and in one go, and units said to sleep are 0.
func TestEnclosureHoldsEveryOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := randomChain(rng, precision, 7, 12, 9, 5)
		x := mat.NewDense(600, 7, nil)
		for k := range x.RawMatrix().Data {
			x.RawMatrix().Data[k] = precision.Round(rng.NormFloat64())
		}
		whole, err := Enclose(net, x, 3)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := Enclose(net, x, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range net.Layers {
			steps = steps.Layer(l)
		}
		asleep := 0
		for i := range 600 {
			got := shuffled(rng, net, x.RawRowView(i))
			for j, v := range got {
				for _, e := range []*Enclosure{whole, steps} {
					if off := math.Abs(v - e.Centre.At(i, j)); !(off <= e.Bound(i, j)*(1+1e-12)) {
						t.Fatalf("%v, row %d, unit %d: %v lies %g from %v, the radius is %g", precision, i, j, v, off, e.Centre.At(i, j), e.Bound(i, j))
					}
					if e.Asleep(i, j) {
						asleep++
						if v != 0 {
							t.Fatalf("%v, row %d: the sleeping unit %d gives %v", precision, i, j, v)
						}
					}
				}
			}
		}
		if asleep < 600 {
			t.Errorf("%v: only %d units sleep: the test says little", precision, asleep)
		}
	}
}

func TestEncloseSaysWhatDoesNotFit(t *testing.T) {
	net := randomChain(rand.New(rand.NewPCG(7, 8)), network.Float64, 3, 2)
	if _, err := Enclose(net, mat.NewDense(2, 4, nil), 1); err == nil {
		t.Error("rows of 4 numbers pass for a network of 3 inputs")
	}
	if _, err := Enclose(net, mat.NewDense(2, 3, nil), 2); err == nil {
		t.Error("a network of one layer has two")
	}
}
