package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// A maker draws random networks of every kind of map. Its number function
// decides what can be said of the results: small integers make every sum exact,
// so that all runtimes must agree bit for bit.
type maker struct {
	*rand.Rand
	number func() float64
}

func newMaker(seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 7))}
	m.number = func() float64 { return float64(m.IntN(7) - 3) }
	return m
}

// awkward draws numbers of all sizes that float32 holds, both zeros among them.
func (m *maker) awkward() float64 {
	switch m.IntN(8) {
	case 0:
		return 0
	case 1:
		return math.Copysign(0, -1)
	case 2:
		return float64(math.Float32frombits(1 + m.Uint32N(1000)))
	}
	return float64(float32(m.NormFloat64() * math.Exp(10*m.NormFloat64())))
}

func (m *maker) numbers(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = m.number()
	}
	return v
}

// inputs draws a table of n rows.
func (m *maker) inputs(n, d int) *mat.Dense { return mat.NewDense(n, d, m.numbers(n*d)) }

// network draws a chain of one to five layers.
func (m *maker) network(prec network.Precision) *network.Network {
	net := &network.Network{Precision: prec, Meta: map[string]string{"schema": `{"task":"regression"}`, "a": "Ümlaut"}}
	in := 1 + m.IntN(6)
	for i := range 1 + m.IntN(5) {
		l := network.Layer{Map: m.mapping(in, 3), Name: []string{"", "gate", "scale", fmt.Sprint("layer", i), "x"}[m.IntN(5)]}
		if m.IntN(3) > 0 {
			l.Bias = m.numbers(l.Width())
		}
		if m.IntN(2) == 0 {
			l.Act = network.ReLU
		}
		net.Layers = append(net.Layers, l)
		in = l.Width()
	}
	return net
}

// mapping draws a map of in inputs, nested at most depth deep.
func (m *maker) mapping(in, depth int) network.Map {
	switch k := m.IntN(9); {
	case k == 0:
		return &network.Diagonal{D: m.numbers(in)}
	case k == 1:
		return m.sparse(in, 1+m.IntN(8))
	case k <= 3:
		return m.projected(in)
	case k == 4 && depth > 0:
		s := &network.Stack{}
		for range 1 + m.IntN(4) {
			s.Maps = append(s.Maps, m.mapping(in, depth-1))
		}
		return s
	case k <= 6 && depth > 0:
		return m.sum(in, depth)
	case k == 7 && depth > 0:
		b := &network.Blocks{}
		for in > 0 {
			width := 1 + m.IntN(in)
			b.Maps = append(b.Maps, m.mapping(width, depth-1))
			in -= width
		}
		return b
	}
	return m.dense(in, 1+m.IntN(8))
}

func (m *maker) dense(in, out int) *network.Dense {
	return network.NewDense(out, in, m.numbers(out*in))
}

// sum draws the sum of maps of one width, of all kinds that can have it.
func (m *maker) sum(in, depth int) network.Map {
	parts := []int{in}
	if cut := m.IntN(in); cut > 0 {
		parts = []int{cut, in - cut}
	}
	if in%3 == 0 {
		parts = []int{in / 3, in / 3, in / 3}
	}
	first := m.mapping(parts[0], depth-1)
	out, _ := first.Dims()
	s := &network.Sum{Maps: []network.Map{first}}
	for _, width := range parts[1:] {
		switch {
		case width == out && m.IntN(2) == 0:
			s.Maps = append(s.Maps, &network.Diagonal{D: m.numbers(out)})
		case m.IntN(2) == 0:
			s.Maps = append(s.Maps, m.sparse(width, out))
		default:
			s.Maps = append(s.Maps, m.dense(width, out))
		}
	}
	return s
}

// sparse draws a map whose rows have few entries, some of them 0.
func (m *maker) sparse(in, out int) *network.Sparse {
	s := &network.Sparse{Out: out, In: in, RowPtr: []int{0}}
	for range out {
		for j := range in {
			if m.IntN(in) < 2 && m.IntN(2) == 0 {
				s.Col, s.Val = append(s.Col, int32(j)), append(s.Val, m.number())
			}
		}
		s.RowPtr = append(s.RowPtr, len(s.Col))
	}
	return s
}

// projected draws a map along a few directions: in runs, or at random.
func (m *maker) projected(in int) *network.Projected {
	q, run := 1+m.IntN(3), 1+m.IntN(5)
	if m.IntN(4) == 0 {
		run = 40
	}
	p := &network.Projected{P: m.dense(in, q)}
	for k := range 2 * q {
		for range run {
			pick := k % q
			if m.IntN(20*run) == 0 {
				pick = m.IntN(q)
			}
			p.Pick = append(p.Pick, int32(pick))
		}
	}
	p.Scale = m.numbers(len(p.Pick))
	return p
}

// lookup builds by hand the bit-exact lookup of n labels (n x p) at the points
// 1, 2, ..., n along q equal directions: 2qn units in 2q runs, n gates that are
// each 1 at their own point and 0 at all others, and the labels.
func lookup(labels *mat.Dense, q int, prec network.Precision) *network.Network {
	n, p := labels.Dims()
	edges := &network.Projected{P: network.NewDense(q, 1, ones(q))}
	var bias []float64
	gates := &network.Sum{}
	for k := range 2 * q {
		sign := float64(1 - 2*(k%2)) // above the point, below it
		for i := range n {
			edges.Pick = append(edges.Pick, int32(k/2))
			edges.Scale = append(edges.Scale, 4*sign)
			bias = append(bias, -4*sign*float64(i+1)-1)
		}
		gates.Maps = append(gates.Maps, &network.Diagonal{D: scaled(ones(n), -1)})
	}
	values := network.NewDense(p, n, make([]float64, n*p))
	for i := range n {
		for j := range p {
			values.W[j*n+i] = prec.Round(labels.At(i, j))
		}
	}
	return &network.Network{Precision: prec, Layers: []network.Layer{
		{Map: &network.Diagonal{D: []float64{1}}, Bias: []float64{0}, Name: "scale"},
		{Map: edges, Bias: bias, Act: network.ReLU, Name: "edges"},
		{Map: gates, Bias: ones(n), Act: network.ReLU, Name: "gates"},
		{Map: values, Name: "labels"},
	}}
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

func scaled(v []float64, f float64) []float64 {
	for i := range v {
		v[i] *= f
	}
	return v
}
