package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// engine32 is gonum's float32 engine with its costly kernels handed to
// OpenBLAS. Everything else, and every small call, stays gonum's.
type engine32 struct {
	gonum.Implementation
	k kernels[float32]
}

// Sgemm computes C = alpha op(A) op(B) + beta C.
func (e engine32) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !e.k.gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Ssymm computes C = alpha A B + beta C or alpha B A + beta C, A symmetric.
func (e engine32) Ssymm(s blas.Side, ul blas.Uplo, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !e.k.symm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Ssymm(s, ul, m, n, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Ssyrk computes one triangle of C = alpha A A^T + beta C, or of A^T A.
func (e engine32) Ssyrk(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, beta float32, c []float32, ldc int) {
	if !e.k.syrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc) {
		e.Implementation.Ssyrk(ul, tA, n, k, alpha, a, lda, beta, c, ldc)
	}
}

// Ssyr2k computes one triangle of C = alpha (A B^T + B A^T) + beta C.
func (e engine32) Ssyr2k(ul blas.Uplo, tA blas.Transpose, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if !e.k.syr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
		e.Implementation.Ssyr2k(ul, tA, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Strmm computes B = alpha op(A) B or alpha B op(A), A triangular.
func (e engine32) Strmm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if !e.k.triangular(e.k.ctrmm, s, ul, tA, d, m, n, alpha, a, lda, b, ldb) {
		e.Implementation.Strmm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

// Strsm solves op(A) X = alpha B or X op(A) = alpha B, A triangular.
func (e engine32) Strsm(s blas.Side, ul blas.Uplo, tA blas.Transpose, d blas.Diag, m, n int, alpha float32, a []float32, lda int, b []float32, ldb int) {
	if !e.k.triangular(e.k.ctrsm, s, ul, tA, d, m, n, alpha, a, lda, b, ldb) {
		e.Implementation.Strsm(s, ul, tA, d, m, n, alpha, a, lda, b, ldb)
	}
}

// Sgemv computes y = alpha op(A) x + beta y.
func (e engine32) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if !e.k.gemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY) {
		e.Implementation.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// Sger computes A = alpha x y^T + A.
func (e engine32) Sger(m, n int, alpha float32, x []float32, incX int, y []float32, incY int, a []float32, lda int) {
	if !e.k.ger(m, n, alpha, x, incX, y, incY, a, lda) {
		e.Implementation.Sger(m, n, alpha, x, incX, y, incY, a, lda)
	}
}
