package construct

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"

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
// All constructions work on the scaled inputs and treat them as exact data.
func inputLayer(p *Problem) (network.Layer, *mat.Dense) {
	n, d := p.Set.X.Dims()
	scale, bias := make([]float64, d), make([]float64, d)
	for j := range scale {
		center, spread := columnMoments(p.Set.X, j)
		scale[j] = 1
		if spread > 0 {
			_, exp := math.Frexp(spread)
			scale[j] = math.Ldexp(1, clampExponent(-exp))
		}
		bias[j] = -scale[j] * center
	}
	layer := network.Layer{Map: &network.Diagonal{D: scale}, Bias: bias, Name: "scale"}
	_ = n
	input := network.Network{Layers: []network.Layer{layer}, Precision: p.Precision}
	return layer, input.Eval(p.Set.X)
}

// clampExponent keeps a power of two, and its product with any float32 number
// of ordinary size, inside float32's normal range.
func clampExponent(k int) int { return max(-60, min(60, k)) }

// columnMoments returns the mean of column j, rounded to float32, and the root
// mean square distance from it; spread is 0 iff the column is constant, and
// center is then its value.
func columnMoments(x *mat.Dense, j int) (center, spread float64) {
	n, _ := x.Dims()
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := 0; i < n; i++ {
		v := x.At(i, j)
		lo, hi = min(lo, v), max(hi, v)
		center += v / float64(n)
	}
	if lo == hi {
		return float64(float32(lo)), 0
	}
	center = float64(float32(center))
	for i := 0; i < n; i++ {
		v := (x.At(i, j) - center) / (hi - lo)
		spread += v * v / float64(n)
	}
	return center, (hi - lo) * math.Sqrt(spread)
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
	o := &ordering{u: u, t: make([]float64, n), order: make([]int, n)}
	for i := range o.t {
		sum := 0.0
		for j, v := range x.RawRowView(i) {
			sum += float64(u[j] * v)
		}
		o.t[i] = p.Precision.Round(sum)
		o.order[i] = i
	}
	sort.SliceStable(o.order, func(a, b int) bool { return o.t[o.order[a]] < o.t[o.order[b]] })
	return o
}

// sorted returns the k-th smallest projection, k from 0.
func (o *ordering) sorted(k int) float64 { return o.t[o.order[k]] }
