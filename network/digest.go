package network

import "hinge/internal/digest"

// Digest returns the SHA-256 of everything that decides the network's outputs:
// precision, structure, and every weight and bias, bit by bit. Names and Meta
// do not count.
func (n *Network) Digest() [32]byte {
	d := digest.New()
	d.Number(uint64(n.Precision))
	d.Number(uint64(len(n.Layers)))
	for _, l := range n.Layers {
		digestMap(d, l.Map)
		d.Floats(l.Bias)
		d.Number(uint64(l.Act))
	}
	return d.Sum()
}

// digestMap adds the kind, the shape and the numbers of m.
func digestMap(d *digest.Digest, m Map) {
	out, in := m.Dims()
	d.Text(m.String())
	d.Number(uint64(out))
	d.Number(uint64(in))
	switch m := m.(type) {
	case *Dense:
		d.Floats(m.W)
	case *Sparse:
		for _, p := range m.RowPtr {
			d.Number(uint64(p))
		}
		for _, c := range m.Col {
			d.Number(uint64(c))
		}
		d.Floats(m.Val)
	case *Diagonal:
		d.Floats(m.D)
	case *Projected:
		d.Floats(m.P.W)
		for _, k := range m.Pick {
			d.Number(uint64(k))
		}
		d.Floats(m.Scale)
	case *Stack:
		for _, part := range m.Maps {
			digestMap(d, part)
		}
	case *Sum:
		for _, part := range m.Maps {
			digestMap(d, part)
		}
	case *Blocks:
		for _, part := range m.Maps {
			digestMap(d, part)
		}
	}
}
