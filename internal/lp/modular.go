package lp

import (
	"context"
	"math/bits"
	"slices"
)

// prime is 2^57 - 13, checked by the tests. With factors below 2^57, sums of
// 2^13 products fit 128 bits, so that a dot product is reduced once, not once
// a term. maxUnknowns keeps sums within that.
const (
	prime       = 1<<57 - 13
	maxUnknowns = 1 << 13
)

// dotMod returns sum a_i b_i mod prime, for at most maxUnknowns terms.
func dotMod(a, b []uint64) uint64 {
	var hi, lo, c uint64
	b = b[:len(a)]
	for i, x := range a {
		h, l := bits.Mul64(x, b[i])
		lo, c = bits.Add64(lo, l, 0)
		hi += h + c
	}
	return reduce(hi, lo)
}

func reduce(hi, lo uint64) uint64 { _, r := bits.Div64(hi%prime, lo, prime); return r }

func mulMod(a, b uint64) uint64 { return reduce(bits.Mul64(a, b)) }

func subMod(a, b uint64) uint64 {
	if a < b {
		a += prime
	}
	return a - b
}

// invMod returns 1/a mod prime, a not 0: a^(prime-2), by Fermat.
func invMod(a uint64) uint64 {
	result := uint64(1)
	for e := uint64(prime - 2); e > 0; e >>= 1 {
		if e&1 != 0 {
			result = mulMod(result, a)
		}
		a = mulMod(a, a)
	}
	return result
}

// modLU is the factorisation of a q x k matrix B of full column rank modulo
// prime: for the k rows pivot, B[pivot] = L U, L lower triangular with the
// inverse of its diagonal kept apart, U upper triangular with a unit diagonal.
type modLU struct {
	pivot    []int      // k rows of B that are independent modulo prime
	l        [][]uint64 // row i of L: i+1 numbers; its last is the inverse of L_ii
	u        [][]uint64 // column j of U: the j numbers above the diagonal
	backward [][]uint64 // row i of U, from the diagonal's right: k-1-i numbers
}

// factorMod factors B, given by its columns of q residues, in k^2 (q - k/3)
// multiplications (Crout's form, one dot product an element). Columns that
// depend on earlier ones modulo prime are left out; kept lists the others.
func factorMod(ctx context.Context, columns [][]uint64) (f *modLU, kept []int, err error) {
	if len(columns) == 0 {
		return &modLU{}, nil, nil
	}
	q := len(columns[0])
	order := make([]int, q) // order[i] is the row of B at place i
	l := make([][]uint64, q)
	for i := range order {
		order[i] = i
		l[i] = make([]uint64, 0, min(q, len(columns)))
	}
	f = &modLU{}
	for j, column := range columns {
		k := len(kept)
		if k == q {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		u := make([]uint64, k, k+1)
		for i := range k { // forward substitution with the rows above
			v := subMod(column[order[i]], dotMod(l[i][:i], u[:i]))
			u[i] = mulMod(v, l[i][i])
		}
		below := make([]uint64, q)
		for i := k; i < q; i++ {
			below[i] = subMod(column[order[i]], dotMod(l[i][:k], u))
		}
		found := slices.IndexFunc(below, func(v uint64) bool { return v != 0 })
		if found < 0 {
			continue
		}
		order[k], order[found] = order[found], order[k]
		l[k], l[found] = l[found], l[k]
		below[k], below[found] = below[found], below[k]
		for i := k; i < q; i++ {
			l[i] = append(l[i], below[i])
		}
		l[k][k] = invMod(below[k])
		f.u = append(f.u, u)
		kept = append(kept, j)
	}
	k := len(kept)
	f.pivot, f.l = order[:k], l[:k]
	f.transposeU()
	return f, kept, nil
}

func (f *modLU) transposeU() {
	k := len(f.u)
	f.backward = make([][]uint64, k)
	for i := range f.backward {
		row := make([]uint64, 0, k-1-i)
		for j := i + 1; j < k; j++ {
			row = append(row, f.u[j][i])
		}
		f.backward[i] = row
	}
}

// solve sets x to the solution of B[pivot] x = r modulo prime; r is in the
// order of pivot, and x and r may not be the same slice.
func (f *modLU) solve(x, r []uint64) {
	for i, row := range f.l {
		x[i] = mulMod(subMod(r[i], dotMod(row[:i], x[:i])), row[i])
	}
	for i := len(x) - 1; i >= 0; i-- {
		x[i] = subMod(x[i], dotMod(f.backward[i], x[i+1:]))
	}
}
