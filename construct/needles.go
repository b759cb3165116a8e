package construct

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Needles (C12b): a smooth base, exact on the data.
//
//	f(x) = base(x) + sum_i r_i gate_i(x),    r_i = y_i - base(x_i)
//
// The base (smoothbase.go) is fitted for what it does off the data. The gates
// (gates.go) are 1 on their own row and exactly 0 on every other, and slivers of
// width near rounding around it, so f hits every row and equals the base
// everywhere else. That is why interpolation does no harm here: the least-norm
// exact solution on the same features chases the noise all over the space.
// "Spiky-smooth" interpolation, Haas et al. 2023, arXiv 2305.14077.
//
//	layer 1   m features of the base | 2 q n ramps of the gates
//	layer 2   base_k + B, awake on all data | n gates
//	layer 3   base_k + B + sum_i r_ik gate_i - B
//
// On a row the last layer sums three terms, so the error is the rounding of the
// base: about m eps sum_j |a_j phi_j| for any order of summation. The fit keeps
// that below the tolerance, by fewer features and a stronger ridge where it
// must: in float32 that leaves little of the base.
//
// Off the data the base is cut off where it falls targetPad of the range below
// its least value on the data: a unit is a ReLU.

func init() {
	register(&Construction{
		Name:   "needles",
		Title:  "a smooth base chosen on held-out rows, and a sliver around each row that makes it exact",
		Source: "spiky-smooth interpolation, Haas et al. 2023, arXiv 2305.14077, with plateau gates",
		Plan:   planNeedles,
		Build:  buildNeedles,
	})
}

// needlesShare is the part of the tolerance that the base's rounding may use.
const needlesShare = 0.9

// needlesAim is the error aimed at when the tolerance would allow more: fits on
// tables need less than that.
const needlesAim = 1e-8

func planNeedles(p *Problem) (Size, error) {
	n, d, outputs := p.Set.N(), p.Set.D(), p.Set.P()
	if _, err := newShift(p).needlesLimit(p); err != nil {
		return Size{}, err
	}
	m := int(min(baseFeatures, math.Sqrt(baseFlops/float64(n)), 2*float64(n)))
	support := 2
	if d > splitInputs {
		support = wideSupport
	}
	q := likelyProjections(n, d, p.Precision)
	return Size{
		HiddenLayers: 2,
		Units:        m + outputs + (2*q+1)*n,
		Parameters:   2*d + m*(support+1+outputs) + q*d + 6*q*n + n + n*outputs,
		Estimated:    true,
		Error:        min(needlesAim, needlesShare*allowedError(p)),
	}, nil
}

// needlesLimit returns the largest rounding error of the base, in units of z.
func (t *shift) needlesLimit(p *Problem) (float64, error) {
	aim := min(needlesShare*allowedError(p), needlesAim)
	if p.Precision == network.Float32 {
		aim = needlesShare * allowedError(p)
	}
	limits, err := t.limits("needles", p, aim)
	if err != nil {
		return 0, err
	}
	return slices.Min(limits), nil
}

func buildNeedles(p *Problem) (*network.Network, error) {
	scale, x := inputLayer(p)
	target := newShift(p)
	limit, err := target.needlesLimit(p)
	if err != nil {
		return nil, err
	}
	g, err := plateauGates("needles", p, x, true)
	if err != nil {
		return nil, err
	}
	base, values := fitBase(p, x, target.z, limit)
	ramps, rampBias := g.ramps()
	plateaus, gateBias := g.plateaus()
	sums, lift := base.layer(values, target.pad)
	bias := make([]float64, 0, len(base.features.theta)+len(rampBias))
	for _, theta := range base.features.theta {
		bias = append(bias, -theta)
	}
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		scale,
		{Map: &network.Stack{Maps: []network.Map{base.features.w, ramps}}, Bias: append(bias, rampBias...), Act: network.ReLU, Name: "features"},
		{Map: &network.Blocks{Maps: []network.Map{sums.Map, plateaus}}, Bias: slices.Concat(sums.Bias, gateBias), Act: network.ReLU, Name: "gates"},
		target.correct(p, values, lift),
	}}
	net.Round()
	return net, net.Validate()
}

// layer returns the part of layer 2 that makes the base, and its lift: the
// constants that keep it awake on all data.
func (b *smoothBase) layer(values *mat.Dense, pad []float64) (sums network.Layer, lift []float64) {
	p, m := b.w.Dims()
	w := network.NewDense(p, m-1, make([]float64, p*(m-1)))
	sums = network.Layer{Map: w, Bias: make([]float64, p)}
	lift = make([]float64, p)
	for k := range p {
		copy(w.Row(k), b.w.RawRowView(k)[:m-1])
		constant := b.w.At(k, m-1)
		least := mat.Min(values.ColView(k))
		sums.Bias[k] = b.features.precision.Round(constant + shortest(max(0, pad[k]-least)+pad[k]))
		lift[k] = sums.Bias[k] - constant
	}
	return sums, lift
}

// correct returns the output layer: the base, lifted by lift, and the residuals
// on the gates.
func (t *shift) correct(p *Problem, values *mat.Dense, lift []float64) network.Layer {
	n, outputs := values.Dims()
	w := network.NewDense(outputs, outputs+n, make([]float64, outputs*(outputs+n)))
	bias := make([]float64, outputs)
	for k, factor := range t.factor {
		bias[k] = p.Precision.Round(t.bias[k] - factor*lift[k])
		row := w.Row(k)
		row[k] = factor
		for i := range n {
			row[outputs+i] = p.Precision.Round((p.Set.Y.At(i, k) - bias[k]) - factor*(values.At(i, k)+lift[k]))
		}
	}
	return network.Layer{Map: w, Bias: bias, Name: "output"}
}
