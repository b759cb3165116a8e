package certify

import (
	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Structured proof of local units.
//
// The hats of an interpolant on a grid or on a triangulation sit several layers
// deep, and each depends on few units. network.Local finds by interval
// arithmetic on boxes of rows on which rows a unit can be awake, rounding included,
// and proves it to be exactly zero on all others. What is left is to compute the balls of
// the units in its cone on those rows, term by term, so that sums that leave no
// freedom are points.
type localStage struct {
	awake sparseBatch // by row: the units of the last hidden layer
}

// newLocalStage returns the stage of all layers up to the last hidden one, which
// must be the last but one, or nil when its units are not local.
func newLocalStage(a arithmetic, net *network.Network, x *mat.Dense) *localStage {
	layer := len(net.Layers) - 2
	if layer < 1 || net.LastHidden() != layer || !walkable(net.Layers[layer+1].Map) {
		return nil
	}
	local, ok := network.FindLocal(net, layer)
	if !ok {
		return nil
	}
	type found struct {
		row int32
		awakeUnit
	}
	chunks := make([][]found, network.LocalChunks)
	ok = local.EachAwake(x, func(chunk, unit int, cone *network.Cone, rows []int32) {
		for _, r := range rows {
			if z := coneBall(a, cone, x.RawRowView(int(r))); z != (ball{}) {
				chunks[chunk] = append(chunks[chunk], found{r, awakeUnit{unit, z}})
			}
		}
	})
	if !ok {
		return nil
	}
	rows, _ := x.Dims()
	s := &localStage{awake: make(sparseBatch, rows)}
	for _, chunk := range chunks {
		for _, f := range chunk {
			s.awake[f.row] = append(s.awake[f.row], f.awakeUnit)
		}
	}
	return s
}

// coneBall returns the ball of a cone's unit on one row.
func coneBall(a arithmetic, cone *network.Cone, row []float64) ball {
	h := make([]ball, len(row))
	for j, v := range row {
		h[j] = ball{c: a.Round(v)}
	}
	for i := range cone.Levels {
		v := &cone.Levels[i]
		next := make([]ball, len(v.Bias))
		for u, bias := range v.Bias {
			var s sum
			for k := v.Ptr[u]; k < v.Ptr[u+1]; k++ {
				s.add(a, v.Weight[k], h[v.Slot[k]])
			}
			next[u] = s.close(a, bias)
			if v.Act == network.ReLU {
				next[u] = next[u].relu()
			}
		}
		h = next
	}
	return h[0]
}
