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
}

// factorize computes the factorization of a (n x m), which it overwrites. The
// columns first are put in front, before the choice of the others begins.
// O(n m min(n,m)) operations.
func factorize(a *mat.Dense, first ...int) *pivotedQR {
	f := &pivotedQR{qr: a.RawMatrix()}
	k := min(f.qr.Rows, f.qr.Cols)
	f.tau, f.pivot = make([]float64, k), make([]int, f.qr.Cols)
	for j := range f.pivot {
		f.pivot[j] = -1 // free
	}
	for _, j := range first {
		f.pivot[j] = 0 // fixed
	}
	work := make([]float64, 1)
	lapack64.Geqp3(f.qr, f.pivot, f.tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Geqp3(f.qr, f.pivot, f.tau, work, len(work))
	largest := 0.0
	for i := range k {
		largest = max(largest, f.diagonal(i))
	}
	for f.rank < k && f.diagonal(f.rank) > rankTolerance*largest {
		f.rank++
	}
	return f
}

func (f *pivotedQR) diagonal(i int) float64 { return math.Abs(f.qr.Data[i*f.qr.Stride+i]) }

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

// leastNorm returns the solution w (m x p) of a w = y of least norm, for a
// (n x m) of rank n with m >= n, by the LQ factorization and two steps of
// refinement. It returns false when a has not rank n. O(n^2 m) operations.
func leastNorm(a, y *mat.Dense) (*mat.Dense, bool) {
	n, _ := a.Dims()
	var lq mat.LQ
	lq.Factorize(a)
	var l mat.Dense
	lq.LTo(&l)
	largest := 0.0
	for i := range n {
		largest = max(largest, math.Abs(l.At(i, i)))
	}
	for i := range n {
		if math.Abs(l.At(i, i)) <= rankTolerance*largest {
			return nil, false
		}
	}
	w := new(mat.Dense)
	if err := lq.SolveTo(w, false, y); err != nil && w.IsEmpty() {
		return nil, false
	}
	for range 2 {
		var residual, step mat.Dense
		residual.Mul(a, w)
		residual.Sub(y, &residual)
		if err := lq.SolveTo(&step, false, &residual); err != nil && step.IsEmpty() {
			break
		}
		w.Add(w, &step)
	}
	return w, true
}
