package construct

import (
	"math"
	"slices"

	"hinge/dataset"
	"hinge/network"
)

// A Limit is a lower bound on the size of every network that does the same job,
// found by counting: a network of fewer units or parameters exists for special
// targets only.
type Limit struct {
	Name string `json:"name"`
	// Units is the fewest hidden units of a network with as many hidden layers;
	// 0 when counting says nothing about them.
	Units int `json:"units"`
	// Parameters is the fewest parameters at any depth.
	Parameters int `json:"parameters"`
}

// LimitFor returns the limit that a network with the given number of hidden
// layers has for a set of n rows, d inputs and p outputs.
//
// Real targets (L1). A network is a piecewise polynomial map from its
// parameters to its n p values. Scaling a unit up and its output weights down
// changes nothing, so one parameter per hidden unit is idle, and generic
// targets need
//
//	parameters - hidden units >= n p.
//
// One hidden layer of m units has m (d+1) + (m+1) p parameters; with an affine
// skip of d p more, m >= (n p - p (d+1)) / (d + p), which is n/(d+1) - 1 for
// one output and the ceil(n/2) - 1 kinks of L2 when d = 1. Two hidden layers of
// d1 and d2 units have d d1 + d1 d2 + (d2 + 1) p idle-free parameters; the
// fewest units are found by trying every split.
//
// Classes (L3). Among n rows there are k^n labellings, and a network of W
// parameters of b bits each can tell 2^(b W) of them apart: parameters >=
// n log2(k) / b. It says nothing about units, whose number of inputs is free.
// Integer targets are labels too, and networks deep enough to take weights apart
// bit by bit (packed) may have fewer parameters than L1 asks of generic targets.
func LimitFor(set *dataset.Set, precision network.Precision, hiddenLayers int) Limit {
	n, d, p := set.N(), set.D(), set.P()
	if set.IsClasses() {
		return classLimit(n, p, precision)
	}
	limit := Limit{Parameters: n * p}
	switch hiddenLayers {
	case 0:
		limit.Name = "L1, affine"
	case 1:
		limit.Name = "L1, one hidden layer"
		if d == 1 && p == 1 {
			limit.Name = "L2, one input"
		}
		limit.Units = max(0, ceilDiv(n*p-p*(d+1), d+p))
	case 2:
		limit.Name = "L1, two hidden layers"
		limit.Units = twoLayerLimit(n, d, p)
	default:
		limit.Name = "L1, any depth"
		if bits := integerBits(set); bits > 0 {
			return bitLimit(float64(n*p)*bits, precision)
		}
	}
	limit.Parameters += limit.Units
	return limit
}

func classLimit(n, k int, precision network.Precision) Limit {
	return bitLimit(float64(n)*math.Log2(float64(max(k, 1))), precision)
}

// bitLimit is L3 for targets of so many bits altogether.
func bitLimit(bits float64, precision network.Precision) Limit {
	each := 64.0
	if precision == network.Float32 {
		each = 32
	}
	return Limit{Name: "L3, bits of the labels", Parameters: int(math.Ceil(bits / each))}
}

// integerBits returns how many bits a target has when all of them are integers
// between two of them, and 0 otherwise.
func integerBits(set *dataset.Set) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range set.Y.RawMatrix().Data {
		if v != math.Trunc(v) {
			return 0
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return math.Log2(hi - lo + 1)
}

// twoLayerLimit returns the fewest units d1 + d2 with
// d d1 + d1 d2 + (d2 + 1) p >= n p, by bisection on their sum: the best split
// of a sum s maximises d d1 + d1 (s - d1) + (s - d1) p, a parabola with its top
// at d1 = (s + d - p)/2.
func twoLayerLimit(n, d, p int) int {
	most := func(s int) int {
		d1 := max(0, min(s, (s+d-p)/2))
		value := func(d1 int) int { return d*d1 + d1*(s-d1) + (s-d1+1)*p }
		return max(value(d1), value(min(s, d1+1)))
	}
	lo, hi := 0, n*p+2
	for lo < hi {
		mid := (lo + hi) / 2
		if most(mid) >= n*p {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Lipschitz returns a lower bound of max |y_i - y_j| / |x_i - x_j| over all
// pairs of rows, in the units of the raw inputs and targets (Euclidean norms):
// the product of the operator norms of the layers of any network that
// interpolates is at least that (L4). It looks at rows that are neighbours
// along each input, so it costs O(n d (log n + d + p)), not n^2; for d = 1 it
// is the maximum itself. Sets of one row give 0.
func Lipschitz(set *dataset.Set) float64 {
	n, d := set.X.Dims()
	steepest := 0.0
	column := make([]float64, n)
	for j := 0; j < d; j++ {
		for i := range column {
			column[i] = set.X.At(i, j)
		}
		order := ascending(column)
		for k := 1; k < n; k++ {
			rise := euclid(set.Y.RawRowView(order[k]), set.Y.RawRowView(order[k-1]))
			run := euclid(set.X.RawRowView(order[k]), set.X.RawRowView(order[k-1]))
			if rise > 0 {
				steepest = max(steepest, rise/run)
			}
		}
	}
	return steepest
}

// euclid returns |a - b|, scaled so that no square overflows or vanishes.
func euclid(a, b []float64) float64 {
	diff := slices.Clone(a)
	largest := 0.0
	for i := range diff {
		diff[i] -= b[i]
		largest = max(largest, math.Abs(diff[i]))
	}
	if largest == 0 || math.IsInf(largest, 1) {
		return largest
	}
	sum := 0.0
	for _, v := range diff {
		sum += (v / largest) * (v / largest)
	}
	return largest * math.Sqrt(sum)
}

func ceilDiv(a, b int) int {
	if a <= 0 {
		return -(-a / b)
	}
	return (a + b - 1) / b
}
