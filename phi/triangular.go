package phi

import "math"

// powerSteps is the number of steps of (inverse) iteration: each multiplies the
// error of the estimate by the squared ratio of two neighbouring singular
// values, and the estimate is wanted to a digit.
const powerSteps = 12

// triangle is a square matrix permuted to lower triangular form by a complete
// elimination.
type triangle struct {
	s, t  *csr
	rows  []int // k-th pivot row
	units []int // k-th pivot unit
	pivot []float64
}

func newTriangle(s, t *csr, e *Elimination) *triangle {
	g := &triangle{s: s, t: t, rows: e.Rows, units: e.Units, pivot: make([]float64, len(e.Rows))}
	for k, i := range e.Rows {
		g.pivot[k] = s.at(i, e.Units[k])
	}
	return g
}

// solve overwrites x (per unit) with the solution of T x = b (per row).
// Units without a pivot must hold their values in x already.
func (g *triangle) solve(x, b []float64) {
	for k, i := range g.rows {
		sum := b[i]
		cols, vals := g.s.row(i)
		for e, j := range cols {
			if int(j) != g.units[k] {
				sum -= float64(vals[e] * x[j])
			}
		}
		x[g.units[k]] = sum / g.pivot[k]
	}
}

// solveTransposed overwrites y (per row) with the solution of T^T y = b (per
// unit).
func (g *triangle) solveTransposed(y, b []float64) {
	for k := len(g.rows) - 1; k >= 0; k-- {
		j := g.units[k]
		sum := b[j]
		rows, vals := g.t.row(j)
		for e, i := range rows {
			if int(i) != g.rows[k] {
				sum -= float64(vals[e] * y[i])
			}
		}
		y[g.rows[k]] = sum / g.pivot[k]
	}
}

// smallest estimates the least singular value by inverse iteration on T^T T.
// The estimate is never below the true value, and usually within a digit.
func (g *triangle) smallest() float64 {
	x, y := make([]float64, g.s.m), make([]float64, g.s.n)
	for j := range x {
		x[j] = pseudoRandom(uint64(j))
	}
	growth := 0.0
	for range powerSteps {
		normalize(x)
		g.solveTransposed(y, x)
		g.solve(x, y)
		growth = norm(x) // |(T^T T)^-1 x| with |x| = 1
		if growth == 0 || math.IsInf(growth, 0) || math.IsNaN(growth) {
			return 0
		}
	}
	return 1 / math.Sqrt(growth)
}

// largest estimates the largest singular value by power iteration; never above
// the true value.
func (s *csr) largest() float64 {
	x, y := make([]float64, s.m), make([]float64, s.n)
	for j := range x {
		x[j] = pseudoRandom(uint64(j)) + 2 // entries of Phi are not negative
	}
	for range powerSteps {
		normalize(x)
		s.multiply(y, x)
		clear(x)
		for i := range y {
			cols, vals := s.row(i)
			for e, j := range cols {
				x[j] += float64(vals[e] * y[i])
			}
		}
	}
	return math.Sqrt(norm(x))
}

// multiply sets y = S x.
func (s *csr) multiply(y, x []float64) {
	for i := range y {
		y[i] = 0
		cols, vals := s.row(i)
		for e, j := range cols {
			y[i] += float64(vals[e] * x[j])
		}
	}
}

func norm(x []float64) float64 {
	scale := 0.0
	for _, v := range x {
		scale = max(scale, math.Abs(v))
	}
	if scale == 0 || math.IsInf(scale, 0) {
		return scale
	}
	sum := 0.0
	for _, v := range x {
		sum += (v / scale) * (v / scale)
	}
	return scale * math.Sqrt(sum)
}

func normalize(x []float64) {
	if size := norm(x); size > 0 && !math.IsInf(size, 0) {
		for j := range x {
			x[j] /= size
		}
	}
}

// estimateTriangular fills in the extreme singular values of a square matrix
// with a complete elimination.
func (p *Matrix) estimateTriangular(r *Rank, s, t *csr, e *Elimination) {
	if p.opt.Quick && len(s.val) > 1<<22 {
		return
	}
	r.First, r.Last, r.Next = s.largest(), newTriangle(s, t, e).smallest(), 0
	r.Estimated = true
	r.Method += ", extreme singular values by iteration"
}
