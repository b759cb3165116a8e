package network

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// The bounds that FindAwake rests on. All are computed in float64 and rounded
// outward: outward is far above the roundings of the bounds themselves (sums of
// at most 2^20 numbers of one sign, 2^-33) and far below anything that matters.
const outward = 1 + 0x1p-30

// gammaOf bounds the relative error that k roundings make, in the precision
// and in the float64 arithmetic of the bounds; +Inf when k is beyond all
// analysis.
func gammaOf(p Precision, k int) float64 {
	ku := float64(k) * (p.Eps() + 0x1p-52)
	if ku >= 0.25 {
		return math.Inf(1)
	}
	return ku / (1 - ku) * outward
}

// tinyOf bounds what one product loses to underflow.
func tinyOf(p Precision) float64 {
	if p == Float32 {
		return 0x1p-148
	}
	return 0x1p-1072
}

// hugeOf is a bound below which no sum overflows.
func hugeOf(p Precision) float64 {
	if p == Float32 {
		return 0x1p126
	}
	return 0x1p1000
}

func isPowerOfTwo(v float64) bool {
	f, _ := math.Frexp(v)
	return math.Abs(f) == 0.5
}

// thresholds is a layer seen unit by unit: those of Projected maps and others.
type thresholds struct {
	directions []direction
	pick       []int32   // per unit: its direction, or -1 for other units
	scale      []float64 // per unit: the factor of its projection
	bias       []float64 // per unit; nil for zero
	others     []otherPart
}

// direction is one row of a Projected map, over the inputs from, from+1, ...
type direction struct {
	u    []float64
	from int
}

// otherPart is a part of the layer that is no Projected map.
type otherPart struct {
	m        Map
	row, col int
}

func newThresholds(l *Layer) *thresholds {
	width := l.Width()
	th := &thresholds{pick: make([]int32, width), scale: make([]float64, width), bias: l.Bias}
	for j := range th.pick {
		th.pick[j] = -1
	}
	th.add(l.Map, 0, 0)
	return th
}

func (th *thresholds) add(m Map, row, col int) {
	switch m := m.(type) {
	case *Projected:
		base := int32(len(th.directions))
		for k := range m.P.Out {
			th.directions = append(th.directions, direction{m.P.Row(k), col})
		}
		for j, k := range m.Pick {
			th.pick[row+j], th.scale[row+j] = base+k, m.Scale[j]
		}
	case *Stack:
		for _, part := range m.Maps {
			th.add(part, row, col)
			out, _ := part.Dims()
			row += out
		}
	case *Blocks:
		for _, part := range m.Maps {
			th.add(part, row, col)
			out, in := part.Dims()
			row, col = row+out, col+in
		}
	default:
		th.others = append(th.others, otherPart{m, row, col})
	}
}

// hidesProjection reports whether m adds a Projected map to others, or whether
// it is or holds one at all: its roundings are not those of plain sums.
func hidesProjection(m Map, inSum bool) bool {
	var parts []Map
	switch m := m.(type) {
	case *Projected:
		return inSum
	case *Stack:
		parts = m.Maps
	case *Blocks:
		parts = m.Maps
	case *Sum:
		parts, inSum = m.Maps, true
	}
	for _, part := range parts {
		if hidesProjection(part, inSum) {
			return true
		}
	}
	return false
}

func (th *thresholds) biasOf(j int) float64 {
	if th.bias == nil {
		return 0
	}
	return th.bias[j]
}

// newRowBoxes bounds the projections, and the inputs, of the layer src on the
// rows of x, known to within around. The layers before src are elementwise.
func newRowBoxes(n *Network, x, around *mat.Dense, src int, th *thresholds) (*rowBoxes, bool) {
	rows, _ := x.Dims()
	width, q := n.Layers[src].inputs(), len(th.directions)
	b := &rowBoxes{lo: matrix(q, rows), hi: matrix(q, rows), largest: make([]float64, q)}
	b.inLow, b.inHigh = make([]float64, width), make([]float64, width)
	const chunks = 16
	low, high := matrix(chunks, width), matrix(chunks, width)
	parallel.Each(chunks, func(c int) {
		h, e := make([]float64, width), make([]float64, width)
		for j := range h {
			low[c][j], high[c][j] = math.Inf(1), math.Inf(-1)
		}
		for r := rows * c / chunks; r < rows*(c+1)/chunks; r++ {
			var near []float64
			if around != nil {
				near = around.RawRowView(r)
			}
			n.elementwise(h, e, x.RawRowView(r), near, src)
			for j, v := range h {
				low[c][j], high[c][j] = min(low[c][j], v-e[j]), max(high[c][j], v+e[j])
			}
			for k, u := range th.directions {
				b.lo[k][r], b.hi[k][r] = u.enclose(n.Precision, h, e)
			}
		}
	})
	for j := range width {
		b.inLow[j], b.inHigh[j] = math.Inf(1), math.Inf(-1)
		for c := range chunks {
			b.inLow[j], b.inHigh[j] = min(b.inLow[j], low[c][j]), max(b.inHigh[j], high[c][j])
		}
	}
	for k := range q {
		for r := range rows {
			b.largest[k] = max(b.largest[k], math.Abs(b.lo[k][r]), math.Abs(b.hi[k][r]))
		}
		if !(b.largest[k] < hugeOf(n.Precision)) {
			return nil, false
		}
	}
	return b, rows > 0
}

func matrix(rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, cols)
	}
	return m
}

func (l *Layer) inputs() int {
	_, in := l.Map.Dims()
	return in
}

// elementwise writes to h and e the values of a row, known to within near (nil:
// exactly), after the first depth layers, all elementwise, and bounds of their
// errors: an evaluation in the precision or a finer one computes numbers in
// h-e .. h+e.
func (n *Network) elementwise(h, e, row, near []float64, depth int) {
	u, tiny := n.Precision.Eps()+0x1p-53, tinyOf(n.Precision)
	for j, v := range row {
		h[j] = n.Precision.Round(v)
		e[j] = math.Abs(h[j] - v)
		if near != nil {
			e[j] = (e[j] + near[j]) * outward
		}
	}
	for i := range depth {
		l := &n.Layers[i]
		d := l.Map.(*Diagonal).D
		for j := range h {
			product := float64(d[j] * h[j])
			sum := product
			slips := 1.0 // roundings of the product, unless it is exact
			if d[j] == 0 || isPowerOfTwo(d[j]) {
				slips = 0
			}
			if l.Bias != nil {
				sum = n.Precision.Round(product + l.Bias[j])
			}
			h[j] = sum
			e[j] = (math.Abs(d[j])*e[j]*(1+4*u) + 2*u*(slips*math.Abs(product)+math.Abs(sum)) + tiny) * outward
			if l.Act == ReLU {
				h[j] = max(h[j], 0)
			}
		}
	}
}

// enclose returns an interval of every value that an evaluation can compute
// for the projection of inputs in h-e .. h+e.
func (u direction) enclose(p Precision, h, e []float64) (lo, hi float64) {
	t, size, doubt := 0.0, 0.0, 0.0
	terms, rounded := 0, 0
	for j, w := range u.u {
		if w == 0 {
			continue
		}
		v, a := h[u.from+j], math.Abs(w)
		t += float64(w * v)
		size += a * math.Abs(v)
		doubt += a * e[u.from+j]
		terms++
		if !isPowerOfTwo(w) {
			rounded = 1
		}
	}
	k := max(terms-1, 0) + rounded
	if k == 0 {
		doubt = doubt*outward + tinyOf(p)
		return t - doubt, t + doubt
	}
	err := (gammaOf(p, k)*(size+doubt) + doubt + float64(terms)*tinyOf(p)) * outward
	return math.Nextafter(t-err, math.Inf(-1)), math.Nextafter(t+err, math.Inf(1))
}

// newGateBoxes bounds where each unit of the layer can be awake.
func newGateBoxes(n *Network, layer int, th *thresholds, rows *rowBoxes) (*gateBoxes, bool) {
	l := &n.Layers[layer]
	m, q := l.Width(), len(th.directions)
	in, ok := th.outputs(n.Precision, rows)
	if !ok {
		return nil, false
	}
	budget, ok := newBudget(n.Precision, l, in)
	if !ok {
		return nil, false
	}
	g := &gateBoxes{lo: matrix(q, m), hi: matrix(q, m), asleep: budget.spent}
	for k := range q {
		for i := range m {
			g.lo[k][i], g.hi[k][i] = math.Inf(-1), math.Inf(1)
		}
	}
	l.Map.entries(func(i, j int, w float64) {
		if k := th.pick[j]; k >= 0 && w < 0 && !g.asleep[i] {
			z := budget.need(i, -w)
			s, b := th.scale[j], th.biasOf(j)
			switch at := reaches(n.Precision, s, b, z); {
			case s == 0 && b >= z:
				g.asleep[i] = true
			case s > 0:
				g.hi[k][i] = min(g.hi[k][i], at)
			case s < 0:
				g.lo[k][i] = max(g.lo[k][i], at)
			}
		}
	})
	return g, true
}

// reaches returns the t from which on (s > 0), or up to which (s < 0), every
// evaluation of s*t + b is at least z.
//
// The computed value is at least v - u(|v| + |s t|) - u |v| with v the exact one,
// and |s t| <= |v| + |b|. When s is a power of two the product is exact, and the
// one rounding that is left does not cross z, a number of the precision.
func reaches(p Precision, s, b, z float64) float64 {
	if isPowerOfTwo(s) {
		if math.Abs(z-b) < 0x1p60*tinyOf(p) { // the product may underflow
			z += tinyOf(p)
		}
		z = roundUp(p, z)
	} else {
		u := p.Eps() + 0x1p-52
		z = (z+2*u*math.Abs(b))*(1+8*u) + tinyOf(p)
	}
	sum := z - b
	if back := sum + b; back != z || sum-z != -b { // inexact: go outward
		sum = math.Nextafter(sum, math.Inf(1))
	}
	t := sum / s
	if !isPowerOfTwo(s) || math.Abs(t) < 0x1p-1000 {
		t = math.Nextafter(t, math.Copysign(math.Inf(1), s))
	}
	return t
}

// roundUp returns the least number of the precision that is >= v.
func roundUp(p Precision, v float64) float64 {
	r := p.Round(v)
	if r < v { // float32
		return float64(math.Nextafter32(float32(r), float32(math.Inf(1))))
	}
	return r
}
