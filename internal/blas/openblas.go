package blas

import (
	"math"

	"gonum.org/v1/gonum/blas"
)

// OpenBLAS through its C interface, called without cgo.
//
// gonum's matrices are row-major, which the C interface takes as they are
// (order 101), so each kernel is one call with the options translated. A call
// costs about a microsecond on its way into C; small products stay with
// gonum's Go code. So does every call whose arguments are out of order: gonum
// then panics with its own message.

// library is an opened OpenBLAS.
type library struct {
	f64     kernels[float64]
	f32     kernels[float32]
	threads func(n int32)
	config  string
}

// kernels are the C functions for one element type. All integers are 32 bits
// (the LP64 interface).
type kernels[T Float] struct {
	cgemm  func(order, tA, tB, m, n, k int32, alpha T, a *T, lda int32, b *T, ldb int32, beta T, c *T, ldc int32)
	csymm  func(order, side, uplo, m, n int32, alpha T, a *T, lda int32, b *T, ldb int32, beta T, c *T, ldc int32)
	csyrk  func(order, uplo, t, n, k int32, alpha T, a *T, lda int32, beta T, c *T, ldc int32)
	csyr2k func(order, uplo, t, n, k int32, alpha T, a *T, lda int32, b *T, ldb int32, beta T, c *T, ldc int32)
	ctrmm  func(order, side, uplo, t, diag, m, n int32, alpha T, a *T, lda int32, b *T, ldb int32)
	ctrsm  func(order, side, uplo, t, diag, m, n int32, alpha T, a *T, lda int32, b *T, ldb int32)
	cgemv  func(order, t, m, n int32, alpha T, a *T, lda int32, x *T, incX int32, beta T, y *T, incY int32)
	cger   func(order, m, n int32, alpha T, x *T, incX int32, y *T, incY int32, a *T, lda int32)
}

const (
	rowMajor = 101

	// minMultiplyAdds is where a level-3 kernel goes to OpenBLAS: 2^15
	// multiplications take gonum about 10 microseconds.
	minMultiplyAdds = 1 << 15
	// minEntries is the same for the level-2 kernels, by entries of the matrix.
	minEntries = 1 << 14
)

// The enumerations of cblas.h; 0 for a value that is not gonum's.

func transposed(t blas.Transpose) int32 {
	switch t {
	case blas.NoTrans:
		return 111
	case blas.Trans:
		return 112
	case blas.ConjTrans:
		return 113
	}
	return 0
}

func triangle(u blas.Uplo) int32 {
	switch u {
	case blas.Upper:
		return 121
	case blas.Lower:
		return 122
	}
	return 0
}

func diagonal(d blas.Diag) int32 {
	switch d {
	case blas.NonUnit:
		return 131
	case blas.Unit:
		return 132
	}
	return 0
}

func sideOf(s blas.Side) int32 {
	switch s {
	case blas.Left:
		return 141
	case blas.Right:
		return 142
	}
	return 0
}

// holds reports whether data holds a rows x cols matrix of stride ld whose
// sizes fit the C interface.
func holds[T Float](data []T, rows, cols, ld int) bool {
	return rows > 0 && cols > 0 && ld >= cols && ld <= math.MaxInt32 && rows <= math.MaxInt32 &&
		len(data) >= ld*(rows-1)+cols
}

// holdsVector reports whether data holds n elements, inc apart. Vectors that
// run backwards stay with gonum.
func holdsVector[T Float](data []T, n, inc int) bool {
	return n > 0 && inc > 0 && inc <= math.MaxInt32 && len(data) >= (n-1)*inc+1
}

// shape returns the stored shape of an operand that enters a product as
// rows x cols after transposition t.
func shape(t blas.Transpose, rows, cols int) (int, int) {
	if t == blas.NoTrans {
		return rows, cols
	}
	return cols, rows
}

// Each method below returns false when the call is not for OpenBLAS.

func (f *kernels[T]) gemm(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	ar, ac := shape(tA, m, k)
	br, bc := shape(tB, k, n)
	ta, tb := transposed(tA), transposed(tB)
	if m*n*k < minMultiplyAdds || ta == 0 || tb == 0 ||
		!holds(a, ar, ac, lda) || !holds(b, br, bc, ldb) || !holds(c, m, n, ldc) {
		return false
	}
	f.cgemm(rowMajor, ta, tb, int32(m), int32(n), int32(k), alpha, &a[0], int32(lda), &b[0], int32(ldb), beta, &c[0], int32(ldc))
	return true
}

func (f *kernels[T]) symm(s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	k := m
	if s == blas.Right {
		k = n
	}
	side, uplo := sideOf(s), triangle(ul)
	if m*n*k < minMultiplyAdds || side == 0 || uplo == 0 ||
		!holds(a, k, k, lda) || !holds(b, m, n, ldb) || !holds(c, m, n, ldc) {
		return false
	}
	f.csymm(rowMajor, side, uplo, int32(m), int32(n), alpha, &a[0], int32(lda), &b[0], int32(ldb), beta, &c[0], int32(ldc))
	return true
}

func (f *kernels[T]) syrk(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int) bool {
	ar, ac := shape(t, n, k)
	uplo, tr := triangle(ul), transposed(t)
	if n*n*k < minMultiplyAdds || uplo == 0 || tr == 0 || !holds(a, ar, ac, lda) || !holds(c, n, n, ldc) {
		return false
	}
	f.csyrk(rowMajor, uplo, tr, int32(n), int32(k), alpha, &a[0], int32(lda), beta, &c[0], int32(ldc))
	return true
}

func (f *kernels[T]) syr2k(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) bool {
	ar, ac := shape(t, n, k)
	uplo, tr := triangle(ul), transposed(t)
	if n*n*k < minMultiplyAdds || uplo == 0 || tr == 0 ||
		!holds(a, ar, ac, lda) || !holds(b, ar, ac, ldb) || !holds(c, n, n, ldc) {
		return false
	}
	f.csyr2k(rowMajor, uplo, tr, int32(n), int32(k), alpha, &a[0], int32(lda), &b[0], int32(ldb), beta, &c[0], int32(ldc))
	return true
}

// triangular runs trmm or trsm, which take the same arguments.
func (f *kernels[T]) triangular(
	kernel func(order, side, uplo, t, diag, m, n int32, alpha T, a *T, lda int32, b *T, ldb int32),
	s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int) bool {
	k := m
	if s == blas.Right {
		k = n
	}
	side, uplo, tr, diag := sideOf(s), triangle(ul), transposed(t), diagonal(d)
	if m*n*k < minMultiplyAdds || side == 0 || uplo == 0 || tr == 0 || diag == 0 ||
		!holds(a, k, k, lda) || !holds(b, m, n, ldb) {
		return false
	}
	kernel(rowMajor, side, uplo, tr, diag, int32(m), int32(n), alpha, &a[0], int32(lda), &b[0], int32(ldb))
	return true
}

func (f *kernels[T]) gemv(t blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) bool {
	ny, nx := shape(t, m, n)
	tr := transposed(t)
	if m*n < minEntries || tr == 0 || !holds(a, m, n, lda) || !holdsVector(x, nx, incX) || !holdsVector(y, ny, incY) {
		return false
	}
	f.cgemv(rowMajor, tr, int32(m), int32(n), alpha, &a[0], int32(lda), &x[0], int32(incX), beta, &y[0], int32(incY))
	return true
}

func (f *kernels[T]) ger(m, n int, alpha T, x []T, incX int, y []T, incY int, a []T, lda int) bool {
	if m*n < minEntries || !holds(a, m, n, lda) || !holdsVector(x, m, incX) || !holdsVector(y, n, incY) {
		return false
	}
	f.cger(rowMajor, int32(m), int32(n), alpha, &x[0], int32(incX), &y[0], int32(incY), &a[0], int32(lda))
	return true
}
