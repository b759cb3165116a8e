package construct

import (
	"context"
	"errors"
	"math"
	"math/big"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"hinge/internal/lp"
)

// One column of Realise whose fate the rank leaves open, as a question of
// separability.
//
// Look for (w, b, t) with t > 0 and
//
//	h_i.w + b - t s_i = 0  on A,      -(h_i.w + b) > 0  off A;
//
// divided by t, (w, b) realises the column. The equations leave a linear space
// with a basis N, (w, b, t) = N v, and what remains are strict inequalities
// p.v > 0, one point p = -N^T (h_i, 1, 0) per row off A and one for t. They have
// a solution iff a hyperplane separates these points from the origin. Scaled to
// length 1, the points get the v whose least p.v is largest. When the origin is
// in their hull, the rows that carry it, at most m+2, are those of the weights
// lambda, which are then solved for exactly from the rows themselves.

// negligible is the length, relative to the row, below which what the equations
// leave of a row counts as nothing.
const negligible = 1e-10

// column decides column c: it returns a solution (m+1 numbers), or an obstacle.
func (r *realiser) column(c int) ([]float64, *Obstacle) {
	on, off := r.split(c)
	basis := r.freedom(on, c)
	if basis == nil || mat.Norm(basis.RowView(basis.RawMatrix().Rows-1), 2) < negligible {
		return nil, r.inconsistent(on, c)
	}
	points := r.points(basis, off)
	question, err := lp.NewPoints(points)
	if err != nil {
		return nil, &Obstacle{Column: c, Kind: Undecided, Why: err.Error()}
	}
	rows, _ := points.Dims()
	in := make([]bool, rows)
	for i := range rows - 1 {
		in[i] = true // the last is the origin
	}
	result := question.Separate(context.Background(), in, lp.Options{Patience: r.opt.Patience})
	switch result.Verdict {
	case lp.Separable:
		return r.solution(basis, result.Plane.W, on, c)
	case lp.Inseparable:
		var carriers []int
		for _, i := range result.Common.Rows {
			if i < len(off) {
				carriers = append(carriers, off[i])
			}
		}
		return nil, r.surrounded(on, carriers, c)
	}
	return nil, &Obstacle{Column: c, Kind: Undecided, Why: result.Why}
}

// freedom returns a basis (m+2 x f, orthonormal columns) of the (w, b, t) that
// solve the equations on A; nil when there is none.
func (r *realiser) freedom(on []int, c int) *mat.Dense {
	_, m := r.a.Dims()
	dim := m + 1
	if len(on) == 0 {
		basis := mat.NewDense(dim, dim, nil)
		for j := range dim {
			basis.Set(j, j, 1)
		}
		return basis
	}
	scale := r.top[c]
	equations := mat.NewDense(dim, len(on), nil)
	for k, i := range on {
		for j, v := range r.a.RawRowView(i) {
			equations.Set(j, k, v)
		}
		equations.Set(m, k, -r.s.At(i, c)/scale)
	}
	f := factorize(equations)
	if f.rank >= dim {
		return nil
	}
	basis := mat.NewDense(dim, dim-f.rank, nil)
	for k := range dim - f.rank {
		basis.Set(f.rank+k, k, 1)
	}
	q := basis.RawMatrix()
	reflectors := blas64.General{Rows: dim, Cols: f.rank, Stride: f.qr.Stride, Data: f.qr.Data}
	if f.rank > 0 {
		work := make([]float64, 1)
		lapack64.Ormqr(blas.Left, blas.NoTrans, reflectors, f.tau[:f.rank], q, work, -1)
		work = make([]float64, int(work[0]))
		lapack64.Ormqr(blas.Left, blas.NoTrans, reflectors, f.tau[:f.rank], q, work, len(work))
	}
	return basis
}

// points returns the points of the rows off A, that of t, and the origin, in the
// coordinates of the basis and of length 1 (but the last).
func (r *realiser) points(basis *mat.Dense, off []int) *mat.Dense {
	dim, f := basis.Dims()
	points := mat.NewDense(len(off)+2, f, nil)
	for k, i := range off {
		row := r.a.RawRowView(i)
		p := points.RawRowView(k)
		for j, v := range row {
			for e, b := range basis.RawRowView(j) {
				p[e] -= v * b
			}
		}
		if length := mat.Norm(points.RowView(k), 2); length > negligible*mat.Norm(r.a.RowView(i), 2) {
			scaleBy(p, 1/length)
		} else {
			clear(p)
		}
	}
	t := points.RawRowView(len(off))
	copy(t, basis.RawRowView(dim-1))
	scaleBy(t, 1/mat.Norm(points.RowView(len(off)), 2))
	return points
}

// solution returns (w, b) for the direction v of the basis, with what it misses
// on the support taken once more through a solve.
func (r *realiser) solution(basis *mat.Dense, v []float64, on []int, c int) ([]float64, *Obstacle) {
	dim, _ := basis.Dims()
	m := dim - 1
	var full mat.VecDense
	full.MulVec(basis, mat.NewVecDense(len(v), v))
	t := full.AtVec(m) / r.top[c]
	if !(t > 0) {
		return nil, &Obstacle{Column: c, Kind: Undecided, Why: "the scale of the solution vanishes in floating point"}
	}
	solution := make([]float64, m)
	for j := range solution {
		solution[j] = full.AtVec(j) / t
	}
	if len(on) > 0 {
		f := factorize(rowsOf(r.a, on))
		for range 2 {
			miss := mat.NewDense(len(on), 1, nil)
			for k, i := range on {
				miss.Set(k, 0, r.s.At(i, c)-inner(solution, r.a.RawRowView(i)))
			}
			step := f.solve(miss)
			for j := range solution {
				solution[j] += step.At(j, 0)
			}
		}
	}
	return solution, nil
}

// independent returns as many of the rows on as span them, numerically.
func (r *realiser) independent(on []int) []int {
	if len(on) == 0 {
		return nil
	}
	f := factorize(mat.DenseCopyOf(rowsOf(r.a, on).T()))
	rows := make([]int, f.rank)
	for k := range rows {
		rows[k] = on[f.pivot[k]]
	}
	return rows
}

// inconsistent proves that no affine function has the values of column c on its
// support: a row there is a combination of others, and its value is not.
func (r *realiser) inconsistent(on []int, c int) *Obstacle {
	rows := r.independent(on)
	values := mat.NewDense(len(rows), 1, nil)
	for k, i := range rows {
		values.Set(k, 0, r.s.At(i, c))
	}
	fit := factorize(rowsOf(r.a, rows)).solve(values)
	worst, at := -1.0, on[0]
	for _, i := range on {
		if miss := math.Abs(inner(mat.Col(nil, 0, fit), r.a.RawRowView(i)) - r.s.At(i, c)); miss > worst {
			worst, at = miss, i
		}
	}
	var span [][]float64
	for _, i := range rows {
		span = append(span, r.a.RawRowView(i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.opt.Patience)
	defer cancel()
	num, den, err := lp.Combine(ctx, span, r.a.RawRowView(at))
	if err != nil {
		return undecided(c, err, "the support's equations have no solution in floating point")
	}
	o := &Obstacle{Column: c, Kind: Inconsistent, Rows: append(rows, at), Weights: append(num, new(big.Int).Neg(den))}
	return r.verified(o)
}

// surrounded proves that column c cannot be asleep on all carriers: a weighted
// mean of them is an affine combination of rows of the support whose value is
// not negative.
func (r *realiser) surrounded(on, carriers []int, c int) *Obstacle {
	rows := append(r.independent(on), carriers...)
	_, m := r.a.Dims()
	supports := len(rows) - len(carriers)
	var span [][]float64
	for k, i := range rows {
		row := append(append(make([]float64, 0, m+1), r.a.RawRowView(i)...), 1)
		if k < supports {
			row[m] = -r.s.At(i, c) / powerOfTwoAbove(r.top[c]) // the weights sum to 1, with that of t
		}
		span = append(span, row)
	}
	target := make([]float64, m+1)
	target[m] = 1
	ctx, cancel := context.WithTimeout(context.Background(), r.opt.Patience)
	defer cancel()
	num, _, err := lp.Combine(ctx, span, target)
	if err != nil {
		return undecided(c, err, "the rows off the support surround it in floating point")
	}
	return r.verified(&Obstacle{Column: c, Kind: Surrounded, Rows: rows, Weights: num})
}

// undecided says that an obstacle seen in floating point was not proved.
func undecided(c int, err error, seen string) *Obstacle {
	why := seen + ", which was not proved: " + err.Error()
	if errors.Is(err, lp.ErrNotACombination) {
		why = seen + ", but not in exact arithmetic: rounding decides"
	}
	return &Obstacle{Column: c, Kind: Undecided, Why: why}
}

// verified returns the obstacle, with the sign of its weights put right, or
// demotes it when it does not check.
func (r *realiser) verified(o *Obstacle) *Obstacle {
	n, m := r.a.Dims()
	h := r.a.Slice(0, n, 0, m-1).(*mat.Dense)
	err := o.Check(h, r.s)
	if err != nil {
		for k, w := range o.Weights {
			o.Weights[k] = new(big.Int).Neg(w)
		}
		err = o.Check(h, r.s)
	}
	if err != nil {
		return undecided(o.Column, err, "an obstacle was found in floating point")
	}
	o.tidy()
	return o
}
