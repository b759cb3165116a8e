package phi

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// seminormal solves least squares with a tall matrix B that is too large to
// hold, from its R factor alone:
//
//	R^T R x = B^T y,
//
// in two passes over the rows. By itself that is no better than the normal
// equations; with one step of refinement, which Solve makes, its error is that
// of QR as long as cond(B) is below about 1e8 (Björck 1987, corrected
// seminormal equations). R is taken apart by its singular values, so a
// rank-deficient B gives the least norm.
type seminormal struct {
	p     *Matrix
	ones  bool
	v     mat.Dense // width x rank
	sigma []float64 // rank
}

// newSeminormal returns nil when the singular values did not converge.
func newSeminormal(p *Matrix, width int) *seminormal {
	r := p.reduced()
	rows, _ := r.Dims()
	var svd mat.SVD
	if !svd.Factorize(r.Slice(0, rows, 0, width), mat.SVDThinV) {
		return nil
	}
	s := &seminormal{p: p, ones: width > p.m}
	var rank Rank
	rank.decide(svd.Values(nil), p.tolerance(), "")
	s.sigma = svd.Values(nil)[:rank.Rank]
	var v mat.Dense
	svd.VTo(&v)
	if rank.Rank > 0 {
		s.v.CloneFrom(v.Slice(0, width, 0, rank.Rank))
	}
	return s
}

func (s *seminormal) solve(r mat.Matrix) *mat.Dense {
	_, outputs := r.Dims()
	width := s.p.m + boolInt(s.ones)
	right := mat.NewDense(width, outputs, nil) // B^T r
	s.p.visit(func(i int, row []float64) {
		for o := 0; o < outputs; o++ {
			y := r.At(i, o)
			for j, v := range row {
				right.Set(j, o, right.At(j, o)+v*y)
			}
			if s.ones {
				right.Set(s.p.m, o, right.At(s.p.m, o)+y)
			}
		}
	})
	x := mat.NewDense(width, outputs, nil)
	if len(s.sigma) == 0 {
		return x
	}
	var along mat.Dense
	along.Mul(s.v.T(), right)
	for k, v := range s.sigma {
		row := along.RawRowView(k)
		for o := range row {
			row[o] = row[o] / v / v
		}
	}
	x.Mul(&s.v, &along)
	return x
}

func (s *seminormal) describe() (int, float64, string) {
	if len(s.sigma) == 0 {
		return 0, math.NaN(), "seminormal equations"
	}
	return len(s.sigma), s.sigma[0] / s.sigma[len(s.sigma)-1], "seminormal equations, refined"
}
