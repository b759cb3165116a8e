package construct

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
	"hinge/network"
)

// How a node of the tree is split.
//
// Every split tried is a direction u and a place between two rows along it; the
// best is the one that leaves the least impurity, the mean over both sides of the
// chance that two rows drawn differ in class (Gini), or of the variance of the
// targets. Tried are features, all or some of them at random where there are many,
// and for classes one oblique direction.
//
// The oblique direction parts two groups of classes: the two whose means are
// farthest apart, and every other class with the nearer of them. Between the
// groups it is the support vector machine with squared loss,
//
//	min  lambda/2 |w|^2 + 1/2 sum_i max(0, 1 - y_i (w.x_i + b))^2,
//
// by Newton's method: least squares on the rows inside the margin, until those
// rows stay the same (Keerthi and DeCoste 2005). Where rows are fewer than inputs
// two groups are nearly always parted by one hyperplane, so that a class of m rows
// in d inputs costs about m/d leaves at worst.
const (
	// mostFeatures is how many features are tried in a node, where there are more;
	// fewFeatures where an oblique direction is tried as well, which nearly always
	// beats one of many features.
	mostFeatures = 48
	fewFeatures  = 8
	// obliqueGain is what an oblique split must gain over one across a feature: it
	// costs d numbers.
	obliqueGain = 1.05
	// fitRows bounds the rows that an oblique direction is fitted to.
	fitRows = 6000
	// newtonSteps bounds Newton's steps; it ends by itself after 4 to 8.
	newtonSteps = 8
	// svmRidge is lambda, as a part of the rows' mean square length.
	svmRidge = 1e-3
	// obliqueBits is how finely directions are rounded: engines that sum in
	// another order still find the same ones, all but always.
	obliqueBits = 20
)

// treeSplit is one split of a node.
type treeSplit struct {
	feature     int       // -1 for an oblique one
	u           []float64 // d, of an oblique one
	bound       boundary
	left, right []int
	impurity    float64
	gap         float64 // between the sides, as a part of the rows' spread
}

type splitter struct {
	p       *Problem
	x       *mat.Dense  // n x d, scaled
	target  [][]float64 // n x p, in units of the range; for a regression
	classes int
	oblique bool
	wide    bool
}

func newSplitter(p *Problem, x *mat.Dense, wide bool) *splitter {
	s := &splitter{p: p, x: x, wide: wide}
	if p.Set.IsClasses() {
		s.classes = p.Set.P()
		return s
	}
	ranges := p.Set.Range()
	for i := range p.Set.N() {
		row := slices.Clone(p.Set.Y.RawRowView(i))
		for o := range row {
			row[o] /= ranges[o]
		}
		s.target = append(s.target, row)
	}
	return s
}

// pure reports whether all rows have one target.
func (s *splitter) pure(rows []int) bool {
	_, j := s.different(rows)
	return j < 0
}

// different returns the first row and one with another target, or -1.
func (s *splitter) different(rows []int) (i, j int) {
	for _, r := range rows[1:] {
		if s.classes > 0 && s.p.Set.Class[r] != s.p.Set.Class[rows[0]] ||
			s.classes == 0 && !slices.Equal(s.p.Set.Y.RawRowView(r), s.p.Set.Y.RawRowView(rows[0])) {
			return rows[0], r
		}
	}
	return rows[0], -1
}

// split returns the best split of the rows; false when none parts them safely.
func (s *splitter) split(rows []int, seed uint64) (*treeSplit, bool) {
	rng := rand.New(rand.NewPCG(s.p.Seed, 0x7ee<<32|seed))
	best := s.acrossFeatures(rows, s.someFeatures(rng))
	if s.oblique && (best == nil || best.impurity > 0) {
		if u := s.between(rows, rng); u != nil {
			if o := s.along(rows, -1, u); o != nil && (best == nil || o.impurity*obliqueGain < best.impurity) {
				best = o
			}
		}
	}
	if _, d := s.x.Dims(); best == nil && d > mostFeatures { // perhaps the others part them
		all := make([]int, d)
		for j := range all {
			all[j] = j
		}
		best = s.acrossFeatures(rows, all)
	}
	if best == nil {
		return nil, false
	}
	s.part(best, rows)
	return best, true
}

func (s *splitter) someFeatures(rng *rand.Rand) []int {
	_, d := s.x.Dims()
	if d > mostFeatures && s.oblique {
		return rng.Perm(d)[:fewFeatures]
	}
	return rng.Perm(d)[:min(d, mostFeatures)]
}

// acrossFeatures returns the best split across one of the features, or nil.
func (s *splitter) acrossFeatures(rows []int, features []int) *treeSplit {
	slices.Sort(features)
	found := make([]*treeSplit, len(features))
	try := func(k int) { found[k] = s.along(rows, features[k], nil) }
	if len(rows)*len(features) > 1<<12 {
		parallel.Each(len(features), try)
	} else {
		for k := range features {
			try(k)
		}
	}
	var best *treeSplit
	for _, f := range found {
		if f != nil && (best == nil || f.better(best)) {
			best = f
		}
	}
	return best
}

// better compares by impurity, and by the gap where that is the same.
func (t *treeSplit) better(old *treeSplit) bool {
	if math.Abs(t.impurity-old.impurity) > 1e-9*(t.impurity+old.impurity) {
		return t.impurity < old.impurity
	}
	return t.gap > old.gap
}

// place is a row along a direction: what any evaluation computes lies in lo..hi.
type place struct {
	row    int
	t      float64
	lo, hi float64
}

// places returns the rows along a feature or a direction, ascending.
func (s *splitter) places(rows []int, feature int, u []float64) []place {
	at := make([]place, len(rows))
	unit := []float64{1}
	if feature < 0 {
		unit = u
	} else if s.wide { // a full matrix adds up products with 0
		unit = make([]float64, s.p.Set.D())
		unit[feature] = 1
	}
	gamma, tiny := dotError(s.p.Precision, unit)
	if s.wide {
		gamma = s.wideError()
	}
	for k, i := range rows {
		t, size := 0.0, 0.0
		if feature >= 0 {
			t = s.x.At(i, feature)
			size = math.Abs(t)
		} else {
			t, size = dot(u, s.x.RawRowView(i))
		}
		half := plateauSlack * (gamma*size + tiny)
		at[k] = place{i, t, t - half, t + half}
	}
	slices.SortFunc(at, func(a, b place) int {
		switch {
		case a.t < b.t:
			return -1
		case a.t > b.t:
			return 1
		}
		return a.row - b.row
	})
	if s.wide { // the bias is one more term of the sum, in any order
		reach := max(math.Abs(at[0].t), math.Abs(at[len(at)-1].t))
		for k := range at {
			at[k].lo -= plateauSlack * gamma * reach
			at[k].hi += plateauSlack * gamma * reach
		}
	}
	return at
}

// wideError is the gamma of sums of d+1 rounded products in the precision and in
// float64.
func (s *splitter) wideError() float64 {
	m := float64(s.p.Set.D() + 1)
	e := s.p.Precision.Eps() + 0x1p-53
	return 2 * m * e / (1 - min(0.5, m*e))
}

// along returns the best split of the rows along a feature or a direction.
func (s *splitter) along(rows []int, feature int, u []float64) *treeSplit {
	at := s.places(rows, feature, u)
	n := len(at)
	if at[0].t == at[n-1].t {
		return nil
	}
	least := make([]float64, n+1) // lower end of all places from k on
	least[n] = math.Inf(1)
	for k := n - 1; k >= 0; k-- {
		least[k] = min(least[k+1], at[k].lo)
	}
	sides := s.newSides(rows)
	steepest := steepestFor(s.p.Precision, max(math.Abs(at[0].t), math.Abs(at[n-1].t)))
	var best *treeSplit
	top := math.Inf(-1)
	for k := 0; k < n-1; k++ {
		sides.move(at[k].row)
		top = max(top, at[k].hi)
		if !(least[k+1] > top) {
			continue
		}
		t := &treeSplit{feature: feature, u: u, impurity: sides.impurity(), gap: (least[k+1] - top) / (at[n-1].t - at[0].t)}
		if best != nil && !t.better(best) {
			continue
		}
		if b, ok := placeBoundary(s.p.Precision, top, least[k+1], steepest); ok {
			t.bound, best = b, t
		}
	}
	return best
}

// placeBoundary returns a boundary with its ramps within a..b, in the middle of
// it where the precision has numbers there.
func placeBoundary(prec network.Precision, a, b, steepest float64) (boundary, bool) {
	middle := a + (b-a)/2
	for _, w := range []float64{powerOfTwoUpTo((b - a) / 2), powerOfTwoUpTo(b - a)} {
		bound := boundary{low: prec.Round(middle - w/2), high: prec.Round(middle + w/2), slope: 1 / w}
		if w == powerOfTwoUpTo(b-a) {
			bound.low, bound.high = roundUp(prec, a), -roundUp(prec, -b)
		}
		if bound.slope <= steepest && bound.low >= a && bound.high <= b && (b-bound.low)*bound.slope >= 1 && (bound.high-a)*bound.slope >= 1 {
			return bound, true
		}
	}
	return boundary{}, false
}

// powerOfTwoUpTo returns the largest power of two that is not above v > 0.
func powerOfTwoUpTo(v float64) float64 {
	_, exp := math.Frexp(v)
	return math.Ldexp(1, exp-1)
}

// part sorts the rows to the sides of a split.
func (s *splitter) part(t *treeSplit, rows []int) {
	for _, i := range rows {
		v := 0.0
		if t.feature >= 0 {
			v = s.x.At(i, t.feature)
		} else {
			v, _ = dot(t.u, s.x.RawRowView(i))
		}
		if v < t.bound.low+(t.bound.high-t.bound.low)/2 || v <= t.bound.low {
			t.left = append(t.left, i)
		} else {
			t.right = append(t.right, i)
		}
	}
}

// sides keeps what the impurity is made of while rows move from the right side to
// the left.
type sides struct {
	s           *splitter
	n, at       float64
	left, right []float64 // by class: rows; by target: sums
	squareL     float64   // sums of squared counts, or of squared targets
	squareR     float64
}

func (s *splitter) newSides(rows []int) *sides {
	width := s.classes
	if width == 0 {
		width = len(s.target[0])
	}
	d := &sides{s: s, n: float64(len(rows)), left: make([]float64, width), right: make([]float64, width)}
	for _, i := range rows {
		if s.classes > 0 {
			d.right[s.p.Set.Class[i]]++
			continue
		}
		for o, y := range s.target[i] {
			d.right[o] += y
		}
	}
	if s.classes > 0 {
		for _, c := range d.right {
			d.squareR += c * c
		}
	}
	return d
}

// move moves one row to the left.
func (d *sides) move(i int) {
	d.at++
	if d.s.classes > 0 {
		c := d.s.p.Set.Class[i]
		d.squareL += 2*d.left[c] + 1
		d.squareR -= 2*d.right[c] - 1
		d.left[c]++
		d.right[c]--
		return
	}
	for o, y := range d.s.target[i] {
		d.left[o] += y
		d.right[o] -= y
	}
}

// impurity returns the rows' Gini impurity, or the part of their variance that
// changes with the split, summed over the sides.
func (d *sides) impurity() float64 {
	if d.s.classes > 0 {
		return d.n - d.squareL/d.at - d.squareR/(d.n-d.at)
	}
	sum := 0.0
	for o := range d.left {
		sum -= d.left[o]*d.left[o]/d.at + d.right[o]*d.right[o]/(d.n-d.at)
	}
	return sum
}
