package network

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestElementwiseEncloses compares with exact arithmetic and with every
// rounding of the scaling layers.
func TestElementwiseEncloses(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	touched := 0
	for trial := range 2000 {
		p := Precision(trial % 2)
		number := func() float64 { return p.Round(rng.NormFloat64() * math.Ldexp(1, rng.IntN(20)-10)) }
		n := &Network{Precision: p}
		for range 1 + rng.IntN(3) {
			d := []float64{number(), 0.25, 0}[rng.IntN(3)]
			n.Layers = append(n.Layers, Layer{Map: &Diagonal{D: []float64{d}}, Bias: []float64{number()}, Act: Activation(rng.IntN(2))})
		}
		x := rng.NormFloat64()
		h, e := make([]float64, 1), make([]float64, 1)
		n.elementwise(h, e, []float64{x}, nil, len(n.Layers))
		inside := func(v *big.Rat, how string) {
			gap := new(big.Rat).SetFloat64(h[0])
			gap.Sub(gap, v)
			if f, _ := gap.Abs(gap).Float64(); f > e[0] {
				t.Fatalf("trial %d, %v: %s gives %v, outside %v +- %v", trial, p, how, v.FloatString(30), h[0], e[0])
			} else if f > 0 {
				touched++
			}
		}
		inside(n.EvalExact([]float64{x})[0], "exact arithmetic")
		for range 4 {
			v := p.Round(x)
			for i := range n.Layers {
				l := &n.Layers[i]
				v = shuffledDot(p, rng, l.Map.(*Diagonal).D, []float64{v}, l.Bias[0])
				if l.Act == ReLU {
					v = max(v, 0)
				}
			}
			inside(new(big.Rat).SetFloat64(v), "rounding")
		}
	}
	if touched < 100 {
		t.Errorf("only %d of the values differ from the centre", touched)
	}
}

// TestReachesHolds: from the returned number on, the threshold is at z however
// it is rounded; a little before it, it is not.
func TestReachesHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for trial := range 20000 {
		p := Precision(trial % 2)
		s := p.Round(rng.NormFloat64() * math.Ldexp(1, rng.IntN(30)-10))
		if trial/2%2 == 0 {
			s = math.Copysign(math.Ldexp(1, rng.IntN(30)-10), s)
		}
		b := p.Round(rng.NormFloat64() * math.Ldexp(1, rng.IntN(20)))
		z := rng.ExpFloat64()
		at := reaches(p, s, b, z)
		beyond := math.Copysign(math.Inf(1), s)
		tt := at
		if p == Float32 { // the first number of the precision at or beyond
			tt = float64(float32(at))
			if (tt-at)*s < 0 {
				tt = float64(math.Nextafter32(float32(tt), float32(beyond)))
			}
		}
		for range 20 {
			for range 3 {
				if v := shuffledDot(p, rng, []float64{s}, []float64{tt}, b); v < z {
					t.Fatalf("trial %d, %v: s=%v b=%v z=%v: %v at %v, promised from %v", trial, p, s, b, z, v, tt, at)
				}
			}
			if p == Float32 {
				tt = float64(math.Nextafter32(float32(tt), float32(beyond)))
			} else {
				tt = math.Nextafter(tt, beyond)
			}
		}
		slack := 64*p.Eps()*(z+math.Abs(b))/math.Abs(s) + 4*p.Eps()*math.Abs(at)
		if before := at - math.Copysign(slack, s); s*before+b >= z {
			t.Fatalf("trial %d, %v: s=%v b=%v z=%v: promised from %v only", trial, p, s, b, z, at)
		}
	}
}

// TestListMeetsBruteForce compares with testing every row against every gate,
// with intervals of very different widths.
func TestListMeetsBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for trial := range 100 {
		n, m, q := 1+rng.IntN(40), 1+rng.IntN(40), 1+rng.IntN(3)
		intervals := func(count int) (lo, hi [][]float64) {
			lo, hi = matrix(q, count), matrix(q, count)
			for k := range q {
				for i := range count {
					lo[k][i] = float64(rng.IntN(60))
					hi[k][i] = lo[k][i] + float64(rng.IntN(4)*rng.IntN(10))
					if rng.IntN(15) == 0 {
						lo[k][i] = math.Inf(-1)
					}
				}
			}
			return lo, hi
		}
		rows, gates := &rowBoxes{}, &gateBoxes{asleep: make([]bool, m)}
		rows.lo, rows.hi = intervals(n)
		gates.lo, gates.hi = intervals(m)
		gates.asleep[rng.IntN(m)] = true
		a, ok := list(rows, gates)
		if !ok {
			t.Fatal("refused")
		}
		for r := range n {
			var want []int32
			for i := range m {
				meets := !gates.asleep[i]
				for k := range q {
					meets = meets && rows.lo[k][r] < gates.hi[k][i] && rows.hi[k][r] > gates.lo[k][i]
				}
				if meets {
					want = append(want, int32(i))
				}
			}
			got := a.Unit[a.RowPtr[r]:a.RowPtr[r+1]]
			if len(got) != len(want) {
				t.Fatalf("trial %d, row %d: %v, want %v", trial, r, got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("trial %d, row %d: %v, want %v", trial, r, got, want)
				}
			}
		}
	}
}
