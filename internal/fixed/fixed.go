// Package fixed is linear algebra in one fixed order of operations, every
// product rounded on its own: its results are the same, bit for bit, on every
// machine and for any number of processors. No engine of dense kernels promises
// that, and choices that depend on last bits need it.
//
// For most uses, call [Dot] and [Axpy]; a [Span] grows row by row.
package fixed

import "math"

// Dot returns the sum of x[i]*y[i]; y is at least as long as x.
func Dot(x, y []float64) float64 {
	var a, b, c, d float64
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		p, q := x[i:i+4:i+4], y[i:i+4:i+4]
		a += float64(p[0] * q[0])
		b += float64(p[1] * q[1])
		c += float64(p[2] * q[2])
		d += float64(p[3] * q[3])
	}
	for i := n; i < len(x); i++ {
		a += float64(x[i] * y[i])
	}
	return (a + b) + (c + d)
}

// Axpy adds s*x to dst.
func Axpy(dst []float64, s float64, x []float64) {
	for i, v := range x {
		dst[i] += float64(s * v)
	}
}

// Scale multiplies x by s.
func Scale(x []float64, s float64) {
	for i := range x {
		x[i] *= s
	}
}

// Homogeneous returns (x, 1).
func Homogeneous(x []float64) []float64 {
	return append(append(make([]float64, 0, len(x)+1), x...), 1)
}

// shortest is the length below which a vector is taken for zero: what is left
// of a vector of length 1 after its part in a span was subtracted.
const shortest = 1e-9

// Normalize scales v to length 1 and reports whether it could.
func Normalize(v []float64) bool {
	length := math.Sqrt(Dot(v, v))
	if !(length > shortest) {
		return false
	}
	Scale(v, 1/length)
	return true
}
