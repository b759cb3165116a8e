package lp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Common is a point of both hulls: the convex combination of the rows of the
// set among Rows with the weights Num/Den, which is also that of the other rows
// among them. The weights of either side are >= 0 and sum to 1, and the two
// points are equal, all exactly.
type Common struct {
	Rows []int
	Num  []*big.Int
	Den  *big.Int
}

// Weights returns Num/Den rounded to float64.
func (c *Common) Weights() []float64 {
	w := make([]float64, len(c.Num))
	for t, n := range c.Num {
		w[t], _ = new(big.Rat).SetFrac(n, c.Den).Float64()
	}
	return w
}

// CheckCommon verifies a common point in integer arithmetic from the rows
// themselves and returns what is wrong with it, or nil.
func (p *Points) CheckCommon(c *Common, in []bool) error {
	if c == nil || len(c.Rows) != len(c.Num) || c.Den == nil || c.Den.Sign() <= 0 {
		return errors.New("lp: not a combination: rows, weights and a positive denominator are needed")
	}
	if len(in) != p.n {
		return fmt.Errorf("lp: %d memberships for %d rows", len(in), p.n)
	}
	var sums [2]big.Int
	for t, i := range c.Rows {
		if i < 0 || i >= p.n {
			return fmt.Errorf("lp: there is no row %d", i)
		}
		if c.Num[t] == nil || c.Num[t].Sign() < 0 {
			return fmt.Errorf("lp: the weight of row %d is negative", i)
		}
		side := &sums[0]
		if !in[i] {
			side = &sums[1]
		}
		side.Add(side, c.Num[t])
	}
	for side := range sums {
		if sums[side].Cmp(c.Den) != 0 {
			return errors.New("lp: the weights of one side do not sum to 1")
		}
	}
	return p.checkMeeting(c, in)
}

// checkMeeting verifies that sum Num_t (+-h_t) is 0 in every column.
func (p *Points) checkMeeting(c *Common, in []bool) error {
	var sum, term big.Int
	values := make([]float64, len(c.Rows))
	for j := range p.m {
		for t, i := range c.Rows {
			values[t] = signOf(in[i]) * p.h.At(i, j)
		}
		whole := integers(values)
		sum.SetInt64(0)
		for t, v := range whole {
			if v.Sign() != 0 {
				sum.Add(&sum, term.Mul(v, c.Num[t]))
			}
		}
		if sum.Sign() != 0 {
			return fmt.Errorf("lp: the two points differ in column %d", j)
		}
	}
	return nil
}

// integers returns the finite numbers v times one power of two, the least that
// makes all of them whole.
func integers(v []float64) []*big.Int {
	out := make([]*big.Int, len(v))
	least := math.MaxInt
	mantissa := make([]int64, len(v))
	exponent := make([]int, len(v))
	for t, x := range v {
		if x == 0 {
			continue
		}
		f, e := math.Frexp(x)
		m := int64(f * (1 << 53))
		e -= 53
		for m&1 == 0 {
			m >>= 1
			e++
		}
		mantissa[t], exponent[t] = m, e
		least = min(least, e)
	}
	for t, m := range mantissa {
		out[t] = big.NewInt(m)
		if m != 0 {
			out[t].Lsh(out[t], uint(exponent[t]-least))
		}
	}
	return out
}

// errNegative is returned by commonOf when the rows' only combination has a
// negative weight: a sign that the support is not quite right.
var errNegative = errors.New("lp: a weight is negative")

// commonOf solves for a common point carried by the given rows, exactly, and
// verifies it. The rows should be the support found in floating point: m + 2 at
// most, without dependent ones, so that the weights are determined.
//
// With y = +-1 for the sides, the weights solve
//
//	sum_t weight_t y_t h_t = 0,   sum of each side's weights = 1.
func (p *Points) commonOf(ctx context.Context, rows []int, in []bool) (*Common, error) {
	columns := make([][]*big.Int, len(rows))
	var rhs []*big.Int
	values := make([]float64, len(rows))
	for _, j := range p.columns {
		for t, i := range rows {
			values[t] = signOf(in[i]) * p.h.At(i, j)
		}
		if !slices.ContainsFunc(values, func(v float64) bool { return v != 0 }) {
			continue
		}
		for t, v := range integers(values) {
			columns[t] = append(columns[t], v)
		}
		rhs = append(rhs, new(big.Int))
	}
	for t, i := range rows {
		one := [2]*big.Int{big.NewInt(1), new(big.Int)}
		if !in[i] {
			one[0], one[1] = one[1], one[0]
		}
		columns[t] = append(columns[t], one[0], one[1])
	}
	rhs = append(rhs, big.NewInt(1), big.NewInt(1))
	num, den, err := solveInteger(ctx, columns, rhs)
	if err != nil {
		return nil, err
	}
	c := &Common{Den: den}
	for t, n := range num {
		if n.Sign() < 0 {
			return nil, errNegative
		}
		if n.Sign() > 0 {
			c.Rows, c.Num = append(c.Rows, rows[t]), append(c.Num, n)
		}
	}
	// The columns that are constant on all rows agree by the sums.
	if err := p.CheckCommon(c, in); err != nil {
		return nil, err
	}
	return c, nil
}

// ones returns n new integers of value 1.
func ones(n int) []*big.Int {
	v := make([]*big.Int, n)
	for i := range v {
		v[i] = big.NewInt(1)
	}
	return v
}
