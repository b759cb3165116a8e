package phi

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	hblas "hinge/internal/blas"
)

// Members returns two output layers with the values of w = [A; c], (m+1) x p, on
// the data, and the rank of [Phi 1]: the one of least norm, and a basic one, with
// zeros on the free units. It needs no singular values, so it serves layers that
// are too wide for them. It returns [ErrTooLarge] when the pivoted QR is over the
// limits of the Options.
//
// With B P = Q [R11 R12; 0 0] and T = R11^-1 R12 the changes that no row sees are
// P [-T; I] z [P]. Taking w = P [w1; w2], basic is P [w1 + T w2; 0], and the least
// norm takes away the projection of w on these changes:
//
//	z = (I + T^T T)^-1 (w2 - T^T w1),   least = P [w1 + T z; w2 - z].
//
// I + T^T T is as well conditioned as the pivots choose the columns. Cost: that of
// the factorization, and r^2 f + r f^2 for rank r and f free columns.
func (p *Matrix) Members(w *mat.Dense) (least, basic *mat.Dense, rank int, err error) {
	k := p.m + 1
	if rows, _ := w.Dims(); rows != k || !p.pivotFits(k) {
		return nil, nil, 0, ErrTooLarge
	}
	f := p.basis()
	d := f.diagonal()
	largest := f.descending()[0]
	for rank < len(d) && d[rank] > p.tolerance()*largest {
		rank++
	}
	_, outputs := w.Dims()
	top, rest := mat.NewDense(max(rank, 1), outputs, nil), mat.NewDense(max(k-rank, 1), outputs, nil)
	for at, j := range f.perm {
		if at < rank {
			top.SetRow(at, w.RawRowView(j))
		} else {
			rest.SetRow(at-rank, w.RawRowView(j))
		}
	}
	if rank == k || rank == 0 {
		return mat.DenseCopyOf(w), mat.DenseCopyOf(w), rank, nil
	}
	t := f.coupling(rank)
	basic = mat.NewDense(k, outputs, nil)
	var sum, z, along mat.Dense
	sum.Mul(t, rest)
	sum.Add(&sum, top)
	f.scatter(basic, &sum, nil, rank)
	if z = *solveShifted(t, top, rest); z.IsEmpty() {
		return nil, nil, 0, ErrTooLarge
	}
	least = mat.NewDense(k, outputs, nil)
	along.Mul(t, &z)
	along.Add(&along, top)
	rest.Sub(rest, &z)
	f.scatter(least, &along, rest, rank)
	return least, basic, rank, nil
}

// coupling returns T = R11^-1 R12, r x (k-r).
func (f *pivoted) coupling(rank int) *mat.Dense {
	free := len(f.perm) - rank
	t := mat.NewDense(rank, free, nil)
	for i := range rank {
		copy(t.RawRowView(i), f.qr.Data[i*f.qr.Stride+rank:i*f.qr.Stride+rank+free])
	}
	blas64.Trsm(blas.Left, blas.NoTrans, 1, upper(f.qr, rank), t.RawMatrix())
	return t
}

// solveShifted returns (I + T^T T)^-1 (w2 - T^T w1), or an empty matrix when the
// factorization fails.
func solveShifted(t, w1, w2 *mat.Dense) *mat.Dense {
	_, free := t.Dims()
	_, outputs := w1.Dims()
	raw := t.RawMatrix()
	g := hblas.NewMatrix[float64](free, free)
	hblas.AddGram(g, hblas.Matrix[float64]{Data: raw.Data, Rows: raw.Rows, Cols: raw.Cols, Stride: raw.Stride})
	for i := range free {
		g.Row(i)[i]++
	}
	if !hblas.Cholesky(g) {
		return &mat.Dense{}
	}
	var z mat.Dense
	z.Mul(t.T(), w1)
	z.Sub(w2, &z)
	hblas.CholeskySolve(g, hblas.Matrix[float64]{Data: z.RawMatrix().Data, Rows: free, Cols: outputs, Stride: z.RawMatrix().Stride})
	return &z
}

// scatter puts the rows of top, and of rest unless it is nil, where the columns
// were before they were permuted.
func (f *pivoted) scatter(dst, top, rest *mat.Dense, rank int) {
	for at, j := range f.perm {
		switch {
		case at < rank:
			dst.SetRow(j, top.RawRowView(at))
		case rest != nil:
			dst.SetRow(j, rest.RawRowView(at-rank))
		}
	}
}
