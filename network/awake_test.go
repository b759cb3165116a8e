package network

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// gateNetwork is a layer of random gates: m units, each with a left and a
// right threshold on each of q projections, around random rows of x.
type gateNetwork struct {
	n, d, m, q int
	precision  Precision
	smooth     bool // weights that are powers of two
	deep       bool // units of the first layer passed on, and added to the gates
	base       bool // free units beside the gates
	width      float64
}

func (c gateNetwork) build(rng *rand.Rand) (*Network, *mat.Dense) {
	x := mat.NewDense(c.n, c.d, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return c.precision.Round(3 + 2*rng.NormFloat64()) }, x)
	scale := Layer{Map: &Diagonal{D: repeat(c.d, 0.5)}, Bias: repeat(c.d, -1.5)}
	if !c.smooth {
		scale = Layer{Map: &Diagonal{D: repeat(c.d, 0.3)}, Bias: repeat(c.d, -0.7)}
	}
	n := &Network{Layers: []Layer{scale}, Precision: c.precision}
	n.Round()
	h := n.Eval(x)
	p := NewDense(c.q, c.d, make([]float64, c.q*c.d))
	for i := range p.W {
		p.W[i] = c.precision.Round(rng.NormFloat64())
	}
	ramps, bias := &Projected{P: p}, []float64(nil)
	sum := &Sum{}
	for k := range c.q {
		for _, sign := range []float64{1, -1} {
			d := &Diagonal{}
			for i := range c.m {
				t := mat.Dot(mat.NewVecDense(c.d, p.Row(k)), h.RowView(i%c.n))
				s := math.Ldexp(1, rng.IntN(12))
				w := -1.0
				if !c.smooth {
					s, w = s*(1+rng.Float64()), -1-3*rng.Float64()
				}
				ramps.Pick = append(ramps.Pick, int32(k))
				ramps.Scale = append(ramps.Scale, sign*s)
				bias = append(bias, -s*(sign*t+c.width*rng.Float64()))
				d.D = append(d.D, w)
			}
			sum.Maps = append(sum.Maps, d)
		}
	}
	first := Layer{Map: ramps, Bias: bias, Act: ReLU}
	second := Layer{Map: sum, Bias: repeat(c.m, 1), Act: ReLU}
	if c.deep {
		pass := &Diagonal{D: repeat(c.d, 1)}
		first = Layer{Map: &Stack{Maps: []Map{pass, ramps}}, Bias: append(repeat(c.d, 4), bias...), Act: ReLU}
		dense := NewDense(c.m, c.d, make([]float64, c.m*c.d))
		for i := range dense.W {
			dense.W[i] = rng.NormFloat64() / 4
		}
		second.Map = &Sum{Maps: append([]Map{dense}, sum.Maps...)}
	}
	if c.base {
		free := NewDense(3, c.d, repeat(3*c.d, 0.25))
		first = Layer{Map: &Stack{Maps: []Map{free, ramps}}, Bias: append(repeat(3, 1), bias...), Act: ReLU}
		second = Layer{Map: &Blocks{Maps: []Map{NewDense(2, 3, repeat(6, 0.5)), sum}}, Bias: append(repeat(2, 0.5), second.Bias...), Act: ReLU}
	}
	n.Layers = append(n.Layers, first, second)
	n.Round()
	return n, x
}

func repeat(n int, v float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// TestFindAwakeListsEveryAwakeUnit compares with evaluating everything: in the
// network's precision, in float64, and exactly.
func TestFindAwakeListsEveryAwakeUnit(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		c := gateNetwork{
			n: 1 + rng.IntN(60), d: 1 + rng.IntN(6), q: 1 + rng.IntN(3), width: math.Pow(10, -4*rng.Float64()),
			precision: Precision(seed % 2), smooth: seed/2%2 == 0, deep: seed/4%3 == 1, base: seed/4%3 == 2,
		}
		c.m = 1 + rng.IntN(2*c.n)
		n, x := c.build(rng)
		if err := n.Validate(); err != nil {
			t.Fatal(err)
		}
		a, ok := FindAwake(n, x, 2)
		if !ok {
			t.Fatalf("seed %d: no gates found in\n%v", seed, n)
		}
		truth := []*mat.Dense{n.Activations(x, 2), n.Forward(x), n.Forward32(x)}
		for r := range c.n {
			listed := make(map[int]bool)
			for _, u := range a.Unit[a.RowPtr[r]:a.RowPtr[r+1]] {
				listed[int(u)] = true
			}
			exact := n.EvalExact(x.RawRowView(r))
			for i := range exact {
				awake := exact[i].Sign() > 0 || truth[0].At(r, i) > 0 || truth[1].At(r, i) > 0
				awake = awake || n.Precision == Float32 && truth[2].At(r, i) > 0
				if awake && !listed[i] {
					t.Fatalf("seed %d %+v: unit %d is awake on row %d and not listed", seed, c, i, r)
				}
			}
		}
	}
}
