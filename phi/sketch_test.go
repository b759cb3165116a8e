package phi

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// narrow bounds what may be spent so that only a sketch fits.
func narrow(n, k, l int) Options {
	return Options{MaxFactor: 4 * sketchPasses * float64(n) * float64(k) * float64(l+1)}
}

// spectra are shapes of singular values, k of k, from 1 down.
var spectra = []struct {
	name string
	at   func(j int) float64
}{
	{"geometric", func(j int) float64 { return math.Pow(0.8, float64(j)) }},
	{"harmonic", func(j int) float64 { return 1 / float64(j+1) }},
	{"step", func(j int) float64 {
		if j < 12 {
			return 1
		}
		return 1e-3
	}},
	{"flat", func(int) float64 { return 1 }},
}

// On known spectra the sketch bounds every singular value from below and, with
// its error, from above; the directions are those that the error says.
func TestSketchBoundsKnownSpectra(t *testing.T) {
	const n, m, l = 260, 90, 30
	for _, c := range spectra {
		t.Run(c.name, func(t *testing.T) {
			sigma := make([]float64, m)
			for j := range sigma {
				sigma[j] = c.at(j)
			}
			a := planted(seeded(51), n, m, sigma)
			s := of(t, a, Options{}).sketch(l, false)
			if s == nil {
				t.Fatal("no sketch")
			}
			const rounding = 1e-13
			for j, v := range s.Sigma {
				if v > sigma[j]+rounding || math.Hypot(v, s.Error) < sigma[j]-rounding {
					t.Errorf("singular value %d is %g; the sketch says %g to %g", j, sigma[j], v, math.Hypot(v, s.Error))
				}
			}
			// The true error, exactly, against its bound, which is no idle one.
			var scores, rest mat.Dense
			scores.Mul(a, s.V)
			rest.Mul(&scores, s.V.T())
			rest.Sub(a, &rest)
			left, _ := singularValues(&rest)
			if left[0] > s.Error || s.Error > 4*left[0]+rounding {
				t.Errorf("leaves out %g, bound %g", left[0], s.Error)
			}
			if least := sigma[l]; left[0] < least-rounding {
				t.Errorf("leaves out %g, less than the best %g", left[0], least)
			}
			if c.name == "geometric" && math.Abs(s.Sigma[9]/sigma[9]-1) > 1e-9 {
				t.Errorf("a fast spectrum: singular value 9 is %g, read as %g", sigma[9], s.Sigma[9])
			}
		})
	}
}

// A matrix of low rank, too wide for its singular values: the sketch knows the
// rank, with and without the bias, at planted gaps.
func TestSketchKnowsLowRanks(t *testing.T) {
	for _, small := range []float64{1e-3, 1e-6, 1e-9} {
		const n, m, rank = 300, 200, 14
		sigma := make([]float64, rank)
		for j := range sigma {
			sigma[j] = 1 - float64(j)/20
		}
		sigma[rank-1] = small
		a := planted(seeded(52), n, m, sigma)
		opt := narrow(n, m+1, 40)
		opt.Tolerance = 1e-11
		p := of(t, a, opt)
		if p.SingularValues(false) != nil {
			t.Fatal("the exact singular values fit; the test shows nothing")
		}
		r := newRank(p, false)
		if !p.rankBySketch(r, false) || r.Rank != rank || math.Abs(r.Last/small-1) > 1e-3 || !r.Estimated {
			t.Errorf("%g: %v, want rank %d", small, r, rank)
		}
		if r := p.RankWithBias(); r.Rank != rank+1 {
			t.Errorf("%g: with bias %v, want %d", small, r, rank+1)
		}
	}
}

// Where more is left out than the tolerance, the rank is a bound and no number.
func TestSketchSaysWhatItCannotKnow(t *testing.T) {
	const n, m = 300, 200
	a := random(seeded(53), n, m)
	p := of(t, a, narrow(n, m+1, 40))
	r := newRank(p, false)
	if !p.rankBySketch(r, false) || r.Known() || r.Lower < 35 || r.Lower > 41 || r.Upper != m {
		t.Errorf("%v between %d and %d, want unknown from about 40 to %d", r, r.Lower, r.Upper, m)
	}
	again := of(t, a, narrow(n, m+1, 40))
	s, _ := p.Sketch(false)
	u, err := again.Sketch(false)
	if err != nil || !mat.Equal(s.V, u.V) || s.Error != u.Error {
		t.Error("the same matrix has two sketches")
	}
	if _, err := of(t, a, Options{MaxFactor: 1}).Sketch(false); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a sketch for nothing: %v", err)
	}
}

// Sketches of streamed matrices are those of held ones.
func TestSketchStreamed(t *testing.T) {
	rng := seeded(54)
	x := random(rng, 2000, 4)
	net := shallowNet(rng, 4, 120, 1)
	opt := narrow(2000, 121, 20)
	whole := build(t, net, x, 0, opt)
	opt.MaxElements = 60000
	streamed := build(t, net, x, 0, opt)
	if streamed.Form() != StreamedForm {
		t.Fatalf("form %s", streamed.Form())
	}
	a, err := whole.Sketch(true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := streamed.Sketch(true)
	if err != nil {
		t.Fatal(err)
	}
	for j, v := range a.Sigma[:10] {
		if math.Abs(v/b.Sigma[j]-1) > 1e-9 {
			t.Errorf("singular value %d: %g held, %g streamed", j, v, b.Sigma[j])
		}
	}
}
