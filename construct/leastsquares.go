package construct

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// rankTolerance is the size, relative to the first pivot, below which a pivot
// of the column-pivoted QR counts as zero: 2^-40 leaves a dozen bits to the
// solution. Pivots of rank-revealing QR track the singular values within a
// factor of the order of n.
const rankTolerance = 0x1p-40

// pivotedQR is a = Q R P^T with the columns ordered by what each adds to the
// span of those before it [Businger, Golub 1965; LAPACK dgeqp3].
type pivotedQR struct {
	qr    blas64.General // R above the diagonal, reflectors below
	tau   []float64
	pivot []int // column k of R is column pivot[k] of a
	rank  int   // pivots above rankTolerance
	gap   float64
}

// factorize computes the factorization of a (n x m), which it overwrites.
// O(n m min(n,m)) operations.
func factorize(a *mat.Dense) *pivotedQR {
	f := &pivotedQR{qr: a.RawMatrix()}
	k := min(f.qr.Rows, f.qr.Cols)
	f.tau, f.pivot = make([]float64, k), make([]int, f.qr.Cols)
	for j := range f.pivot {
		f.pivot[j] = -1 // free
	}
	work := make([]float64, 1)
	lapack64.Geqp3(f.qr, f.pivot, f.tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Geqp3(f.qr, f.pivot, f.tau, work, len(work))
	largest := 0.0
	if k > 0 {
		largest = math.Abs(f.qr.Data[0])
	}
	for f.rank < k && f.diagonal(f.rank) > rankTolerance*largest {
		f.rank++
	}
	return f
}

func (f *pivotedQR) diagonal(i int) float64 { return math.Abs(f.qr.Data[i*f.qr.Stride+i]) }

// condition returns the ratio of the largest and the least pivot of the rank
// found, an estimate of the condition number from below.
func (f *pivotedQR) condition() float64 {
	if f.rank == 0 {
		return math.Inf(1)
	}
	return f.diagonal(0) / f.diagonal(f.rank-1)
}

// solve returns the basic least-squares solution w (m x p) of a w = y (n x p):
// zero outside the rank's columns.
func (f *pivotedQR) solve(y *mat.Dense) *mat.Dense {
	_, p := y.Dims()
	w := mat.NewDense(f.qr.Cols, p, nil)
	if f.rank == 0 {
		return w
	}
	c := mat.DenseCopyOf(y).RawMatrix()
	work := make([]float64, 1)
	reflectors := blas64.General{Rows: f.qr.Rows, Cols: len(f.tau), Stride: f.qr.Stride, Data: f.qr.Data}
	lapack64.Ormqr(blas.Left, blas.Trans, reflectors, f.tau, c, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Ormqr(blas.Left, blas.Trans, reflectors, f.tau, c, work, len(work))
	r := blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: f.rank, Stride: f.qr.Stride, Data: f.qr.Data}
	c.Rows = f.rank
	blas64.Trsm(blas.Left, blas.NoTrans, 1, r, c)
	for k := 0; k < f.rank; k++ {
		copy(w.RawRowView(f.pivot[k]), c.Data[k*c.Stride:k*c.Stride+p])
	}
	return w
}
