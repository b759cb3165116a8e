// Package blas chooses the engine of the dense kernels.
//
// Every dense product of hinge goes through gonum's blas64 and blas32, whose
// engine is gonum's own Go code by default. [Use] looks for OpenBLAS on the
// machine at run time, without cgo, and registers it for all of gonum; the front
// door calls it once. [Gram], [Cholesky] and [CholeskySolve] are the blocked
// forms that are fast with either engine.
//
// Engines round differently: their kernels sum in other orders. What is
// certified is independent of that; what is fitted may differ in last bits.
package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// Float is the element type of a kernel.
type Float interface{ float32 | float64 }

// Matrix is a row-major view: element (i, j) is Data[i*Stride+j].
type Matrix[T Float] struct {
	Data               []T
	Rows, Cols, Stride int
}

// NewMatrix returns a zero matrix.
func NewMatrix[T Float](rows, cols int) Matrix[T] {
	return Matrix[T]{Data: make([]T, rows*cols), Rows: rows, Cols: cols, Stride: cols}
}

// Row returns row i, sharing storage.
func (m Matrix[T]) Row(i int) []T { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// Columns returns the view of columns from <= j < to.
func (m Matrix[T]) Columns(from, to int) Matrix[T] {
	return Matrix[T]{Data: m.Data[from:], Rows: m.Rows, Cols: to - from, Stride: m.Stride}
}

// Block returns the view of rows from <= i < to.
func (m Matrix[T]) Block(from, to int) Matrix[T] {
	return Matrix[T]{Data: m.Data[from*m.Stride:], Rows: to - from, Cols: m.Cols, Stride: m.Stride}
}

// MulTrans sets dst to a b^T: dst is r x c, a is r x k, b is c x k.
func MulTrans[T Float](dst, a, b Matrix[T]) { gemm(blas.NoTrans, blas.Trans, 1, 0, dst, a, b) }

// MulTransAdd adds a b^T to dst: dst is r x c, a is r x k, b is c x k.
func MulTransAdd[T Float](dst, a, b Matrix[T]) { gemm(blas.NoTrans, blas.Trans, 1, 1, dst, a, b) }

// Mul sets dst to a b: dst is r x c, a is r x k, b is k x c.
func Mul[T Float](dst, a, b Matrix[T]) { gemm(blas.NoTrans, blas.NoTrans, 1, 0, dst, a, b) }

// TransMul sets dst to a^T b: dst is r x c, a is k x r, b is k x c.
func TransMul[T Float](dst, a, b Matrix[T]) { gemm(blas.Trans, blas.NoTrans, 1, 0, dst, a, b) }

// MulAdd adds a b to dst: dst is r x c, a is r x k, b is k x c.
func MulAdd[T Float](dst, a, b Matrix[T]) { gemm(blas.NoTrans, blas.NoTrans, 1, 1, dst, a, b) }

// TransMulAdd adds a^T b to dst: dst is r x c, a is k x r, b is k x c.
func TransMulAdd[T Float](dst, a, b Matrix[T]) { gemm(blas.Trans, blas.NoTrans, 1, 1, dst, a, b) }

func gemm[T Float](transA, transB blas.Transpose, alpha, beta T, dst, a, b Matrix[T]) {
	if dst.Rows == 0 || dst.Cols == 0 || a.Rows == 0 || a.Cols == 0 {
		return
	}
	switch d := any(dst).(type) {
	case Matrix[float64]:
		blas64.Gemm(transA, transB, float64(alpha), general64(any(a).(Matrix[float64])), general64(any(b).(Matrix[float64])), float64(beta), general64(d))
	case Matrix[float32]:
		blas32.Gemm(transA, transB, float32(alpha), general32(any(a).(Matrix[float32])), general32(any(b).(Matrix[float32])), float32(beta), general32(d))
	}
}

func general64(m Matrix[float64]) blas64.General {
	return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}

func general32(m Matrix[float32]) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
}
