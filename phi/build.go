package phi

import (
	"fmt"
	"math"

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
		p, err := New(x, opt)
		if err == nil {
			p.net, p.x, p.layer = net, x, layer
		}
		return p, err
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
	p.form = SparseForm
	if p.n*p.m <= limit {
		p.form = DenseForm
		p.dense = mat.NewDense(p.n, p.m, nil)
	} else {
		p.csr = newCSR(p.n, p.m, 0)
	}
	c := newCollector(p.n, p.m, p.eps)
	var fault error
	eachBlock(p.net, p.x, p.layer, p.rowsOfBlock(p.m), func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		for r := 0; r < rows && fault == nil; r++ {
			row := block.RawRowView(r)
			fault = checkRow(from+r, row)
			c.addDense(from+r, row)
			switch p.form {
			case DenseForm:
				copy(p.dense.RawRowView(from+r), row)
			case SparseForm:
				p.csr.appendDense(row)
				if len(p.csr.val) > limit {
					p.form, p.csr = StreamedForm, nil
				}
			}
		}
	})
	p.stats = c.finish()
	return fault
}

func checkRow(i int, row []float64) error {
	for j, v := range row {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("phi: unit %d puts out %v on row %d", j, v, i)
		}
	}
	return nil
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
