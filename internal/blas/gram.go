package blas

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// blockSize is the width of the blocks of [AddGram] and [Cholesky]: wide enough
// that the products dominate, small enough that the waste on the diagonal
// blocks is a few percent.
const blockSize = 256

// Gram returns X^T X (d x d, both triangles) of x (n x d).
func Gram[T Float](x Matrix[T]) Matrix[T] {
	g := NewMatrix[T](x.Cols, x.Cols)
	AddGram(g, x)
	Mirror(g)
	return g
}

// AddGram adds the lower triangle of X^T X to dst (d x d); x is n x d. Blocks
// that straddle the diagonal are filled whole; call [Mirror] when all is added.
//
// It multiplies blocks of columns with gemm: gonum's dsyrk runs on one core and
// collapses at n >= 2000, and OpenBLAS loses nothing by it.
func AddGram[T Float](dst, x Matrix[T]) {
	for from := 0; from < x.Cols; from += blockSize {
		to := min(from+blockSize, x.Cols)
		TransMulAdd(dst.Block(from, to).Columns(0, to), x.Columns(from, to), x.Columns(0, to))
	}
}

// Mirror copies the lower triangle of the square matrix m to the upper one.
func Mirror[T Float](m Matrix[T]) {
	for bi := 0; bi < m.Rows; bi += 64 { // in tiles, for the cache
		for bj := 0; bj <= bi; bj += 64 {
			for i := bi; i < min(bi+64, m.Rows); i++ {
				for j := bj; j < min(bj+64, i); j++ {
					m.Data[j*m.Stride+i] = m.Data[i*m.Stride+j]
				}
			}
		}
	}
}

// Cholesky overwrites the lower triangle of the symmetric matrix a (d x d) with
// the factor L of a = L L^T and reports whether a is positive definite to the
// precision of T; when not, a is spoiled. The upper triangle is neither read
// nor kept. d^3/3 multiplications, nearly all in gemm.
func Cholesky[T Float](a Matrix[T]) bool {
	d := a.Rows
	for from := 0; from < d; from += blockSize {
		to := min(from+blockSize, d)
		diag := a.Block(from, to).Columns(from, to)
		if !choleskyBlock(diag) {
			return false
		}
		if to == d {
			break
		}
		panel := a.Block(to, d).Columns(from, to)
		trsm(blas.Right, blas.Trans, diag, panel)
		for i := to; i < d; i += blockSize {
			end := min(i+blockSize, d)
			gemm(blas.NoTrans, blas.Trans, -1, 1, a.Block(i, end).Columns(to, end),
				panel.Block(i-to, end-to), panel.Block(0, end-to))
		}
	}
	return true
}

func choleskyBlock[T Float](a Matrix[T]) bool {
	for j := 0; j < a.Rows; j++ {
		row := a.Row(j)
		for k := 0; k <= j; k++ {
			sum := row[k]
			for i, v := range a.Row(k)[:k] {
				sum -= row[i] * v
			}
			if k < j {
				row[k] = sum / a.Row(k)[k]
				continue
			}
			if !(sum > 0) || math.IsInf(float64(sum), 1) {
				return false
			}
			row[j] = T(math.Sqrt(float64(sum)))
		}
	}
	return true
}

// CholeskySolve overwrites b (d x p) with the solution of L L^T X = b, L the
// factor left by [Cholesky].
func CholeskySolve[T Float](l, b Matrix[T]) {
	trsm(blas.Left, blas.NoTrans, l, b)
	trsm(blas.Left, blas.Trans, l, b)
}

// trsm solves op(L) X = B or X op(L) = B in place, L lower triangular.
func trsm[T Float](s blas.Side, t blas.Transpose, l, b Matrix[T]) {
	switch l := any(l).(type) {
	case Matrix[float64]:
		tri := blas64.Triangular{N: l.Rows, Data: l.Data, Stride: l.Stride, Uplo: blas.Lower, Diag: blas.NonUnit}
		blas64.Trsm(s, t, 1, tri, general64(any(b).(Matrix[float64])))
	case Matrix[float32]:
		tri := blas32.Triangular{N: l.Rows, Data: l.Data, Stride: l.Stride, Uplo: blas.Lower, Diag: blas.NonUnit}
		blas32.Trsm(s, t, 1, tri, general32(any(b).(Matrix[float32])))
	}
}

// solveBlock is the width of the blocks of [SolveRight]: what stays with the
// engine's own triangular solver, which is slow in gonum.
const solveBlock = 64

// SolveRight overwrites b (n x d) with the solution X of X L^T = b, L (d x d)
// lower triangular as left by [Cholesky]. n d^2 / 2 multiplications, nearly all
// in gemm. Every row is solved backward stably, however ill-conditioned L is
// (Higham 2002, chapter 8).
func SolveRight[T Float](l, b Matrix[T]) {
	for from := 0; from < l.Rows; from += solveBlock {
		to := min(from+solveBlock, l.Rows)
		x := b.Columns(from, to)
		if from > 0 {
			gemm(blas.NoTrans, blas.Trans, -1, 1, x, b.Columns(0, from), l.Block(from, to).Columns(0, from))
		}
		trsm(blas.Right, blas.Trans, l.Block(from, to).Columns(from, to), x)
	}
}
