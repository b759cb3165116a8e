package certify

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// scales are families of numbers that a float32 product may or may not hold.
var scales = map[string]func(rng *rand.Rand) float64{
	"ordinary":   func(rng *rand.Rand) float64 { return rng.NormFloat64() },
	"with zeros": func(rng *rand.Rand) float64 { return rng.NormFloat64() * float64(rng.IntN(2)) },
	"wide":       func(rng *rand.Rand) float64 { return math.Ldexp(1+rng.Float64(), rng.IntN(90)-50) },
	"ends":       func(rng *rand.Rand) float64 { return []float64{least32, most32, 0}[rng.IntN(3)] },
	"past ends":  func(rng *rand.Rand) float64 { return []float64{least32 / 2, most32 * 2, 1}[rng.IntN(3)] },
	"tiny":       func(rng *rand.Rand) float64 { return math.Ldexp(rng.NormFloat64(), -140) },
	"huge":       func(rng *rand.Rand) float64 { return math.Ldexp(rng.NormFloat64(), 140) },
	"subnormal":  func(rng *rand.Rand) float64 { return math.Ldexp(rng.NormFloat64(), -1060) },
	"mixed":      func(rng *rand.Rand) float64 { return math.Ldexp(rng.NormFloat64(), rng.IntN(900)-450) },
	"one speck":  func(rng *rand.Rand) float64 { return []float64{1, 1, 1, 1, 1, 1, 1, 1e-300}[rng.IntN(8)] },
}

func draw(rng *rand.Rand, n int, from func(rng *rand.Rand) float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = from(rng)
	}
	return v
}

// exactRadius returns sum_j |w_j| ((gamma_k + g) |c_j| + (1 + gamma_k) e_j) +
// (gamma_k + g) |b| in 400 bits, the bound of arithmetic.go.
func exactRadius(a arithmetic, w []float64, b float64, in batch, r int) *big.Float {
	k := in.awake(r) + 1
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(math.Abs(v)) }
	gc, ge := number(a.gammaCentered(k)), number(1+a.gamma(k))
	total := new(big.Float).SetPrec(400).Mul(gc, number(b))
	for j, weight := range w {
		v := new(big.Float).SetPrec(400).Mul(gc, number(in.c.Row(r)[j]))
		v.Add(v, new(big.Float).SetPrec(400).Mul(ge, number(in.e.Row(r)[j])))
		total.Add(total, v.Mul(v, number(weight)))
	}
	return total
}

// The radii of a dense map are no less than the bound, computed with 400 bits,
// and at most half a thousandth more, whatever the scale of weights and inputs.
func TestRadiiOfEveryScale(t *testing.T) {
	const d, units, rows = 150, 10, 4
	for weights, drawWeight := range scales {
		for inputs, drawInput := range scales {
			t.Run(fmt.Sprint(weights, " weights, ", inputs, " inputs"), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(9, 9))
				m := network.NewDense(units, d, draw(rng, units*d, drawWeight))
				bias := draw(rng, units, drawInput)
				for _, prec := range []network.Precision{network.Float64, network.Float32} {
					l := newLayer(newArithmetic(prec), network.Layer{Map: m, Bias: bias})
					in := newBatch(rows, d)
					copy(in.c.Data, draw(rng, rows*d, drawInput))
					for i := range in.e.Data {
						if i%3 > 0 && in.c.Data[i] != 0 {
							in.e.Data[i] = math.Abs(in.c.Data[i]) * l.u * rng.Float64() * 100
						}
					}
					compareRadii(t, l, in, l.apply(in))
				}
			})
		}
	}
}

func compareRadii(t *testing.T, l *layer, in, out batch) {
	t.Helper()
	m := l.Map.(*network.Dense)
	floor := 4 * float64(m.In) * l.tiny
	for r := 0; r < out.c.Rows; r++ {
		for i := 0; i < out.c.Cols; i++ {
			want := exactRadius(l.arithmetic, m.Row(i), l.Bias[i], in, r)
			got := out.e.Row(r)[i]
			if new(big.Float).SetFloat64(got).Cmp(want) < 0 {
				t.Fatalf("%v: radius %v of unit %d, row %d is less than the bound %v", l.Precision, got, i, r, want)
			}
			bound, _ := want.Float64()
			for _, w := range m.Row(i) {
				bound += math.Abs(w) * 0x1p-1022 // subnormal inputs count as normal ones
			}
			if most := (bound + floor) * 1.0005; got > most && bound < l.u*l.huge/2 {
				t.Fatalf("%v: radius %v of unit %d, row %d, the bound is %v", l.Precision, got, i, r, bound)
			}
		}
	}
}

// Networks of hostile scales: every result of any order of summation, in rows
// wide enough for the products of matrices, lies in the balls.
func TestBallsHoldHostileScales(t *testing.T) {
	const d, units, rows = 120, 30, 4
	for name, from := range scales {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(4, 4))
			for _, prec := range []network.Precision{network.Float64, network.Float32} {
				rounded := func(v []float64) []float64 {
					for i := range v {
						if v[i] = prec.Round(v[i]); math.IsInf(v[i], 0) {
							v[i] = 1
						}
					}
					return v
				}
				net := &network.Network{Precision: prec, Layers: []network.Layer{
					{Map: network.NewDense(units, d, rounded(draw(rng, units*d, from))), Bias: rounded(draw(rng, units, from)), Act: network.ReLU},
					{Map: network.NewDense(2, units, rounded(draw(rng, 2*units, from)))},
				}}
				x := mat.NewDense(rows, d, rounded(normals(rng, rows*d)))
				checkBalls(t, net, x, rng)
			}
		})
	}
}

func checkBalls(t *testing.T, net *network.Network, x *mat.Dense, rng *rand.Rand) {
	t.Helper()
	rows, _ := x.Dims()
	out := newProof(net, x).outputs(0, rows)
	for r := 0; r < rows; r++ {
		for range 30 {
			for j, v := range (&runtimeLike{net.Precision, rng}).eval(net, x.RawRowView(r)) {
				if z := out.at(r, j); math.Abs(v-z.c) > z.e {
					t.Fatalf("%v: output %d of row %d is %v, outside %v +- %v", net.Precision, j, r, v, z.c, z.e)
				}
			}
		}
	}
}

// What is safe for float32 is taken there and nothing else is.
func TestSafeExtents(t *testing.T) {
	for _, c := range []struct {
		numbers []float64
		safe    bool
	}{
		{nil, true},
		{[]float64{0}, true},
		{[]float64{0, 1, least32, most32}, true},
		{[]float64{math.Nextafter(least32, 0)}, false},
		{[]float64{1, math.Nextafter(most32, math.Inf(1))}, false},
		{[]float64{0, math.SmallestNonzeroFloat64}, false},
		{[]float64{1, math.Inf(1)}, false},
		{[]float64{math.NaN(), 1}, false},
	} {
		var whole, parts extent
		for _, v := range c.numbers {
			whole, parts = whole.with(v), parts.and(extent{}.with(v))
		}
		if whole.safe() != c.safe || parts != whole {
			t.Errorf("%v: safe %v, %v in parts, want %v", c.numbers, whole.safe(), parts.safe(), c.safe)
		}
	}
}

// Ordinary layers take the float32 product, wide and hostile ones do not.
func TestWhichProduct(t *testing.T) {
	for _, c := range []struct {
		in     int
		weight float64
		single bool
	}{
		{784, 1, true}, {784, 0, true}, {784, 1e-300, false}, {784, 1e20, false}, {maxTerms32 + 1, 1, false},
	} {
		w := make([]float64, c.in)
		w[0] = c.weight
		m := newMagnitudes(network.NewDense(1, c.in, w))
		if got := len(m.single.Data) > 0; got != c.single {
			t.Errorf("%d inputs, a weight of %v: float32 %v, want %v", c.in, c.weight, got, c.single)
		}
	}
}
