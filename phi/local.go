package phi

import (
	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// buildLocal reads a layer of local units (see [network.Local]), such as the hats of
// an interpolant on a grid or a triangulation, as a sparse matrix: only units that can
// be awake on a row are evaluated, and the numbers are the network's own.
func (p *Matrix) buildLocal() bool {
	local, ok := network.FindLocal(p.net, p.layer)
	if !ok {
		return false
	}
	awake, values, ok := local.Values(mat.DenseCopyOf(p.x))
	if !ok || len(values) > p.opt.maxElements() {
		return false
	}
	p.csr = newCSR(p.n, p.m, p.n)
	p.form = SparseForm
	stats := newCollector(p.n, p.m, p.eps)
	for i := range p.n {
		from, to := awake.RowPtr[i], awake.RowPtr[i+1]
		for k := from; k < to; k++ {
			p.csr.col, p.csr.val = append(p.csr.col, awake.Unit[k]), append(p.csr.val, values[k])
		}
		p.csr.ptr = append(p.csr.ptr, len(p.csr.col))
		stats.addSparse(i, awake.Unit[from:to], values[from:to])
	}
	p.stats = stats.finish()
	return true
}
