package phi

import "hinge/network"

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
		if !ok {
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
	byUnit := newGates(c).read(w, layer.Bias, runLimit*limit)
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
