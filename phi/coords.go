package phi

import (
	"cmp"
	"slices"
	"sort"
	"sync"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// maxCoordinates bounds how many coordinates a structured layer may look
// along: beyond it, sorting them all costs as much as evaluating.
const maxCoordinates = 64

// coordinates is a first hidden layer read as thresholds: unit u puts out
// s(scale[u] * t + bias[u]) with t its coordinate on the row. A coordinate is
// an input (after the affine layers in front), a projection of them, or, for a
// unit of a dense map, its own pre-activation.
type coordinates struct {
	n         int
	t         [][]float64 // per coordinate: the value on every row
	order     [][]int32   // per coordinate: rows by ascending t
	ascending [][]float64 // per coordinate: t in that order
	of        []int32     // per unit: its coordinate, or -1 for a unit without one
	all       bool        // every unit has a coordinate
	scale     []float64   // per unit
	bias      []float64   // per unit
	precision network.Precision
}

// unitSource is how one unit reads the layer's input, before it is evaluated.
type unitSource struct {
	from  *network.Dense
	scale float64
	index int32 // input, or row of the projection or dense map
	kind  sourceKind
}

type sourceKind uint8

const (
	ofInput sourceKind = iota
	ofProjection
	ofMany // several inputs, and too many such units for a coordinate each
)

// readCoordinates reads layer l of net, which must be its first hidden layer;
// ok is false when the layer has no such structure.
func readCoordinates(net *network.Network, x mat.Matrix, l int) (c *coordinates, ok bool) {
	for i := 0; i < l; i++ {
		if net.Layers[i].Act != network.Identity {
			return nil, false
		}
	}
	if net.Layers[l].Act != network.ReLU {
		return nil, false
	}
	sources, ok := sourcesOf(net.Layers[l].Map, make([]unitSource, 0, net.Layers[l].Width()))
	if !ok {
		return nil, false
	}
	n, _ := x.Dims()
	c = &coordinates{n: n, of: make([]int32, len(sources)), scale: make([]float64, len(sources)),
		bias: net.Layers[l].Bias, precision: net.Precision}
	if c.bias == nil {
		c.bias = make([]float64, len(sources))
	}
	if !c.evaluate(net, x, l, sources) {
		return nil, false
	}
	return c, true
}

// sourcesOf appends what the units of m read.
func sourcesOf(m network.Map, sources []unitSource) ([]unitSource, bool) {
	switch m := m.(type) {
	case *network.Diagonal:
		for i, d := range m.D {
			sources = append(sources, unitSource{kind: ofInput, index: int32(i), scale: d})
		}
		return sources, true
	case *network.Projected:
		for j, k := range m.Pick {
			sources = append(sources, unitSource{kind: ofProjection, index: k, from: m.P, scale: m.Scale[j]})
		}
		return sources, true
	case *network.Dense:
		kind := ofProjection
		if m.Out > maxCoordinates {
			kind = ofMany
		}
		for j := 0; j < m.Out; j++ {
			sources = append(sources, unitSource{kind: kind, index: int32(j), from: m, scale: 1})
		}
		return sources, true
	case *network.Sparse:
		for i := 0; i < m.Out; i++ {
			s := unitSource{kind: ofInput}
			switch m.RowPtr[i+1] - m.RowPtr[i] {
			case 0:
			case 1:
				s.index, s.scale = m.Col[m.RowPtr[i]], m.Val[m.RowPtr[i]]
			default:
				s.kind = ofMany
			}
			sources = append(sources, s)
		}
		return sources, true
	case *network.Stack:
		ok := true
		for _, part := range m.Maps {
			if sources, ok = sourcesOf(part, sources); !ok {
				return nil, false
			}
		}
		return sources, true
	}
	return nil, false
}

// coordinateKey tells coordinates apart: two units with one key share one.
type coordinateKey struct {
	from  *network.Dense
	index int32
	kind  sourceKind
}

// assign gives every unit its coordinate and returns the different ones; ok is
// false when they are none or too many.
func (c *coordinates) assign(sources []unitSource) (keys []coordinateKey, ok bool) {
	place := make(map[coordinateKey]int32)
	c.all = true
	for u, s := range sources {
		if s.kind == ofMany {
			c.of[u], c.all = -1, false
			continue
		}
		k := coordinateKey{s.from, s.index, s.kind}
		at, seen := place[k]
		if !seen {
			if at = int32(len(keys)); at == maxCoordinates {
				return nil, false
			}
			place[k] = at
			keys = append(keys, k)
		}
		c.of[u], c.scale[u] = at, s.scale
	}
	return keys, len(keys) > 0
}

// evaluate computes and sorts the coordinates that the sources name, through
// the layers in front and one layer of all coordinates.
func (c *coordinates) evaluate(net *network.Network, x mat.Matrix, l int, sources []unitSource) bool {
	keys, ok := c.assign(sources)
	if !ok {
		return false
	}
	_, in := net.Layers[l].Map.Dims()
	w := network.NewDense(len(keys), in, make([]float64, len(keys)*in))
	for r, k := range keys {
		if k.kind == ofInput {
			w.Row(r)[k.index] = 1
		} else {
			copy(w.Row(r), k.from.Row(int(k.index)))
		}
	}
	prefix := append(append([]network.Layer(nil), net.Layers[:l]...), network.Layer{Map: w})
	read := network.Network{Layers: prefix, Precision: net.Precision}
	c.t = make([][]float64, len(keys))
	for k := range c.t {
		c.t[k] = make([]float64, c.n)
	}
	eachBlock(&read, x, l, max(1, blockElements/read.Layers[l].Width()), func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		for r := 0; r < rows; r++ {
			for k, v := range block.RawRowView(r) {
				c.t[k][from+r] = v
			}
		}
	})
	c.sort()
	return true
}

// sort orders the rows along every coordinate, ties by row.
func (c *coordinates) sort() {
	c.order, c.ascending = make([][]int32, len(c.t)), make([][]float64, len(c.t))
	var wait sync.WaitGroup
	for k, t := range c.t {
		wait.Go(func() {
			order, ascending := make([]int32, c.n), make([]float64, c.n)
			for i := range order {
				order[i] = int32(i)
			}
			slices.SortFunc(order, func(a, b int32) int {
				return cmp.Or(cmp.Compare(t[a], t[b]), cmp.Compare(a, b))
			})
			for r, i := range order {
				ascending[r] = t[i]
			}
			c.order[k], c.ascending[k] = order, ascending
		})
	}
	wait.Wait()
}

// value returns the output of unit u where its coordinate is t, rounded after
// every operation as the network's arithmetic does.
func (c *coordinates) value(u int, t float64) float64 {
	product := c.precision.Round(float64(c.scale[u] * t))
	return max(c.precision.Round(product+c.bias[u]), 0)
}

// sorted returns the r-th smallest value of coordinate k.
func (c *coordinates) sorted(k int32, r int) float64 { return c.ascending[k][r] }

// firstAt returns the number of rows whose coordinate k is below t.
func (c *coordinates) firstAt(k int32, t float64) int {
	return sort.SearchFloat64s(c.ascending[k], t)
}
