package construct

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/exact"
	"hinge/network"
)

// The sparse-matrix principle as a tool: what a next layer can put out.
//
// Lemma S. Let H (n x m) be the outputs of a layer with rank [H 1] = n. Then for
// every nonnegative S (n x q) there is a next layer whose outputs are S.
//
// Proof. Let Z be S where S > 0 and -tau elsewhere, with any tau > 0. Since
// [H 1] has rank n, [H 1] [W; b] = Z has a solution. The ReLU makes S of Z. QED
//
// Worked case: H = (0, 1, 2)^T has rank [H 1] = 2 < 3. The column (0, 0, 5) is
// put out by s(10 h - 15), which is -15, -5, 5 before the ReLU. The column
// (0, 5, 0) is not: every pre-activation is affine in h, so z_2 is the mean of
// z_1 and z_3, and two negative numbers have no positive mean.
//
// That is how columns are refused when the rank falls short. A column s with the
// active set A = {i : s_i > 0} needs (w, b) with h_i.w + b = s_i on A and < 0
// off A. By a theorem of the alternative (Motzkin's) there is one iff there are
// no weights lambda of rows with
//
//	sum_i lambda_i (h_i, 1) = 0,   lambda_i >= 0 off A,
//	sum_i lambda_i s_i < 0,  or = 0 with some lambda_i > 0 off A:
//
// any pre-activation z has sum lambda_i z_i = 0, which for z = s on A and z < 0
// off A cannot be. Above, lambda = (1, -2, 1) gives -10. Either side is verified: the layer by
// evaluating its rounded weights, signs off A without rounding; the weights
// lambda in whole numbers (obstacle.go). What is neither is said to be undecided.
//
// Cost: O(n^2 (m + q)) for full rank; else an active-set search of (m+2) x n
// numbers for each column that least squares does not settle.

// RealiseOptions are the choices of [Realise]. The zero value works.
type RealiseOptions struct {
	Precision network.Precision // the weights are numbers of it; default float64
	// Margin is where sleeping units are aimed at, z = -Margin times the column's
	// largest entry, when the rank allows every choice; 0 means 1.
	Margin float64
	// Patience bounds the time spent on one column whose fate the rank leaves
	// open; 0 means 2 s.
	Patience time.Duration
}

// Realised is what [Realise] found.
type Realised struct {
	// Layer has one ReLU unit per entry of Columns, in that order; its Map is nil
	// when no column is realisable.
	Layer   network.Layer
	Columns []int
	// Residual and Margin belong to Columns: the largest |z - s| on the support as
	// a fraction of the column's largest entry, and the least -z off the support
	// (+Inf when there is no such row). They are those of the stored weights in
	// exact arithmetic, to the last bit; of large problems, bounds of them.
	Residual, Margin []float64
	// Obstacles says why the other columns are not among them.
	Obstacles []Obstacle
	// Rank is that of [H 1], numerically; Full says that it is n, so that every
	// column is realisable.
	Rank int
	Full bool
}

// realiseResidual is how far off the support's values a column may be, as a
// fraction of its largest entry, to count as realised: far above what a solve
// leaves at a condition of 1e6, far below any use of the values.
func realiseResidual(p network.Precision) float64 { return 0x1p22 * p.Eps() }

// Realise returns the next layer for outputs h (n x m) of some layer whose own
// outputs are s (n x q, entries >= 0), to rounding: equal on the support of every
// column (see [Realised].Residual), and asleep with a margin off it. Columns that
// no layer can put out are left out, with a verified reason.
//
// It returns an error when h and s have different numbers of rows or none, or
// hold a number that is not finite, or s a negative one.
func Realise(h, s *mat.Dense, opt RealiseOptions) (*Realised, error) {
	if err := checkRealise(h, s); err != nil {
		return nil, err
	}
	return realise(h, s, opt, true), nil
}

// realise is Realise for matrices that were checked. Without search, columns that
// one solve does not settle are left undecided: that is all a builder asks that
// can take more units instead.
func realise(h, s *mat.Dense, opt RealiseOptions, search bool) *Realised {
	opt.Margin = cmp.Or(opt.Margin, 1)
	opt.Patience = cmp.Or(opt.Patience, 2*time.Second)
	r := &realiser{opt: opt, a: withOnes(h), s: s, top: largestEntries(s)}
	w := r.targets()
	n, m := r.a.Dims()
	_, q := s.Dims()
	out := &Realised{Rank: r.rank, Full: r.rank == n}
	residuals, margins := r.measureAll(w)
	var rows []float64
	var bias []float64
	for c := range q {
		solution := mat.Col(nil, c, w)
		residual, margin := residuals[c], margins[c]
		if !r.good(residual, margin) && !out.Full && search {
			var obstacle *Obstacle
			if solution, obstacle = r.column(c); obstacle != nil {
				out.Obstacles = append(out.Obstacles, *obstacle)
				continue
			}
			residual, margin = r.measure(solution, c)
		}
		if !r.good(residual, margin) {
			out.Obstacles = append(out.Obstacles, Obstacle{Column: c, Kind: Undecided, Why: fmt.Sprintf(
				"the solution found is off by %.2g of the column's largest entry on the support, and -%.2g off it", residual, margin)})
			continue
		}
		out.Columns = append(out.Columns, c)
		out.Residual, out.Margin = append(out.Residual, residual), append(out.Margin, margin)
		rows, bias = append(rows, solution[:m-1]...), append(bias, solution[m-1])
	}
	if len(out.Columns) > 0 {
		out.Layer = network.Layer{Map: network.NewDense(len(bias), m-1, rows), Bias: bias, Act: network.ReLU, Name: "realised"}
	}
	return out
}

func checkRealise(h, s *mat.Dense) error {
	if h == nil || s == nil || h.IsEmpty() || s.IsEmpty() {
		return fmt.Errorf("construct: Realise needs a layer's outputs and a matrix, neither empty")
	}
	n, m := h.Dims()
	rows, q := s.Dims()
	if rows != n {
		return fmt.Errorf("construct: Realise: %d rows of outputs for a matrix of %d rows", n, rows)
	}
	for i := range n {
		for j := range m {
			if v := h.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("construct: Realise: output %d of row %d is %v", j, i, v)
			}
		}
		for c := range q {
			if v := s.At(i, c); !(v >= 0) || math.IsInf(v, 0) {
				return fmt.Errorf("construct: Realise: entry (%d, %d) is %v, and a ReLU puts out no such number", i, c, v)
			}
		}
	}
	return nil
}

// realiser is the state of one call of Realise.
type realiser struct {
	opt  RealiseOptions
	a    *mat.Dense // [H 1], n x (m+1)
	s    *mat.Dense // n x q
	top  []float64  // q: the largest entry of each column, 1 for a column of zeros
	rank int
}

// targets solves [H 1] W = Z for all columns at once, by least norm when the rank
// allows and by least squares otherwise. Columns of zeros get a bias only.
func (r *realiser) targets() *mat.Dense {
	n, m := r.a.Dims()
	_, q := r.s.Dims()
	z := mat.NewDense(n, q, nil)
	for c := range q {
		asleep := -r.opt.Margin * r.top[c]
		for i := range n {
			if v := r.s.At(i, c); v > 0 {
				z.Set(i, c, v)
			} else {
				z.Set(i, c, asleep)
			}
		}
	}
	if n <= m {
		if w, full := leastNorm(r.a, z); full {
			r.rank = n
			r.polish(w, z)
			return w
		}
	}
	f := factorize(mat.DenseCopyOf(r.a))
	r.rank = min(f.rank, n)
	w := f.solve(z)
	var residual mat.Dense
	residual.Mul(r.a, w)
	residual.Sub(z, &residual)
	w.Add(w, f.solve(&residual))
	return w
}

// polishWork bounds the multiplications spent on residuals without rounding.
const polishWork = 1 << 25

// polish takes the residual of the solution once more through a solve, computed
// without rounding where that is affordable (Wilkinson's refinement).
func (r *realiser) polish(w, z *mat.Dense) {
	n, m := r.a.Dims()
	_, q := z.Dims()
	if n*m*q > polishWork {
		return
	}
	residual := mat.NewDense(n, q, nil)
	for c := range q {
		column := mat.Col(nil, c, w)
		for i := range n {
			residual.Set(i, c, -exact.Dot(column, r.a.RawRowView(i), -z.At(i, c)))
		}
	}
	if step, ok := leastNorm(r.a, residual); ok {
		w.Add(w, step)
	}
}

// largestEntries returns the largest entry of every column, 1 for a column of
// zeros.
func largestEntries(s *mat.Dense) []float64 {
	_, q := s.Dims()
	top := make([]float64, q)
	for c := range top {
		if top[c] = mat.Max(s.ColView(c)); top[c] == 0 {
			top[c] = 1
		}
	}
	return top
}

// measureAll rounds the solutions w (m+1 x q) to the precision, in place, and
// measures every column: as measure does, or, where that is too much work, by
// two products of matrices, values and bounds of their rounding.
func (r *realiser) measureAll(w *mat.Dense) (residual, margin []float64) {
	roundAll(r.opt.Precision, w)
	n, m := r.a.Dims()
	_, q := w.Dims()
	residual, margin = make([]float64, q), make([]float64, q)
	if n*m*q <= polishWork {
		for c := range q {
			residual[c], margin[c] = r.measure(mat.Col(nil, c, w), c)
		}
		return residual, margin
	}
	var z, doubt mat.Dense
	z.Mul(r.a, w)
	doubt.Mul(absolute(r.a), absolute(w))
	for c := range q {
		margin[c] = math.Inf(1)
	}
	relative := termError(network.Float64, m+2)
	for i := range n {
		for c := range q {
			v, e := z.At(i, c), relative*doubt.At(i, c)
			if s := r.s.At(i, c); s > 0 {
				residual[c] = max(residual[c], (math.Abs(v-s)+e)/r.top[c])
			} else {
				margin[c] = min(margin[c], -v-e)
			}
		}
	}
	return residual, margin
}

// measure rounds a solution (m+1 numbers) to the precision, in place, and
// returns its residual on the support, as a fraction of the column's largest
// entry, and its margin off the support, each to the last bit.
func (r *realiser) measure(solution []float64, c int) (residual, margin float64) {
	for j, v := range solution {
		solution[j] = r.opt.Precision.Round(v)
	}
	n, _ := r.a.Dims()
	margin = math.Inf(1)
	for i := range n {
		row := r.a.RawRowView(i)
		if s := r.s.At(i, c); s > 0 {
			residual = max(residual, math.Abs(exact.Dot(solution, row, -s)))
		} else {
			margin = min(margin, -exact.Dot(solution, row, 0))
		}
	}
	return residual / r.top[c], margin
}

// good reports whether a solution counts as realised. NaN does not.
func (r *realiser) good(residual, margin float64) bool {
	return residual <= realiseResidual(r.opt.Precision) && margin > 0
}

// split returns the rows on and off the support of column c.
func (r *realiser) split(c int) (on, off []int) {
	n, _ := r.a.Dims()
	for i := range n {
		if r.s.At(i, c) > 0 {
			on = append(on, i)
		} else {
			off = append(off, i)
		}
	}
	return on, off
}

// String describes the outcome in a few lines.
func (r *Realised) String() string {
	text := fmt.Sprintf("%d columns realised, %d refused; rank %d", len(r.Columns), len(r.Obstacles), r.Rank)
	if len(r.Columns) > 0 {
		text += fmt.Sprintf("; residual at most %.2g, margin at least %.2g", slices.Max(r.Residual), slices.Min(r.Margin))
	}
	for _, o := range r.Obstacles[:min(len(r.Obstacles), 5)] {
		text += "\n  " + o.String()
	}
	return text
}
