package analyze

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/phi"
)

// This file asks of every row: what would the output layer answer on it, had it
// been fitted without it? For least squares that needs no refitting. With
// B = [Phi 1], ridge l, H = B (B^T B + l)^-1 B^T the hat matrix and f = H y,
//
//	y_i - g_i = (y_i - f_i) / (1 - H_ii),
//
// g_i the answer without row i (Allen 1974; H_ii is its leverage). With
// B = U S V^T and the scores W = B V, all of it is sums over singular values:
//
//	f_i = sum_k w_ik b_k / (s_k^2 + l),  b = W^T y,    H_ii = sum_k w_ik^2 / (s_k^2 + l),
//
// so trying another l costs one product of n x r by r x p. l is chosen, among
// powers of ten of s_1^2, for the least sum of squares of y - g: the fit that
// foretells left-out rows best. l is never 0: where the layers isolate a row,
// H_ii = 1 and y_i = f_i, the quotient is then its limit and not 0/0.
//
// A row that is hit, but would not be without itself, is memorised.

// Memorised is which rows the output layer knows by heart.
type Memorised struct {
	Ridge float64 `json:"ridge"` // l, as a fraction of the largest singular value squared
	// Press is the root of the mean square of y - g over rows and outputs; for
	// classes y is the indicator of the class.
	Press float64 `json:"press"`
	// LeftOut counts the rows that are hit, and whose answer without themselves
	// is wrong (classes).
	LeftOut int `json:"left_out_wrong"`
	// Rows are the rows that are hit, worst first, at most [memorisedListed].
	Rows []MemorisedRow `json:"rows"`
	// Scores of all rows of the Set, in order; for rows that are missed too.
	Scores []float64 `json:"-"`
	// Leverage H_ii of all rows.
	Leverage []float64 `json:"-"`
	// Directions is the number of leading directions of a random sketch that the
	// fit is confined to; 0 where it has all of them.
	Directions int `json:"directions,omitempty"`
	// LeverageSum is the number of parameters, per output, that the fit uses.
	LeverageSum float64 `json:"leverage_sum"`
}

// MemorisedRow is one row, and how much its answer is its own doing.
type MemorisedRow struct {
	Row int `json:"row"` // of the file
	// Score: for classes the largest other output of g minus that of the row's
	// class: above 0, another class wins without the row. For regression the
	// largest |y - g| as a fraction of the range.
	Score    float64 `json:"score"`
	Leverage float64 `json:"leverage"`
	Want     string  `json:"want,omitempty"`
	Without  string  `json:"without,omitempty"` // the class that wins without the row
	Target   float64 `json:"target"`            // 1 for classes, else the first target
	Answer   float64 `json:"answer"`            // g of the row's class, or of the first target

	index int
}

// memorisedListed bounds the rows of [Memorised.Rows].
const memorisedListed = 100

// ridges are tried in this order. The least leaves five digits of the quotient
// when a row is isolated.
var ridges = []float64{1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1}

func memorised(w *scores, set *dataset.Set, hit []bool) *Memorised {
	f := newLeaveOneOut(w, set)
	best, least := 0, math.Inf(1)
	for k, v := range f.press(ridges) {
		if v < least {
			best, least = k, v
		}
	}
	f.fit(ridges[best])
	return f.judge(set, hit, ridges[best], least)
}

// scores are the rows of W = [Phi 1] V, n x r: held, or made anew in blocks of
// rows whenever they are read.
type scores struct {
	n, r  int
	sigma []float64
	each  func(f func(from int, w *mat.Dense))
}

// scoresOf returns the scores of p along the directions of svd, held when they
// are at most so many numbers.
func scoresOf(p *phi.Matrix, svd *phi.Decomposed, elements int) *scores {
	n, m := p.Dims()
	r := len(svd.Sigma)
	bias := svd.V.RawRowView(m)
	s := &scores{n: n, r: r, sigma: svd.Sigma}
	s.each = func(f func(from int, w *mat.Dense)) {
		var w mat.Dense
		p.EachRows(func(from int, h *mat.Dense) {
			w.Reset()
			w.Mul(h, svd.V.Slice(0, m, 0, r))
			rows, _ := w.Dims()
			for i := range rows {
				row := w.RawRowView(i)
				for k := range row {
					row[k] += bias[k]
				}
			}
			f(from, &w)
		})
	}
	if n*r > elements {
		return s
	}
	held := mat.NewDense(n, r, nil)
	s.each(func(from int, w *mat.Dense) {
		rows, _ := w.Dims()
		held.Slice(from, from+rows, 0, r).(*mat.Dense).Copy(w)
	})
	s.each = func(f func(from int, w *mat.Dense)) {
		for from := 0; from < n; from += blockRows {
			f(from, held.Slice(from, min(from+blockRows, n), 0, r).(*mat.Dense))
		}
	}
	return s
}

// blockRows is how many rows of scores are worked on at once.
const blockRows = 4096

func newLeaveOneOut(w *scores, set *dataset.Set) *leaveOneOut {
	_, p := set.Y.Dims()
	b := mat.NewDense(w.r, p, nil)
	var part mat.Dense
	w.each(func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		part.Reset()
		part.Mul(block.T(), set.Y.Slice(from, from+rows, 0, p))
		b.Add(b, &part)
	})
	return &leaveOneOut{scores: w, b: b, y: set.Y}
}

// leastSquares returns the least-squares answers, n x p.
func (f *leaveOneOut) leastSquares() *mat.Dense {
	coefficients, _ := f.damped(0)
	fit := mat.NewDense(f.scores.n, f.b.RawMatrix().Cols, nil)
	f.answer(fit, coefficients)
	return fit
}

// answer sets out to W times the coefficients.
func (f *leaveOneOut) answer(out, coefficients *mat.Dense) {
	_, p := out.Dims()
	f.scores.each(func(from int, w *mat.Dense) {
		rows, _ := w.Dims()
		out.Slice(from, from+rows, 0, p).(*mat.Dense).Mul(w, coefficients)
	})
}

// leaveOneOut holds the answers for one ridge.
type leaveOneOut struct {
	scores   *scores
	b, y     *mat.Dense
	without  *mat.Dense // g, n x p
	leverage []float64
}

// damped returns the r x p coefficients b_k / (s_k^2 + l) and the r quotients
// 1 / (s_k^2 + l) of a ridge.
func (f *leaveOneOut) damped(ridge float64) (coefficients *mat.Dense, inverse []float64) {
	sigma := f.scores.sigma
	l := ridge * sigma[0] * sigma[0]
	coefficients, inverse = mat.DenseCopyOf(f.b), make([]float64, len(sigma))
	for k, s := range sigma {
		inverse[k] = 1 / (s*s + l)
		row := coefficients.RawRowView(k)
		for o := range row {
			row[o] *= inverse[k]
		}
	}
	return coefficients, inverse
}

// leave puts in place of the answers f the answers g without the row, and
// returns the sum of squares of y - g.
func leave(answers, y []float64, leverage float64) float64 {
	rest, sum := max(1-leverage, 1e-15), 0.0
	for o, v := range y {
		e := (v - answers[o]) / rest
		answers[o] = v - e
		sum += e * e
	}
	return sum
}

// fit fills in the answers and the leverages for one ridge.
func (f *leaveOneOut) fit(ridge float64) {
	coefficients, inverse := f.damped(ridge)
	f.without = mat.NewDense(f.scores.n, f.b.RawMatrix().Cols, nil)
	f.leverage = make([]float64, f.scores.n)
	f.answer(f.without, coefficients)
	f.scores.each(func(from int, w *mat.Dense) {
		rows, _ := w.Dims()
		parallel.Each(rows, func(r int) {
			h := 0.0
			for k, v := range w.RawRowView(r) {
				h += v * v * inverse[k]
			}
			f.leverage[from+r] = min(h, 1)
			leave(f.without.RawRowView(from+r), f.y.RawRowView(from+r), h)
		})
	})
}

// press returns the root of the mean square of y - g for every ridge, in one
// pass over the scores: W times the coefficients of all ridges side by side, and
// the squares of W times all quotients.
func (f *leaveOneOut) press(ridges []float64) []float64 {
	n, r := f.scores.n, f.scores.r
	_, p := f.y.Dims()
	all, quotients := mat.NewDense(r, p*len(ridges), nil), mat.NewDense(r, len(ridges), nil)
	for k, ridge := range ridges {
		coefficients, inverse := f.damped(ridge)
		all.Slice(0, r, k*p, (k+1)*p).(*mat.Dense).Copy(coefficients)
		quotients.SetCol(k, inverse)
	}
	sums := make([]float64, len(ridges))
	var squares, answers, leverage mat.Dense
	f.scores.each(func(from int, w *mat.Dense) {
		rows, _ := w.Dims()
		squares.Reset()
		squares.MulElem(w, w)
		answers.Reset()
		answers.Mul(w, all)
		leverage.Reset()
		leverage.Mul(&squares, quotients)
		parallel.Each(len(ridges), func(k int) {
			for i := range rows {
				sums[k] += leave(answers.RawRowView(i)[k*p:(k+1)*p], f.y.RawRowView(from+i), leverage.At(i, k))
			}
		})
	})
	for k := range sums {
		sums[k] = math.Sqrt(sums[k] / float64(n*p))
	}
	return sums
}

// judge scores and orders the rows.
func (f *leaveOneOut) judge(set *dataset.Set, hit []bool, ridge, press float64) *Memorised {
	out := &Memorised{Ridge: ridge, Press: press, Leverage: f.leverage, Scores: make([]float64, set.N()), Rows: []MemorisedRow{}}
	ranges := set.Range()
	for i := range out.Scores {
		g := f.without.RawRowView(i)
		row := MemorisedRow{Row: rowOf(set, i), Leverage: f.leverage[i], index: i}
		out.LeverageSum += f.leverage[i]
		if set.IsClasses() {
			other := runnerUp(g, set.Class[i])
			row.Score, row.Answer, row.Target = g[other]-g[set.Class[i]], g[set.Class[i]], 1
			row.Want, row.Without = className(set, set.Class[i]), className(set, set.Class[i])
			if row.Score > 0 {
				row.Without = className(set, other)
				if hit[i] {
					out.LeftOut++
				}
			}
		} else {
			row.Answer, row.Target = g[0], set.Y.At(i, 0)
			for o, y := range set.Y.RawRowView(i) {
				row.Score = max(row.Score, math.Abs(y-g[o])/ranges[o])
			}
		}
		out.Scores[i] = row.Score
		if hit[i] {
			out.Rows = append(out.Rows, row)
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b MemorisedRow) int { return cmp.Compare(b.Score, a.Score) })
	out.Rows = slices.Clone(out.Rows[:min(len(out.Rows), memorisedListed)])
	return out
}
