package certify

import (
	"math"

	"hinge/network"
)

// The model of arithmetic.
//
// A runtime computes a unit's pre-activation z = sum_j w_j h_j + b from the
// computed h_j. Every product and every addition is rounded to nearest, or a
// product and an addition are fused and rounded once; the additions happen in
// any order and any tree. Underflow is gradual. Let u be the unit roundoff,
// gamma_k = k u / (1 - k u), and k the number of terms that can be nonzero, the
// bias among them. Then (Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., sections 3.1 and 4.2) every such evaluation gives
//
//	z^ = sum_j w_j h_j (1 + theta_j) + b (1 + theta_0),  |theta| <= gamma_k,
//
// up to an absolute error of one smallest subnormal number per product. Terms
// that are zero drop out: adding zero is exact.
//
// Certify carries, for every unit and row, a ball [c - e, c + e] that holds
// every value a runtime can compute. With h_j in [c_j - e_j, c_j + e_j],
//
//	|z^ - c| <= sum_j |w_j| ((gamma_k + g) |c_j| + (1 + gamma_k) e_j)
//	            + (gamma_k + g) |b| + k tiny,
//
// where c is that sum of the centres in float64 and g bounds its own rounding.
// A ReLU maps balls to balls, and a ball below zero to the exact zero.
//
// Sums that leave no freedom are deterministic, and their ball is a point: one
// term, or two terms whose products are exact (a factor is a power of two),
// when the inputs are points. That is why a network of 0/1 gates can be proved
// to return a stored number bit for bit.

// slack makes up for the roundings of the bounds themselves, which are sums of
// at most 2^22 nonnegative float64 numbers: relative error below 2^-30.
const slack = 1 + 0x1p-30

// arithmetic is the model for one IEEE format.
type arithmetic struct {
	network.Precision
	u      float64 // unit roundoff
	tiny   float64 // bounds the underflow of a product; a normal float64 number, which is faster
	normal float64 // smallest normal number: products below it are not exact
	huge   float64 // sums of magnitudes beyond this could overflow
}

func newArithmetic(p network.Precision) arithmetic {
	if p == network.Float32 {
		return arithmetic{p, 0x1p-24, 0x1p-149, 0x1p-126, 0x1p127}
	}
	return arithmetic{p, 0x1p-53, 0x1p-1022, 0x1p-1022, 0x1p1023}
}

// gamma returns Higham's gamma_k, or +Inf when k u >= 1/2.
func (a arithmetic) gamma(k int) float64 {
	ku := float64(k) * a.u
	if ku >= 0.5 {
		return math.Inf(1)
	}
	return ku / (1 - ku)
}

// gammaCentered returns gamma_k + g, with g = gamma_k of float64, in which the
// centres are summed.
func (a arithmetic) gammaCentered(k int) float64 {
	return a.gamma(k) + newArithmetic(network.Float64).gamma(k)
}

// A ball holds every value that a runtime can compute for one unit on one row:
// c - e <= value <= c + e. The point ball (0, 0) is the exact zero.
type ball struct{ c, e float64 }

// relu returns the ball of max(z, 0).
func (z ball) relu() ball {
	if math.Abs(z.c) >= z.e {
		// z has one sign: itself or zero, by a mask of the centre's sign and
		// not by a branch that would be mispredicted every second time.
		sleeps := uint64(int64(math.Float64bits(z.c)) >> 63)
		return ball{math.Float64frombits(math.Float64bits(z.c) &^ sleeps), math.Float64frombits(math.Float64bits(z.e) &^ sleeps)}
	}
	// z.c - z.e < 0 < z.c + z.e: the hull of 0 and z.c + z.e.
	half := (z.c + z.e) / 2 * slack
	return ball{half, half}
}

// affine returns the ball of the one-term unit w h + b.
func (a arithmetic) affine(w float64, h ball, b float64) ball {
	var s sum
	s.add(a, w, h)
	return s.close(a, b)
}

// sum gathers the terms of one pre-activation.
type sum struct {
	c         float64 // sum of the terms' centres
	magnitude float64 // sum of their absolute values
	spread    float64 // sum of |w_j| e_j
	terms     int     // terms that can be nonzero
	rounded   bool    // some product may be inexact
	blurred   bool    // some input is no point
}

// add adds the term w h.
func (s *sum) add(a arithmetic, w float64, h ball) {
	if w == 0 || h == (ball{}) {
		return
	}
	p := float64(w * h.c)
	s.c += p
	s.magnitude += math.Abs(p)
	s.spread += math.Abs(w) * h.e
	s.terms++
	s.blurred = s.blurred || h.e > 0
	exact := isPowerOfTwo(w) || h.e == 0 && isPowerOfTwo(h.c)
	s.rounded = s.rounded || !exact || math.Abs(p) < a.normal
}

// close adds the bias and returns the ball of the sum.
func (s *sum) close(a arithmetic, b float64) ball {
	if b != 0 {
		s.c += b
		s.magnitude += math.Abs(b)
		s.terms++
	}
	point := !s.blurred && (s.terms < 2 || s.terms == 2 && !s.rounded)
	if point {
		return a.point(s.c)
	}
	k := s.terms
	if !s.rounded {
		k-- // no product rounds: only the additions do
	}
	e := (a.gammaCentered(max(k, 1))*s.magnitude + (1+a.gamma(k))*s.spread) * slack
	return a.bounded(ball{s.c, e + float64(s.terms)*a.tiny})
}

// point returns the point ball of a deterministic result, rounded to the
// format; in float64 c is rounded already, and in float32 the double rounding
// is innocuous because float64 has more than twice as many digits plus two.
func (a arithmetic) point(c float64) ball {
	r := a.Round(c)
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return ball{c, math.Inf(1)}
	}
	return ball{c: r}
}

// bounded returns z, or the whole line where some order of summation could
// overflow: magnitudes past a.huge show as radii past gamma_1 * a.huge.
func (a arithmetic) bounded(z ball) ball {
	if !(z.e < a.u*a.huge) {
		z.e = math.Inf(1)
	}
	return z
}

// isPowerOfTwo reports whether |x| is a power of two, so that multiplying by
// x is exact as long as the result is a normal number.
func isPowerOfTwo(x float64) bool {
	const fraction = 1<<52 - 1
	bits := math.Float64bits(x)
	exponent := bits >> 52 & 0x7ff
	return bits&fraction == 0 && exponent != 0 && exponent != 0x7ff
}
