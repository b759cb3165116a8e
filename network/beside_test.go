package network

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// chain returns a random network of dense layers with the given activations.
func chain(rng *rand.Rand, widths []int, acts []Activation) *Network {
	net := &Network{}
	for i, act := range acts {
		m := NewDense(widths[i+1], widths[i], make([]float64, widths[i+1]*widths[i]))
		for k := range m.W {
			m.W[k] = rng.NormFloat64()
		}
		l := Layer{Map: m, Act: act}
		if rng.IntN(3) > 0 {
			l.Bias = make([]float64, widths[i+1])
			for k := range l.Bias {
				l.Bias[k] = rng.NormFloat64()
			}
		}
		net.Layers = append(net.Layers, l)
	}
	return net
}

// Side by side, networks of any depths and kinds of layers give the sum of what
// they give alone.
func TestBesideAddsOutputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for trial := range 200 {
		random := func() *Network {
			depth := 1 + rng.IntN(4)
			widths := []int{3}
			var acts []Activation
			for range depth {
				widths, acts = append(widths, 1+rng.IntN(5)), append(acts, Activation(rng.IntN(2)))
			}
			widths[depth], acts[depth-1] = 2, Identity
			return chain(rng, widths, acts)
		}
		a, b := random(), random()
		sum, err := Beside(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := sum.Validate(); err != nil {
			t.Fatalf("trial %d: %v\n%v%v", trial, err, a, b)
		}
		x := rowsFor(rng, 20, 3)
		var want mat.Dense
		want.Add(a.Forward(x), b.Forward(x))
		got := sum.Forward(x)
		for i, v := range want.RawMatrix().Data {
			if d := math.Abs(got.RawMatrix().Data[i] - v); d > 1e-9*(1+math.Abs(v)) {
				t.Fatalf("trial %d: %v instead of %v\n%v%v%v", trial, got.RawMatrix().Data[i], v, a, b, sum)
			}
		}
	}
}

func TestBesideSaysWhatDoesNotFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	a := chain(rng, []int{3, 2}, []Activation{Identity})
	for name, b := range map[string]*Network{
		"inputs":  chain(rng, []int{4, 2}, []Activation{Identity}),
		"outputs": chain(rng, []int{3, 1}, []Activation{Identity}),
		"a ReLU":  chain(rng, []int{3, 2}, []Activation{ReLU}),
	} {
		if _, err := Beside(a, b); err == nil {
			t.Errorf("networks that differ by %s stand side by side", name)
		}
	}
}
