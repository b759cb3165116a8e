package phi

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// pivoted is a QR factorization with column pivoting, A P = Q R: column
// perm[k] of A is the k-th of A P, and |R_kk| does not grow with k.
type pivoted struct {
	qr   blas64.General // R above the diagonal, the reflectors of Q below
	tau  []float64
	perm []int
}

// factorPivoted factors a, which it overwrites.
func factorPivoted(a *mat.Dense) *pivoted { return factorLeading(a, -1) }

// factorLeading factors a, which it overwrites, with column first (unless it
// is -1) in front.
func factorLeading(a *mat.Dense, first int) *pivoted {
	n, m := a.Dims()
	f := &pivoted{qr: a.RawMatrix(), tau: make([]float64, min(n, m)), perm: make([]int, m)}
	for j := range f.perm {
		f.perm[j] = -1 // free to move
	}
	if first >= 0 {
		f.perm[first] = 0
	}
	work := make([]float64, 1)
	lapack64.Geqp3(f.qr, f.perm, f.tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Geqp3(f.qr, f.perm, f.tau, work, len(work))
	return f
}

// diagonal returns |R_kk|.
func (f *pivoted) diagonal() []float64 {
	d := make([]float64, len(f.tau))
	for k := range d {
		d[k] = math.Abs(f.qr.Data[k*f.qr.Stride+k])
	}
	return d
}

// descending returns |R_kk| in descending order: a column that was put in front
// may be a short one.
func (f *pivoted) descending() []float64 {
	d := f.diagonal()
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(b, a) })
	return d
}
