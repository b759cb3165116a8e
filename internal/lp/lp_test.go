package lp

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// separate answers for the rows of h and verifies the answer's proof afresh.
func separate(t testing.TB, h *mat.Dense, in []bool, opt Options) Result {
	t.Helper()
	p, err := NewPoints(h)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Separate(context.Background(), in, opt)
	verify(t, h, in, r)
	return r
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// verify checks a result in rational arithmetic, with none of the package's code.
func verify(t fataler, h *mat.Dense, in []bool, r Result) {
	t.Helper()
	n, m := h.Dims()
	switch r.Verdict {
	case Separable:
		for i := range n {
			weight := func(j int) *big.Rat {
				if len(r.Plane.Exact) > 0 {
					return new(big.Rat).Set(r.Plane.Exact[j])
				}
				return new(big.Rat).SetFloat64(append(r.Plane.W[:m:m], r.Plane.B)[j])
			}
			s := weight(m)
			for j := range m {
				x := weight(j)
				s.Add(s, x.Mul(x, new(big.Rat).SetFloat64(h.At(i, j))))
			}
			if in[i] && s.Sign() <= 0 || !in[i] && s.Sign() >= 0 {
				t.Fatalf("separable, but row %d (in the set: %v) has W.h + B = %v", i, in[i], s.FloatString(30))
			}
		}
	case Inseparable:
		sum := map[bool]*big.Rat{true: new(big.Rat), false: new(big.Rat)}
		at := make([]big.Rat, m)
		for k, i := range r.Common.Rows {
			w := new(big.Rat).SetFrac(r.Common.Num[k], r.Common.Den)
			if w.Sign() < 0 {
				t.Fatalf("a negative weight, %v", w)
			}
			sum[in[i]].Add(sum[in[i]], w)
			for j := range m {
				x := new(big.Rat).SetFloat64(signOf(in[i]) * h.At(i, j))
				at[j].Add(&at[j], x.Mul(x, w))
			}
		}
		one := big.NewRat(1, 1)
		if sum[true].Cmp(one) != 0 || sum[false].Cmp(one) != 0 {
			t.Fatalf("weights sum to %v and %v", sum[true], sum[false])
		}
		for j := range at {
			if at[j].Sign() != 0 {
				t.Fatalf("the points differ by %v in column %d", at[j].FloatString(30), j)
			}
		}
	}
	if !(r.Lower <= r.Upper) {
		t.Fatalf("%s: margin between %v and %v", r.Verdict, r.Lower, r.Upper)
	}
}

// planted returns n rows in m columns, separated by a hyperplane of the margin
// given with rows at exactly that distance, up to rounding of 2^-50.
func planted(rng *rand.Rand, n, m int, margin float64) (*mat.Dense, []bool) {
	u := make([]float64, m)
	for j := range u {
		u[j] = rng.NormFloat64()
	}
	norm := mat.Norm(mat.NewVecDense(m, u), 2)
	h, in := mat.NewDense(n, m, nil), make([]bool, n)
	for i := range n {
		row := h.RawRowView(i)
		var t float64
		for j := range row {
			u[j] /= norm
			row[j] = rng.NormFloat64()
			t += row[j] * u[j]
			u[j] *= norm
		}
		in[i] = i%2 == 0
		want := signOf(in[i]) * (margin + max(0, rng.NormFloat64())) // half of them on the edge
		for j := range row {
			row[j] += (want - t) * u[j] / norm
		}
	}
	return h, in
}

func TestPlantedMargins(t *testing.T) {
	for _, margin := range []float64{1e-3, 1e-6, 1e-9, 1e-12} {
		for _, size := range [][2]int{{20, 2}, {200, 5}, {400, 30}, {4000, 20}} {
			rng := rand.New(rand.NewPCG(7, uint64(size[0])))
			h, in := planted(rng, size[0], size[1], margin)
			r := separate(t, h, in, Options{})
			if r.Verdict != Separable {
				t.Errorf("margin %g, %v points: %s (%s), upper bound %g", margin, size, r.Verdict, r.Why, r.Upper)
				continue
			}
			if r.Upper < margin*(1-1e-2) {
				t.Errorf("margin %g, %v points: upper bound %g", margin, size, r.Upper)
			}
			t.Logf("margin %g, %v points: between %g and %g", margin, size, r.Lower, r.Upper)
		}
	}
}

func dense(rows ...[]float64) *mat.Dense {
	h := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		h.SetRow(i, r)
	}
	return h
}

func TestKnownCases(t *testing.T) {
	third := 1.0 / 3
	for _, c := range []struct {
		name   string
		h      *mat.Dense
		in     []bool
		want   Verdict
		margin float64
	}{
		{"xor", dense([]float64{0, 0}, []float64{1, 1}, []float64{0, 1}, []float64{1, 0}), []bool{true, true, false, false}, Inseparable, 0},
		{"and", dense([]float64{0, 0}, []float64{1, 1}, []float64{0, 1}, []float64{1, 0}), []bool{false, true, false, false}, Separable, math.Sqrt(0.5) / 2},
		{"touching in a vertex", dense([]float64{0, 0}, []float64{1, 1}, []float64{1, 1}, []float64{2, 3}), []bool{true, true, false, false}, Inseparable, 0},
		{"vertex on a facet", dense([]float64{0, 0, 0}, []float64{1, 0, 0}, []float64{0, 1, 0}, []float64{.25, .25, 0}, []float64{0, 0, 1}), []bool{true, true, true, false, false}, Inseparable, 0},
		{"vertex just off a facet", dense([]float64{0, 0, 0}, []float64{1, 0, 0}, []float64{0, 1, 0}, []float64{.25, .25, 0x1p-40}, []float64{0, 0, 1}), []bool{true, true, true, false, false}, Separable, 0x1p-41},
		{"edges that cross", dense([]float64{-1, 0, 0}, []float64{2, 0, 0}, []float64{0, -3, 0}, []float64{0, 1, 0}), []bool{true, true, false, false}, Inseparable, 0},
		{"edges that cross but for rounding", dense([]float64{0, 0}, []float64{third, third}, []float64{third, 0}, []float64{0, third}), []bool{true, true, false, false}, Inseparable, 0},
		{"a line, sorted", dense([]float64{1}, []float64{2}, []float64{3}, []float64{4}), []bool{true, true, false, false}, Separable, 0.5},
		{"a line, mixed", dense([]float64{1}, []float64{2}, []float64{3}, []float64{4}), []bool{true, false, false, true}, Inseparable, 0},
		{"equal rows", dense([]float64{1, 5}, []float64{1, 5}, []float64{3, 2}), []bool{true, false, false}, Inseparable, 0},
		{"0 and -0", dense([]float64{0}, []float64{math.Copysign(0, -1)}), []bool{true, false}, Inseparable, 0},
		{"all rows equal, one side", dense([]float64{1}, []float64{1}), []bool{true, true}, Separable, math.Inf(1)},
		{"an empty set", dense([]float64{1}, []float64{2}), []bool{false, false}, Separable, math.Inf(1)},
		{"huge numbers", dense([]float64{1e300, 1}, []float64{-1e300, 1}, []float64{0, 0}), []bool{true, true, false}, Separable, 0.5},
		{"tiny numbers", dense([]float64{5e-324}, []float64{1e-323}), []bool{true, false}, Separable, 0},
		{"far from the origin", dense([]float64{1e8, 1}, []float64{1e8, 2}, []float64{1e8 + 1, 1}), []bool{true, true, false}, Separable, 0.5},
	} {
		r := separate(t, c.h, c.in, Options{Gap: 1e-6})
		if r.Verdict != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, r.Verdict, r.Why, c.want)
			continue
		}
		if c.margin > 0 && !math.IsInf(c.margin, 1) && (r.Lower > c.margin*(1+1e-12) || r.Lower < c.margin*(1-1e-3) || r.Upper < c.margin*(1-1e-12)) {
			t.Errorf("%s: margin between %g and %g, it is %g", c.name, r.Lower, r.Upper, c.margin)
		}
	}
}

// Small integer grids are full of ties and of hulls that touch: no verdict may
// be missing, and every verdict carries its proof.
func TestGridsAreDecided(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 14).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "m")
		side := rapid.IntRange(1, 4).Draw(t, "side")
		unit := rapid.SampledFrom([]float64{1, 0.1, 1e-5, 3e7}).Draw(t, "unit")
		h, in := mat.NewDense(n, m, nil), make([]bool, n)
		for i := range n {
			for j := range m {
				h.Set(i, j, unit*float64(rapid.IntRange(0, side).Draw(t, "h")))
			}
			in[i] = rapid.Bool().Draw(t, "in")
		}
		p, err := NewPoints(h)
		if err != nil {
			t.Fatalf("%v", err)
		}
		r := p.Separate(context.Background(), in, Options{})
		if r.Verdict == Unknown {
			t.Fatalf("undecided: %s", r.Why)
		}
		verify(t, h, in, r)
		if m == 1 { // on a line the truth is plain
			low, high := map[bool]float64{true: math.Inf(1), false: math.Inf(1)}, map[bool]float64{true: math.Inf(-1), false: math.Inf(-1)}
			for i := range n {
				low[in[i]], high[in[i]] = min(low[in[i]], h.At(i, 0)), max(high[in[i]], h.At(i, 0))
			}
			if want := high[true] < low[false] || high[false] < low[true]; want != (r.Verdict == Separable) {
				t.Fatalf("%s", r.Verdict)
			}
		}
	})
}

// Both proofs cannot exist, so the simplex method in rational arithmetic must
// agree with the search wherever both answer.
func TestAgreesWithRationalSimplex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(2, 20).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "m")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		h, in := mat.NewDense(n, m, nil), make([]bool, n)
		for i := range n {
			for j := range m {
				h.Set(i, j, float64(float32(max(0, rng.NormFloat64())))) // as behind a ReLU
			}
			in[i] = i%2 == 0
		}
		p, err := NewPoints(h)
		if err != nil {
			t.Fatalf("%v", err)
		}
		r := p.Separate(context.Background(), in, Options{})
		verify(t, h, in, r)
		common, _, _, err := p.simplex(context.Background(), allRows(n), in)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if want := map[bool]Verdict{true: Inseparable, false: Separable}[common != nil]; r.Verdict != want {
			t.Fatalf("%s (%s), the simplex method says %s", r.Verdict, r.Why, want)
		}
	})
}

// Numbers from the whole range of float64 neither panic nor yield a wrong proof.
func TestExtremeNumbers(t *testing.T) {
	extremes := []float64{math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 1e-300, 1e300, 1, -1, 0, math.Copysign(0, -1), 1 + 0x1p-52}
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 10).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "m")
		h, in := mat.NewDense(n, m, nil), make([]bool, n)
		for i := range n {
			for j := range m {
				h.Set(i, j, rapid.SampledFrom(extremes).Draw(t, "h"))
			}
			in[i] = rapid.Bool().Draw(t, "in")
		}
		p, err := NewPoints(h)
		if err != nil {
			t.Fatalf("%v", err)
		}
		verify(t, h, in, p.Separate(context.Background(), in, Options{Patience: time.Second}))
	})
}

// A point inside the other side's hull, in many columns: the support is large
// and its weights are fractions of thousands of digits.
func TestLargeSupport(t *testing.T) {
	for _, m := range []int{30, 100} {
		rng := rand.New(rand.NewPCG(11, uint64(m)))
		n := 6 * m
		h, in := mat.NewDense(n, m, nil), make([]bool, n)
		for i := range n {
			for j := range m {
				h.Set(i, j, rng.NormFloat64())
			}
			in[i] = i%2 == 0
		}
		r := separate(t, h, in, Options{})
		if r.Verdict != Inseparable {
			t.Fatalf("%d columns: %s (%s)", m, r.Verdict, r.Why)
		}
		t.Logf("%d columns: %d rows, denominator of %d bits", m, len(r.Common.Rows), r.Common.Den.BitLen())
	}
}

func TestWrongWitnessesAreRejected(t *testing.T) {
	h := dense([]float64{0, 0}, []float64{2, 2}, []float64{0, 2}, []float64{2, 0})
	in := []bool{true, true, false, false}
	p, _ := NewPoints(h)
	good := func() *Common { return &Common{Rows: []int{0, 1, 2, 3}, Num: ones(4), Den: big.NewInt(2)} }
	if err := p.CheckCommon(good(), in); err != nil {
		t.Fatalf("the true witness: %v", err)
	}
	for name, spoil := range map[string]func(c *Common){
		"a weight changed":      func(c *Common) { c.Num[0].SetInt64(2) },
		"both sums off":         func(c *Common) { c.Den.SetInt64(3) },
		"no denominator":        func(c *Common) { c.Den.SetInt64(0) },
		"other weights, sums 1": func(c *Common) { c.Num[0].SetInt64(0); c.Num[1].SetInt64(2) },
		"a negative weight":     func(c *Common) { c.Num[0].SetInt64(-1); c.Num[1].SetInt64(3) },
		"a row twice":           func(c *Common) { c.Rows[0] = 1 },
		"no such row":           func(c *Common) { c.Rows[3] = 4 },
		"a weight missing":      func(c *Common) { c.Num = c.Num[:3] },
		"no weight":             func(c *Common) { c.Num[2] = nil },
	} {
		c := good()
		if spoil(c); p.CheckCommon(c, in) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	line := []bool{false, true, false, false}
	if margin, bad := p.Check(&Hyperplane{W: []float64{1, 1}, B: -3}, line); len(bad) > 0 || margin <= 0.7 || margin > math.Sqrt(0.5) {
		t.Errorf("the true hyperplane: margin %v, violated %v", margin, bad)
	}
	for name, plane := range map[string]*Hyperplane{
		"through a point": {W: []float64{1, 1}, B: -2},
		"turned round":    {W: []float64{-1, -1}, B: 3},
		"nothing":         {W: []float64{0, 0}, B: 0},
		"too short":       {W: []float64{1}, B: -3},
		"not a number":    {W: []float64{1, math.NaN()}, B: -3},
	} {
		if _, bad := p.Check(plane, line); len(bad) == 0 {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBadPoints(t *testing.T) {
	for _, h := range []*mat.Dense{nil, {}, dense([]float64{1, math.NaN()}), dense([]float64{math.Inf(1)})} {
		if _, err := NewPoints(h); err == nil {
			t.Errorf("%v: accepted", h)
		}
	}
}

func TestPatience(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	h, in := planted(rng, 2000, 200, 1e-9)
	start := time.Now()
	r := separate(t, h, in, Options{Patience: 100 * time.Millisecond})
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("patience of 0.1 s lasted %v", d)
	}
	if r.Verdict == Unknown && r.Why == "" {
		t.Error("unknown, and no reason")
	}
}

func BenchmarkSeparate(b *testing.B) {
	for _, c := range []struct {
		n, m   int
		margin float64
	}{{4000, 20, 1e-3}, {20000, 128, 1e-2}, {4000, 64, 0}} {
		rng := rand.New(rand.NewPCG(1, 2))
		h, in := planted(rng, c.n, c.m, c.margin)
		if c.margin == 0 {
			for i := range in {
				in[i] = rng.IntN(2) == 0
			}
		}
		b.Run(fmt.Sprintf("n=%d/m=%d/margin=%g", c.n, c.m, c.margin), func(b *testing.B) {
			for b.Loop() {
				p, err := NewPoints(h)
				if err != nil {
					b.Fatal(err)
				}
				if r := p.Separate(context.Background(), in, Options{}); r.Verdict == Unknown {
					b.Fatal(r.Why)
				}
			}
		})
	}
}
