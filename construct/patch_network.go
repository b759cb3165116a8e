package construct

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// PatchNetwork corrects a classifier that someone else made: it adds bumps (see
// [bump]) to the last hidden layer of net until every row of the problem's Set
// has its class, with a margin, and returns the corrected network and the number
// of rows that were wrong or too close to call. What the network says on the
// other rows moves by rounding errors only, within a half of their margins.
//
// The hyperplanes of the bumps live in the space of the layer's inputs, so a bump
// corrects up to as many rows as that layer has inputs, three units for one
// value each, five for two. The arithmetic of the problem is that of the bumps:
// in float32 hyperplanes are seldom clear of tens of thousands of rows.
//
// It returns an [*UnfitError] when net has no hidden layer before an affine last
// one, when more units than half the rows would be needed, or when some rows
// cannot be told from others in this arithmetic.
func PatchNetwork(p *Problem, net *network.Network) (*network.Network, int, error) {
	p = withDefaults(p)
	last := net.LastHidden()
	if !p.Set.IsClasses() {
		return nil, 0, patchUnfit("it corrects classes, not numbers", "let the residuals be built beside the network")
	}
	if last < 0 || last != len(net.Layers)-2 {
		return nil, 0, patchUnfit("bumps need a hidden layer with one affine layer behind it", "merge the affine layers at the end first")
	}
	wide := *net
	wide.Precision = network.Float64
	before := wide
	before.Layers = net.Layers[:last]
	x := p.Set.X
	if last > 0 {
		x = before.Forward(p.Set.X)
	}
	scaled, scale := scaleColumns(x)
	rows := newDeltaRows(scaled)
	base := &patchBase{units: network.NewDense(net.Layers[last].Width(), rows.d, make([]float64, net.Layers[last].Width()*rows.d)), f: wide.Forward(p.Set.X)}
	t := newPatcher(p, rows, scaled, base, 0)
	wrong := len(t.wrong())
	bumps, err := t.correct(base)
	if err != nil {
		return nil, wrong, err
	}
	patched := net.AddUnits(last, newUnits(bumps, scale))
	patched.Precision = p.Precision
	patched.Round()
	return patched, wrong, verifyPatch(p, patched)
}

// scaleColumns returns x with every column divided by a power of two that brings
// its largest entry to about 1, and the factors.
func scaleColumns(x *mat.Dense) (scaled *mat.Dense, scale []float64) {
	n, d := x.Dims()
	scale = make([]float64, d)
	for i := range n {
		for j, v := range x.RawRowView(i) {
			scale[j] = max(scale[j], math.Abs(v))
		}
	}
	for j, v := range scale {
		_, exp := math.Frexp(v)
		scale[j] = math.Ldexp(1, -exp)
		if v == 0 {
			scale[j] = 1
		}
	}
	scaled = mat.NewDense(n, d, nil)
	for i := range n {
		row := scaled.RawRowView(i)
		for j, v := range x.RawRowView(i) {
			row[j] = scale[j] * v
		}
	}
	return scaled, scale
}

// newUnits returns the units of bumps over scaled columns, for columns as they
// are.
func newUnits(bumps []*bump, scale []float64) network.New {
	units := network.New{Merged: true}
	for _, b := range bumps {
		w, out := b.units()
		for u := range w {
			row := w[u][:len(scale):len(scale)]
			for j, s := range scale {
				row[j] *= s
			}
			units.W = append(units.W, row)
			units.Bias = append(units.Bias, w[u][len(scale)])
			units.Out = append(units.Out, out[u])
		}
	}
	return units
}
