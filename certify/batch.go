package certify

import (
	"math"
	"slices"

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

// clear makes all balls the exact zero.
func (b batch) clear() {
	for r := 0; r < b.c.Rows; r++ {
		clear(b.c.Row(r))
		clear(b.e.Row(r))
	}
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
	abs map[*network.Dense]*magnitudes // |W| of the dense maps
	// Work space, used again for every batch of rows.
	out      [2][]float64
	weight   []float64
	weight32 []float32
	radius32 []float32
	cols     *columns // the map by input, made when first needed
}

func newLayer(a arithmetic, l network.Layer) *layer {
	p := &layer{arithmetic: a, Layer: l, abs: make(map[*network.Dense]*magnitudes)}
	p.prepare(l.Map)
	return p
}

func (p *layer) prepare(m network.Map) {
	switch m := m.(type) {
	case *network.Dense:
		p.abs[m] = newMagnitudes(m)
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

// worker returns a copy of the layer with work space of its own.
func (p *layer) worker() *layer {
	w := *p
	w.out, w.weight, w.weight32, w.radius32 = [2][]float64{}, nil, nil, nil
	return &w
}

// space returns a matrix in *buffer, which it grows as needed; its entries are
// anything.
func space[T blas.Float](buffer *[]T, rows, cols int) blas.Matrix[T] {
	if cap(*buffer) < rows*cols {
		*buffer = make([]T, rows*cols)
	}
	return blas.Matrix[T]{Data: (*buffer)[:rows*cols], Rows: rows, Cols: cols, Stride: cols}
}

// apply returns the balls of the layer's outputs; they are good until the next
// call.
func (p *layer) apply(in batch) batch {
	out := batch{space(&p.out[0], in.c.Rows, p.Width()), space(&p.out[1], in.c.Rows, p.Width())}
	p.outputs(out, p.Map, p.Bias, in)
	return out
}

// activate returns what the layer's activation makes of a pre-activation.
func (p *layer) activate(z ball) ball {
	if p.Act == network.ReLU {
		return z.relu()
	}
	return z
}

// outputs writes the balls of the units of m, a part of the layer's map with its
// biases, to out.
func (p *layer) outputs(out batch, m network.Map, bias []float64, in batch) {
	switch m := m.(type) {
	case *network.Stack:
		at := 0
		for _, part := range m.Maps {
			width, _ := part.Dims()
			p.outputs(out.columns(at, at+width), part, slice(bias, at, at+width), in)
			at += width
		}
	case *network.Blocks:
		row, col := 0, 0
		for _, part := range m.Maps {
			height, width := part.Dims()
			p.outputs(out.columns(row, row+height), part, slice(bias, row, row+height), in.columns(col, col+width))
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
			out.set(r, i, p.activate(p.affine(w, h, biasOf(bias, i))))
		}
	})
}

// sums writes the balls of units that are sums of many terms.
func (p *layer) sums(out batch, m network.Map, bias []float64, in batch) {
	fanIn := fanIn(m)
	dense, isDense := m.(*network.Dense)
	terms := make([]int, in.c.Rows) // of each row's sums, the bias among them
	var weight blas.Matrix[float32]
	var extents []extent // of each row's weights
	if isDense {
		weight, extents = space(&p.weight32, in.c.Rows, in.c.Cols), make([]extent, in.c.Rows)
	}
	parallel.Each(in.c.Rows, func(r int) {
		terms[r] = min(in.awake(r), fanIn) + 1
		if isDense {
			extents[r] = p.weigh32(weight.Row(r), in, r, terms[r])
		}
	})
	if slices.Max(terms)-1 <= fewAwake && walkable(m) {
		p.termByTerm(out, m, bias, in)
		return
	}
	var single blas.Matrix[float32] // the radii, where they are in float32
	var unit float64
	if isDense {
		blas.MulTrans(out.c, in.c, weights(dense))
		single, unit = p.radii(out, p.abs[dense], in, terms, weight, extents)
	} else {
		out.clear()
		p.accumulate(out, m, in, terms)
	}
	floor := 4 * float64(fanIn) * p.tiny
	parallel.Each(out.c.Rows, func(r int) {
		c, e := out.c.Row(r), out.e.Row(r)
		if unit > 0 {
			widen(e, single.Row(r), unit)
		}
		p.finish(c, e, bias, p.gammaCentered(terms[r]), floor)
	})
}

// finish makes balls of one row's sums of centres and radii: it adds the biases,
// whose roundings are g of their magnitude, and what underflow can do, and
// applies the activation.
func (p *layer) finish(c, e, bias []float64, g, floor float64) {
	limit, relu := p.u*p.huge, p.Act == network.ReLU // see bounded
	e = e[:len(c)]
	for i := range c {
		z := ball{c[i], e[i] + floor}
		if i < len(bias) {
			z.c += bias[i]
			z.e += g * math.Abs(bias[i])
		}
		z.e *= slack
		if !(z.e < limit) {
			z.e = math.Inf(1)
		}
		if relu {
			z = z.relu()
		}
		c[i], e[i] = z.c, z.e
	}
}

func weights(m *network.Dense) blas.Matrix[float64] {
	return blas.Matrix[float64]{Data: m.W, Rows: m.Out, Cols: m.In, Stride: m.In}
}

// awake returns how many balls of row r are not the exact zero.
func (b batch) awake(r int) int {
	c := b.c.Row(r)
	e := b.e.Row(r)[:len(c)]
	count := 0
	for j := range c {
		// 1 unless all bits are 0, without a branch that nobody could predict; a
		// negative zero counts, which does no harm.
		bits := math.Float64bits(c[j]) | math.Float64bits(e[j])
		count += int((bits | -bits) >> 63)
	}
	return count
}

// weigh writes what |w_j| is multiplied by in the radius of row r's sums of k
// terms: (gamma_k + g) |c_j| + (1 + gamma_k) e_j. What underflows there may be
// multiplied by a huge weight, so nothing but zero is written below the normal
// numbers.
func (p *layer) weigh(dst []float64, in batch, r, k int) {
	const normal = 0x1p-1022
	gc, g := p.gammaCentered(k), p.gamma(k)
	c := in.c.Row(r)[:len(dst)]
	e := in.e.Row(r)[:len(dst)]
	for j := range dst {
		dst[j] = (gc*math.Abs(c[j]) + (1+g)*e[j]) * slack
		if dst[j] < normal && (c[j] != 0 || e[j] != 0) {
			dst[j] = normal
		}
	}
}

// weighAll weighs every row r of in, for sums of k[r] terms.
func (p *layer) weighAll(in batch, k []int) blas.Matrix[float64] {
	weight := space(&p.weight, in.c.Rows, in.c.Cols)
	parallel.Each(in.c.Rows, func(r int) { p.weigh(weight.Row(r), in, r, k[r]) })
	return weight
}

// accumulate adds the centres and the radii of m h to out, where row r sums k[r]
// terms.
func (p *layer) accumulate(out batch, m network.Map, in batch, k []int) {
	switch m := m.(type) {
	case *network.Dense:
		blas.MulTransAdd(out.c, in.c, weights(m))
		blas.MulTransAdd(out.e, p.weighAll(in, k), p.abs[m].in64())
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
		p.addTerms(out, t, p.weighAll(t, k), func(i int, visit func(j int, w float64)) {
			visit(int(m.Pick[i]), m.Scale[i])
		})
	default:
		p.addTerms(out, in, p.weighAll(in, k), func(i int, visit func(j int, w float64)) { eachTerm(m, i, visit) })
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
				out.set(r, i, p.activate(sums[i].close(p.arithmetic, biasOf(bias, i))))
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
