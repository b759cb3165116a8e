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
	steep      int // exponent added to all slopes
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
				s := math.Ldexp(1, c.steep+rng.IntN(12))
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

// TestFindAwakeCoversEveryOrder puts the far end of each gate within rounding
// of other rows, so that it depends on the order of summation whether the gate
// is awake there.
func TestFindAwakeCoversEveryOrder(t *testing.T) {
	disputed := 0
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 9))
		const rows, d = 40, 9
		p := Precision(seed % 2)
		x := mat.NewDense(rows, d, nil)
		x.Apply(func(_, _ int, _ float64) float64 { return p.Round(rng.NormFloat64()) }, x)
		dir := NewDense(1, d, make([]float64, d))
		for j := range dir.W {
			dir.W[j] = p.Round(rng.NormFloat64())
		}
		ramps, gates := &Projected{P: dir, Pick: make([]int32, rows)}, &Diagonal{}
		var bias []float64
		for r := range rows { // gate r is asleep from t_r on, but for rounding
			s := math.Ldexp(1, rng.IntN(8))
			w := -1 - float64(seed/2%2)*p.Round(rng.Float64())
			top := p.Round(-1 / w)
			ramps.Scale, gates.D = append(ramps.Scale, s), append(gates.D, w)
			bias = append(bias, p.Round(top-s*p.Round(mat.Dot(mat.NewVecDense(d, dir.W), x.RowView(r)))))
		}
		n := &Network{Precision: p, Layers: []Layer{
			{Map: ramps, Bias: bias, Act: ReLU}, {Map: gates, Bias: repeat(rows, 1), Act: ReLU},
		}}
		n.Round()
		a, ok := FindAwake(n, x, 1)
		if !ok {
			t.Fatal("no gates found")
		}
		for r := range rows {
			listed := make([]bool, rows)
			for _, u := range a.Unit[a.RowPtr[r]:a.RowPtr[r+1]] {
				listed[u] = true
			}
			woke := make([]int, rows)
			const orders = 30
			for range orders {
				at := shuffledDot(p, rng, dir.W, x.RawRowView(r), 0)
				for i := range rows {
					h := max(0, shuffledDot(p, rng, []float64{ramps.Scale[i]}, []float64{at}, bias[i]))
					if shuffledDot(p, rng, []float64{gates.D[i]}, []float64{h}, 1) > 0 {
						woke[i]++
					}
				}
			}
			for i, times := range woke {
				if times > 0 && !listed[i] {
					t.Fatalf("seed %d: gate %d is awake on row %d in %d of %d orders and not listed", seed, i, r, times, orders)
				}
				if times > 0 && times < orders {
					disputed++
				}
			}
		}
	}
	if disputed < 20 {
		t.Errorf("only %d gates depend on the order: the test does not test", disputed)
	}
}

// shuffledDot returns bias + w.x in precision p, summed in a random order and
// fused at random.
func shuffledDot(p Precision, rng *rand.Rand, w, x []float64, bias float64) float64 {
	sum := bias
	fused := rng.IntN(2) == 0
	for _, j := range rng.Perm(len(w)) {
		switch {
		case fused && p == Float64:
			sum = math.FMA(w[j], x[j], sum)
		case fused: // a float32 product is exact in float64
			sum = p.Round(float64(w[j]*x[j]) + sum)
		default:
			sum = p.Round(sum + p.Round(float64(w[j]*x[j])))
		}
	}
	return sum
}

// TestFindAwakeListsLittleElse: the boxes are as tight as rounding allows.
func TestFindAwakeListsLittleElse(t *testing.T) {
	for _, p := range []Precision{Float64, Float32} {
		for _, smooth := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(4, 4))
			n, x := gateNetwork{n: 500, d: 4, m: 500, q: 2, precision: p, smooth: smooth, width: 1e-3}.build(rng)
			a, ok := FindAwake(n, x, 2)
			if !ok {
				t.Fatal("no gates found")
			}
			awake := 0
			for _, v := range n.Activations(x, 2).RawMatrix().Data {
				if v > 0 {
					awake++
				}
			}
			// A box holds the gate's polytope, which cuts its corners.
			if most := awake * 3 / 2; len(a.Unit) > most {
				t.Errorf("%v, smooth %v: %d pairs listed, %d awake", p, smooth, len(a.Unit), awake)
			}
		}
	}
}

// TestFindAwakeSkips leaves out the units that the caller names.
func TestFindAwakeSkips(t *testing.T) {
	n, x := gateNetwork{n: 30, d: 2, m: 30, q: 1, smooth: true, base: true, width: 0.1}.build(rand.New(rand.NewPCG(1, 1)))
	all, ok := FindAwake(n, x, 2)
	if !ok {
		t.Fatal("no gates found")
	}
	some, ok := FindAwake(n, x, 2, UnitRange{0, 2}, UnitRange{-5, 0}, UnitRange{32, 99})
	if !ok {
		t.Fatal("no gates found")
	}
	if len(all.Unit) != len(some.Unit)+2*30 {
		t.Errorf("%d and %d pairs", len(all.Unit), len(some.Unit))
	}
	for _, u := range some.Unit {
		if u < 2 {
			t.Fatalf("unit %d is listed", u)
		}
	}
}

// TestFindAwakeRefuses names what it cannot bound, by returning false.
func TestFindAwakeRefuses(t *testing.T) {
	build := func(change func(n *Network)) *Network {
		n, _ := gateNetwork{n: 5, d: 2, m: 5, q: 1, smooth: true, width: 0.1}.build(rand.New(rand.NewPCG(1, 1)))
		change(n)
		return n
	}
	x := mat.NewDense(5, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 0})
	if _, ok := FindAwake(build(func(*Network) {}), x, 2); !ok {
		t.Error("refused a network of gates")
	}
	for name, change := range map[string]func(n *Network){
		"affine gates":      func(n *Network) { n.Layers[2].Act = Identity },
		"affine thresholds": func(n *Network) { n.Layers[1].Act = Identity },
		"dense scaling":     func(n *Network) { n.Layers[0].Map = NewDense(2, 2, repeat(4, 1)) },
		"dense thresholds":  func(n *Network) { n.Layers[1].Map = NewDense(10, 2, repeat(20, 1)) },
		"projection of gates": func(n *Network) {
			n.Layers[2].Map = &Projected{NewDense(1, 10, repeat(10, 1)), make([]int32, 5), repeat(5, 1)}
		},
		"overflowing products": func(n *Network) { n.Layers[1].Map.(*Projected).Scale[3] = 1e307 },
		"projection in a sum": func(n *Network) {
			p := n.Layers[1].Map.(*Projected)
			half := &Projected{NewDense(1, 1, []float64{1}), p.Pick, p.Scale}
			n.Layers[1].Map = &Sum{Maps: []Map{half, half}}
		},
	} {
		if _, ok := FindAwake(build(change), x, 2); ok {
			t.Errorf("%s: not refused", name)
		}
	}
	wide, rows := gateNetwork{n: 600, d: 2, m: 600, q: 1, smooth: true, width: 1e6}.build(rand.New(rand.NewPCG(1, 1)))
	if _, ok := FindAwake(wide, rows, 2); ok {
		t.Error("gates that are all awake: not refused")
	}
	far := mat.NewDense(5, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, math.NaN()})
	n := build(func(*Network) {})
	if _, ok := FindAwake(n, far, 2); ok {
		t.Error("a row that is no number: not refused")
	}
	for _, layer := range []int{-1, 0, 1, 3} {
		if _, ok := FindAwake(n, x, layer); ok {
			t.Errorf("layer %d: not refused", layer)
		}
	}
}

// BenchmarkFindAwake has 100,000 gates on as many rows.
func BenchmarkFindAwake(b *testing.B) {
	n, x := gateNetwork{n: 100000, d: 20, m: 100000, q: 1, smooth: true, width: 1e-7, steep: 12}.build(rand.New(rand.NewPCG(1, 1)))
	for b.Loop() {
		if _, ok := FindAwake(n, x, 2); !ok {
			b.Fatal("no gates found")
		}
	}
}
