package lp

import (
	"context"
	"math/big"
)

// Phase one of the simplex method in rational arithmetic, with Bland's rule, for
// problems that floating point cannot decide: hulls that touch, or that almost
// do. Over the weights x >= 0 of the rows it looks for a solution of
//
//	sum_t x_t y_t h_t = 0,   sum of each side's weights = 1
//
// (m + 2 equations). It ends with one, or with numbers pi, one for each equation,
// such that pi.z_t <= 0 for every row's column z_t and pi.(0,1,1) > 0 (Farkas):
// for the rows a of the set, -pi_h.a >= pi_A, for the rows b of the rest
// -pi_h.b <= -pi_B, and pi_A > -pi_B. That is a separating hyperplane.

// simplexCells bounds the tableau, columns by rows: one pivot touches each cell
// at a few microseconds.
const simplexCells = 20000

// tableau is the simplex tableau: row e is an equation, its last element the
// right-hand side; cost is the row of reduced costs of the sum of artificials.
type tableau struct {
	rows  [][]*big.Rat
	cost  []*big.Rat
	basis []int
	n     int // structural columns; artificial ones follow
}

// simplex decides whether the hulls of the given rows meet. When not, it returns
// a hyperplane between them, as float64 numbers and as it is.
func (p *Points) simplex(ctx context.Context, rows []int, in []bool) (c *Common, coarse, fine *Hyperplane, err error) {
	t := p.newTableau(rows, in)
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		enter := t.entering()
		if enter < 0 {
			break
		}
		t.pivot(t.leaving(enter), enter)
	}
	last := len(t.cost) - 1
	if t.cost[last].Sign() == 0 {
		return t.common(rows), nil, nil, nil
	}
	coarse, fine = t.plane(p)
	return nil, coarse, fine, nil
}

func (p *Points) newTableau(rows []int, in []bool) *tableau {
	n, q := len(rows), len(p.columns)+2
	t := &tableau{n: n, rows: make([][]*big.Rat, q), cost: zeros(n + q + 1), basis: make([]int, q)}
	for e := range t.rows {
		t.rows[e] = zeros(n + q + 1)
		t.rows[e][n+e].SetInt64(1)
		t.basis[e] = n + e
	}
	for c, i := range rows {
		for e, j := range p.columns {
			t.rows[e][c].SetFloat64(signOf(in[i]) * p.h.At(i, j))
		}
		side := q - 2
		if !in[i] {
			side = q - 1
		}
		t.rows[side][c].SetInt64(1)
	}
	t.rows[q-2][n+q].SetInt64(1)
	t.rows[q-1][n+q].SetInt64(1)
	for _, row := range t.rows { // reduced costs: minus the sum of the equations
		for c, v := range row {
			if c < n || c == n+q {
				t.cost[c].Sub(t.cost[c], v)
			}
		}
	}
	return t
}

func zeros(n int) []*big.Rat {
	v := make([]*big.Rat, n)
	for i := range v {
		v[i] = new(big.Rat)
	}
	return v
}

// entering returns the first structural column of negative reduced cost.
func (t *tableau) entering() int {
	for c := range t.n {
		if t.cost[c].Sign() < 0 {
			return c
		}
	}
	return -1
}

// leaving returns the equation of the least ratio, of equals the one whose basic
// variable comes first. There always is one: the sum of artificials is bounded.
func (t *tableau) leaving(enter int) int {
	best := -1
	var least, ratio big.Rat
	for e, row := range t.rows {
		if row[enter].Sign() <= 0 {
			continue
		}
		ratio.Quo(row[len(row)-1], row[enter])
		order := -1
		if best >= 0 {
			order = ratio.Cmp(&least)
		}
		if order < 0 || order == 0 && t.basis[e] < t.basis[best] {
			best = e
			least.Set(&ratio)
		}
	}
	return best
}

func (t *tableau) pivot(e, enter int) {
	row := t.rows[e]
	inverse := new(big.Rat).Inv(row[enter])
	for _, v := range row {
		if v.Sign() != 0 {
			v.Mul(v, inverse)
		}
	}
	var factor, product big.Rat
	for k := -1; k < len(t.rows); k++ {
		other := t.cost
		if k >= 0 {
			other = t.rows[k]
		}
		if k == e || other[enter].Sign() == 0 {
			continue
		}
		factor.Set(other[enter])
		for c, v := range row {
			if v.Sign() != 0 {
				other[c].Sub(other[c], product.Mul(&factor, v))
			}
		}
	}
	t.basis[e] = enter
}

// common returns the solution at the end of a feasible run.
func (t *tableau) common(rows []int) *Common {
	c := &Common{Den: big.NewInt(1)}
	var weights []*big.Rat
	for e, b := range t.basis {
		x := t.rows[e][len(t.cost)-1]
		if b >= t.n || x.Sign() == 0 {
			continue
		}
		c.Rows = append(c.Rows, rows[b])
		weights = append(weights, x)
		g := new(big.Int).GCD(nil, nil, c.Den, x.Denom())
		c.Den.Mul(c.Den, g.Quo(x.Denom(), g))
	}
	for _, x := range weights {
		n := new(big.Int).Mul(x.Num(), c.Den)
		c.Num = append(c.Num, n.Quo(n, x.Denom()))
	}
	return c
}

// plane returns the hyperplane at the end of an infeasible run, see
// rationalPlane. The reduced cost
// of artificial e is 1 - pi_e.
func (t *tableau) plane(p *Points) (coarse, fine *Hyperplane) {
	q := len(t.rows)
	pi := make([]*big.Rat, q)
	for e := range pi {
		pi[e] = new(big.Rat).Sub(big.NewRat(1, 1), t.cost[t.n+e])
	}
	w := zeros(p.m)
	for e, j := range p.columns {
		w[j].Neg(pi[e])
	}
	// Midway between pi_A (below the set) and -pi_B (above the rest).
	b := new(big.Rat).Sub(pi[q-2], pi[q-1])
	b.Mul(b, big.NewRat(-1, 2))
	return rationalPlane(w, b)
}
