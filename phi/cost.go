package phi

import "gonum.org/v1/gonum/mat"

// Cost is what the analysis of a matrix takes, by its sizes: an estimate from
// the leading terms, within a factor of two of what is measured.
type Cost struct {
	// Evaluate, Factor and Spectrum are floating point operations: of the layer
	// on all rows, of reducing the longer side, and of the singular values of
	// what is left, without and with the ones.
	Evaluate float64 `json:"evaluate"`
	Factor   float64 `json:"factor"`
	Spectrum float64 `json:"spectrum"`
	Bytes    int64   `json:"bytes"` // held at once
	// Exact is the least Options.MaxFactor with which nothing is sketched,
	// ExactBytes what the factorization then holds.
	Exact      float64 `json:"exact"`
	ExactBytes int64   `json:"exact_bytes"`
	// Sketched says that the singular values are those of a sketch.
	Sketched bool `json:"sketched"`
}

// Cost returns what the analysis takes under the Options.
func (p *Matrix) Cost() Cost {
	n, k := float64(p.n), float64(p.m+1)
	least, most := min(n, k), max(n, k)
	c := Cost{Exact: exactWork(p.n, p.m+1), Bytes: p.bytes()}
	if p.net != nil && p.layer >= 0 {
		c.Evaluate = 2 * evaluationWork(p.net, p.n, p.layer)
	}
	c.ExactBytes = int64(8*squares) * int64(least) * int64(least)
	if p.n <= p.m {
		c.ExactBytes += 8 * int64(p.n) * int64(p.m)
	}
	width := p.sketchWidth(true)
	switch {
	case p.form == LadderForm:
		return c
	case p.svdFits(p.n, p.m+1) && (p.n > p.m || p.n*p.m <= p.opt.maxElements()):
		c.Factor = 3 * most * least * least // two stages: two Gram matrices and a triangular solution
		c.Spectrum = 2 * 8.0 / 3 * least * least * least
		c.Bytes += int64(8 * squares * least * least)
	case width > 0:
		l := float64(width)
		c.Sketched = true
		c.Factor = 2 * 4 * sketchPasses * n * k * l
		c.Bytes += int64(8 * 4 * k * l)
	}
	return c
}

// exactWork returns the least Options.MaxFactor with which an n x k matrix is
// taken apart exactly, as far as memory goes; see svdFits.
func exactWork(n, k int) float64 {
	least, most := float64(min(n, k)), float64(max(n, k))
	side := (least + 1) / svdSideFull
	return max(2*most*least*least, DefaultMaxFactor*side*side*side)
}

// bytes returns what the matrix itself takes: its numbers, and the list of its
// nonzeros twice, by rows and by units, where they are permuted.
func (p *Matrix) bytes() int64 {
	const number, entry = 8, 12
	listed := int64(0)
	if s := p.stats.Nonzeros; p.form != LadderForm && s <= int64(p.permutable()) {
		listed = 2 * entry * s
	}
	switch p.form {
	case DenseForm:
		return number*int64(p.n)*int64(p.m) + listed
	case SparseForm:
		return listed
	case LadderForm:
		return number * int64(p.n+p.m) * 2
	}
	return number*int64(p.rowsOfBlock(p.m))*int64(p.m) + listed
}

// EachRows calls f with consecutive blocks of rows, as large as the Options
// allow. A block is not to be changed, and not to be kept. A streamed matrix is
// evaluated anew.
func (p *Matrix) EachRows(f func(from int, block *mat.Dense)) { p.eachRows(p.rowsOfBlock(p.m), f) }
