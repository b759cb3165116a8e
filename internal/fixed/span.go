package fixed

import (
	"math"

	"hinge/internal/parallel"
)

// independence is the least distance of a row from a span, relative to the
// row's length, at which it counts as independent: the rows of the span then
// determine a linear function stably.
const independence = 3e-3

// A Span is the span of rows, as an orthonormal basis grown row by row
// (Gram-Schmidt, twice, which is enough [Kahan, Parlett]): the m rows are R Q
// with R lower triangular. The zero value is the span of no row.
type Span struct {
	q, r [][]float64
}

// Size returns the number of rows.
func (a *Span) Size() int { return len(a.q) }

// Add takes a row into the span unless it depends on the rows there, and
// reports whether it did. It costs two passes over the span.
func (a *Span) Add(x []float64) bool {
	length := math.Sqrt(Dot(x, x))
	v := append([]float64(nil), x...)
	coef := make([]float64, len(a.q)+1)
	for pass := 0; pass < 2; pass++ {
		a.reduce(v, coef)
	}
	rest := math.Sqrt(Dot(v, v))
	if rest <= independence*length {
		return false
	}
	Scale(v, 1/rest)
	coef[len(a.q)] = rest
	a.q, a.r = append(a.q, v), append(a.r, coef)
	return true
}

// reduce subtracts from v its part in the span, and adds its coefficients to
// coef.
func (a *Span) reduce(v, coef []float64) {
	c := make([]float64, len(a.q))
	parallel.Each((len(a.q)+31)/32, func(k int) {
		for j := 32 * k; j < min(len(c), 32*(k+1)); j++ {
			c[j] = Dot(a.q[j], v)
		}
	})
	for j, cj := range c {
		Axpy(v, -cj, a.q[j])
		if coef != nil {
			coef[j] += cj
		}
	}
}

// Shrink keeps the first size rows.
func (a *Span) Shrink(size int) { a.q, a.r = a.q[:size], a.r[:size] }

// Complement returns the part of z orthogonal to the span.
func (a *Span) Complement(z []float64) []float64 {
	v := append([]float64(nil), z...)
	a.reduce(v, nil)
	a.reduce(v, nil)
	return v
}

// Interpolate returns the least-norm vector whose products with the span's
// rows, at least one, are the given values.
func (a *Span) Interpolate(values []float64) []float64 {
	c := make([]float64, len(a.q))
	out := make([]float64, len(a.q[0]))
	for i, v := range values {
		c[i] = (v - Dot(a.r[i][:i], c[:i])) / a.r[i][i]
		Axpy(out, c[i], a.q[i])
	}
	return out
}
