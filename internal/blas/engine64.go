package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// engine64 is gonum's float64 engine with its costly kernels handed to
// OpenBLAS. Everything else, and every small call, stays gonum's.
type engine64 struct {
	gonum.Implementation
	k kernels[float64]
}

// Dgemm computes C = alpha op(A) op(B) + beta C.
func (e engine64) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if !e.k.gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dsymm computes C = alpha A B + beta C or alpha B A + beta C, A symmetric.
func (e engine64) Dsymm(s blas.Side, ul blas.Uplo, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if !e.k.symm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Dsymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dsyrk computes one triangle of C = alpha A A^T + beta C, or of A^T A.
func (e engine64) Dsyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	if !e.k.syrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) {
		e.Implementation.Dsyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// Dsyr2k computes one triangle of C = alpha (A B^T + B A^T) + beta C.
func (e engine64) Dsyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if !e.k.syr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Dsyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dtrmm computes B = alpha op(A) B or alpha B op(A), A triangular.
func (e engine64) Dtrmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	if !e.k.triangular(e.k.ctrmm, s, ul, tA, d, m, n, alpha, a, lda, b, ldb) {
		e.Implementation.Dtrmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

// Dtrsm solves op(A) X = alpha B or X op(A) = alpha B, A triangular.
func (e engine64) Dtrsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float64, a []float64, lda int, b []float64, ldb int) {
	if !e.k.triangular(e.k.ctrsm, s, ul, tA, d, m, n, alpha, a, lda, b, ldb) {
		e.Implementation.Dtrsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

// Dgemv computes y = alpha op(A) x + beta y.
func (e engine64) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if !e.k.gemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		e.Implementation.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// Dger computes A = alpha x y^T + A.
func (e engine64) Dger(m, n int, alpha float64, x []float64, incX int, y []float64, incY int, a []float64, lda int) {
	if !e.k.ger(m, n, alpha, x, incX, y, incY, a, lda) {
		e.Implementation.Dger(m, n, alpha, x, incX, y, incY, a, lda)
	}
}
