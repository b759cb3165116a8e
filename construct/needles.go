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
// must: in float32 that is a hundred features or so, and not thousands.
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
	units := base.units(values, target.pad)
	bias := make([]float64, 0, len(base.features.theta)+len(rampBias))
	for _, theta := range base.features.theta {
		bias = append(bias, -theta)
	}
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		scale,
		{Map: &network.Stack{Maps: []network.Map{base.features.w, ramps}}, Bias: append(bias, rampBias...), Act: network.ReLU, Name: "features"},
		{Map: &network.Blocks{Maps: []network.Map{units.layer.Map, plateaus}}, Bias: slices.Concat(units.layer.Bias, gateBias), Act: network.ReLU, Name: "gates"},
		target.correct(p, values, units),
	}}
	net.Round()
	return net, net.Validate()
}

// baseUnits is the part of layer 2 that makes the base: base_k is the sum of the
// units times sign[k] - lift[k].
type baseUnits struct {
	layer network.Layer
	sign  *mat.Dense // p x units
	lift  []float64  // p
}

// units returns the units of the base, one for each output, lifted by pad above 0
// on the rows. In float32, for a single output, there are several: each sums
// about sqrt(m) features whose weights have one sign, so that it needs no lift,
// and rounds sqrt(m) times instead of m times. The features are put in that
// order first.
func (b *smoothBase) units(values *mat.Dense, pad []float64) *baseUnits {
	p, m := b.w.Dims()
	m--
	if b.grouped() {
		return b.groups()
	}
	u := &baseUnits{sign: mat.NewDense(p, p, nil), lift: make([]float64, p)}
	w, bias := network.NewDense(p, m, make([]float64, p*m)), make([]float64, p)
	for k := range p {
		copy(w.Row(k), b.w.RawRowView(k)[:m])
		constant, least := b.w.At(k, m), mat.Min(values.ColView(k))
		bias[k] = b.features.precision.Round(constant + shortest(max(0, pad[k]-least)+pad[k]))
		u.lift[k] = bias[k] - constant
		u.sign.Set(k, k, 1)
	}
	u.layer = network.Layer{Map: w, Bias: bias}
	return u
}

func (b *smoothBase) groups() *baseUnits {
	m := len(b.features.theta)
	w := b.w.RawRowView(0)
	order := make([]int, m)
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case w[i] >= 0 && w[j] < 0:
			return -1
		case w[i] < 0 && w[j] >= 0:
			return 1
		}
		return 0
	})
	b.features = b.features.selected(order)
	sum := &network.Sparse{In: m, RowPtr: []int{0}}
	var signs []float64
	for at, j := range order {
		sign := 1.0
		if w[j] < 0 {
			sign = -1
		}
		if at == 0 || sign != signs[len(signs)-1] || at-sum.RowPtr[len(signs)-1] == groupSize(m) {
			if at > 0 {
				sum.RowPtr = append(sum.RowPtr, at)
			}
			signs = append(signs, sign)
		}
		sum.Col, sum.Val = append(sum.Col, int32(at)), append(sum.Val, math.Abs(w[j]))
	}
	sum.RowPtr, sum.Out = append(sum.RowPtr, m), len(signs)
	return &baseUnits{
		layer: network.Layer{Map: sum, Bias: make([]float64, len(signs))},
		sign:  mat.NewDense(1, len(signs), signs),
		lift:  []float64{-w[m]},
	}
}

// correct returns the output layer: the base, and the residuals on the gates.
func (t *shift) correct(p *Problem, values *mat.Dense, base *baseUnits) network.Layer {
	n, outputs := values.Dims()
	_, units := base.sign.Dims()
	w := network.NewDense(outputs, units+n, make([]float64, outputs*(units+n)))
	bias := make([]float64, outputs)
	for k, factor := range t.factor {
		bias[k] = p.Precision.Round(t.bias[k] - factor*base.lift[k])
		row := w.Row(k)
		for u := range units {
			row[u] = factor * base.sign.At(k, u)
		}
		for i := range n {
			row[units+i] = p.Precision.Round((p.Set.Y.At(i, k) - bias[k]) - factor*(values.At(i, k)+base.lift[k]))
		}
	}
	return network.Layer{Map: w, Bias: bias, Name: "output"}
}
