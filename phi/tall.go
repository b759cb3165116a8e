package phi

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
)

// This file reduces a tall matrix B = [Phi 1] (n x k, n > k) to its R factor,
// B = Q R with orthonormal Q that is never held: R has the singular values, the
// null space and all inner products of B.
//
// The idea: R is the Cholesky factor of the Gram matrix B^T B, which is all
// matrix products and adds up over blocks of rows. By itself that loses half of
// the digits: squaring hides every singular value below 1e-8 of the largest. So
// it is done in stages. With S diagonal, powers of two that bring the columns
// to lengths near 1, and s_1 a shift above the rounding of the Gram matrix,
//
//	stage 1   G_1 = (B S)^T (B S),  R_1^T R_1 = G_1 + s_1
//	stage 2   G_2 = Q_1^T Q_1,      R_2^T R_2 = G_2 + s_2,  Q_1 = B S R_1^-1
//
// and so on; R = ... R_2 R_1 S^-1. (Shifted Cholesky QR: Fukaya, Kannan,
// Nakatsukasa, Yamamoto and Yanagisawa 2020.) Invariant [P]: for every v
//
//	|R_2 R_1 v|^2 = |B S v|^2 + s_2 |R_1 v|^2 + rounding,
//	|R_1 v|^2     = |B S v|^2 + s_1 |v|^2     + rounding,
//
// so squares are right to the rounding s_2, relatively, down to the floor
// s_1 s_2 |v|^2: two stages see singular values down to sqrt(s_1 s_2), about
// 1e-14 of the largest, as well as Householder's QR does. Stages go on
// until the floor is well below the tolerance of the rank. One stage is enough
// when the smallest eigenvalue of G_1 is proven to stand far above rounding.
//
// Worked case: columns (1, 0)^T and (1, 1e-9)^T. G_1 is all ones but for 1e-18,
// which is lost: rank 1. With s_1 = 1e-15, R_1 = [1 1; 0 4e-8], Q_1 has the
// columns (1, 0)^T and (0, 0.02)^T, and G_2 = [1 0; 0 5e-4] shows both.
//
// Cost: 2 n k^2 multiplications for two stages, against n k^2 (half of a full
// product each) for the Gram matrix alone and 2 n k^2 at a tenth of the speed
// for QR. Work space: one block of rows, and a few k x k matrices.

const (
	// gramWork is the n k^2 from which the stages take over from Householder's
	// QR, which is as fast below and simpler.
	gramWork = 2e8
	// clearSpectrum is the smallest eigenvalue of a Gram matrix, relative to the
	// largest, above which its Cholesky factor has ten digits.
	clearSpectrum = 1e-5
	// firstShift is the first shift tried, in units of 2^-52 times the norm of
	// the Gram matrix; it grows by shiftGrowth until the factorization holds.
	firstShift, shiftGrowth = 4, 8
	// floorPart of the rank's tolerance is how low the floor of the stages must
	// lie.
	floorPart = 1.0 / 64
	maxStages = 4
	// extreme entries, or columns shorter than its inverse, are left to QR:
	// their squares leave the range of float64.
	extreme = 1e140
)

// rFactor returns R (m+1 x m+1, upper triangular) of the QR factorization of
// [Phi 1], n > m+1.
func (p *Matrix) rFactor() *mat.Dense {
	k := p.m + 1
	if float64(p.n)*float64(k)*float64(k) >= gramWork && p.stats.Scale < extreme {
		if r := p.stagedFactor(); r != nil {
			return r
		}
	}
	return p.householder()
}

// stagedFactor leaves out units that are dead on all rows, and puts their zeros
// back: R is triangular with them too.
func (p *Matrix) stagedFactor() *mat.Dense {
	var live []int
	for j, count := range p.stats.PerUnit {
		if count > 0 {
			live = append(live, j)
		}
	}
	live = append(live, p.m)
	b := &tall{k: len(live), tolerance: p.tolerance(), zero: func(int) bool { return false }}
	b.each = func(f func(block blas.Matrix[float64])) { p.eachBiased(live, f) }
	small := b.factor()
	if small == nil || len(live) == p.m+1 {
		return small
	}
	r := mat.NewDense(p.m+1, p.m+1, nil)
	for i, row := range live {
		for k, v := range small.RawRowView(i)[i:] {
			r.Set(row, live[i+k], v)
		}
	}
	return r
}

// eachBiased calls f with blocks of rows of the given ascending columns of
// [Phi 1], or of all of them for nil. f may spoil the blocks.
func (p *Matrix) eachBiased(columns []int, f func(block blas.Matrix[float64])) {
	k := p.m + 1
	if columns != nil {
		k = len(columns)
	}
	rows := p.rowsOfBlock(p.m + 1)
	b := blas.NewMatrix[float64](rows, k)
	p.eachRows(rows, func(_ int, block *mat.Dense) {
		count, _ := block.Dims()
		for i := range count {
			dst, src := b.Row(i), block.RawRowView(i)
			if k == p.m+1 {
				copy(dst, src)
			} else {
				for to, from := range columns[:k-1] {
					dst[to] = src[from]
				}
			}
			dst[k-1] = 1
		}
		f(b.Block(0, count))
	})
}

// tall is a matrix B with k columns, given by its rows.
type tall struct {
	k         int
	tolerance float64                                  // of the rank, relative
	zero      func(j int) bool                         // whether a column is known to be all zeros
	each      func(f func(block blas.Matrix[float64])) // calls f with blocks of rows; f may spoil them
}

// factor returns R (k x k), or nil when the stages do not settle.
func (b *tall) factor() *mat.Dense {
	scale := make([]float64, b.k) // S^-1, by column; 0 for a column of zeros
	var total blas.Matrix[float64]
	floor := 1.0 // product of sqrt(s) so far
	for stage := range maxStages {
		g := blas.NewMatrix[float64](b.k, b.k)
		b.eachScaled(scale, total, func(block blas.Matrix[float64]) { blas.AddGram(g, block) })
		if stage == 0 && !b.equilibrate(g, scale) {
			return nil
		}
		for j, s := range scale {
			if s == 0 {
				g.Row(j)[j] = 1
			}
		}
		size := rowSumNorm(g)
		if stage == 0 {
			if l := clearFactor(g, size); l.Data != nil {
				return upperOf(l, scale)
			}
		}
		l, shift := shiftedCholesky(g, size)
		if l.Data == nil {
			return nil
		}
		if stage == 0 {
			total = l
		} else {
			total = timesLower(total, l)
		}
		if floor *= math.Sqrt(shift); floor <= floorPart*b.tolerance && stage > 0 {
			return upperOf(total, scale)
		}
	}
	return nil
}

// eachScaled calls f with blocks of rows of B S, or with a factor L of B S L^-T.
// Scales of zero leave a column as it is.
func (b *tall) eachScaled(scale []float64, l blas.Matrix[float64], f func(block blas.Matrix[float64])) {
	inverse := make([]float64, len(scale)) // powers of two: exact
	for j, s := range scale {
		if inverse[j] = 1; s != 0 {
			inverse[j] = 1 / s
		}
	}
	b.each(func(block blas.Matrix[float64]) {
		if l.Data != nil {
			for i := range block.Rows {
				row := block.Row(i)
				for j, s := range inverse {
					row[j] *= s
				}
			}
			blas.SolveRight(l, block)
		}
		f(block)
	})
}

// equilibrate sets scale to powers of two near the lengths of the columns, and
// scales g, their Gram matrix, alike. It reports false when a column that is not
// zero is too short to be squared.
func (b *tall) equilibrate(g blas.Matrix[float64], scale []float64) bool {
	for j := range scale {
		length := math.Sqrt(g.Row(j)[j])
		if length < 1/extreme && !b.zero(j) {
			return false
		}
		if length > 0 {
			_, e := math.Frexp(length)
			scale[j] = math.Ldexp(1, e)
		}
	}
	for i := range scale {
		row := g.Row(i)
		for j := range i + 1 {
			if scale[i] != 0 && scale[j] != 0 {
				row[j] = row[j] / scale[i] / scale[j]
			}
		}
	}
	return true
}

// rowSumNorm returns the largest sum of absolute values of a row of the
// symmetric matrix whose lower triangle is given: at least the spectral norm.
func rowSumNorm(g blas.Matrix[float64]) float64 {
	sums := make([]float64, g.Rows)
	for i := range sums {
		for j, v := range g.Row(i)[:i+1] {
			sums[i] += math.Abs(v)
			if j < i {
				sums[j] += math.Abs(v)
			}
		}
	}
	norm := 0.0
	for _, s := range sums {
		norm = max(norm, s)
	}
	return norm
}

// clearFactor returns the Cholesky factor of g when its smallest eigenvalue,
// bounded below by 1/|L^-1|_F^2, stands clear of rounding; else no matrix.
func clearFactor(g blas.Matrix[float64], size float64) blas.Matrix[float64] {
	l := copyOf(g)
	if !blas.Cholesky(l) {
		return blas.Matrix[float64]{}
	}
	clearUpper(l)
	inverse := blas.NewMatrix[float64](l.Rows, l.Rows) // rows of L^-T
	for j := range l.Rows {
		inverse.Row(j)[j] = 1
	}
	blas.SolveRight(l, inverse)
	sum := 0.0
	for _, v := range inverse.Data {
		sum += v * v
	}
	if !(1/sum > clearSpectrum*size) {
		return blas.Matrix[float64]{}
	}
	return l
}

// shiftedCholesky factors g + shift, the shift in proportion to size, the norm
// of g: the least one tried for which no pivot is below half of it, as
// rounding beyond it would have it. It returns no matrix when none serves.
func shiftedCholesky(g blas.Matrix[float64], size float64) (l blas.Matrix[float64], shift float64) {
	for factor := float64(firstShift); factor*0x1p-52 < clearSpectrum; factor *= shiftGrowth {
		shift = factor * 0x1p-52 * size
		l = copyOf(g)
		for j := range l.Rows {
			l.Row(j)[j] += shift
		}
		if !blas.Cholesky(l) {
			continue
		}
		least := math.Inf(1)
		for j := range l.Rows {
			least = min(least, l.Row(j)[j]*l.Row(j)[j])
		}
		if least >= shift/2 {
			clearUpper(l)
			return l, shift
		}
	}
	return blas.Matrix[float64]{}, 0
}

func copyOf(a blas.Matrix[float64]) blas.Matrix[float64] {
	return blas.Matrix[float64]{Data: append([]float64(nil), a.Data...), Rows: a.Rows, Cols: a.Cols, Stride: a.Stride}
}

func clearUpper(l blas.Matrix[float64]) {
	for i := range l.Rows {
		clear(l.Row(i)[i+1:])
	}
}

// timesLower returns a b, both lower triangular: (R_2 R_1)^T = R_1^T R_2^T.
func timesLower(a, b blas.Matrix[float64]) blas.Matrix[float64] {
	c := blas.NewMatrix[float64](a.Rows, a.Rows)
	blas.MulAdd(c, a, b)
	return c
}

// upperOf returns L^T S^-1. Columns of zeros are zeros again, on the diagonal
// too.
func upperOf(l blas.Matrix[float64], scale []float64) *mat.Dense {
	r := mat.NewDense(l.Rows, l.Rows, nil)
	for j := range l.Rows {
		for i, v := range l.Row(j)[:j+1] {
			r.Set(i, j, v*scale[j])
		}
	}
	return r
}

// rowsOfBlock returns how many rows of so many numbers are worked on at once:
// as many as keep the kernels busy, and less when MaxElements asks for it.
func (p *Matrix) rowsOfBlock(width int) int {
	elements := min(blockElements, p.opt.maxElements()/structureFraction)
	return max(1, min(p.n, max(elements/width, minRows)))
}

// minRows is the least rows of a block: the products of shorter ones run at the
// speed of memory.
const minRows = 64

// eachRows calls f with consecutive blocks of at most so many rows. The block is
// not to be changed, and not to be kept.
func (p *Matrix) eachRows(rows int, f func(from int, block *mat.Dense)) {
	switch p.form {
	case DenseForm:
		for from := 0; from < p.n; from += rows {
			f(from, p.dense.Slice(from, min(from+rows, p.n), 0, p.m).(*mat.Dense))
		}
	case StreamedForm:
		eachBlock(p.net, p.x, p.layer, rows, f)
	default:
		block := mat.NewDense(rows, p.m, nil)
		for from := 0; from < p.n; from += rows {
			to := min(from+rows, p.n)
			for i := from; i < to; i++ {
				p.Row(block.RawRowView(i-from), i)
			}
			f(from, block.Slice(0, to-from, 0, p.m).(*mat.Dense))
		}
	}
}

// householder returns R by QR, factoring [R; next rows] over and over.
func (p *Matrix) householder() *mat.Dense {
	width := p.m + 1
	chunk := mat.NewDense(max(4*width, min(p.n, blockElements/width)), width, nil)
	rows := 0
	fold := func() {
		var qr mat.QR
		qr.Factorize(chunk.Slice(0, rows, 0, width))
		var r mat.Dense
		qr.RTo(&r)
		chunk.Zero()
		chunk.Copy(r.Slice(0, width, 0, width))
		rows = width
	}
	capacity, _ := chunk.Dims()
	p.visit(func(_ int, row []float64) {
		if rows == capacity {
			fold()
		}
		dst := chunk.RawRowView(rows)
		copy(dst, row)
		dst[width-1] = 1
		rows++
	})
	if rows > width {
		fold()
	}
	return mat.DenseCopyOf(chunk.Slice(0, rows, 0, width))
}
