package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// The patch construction (C4): a simple base, and bumps for what it gets wrong.
//
// A base classifies most rows. What it gets wrong is corrected in groups. Any d
// affinely independent rows lie on a hyperplane; three units over it (see
// [bump]) add an affine function g on the hyperplane and exactly 0 at every
// other row, so a group of up to d rows costs three units, and no right row is
// touched. g takes any values at the group's rows, and each output adds its own
// multiple of it, so rows of different classes share a group.
//
//	base:  s(f_1 - f_k + B), ..., s(f_{k-1} - f_k + B)      k-1 units
//	bump:  s(Ls+g), s(2Ls+g-top), s(Ls-top)                 3 units a group
//
// Worked case: d = 1, classes 0 1 0 at x = 1, 2, 3. The base says 0 everywhere
// and is wrong at 2. The hyperplane is the point 2, s = x - 2, g = 1, top = 2:
// with L = 3 the bump is 1 at x = 2, and at x = 3 it is s(4) - s(5) + s(1) = 0.
//
// With e errors of the base it takes about 3e/d units beside the base's. MNIST's
// 60,000 rows leave an affine base with about 2,200 errors: 28 units in all.
// Rows of the last groups, whose class comes third or later, ask for two values
// each and five units a group.
//
// Where the answers off the data matter more than size (goal generalize), the
// base is a ridge regression on features drawn from the data instead (see
// [featureBase]); the bumps then correct the few rows it misses, and change
// nothing outside thin slabs.
//
// All of it but that second base is plain Go with a fixed order of operations:
// the same seed gives the same bytes on every machine.
//
// The bump is C4 of docs/theory.md, and what repairs of one layer use; its
// hyperplane argument is Baum's (1988) for thresholds.
const (
	// leastMargin is the margin that every row is given at least, as a part of
	// the base's median margin; bumps may spend half of it on rounding errors.
	leastMargin = 3e-2
	// correctedMargin is what a corrected row gets, as a part of the same.
	correctedMargin = 6e-2
	// sizeAttempts is how many sets of bumps are tried for goal size; they differ
	// by a few units.
	sizeAttempts = 3
	// patchSample is how many rows are fitted to estimate the base's errors.
	patchSample = 1500
	// groupFill is how full groups are on average, as a part of d, when there
	// are manyInputs or more; fewer inputs fill theirs.
	groupFill  = 0.5
	manyInputs = 20
)

func init() {
	register(&Construction{
		Name:   "patch",
		Title:  "a simple base, and bumps over hyperplanes for the rows it gets wrong",
		Source: "bumps over hyperplanes through groups of rows, after Baum 1988",
		Plan:   planPatch,
		Build:  buildPatch,
	})
}

func patchUnfit(reason, advice string) error {
	return &UnfitError{Construction: "patch", Reason: reason, Advice: advice}
}

// planPatch estimates the size from the errors of a quick fit on some rows.
func planPatch(p *Problem) (Size, error) {
	if !p.Set.IsClasses() {
		return Size{}, patchUnfit("it corrects classes, not numbers", "use deep-slab for regression")
	}
	n, d, k := p.Set.N(), p.Set.D(), p.Set.P()
	if p.Goal == Generalize {
		m := featureCount(n)
		return Size{HiddenLayers: 1, Units: m, Parameters: m*(d+1+k) + k + 2*d, Estimated: true, WinsOnly: true}, nil
	}
	wrong := estimateErrors(p)
	units := 0
	if wrong > 0 {
		group := float64(d)
		if d >= manyInputs {
			group *= groupFill
		}
		bumps := int(math.Ceil(wrong / group))
		units = k - 1 + 3*bumps
	}
	return Size{HiddenLayers: min(units, 1), Units: units, Parameters: units*(d+1+k) + k + 2*d, Estimated: true, WinsOnly: true}, nil
}

// estimateErrors returns how many rows the affine base is likely to get wrong:
// counted when there are few rows, else between the rate of a fit to a part of
// them (too good) and the rate on rows it has not seen (too bad), nearer to the
// first because the fit counts errors.
func estimateErrors(p *Problem) float64 {
	if p.known == nil {
		return countErrors(p)
	}
	count, known := p.known.errors[p.Set]
	if !known {
		count = countErrors(p)
		p.known.errors[p.Set] = count
	}
	return count
}

func countErrors(p *Problem) float64 {
	n := p.Set.N()
	part := *p
	var unseen []int
	if n > 2*patchSample {
		rows := rand.New(rand.NewPCG(p.Seed, 0x91a4)).Perm(n)[:2*patchSample]
		unseen = rows[patchSample:]
		part.Set = p.Set.Select(rows)
	}
	_, x := inputLayer(&part)
	seen := part.Set.N() - len(unseen)
	_, d := x.Dims()
	rows := newDeltaRows(mat.DenseCopyOf(x.Slice(0, seen, 0, d)))
	w, bias, _ := fitAffine(rows, part.Set.Class[:seen], p.Set.P(), p.Seed, 0.5).carried()
	wrong := func(from, to int) float64 {
		count := 0.0
		f := make([]float64, len(bias))
		for i := from; i < to; i++ {
			for c := range f {
				f[c] = fixedDot(w.RawRowView(c), x.RawRowView(i)) + bias[c]
			}
			if !(rowMargin(f, part.Set.Class[i]) > 0) {
				count++
			}
		}
		return count
	}
	if unseen == nil {
		return wrong(0, seen)
	}
	return (2*wrong(0, seen)/float64(seen) + wrong(seen, seen+len(unseen))/float64(len(unseen))) / 3 * float64(n)
}

// buildPatch builds the network.
func buildPatch(p *Problem) (*network.Network, error) {
	if !p.Set.IsClasses() {
		return nil, patchUnfit("it corrects classes, not numbers", "use deep-slab for regression")
	}
	input, x := inputLayer(p)
	rows := newDeltaRows(x)
	var base *patchBase
	if p.Goal == Generalize {
		base = featureBase(p, x, input.Map.(*network.Diagonal).D)
	} else {
		fit := fitAffine(rows, p.Set.Class, p.Set.P(), p.Seed, 1)
		if net := fit.network(p, input); net != nil {
			return net, nil
		}
		base = fit.affineBase()
	}
	attempts := 1
	if p.Goal == SizeGoal {
		attempts = sizeAttempts
	}
	best, err := newPatcher(p, rows, x, base, 0).correct(base)
	for a := 1; a < attempts; a++ {
		bumps, failed := newPatcher(p, rows, x, base, uint64(a)).correct(base)
		if failed == nil && (err != nil || bumpUnits(bumps) < bumpUnits(best)) {
			best, err = bumps, nil
		}
	}
	if err != nil {
		return nil, err
	}
	net := base.assemble(p, input, best)
	if err := verifyPatch(p, net); err != nil {
		return nil, err
	}
	return net, nil
}

// newPatcher sets out to correct a base; attempt selects its random numbers.
func newPatcher(p *Problem, rows *deltaRows, x *mat.Dense, base *patchBase, attempt uint64) *patcher {
	t := &patcher{p: p, capacity: rows.d / 2, rows: rows, x: x.RawRowView, class: p.Set.Class, rng: rand.New(rand.NewPCG(p.Seed, 0xb0b0+attempt))}
	var margins []float64
	for i := range t.class {
		f := append([]float64(nil), base.f.RawRowView(i)...)
		t.f = append(t.f, f)
		if m := rowMargin(f, t.class[i]); m > 0 {
			margins = append(margins, m)
		}
	}
	typical := 1.0
	if len(margins) > 0 {
		sort.Float64s(margins)
		typical = margins[len(margins)/2]
	}
	t.least, t.need = leastMargin*typical, correctedMargin*typical
	return t
}

// correct adds bumps until every row has its margin.
func (t *patcher) correct(base *patchBase) ([]*bump, error) {
	n := t.rows.n
	wrong := t.wrong()
	expected := 4 + 2*len(wrong)/t.rows.d
	t.share = 1 / (2 * float64(expected))
	t.width = base.units.Out + 3*expected
	var bumps []*bump
	for len(wrong) > 0 {
		if bumpUnits(bumps)+3 > max(n/2, 5) {
			return nil, patchUnfit(fmt.Sprintf("after %d bumps of up to %d rows each, %d of %d rows are still wrong, and more units than half the rows would be needed",
				len(bumps), t.rows.d, len(wrong), n), "use identity or deep-slab")
		}
		b := t.nextBump(wrong)
		if b == nil {
			return nil, patchUnfit(fmt.Sprintf("no hyperplane through %d remaining rows keeps clear of the others in %v", len(wrong), t.p.Precision),
				patchAdvice(t.p))
		}
		t.apply(b)
		bumps = append(bumps, b)
		before := len(wrong)
		if wrong = t.wrong(); len(wrong) >= before {
			return nil, patchUnfit(fmt.Sprintf("%d rows stay wrong", len(wrong)), patchAdvice(t.p))
		}
	}
	return bumps, nil
}

func patchAdvice(p *Problem) string {
	if p.Precision == network.Float32 {
		return "use float64, or identity"
	}
	return "use identity or deep-slab"
}

func bumpUnits(bumps []*bump) int {
	units := 0
	for _, b := range bumps {
		units += 2*len(b.value) + 1
	}
	return units
}

// assemble puts base and bumps side by side in one hidden layer.
func (base *patchBase) assemble(p *Problem, input network.Layer, bumps []*bump) *network.Network {
	d, k := base.units.In, len(base.out)
	m := base.units.Out
	width := m + bumpUnits(bumps)
	hidden := network.NewDense(width, d, make([]float64, width*d))
	copy(hidden.W, base.units.W)
	bias := append(make([]float64, 0, width), base.bias...)
	out := network.NewDense(k, width, make([]float64, k*width))
	for c := 0; c < k; c++ {
		for j := 0; j < m; j++ {
			out.Row(c)[j] = base.weights.At(j, c)
		}
	}
	at := m
	for _, b := range bumps {
		w, v := b.units()
		for u := range w {
			copy(hidden.Row(at), w[u])
			bias = append(bias, w[u][d])
			for c := 0; c < k; c++ {
				out.Row(c)[at] = v[u][c]
			}
			at++
		}
	}
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input,
		{Map: hidden, Bias: bias, Act: network.ReLU, Name: "patch"},
		{Map: out, Bias: append([]float64(nil), base.out...), Name: "out"},
	}}
	net.Round()
	return net
}

// verifyPatch evaluates the network once on every row: rounding must not have
// eaten a margin.
func verifyPatch(p *Problem, net *network.Network) error {
	out := net.Eval(p.Set.X)
	lost, worst := 0, math.Inf(1)
	for i, c := range p.Set.Class {
		m := rowMargin(out.RawRowView(i), c)
		worst = min(worst, m)
		if !(m > 0) {
			lost++
		}
	}
	if lost > 0 {
		return patchUnfit(fmt.Sprintf("%d rows lose their margin (%.2g) to rounding in %v", lost, worst, p.Precision), patchAdvice(p))
	}
	return nil
}
