package network

import (
	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// EvalLocal evaluates the network on the rows of x (n x d) in its own precision,
// looking only at the units of the last hidden layer that are awake: the outputs
// are bit for bit those of [Network.Eval]. A network on a rectangular grid (see
// [FindGrid]) finds the box of each row; other networks of local units
// (see [FindLocal]) find all rows of each unit. It returns false when the network has
// no such structure, or when evaluating in full is no more work.
func (n *Network) EvalLocal(x *mat.Dense) (*mat.Dense, bool) {
	last := len(n.Layers) - 1
	if n.Validate() != nil || last < 2 || n.LastHidden() != last-1 {
		return nil, false
	}
	out, ok := n.Layers[last].Map.(*Sparse)
	if !ok {
		return nil, false
	}
	if y, ok := n.onGrid(x); ok {
		return y, true
	}
	l, ok := FindLocal(n, last-1)
	if !ok {
		return nil, false
	}
	awake, values, ok := l.Values(x)
	if !ok {
		return nil, false
	}
	return n.combine(out, awake, values), true
}

// combine computes the outputs of the last layer of the values of the units
// awake, in the order of the network's own sums: terms that are 0 drop out.
func (n *Network) combine(last *Sparse, awake *Awake, values []float64) *mat.Dense {
	rows, p := len(awake.RowPtr)-1, last.Out
	table := make([]float64, last.In*p) // unit, output
	for o := range p {
		for k := last.RowPtr[o]; k < last.RowPtr[o+1]; k++ {
			table[int(last.Col[k])*p+o] = last.Val[k]
		}
	}
	bias := n.Layers[len(n.Layers)-1].Bias
	if bias == nil {
		bias = make([]float64, p)
	}
	y := mat.NewDense(rows, p, nil)
	parallel.Each(rows, func(r int) {
		dst := y.RawRowView(r)
		copy(dst, bias)
		for k := awake.RowPtr[r]; k < awake.RowPtr[r+1]; k++ {
			h := values[k]
			for o, w := range table[int(awake.Unit[k])*p : int(awake.Unit[k]+1)*p] {
				dst[o] = n.Precision.Round(dst[o] + n.Precision.Round(float64(w*h)))
			}
		}
	})
	return y
}
