package phi

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The singular values that Rank counts are those that SingularValues lists, and
// SVD puts [Phi 1] together again.
func TestSpectrumAgreesWithRank(t *testing.T) {
	rng := seeded(31)
	for _, size := range [][2]int{{40, 7}, {7, 40}, {9, 9}, {1, 3}, {5, 1}} {
		a := random(rng, size[0], size[1])
		p := of(t, a, Options{})
		for _, ones := range []bool{false, true} {
			r, sigma := p.Rank(), p.SingularValues(ones)
			if ones {
				r = p.RankWithBias()
			}
			if sigma[0] != r.First || sigma[r.Rank-1] != r.Last {
				t.Errorf("%v: sigma %v against rank %v", size, sigma, r)
			}
			sigma[0] = -1 // the caller's own copy
			if p.SingularValues(ones)[0] < 0 {
				t.Errorf("%v: singular values are shared", size)
			}
		}
		d, err := p.SVD()
		if err != nil {
			t.Fatal(err)
		}
		b := withOnes(a)
		var scores, back mat.Dense
		scores.Mul(b, d.V)
		back.Mul(&scores, d.V.T())
		back.Sub(&back, b)
		if e := mat.Norm(&back, 2); e > 1e-12 {
			t.Errorf("%v: [Phi 1] V V^T is off by %g", size, e)
		}
		for k, s := range d.Sigma {
			if e := math.Abs(mat.Norm(scores.ColView(k), 2) - s); e > 1e-12 {
				t.Errorf("%v: score %d is off by %g", size, k, e)
			}
		}
		r, err := p.Reduced()
		if err != nil {
			t.Fatal(err)
		}
		var gram, want mat.Dense
		gram.Mul(r.T(), r)
		want.Mul(b.T(), b)
		gram.Sub(&gram, &want)
		if e := mat.Norm(&gram, 2); e > 1e-11 {
			t.Errorf("%v: inner products are off by %g", size, e)
		}
	}
	large := of(t, random(rng, 1100, 1100), Options{Quick: true})
	if _, err := large.SVD(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("SVD over the limits: %v", err)
	}
	if _, err := large.Reduced(); !errors.Is(err, ErrTooLarge) || large.SingularValues(false) != nil {
		t.Errorf("over the limits: %v", err)
	}
}
