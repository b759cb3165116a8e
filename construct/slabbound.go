package construct

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// The error of a slab network in the worst order of summation. A hidden unit sums
// d products and a bias, gamma_(d+1) of its magnitudes; the output sums the K or
// so pairs that are awake, and gamma_K times terms of the size c_k |t - theta_k|
// is what limits slab. (Higham, Accuracy and Stability of Numerical Algorithms,
// 2nd ed., section 4.2.)

// boundSample is the number of rows on which a design is tried before all are.
const boundSample = 256

// boundedError returns the largest error of a slab network on about sample of
// the scaled rows x, for any order of summation, as a fraction of the target's
// range; for classes 1 when a row can be lost, and 0 otherwise.
func boundedError(p *Problem, net *network.Network, x *mat.Dense, sample int) float64 {
	n, _ := x.Dims()
	step := max(1, n/sample)
	ranges := p.Set.Range()
	errors := make([]float64, (n+step-1)/step)
	parallel.Ranges(len(errors), func(from, to int) {
		b := newSlabBounds(p, net)
		for e := from; e < to; e++ {
			i := e * step
			b.row(x.RawRowView(i))
			if p.Set.IsClasses() {
				errors[e] = b.lost(p.Set.Class[i])
				continue
			}
			for k, y := range p.Set.Y.RawRowView(i) {
				errors[e] = max(errors[e], (math.Abs(b.center[k]-y)+b.radius[k])/ranges[k])
			}
		}
	})
	return slices.Max(errors)
}

// slabBounds evaluates a slab network on a row: the outputs lie in center +-
// radius in any order of summation.
type slabBounds struct {
	eps            float64
	hidden, output network.Layer
	pieces         *network.Dense
	thresholds     *network.Projected // nil for a single slab
	unit, error    []float64          // the hidden units' values and the bounds of their errors
	center, radius []float64          // p
}

func newSlabBounds(p *Problem, net *network.Network) *slabBounds {
	b := &slabBounds{eps: p.Precision.Eps(), hidden: net.Layers[1], output: net.Layers[2]}
	b.pieces, _ = b.hidden.Map.(*network.Dense)
	if stack, ok := b.hidden.Map.(*network.Stack); ok {
		b.pieces = stack.Maps[0].(*network.Dense)
		b.thresholds = stack.Maps[1].(*network.Projected)
	}
	m := b.hidden.Width()
	b.unit, b.error = make([]float64, m), make([]float64, m)
	b.center, b.radius = make([]float64, p.Set.P()), make([]float64, p.Set.P())
	return b
}

// row evaluates the row. A sum of d products and a bias makes d+1 roundings,
// and so many more in the float64 of this bound itself.
func (b *slabBounds) row(x []float64) {
	g := float64(len(x)+2) * (b.eps + 0x1p-53)
	for i := range b.pieces.Out {
		z, size := dot(b.pieces.Row(i), x)
		b.set(i, z, g*(size+math.Abs(b.hidden.Bias[i])))
	}
	if b.thresholds != nil {
		t, size := dot(b.thresholds.P.W, x)
		for a, steep := range b.thresholds.Scale {
			i := b.pieces.Out + a
			b.set(i, steep*t, g*steep*size+2*b.eps*(steep*math.Abs(t)+math.Abs(b.hidden.Bias[i])))
		}
	}
	b.sum()
}

// set stores unit i with the value z without its bias, and the bound e of its
// error.
func (b *slabBounds) set(i int, z, e float64) {
	b.unit[i], b.error[i] = max(0, z+b.hidden.Bias[i]), e
	if z+b.hidden.Bias[i] < -e {
		b.error[i] = 0
	}
}

// sum adds the units up to the outputs: one rounding per unit that may be awake,
// whichever output it serves, so that a certificate need not tell them apart.
func (b *slabBounds) sum() {
	terms := 2
	for i, v := range b.unit {
		if v != 0 || b.error[i] != 0 {
			terms++
		}
	}
	for k, bias := range b.output.Bias {
		center, size, spread := bias, math.Abs(bias), 0.0
		eachOutputTerm(b.output.Map, k, func(i int, factor float64) {
			center += float64(factor * b.unit[i])
			size += math.Abs(factor) * (b.unit[i] + b.error[i])
			spread += math.Abs(factor) * b.error[i]
		})
		b.center[k] = center
		b.radius[k] = spread + float64(terms)*(b.eps+0x1p-53)*size
	}
}

// eachOutputTerm visits the weights of output k in the output layers of slabs.
func eachOutputTerm(m network.Map, k int, visit func(i int, w float64)) {
	switch m := m.(type) {
	case *network.Dense:
		for i, w := range m.Row(k) {
			visit(i, w)
		}
	case *network.Sparse:
		for e := m.RowPtr[k]; e < m.RowPtr[k+1]; e++ {
			visit(int(m.Col[e]), m.Val[e])
		}
	case *network.Sum:
		at := 0
		for _, part := range m.Maps {
			eachOutputTerm(part, k, func(i int, w float64) { visit(at+i, w) })
			_, in := part.Dims()
			at += in
		}
	}
}

// lost returns 0 when the class wins for certain, and 1 otherwise.
func (b *slabBounds) lost(class int) float64 {
	for k := range b.center {
		if k != class && !(b.center[class]-b.radius[class] > b.center[k]+b.radius[k]) {
			return 1
		}
	}
	return 0
}
