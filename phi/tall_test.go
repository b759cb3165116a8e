package phi

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// tallest is the floor of two stages relative to the largest singular value, as
// measured on the matrices below, with room: Householder's QR reaches 1e-15.
const tallest = 1e-13

// The stages give R to the last digits that float64 has, whatever the smallest
// singular values are: as QR does, and where the Gram matrix itself is blind.
func TestStagesSeeWhatTheGramMatrixHides(t *testing.T) {
	rng := seeded(41)
	for _, small := range []float64{1, 1e-3, 1e-6, 1e-9, 1e-11, 0} {
		for _, shape := range [][2]int{{400, 12}, {900, 70}} {
			n, m := shape[0], shape[1]
			t.Run(fmt.Sprintf("%g/%dx%d", small, n, m), func(t *testing.T) {
				sigma := make([]float64, m)
				for k := range sigma {
					sigma[k] = 5 * math.Pow(0.9, float64(k))
				}
				for k := m - 3; k < m; k++ {
					sigma[k] = small * float64(m-k)
				}
				a := planted(rng, n, m, sigma)
				p := of(t, a, Options{Tolerance: 1e-11})
				checkFactor(t, p, withOnes(a))
			})
		}
	}
}

// checkFactor compares the stages with QR and with B itself.
func checkFactor(t *testing.T, p *Matrix, b *mat.Dense) {
	t.Helper()
	r, q := p.stagedFactor(), p.householder()
	if r == nil {
		t.Fatal("the stages do not settle")
	}
	got, ok := singularValues(r)
	want, ok2 := singularValues(q)
	if !ok || !ok2 {
		t.Fatal("no singular values")
	}
	for k, v := range want {
		if math.Abs(got[k]-v) > tallest*want[0] {
			t.Errorf("singular value %d is %g, by QR %g", k, got[k], v)
		}
	}
	var gram, inner mat.Dense
	gram.Mul(r.T(), r)
	inner.Mul(b.T(), b)
	gram.Sub(&gram, &inner)
	if e := mat.Norm(&gram, 2); e > tallest*want[0]*want[0] {
		t.Errorf("R^T R is off by %g", e)
	}
	for i := range p.m + 1 {
		for j := range i {
			if r.At(i, j) != 0 {
				t.Fatalf("R is not triangular at (%d, %d)", i, j)
			}
		}
	}
}

// Dead units, duplicates, and columns of very different lengths.
func TestStagesOnAwkwardColumns(t *testing.T) {
	rng := seeded(42)
	a := random(rng, 500, 20)
	for i := range 500 {
		row := a.RawRowView(i)
		row[3], row[11] = 0, 0
		row[5] = 2 * row[4]
		row[6] *= 1e30
		row[7] *= 1e-30
		row[8] = row[9] + 1e-9*row[8]
		row[10] = 1 // the bias once more
	}
	p := of(t, a, Options{})
	r := p.stagedFactor()
	if r == nil {
		t.Fatal("the stages do not settle")
	}
	if mat.Norm(r.ColView(3), 2) != 0 || mat.Norm(r.ColView(11), 2) != 0 {
		t.Error("dead units are not zero in R")
	}
	// Column by column, R holds lengths and angles of B: scale them away.
	unit := func(a mat.Matrix) *mat.Dense {
		c := mat.DenseCopyOf(a)
		n, m := c.Dims()
		for j := range m {
			if s := mat.Norm(c.ColView(j), 2); s > 0 {
				for i := range n {
					c.Set(i, j, c.At(i, j)/s)
				}
			}
		}
		return c
	}
	got, _ := singularValues(unit(r))
	want, _ := singularValues(unit(withOnes(a)))
	for k, v := range want {
		if math.Abs(got[k]-v) > tallest*want[0] {
			t.Errorf("singular value %d of the scaled columns is %g, truly %g", k, got[k], v)
		}
	}
}

// Numbers whose squares leave float64 go to QR.
func TestStagesLeaveExtremesToQR(t *testing.T) {
	a := random(seeded(43), 3000, 300)
	for i := range 3000 {
		a.Set(i, 0, a.At(i, 0)*1e200)
		a.Set(i, 1, a.At(i, 1)*1e-200)
	}
	p := of(t, a, Options{})
	if p.stagedFactor() != nil {
		t.Error("columns of 1e200 and 1e-200 were squared")
	}
	r := p.rFactor()
	for j, want := range []float64{1e200, 1e-200} {
		if length := mat.Norm(r.ColView(j), 2) / want; !(length > 40 && length < 70) {
			t.Errorf("column %d of R has length %g of about 55", j, length)
		}
	}
}

// The blocks are as small as the memory asks for; the factor is the same.
func TestStagesByBlocks(t *testing.T) {
	rng := seeded(44)
	x := random(rng, 4000, 5)
	net := shallowNet(rng, 5, 60, 1)
	whole := build(t, net, x, 0, Options{Tolerance: 1e-12})
	streamed := build(t, net, x, 0, Options{Tolerance: 1e-12, MaxElements: 70000})
	if streamed.Form() != StreamedForm || streamed.rowsOfBlock(61) > 100 {
		t.Fatalf("%s, blocks of %d rows", streamed.Form(), streamed.rowsOfBlock(61))
	}
	a, _ := singularValues(whole.stagedFactor())
	b, _ := singularValues(streamed.stagedFactor())
	for k := range a {
		if math.Abs(a[k]-b[k]) > tallest*a[0] {
			t.Errorf("singular value %d: %g whole, %g by blocks", k, a[k], b[k])
		}
	}
}
