package phi

import (
	"errors"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Both members have the values of the given weights; the least-norm one is the
// projection on the row space, as singular vectors have it; the basic one uses no
// free unit.
func TestMembersHaveTheSameValues(t *testing.T) {
	rng := seeded(61)
	for _, shape := range [][3]int{{100, 30, 12}, {40, 60, 25}, {50, 20, 20}} {
		n, m, r := shape[0], shape[1], shape[2]
		var h mat.Dense
		h.Mul(random(rng, n, r), random(rng, r, m))
		p := of(t, &h, Options{})
		w := random(rng, m+1, 3)
		least, basic, rank, err := p.Members(w)
		if err != nil || rank != r+1 {
			t.Fatalf("%v: rank %d, %v; want %d", shape, rank, err, r+1)
		}
		svd, err := p.SVD()
		if err != nil {
			t.Fatal(err)
		}
		var along, want, d mat.Dense
		along.Mul(svd.V.T(), w)
		want.Mul(svd.V, &along)
		d.Sub(least, &want)
		if e := mat.Norm(&d, 2); e > 1e-10*mat.Norm(w, 2) {
			t.Errorf("%v: least norm is off by %g", shape, e)
		}
		b := withOnes(&h)
		for _, member := range []*mat.Dense{least, basic} {
			d.Reset()
			d.Sub(member, w)
			var change mat.Dense
			change.Mul(b, &d)
			if e := mat.Norm(&change, 2); e > 1e-9*mat.Norm(b, 2)*mat.Norm(w, 2) {
				t.Errorf("%v: values change by %g", shape, e)
			}
		}
		_, free, err := p.Essential()
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range free {
			if mat.Norm(basic.RowView(j), 2) != 0 {
				t.Errorf("%v: the basic member uses the free unit %d", shape, j)
			}
		}
	}
	if _, _, _, err := of(t, random(rng, 9, 5), Options{MaxFactor: 1}).Members(mat.NewDense(6, 1, nil)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limits: %v", err)
	}
}
