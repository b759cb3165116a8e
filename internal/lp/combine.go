package lp

import (
	"context"
	"errors"
	"math/big"
	"slices"
)

// ErrNotACombination is returned by [Combine] for a target outside the span.
var ErrNotACombination = errors.New("lp: the target is not a combination of the rows")

// Combine writes target (q numbers) as a combination of rows (each q numbers):
// sum_t Num_t/Den rows_t = target, exactly, with Den > 0. Rows that depend on
// others get the weight 0. It returns [ErrNotACombination] when the target is
// outside their span, and other errors when the numbers are too many or too large
// for exact solution, or ctx ends. All numbers must be finite.
//
// The solution is found by p-adic lifting (padic.go) and verified in all q
// coordinates before it is returned.
func Combine(ctx context.Context, rows [][]float64, target []float64) (num []*big.Int, den *big.Int, err error) {
	columns := make([][]*big.Int, len(rows))
	var rhs []*big.Int
	values := make([]float64, len(rows)+1)
	for j, v := range target {
		for t, row := range rows {
			values[t] = row[j]
		}
		values[len(rows)] = v
		if !finite(values) {
			return nil, nil, errors.New("lp: a number is not finite")
		}
		if !slices.ContainsFunc(values, func(v float64) bool { return v != 0 }) {
			continue
		}
		whole := integers(values)
		for t := range rows {
			columns[t] = append(columns[t], whole[t])
		}
		rhs = append(rhs, whole[len(rows)])
	}
	if len(rows) == 0 || len(rhs) == 0 {
		return combineTrivially(len(rows), len(rhs))
	}
	if num, den, err = solveInteger(ctx, columns, rhs); err != nil {
		return nil, nil, err
	}
	var sum, term big.Int
	for j, want := range rhs {
		sum.Mul(want, den)
		for t, c := range columns {
			sum.Sub(&sum, term.Mul(c[j], num[t]))
		}
		if sum.Sign() != 0 {
			return nil, nil, ErrNotACombination
		}
	}
	return num, den, nil
}

// combineTrivially settles no rows, and a target of zeros by rows of zeros.
func combineTrivially(rows, nonzero int) ([]*big.Int, *big.Int, error) {
	if nonzero > 0 {
		return nil, nil, ErrNotACombination
	}
	num := make([]*big.Int, rows)
	for t := range num {
		num[t] = new(big.Int)
	}
	return num, big.NewInt(1), nil
}
