package phi

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Network writes the normalized form as a float64 network of one hidden layer
// that has the same values on the data, up to rounding. Off the data it is
// another function.
//
// The affine term takes min(d, p) units that are awake on all rows. A cut
// whose units have one hyperplane takes one unit. Any other takes p + 1, by the
// gate pair (F4 of docs/theory): with g a hyperplane that parts the rows,
//
//	s(c g.x~ + u_o.x~) - s(c g.x~) = 1_A u_o.x~  on the data,
//
// for c at least |u_o.x~| / |g.x~| on every row.
func (f *Normal) Network() *network.Network {
	b := &unitBuilder{f: f, c: make([]float64, f.P)}
	b.affine()
	for k := range f.Cuts {
		if c := &f.Cuts[k]; c.Single {
			b.single(c)
		} else {
			b.gate(c)
		}
	}
	if len(b.bias) == 0 { // a constant function: one unit asleep everywhere
		b.add(make([]float64, f.D), 0, make([]float64, f.P))
	}
	m := len(b.bias)
	out := make([]float64, f.P*m)
	for u, a := range b.a {
		for o, v := range a {
			out[o*m+u] = v
		}
	}
	return &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(m, f.D, b.w), Bias: b.bias, Act: network.ReLU, Name: "hidden"},
		{Map: network.NewDense(f.P, m, out), Bias: b.c, Name: "output"},
	}}
}

type unitBuilder struct {
	f    *Normal
	w    []float64 // units x d
	bias []float64
	a    [][]float64
	c    []float64
}

func (b *unitBuilder) add(w []float64, bias float64, a []float64) {
	b.w, b.bias, b.a = append(b.w, w...), append(b.bias, bias), append(b.a, a)
}

// affine adds the affine term: a unit per output or per input, whichever is
// fewer, moved up so far that it is awake on all rows.
func (b *unitBuilder) affine() {
	f := b.f
	for o := range b.c {
		b.c[o] += f.Affine.At(f.D, o)
	}
	if f.P <= f.D {
		for o := 0; o < f.P; o++ {
			w := mat.Col(nil, o, f.Affine)[:f.D]
			b.awake(w, unitVector(f.P, o))
		}
		return
	}
	for j := 0; j < f.D; j++ {
		b.awake(unitVector(f.D, j), append([]float64(nil), f.Affine.RawRowView(j)...))
	}
}

func unitVector(n, k int) []float64 {
	v := make([]float64, n)
	v[k] = 1
	return v
}

// awake adds a w.x as a (s(w.x - low) + low), low the least w.x of the rows.
func (b *unitBuilder) awake(w, a []float64) {
	if norm(w) == 0 || norm(a) == 0 {
		return
	}
	low := math.Inf(1)
	for i := 0; i < b.f.N; i++ {
		low = min(low, dot(w, b.f.x.RawRowView(i)))
	}
	b.add(w, -low, a)
	for o, v := range a {
		b.c[o] += v * low
	}
}

func dot(w, x []float64) float64 {
	sum := 0.0
	for j, v := range x {
		sum += w[j] * v
	}
	return sum
}

// single adds a cut of one hyperplane: U_A = (W, B) a^T, so a = U_A^T W as
// |W| = 1.
func (b *unitBuilder) single(c *Cut) {
	a := make([]float64, b.f.P)
	for o := range a {
		for j, v := range c.W {
			a[o] += v * c.U.At(j, o)
		}
	}
	b.add(c.W, c.B, a)
}

// gate adds the gate pair of a cut. Its hyperplane is moved to the middle of
// the gap between the two sides.
func (b *unitBuilder) gate(c *Cut) {
	f := b.f
	inside := make(map[int]bool, len(c.Rows))
	for _, i := range c.Rows {
		inside[i] = true
	}
	above, below := math.Inf(1), math.Inf(-1)
	for i := 0; i < f.N; i++ {
		if z := dot(c.W, f.x.RawRowView(i)) + c.B; inside[i] {
			above = min(above, z)
		} else {
			below = max(below, z)
		}
	}
	g, half := c.B-(above+below)/2, (above-below)/2
	steep := 0.0
	y := make([]float64, f.P)
	for i := 0; i < f.N; i++ {
		clear(y)
		f.addAffine(y, c.U, i)
		z := max(math.Abs(dot(c.W, f.x.RawRowView(i))+g), half)
		for _, v := range y {
			steep = max(steep, math.Abs(v)/z)
		}
	}
	steep *= 1 + 1e-9 // rounding must not wake a row
	minus := make([]float64, f.P)
	for o := range minus {
		minus[o] = -1
		w := make([]float64, f.D)
		for j := range w {
			w[j] = steep*c.W[j] + c.U.At(j, o)
		}
		b.add(w, steep*g+c.U.At(f.D, o), unitVector(f.P, o))
	}
	w := make([]float64, f.D)
	for j := range w {
		w[j] = steep * c.W[j]
	}
	b.add(w, steep*g, minus)
}
