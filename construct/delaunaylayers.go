package construct

import (
	"slices"

	"hinge/network"
)

// The layers of the delaunay construction; see delaunay.go.

// termRows builds a Sparse map row by row.
type termRows struct {
	ptr []int
	col []int32
	val []float64
}

// row adds a row with the weight plus on some units and minus its opposite on others.
func (r *termRows) row(plus, minus []int32) int32 {
	if len(r.ptr) == 0 {
		r.ptr = []int{0}
	}
	from := len(r.col)
	add := func(u int32, w float64) {
		r.col, r.val = append(r.col, u), append(r.val, w)
		for k := len(r.col) - 1; k > from && r.col[k-1] > r.col[k]; k-- {
			r.col[k], r.col[k-1] = r.col[k-1], r.col[k]
			r.val[k], r.val[k-1] = r.val[k-1], r.val[k]
		}
	}
	for _, u := range plus {
		add(u, 1)
	}
	for _, u := range minus {
		add(u, -1)
	}
	r.ptr = append(r.ptr, len(r.col))
	return int32(len(r.ptr) - 2)
}

func (r *termRows) layer(in int, name string) network.Layer {
	m := &network.Sparse{Out: len(r.ptr) - 1, In: in, RowPtr: r.ptr, Col: r.col, Val: r.val}
	return network.Layer{Map: m, Act: network.ReLU, Name: name}
}

// network makes the network of the hats.
func (c *cloud) network(p *Problem, hats []hat) *network.Network {
	net := &network.Network{Precision: p.Precision}
	net.Layers = append(net.Layers, network.Layer{Map: &network.Diagonal{D: c.scale}, Name: "scale"}, c.offsets(p.Set.D()))
	pieces, groups := c.pieces(hats)
	net.Layers = append(net.Layers, pieces)
	net.Layers, groups = tournament(net.Layers, groups)

	// 1 - g_i, clipped, for every set, then grouped by hat.
	var clipped termRows
	var sets [][]int32
	at := 0
	for _, h := range hats {
		var group []int32
		for range h.sets {
			group = append(group, clipped.row(nil, groups[at]))
			at++
		}
		sets = append(sets, group)
	}
	layer := clipped.layer(net.Layers[len(net.Layers)-1].Width(), "sets")
	layer.Bias = slices.Repeat([]float64{1}, at)
	net.Layers = append(net.Layers, layer)
	net.Layers, _ = tournament(net.Layers, sets)
	net.Layers[len(net.Layers)-1].Name = "hats"
	net.Layers = append(net.Layers, c.values(p))
	return net
}

// offsets returns the layer of the halves of x - v: for every vertex and input
// s(x - v), s(v - x).
func (c *cloud) offsets(inputs int) network.Layer {
	m := &network.Projected{P: network.NewDense(c.d, inputs, make([]float64, c.d*inputs))}
	for k, j := range c.inputs {
		m.P.Row(k)[j] = 1
	}
	bias := make([]float64, 0, 2*c.d*len(c.row))
	for _, i := range c.row {
		for k, v := range c.tri.Point(int32(i)) {
			m.Pick, m.Scale = append(m.Pick, int32(k), int32(k)), append(m.Scale, 1, -1)
			bias = append(bias, -v, v)
		}
	}
	return network.Layer{Map: m, Bias: bias, Act: network.ReLU, Name: "offsets"}
}

// pieces returns the layer of the z that are in some set, and for every set of
// every hat its pieces.
func (c *cloud) pieces(hats []hat) (network.Layer, [][]int32) {
	m := &network.Sparse{In: 2 * c.d * len(hats), RowPtr: []int{0}}
	var groups [][]int32
	for i, h := range hats {
		unit := make([]int32, len(h.w)/c.d)
		for _, set := range h.sets {
			var group []int32
			for _, j := range set {
				if unit[j] == 0 {
					unit[j] = int32(len(m.RowPtr)) // its index plus one
					for k, w := range h.w[int(j)*c.d : (int(j)+1)*c.d] {
						if w != 0 {
							half := int32(2 * (c.d*i + k))
							m.Col, m.Val = append(m.Col, half, half+1), append(m.Val, w, -w)
						}
					}
					m.RowPtr = append(m.RowPtr, len(m.Col))
				}
				group = append(group, unit[j]-1)
			}
			groups = append(groups, group)
		}
	}
	m.Out = len(m.RowPtr) - 1
	return network.Layer{Map: m, Act: network.ReLU, Name: "pieces"}, groups
}

// tournament adds layers until every group of units is one unit, the largest of
// them: max(a, b) = a + s(b - a) for a, b >= 0, two layers a round.
func tournament(layers []network.Layer, groups [][]int32) ([]network.Layer, [][]int32) {
	for {
		most := 0
		for _, g := range groups {
			most = max(most, len(g))
		}
		if most <= 1 {
			return layers, groups
		}
		var excess, largest termRows
		next := make([][]int32, len(groups))
		for i, g := range groups {
			for ; len(g) > 1; g = g[2:] {
				a := excess.row(g[:1], nil)
				next[i] = append(next[i], largest.row([]int32{a, excess.row(g[1:2], g[:1])}, nil))
			}
			if len(g) == 1 {
				next[i] = append(next[i], largest.row([]int32{excess.row(g, nil)}, nil))
			}
		}
		layers = append(layers, excess.layer(layers[len(layers)-1].Width(), "excess"))
		layers = append(layers, largest.layer(layers[len(layers)-1].Width(), "largest"))
		groups = next
	}
}

// values returns the output layer: targets minus the value beyond the hull.
func (c *cloud) values(p *Problem) network.Layer {
	m := &network.Sparse{Out: p.Set.P(), In: len(c.row), RowPtr: []int{0}}
	for j, outer := range c.outer {
		for v, i := range c.row {
			if y := p.Precision.Round(p.Set.Y.At(i, j) - outer); y != 0 {
				m.Col, m.Val = append(m.Col, int32(v)), append(m.Val, y)
			}
		}
		m.RowPtr = append(m.RowPtr, len(m.Col))
	}
	return network.Layer{Map: m, Bias: c.outer, Name: "values"}
}
