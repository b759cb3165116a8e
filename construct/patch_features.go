package construct

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/fixed"
	"hinge/network"
)

// The base that generalizes: ridge regression of the class indicators on m
// ReLU features s(w_j.x - theta_j), w_j the difference of two rows of the data
// drawn at random, theta_j = w_j.x at a third. Such directions lie where the
// data varies (after Bolager et al. 2023, who draw them so): on MNIST 2,000 of
// them reach a test accuracy of 0.972, and random ones 0.957.
//
// Whether the inputs count in their own units (right for pixels) or in units of
// their spread (right for most tables) is decided by the accuracy of small fits
// on rows held out.
//
// Cost: n m (d + m/2) multiplications in float32, which is enough for a base:
// the least margin that bumps leave is far above its rounding. Unlike the affine base it goes through the engine of dense kernels
// (package internal/blas), so its last bits, and which rows need correcting,
// depend on the engine and its kernels: the same seed gives the same bytes on
// the same kind of machine only.
const (
	patchFeatures   = 4608  // at most
	featureRidge    = 1e-5  // relative to the mean of the Gram matrix's diagonal
	trialFeatures   = 400   // of the fits that choose the inputs' units
	trialRows       = 3000  // they are fitted to, and as many at most held out
	featureRowBatch = 4096  // rows whose features are held at a time
	featureStream   = 0xfea // of the random numbers
)

func featureCount(n int) int { return max(1, min(n/2, patchFeatures)) }

// drawnFeatures is m ReLU features of scaled inputs, in float32.
type drawnFeatures struct {
	w    blas.Matrix[float32] // m x d
	bias []float32            // m
}

// drawDifferences draws m features from the rows of x (n x d); input j counts
// unit[j] times.
func drawDifferences(x *mat.Dense, unit []float64, m int, rng *rand.Rand) *drawnFeatures {
	n, d := x.Dims()
	f := &drawnFeatures{w: blas.NewMatrix[float32](m, d), bias: make([]float32, m)}
	for j := 0; j < m; j++ {
		a, b := x.RawRowView(rng.IntN(n)), x.RawRowView(rng.IntN(n))
		through := x.RawRowView(rng.IntN(n))
		diff := make([]float64, d)
		for c := range diff {
			diff[c] = unit[c] * (a[c] - b[c])
		}
		if !fixed.Normalize(diff) {
			diff[rng.IntN(d)] = 1
		}
		theta := 0.0
		for c, v := range diff {
			f.w.Row(j)[c] = float32(v)
			theta += float64(float64(float32(v)) * through[c])
		}
		f.bias[j] = float32(-theta)
	}
	return f
}

// of returns the features of the rows from <= i < to of x.
func (f *drawnFeatures) of(x *mat.Dense, from, to int) blas.Matrix[float32] {
	rows := blas.NewMatrix[float32](to-from, f.w.Cols)
	h := blas.NewMatrix[float32](to-from, f.w.Rows)
	eachChunk(to-from, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			for c, v := range x.RawRowView(from + i) {
				rows.Row(i)[c] = float32(v)
			}
			copy(h.Row(i), f.bias)
		}
	})
	blas.MulTransAdd(h, rows, f.w)
	eachChunk(to-from, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			for c, v := range h.Row(i) {
				h.Row(i)[c] = max(v, 0)
			}
		}
	})
	return h
}

// fit returns the ridge regression (m x k) of the class indicators less 1/k.
func (f *drawnFeatures) fit(x *mat.Dense, class []int, k int) blas.Matrix[float32] {
	n, m := len(class), f.w.Rows
	blas.Hint(float64(n) * float64(m) * float64(m))
	gram, right := blas.NewMatrix[float32](m, m), blas.NewMatrix[float32](m, k)
	for from := 0; from < n; from += featureRowBatch {
		to := min(n, from+featureRowBatch)
		h, y := f.of(x, from, to), blas.NewMatrix[float32](to-from, k)
		for i := range y.Rows {
			for c := range k {
				y.Row(i)[c] = -1 / float32(k)
			}
			y.Row(i)[class[from+i]] += 1
		}
		blas.AddGram(gram, h)
		blas.TransMulAdd(right, h, y)
	}
	trace := 0.0
	for j := range m {
		trace += float64(gram.Row(j)[j])
	}
	solved := blas.NewMatrix[float32](m, k)
	for ridge := featureRidge; ; ridge *= 10 { // until float32 finds it positive definite
		l := blas.Matrix[float32]{Data: append([]float32(nil), gram.Data...), Rows: m, Cols: m, Stride: m}
		for j := range m {
			l.Row(j)[j] += float32(ridge*trace/float64(m)) + 1e-30
		}
		if blas.Cholesky(l) {
			copy(solved.Data, right.Data)
			blas.CholeskySolve(l, solved)
			return solved
		}
		if ridge > 1e3 {
			return solved // no feature is ever awake: the base is constant
		}
	}
}

// outputs returns the fit's outputs (n x k).
func (f *drawnFeatures) outputs(x *mat.Dense, weights blas.Matrix[float32]) *mat.Dense {
	n, _ := x.Dims()
	out := mat.NewDense(n, weights.Cols, nil)
	for from := 0; from < n; from += featureRowBatch {
		to := min(n, from+featureRowBatch)
		part := blas.NewMatrix[float32](to-from, weights.Cols)
		blas.MulAdd(part, f.of(x, from, to), weights)
		for i := range part.Rows {
			for c, v := range part.Row(i) {
				out.Set(from+i, c, float64(v)+1/float64(weights.Cols))
			}
		}
	}
	return out
}

// inputUnits returns by how much each scaled input should count in a
// direction: 1, or the square of its scale's inverse, so that products are those
// of the raw inputs. The choice is the one with more of the held-out rows right.
func inputUnits(p *Problem, x *mat.Dense, scale []float64) []float64 {
	_, d := x.Dims()
	spread, raw := make([]float64, d), make([]float64, d)
	for j := range spread {
		spread[j], raw[j] = 1, 1/(scale[j]*scale[j])
	}
	rng := rand.New(rand.NewPCG(p.Seed, featureStream+1))
	order := rng.Perm(p.Set.N())
	order = order[:min(len(order), 2*trialRows)]
	half := len(order) / 2
	if half < 10 {
		return spread
	}
	pick := func(rows []int) (*mat.Dense, []int) {
		part := mat.NewDense(len(rows), d, nil)
		class := make([]int, len(rows))
		for a, i := range rows {
			copy(part.RawRowView(a), x.RawRowView(i))
			class[a] = p.Set.Class[i]
		}
		return part, class
	}
	xa, ca := pick(order[:half])
	xb, cb := pick(order[half:])
	right := func(unit []float64) int {
		f := drawDifferences(xa, unit, min(trialFeatures, half/2), rand.New(rand.NewPCG(p.Seed, featureStream+2)))
		out := f.outputs(xb, f.fit(xa, ca, p.Set.P()))
		count := 0
		for i, c := range cb {
			if rowMargin(out.RawRowView(i), c) > 0 {
				count++
			}
		}
		return count
	}
	if right(raw) > right(spread) {
		return raw
	}
	return spread
}

// featureBase fits the base that generalizes to the scaled inputs x.
func featureBase(p *Problem, x *mat.Dense, scale []float64) *patchBase {
	n, d := x.Dims()
	k, m := p.Set.P(), featureCount(n)
	f := drawDifferences(x, inputUnits(p, x, scale), m, rand.New(rand.NewPCG(p.Seed, featureStream)))
	weights := f.fit(x, p.Set.Class, k)
	base := &patchBase{f: f.outputs(x, weights), weights: mat.NewDense(m, k, widen(weights.Data)), out: make([]float64, k)}
	base.units, base.bias = network.NewDense(m, d, widen(f.w.Data)), widen(f.bias)
	for c := range base.out {
		base.out[c] = p.Precision.Round(1 / float64(k))
	}
	return base
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}
