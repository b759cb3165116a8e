package lp

import (
	"context"
	"errors"
	"math"
	"math/big"
	"math/bits"
)

// Exact solution of B x = c in integers, by Dixon's p-adic lifting.
//
// With C = B^-1 modulo a prime p, the digits of x in base p come one at a time:
//
//	r_0 = c;   x_s = C r_s mod p;   r_{s+1} = (r_s - B x_s) / p  (exactly),
//
// so that x = x_0 + x_1 p + x_2 p^2 + ... modulo any power of p. By Cramer's
// rule x is a vector of fractions N_i / D whose parts are determinants, bounded
// by Hadamard's inequality; once p^t > 2 N D they are read off by the extended
// Euclidean algorithm. A step costs k^2 multiplications of words, where a
// rational elimination multiplies numbers of thousands of digits. In small: for
// 3 x = 1 and p = 7 the digits are 5, 4, 4, ... and 5 + 4*7 = 33 = 1/3 mod 49.
//
// r stays small (|r| <= k max|B| + |c|), so it and the entries of B are kept as
// two's complement numbers of a fixed few words, modulo 2^(64 words); dividing
// by p there is multiplying by its inverse.
//
// References: J. Dixon, Exact solution of linear equations using p-adic
// expansions, Numer. Math. 40 (1982); P. Wang's reconstruction (1981).

// Why no exact solution was found.
var (
	errReconstruct = errors.New("lp: the exact solution was not found within the bounds of its size")
	errTooLarge    = errors.New("lp: too many unknowns for the exact solver")
)

// lifting is the state of the p-adic expansion for one system.
type lifting struct {
	k, words int
	lu       *modLU
	b        []uint64 // rows of B in the order of lu.pivot, k x k x words
	r        []uint64 // the residual, k x words
	inverse  []uint64 // of prime, modulo 2^(64 words)
}

// solveInteger returns num and den > 0 with sum_j columns_j num_j / den = rhs on
// the pivot rows of the columns, exactly; columns that depend on others get 0.
// columns holds q integers each, rhs q. The caller must check the other rows.
func solveInteger(ctx context.Context, columns [][]*big.Int, rhs []*big.Int) (num []*big.Int, den *big.Int, err error) {
	if len(columns) > maxUnknowns || len(rhs) > maxUnknowns {
		return nil, nil, errTooLarge
	}
	residues := make([][]uint64, len(columns))
	for j, column := range columns {
		residues[j] = residue(column)
	}
	lu, kept, err := factorMod(ctx, residues)
	if err != nil {
		return nil, nil, err
	}
	l := newLifting(lu, kept, columns, rhs)
	size := l.solutionBits(kept, columns, rhs)
	most := int(2*size+2)/56 + 2
	digits := make([][]uint64, 0, most)
	for next := 8; ; next *= 2 {
		for next = min(next, most); len(digits) < next; {
			if len(digits)%16 == 0 && ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			digits = append(digits, l.step())
		}
		if found, d := reconstruct(digits, l.k); found != nil {
			num = make([]*big.Int, len(columns))
			for j := range num {
				num[j] = new(big.Int)
			}
			for i, j := range kept {
				num[j] = found[i]
			}
			if l.agrees(found, d, kept, columns, rhs) {
				return num, d, nil
			}
		}
		if next == most {
			return nil, nil, errReconstruct
		}
	}
}

func residue(v []*big.Int) []uint64 {
	p, r := big.NewInt(prime), new(big.Int)
	out := make([]uint64, len(v))
	for i, x := range v {
		out[i] = r.Mod(x, p).Uint64()
	}
	return out
}

func newLifting(lu *modLU, kept []int, columns [][]*big.Int, rhs []*big.Int) *lifting {
	k := len(kept)
	most := 1
	for _, i := range lu.pivot {
		most = max(most, rhs[i].BitLen())
		for _, j := range kept {
			most = max(most, columns[j][i].BitLen())
		}
	}
	// |r| <= k 2^most + 2^most, and a sign.
	l := &lifting{k: k, lu: lu, words: (most+bits.Len(uint(k+1))+1)/64 + 1}
	l.b, l.r = make([]uint64, k*k*l.words), make([]uint64, k*l.words)
	for a, i := range lu.pivot {
		wrap(l.r[a*l.words:][:l.words], rhs[i])
		for c, j := range kept {
			wrap(l.b[(a*k+c)*l.words:][:l.words], columns[j][i])
		}
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(64*l.words))
	l.inverse = make([]uint64, l.words)
	wrap(l.inverse, new(big.Int).ModInverse(big.NewInt(prime), modulus))
	return l
}

// wrap sets w to x modulo 2^(64 len(w)).
func wrap(w []uint64, x *big.Int) {
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(64*len(w)))
	y := new(big.Int).Mod(x, modulus)
	mask := new(big.Int).SetUint64(math.MaxUint64)
	for i := range w {
		w[i] = new(big.Int).And(y, mask).Uint64()
		y.Rsh(y, 64)
	}
}

// step returns the next digit of every unknown.
func (l *lifting) step() []uint64 {
	mod, x := make([]uint64, l.k), make([]uint64, l.k)
	for i := range mod {
		mod[i] = signedMod(l.r[i*l.words:][:l.words])
	}
	l.lu.solve(x, mod)
	if l.words == 1 {
		l.updateWord(x)
	} else {
		l.updateWords(x)
	}
	return x
}

func (l *lifting) updateWord(x []uint64) {
	for i := range l.k {
		r := l.r[i]
		row := l.b[i*l.k:][:len(x)]
		for j, v := range x {
			r -= row[j] * v
		}
		l.r[i] = r * l.inverse[0]
	}
}

func (l *lifting) updateWords(x []uint64) {
	w := l.words
	sum, product := make([]uint64, w), make([]uint64, w)
	for i := range l.k {
		clear(sum)
		for j, v := range x {
			addScaled(sum, l.b[(i*l.k+j)*w:][:w], v)
		}
		r := l.r[i*w:][:w]
		var borrow uint64
		for t := range r {
			sum[t], borrow = bits.Sub64(r[t], sum[t], borrow)
		}
		clear(product)
		for t, v := range l.inverse {
			addScaled(product[t:], sum[:w-t], v)
		}
		copy(r, product)
	}
}

// addScaled adds a*v to sum, modulo 2^(64 len(sum)).
func addScaled(sum, a []uint64, v uint64) {
	var carry uint64
	a = a[:len(sum)]
	for t, x := range a {
		hi, lo := bits.Mul64(x, v)
		var c uint64
		lo, c = bits.Add64(lo, carry, 0)
		hi += c
		sum[t], c = bits.Add64(sum[t], lo, 0)
		carry = hi + c
	}
}

// signedMod returns the two's complement number w modulo prime.
func signedMod(w []uint64) uint64 {
	var r uint64
	for i := len(w) - 1; i >= 0; i-- {
		_, r = bits.Div64(r, w[i], prime)
	}
	if w[len(w)-1]>>63 == 0 {
		return r
	}
	wrapped := uint64(1) // 2^(64 len(w)) modulo prime, to be taken off
	for range w {
		_, wrapped = bits.Div64(wrapped, 0, prime)
	}
	return subMod(r, wrapped)
}

// solutionBits bounds the size in bits of the numerators and the denominator of
// the solution: Hadamard's bound of the determinant of [B c], taken over the
// columns.
func (l *lifting) solutionBits(kept []int, columns [][]*big.Int, rhs []*big.Int) float64 {
	norm := func(v []*big.Int) float64 {
		var most int
		for _, i := range l.lu.pivot {
			most = max(most, v[i].BitLen())
		}
		if most == 0 {
			return 0
		}
		return float64(most) + math.Log2(float64(l.k))/2
	}
	bits := norm(rhs) + 1
	for _, j := range kept {
		bits += norm(columns[j])
	}
	return bits
}

// agrees reports whether sum_j columns_j num_j = den rhs on the pivot rows.
func (l *lifting) agrees(num []*big.Int, den *big.Int, kept []int, columns [][]*big.Int, rhs []*big.Int) bool {
	var sum, t big.Int
	for _, i := range l.lu.pivot {
		sum.SetInt64(0)
		for c, j := range kept {
			sum.Add(&sum, t.Mul(columns[j][i], num[c]))
		}
		if sum.Cmp(t.Mul(den, rhs[i])) != 0 {
			return false
		}
	}
	return true
}

// reconstruct reads the fractions num_i / den off their digits, or returns nil.
// The first fractions settle the denominator; the others are then integers
// after one multiplication.
func reconstruct(digits [][]uint64, k int) (num []*big.Int, den *big.Int) {
	p := big.NewInt(prime)
	modulus := new(big.Int).Exp(p, big.NewInt(int64(len(digits))), nil)
	bound := new(big.Int).Sqrt(new(big.Int).Rsh(modulus, 1))
	half := new(big.Int).Rsh(modulus, 1)
	den = big.NewInt(1)
	num = make([]*big.Int, k)
	for i := range num {
		x := horner(digits, i, p)
		x.Mod(x.Mul(x, den), modulus)
		if x.Cmp(half) > 0 {
			x.Sub(x, modulus)
		}
		if x.CmpAbs(bound) > 0 {
			n, d := fraction(x.Mod(x, modulus), modulus, bound)
			if n == nil || den.Mul(den, d).Cmp(bound) > 0 {
				return nil, nil
			}
			for _, earlier := range num[:i] {
				earlier.Mul(earlier, d)
			}
			x = n
		}
		num[i] = x
	}
	return num, den
}

// horner returns sum_s digits[s][i] p^s.
func horner(digits [][]uint64, i int, p *big.Int) *big.Int {
	x, d := new(big.Int), new(big.Int)
	for s := len(digits) - 1; s >= 0; s-- {
		x.Mul(x, p)
		x.Add(x, d.SetUint64(digits[s][i]))
	}
	return x
}

// fraction returns n/d = x modulo m with |n|, d <= bound and d > 0, or nil: the
// first remainder of Euclid's algorithm that is small enough.
func fraction(x, m, bound *big.Int) (n, d *big.Int) {
	r0, r1 := new(big.Int).Set(m), new(big.Int).Set(x)
	t0, t1 := new(big.Int), big.NewInt(1)
	var q, product big.Int
	for r1.Cmp(bound) > 0 {
		q.QuoRem(r0, r1, r0)
		r0, r1 = r1, r0
		t0.Sub(t0, product.Mul(&q, t1))
		t0, t1 = t1, t0
	}
	if t1.Sign() == 0 || t1.CmpAbs(bound) > 0 {
		return nil, nil
	}
	if t1.Sign() < 0 {
		r1.Neg(r1)
		t1.Neg(t1)
	}
	return r1, t1
}
