package certify

import (
	"math"
	"sync"

	"hinge/internal/blas"
	"hinge/network"
)

// Radii of a dense layer, in float32.
//
// A radius is a sum of products of nonnegative numbers, sum_j |w_j| v_j, and
// nobody needs more than two of its digits; but it must not come out too small.
// So |w_j| and v_j are rounded up to float32 and the sums left to the float32
// product, which an engine does in half the time of the float64 one. The two
// products of a layer, centres and radii, cost 1.5 of one.
//
// Why it is no bound too small. Let a_j >= |w_j| and b_j >= v_j / u be the
// numbers rounded up; dividing by the unit roundoff u, a power of two, is exact
// and brings v_j near 1. Let every nonzero a_j and b_j lie in
// [2^-60, 2^45]. Then every product lies in [2^-120, 2^90], every sum of up to
// 2^16 of them below 2^106: nothing underflows or overflows, whatever is added
// first, flush-to-zero modes included. So the product's result is, for any order
// of summation and with or without fused multiply-add (Higham, section 3.1),
//
//	S^ = sum_j a_j b_j (1 + theta_j) >= (1 - gamma_k) sum_j a_j b_j,
//
// with gamma_k of float32 and k the width of the layer, as all a_j b_j >= 0;
// hence S^ u / (1 - gamma_k) >= sum_j |w_j| v_j. For k = 784 the factor is
// 1 + 5e-5, and 1.004 at most.
//
// Numbers outside that range, and layers wider than 2^16, take the float64
// product of before.
const (
	least32 = 0x1p-60
	most32  = 0x1p45
	// up makes up for rounding to the nearest float32 and for the few float64
	// roundings before it: (1 + 2^-22) (1 - 2^-24) > 1 + 2^-23.
	up = 1 + 0x1p-22
	// maxTerms32 is the most terms of a float32 sum of radii.
	maxTerms32 = 1 << 16
)

// magnitudes is |W| of a dense map (out x in), for the radii.
type magnitudes struct {
	of *network.Dense
	// single is |W| rounded up to float32; it is empty when some entry is out of
	// range or the map too wide.
	single blas.Matrix[float32]
	// growth bounds what the sums of a float32 product lose: 1 / (1 - gamma_in).
	growth float64

	once   sync.Once
	double blas.Matrix[float64] // made when first needed
}

func newMagnitudes(w *network.Dense) *magnitudes {
	m := &magnitudes{of: w}
	if w.In > maxTerms32 {
		return m
	}
	var seen extent
	single := blas.NewMatrix[float32](w.Out, w.In)
	for i, v := range w.W {
		v = math.Abs(v)
		seen = seen.with(v)
		single.Data[i] = float32(v * up)
	}
	if seen.safe() {
		m.single = single
		m.growth = slack / (1 - newArithmetic(network.Float32).gamma(w.In))
	}
	return m
}

// in64 returns |W| in float64.
func (m *magnitudes) in64() blas.Matrix[float64] {
	m.once.Do(func() {
		m.double = blas.NewMatrix[float64](m.of.Out, m.of.In)
		for i, w := range m.of.W {
			m.double.Data[i] = math.Abs(w)
		}
	})
	return m.double
}

// extent is the range of nonnegative numbers seen: bits that grow with the
// numbers, and those of the least less one, so that zero wraps around and does
// not count. The zero value has seen nothing.
type extent struct{ notBelow, above uint64 }

// with returns the extent with v >= 0, an infinity or a NaN too.
func (s extent) with(v float64) extent {
	bits := math.Float64bits(v)
	return extent{max(s.notBelow, ^(bits - 1)), max(s.above, bits)}
}

// and returns the extent of both.
func (s extent) and(t extent) extent {
	return extent{max(s.notBelow, t.notBelow), max(s.above, t.above)}
}

// safe reports whether every number seen is zero or in [least32, most32].
func (s extent) safe() bool {
	return s.notBelow <= ^(math.Float64bits(least32)-1) && s.above <= math.Float64bits(most32)
}

// weigh32 writes what |w_j| is multiplied by in the radius of row r's sums of k
// terms, (gamma_k + g) |c_j| + (1 + gamma_k) e_j, divided by u and rounded up,
// and returns the extent of what it wrote.
func (p *layer) weigh32(dst []float32, in batch, r, k int) extent {
	const wide = slack * up
	gc, ge := p.gammaCentered(k)/p.u*wide, (1+p.gamma(k))/p.u*wide
	c := in.c.Row(r)[:len(dst)]
	e := in.e.Row(r)[:len(dst)]
	var seen extent
	for j := range dst {
		v := gc*math.Abs(c[j]) + ge*e[j]
		seen = seen.with(v)
		dst[j] = float32(v)
	}
	return seen
}

// radii computes the radii of the sums of a dense map, either in float32, as
// multiples of the unit that it returns with them, or in out.e. weight holds in
// as weigh32 writes it, rows the extents of its rows, and row r has k[r] terms.
func (p *layer) radii(out batch, m *magnitudes, in batch, k []int, weight blas.Matrix[float32], rows []extent) (single blas.Matrix[float32], unit float64) {
	var seen extent
	for _, s := range rows {
		seen = seen.and(s)
	}
	if len(m.single.Data) == 0 || !seen.safe() {
		blas.MulTrans(out.e, p.weighAll(in, k), m.in64())
		return single, 0
	}
	single = space(&p.radius32, out.e.Rows, out.e.Cols)
	blas.MulTrans(single, weight, m.single)
	return single, p.u * m.growth
}

// widen writes one row of radii that radii returned in float32 to dst.
func widen(dst []float64, single []float32, unit float64) {
	single = single[:len(dst)]
	for i := range dst {
		dst[i] = unit * float64(single[i])
	}
}
