package phi

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// runLimit bounds the rows evaluated for gates, as a multiple of
// Options.MaxElements.
const runLimit = 4

// buildStructured reads the layer from structure, when it has one that
// answers within the Options.
func (p *Matrix) buildStructured() bool {
	hidden := p.net.HiddenLayers()
	if p.net.Layers[p.layer].Act != network.ReLU || p.n > p.opt.maxElements() {
		return false
	}
	switch {
	case hidden[0] == p.layer && p.n*p.m > p.opt.maxElements():
		c, ok := readCoordinates(p.net, p.x, p.layer)
		if !ok || !c.all {
			return false
		}
		p.rungs = newLadder(c)
		_, single := p.rungs.onlyCoordinate()
		if !single && evaluationWork(p.net, p.n, p.layer) <= p.opt.maxWork() {
			p.rungs = nil // the numbers tell more than thresholds along many coordinates
			return false
		}
		p.stats = p.rungs.stats()
		if math.IsInf(p.stats.Scale, 0) || math.IsNaN(p.stats.Scale) {
			p.rungs = nil
			return false
		}
		p.form = LadderForm
		return true
	case len(hidden) > 1 && hidden[1] == p.layer && hidden[0] == p.layer-1:
		return p.buildGates()
	}
	return p.buildLocal()
}

// buildGates reads a layer of gates on thresholds as a sparse matrix.
func (p *Matrix) buildGates() bool {
	layer := &p.net.Layers[p.layer]
	limit := p.opt.maxElements()
	w := weightsOf(layer.Map, max(limit, layer.Map.Params()))
	if w == nil {
		return false
	}
	c, ok := readCoordinates(p.net, p.x, p.layer-1)
	if !ok {
		return false
	}
	plain := c.plainUnits(w)
	values, ok := p.evaluatePlain(w, plain)
	if !ok {
		return false
	}
	byUnit := newGates(c).read(w, layer.Bias, values, runLimit*limit)
	if byUnit == nil || len(byUnit.val) > limit {
		return false
	}
	p.csr = byUnit.transpose()
	p.form = SparseForm
	stats := newCollector(p.n, p.m, p.eps)
	for i := 0; i < p.n; i++ {
		cols, vals := p.csr.row(i)
		stats.addSparse(i, cols, vals)
	}
	p.stats = stats.finish()
	return true
}

// plainUnits returns the units of the gate layer with weights w that read some
// unit without a coordinate: the base of needles, say.
func (c *coordinates) plainUnits(w *csr) []int {
	var plain []int
	for j := 0; !c.all && j < w.n; j++ {
		cols, _ := w.row(j)
		for _, u := range cols {
			if c.of[u] < 0 {
				plain = append(plain, j)
				break
			}
		}
	}
	return plain
}

// evaluatePlain evaluates the plain units on all rows, through a network of
// these units and what they read alone. It returns their columns by unit; ok is
// false when they are too many.
func (p *Matrix) evaluatePlain(w *csr, plain []int) (values map[int][]float64, ok bool) {
	values = make(map[int][]float64, len(plain))
	if len(plain) == 0 {
		return values, true
	}
	small := p.excerpt(w, plain)
	if small == nil || len(plain)*p.n > p.opt.maxElements() || evaluationWork(small, p.n, p.layer) > p.opt.maxWork() {
		return nil, false
	}
	for _, j := range plain {
		values[j] = make([]float64, p.n)
	}
	eachBlock(small, p.x, p.layer, p.rowsOfBlock(len(plain)), func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		for r := 0; r < rows; r++ {
			for k, v := range block.RawRowView(r) {
				values[plain[k]][from+r] = v
			}
		}
	})
	return values, true
}

// excerpt returns the network of the given units of the layer, with only those
// units of the layer below that they read; nil when its weights are too many.
func (p *Matrix) excerpt(w *csr, units []int) *network.Network {
	below, layer := &p.net.Layers[p.layer-1], &p.net.Layers[p.layer]
	_, in := below.Map.Dims()
	lower, upper := newCSR(0, in, 0), newCSR(len(units), 0, 0)
	var lowerBias, upperBias []float64
	place := make(map[int32]int32)
	for _, j := range units {
		cols, vals := w.row(j)
		for k, u := range cols {
			at, seen := place[u]
			if !seen {
				at = int32(lower.n)
				place[u] = at
				if !appendWeights(lower, below.Map, int(u), 0) {
					return nil
				}
				lower.n, lower.ptr = lower.n+1, append(lower.ptr, len(lower.col))
				lowerBias = append(lowerBias, biasOf(below, int(u)))
			}
			upper.col, upper.val = append(upper.col, at), append(upper.val, vals[k])
		}
		upper.ptr = append(upper.ptr, len(upper.col))
		upperBias = append(upperBias, biasOf(layer, j))
	}
	upper.m = lower.n
	if lower.n*in+upper.n*upper.m > p.opt.maxElements() {
		return nil
	}
	layers := append([]network.Layer(nil), p.net.Layers[:p.layer-1]...)
	return &network.Network{Precision: p.net.Precision, Layers: append(layers,
		network.Layer{Map: lower.dense(), Bias: lowerBias, Act: below.Act},
		network.Layer{Map: upper.dense(), Bias: upperBias, Act: layer.Act})}
}

func biasOf(l *network.Layer, unit int) float64 {
	if l.Bias == nil {
		return 0
	}
	return l.Bias[unit]
}

// dense writes the matrix out as a map.
func (s *csr) dense() *network.Dense {
	w := network.NewDense(s.n, s.m, make([]float64, s.n*s.m))
	for i := 0; i < s.n; i++ {
		cols, vals := s.row(i)
		for k, j := range cols {
			w.W[i*s.m+int(j)] += vals[k]
		}
	}
	return w
}
