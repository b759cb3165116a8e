package edit

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
	"hinge/phi"
)

// Which units the next layer can do best without.
//
// Let F = [Phi 1] A be what the next layer computes from a layer before its own
// activation. Removing unit j and solving the other weights anew costs
//
//	min |F - [Phi 1] A'|^2 over A' with row j zero  =  |a_j|^2 / (G^-1)_jj,   G = [Phi 1]^T [Phi 1],
//
// with A' = A - (G^-1)_.j a_j / (G^-1)_jj (Hassibi and Stork 1993, the optimal brain
// surgeon, here for a layer whose loss is exactly quadratic). Taking the cheapest
// unit away again and again orders all units by how well they can be spared. Each
// step updates G^-1 by a matrix of rank one: O(m^3) in all, however many rows.
type surgeon struct {
	r     *mat.Dense // a factor of G, columns of the units and then of 1
	order []int      // the units, the first to go first
	want  *mat.Dense // r A: what the next layer shall compute
}

// surgeonRidge is added to the diagonal of G, relative to its mean, so that it
// has an inverse: what it distorts is far below what removing a unit does.
const surgeonRidge = 1e-10

// newSurgeon orders the units of layer at of net by how well they can be spared
// when the layer behind shall compute from them what it computes from those of
// target, the same layer of another network; target may be net.
func newSurgeon(net, target *network.Network, x *mat.Dense, at int) (*surgeon, error) {
	m, err := phi.Build(net, x, at, phiOptions(0))
	if err != nil {
		return nil, err
	}
	s := &surgeon{}
	if s.r, err = m.Reduced(); err != nil {
		return nil, err
	}
	a, err := readWeights(target, at+1)
	if err != nil {
		return nil, err
	}
	s.want = &mat.Dense{}
	s.want.Mul(s.r, a)
	s.order, err = s.spare(mat.DenseCopyOf(a))
	return s, err
}

// readWeights returns the weights of a layer as columns, (m+1) x p, the biases
// last.
func readWeights(net *network.Network, l int) (*mat.Dense, error) {
	d, err := asDense(net.Layers[l].Map)
	if err != nil {
		return nil, err
	}
	a := mat.NewDense(d.In+1, d.Out, nil)
	for o := range d.Out {
		for j, w := range d.Row(o) {
			a.Set(j, o, w)
		}
		if net.Layers[l].Bias != nil {
			a.Set(d.In, o, net.Layers[l].Bias[o])
		}
	}
	return a, nil
}

// spare returns the order in which units go.
func (s *surgeon) spare(a *mat.Dense) ([]int, error) {
	_, size := s.r.Dims()
	inverse, err := s.inverse()
	if err != nil {
		return nil, err
	}
	left := make([]int, size-1)
	for j := range left {
		left[j] = j
	}
	var order []int
	for len(left) > 0 {
		best, least := 0, math.Inf(1)
		for k, j := range left {
			row := a.RawRowView(j)
			cost := 0.0
			for _, v := range row {
				cost += v * v
			}
			if cost /= inverse.At(j, j); cost < least {
				best, least = k, cost
			}
		}
		j := left[best]
		left = slices.Delete(left, best, best+1)
		order = append(order, j)
		remove(inverse, a, j, append(slices.Clone(left), size-1))
	}
	return order, nil
}

func (s *surgeon) inverse() (*mat.SymDense, error) {
	_, size := s.r.Dims()
	g := mat.NewSymDense(size, nil)
	g.SymOuterK(1, s.r.T())
	ridge := surgeonRidge * mat.Trace(g) / float64(size)
	for j := range size {
		g.SetSym(j, j, g.At(j, j)+ridge)
	}
	var chol mat.Cholesky
	if !chol.Factorize(g) {
		return nil, errors.New("the Gram matrix of the layer's outputs cannot be inverted")
	}
	var inverse mat.SymDense
	if err := chol.InverseTo(&inverse); err != nil {
		var poor mat.Condition
		if !errors.As(err, &poor) {
			return nil, err
		}
	}
	return &inverse, nil
}

// remove takes unit j out of the inverse Gram matrix and the weights of the
// units that are left.
func remove(inverse *mat.SymDense, a *mat.Dense, j int, left []int) {
	pivot := inverse.At(j, j)
	column := make([]float64, len(left))
	gone := slices.Clone(a.RawRowView(j))
	for k, i := range left {
		column[k] = inverse.At(i, j)
		row := a.RawRowView(i)
		for o, v := range gone {
			row[o] -= column[k] / pivot * v
		}
	}
	raw := inverse.RawSymmetric()
	for k, i := range left {
		c := column[k] / pivot
		for q := k; q < len(left); q++ {
			lo, hi := min(i, left[q]), max(i, left[q])
			raw.Data[lo*raw.Stride+hi] -= c * column[q]
		}
	}
}

// keep returns the layer and the one behind it with only the last count units to
// go, and the weights behind solved anew.
func (s *surgeon) keep(net *network.Network, at, count int) (*network.Network, error) {
	units := slices.Sorted(slices.Values(s.order[len(s.order)-count:]))
	var qr mat.QR
	qr.Factorize(columns(s.r, append(slices.Clone(units), len(s.order))))
	var a mat.Dense
	if err := qr.SolveTo(&a, false, s.want); err != nil {
		var poor mat.Condition
		if !errors.As(err, &poor) {
			return nil, err
		}
	}
	d := &fold{keep: units}
	small := d.chosen(net, at)
	_, p := a.Dims()
	w := network.NewDense(p, count, make([]float64, p*count))
	bias := make([]float64, p)
	for o := range p {
		for k := range count {
			w.Row(o)[k] = a.At(k, o)
		}
		bias[o] = a.At(count, o)
	}
	small.Layers[at+1].Map, small.Layers[at+1].Bias = w, bias
	small.Round()
	return small, nil
}
