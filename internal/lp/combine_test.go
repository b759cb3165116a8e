package lp

import (
	"context"
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestCombine draws rows and whole weights, and asks for the weights back.
func TestCombine(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, q := range []int{1, 3, 17} {
		rows := make([][]float64, q)
		target := make([]float64, q)
		for k := range rows {
			rows[k] = make([]float64, q)
			weight := float64(rng.IntN(9) - 4)
			for j := range rows[k] {
				rows[k][j] = float64(rng.IntN(1<<20)-1<<19) * 0x1p-30
				target[j] += weight * rows[k][j] // exact: few bits
			}
		}
		num, den, err := Combine(context.Background(), rows, target)
		if err != nil {
			t.Fatalf("q=%d: %v", q, err)
		}
		for j := range target {
			sum := new(big.Rat)
			for k := range rows {
				weight := new(big.Rat).SetFrac(num[k], den)
				sum.Add(sum, weight.Mul(weight, new(big.Rat).SetFloat64(rows[k][j])))
			}
			if sum.Cmp(new(big.Rat).SetFloat64(target[j])) != 0 {
				t.Errorf("q=%d: coordinate %d is %v, want %v", q, j, sum, target[j])
			}
		}
	}
}

func TestCombineOutsideTheSpan(t *testing.T) {
	for _, c := range []struct {
		rows   [][]float64
		target []float64
	}{
		{[][]float64{{1, 0, 1}, {0, 1, 1}}, []float64{1, 1, 2.5}},
		{[][]float64{{0, 0}}, []float64{0, 1}},
		{nil, []float64{1}},
	} {
		if _, _, err := Combine(context.Background(), c.rows, c.target); !errors.Is(err, ErrNotACombination) {
			t.Errorf("%v of %v: %v", c.target, c.rows, err)
		}
	}
	if _, den, err := Combine(context.Background(), [][]float64{{0, 0}}, []float64{0, 0}); err != nil || den.Sign() <= 0 {
		t.Errorf("nothing of nothing: %v", err)
	}
}
