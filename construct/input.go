package construct

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// inputLayer returns the affine layer that centres and scales the raw inputs,
// and the scaled inputs (n x d) exactly as the network's arithmetic gives them.
//
// Every input becomes 2^k (x - c), with c the column's mean rounded to float32
// and 2^k the power of two that brings the column's standard deviation into
// (1/2, 1]. Multiplying by a power of two is exact, so the layer makes one
// rounding per input, relative to the result: scaling inside the network costs
// no accuracy, and the exported file takes the raw table. Constant columns
// become 0.
//
// All constructions work on the scaled inputs and treat them as exact data: they
// write nothing to them, so that within a plan all share one copy.
func inputLayer(p *Problem) (network.Layer, *mat.Dense) {
	if p.known != nil && p.known.of == rowsOnly(p) {
		if p.known.x == nil {
			p.known.layer, p.known.x = newInputLayer(p)
		}
		diagonal := p.known.layer.Map.(*network.Diagonal)
		layer := network.Layer{Map: &network.Diagonal{D: slices.Clone(diagonal.D)}, Bias: slices.Clone(p.known.layer.Bias), Name: "scale"}
		return layer, p.known.x
	}
	return newInputLayer(p)
}

// newInputLayer makes what [inputLayer] returns.
func newInputLayer(p *Problem) (network.Layer, *mat.Dense) {
	_, d := p.Set.X.Dims()
	center, spread := columnMoments(p.Set.X)
	scale, bias := make([]float64, d), make([]float64, d)
	for j := range scale {
		scale[j] = 1
		if spread[j] > 0 {
			_, exp := math.Frexp(spread[j])
			scale[j] = math.Ldexp(1, clampExponent(-exp))
		}
		bias[j] = -scale[j] * center[j]
	}
	layer := network.Layer{Map: &network.Diagonal{D: scale}, Bias: bias, Name: "scale"}
	return layer, scaled(p, scale, bias)
}

// scaled evaluates the scaling layer as the network does, but in one pass: the
// product is exact, and the sum is rounded once to the precision (from float64
// to float32 without harm, since one has more than twice the digits of the other).
func scaled(p *Problem, scale, bias []float64) *mat.Dense {
	n, d := p.Set.X.Dims()
	x := mat.NewDense(n, d, nil)
	parallel.Each(n, func(i int) {
		row := x.RawRowView(i)
		for j, v := range p.Set.X.RawRowView(i) {
			row[j] = p.Precision.Round(float64(scale[j]*p.Precision.Round(v)) + bias[j])
		}
	})
	return x
}

// clampExponent keeps a power of two, and its product with any float32 number
// of ordinary size, inside float32's normal range.
func clampExponent(k int) int { return max(-60, min(60, k)) }

// spreadRows is about how many rows columnMoments measures the spread on: it
// only decides a power of two.
const spreadRows = 1 << 16

// columnMoments returns, for each of the d columns, the mean rounded to float32
// and the root mean square distance from it, the latter on a sample of evenly
// spaced rows where there are many. The spread is 0 iff the column is constant;
// the center is then its value. Sums run down the rows, so they do not depend on
// the number of processors.
func columnMoments(x *mat.Dense) (center, spread []float64) {
	_, d := x.Dims()
	center, spread = make([]float64, d), make([]float64, d)
	parallel.Ranges(d, func(from, to int) {
		mean := center[from:to]
		lo, hi := columnMeans(x, from, mean)
		for j := range mean {
			if lo[j] == hi[j] {
				mean[j] = lo[j]
			}
			if short := float64(float32(mean[j])); !math.IsInf(short, 0) {
				mean[j] = short
			}
		}
		columnSpreads(x, from, mean, lo, hi, spread[from:to])
	})
	return center, spread
}

// columnMeans puts the means of the columns from, from+1, ... into mean and
// returns their least and largest entries.
func columnMeans(x *mat.Dense, from int, mean []float64) (lo, hi []float64) {
	n, _ := x.Dims()
	to := from + len(mean)
	lo = slices.Clone(x.RawRowView(0)[from:to])
	hi = slices.Clone(lo)
	weight := 1 / float64(n)
	for i := 0; i < n; i++ {
		for j, v := range x.RawRowView(i)[from:to] {
			if v < lo[j] {
				lo[j] = v
			} else if v > hi[j] {
				hi[j] = v
			}
			mean[j] += float64(v * weight)
		}
	}
	return lo, hi
}

// columnSpreads puts the root mean square distances from the means into spread;
// a column whose sampled rows are all at its mean gets its range.
func columnSpreads(x *mat.Dense, from int, mean, lo, hi, spread []float64) {
	n, _ := x.Dims()
	step := 1 + n/spreadRows
	sampled := 0
	for i := 0; i < n; i += step {
		for j, v := range x.RawRowView(i)[from : from+len(mean)] {
			if lo[j] < hi[j] {
				r := (v - mean[j]) / (hi[j] - lo[j])
				spread[j] += float64(r * r)
			}
		}
		sampled++
	}
	for j := range spread {
		if spread[j] == 0 {
			spread[j] = hi[j] - lo[j]
			continue
		}
		spread[j] = (hi[j] - lo[j]) * math.Sqrt(spread[j]/float64(sampled))
	}
}

// ordering is the rows sorted along a direction u.
type ordering struct {
	u     []float64 // d; numbers of the network's precision
	t     []float64 // n; u.x of every row, rounded once to the precision
	order []int     // rows by ascending t, ties by row
}

// orderAlong sorts the rows of x (n x d) along u.
func orderAlong(p *Problem, x *mat.Dense, u []float64) *ordering {
	n, _ := x.Dims()
	o := &ordering{u: u, t: make([]float64, n)}
	parallel.Ranges(n, func(from, to int) {
		for i := from; i < to; i++ {
			sum := 0.0
			for j, v := range x.RawRowView(i) {
				sum += float64(u[j] * v)
			}
			o.t[i] = p.Precision.Round(sum)
		}
	})
	o.order = ascending(o.t)
	return o
}
