// Package exact decides signs of sums of products with no doubt left.
//
// For most uses, call [Side]: on which side of a hyperplane a point lies. It
// evaluates the sum in float64 together with a bound on all its rounding
// errors, which settles nearly every case, and forms the sum exactly in an
// [Accumulator] when the bound does not. [Dot] is a correctly rounded dot
// product.
package exact

import "math"

// eps is the unit roundoff of float64.
const eps = 0x1p-53

// maxLength is the longest sum that the bound of [Enclose] covers: up to it
// (k+2) eps / (1 - (k+2) eps) is below 1.0001 (k+2) eps.
const maxLength = 1 << 38

// Enclose returns an approximation s of w.x + b and a bound e on its error:
// |s - (w.x + b)| <= e for the exact sum, whatever the order in which the terms
// are added and whether multiplications are fused with additions. For k
// products, each result carries at most k+1 roundings of relative size eps, so
//
//	e = 1.001 (k+2) eps (sum |w_j x_j| + |b|) + (k+1) 2^-1074,
//
// where 1.001 covers the terms of second order and the roundings of e itself
// and the last term those of products below the normal range (Higham, Accuracy
// and Stability of Numerical Algorithms, 2nd ed., section 3.1). When anything
// overflows e is +Inf or NaN: then nothing is claimed. w and x have equal
// lengths.
func Enclose(w, x []float64, b float64) (s, e float64) {
	s, abs := b, math.Abs(b)
	x = x[:len(w)]
	for j, v := range w {
		t := v * x[j]
		s += t
		abs += math.Abs(t)
	}
	k := float64(len(w))
	return s, 1.001*(k+2)*eps*abs + (k+1)*0x1p-1074
}

// Side returns the sign of w.x + b: -1, 0 or 1, exactly. Where w.x + b is a
// hyperplane, 1 is its positive side and 0 means that x lies on it. It panics
// when the lengths differ or a number is not finite.
func Side(w, x []float64, b float64) int {
	check(w, x)
	if s, e := Enclose(w, x, b); s > e {
		return 1
	} else if s < -e {
		return -1
	}
	var a Accumulator
	a.sum(w, x, b)
	return a.Sign()
}

// Dot returns w.x + b rounded once, to nearest. It panics when the lengths
// differ or a number is not finite.
func Dot(w, x []float64, b float64) float64 {
	check(w, x)
	var a Accumulator
	a.sum(w, x, b)
	return a.Float64()
}

func (a *Accumulator) sum(w, x []float64, b float64) {
	a.Add(b)
	for j, v := range w {
		a.AddProduct(v, x[j])
	}
}

func check(w, x []float64) {
	if len(w) != len(x) {
		panic("exact: vectors of different lengths")
	}
	if len(w) > maxLength {
		panic("exact: a vector too long for the error bound")
	}
}
