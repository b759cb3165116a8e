package lp

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestPrime(t *testing.T) {
	if !big.NewInt(prime).ProbablyPrime(20) { // proven below 2^64
		t.Fatal("the modulus is not prime")
	}
}

// randomSystem returns the k columns and the right-hand side of a system with
// entries of up to size bits.
func randomSystem(rng *rand.Rand, k, size int) (columns [][]*big.Int, rhs []*big.Int) {
	draw := func() *big.Int {
		x := new(big.Int)
		for range size/60 + 1 {
			x.Add(x.Lsh(x, 60), big.NewInt(rng.Int64N(1<<60)))
		}
		x.Rsh(x, uint(60*(size/60+1)-size))
		if rng.IntN(2) == 0 {
			x.Neg(x)
		}
		return x
	}
	columns = make([][]*big.Int, k)
	for j := range columns {
		columns[j] = make([]*big.Int, k)
		for i := range columns[j] {
			columns[j][i] = draw()
		}
	}
	rhs = make([]*big.Int, k)
	for i := range rhs {
		rhs[i] = draw()
	}
	return columns, rhs
}

// Whatever comes back solves the system, with entries of one word or several.
func TestSolveInteger(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{1, 8, 40, 62, 63, 64, 100, 150, 2000} {
		for _, k := range []int{1, 2, 3, 7, 20} {
			columns, rhs := randomSystem(rng, k, size)
			num, den, err := solveInteger(context.Background(), columns, rhs)
			if err != nil {
				if size == 1 {
					continue // such matrices are often singular
				}
				t.Fatalf("%d unknowns of %d bits: %v", k, size, err)
			}
			for i := range rhs {
				sum := new(big.Int)
				for j := range columns {
					sum.Add(sum, new(big.Int).Mul(columns[j][i], num[j]))
				}
				if size > 1 && sum.Cmp(new(big.Int).Mul(den, rhs[i])) != 0 {
					t.Fatalf("%d unknowns of %d bits: equation %d does not hold", k, size, i)
				}
			}
			if den.Sign() <= 0 {
				t.Fatalf("denominator %v", den)
			}
		}
	}
}

// The lifting against rational numbers known beforehand.
func TestSolveKnownFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 6).Draw(t, "k")
		den := rapid.Int64Range(1, 1<<30).Draw(t, "den")
		columns := make([][]*big.Int, k)
		rhs := make([]*big.Int, k)
		for i := range rhs {
			rhs[i] = new(big.Int)
		}
		want := make([]*big.Rat, k)
		for j := range columns {
			columns[j] = make([]*big.Int, k)
			n := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "num")
			want[j] = big.NewRat(n, den)
			for i := range columns[j] {
				v := int64(0)
				if i <= j { // upper triangular, so never singular
					v = rapid.Int64Range(1, 1<<30).Draw(t, "b")
				}
				columns[j][i] = big.NewInt(v * den)
				rhs[i].Add(rhs[i], new(big.Int).Mul(big.NewInt(v), big.NewInt(n)))
			}
		}
		num, d, err := solveInteger(context.Background(), columns, rhs)
		if err != nil {
			t.Fatal(err)
		}
		for j := range num {
			if got := new(big.Rat).SetFrac(num[j], d); got.Cmp(want[j]) != 0 {
				t.Fatalf("unknown %d: %v, want %v", j, got, want[j])
			}
		}
	})
}

// A column that depends on others is left out, and gets weight 0.
func TestDependentColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	columns, rhs := randomSystem(rng, 5, 30)
	for i := range rhs {
		columns[3][i].Add(columns[0][i], columns[2][i])
		rhs[i].Add(columns[1][i], columns[4][i]) // in the span of the others
	}
	num, den, err := solveInteger(context.Background(), columns, rhs)
	if err != nil {
		t.Fatal(err)
	}
	for j, want := range []int64{0, 1, 0, 0, 1} {
		if new(big.Rat).SetFrac(num[j], den).Cmp(big.NewRat(want, 1)) != 0 {
			t.Errorf("unknown %d is %v/%v, want %d", j, num[j], den, want)
		}
	}
}

func BenchmarkSolveInteger(b *testing.B) {
	for _, c := range []struct{ k, size int }{{50, 40}, {258, 40}, {258, 75}} {
		columns, rhs := randomSystem(rand.New(rand.NewPCG(1, 1)), c.k, c.size)
		b.Run(fmt.Sprintf("k=%d/bits=%d", c.k, c.size), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := solveInteger(context.Background(), columns, rhs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
