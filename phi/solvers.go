package phi

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// substitution solves a matrix whose rows are all pivots of an elimination.
// Units without a pivot stay zero: the solution is basic.
type substitution struct {
	*triangle
	square bool
}

func (f *substitution) solve(r mat.Matrix) *mat.Dense {
	_, outputs := r.Dims()
	x := mat.NewDense(f.s.m, outputs, nil)
	for k := 0; k < outputs; k++ {
		column := make([]float64, f.s.m)
		f.triangle.solve(column, mat.Col(nil, k, r))
		x.SetCol(k, column)
	}
	return x
}

func (f *substitution) describe() (int, float64, string) {
	condition := math.NaN()
	if f.square {
		condition = f.s.largest() / f.smallest()
	}
	return len(f.rows), condition, "triangular substitution"
}

// orthogonal solves least-squares problems by QR with column pivoting,
//
//	B P = Q [R11 R12; 0 0], R11 r x r,
//
// r the numerical rank by |R_kk|. For r equal to the number of columns the
// solution is unique. Otherwise the basic one puts zeros on the columns beyond
// r, and the least-norm one factors once more, [R11 R12]^T = Z T, and takes
// x = P Z T^-T Q^T y (Golub and Van Loan, section 5.5.2).
type orthogonal struct {
	f     *pivoted
	rank  int
	z     blas64.General // (columns x r), reflectors of Z and T^T; empty when not needed
	zTau  []float64
	basic bool
}

func newOrthogonal(b *mat.Dense, tolerance float64, basic bool) *orthogonal {
	s := &orthogonal{f: factorPivoted(b), basic: basic}
	d := s.f.diagonal()
	for s.rank < len(d) && d[s.rank] > tolerance*d[0] {
		s.rank++
	}
	columns := len(s.f.perm)
	if s.rank == columns || s.rank == 0 || basic {
		return s
	}
	s.z = blas64.General{Rows: columns, Cols: s.rank, Stride: s.rank, Data: make([]float64, columns*s.rank)}
	for i := 0; i < s.rank; i++ {
		for j := i; j < columns; j++ {
			s.z.Data[j*s.rank+i] = s.f.qr.Data[i*s.f.qr.Stride+j]
		}
	}
	s.zTau = make([]float64, s.rank)
	work := make([]float64, 1)
	lapack64.Geqrf(s.z, s.zTau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Geqrf(s.z, s.zTau, work, len(work))
	return s
}

func (s *orthogonal) solve(r mat.Matrix) *mat.Dense {
	columns := len(s.f.perm)
	_, outputs := r.Dims()
	x := mat.NewDense(columns, outputs, nil)
	if s.rank == 0 {
		return x
	}
	y := mat.DenseCopyOf(r).RawMatrix() // Q^T r, in place
	apply(blas.Trans, s.f.qr, s.f.tau, y)
	top := blas64.General{Rows: s.rank, Cols: outputs, Stride: y.Stride, Data: y.Data}
	w := mat.NewDense(columns, outputs, nil)
	if s.zTau == nil {
		lapack64.Trtrs(blas.NoTrans, upper(s.f.qr, s.rank), top)
	} else {
		lapack64.Trtrs(blas.Trans, upper(s.z, s.rank), top)
	}
	w.Copy(mat.NewDense(s.rank, outputs, compact(top)))
	if s.zTau != nil {
		apply(blas.NoTrans, s.z, s.zTau, w.RawMatrix())
	}
	for k, j := range s.f.perm {
		copy(x.RawRowView(j), w.RawRowView(k))
	}
	return x
}

// apply overwrites c with Q c or Q^T c.
func apply(trans blas.Transpose, qr blas64.General, tau []float64, c blas64.General) {
	k := min(qr.Rows, qr.Cols, len(tau))
	q := blas64.General{Rows: qr.Rows, Cols: k, Stride: qr.Stride, Data: qr.Data}
	work := make([]float64, 1)
	lapack64.Ormqr(blas.Left, trans, q, tau[:k], c, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Ormqr(blas.Left, trans, q, tau[:k], c, work, len(work))
}

func upper(a blas64.General, n int) blas64.Triangular {
	return blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: n, Stride: a.Stride, Data: a.Data}
}

func compact(a blas64.General) []float64 {
	if a.Stride == a.Cols {
		return a.Data[:a.Rows*a.Cols]
	}
	data := make([]float64, 0, a.Rows*a.Cols)
	for i := 0; i < a.Rows; i++ {
		data = append(data, a.Data[i*a.Stride:i*a.Stride+a.Cols]...)
	}
	return data
}

func (s *orthogonal) describe() (int, float64, string) {
	method := "QR with column pivoting"
	if s.zTau != nil {
		method += ", least norm"
	} else if s.rank < len(s.f.perm) {
		method += ", basic"
	}
	return s.rank, s.condition(), method
}

// condition returns sigma_1 / sigma_r of the part that was solved: of R11, or
// of T for the least norm. Up to svdSideQuick by singular values, beyond by
// the diagonal.
func (s *orthogonal) condition() float64 {
	if s.rank == 0 {
		return math.NaN()
	}
	from := s.f.qr
	if s.zTau != nil {
		from = s.z
	}
	if s.rank <= svdSideQuick {
		r := mat.NewDense(s.rank, s.rank, nil)
		for i := 0; i < s.rank; i++ {
			copy(r.RawRowView(i)[i:], from.Data[i*from.Stride+i:i*from.Stride+s.rank])
		}
		if sigma, ok := singularValues(r); ok {
			return sigma[0] / sigma[s.rank-1]
		}
	}
	d := s.f.diagonal()
	return d[0] / d[s.rank-1]
}

// blockwise solves block by connected block.
//
// A bias joins the blocks, and is split off again [P]: with P the projection
// onto col(Phi) and e = 1 - P1, least squares of y by [Phi 1] has the bias
// c = e.y / e.e and leaves for Phi the least squares of y - c 1 (Frisch and
// Waugh 1933). Where the blocks reproduce the ones, e = 0, the bias stays zero.
type blockwise struct {
	blocks  []Block
	parts   []*orthogonal
	n, m    int
	ones    *mat.Dense // weights of P1, m x 1; nil without bias
	outside []float64  // e, n; nil when it is zero
}

// blockSolver returns nil when there are fewer than two blocks or one is too
// large.
func (p *Matrix) blockSolver(s *csr, opt SolveOptions) solver {
	blocks := s.blocks()
	if len(blocks) < 2 {
		return nil
	}
	b := &blockwise{blocks: blocks, n: s.n, m: s.m}
	place := make([]int, s.m)
	for _, block := range blocks {
		if !p.svdFits(len(block.Rows), len(block.Units)) {
			return nil
		}
		b.parts = append(b.parts, newOrthogonal(s.block(block, place), p.tolerance(), opt.Basic))
	}
	if opt.NoBias {
		return b
	}
	one := mat.NewDense(s.n, 1, nil)
	for i := 0; i < s.n; i++ {
		one.Set(i, 0, 1)
	}
	b.ones = b.project(one)
	e := make([]float64, s.n)
	s.multiply(e, mat.Col(nil, 0, b.ones))
	for i := range e {
		e[i] = 1 - e[i]
	}
	if norm(e) > p.tolerance()*math.Sqrt(float64(s.n)) {
		b.outside = e
	}
	return b
}

// solve returns the weights, with a last row for the bias when there is one.
func (b *blockwise) solve(r mat.Matrix) *mat.Dense {
	a := b.project(r)
	if b.ones == nil {
		return a
	}
	_, outputs := r.Dims()
	x := mat.NewDense(b.m+1, outputs, nil)
	x.Copy(a)
	if b.outside == nil {
		return x
	}
	square := dot(b.outside, b.outside)
	for o := 0; o < outputs; o++ {
		c := dot(b.outside, mat.Col(nil, o, r)) / square
		for j := 0; j < b.m; j++ {
			x.Set(j, o, x.At(j, o)-c*b.ones.At(j, 0))
		}
		x.Set(b.m, o, c)
	}
	return x
}

// project returns the weights of the least squares of r by the units alone.
func (b *blockwise) project(r mat.Matrix) *mat.Dense {
	_, outputs := r.Dims()
	x := mat.NewDense(b.m, outputs, nil)
	for k, block := range b.blocks {
		rhs := mat.NewDense(len(block.Rows), outputs, nil)
		for at, i := range block.Rows {
			for o := 0; o < outputs; o++ {
				rhs.Set(at, o, r.At(i, o))
			}
		}
		part := b.parts[k].solve(rhs)
		for at, j := range block.Units {
			copy(x.RawRowView(j), part.RawRowView(at))
		}
	}
	return x
}

func (b *blockwise) describe() (int, float64, string) {
	rank, first, last := boolInt(b.outside != nil), 0.0, math.Inf(1)
	for _, part := range b.parts {
		d := part.f.diagonal()
		rank += part.rank
		if part.rank > 0 {
			first, last = max(first, d[0]), min(last, d[part.rank-1])
		}
	}
	return rank, first / last, fmt.Sprintf("%d blocks by QR", len(b.blocks))
}
