package certify

import (
	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
	"hinge/network"
)

// A proof computes output balls of a network batch by batch of rows.
type proof struct {
	arithmetic
	x      *mat.Dense
	around *mat.Dense // how far the inputs may be from x; nil when x is exact
	layers []*layer
	gates  map[int]*gateStage // by the index of the gates' layer
	local  *localStage        // nil, or all layers but the last
	// The inputs of one batch after the other, and their radii.
	inputs, zeros []float64
}

func newProof(net *network.Network, x *mat.Dense) *proof { return newProofAround(net, x, nil) }

// newProofAround proves for all inputs within around of x (both n x d).
func newProofAround(net *network.Network, x, around *mat.Dense) *proof {
	p := &proof{arithmetic: newArithmetic(net.Precision), x: x, around: around, gates: make(map[int]*gateStage)}
	for _, l := range net.Layers {
		p.layers = append(p.layers, newLayer(p.arithmetic, l))
	}
	for i := 1; i < len(net.Layers); i++ {
		if g := newGateStage(p.layers, net, x, around, i); g != nil {
			p.gates[i] = g
			i++ // the next layer takes lists of awake units, and no gates of gates
			if i < len(p.layers) && walkable(p.layers[i].Map) {
				cols := newColumns(p.layers[i].Map)
				p.layers[i].cols = &cols
			}
		}
	}
	if len(p.gates) == 0 && around == nil {
		p.local = newLocalStage(p.arithmetic, net, x)
	}
	if p.local != nil {
		cols := newColumns(net.Layers[len(net.Layers)-1].Map)
		p.layers[len(p.layers)-1].cols = &cols
	}
	return p
}

// each calls use with the output balls of all n rows, batch by batch: those of
// the rows from, from+1, ... Calls run at the same time, and the balls are good
// until use returns.
func (p *proof) each(n int, use func(from int, out batch)) {
	size := p.batchRows()
	if n <= size {
		use(0, p.outputs(0, n))
		return
	}
	blas.OneThread(func() {
		parallel.Batches(n, size, func() func(from, to int) {
			worker := p.worker()
			return func(from, to int) { use(from, worker.outputs(from, to)) }
		})
	})
}

// worker returns a copy of the proof with work space of its own.
func (p *proof) worker() *proof {
	w := *p
	w.inputs, w.zeros = nil, nil
	w.layers = make([]*layer, len(p.layers))
	for i, l := range p.layers {
		w.layers[i] = l.worker()
	}
	w.gates = make(map[int]*gateStage, len(p.gates))
	for i, g := range p.gates {
		mine := *g
		mine.first, mine.second = w.layers[i-1], w.layers[i]
		w.gates[i] = &mine
	}
	return &w
}

func (p *proof) method() string {
	if p.local != nil {
		return "rounding-error balls on the local units that can be awake, found by interval arithmetic on boxes of rows"
	}
	if len(p.gates) > 0 {
		return "rounding-error balls on the gates that can be awake, found by sorting the projections"
	}
	return "rounding-error balls on every unit"
}

// batchRows returns how many rows to take at a time.
func (p *proof) batchRows() int {
	widest := 1
	if p.local != nil {
		return max(16, batchElements/p.layers[len(p.layers)-1].Width())
	}
	for i, l := range p.layers {
		if p.gates[i] == nil && p.gates[i+1] == nil {
			widest = max(widest, l.Width())
		} else if g := p.gates[i+1]; g != nil {
			widest = max(widest, g.eagerWidth)
		}
	}
	return max(16, batchElements/widest)
}

// outputs returns the balls of the network's outputs for rows from <= i < to.
func (p *proof) outputs(from, to int) batch {
	if p.local != nil {
		return p.layers[len(p.layers)-1].applySparse(p.local.awake[from:to])
	}
	h := p.rows(from, to)
	for i := 0; i < len(p.layers); i++ {
		g := p.gates[i+1]
		if g == nil {
			h = p.layers[i].apply(h)
			continue
		}
		awake := g.apply(h, from)
		i += 2
		if i == len(p.layers) {
			return awake.dense(p.layers[i-1].Width())
		}
		h = p.layers[i].applySparse(awake)
	}
	return h
}

// rows returns the inputs from <= i < to as balls, points rounded to the
// arithmetic unless they are known to within something; they are good until the
// next call.
func (p *proof) rows(from, to int) batch {
	_, d := p.x.Dims()
	if len(p.zeros) < (to-from)*d {
		p.zeros = make([]float64, (to-from)*d)
	}
	points := batch{
		c: space(&p.inputs, to-from, d),
		e: blas.Matrix[float64]{Data: p.zeros, Rows: to - from, Cols: d, Stride: d},
	}
	if p.around != nil { // the balls of an enclosure, as they are
		points.e = blas.NewMatrix[float64](to-from, d)
	}
	for r := range to - from {
		dst := points.c.Row(r)
		if p.around != nil {
			copy(dst, p.x.RawRowView(from+r))
			copy(points.e.Row(r), p.around.RawRowView(from+r))
			continue
		}
		for j, v := range p.x.RawRowView(from + r) {
			dst[j] = p.Round(v)
		}
	}
	return points
}

// sparseBatch lists, for each row, the units that can be awake with their
// balls; all others are exactly zero.
type sparseBatch [][]awakeUnit

type awakeUnit struct {
	unit int
	ball
}

func (s sparseBatch) dense(width int) batch {
	b := newBatch(len(s), width)
	for r, units := range s {
		for _, u := range units {
			b.set(r, u.unit, u.ball)
		}
	}
	return b
}

// applySparse returns the balls of the layer's outputs for inputs given as
// lists.
func (p *layer) applySparse(in sparseBatch) batch {
	if p.cols == nil {
		_, width := p.Map.Dims()
		return p.apply(in.dense(width))
	}
	out := newBatch(len(in), p.Width())
	parallel.Ranges(len(in), func(from, to int) {
		sums := make([]sum, p.Width())
		for r := from; r < to; r++ {
			clear(sums)
			for _, h := range in[r] {
				p.cols.each(h.unit, func(i int, w float64) { sums[i].add(p.arithmetic, w, h.ball) })
			}
			for i := range sums {
				out.set(r, i, p.activate(sums[i].close(p.arithmetic, biasOf(p.Bias, i))))
			}
		}
	})
	return out
}
