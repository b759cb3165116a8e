package lp

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

// hard holds sets that floating point finds hard, each of n rows and m columns.
var hard = map[string]func(rng *rand.Rand, n, m int) (*mat.Dense, []bool){
	"columns of twelve decades": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := randomSides(rng, n, m)
		return stretch(rng, h), in
	},
	"the same, separable": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := planted(rng, n, m, 1e-4)
		return stretch(rng, h), in
	},
	"rank 3 but for rounding": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		_, in := randomSides(rng, n, 1)
		a, _ := randomSides(rng, n, 3)
		b, _ := randomSides(rng, 3, m)
		h := mat.NewDense(n, m, nil)
		h.Mul(a, b)
		return h, in
	},
	"float32 behind a ReLU": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := randomSides(rng, n, m)
		h.Apply(func(_, _ int, v float64) float64 { return float64(float32(max(0, v-1))) }, stretch(rng, h))
		return h, in
	},
	"a plane through points of a grid": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := randomSides(rng, n, m)
		h.Apply(func(_, _ int, v float64) float64 { return math.Round(2 * v) }, h)
		for i := range in {
			var s float64
			for j := range m {
				s += h.At(i, j) * float64(j%3-1)
			}
			in[i] = s >= 0
		}
		return h, in
	},
	"far from the origin": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := randomSides(rng, n, m)
		h.Apply(func(_, _ int, v float64) float64 { return 1e6 + v }, h)
		return h, in
	},
	"an outlier": func(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
		h, in := randomSides(rng, n, m)
		h.Set(0, 0, 1e9)
		return h, in
	},
}

// randomSides returns normal rows, each in the set with probability 1/4.
func randomSides(rng *rand.Rand, n, m int) (*mat.Dense, []bool) {
	h, in := mat.NewDense(n, m, nil), make([]bool, n)
	h.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, h)
	for i := range in {
		in[i] = rng.IntN(4) == 0
	}
	return h, in
}

// stretch multiplies every column of h by a number between 1e-6 and 1e6.
func stretch(rng *rand.Rand, h *mat.Dense) *mat.Dense {
	_, m := h.Dims()
	by := make([]float64, m)
	for j := range by {
		by[j] = math.Pow(10, rng.Float64()*12-6)
	}
	h.Apply(func(_, j int, v float64) float64 { return v * by[j] }, h)
	return h
}

// Every one of them is decided, and quickly.
func TestHardSetsAreDecided(t *testing.T) {
	for name, make := range hard {
		for seed := range uint64(4) {
			rng := rand.New(rand.NewPCG(seed, 5))
			n, m := 50+rng.IntN(400), 2+rng.IntN(20)
			h, in := make(rng, n, m)
			p, err := NewPoints(h)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			r := p.Separate(context.Background(), in, Options{Patience: 20 * time.Second})
			if r.Verdict == Unknown {
				t.Errorf("%s, %d rows x %d columns (seed %d): unknown after %v: %s", name, n, m, seed, time.Since(start), r.Why)
			}
			verify(t, h, in, r)
		}
	}
}

// The coordinates of the fine frame are affine functions of the rows: its
// hyperplanes have the same values there as in terms of the rows.
func TestFineFrame(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	h, _ := hard["rank 3 but for rounding"](rng, 60, 8)
	p, err := NewPoints(h)
	if err != nil {
		t.Fatal(err)
	}
	f := p.fineFrame(context.Background())
	replaced := 0
	for c, combo := range f.combo {
		if combo != nil {
			replaced++
		}
		var squares float64
		for t := range f.z {
			squares += f.z[t][c] * f.z[t][c]
		}
		if squares < 1 {
			t.Errorf("coordinate %d was not scaled up", c)
		}
	}
	if replaced != 5 {
		t.Errorf("%d columns replaced, want 5", replaced)
	}
	w := make([]float64, len(p.columns))
	for c := range w {
		w[c] = rng.NormFloat64()
	}
	_, fine := p.hyperplane(f, w, 0.25)
	var first *big.Rat // all values share one positive factor, that of row 0
	var scale float64
	for i := range 60 {
		z := mat.Dot(mat.NewVecDense(len(w), w), mat.NewVecDense(len(w), f.z[p.place[i]])) - 0.25
		value := new(big.Rat).Set(fine.Exact[p.m])
		for j, v := range fine.Exact[:p.m] {
			x := new(big.Rat).SetFloat64(h.At(i, j))
			value.Add(value, x.Mul(x, v))
		}
		if first == nil {
			first, scale = value, z
		}
		got, _ := new(big.Rat).Quo(value, first).Float64()
		if math.Abs(got*scale-z) > 1e-9 {
			t.Errorf("row %d: %v in the frame, %v in terms of the rows", i, z, got*scale)
		}
	}
}
