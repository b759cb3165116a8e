package phi

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// blockElements bounds the numbers of one block of rows while a layer is
// evaluated: 1 Mi elements, 8 MiB, enough to keep the kernels busy.
const blockElements = 1 << 20

// structureFraction of Options.MaxElements is the size from which a layer's
// structure is looked at before it is evaluated in full. Below it, evaluating
// takes milliseconds.
const structureFraction = 16

// Build returns the interpolation matrix of layer (an index into net.Layers)
// on the rows of x (n x d): the outputs of the layer, after its activation, in
// the network's own precision. Rows keep their order, units theirs. Layer -1 is
// the inputs themselves: what the output of an affine network, whose
// LastHidden is -1, combines.
//
// Layers on projections are read from sorted thresholds, and gates on such
// layers from the intervals on which they can be awake, in
// O((n + m) log n + nonzeros). Any other layer is evaluated in blocks of rows,
// and only its nonzeros are kept when all numbers are too many.
//
// It returns a [*SizeError] when none of that fits the Options, and an error
// for a network that is not valid, a layer that is not there, a wrong number
// of columns, or outputs that are not finite.
func Build(net *network.Network, x mat.Matrix, layer int, opt Options) (*Matrix, error) {
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("phi: %w", err)
	}
	if layer < -1 || layer >= len(net.Layers) {
		return nil, fmt.Errorf("phi: no layer %d in a network of %d layers, the last hidden one is %d", layer, len(net.Layers), net.LastHidden())
	}
	n, d := x.Dims()
	if n == 0 || d != net.Inputs() {
		return nil, fmt.Errorf("phi: data of %d rows x %d columns for a network of %d inputs", n, d, net.Inputs())
	}
	if layer == -1 {
		return ofInputs(net, x, opt)
	}
	p := &Matrix{n: n, m: net.Layers[layer].Width(), net: net, x: x, layer: layer, eps: 2 * net.Precision.Eps(), opt: opt}
	if p.n*p.m > opt.maxElements()/structureFraction && p.buildStructured() {
		p.structured = true
		return p, nil
	}
	if work := evaluationWork(net, n, layer); work > opt.maxWork() {
		return nil, &SizeError{Rows: n, Units: p.m, Work: work, Limit: opt.maxWork()}
	}
	if err := p.evaluate(); err != nil {
		return nil, err
	}
	return p, nil
}

// ofInputs returns the matrix of the inputs, sharing their storage where it can.
func ofInputs(net *network.Network, x mat.Matrix, opt Options) (*Matrix, error) {
	d, ok := x.(*mat.Dense)
	if !ok {
		d = mat.DenseCopyOf(x)
	}
	p, err := counted(d, opt)
	if err != nil {
		return nil, err
	}
	p.net, p.x, p.layer = net, x, -1
	return p, nil
}

// evaluationWork returns the multiplications that n rows of the layers up to
// layer take, an addition per unit included.
func evaluationWork(net *network.Network, n, layer int) float64 {
	perRow := 0
	for i := 0; i <= layer; i++ {
		perRow += net.Layers[i].Map.Params() + net.Layers[i].Width()
	}
	return float64(n) * float64(perRow)
}

// evaluate runs the network over all rows and keeps what fits: every number,
// else the nonzeros, else nothing but the Stats.
func (p *Matrix) evaluate() error {
	limit := p.opt.maxElements()
	net, x, layer := p.shortcut()
	p.opt.Below = nil // not kept alive
	if p.n*p.m <= limit {
		p.form, p.dense = DenseForm, net.Activations(x, layer)
		return p.count()
	}
	p.form, p.csr = SparseForm, newCSR(p.n, p.m, 0)
	c := newCollector(p.n, p.m, p.eps)
	var fault error
	eachBlock(net, x, layer, p.rowsOfBlock(p.m), func(from int, block *mat.Dense) {
		if fault != nil {
			return
		}
		fault = c.addBlock(from, block)
		rows, _ := block.Dims()
		for r := 0; r < rows && p.form == SparseForm; r++ {
			p.csr.appendDense(block.RawRowView(r))
			if len(p.csr.val) > limit {
				p.form, p.csr = StreamedForm, nil
			}
		}
	})
	p.stats = c.finish()
	return fault
}

// shortcut returns what evaluates the layer: the network on the inputs, or what
// is left of it from the layer of Options.Below on.
func (p *Matrix) shortcut() (net *network.Network, x mat.Matrix, layer int) {
	b := p.opt.Below
	if b == nil || b.form != DenseForm || b.n != p.n || b.layer >= p.layer || b.net != p.net {
		return p.net, p.x, p.layer
	}
	rest := &network.Network{Layers: p.net.Layers[b.layer+1:], Precision: p.net.Precision}
	return rest, b.dense, p.layer - b.layer - 1
}

// eachBlock calls f with the outputs of a layer on consecutive blocks of so many
// rows.
func eachBlock(net *network.Network, x mat.Matrix, layer, rows int, f func(from int, block *mat.Dense)) {
	n, _ := x.Dims()
	for from := 0; from < n; from += rows {
		f(from, net.Activations(rowBlock(x, from, min(from+rows, n)), layer))
	}
}

// rowBlock returns the rows from <= i < to of x, sharing storage where it can.
func rowBlock(x mat.Matrix, from, to int) mat.Matrix {
	_, d := x.Dims()
	if dense, ok := x.(*mat.Dense); ok {
		return dense.Slice(from, to, 0, d)
	}
	block := mat.NewDense(to-from, d, nil)
	for i := from; i < to; i++ {
		for j := 0; j < d; j++ {
			block.Set(i-from, j, x.At(i, j))
		}
	}
	return block
}
