package phi

import (
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
		p.form, p.stats = LadderForm, p.rungs.stats()
		return true
	case len(hidden) > 1 && hidden[1] == p.layer && hidden[0] == p.layer-1:
		return p.buildGates()
	}
	return false
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
func (p *Matrix) evaluatePlain(w *csr, plain []int) (map[int][]float64, bool) {
	values := make(map[int][]float64, len(plain))
	if len(plain) == 0 {
		return values, true
	}
	below, layer := &p.net.Layers[p.layer-1], &p.net.Layers[p.layer]
	_, in := below.Map.Dims()
	reads := newCSR(0, in, 0) // rows of the layer below that are read
	var bias, upperBias []float64
	place := make(map[int32]int32)
	upper := newCSR(len(plain), 0, 0)
	for _, j := range plain {
		cols, vals := w.row(j)
		for k, u := range cols {
			at, seen := place[u]
			if !seen {
				at = int32(reads.n)
				place[u] = at
				if !appendWeights(reads, below.Map, int(u), 0) {
					return nil, false
				}
				reads.n, reads.ptr = reads.n+1, append(reads.ptr, len(reads.col))
				bias = append(bias, biasOf(below, int(u)))
			}
			upper.col, upper.val = append(upper.col, at), append(upper.val, vals[k])
		}
		upper.ptr = append(upper.ptr, len(upper.col))
		upperBias = append(upperBias, biasOf(layer, j))
		values[j] = make([]float64, p.n)
	}
	upper.m = reads.n
	if reads.n*in+upper.n*upper.m > p.opt.maxElements() || len(plain)*p.n > p.opt.maxElements() {
		return nil, false
	}
	small := &network.Network{Precision: p.net.Precision, Layers: append(append([]network.Layer(nil), p.net.Layers[:p.layer-1]...),
		network.Layer{Map: reads.dense(), Bias: bias, Act: below.Act}, network.Layer{Map: upper.dense(), Bias: upperBias, Act: layer.Act})}
	if evaluationWork(small, p.n, p.layer) > p.opt.maxWork() {
		return nil, false
	}
	eachBlock(small, p.x, p.layer, func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		for r := 0; r < rows; r++ {
			for k, v := range block.RawRowView(r) {
				values[plain[k]][from+r] = v
			}
		}
	})
	return values, true
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
