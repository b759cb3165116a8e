package construct

import (
	"math"

	"hinge/network"
)

// The layers of collapse. Layer l holds, in this order, u and v (as long as a
// later gate needs them), e_1..e_{l-1}, and the gate a_l.

// network returns the chain for the stages found.
func (c *collapser) network(scale network.Layer) *network.Network {
	net := &network.Network{Precision: c.p.Precision, Layers: []network.Layer{scale, c.first()}}
	for l := 1; l < len(c.stages); l++ {
		net.Layers = append(net.Layers, c.middle(l))
	}
	net.Layers = append(net.Layers, c.flags(), c.output())
	net.Round()
	return net
}

// sparseRows gathers a sparse map row by row.
type sparseRows struct {
	network.Sparse
	bias []float64
}

func newSparseRows(in int) *sparseRows {
	return &sparseRows{Sparse: network.Sparse{In: in, RowPtr: []int{0}}}
}

// row ends a row of the entries added since the last one.
func (s *sparseRows) row(bias float64) {
	s.Out++
	s.RowPtr = append(s.RowPtr, len(s.Col))
	s.bias = append(s.bias, bias)
}

// entry adds an entry; columns must ascend within a row.
func (s *sparseRows) entry(column int, value float64) {
	if value != 0 {
		s.Col, s.Val = append(s.Col, int32(column)), append(s.Val, value)
	}
}

func (s *sparseRows) layer(name string) network.Layer {
	return network.Layer{Map: &s.Sparse, Bias: s.bias, Act: network.ReLU, Name: name}
}

// first returns layer 1: u, v and the first gate, on the scaled inputs.
func (c *collapser) first() network.Layer {
	d := len(c.ref)
	m := newSparseRows(d)
	if len(c.stages) > 1 {
		for _, sign := range []float64{1, -1} {
			for j, r := range c.ref {
				m.entry(j, sign)
				m.row(-sign * r)
			}
		}
	}
	s := &c.stages[0]
	bias := s.b
	for j, w := range s.w {
		m.entry(j, w)
		bias -= float64(w * c.ref[j])
	}
	m.row(bias)
	return m.layer("gate")
}

// middle returns layer l+1: what was u, v, e_1..e_{l-1}, a_l becomes, with class l
// collapsed, u, v, e_1..e_l, a_{l+1}.
func (c *collapser) middle(l int) network.Layer {
	d := len(c.ref)
	gate := 2*d + l - 1 // a_l
	m := newSparseRows(gate + 1)
	last := l == len(c.stages)-1 // no later gate needs u and v
	if !last {
		reach := c.reach(c.stages[l-1].class)
		for side := range 2 {
			for j := range d {
				m.entry(side*d+j, 1)
				m.entry(gate, -reach[j])
				m.row(0)
			}
		}
	}
	for e := range l - 1 {
		m.entry(2*d+e, 1)
		m.row(0)
	}
	m.entry(gate, -1) // e_l
	m.row(1)
	s := &c.stages[l]
	for side, sign := range []float64{1, -1} {
		for j, w := range s.w {
			m.entry(side*d+j, sign*w)
		}
	}
	most := 1.0 // the gate must sleep on the class that is just collapsing
	for i, own := range c.p.Set.Class {
		if own == c.stages[l-1].class {
			_, size := s.at(c.x.RawRowView(i), c.ref)
			most = max(most, size)
		}
	}
	m.entry(gate, -powerOfTwoAbove(2*most))
	m.row(s.b)
	return m.layer("gate")
}

// reach returns for every input a power of two above 2 |x - r| over the rows of
// a class.
func (c *collapser) reach(class int) []float64 {
	reach := make([]float64, len(c.ref))
	for i, own := range c.p.Set.Class {
		if own != class {
			continue
		}
		for j, v := range c.x.RawRowView(i) {
			reach[j] = max(reach[j], 2*math.Abs(v-c.ref[j]))
		}
	}
	for j, v := range reach {
		reach[j] = powerOfTwoAbove(v)
	}
	return reach
}

// flags returns the last hidden layer: e_1..e_K of the K stages.
func (c *collapser) flags() network.Layer {
	k := len(c.stages)
	m := newSparseRows(k)
	for e := range k - 1 {
		m.entry(e, 1)
		m.row(0)
	}
	m.entry(k-1, -1)
	m.row(1)
	return m.layer("classes")
}

// output returns 1 - e_l for the class of stage l, 1/2 for the class that stays,
// and -1 for classes without rows.
func (c *collapser) output() network.Layer {
	out := newSparseRows(len(c.stages))
	flag := map[int]int{}
	for l, s := range c.stages {
		flag[s.class] = l
	}
	for class := range c.p.Set.P() {
		switch l, found := flag[class]; {
		case found:
			out.entry(l, -1)
			out.row(1)
		case class == c.last:
			out.row(0.5)
		default:
			out.row(-1)
		}
	}
	layer := out.layer("output")
	layer.Act = network.Identity
	return layer
}
