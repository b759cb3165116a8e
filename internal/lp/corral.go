package lp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// corral holds the support of the two nearest points, with its factorisation.
//
// A support point a of the set stands for the lifted vector z = (a, 1, 0) and
// one b of the rest for (-b, 0, 1), in dim = m + 2 numbers. The nearest points
// of the two affine hulls are p = sum alpha_i a_i and q = sum alpha_j b_j with
// weights that minimise |p - q| where either side's sum to 1. The minimiser is
//
//	alpha = least-squares solution of Z alpha = (0, c_A, c_B)
//
// for the two numbers c that make the sums 1 (the multipliers of the two
// constraints; Wolfe's lifting, here with two sums), and the residual of that
// problem is (-(p - q), ...), at right angles to every z. The support stays
// linearly independent, so it never has more than m + 2 points, and Z = Q R is
// kept by Gram-Schmidt, repeated until it is precise, with Givens rotations for
// points that leave: O(m k) a change.
//
// Reference: P. Wolfe, Finding the nearest point in a polytope, Math.
// Programming 11 (1976); B. Gaertner and S. Schoenherr (2000) for two polytopes.
type corral struct {
	dim   int
	rows  []int // identities of the support points
	side  []float64
	alpha []float64
	q     [][]float64 // k orthonormal rows of dim numbers: Q^T
	r     [][]float64 // column t of R: t+1 numbers
}

// independent is how much of a new point's length must be outside the span of
// the support, 2^-40 of it: below that, Gram-Schmidt's new direction would be
// made of rounding errors.
const independent = 0x1p-40

// enough is the part of a vector that must be left by a pass of Gram-Schmidt for
// the result to be at right angles to working precision; when less is left, it
// passes again.
//
// Reference: Daniel, Gragg, Kaufman and Stewart, Math. Comp. 30 (1976).
const enough = 0.5

// add appends a point with weight 0 and reports whether it is independent.
func (c *corral) add(row int, side float64, z []float64) bool {
	v := make([]float64, c.dim)
	copy(v, z)
	size := floats.Norm(v, 2)
	column := make([]float64, len(c.q)+1)
	rest := size
	for range 3 {
		before := rest
		for t, q := range c.q {
			dot := floats.Dot(q, v)
			column[t] += dot
			floats.AddScaled(v, -dot, q)
		}
		if rest = floats.Norm(v, 2); rest >= enough*before {
			break
		}
	}
	if !(rest > independent*size) {
		return false
	}
	floats.Scale(1/rest, v)
	column[len(c.q)] = rest
	c.q, c.r = append(c.q, v), append(c.r, column)
	c.rows, c.side, c.alpha = append(c.rows, row), append(c.side, side), append(c.alpha, 0)
	return true
}

// remove takes out support point t.
func (c *corral) remove(t int) {
	k := len(c.rows)
	copy(c.r[t:], c.r[t+1:])
	c.r = c.r[:k-1]
	for s := t; s < k-1; s++ { // column s has an element below the diagonal
		column := c.r[s]
		h := math.Hypot(column[s], column[s+1])
		cs, sn := column[s]/h, column[s+1]/h
		rotate(c.q[s], c.q[s+1], cs, sn)
		for _, other := range c.r[s:] {
			a, b := other[s], other[s+1]
			other[s], other[s+1] = cs*a+sn*b, cs*b-sn*a
		}
		c.r[s] = column[:s+1]
	}
	c.q = c.q[:k-1]
	c.rows = append(c.rows[:t], c.rows[t+1:]...)
	c.side = append(c.side[:t], c.side[t+1:]...)
	c.alpha = append(c.alpha[:t], c.alpha[t+1:]...)
}

func rotate(x, y []float64, cs, sn float64) {
	y = y[:len(x)]
	for i, a := range x {
		b := y[i]
		x[i], y[i] = cs*a+sn*b, cs*b-sn*a
	}
}

// affine returns the weights of the nearest points of the two affine hulls and
// the right-hand side (c_A, c_B) they solve; ok is false when the rounding has
// taken over.
func (c *corral) affine() (alpha []float64, ca, cb float64, ok bool) {
	ua, ub := c.backSolve(c.dim-2), c.backSolve(c.dim-1)
	var aa, ab, ba, bb float64 // sums over a side of the two solutions
	for t, s := range c.side {
		if s > 0 {
			aa, ab = aa+ua[t], ab+ub[t]
		} else {
			ba, bb = ba+ua[t], bb+ub[t]
		}
	}
	det := aa*bb - ab*ba
	ca, cb = (bb-ab)/det, (aa-ba)/det
	alpha = make([]float64, len(ua))
	for t := range alpha {
		alpha[t] = ca*ua[t] + cb*ub[t]
	}
	return alpha, ca, cb, finite(alpha)
}

// backSolve returns R^-1 Q^T e_i.
func (c *corral) backSolve(i int) []float64 {
	u := make([]float64, len(c.q))
	for t, q := range c.q {
		u[t] = q[i]
	}
	for t := len(u) - 1; t >= 0; t-- {
		u[t] /= c.r[t][t]
		floats.AddScaled(u[:t], -u[t], c.r[t][:t])
	}
	return u
}

// direction returns the unit vector along p - q for the weights of affine, as
// the residual of the least-squares problem, orthogonalised until it is at right
// angles to the support to working precision even when |p - q| is tiny; length
// is |p - q|. ok is false when nothing is left of it.
func (c *corral) direction(ca, cb float64) (w []float64, length float64, ok bool) {
	r := make([]float64, c.dim)
	r[c.dim-2], r[c.dim-1] = ca, cb
	before := math.Hypot(ca, cb)
	for pass := range 4 {
		for _, q := range c.q {
			floats.AddScaled(r, -floats.Dot(q, r), q)
		}
		if pass == 0 {
			length = floats.Norm(r[:c.dim-2], 2)
		}
		size := floats.Norm(r, 2)
		if !(size > 0) {
			return nil, 0, false
		}
		floats.Scale(1/size, r)
		if size >= enough*before {
			break
		}
		before = 1
	}
	w = r[:c.dim-2]
	size := floats.Norm(w, 2)
	if !(size > 0x1p-30) { // the residual is all in the two sums
		return nil, length, false
	}
	floats.Scale(-1/size, w)
	return w, length, true
}
