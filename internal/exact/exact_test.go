package exact

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// rational returns w.x + b in rational arithmetic.
func rational(w, x []float64, b float64) *big.Rat {
	sum := new(big.Rat).SetFloat64(b)
	for j, v := range w {
		t := new(big.Rat).SetFloat64(v)
		sum.Add(sum, t.Mul(t, new(big.Rat).SetFloat64(x[j])))
	}
	return sum
}

// anyFloat draws any finite float64, denormals and extremes included.
func anyFloat(t *rapid.T, label string) float64 {
	bits := rapid.Uint64().Draw(t, label)
	if x := math.Float64frombits(bits); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return x
	}
	return float64(int64(bits)>>12) * 0x1p-20
}

func TestDotIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		w, x := make([]float64, n), make([]float64, n)
		for j := range w {
			w[j], x[j] = anyFloat(t, "w"), anyFloat(t, "x")
		}
		b := anyFloat(t, "b")
		if n > 1 && rapid.Bool().Draw(t, "cancel") { // so that all but the last bits cancel
			w[0], x[0] = w[1], -x[1]
		}
		want := rational(w, x, b)
		if got := Side(w, x, b); got != want.Sign() {
			t.Fatalf("Side(%v, %v, %v) = %d, the exact sum is %v", w, x, b, got, want.FloatString(20))
		}
		f, _ := want.Float64()
		if got := Dot(w, x, b); got != f {
			t.Fatalf("Dot(%v, %v, %v) = %v, want %v", w, x, b, got, f)
		}
	})
}

func TestEncloseHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		w, x := make([]float64, n), make([]float64, n)
		scale := math.Ldexp(1, rapid.IntRange(-530, 500).Draw(t, "exponent"))
		for j := range w {
			w[j], x[j] = scale*rapid.Float64Range(-1, 1).Draw(t, "w"), scale*rapid.Float64Range(-1, 1).Draw(t, "x")
		}
		b := rapid.Float64Range(-1, 1).Draw(t, "b") * scale * scale
		s, e := Enclose(w, x, b)
		off := new(big.Rat).SetFloat64(s)
		off.Sub(off, rational(w, x, b))
		if off.Abs(off).Cmp(new(big.Rat).SetFloat64(e)) > 0 {
			t.Fatalf("the sum is %v off, and the bound is %v", off.FloatString(30), e)
		}
	})
}

// Signs that a float64 evaluation gets wrong, whatever it does.
func TestSideWhereFloatsFail(t *testing.T) {
	big, tiny := math.MaxFloat64, math.SmallestNonzeroFloat64
	for _, c := range []struct {
		w, x []float64
		b    float64
		want int
	}{
		{nil, nil, 0, 0},
		{[]float64{1e16, 1, -1e16}, []float64{1, 1, 1}, 0, 1},
		{[]float64{big, -big}, []float64{big, big}, -tiny, -1}, // overflows
		{[]float64{tiny}, []float64{tiny}, 0, 1},               // underflows
		{[]float64{tiny, -tiny}, []float64{tiny, tiny}, 0, 0},
		{[]float64{0.1, 0.1, 0.1}, []float64{1, 1, 1}, -0.3, 1}, // 0.1 + 0.1 + 0.1 > 0.3 as stored
		{[]float64{0.1, -0.1}, []float64{3, 3}, 0, 0},
	} {
		if got := Side(c.w, c.x, c.b); got != c.want {
			t.Errorf("Side(%v, %v, %v) = %d, want %d", c.w, c.x, c.b, got, c.want)
		}
	}
}

func TestNotFinitePanics(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, other := range []float64{0, 1, math.Inf(1)} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("a product of %v and %v was accepted", bad, other)
					}
				}()
				Side([]float64{bad, 1}, []float64{other, 0}, 0)
			}()
		}
	}
}

func TestReset(t *testing.T) {
	var a Accumulator
	a.Add(-3)
	a.Reset()
	a.Add(2)
	if a.Sign() != 1 || a.Float64() != 2 {
		t.Errorf("2 after Reset: sign %d, value %v", a.Sign(), a.Float64())
	}
}

func BenchmarkSide(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	w, x := make([]float64, 256), make([]float64, 256)
	for j := range w {
		w[j], x[j] = rng.NormFloat64(), rng.NormFloat64()
	}
	on := -Dot(w, x, 0)
	b.Run("clear", func(b *testing.B) {
		for b.Loop() {
			Side(w, x, 1)
		}
	})
	b.Run("doubtful", func(b *testing.B) {
		for b.Loop() {
			Side(w, x, on)
		}
	})
}
