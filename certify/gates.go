package certify

import (
	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// Structured proof of gates.
//
// Look-up networks have a layer of thresholds of a few projections, 2 q n
// units, and then a layer of n gates of which one is awake on each row.
// Evaluating all of them on all rows costs n^2. A gate can be awake on a row
// only if the row lies in the box that its thresholds cut out of the space of
// projections; network.FindAwake lists those pairs by sorting, rounding
// included, and proves all other gates to be exactly zero. What is left is to
// evaluate each listed gate, which asks for its own few thresholds only.
//
// Units of the first of the two layers that are no thresholds (the inputs
// passed on, the features of a smooth base) are few and evaluated eagerly, as
// are blocks of the second layer that read nothing but those.
type gateStage struct {
	arithmetic
	first, second *layer
	awake         *network.Awake
	parts         []stagePart // of the first layer, by output
	eagerWidth    int         // most eager units of either layer
	eagerBlocks   []stagePart // blocks of the second layer that read eager units only
}

// stagePart is a part of a layer's map with its ranges of outputs and inputs.
type stagePart struct {
	m           network.Map
	row, height int
	col, width  int
	bias        []float64
	projected   *network.Projected
}

// newGateStage returns the stage of layers i-1 and i, or nil when layer i is
// not a layer of gates.
func newGateStage(layers []*layer, net *network.Network, x, around *mat.Dense, i int) *gateStage {
	if !walkable(layers[i].Map) || layers[i].Act != network.ReLU || layers[i-1].Act != network.ReLU {
		return nil
	}
	g := &gateStage{arithmetic: layers[i].arithmetic, first: layers[i-1], second: layers[i]}
	maps := []network.Map{g.first.Map}
	if stack, ok := g.first.Map.(*network.Stack); ok {
		maps = stack.Maps
	}
	row := 0
	for _, m := range maps {
		height, width := m.Dims()
		part := stagePart{m: m, row: row, height: height, width: width, bias: slice(g.first.Bias, row, row+height)}
		part.projected, _ = m.(*network.Projected)
		if part.projected == nil {
			g.eagerWidth += height
		}
		g.parts = append(g.parts, part)
		row += height
	}
	g.findEagerBlocks()
	var eager []network.UnitRange
	for _, b := range g.eagerBlocks {
		eager = append(eager, network.UnitRange{From: b.row, To: b.row + b.height})
	}
	awake, ok := network.FindAwakeAround(net, x, around, i, eager...)
	if !ok {
		return nil
	}
	g.awake = awake
	return g
}

func (g *gateStage) findEagerBlocks() {
	blocks, ok := g.second.Map.(*network.Blocks)
	if !ok {
		return
	}
	row, col := 0, 0
	for _, m := range blocks.Maps {
		height, width := m.Dims()
		if g.isEager(col, col+width) {
			g.eagerBlocks = append(g.eagerBlocks, stagePart{m: m, row: row, height: height, col: col, width: width,
				bias: slice(g.second.Bias, row, row+height)})
			g.eagerWidth = max(g.eagerWidth, height)
		}
		row, col = row+height, col+width
	}
}

// isEager reports whether the first layer's units from <= j < to are all
// evaluated eagerly and lie in one part.
func (g *gateStage) isEager(from, to int) bool {
	part := g.partOf(from)
	return part.projected == nil && to <= part.row+part.height
}

func (g *gateStage) partOf(j int) *stagePart {
	for i := range g.parts {
		if p := &g.parts[i]; j < p.row+p.height {
			return p
		}
	}
	panic("certify: unit out of range")
}

// apply returns the units of the second layer that can be awake, for inputs h
// of the first layer on the rows from, from+1, ...
func (g *gateStage) apply(h batch, from int) sparseBatch {
	values := g.firstLayer(h)
	eager := g.secondEager(values)
	out := make(sparseBatch, h.c.Rows)
	parallel.Each(h.c.Rows, func(r int) {
		for b, block := range g.eagerBlocks {
			for i := 0; i < block.height; i++ {
				if z := eager[b].at(r, i); z != (ball{}) {
					out[r] = append(out[r], awakeUnit{block.row + i, z})
				}
			}
		}
		for k := g.awake.RowPtr[from+r]; k < g.awake.RowPtr[from+r+1]; k++ {
			unit := int(g.awake.Unit[k])
			if z := g.gate(unit, values, r); z != (ball{}) {
				out[r] = append(out[r], awakeUnit{unit, z})
			}
		}
	})
	return out
}

// firstLayer evaluates, part by part, the eager units of the first layer and
// the projections of the others.
func (g *gateStage) firstLayer(h batch) []batch {
	values := make([]batch, len(g.parts))
	for i, part := range g.parts {
		if part.projected != nil {
			values[i] = g.first.project(part.projected, h)
			continue
		}
		values[i] = newBatch(h.c.Rows, part.height)
		g.first.outputs(values[i], part.m, part.bias, h)
	}
	return values
}

func (g *gateStage) secondEager(values []batch) []batch {
	out := make([]batch, len(g.eagerBlocks))
	for b, block := range g.eagerBlocks {
		part := g.partOf(block.col)
		in := values[g.indexOf(part)].columns(block.col-part.row, block.col-part.row+block.width)
		out[b] = newBatch(in.c.Rows, block.height)
		g.second.outputs(out[b], block.m, block.bias, in)
	}
	return out
}

func (g *gateStage) indexOf(part *stagePart) int {
	for i := range g.parts {
		if &g.parts[i] == part {
			return i
		}
	}
	panic("certify: unknown part")
}

// gate returns the ball of one unit of the second layer on row r of the batch.
func (g *gateStage) gate(unit int, values []batch, r int) ball {
	var s sum
	i := 0
	eachTerm(g.second.Map, unit, func(j int, w float64) {
		if i >= len(g.parts) || j < g.parts[i].row || j >= g.parts[i].row+g.parts[i].height {
			for i = 0; j >= g.parts[i].row+g.parts[i].height; i++ {
			}
		}
		part := &g.parts[i]
		k := j - part.row
		if part.projected == nil {
			s.add(g.arithmetic, w, values[i].at(r, k))
			return
		}
		t := values[i].at(r, int(part.projected.Pick[k]))
		z := g.arithmetic.affine(part.projected.Scale[k], t, biasOf(part.bias, k))
		s.add(g.arithmetic, w, z.relu())
	})
	return s.close(g.arithmetic, biasOf(g.second.Bias, unit)).relu()
}
