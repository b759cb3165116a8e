package network

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// grownFrom are networks of one dense and one structured kind: 3 inputs, 4
// units, 2 outputs.
func grownFrom(rng *rand.Rand) map[string]*Network {
	dense := func(out, in int) *Dense {
		m := NewDense(out, in, make([]float64, out*in))
		for i := range m.W {
			m.W[i] = rng.NormFloat64()
		}
		return m
	}
	sparse := &Sparse{Out: 2, In: 4, RowPtr: []int{0, 2, 3}, Col: []int32{0, 3, 1}, Val: []float64{1, -2, 0.5}}
	plain := &Network{Layers: []Layer{{Map: dense(4, 3), Act: ReLU}, {Map: dense(2, 4), Bias: []float64{1, 2}}}}
	return map[string]*Network{
		"dense": plain, "merged": plain,
		"structured": {Layers: []Layer{
			{Map: &Stack{[]Map{dense(3, 3), &Projected{P: dense(1, 3), Pick: []int32{0}, Scale: []float64{2}}}}, Bias: []float64{1, 0, -1, 2}, Act: ReLU},
			{Map: sparse},
		}},
	}
}

func rowsFor(rng *rand.Rand, n, d int) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	for i := range x.RawMatrix().Data {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	return x
}

// Added units add their own share to the outputs, and nothing else moves.
func TestAddUnitsAddsTheirShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, net := range grownFrom(rng) {
		x := rowsFor(rng, 50, 3)
		before := net.Digest()
		grown := net.AddUnits(0, New{W: [][]float64{{1, -1, 2}, {0, 0, 1}}, Bias: []float64{0.5, -9}, Out: [][]float64{{3, 0}, {1, 1}}, Merged: name == "merged"})
		if net.Digest() != before {
			t.Fatalf("%s: the network itself was changed", name)
		}
		if err := grown.Validate(); err != nil || grown.Units() != net.Units()+2 {
			t.Fatalf("%s: %v units, %v", name, grown.Units(), err)
		}
		old, now := net.Forward(x), grown.Forward(x)
		for i := range 50 {
			r := x.RawRowView(i)
			a, b := max(0, r[0]-r[1]+2*r[2]+0.5), max(0, r[2]-9)
			want := []float64{old.At(i, 0) + 3*a + b, old.At(i, 1) + b}
			for j, w := range want {
				if d := now.At(i, j) - w; d > 1e-12 || d < -1e-12 {
					t.Errorf("%s, row %d, output %d: %v instead of %v", name, i, j, now.At(i, j), w)
				}
			}
		}
	}
}

// A unit that sleeps leaves every output as it was, bit for bit, and so does a
// copying layer.
func TestSleepingUnitsChangeNoBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, net := range grownFrom(rng) {
		x := rowsFor(rng, 50, 3)
		grown := net.AddUnits(0, New{W: [][]float64{{0, 0, 0}}, Bias: []float64{-1}, Out: [][]float64{{7, 7}}}).InsertCopy(0, "copy")
		if !mat.Equal(net.Forward(x), grown.Forward(x)) || !mat.Equal(net.Forward32(x), grown.Forward32(x)) {
			t.Errorf("%s: outputs moved", name)
		}
	}
}
