package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// deep-diagonal: after one layer of full rank, the interpolation matrix is the
// identity.
//
// Layer 1 is hyperplanes through the rows (features.go), as many as give
// rank [H 1] = n. Lemma S (realise.go) then has a layer of n units with Phi = I:
// unit k is 1 on row k and asleep, at -1, on all others. The output weights are
// the labels themselves. One hidden layer has such a matrix only when every row
// is an extreme point of the data's hull; with two it always exists.
//
//	layer 1   s(w_j.x + b_j)        n-1 chosen units, or 1.5 n
//	layer 2   s(z_k)                z_k = 1 on row k, -1 on the others
//	output    sum_k (y_k - c) unit_k + c
//
// Rounding. The error of z is eps times the size of the solution, which the
// condition of H decides; it reaches the output as |y - c| times that. Where this
// is too much, as in float32, one more layer of n units makes the matrix exact:
//
//	layer 2   a_k = s(1/2 - z_k)    exactly 0 on row k, at least 1 elsewhere
//	layer 3   s(1 - a_k)            exactly 1 on row k, exactly 0 elsewhere
//
// which holds for all errors of z below 1/2, since rounding is monotone. The
// stored labels then come back bit for bit.
//
// Cost: O(n^3) operations and 2.5 n^2 numbers, which limits n to some thousands;
// identity does the same in O(n log n) by a better choice of layer 1. The point
// of deep-diagonal is that any first layer of full rank will do.
func init() {
	register(&Construction{
		Name:   "deep-diagonal",
		Title:  "any layer of full rank, then a layer whose interpolation matrix is the identity",
		Source: "the sparse-matrix principle of Huang, arXiv 2208.07498: Lemma S of docs/deep.md",
		Plan:   planDeepDiagonal,
		Build:  buildDeepDiagonal,
	})
}

// snapAt is the largest error of a pre-activation of +-1 for which the third
// layer is relied on: half of it is left to roundings of the layer itself.
const snapAt = 0.25

func planDeepDiagonal(p *Problem) (Size, error) {
	m, choose := featureColumns(p)
	if err := fullRankFits("deep-diagonal", p, m); err != nil {
		return Size{}, err
	}
	n, d, outputs := p.Set.N(), p.Set.D(), p.Set.P()
	if choose {
		m = max(1, n-1)
	}
	size := Size{HiddenLayers: 2, Units: m + n, Estimated: true}
	size.Parameters = 2*d + m*(d+1) + n*(m+1) + n*outputs + outputs
	// As for features, whose solve this is.
	if size.Error = 16 * float64(n) * float64(n) * p.Precision.Eps(); snaps(p, size.Error) {
		size.HiddenLayers, size.Units, size.Parameters, size.Error = 3, m+2*n, size.Parameters+2*n, 0
	}
	return size, nil
}

// snaps reports whether a third hidden layer is called for.
func snaps(p *Problem, bound float64) bool {
	return p.Goal == Bits || !p.Set.IsClasses() && !(bound <= allowedError(p))
}

// fullRankFits refuses problems whose n x m matrices are too large to solve.
func fullRankFits(name string, p *Problem, m int) error {
	err := featuresFit(p, m)
	if unfit, ok := err.(*UnfitError); ok {
		unfit.Construction, unfit.Advice = name, "identity, sphere and deep-slab form no dense matrix of the rows"
	}
	return err
}

func buildDeepDiagonal(p *Problem) (*network.Network, error) {
	n := p.Set.N()
	if n == 1 {
		return constantNetwork(p.Precision, p.Set.D(), p.Set.Y.RawRowView(0)), nil
	}
	input, x := inputLayer(p)
	unit := mat.NewDense(n, n, nil)
	for i := range n {
		unit.Set(i, i, 1)
	}
	m, choose := featureColumns(p)
	rng := rand.New(rand.NewPCG(p.Seed, 0xd1a6))
	reason := ""
	for range oversamplingTries {
		if err := fullRankFits("deep-diagonal", p, m); err != nil {
			if reason == "" {
				return nil, err
			}
			break
		}
		f := drawHyperplanes(p, x, m, rng)
		if choose {
			f = f.spanning()
		}
		next, err := realiseOn("deep-diagonal", p, f, unit)
		if err != nil {
			return nil, err
		}
		if net := next.diagonal(p, input); net != nil {
			return net, nil
		}
		reason = next.reason(p)
		m *= 2
	}
	return nil, &UnfitError{Construction: "deep-diagonal", Reason: reason,
		Advice: "identity and sphere need no solve" + orFloat64(p)}
}

// spanning returns the hyperplanes that pivoted QR picks: with the constant they
// span what all of them do.
func (f *hyperplanes) spanning() *hyperplanes {
	m := len(f.bias)
	qr := factorize(mat.DenseCopyOf(f.phi), m)
	columns := slices.DeleteFunc(slices.Clone(qr.pivot[:qr.rank]), func(j int) bool { return j == m })
	if len(columns) == 0 {
		columns = []int{0}
	}
	slices.Sort(columns)
	n, _ := f.phi.Dims()
	_, d := f.w.Dims()
	k := len(columns)
	g := &hyperplanes{w: mat.NewDense(k, d, nil), bias: make([]float64, k), phi: mat.NewDense(n, k+1, nil), blur: mat.NewDense(n, k, nil)}
	for c, j := range columns {
		g.w.SetRow(c, f.w.RawRowView(j))
		g.bias[c] = f.bias[j]
		for i := range n {
			g.phi.Set(i, c, f.phi.At(i, j))
			g.blur.Set(i, c, f.blur.At(i, j))
		}
	}
	for i := range n {
		g.phi.Set(i, k, 1)
	}
	return g
}

// A secondLayer is a realised layer on hyperplanes, with what rounding can do.
type secondLayer struct {
	first    *hyperplanes
	realised *Realised
	z, doubt *mat.Dense // n x q: pre-activations of the units, and bounds of their errors
}

// realiseOn realises s on the hyperplanes' outputs and bounds the roundings of
// both layers, in any order of summation. z and doubt are nil unless all columns
// are realised. It returns an [*UnfitError] in the name of a construction when
// outputs of the hyperplanes overflow.
func realiseOn(name string, p *Problem, f *hyperplanes, s *mat.Dense) (*secondLayer, error) {
	n, m := f.blur.Dims()
	h := f.phi.Slice(0, n, 0, m).(*mat.Dense)
	if err := checkRealise(h, s); err != nil {
		return nil, deepUnfit(name, p, err)
	}
	r := realise(h, s, RealiseOptions{Precision: p.Precision}, false)
	l := &secondLayer{first: f, realised: r}
	_, q := s.Dims()
	if len(r.Columns) == q {
		l.z, l.doubt = f.through(p, r.Layer)
	}
	return l, nil
}

// through returns the pre-activations (n x q) that a dense layer on the
// hyperplanes has on the rows, and bounds of their errors.
func (f *hyperplanes) through(p *Problem, layer network.Layer) (z, doubt *mat.Dense) {
	n, m := f.blur.Dims()
	dense := layer.Map.(*network.Dense)
	w := mat.NewDense(m+1, dense.Out, nil)
	for c := range dense.Out {
		w.SetCol(c, append(slices.Clone(dense.Row(c)), layer.Bias[c]))
	}
	terms := mat.NewDense(n, m+1, nil)
	relative := termError(p.Precision, m+2)
	for i := range n {
		phi, blur, row := f.phi.RawRowView(i), f.blur.RawRowView(i), terms.RawRowView(i)
		for j, b := range blur {
			row[j] = relative*phi[j] + b*(1+relative)
		}
		row[m] = relative
	}
	z, doubt = new(mat.Dense), new(mat.Dense)
	z.Mul(f.phi, w)
	doubt.Mul(terms, absolute(w))
	return z, doubt
}

// deepUnfit is a refusal for outputs of layer 1 that are no numbers.
func deepUnfit(name string, p *Problem, err error) error {
	return &UnfitError{Construction: name, Reason: "the outputs of the first layer leave the range of " + p.Precision.String() + ": " + err.Error(),
		Advice: "bring inputs and targets nearer to 1" + orFloat64(p)}
}

// diagonal returns the network with the labels on the units of a realised
// identity, with a third hidden layer where rounding asks for it; nil when even
// that does not help.
func (l *secondLayer) diagonal(p *Problem, input network.Layer) *network.Network {
	if l.z == nil {
		return nil
	}
	first := l.first.layer(firstColumns(len(l.first.bias)))
	second := l.realised.Layer
	second.Name = "rows"
	bound, worst := l.labelError(p)
	if !snaps(p, bound) && worst < 0.5 {
		center := middles(p)
		out := network.NewDense(p.Set.P(), p.Set.N(), make([]float64, p.Set.P()*p.Set.N()))
		for i := range p.Set.N() {
			for o, y := range p.Set.Y.RawRowView(i) {
				out.Row(o)[i] = y - center[o]
			}
		}
		return &network.Network{Precision: p.Precision, Layers: []network.Layer{input, first, second, {Map: out, Bias: center, Name: "labels"}}}
	}
	if !(worst <= snapAt) {
		return nil
	}
	dense := second.Map.(*network.Dense)
	for k, w := range dense.W {
		dense.W[k] = -w
	}
	for k, b := range second.Bias {
		second.Bias[k] = p.Precision.Round(0.5 - b)
	}
	n := p.Set.N()
	snap := network.Layer{
		Map: &network.Diagonal{D: slices.Repeat([]float64{-1}, n)}, Bias: slices.Repeat([]float64{1}, n),
		Act: network.ReLU, Name: "snap",
	}
	return &network.Network{Precision: p.Precision, Layers: []network.Layer{input, first, second, snap, {Map: labels(p.Set), Name: "labels"}}}
}

// labelError bounds the error of the outputs of two hidden layers as a fraction
// of each target's range, and returns the worst error of a pre-activation, which
// should be 1 or -1.
func (l *secondLayer) labelError(p *Problem) (bound, worst float64) {
	center, ranges := middles(p), p.Set.Range()
	n := p.Set.N()
	for i := range n {
		for k := range n {
			want := -1.0
			if k == i {
				want = 1
			}
			worst = max(worst, math.Abs(l.z.At(i, k)-want)+l.doubt.At(i, k))
		}
		off := math.Abs(l.z.At(i, i)-1) + l.doubt.At(i, i)
		for o, y := range p.Set.Y.RawRowView(i) {
			size := math.Abs(y - center[o])
			bound = max(bound, (size*off+termError(p.Precision, 4)*(size+math.Abs(center[o])))/ranges[o])
		}
	}
	return bound, worst
}

// reason says why no network came of the layer.
func (l *secondLayer) reason(p *Problem) string {
	if l.z == nil {
		return fmt.Sprintf("%d hyperplanes reach rank %d of %d in %v", len(l.first.bias), l.realised.Rank, p.Set.N(), p.Precision)
	}
	_, worst := l.labelError(p)
	return fmt.Sprintf("pre-activations of +-1 are off by up to %.2g in %v, and %.2g is the most that a further layer makes up for", worst, p.Precision, snapAt)
}

// middles returns the middle of each target's range, in the precision; 0 for
// classes.
func middles(p *Problem) []float64 {
	center := make([]float64, p.Set.P())
	if p.Set.IsClasses() {
		return center
	}
	for o := range center {
		column := p.Set.Y.ColView(o)
		center[o] = p.Precision.Round(mat.Min(column)/2 + mat.Max(column)/2)
	}
	return center
}
