package certify

import (
	"math"

	"hinge/internal/blas"
	"hinge/internal/parallel"
	"hinge/network"
)

// batch holds the balls of a layer's outputs for some rows: centres and radii,
// rows x width.
type batch struct {
	c, e blas.Matrix[float64]
}

func newBatch(rows, width int) batch {
	return batch{blas.NewMatrix[float64](rows, width), blas.NewMatrix[float64](rows, width)}
}

func (b batch) columns(from, to int) batch {
	return batch{b.c.Columns(from, to), b.e.Columns(from, to)}
}

func (b batch) at(r, j int) ball { return ball{b.c.Row(r)[j], b.e.Row(r)[j]} }

func (b batch) set(r, j int, z ball) { b.c.Row(r)[j], b.e.Row(r)[j] = z.c, z.e }

// fewAwake is the number of possibly nonzero inputs in a row up to which every
// unit is summed term by term: that is cheap then, and exact where sums leave
// no freedom.
const fewAwake = 8

// layer propagates balls through one layer. Two products of matrices per dense
// map do the work: one for the centres, one for the radii.
type layer struct {
	arithmetic
	network.Layer
	abs map[*network.Dense]blas.Matrix[float64] // |W| of the dense maps
	// Work space, used again for every batch of rows.
	out    [2][]float64
	weight []float64
	cols   *columns // the map by input, made when first needed
}

func newLayer(a arithmetic, l network.Layer) *layer {
	p := &layer{arithmetic: a, Layer: l, abs: make(map[*network.Dense]blas.Matrix[float64])}
	p.prepare(l.Map)
	return p
}

func (p *layer) prepare(m network.Map) {
	switch m := m.(type) {
	case *network.Dense:
		abs := blas.NewMatrix[float64](m.Out, m.In)
		for i, w := range m.W {
			abs.Data[i] = math.Abs(w)
		}
		p.abs[m] = abs
	case *network.Projected:
		p.prepare(m.P)
	case *network.Stack:
		for _, part := range m.Maps {
			p.prepare(part)
		}
	case *network.Sum:
		for _, part := range m.Maps {
			p.prepare(part)
		}
	case *network.Blocks:
		for _, part := range m.Maps {
			p.prepare(part)
		}
	}
}

// zeroed returns a zero matrix in *buffer, which it grows as needed.
func zeroed(buffer *[]float64, rows, cols int) blas.Matrix[float64] {
	if cap(*buffer) < rows*cols {
		*buffer = make([]float64, rows*cols)
	}
	m := blas.Matrix[float64]{Data: (*buffer)[:rows*cols], Rows: rows, Cols: cols, Stride: cols}
	parallel.Each(rows, func(r int) { clear(m.Row(r)) })
	return m
}

// apply returns the balls of the layer's outputs; they are good until the next
// call.
func (p *layer) apply(in batch) batch {
	out := batch{zeroed(&p.out[0], in.c.Rows, p.Width()), zeroed(&p.out[1], in.c.Rows, p.Width())}
	p.affine(out, p.Map, p.Bias, in)
	if p.Act == network.ReLU {
		parallel.Each(out.c.Rows, func(r int) { reluRow(out, r) })
	}
	return out
}

func reluRow(b batch, r int) {
	c, e := b.c.Row(r), b.e.Row(r)
	for j := range c {
		z := ball{c[j], e[j]}.relu()
		c[j], e[j] = z.c, z.e
	}
}

// affine writes the balls of m h + bias to out, which is zero.
func (p *layer) affine(out batch, m network.Map, bias []float64, in batch) {
	switch m := m.(type) {
	case *network.Stack:
		at := 0
		for _, part := range m.Maps {
			width, _ := part.Dims()
			p.affine(out.columns(at, at+width), part, slice(bias, at, at+width), in)
			at += width
		}
	case *network.Blocks:
		row, col := 0, 0
		for _, part := range m.Maps {
			height, width := part.Dims()
			p.affine(out.columns(row, row+height), part, slice(bias, row, row+height), in.columns(col, col+width))
			row, col = row+height, col+width
		}
	case *network.Diagonal:
		p.each(out, bias, func(r, i int) (float64, ball) { return m.D[i], in.at(r, i) })
	case *network.Projected:
		t := p.project(m, in)
		p.each(out, bias, func(r, i int) (float64, ball) { return m.Scale[i], t.at(r, int(m.Pick[i])) })
	default:
		p.sums(out, m, bias, in)
	}
}

// project returns the balls of the projections of m, term by term: they are few,
// and exact where a direction has one or two entries that are powers of two.
func (p *layer) project(m *network.Projected, in batch) batch {
	t := newBatch(in.c.Rows, m.P.Out)
	parallel.Each(in.c.Rows, func(r int) {
		for k := 0; k < m.P.Out; k++ {
			var s sum
			for j, u := range m.P.Row(k) {
				s.add(p.arithmetic, u, in.at(r, j))
			}
			t.set(r, k, s.close(p.arithmetic, 0))
		}
	})
	return t
}

// each writes one-term units: term returns the weight and the input of unit i.
func (p *layer) each(out batch, bias []float64, term func(r, i int) (float64, ball)) {
	parallel.Each(out.c.Rows, func(r int) {
		for i := 0; i < out.c.Cols; i++ {
			w, h := term(r, i)
			out.set(r, i, p.arithmetic.affine(w, h, biasOf(bias, i)))
		}
	})
}

// sums writes the balls of units that are sums of many terms.
func (p *layer) sums(out batch, m network.Map, bias []float64, in batch) {
	terms, most := p.awake(in)
	if min(most, fanIn(m)) <= fewAwake && walkable(m) {
		p.termByTerm(out, m, bias, in)
		return
	}
	fanIn := fanIn(m)
	k := make([]int, in.c.Rows) // terms of a sum, row by row
	parallel.Each(in.c.Rows, func(r int) {
		k[r] = min(terms[r], fanIn) + 1
		if bias == nil {
			return
		}
		copy(out.c.Row(r), bias)
		g := p.gammaCentered(k[r])
		for i, b := range bias {
			out.e.Row(r)[i] = g * math.Abs(b)
		}
	})
	p.accumulate(out, m, in, k)
	parallel.Each(in.c.Rows, func(r int) {
		c, e := out.c.Row(r), out.e.Row(r)
		for i := range e {
			z := p.bounded(ball{c[i], (e[i] + 4*float64(fanIn)*p.tiny) * slack})
			c[i], e[i] = z.c, z.e
		}
	})
}

// awake returns for each row how many inputs can be nonzero, and the most over
// all rows.
func (p *layer) awake(in batch) (terms []int, most int) {
	terms = make([]int, in.c.Rows)
	for r := range terms {
		c, e := in.c.Row(r), in.e.Row(r)
		for j := range c {
			if c[j] != 0 || e[j] != 0 {
				terms[r]++
			}
		}
		most = max(most, terms[r])
	}
	return terms, most
}

// weigh returns what |w_j| is multiplied by in the radius of a sum of k terms:
// (gamma_k + g) |c_j| + (1 + gamma_k) e_j.
func (p *layer) weigh(in batch, k []int) blas.Matrix[float64] {
	weight := zeroed(&p.weight, in.c.Rows, in.c.Cols)
	parallel.Each(in.c.Rows, func(r int) {
		gc, g := p.gammaCentered(k[r]), p.gamma(k[r])
		c, e, dst := in.c.Row(r), in.e.Row(r), weight.Row(r)
		for j := range dst {
			dst[j] = (gc*math.Abs(c[j]) + (1+g)*e[j]) * slack
		}
	})
	return weight
}

// accumulate adds the centres and the radii of m h to out, where row r sums k[r]
// terms.
func (p *layer) accumulate(out batch, m network.Map, in batch, k []int) {
	switch m := m.(type) {
	case *network.Dense:
		blas.MulTransAdd(out.c, in.c, blas.Matrix[float64]{Data: m.W, Rows: m.Out, Cols: m.In, Stride: m.In})
		blas.MulTransAdd(out.e, p.weigh(in, k), p.abs[m])
	case *network.Sum:
		at := 0
		for _, part := range m.Maps {
			_, width := part.Dims()
			p.accumulate(out, part, in.columns(at, at+width), k)
			at += width
		}
	case *network.Stack:
		at := 0
		for _, part := range m.Maps {
			height, _ := part.Dims()
			p.accumulate(out.columns(at, at+height), part, in, k)
			at += height
		}
	case *network.Blocks:
		row, col := 0, 0
		for _, part := range m.Maps {
			height, width := part.Dims()
			p.accumulate(out.columns(row, row+height), part, in.columns(col, col+width), k)
			row, col = row+height, col+width
		}
	case *network.Projected:
		t := p.project(m, in)
		p.addTerms(out, t, p.weigh(t, k), func(i int, visit func(j int, w float64)) {
			visit(int(m.Pick[i]), m.Scale[i])
		})
	default:
		p.addTerms(out, in, p.weigh(in, k), func(i int, visit func(j int, w float64)) { eachTerm(m, i, visit) })
	}
}

// addTerms adds to every unit its terms, as eachTerm tells them.
func (p *layer) addTerms(out, in batch, weight blas.Matrix[float64], eachTerm func(i int, visit func(j int, w float64))) {
	parallel.Each(out.c.Rows, func(r int) {
		c, g := in.c.Row(r), weight.Row(r)
		oc, oe := out.c.Row(r), out.e.Row(r)
		for i := range oc {
			eachTerm(i, func(j int, w float64) {
				oc[i] += float64(w * c[j])
				oe[i] += math.Abs(w) * g[j]
			})
		}
	})
}

// termByTerm writes the balls of m h + bias for rows with few awake inputs.
func (p *layer) termByTerm(out batch, m network.Map, bias []float64, in batch) {
	cols := newColumns(m)
	parallel.Ranges(out.c.Rows, func(from, to int) {
		sums := make([]sum, out.c.Cols)
		for r := from; r < to; r++ {
			clear(sums)
			for j := 0; j < in.c.Cols; j++ {
				if h := in.at(r, j); h != (ball{}) {
					cols.each(j, func(i int, w float64) { sums[i].add(p.arithmetic, w, h) })
				}
			}
			for i := range sums {
				out.set(r, i, sums[i].close(p.arithmetic, biasOf(bias, i)))
			}
		}
	})
}

func biasOf(bias []float64, i int) float64 {
	if bias == nil {
		return 0
	}
	return bias[i]
}

func slice(bias []float64, from, to int) []float64 {
	if bias == nil {
		return nil
	}
	return bias[from:to]
}
