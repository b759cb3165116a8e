package network

import "math"

// bounds are what the units of the thresholds' layer can put out on the rows.
type bounds struct {
	th        *thresholds
	rows      *rowBoxes
	low, high []float64 // of the other units; 0 for thresholds; nil when there are no others
}

// of returns bounds of the output of unit j.
func (b *bounds) of(j int) (low, high float64) {
	k := b.th.pick[j]
	if k < 0 {
		return b.low[j], b.high[j]
	}
	return 0, (math.Abs(b.th.scale[j])*b.rows.largest[k] + math.Abs(b.th.biasOf(j))) * (1 + 0x1p-20)
}

// outputs bounds the outputs of the thresholds' layer over all rows; false when
// one could overflow.
func (th *thresholds) outputs(p Precision, rows *rowBoxes) (*bounds, bool) {
	out := &bounds{th: th, rows: rows}
	for j, k := range th.pick {
		if k < 0 {
			continue
		}
		if _, high := out.of(j); !(high < hugeOf(p)) {
			return nil, false
		}
	}
	if len(th.others) == 0 {
		return out, true
	}
	width := len(th.pick)
	out.low, out.high = make([]float64, width), make([]float64, width)
	for _, part := range th.others {
		if !out.bound(p, part) {
			return nil, false
		}
	}
	return out, true
}

// bound bounds the units of one part that is no Projected map, by interval
// arithmetic on the bounds of its inputs.
func (b *bounds) bound(p Precision, part otherPart) bool {
	height, _ := part.m.Dims()
	low, high := b.low[part.row:part.row+height], b.high[part.row:part.row+height]
	size, terms := make([]float64, height), make([]int, height)
	for i := range low {
		bias := b.th.biasOf(part.row + i)
		low[i], high[i], size[i], terms[i] = bias, bias, math.Abs(bias), 1
	}
	part.m.entries(func(i, c int, w float64) {
		at, to := float64(w*b.rows.inLow[part.col+c]), float64(w*b.rows.inHigh[part.col+c])
		low[i] += min(at, to)
		high[i] += max(at, to)
		size[i] += max(math.Abs(at), math.Abs(to))
		terms[i]++
	})
	for i := range low {
		err := (gammaOf(p, terms[i])*size[i] + float64(terms[i])*tinyOf(p)) * outward
		low[i], high[i] = max(low[i]-err, 0), max(high[i]+err, 0)
		if !(size[i]+err < hugeOf(p)) {
			return false
		}
	}
	return true
}

// budget bounds, for every unit of a layer of gates, what its thresholds must
// take away to put it to sleep: its bias and the most its other terms can be.
type budget struct {
	precision Precision
	top       []float64 // upper bound of bias + other terms
	size      []float64 // bound of the sum of their magnitudes
	terms     []int     // how many other terms there are
	spent     []bool    // units that are never awake
}

// newBudget gathers the budgets of layer l, whose inputs lie within in; false
// when a sum could overflow.
func newBudget(p Precision, l *Layer, in *bounds) (*budget, bool) {
	m := l.Width()
	b := &budget{p, make([]float64, m), make([]float64, m), make([]int, m), make([]bool, m)}
	for i := range l.Bias {
		b.top[i], b.size[i] = l.Bias[i], math.Abs(l.Bias[i])
	}
	l.Map.entries(func(i, j int, w float64) {
		if w == 0 || w < 0 && in.th.pick[j] >= 0 {
			return
		}
		low, high := in.of(j)
		if high == 0 {
			return
		}
		if w > 0 {
			b.top[i] += float64(w * high)
		} else {
			b.top[i] += float64(w * low)
		}
		b.size[i] += math.Abs(w) * high
		b.terms[i]++
	})
	for i := range b.top {
		if b.terms[i] > 0 {
			// the bias, the other terms, and one threshold are summed
			k := b.terms[i] + 2
			b.top[i] += (gammaOf(p, k)*b.size[i] + float64(k)*tinyOf(p)) * outward
		}
		if !(b.size[i] < hugeOf(p)) || math.IsInf(b.top[i], 0) {
			return nil, false
		}
		b.spent[i] = b.top[i] <= 0
	}
	return b, true
}

// need returns the value of a threshold of weight -w (w > 0) from which on it
// alone puts unit i to sleep.
//
// Without other terms the sum is fl(bias - w a), not above 0 once w a >= bias,
// rounded or not. With other terms the sum is at most top - w a (1 - gamma).
func (b *budget) need(i int, w float64) float64 {
	if b.terms[i] > 0 {
		g := gammaOf(b.precision, b.terms[i]+2)
		if !(g < 0.5) {
			return math.Inf(1)
		}
		w *= (1 - g) / outward
	}
	z := b.top[i] / w
	if !isPowerOfTwo(w) || z < 0x1p-1000 {
		z = math.Nextafter(z, math.Inf(1))
	}
	return z
}
