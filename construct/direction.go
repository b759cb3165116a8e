package construct

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/network"
)

// Constructions along one direction see the rows only through t = u.x, so u
// must keep apart rows with different targets. Rounding t costs delta, and the
// interpolant turns delta into an error of slope * delta; the best direction is
// the one whose steepest chord, times its rounding, is the smallest.
//
// The search costs little beside the one full sort that every construction
// needs anyway: candidates are ranked on a sample of the rows, and only the
// best are tried on all of them, until one holds.

const (
	sampleRows     = 2048 // rows on which directions are ranked; up to here the ranking is exact
	axisTries      = 24   // coordinate axes tried; evaluated without rounding of t
	randomTries    = 24   // random directions tried
	fullTries      = 6    // directions tried on all rows
	directionBits  = 11   // of the entries of random directions: products with short numbers stay exact
	separationUlps = 8    // a gap below this many roundings of t does not separate two rows
	exactInputs    = 8    // up to so many inputs, certificates look at each term of a sum and see that an axis has one
)

// separation is the rows along a direction that keeps apart all rows with
// different targets.
type separation struct {
	u       []float64 // d; numbers of the network's precision
	sortedT []float64 // n, ascending
	y       []float64 // n x p, the targets in the order of sortedT
	delta   float64   // bound of the error of a distance along u in the network, any order of summation
	worst   float64   // sum of the chord slopes times delta, as a fraction of the target's range
	gap     float64   // least distance between rows of different targets, as a fraction of the range of t
}

// separatingDirection finds a direction along which rows of x (n x d, scaled)
// with different targets are apart, or returns an [*UnfitError] in the name of
// a construction.
func separatingDirection(name string, p *Problem, x *mat.Dense) (*separation, error) {
	if reason := p.known.inseparable(p); reason != "" {
		return nil, notSeparated(name, p, reason)
	}
	ranges := p.Set.Range()
	tries := candidateDirections(p, x, ranges)
	best := 0.0
	for _, u := range tries[:min(fullTries, len(tries))] {
		s := separate(p, x, p.Set.Y, u, ranges)
		if !math.IsInf(s.worst, 1) {
			return s, nil
		}
		best = max(best, s.gap)
	}
	reason := fmt.Sprintf("none of %d directions separates all rows with different targets in %v: the widest least gap is %.2g of the range",
		len(tries), p.Precision, best)
	p.known.setInseparable(p, reason)
	return nil, notSeparated(name, p, reason)
}

func notSeparated(name string, p *Problem, reason string) *UnfitError {
	return &UnfitError{
		Construction: name,
		Reason:       reason,
		Advice:       "identity looks along several directions at once, deep-slab and patch need none of their own" + orFloat64(p),
	}
}

// findings remembers, while a plan asks one construction after the other, which
// rows no direction separates: five of them look for one, and on a large table
// the search in vain is most of what they do. It also keeps the scaled inputs of the
// plan's rows, and the errors of the affine base, which two of them ask for.
type findings struct {
	inVain map[rowsAndTargets]string // the reason
	errors map[*dataset.Set]float64

	of    rowsAndTargets // the plan's rows, without targets
	layer network.Layer
	x     *mat.Dense // nil until it is asked for
}

func newFindings(p *Problem) *findings {
	return &findings{inVain: map[rowsAndTargets]string{}, errors: map[*dataset.Set]float64{}, of: rowsOnly(p)}
}

// rowsAndTargets tells the problems of one plan apart: the set itself, and the
// set with its classes stored as one number.
type rowsAndTargets struct {
	x         *mat.Dense
	outputs   int
	precision network.Precision
}

func questionOf(p *Problem) rowsAndTargets {
	return rowsAndTargets{p.Set.X, p.Set.P(), p.Precision}
}

// rowsOnly tells problems apart by their inputs.
func rowsOnly(p *Problem) rowsAndTargets {
	return rowsAndTargets{x: p.Set.X, precision: p.Precision}
}

func (f *findings) inseparable(p *Problem) (reason string) {
	if f == nil {
		return ""
	}
	return f.inVain[questionOf(p)]
}

func (f *findings) setInseparable(p *Problem, reason string) {
	if f != nil {
		f.inVain[questionOf(p)] = reason
	}
}

// separate sorts the rows of x with targets y along u and measures how well it
// separates them.
func separate(p *Problem, x, y *mat.Dense, u []float64, ranges []float64) *separation {
	o := orderAlong(p, x, u)
	n, outputs := y.Dims()
	s := &separation{u: u, sortedT: make([]float64, n), y: make([]float64, n*outputs)}
	for k, i := range o.order {
		s.sortedT[k] = o.t[i]
		copy(s.y[k*outputs:(k+1)*outputs], y.RawRowView(i))
	}
	span := s.sortedT[n-1] - s.sortedT[0]
	s.delta = projectionRounding(p, x, u)
	s.gap = 1
	floor := max(s.delta, p.Precision.Eps()*span/separationUlps)
	steep := 0.0
	for k := 1; k < n; k++ {
		jump := 0.0
		for o := range outputs {
			jump = max(jump, math.Abs(s.y[k*outputs+o]-s.y[(k-1)*outputs+o])/ranges[o])
		}
		if jump == 0 {
			continue
		}
		gap := s.sortedT[k] - s.sortedT[k-1]
		if gap <= separationUlps*s.delta || gap == 0 {
			steep = math.Inf(1)
		}
		if span > 0 {
			gap /= span
		}
		s.gap = min(s.gap, gap)
		steep += jump / gap
	}
	if s.worst = steep; steep > 0 && span > 0 {
		s.worst = steep * (floor / span)
	}
	return s
}

// reduce returns the network's first layer and the direction for the layer
// after it. Along an axis only one input matters, and the others are not read.
func (s *separation) reduce(input network.Layer) (network.Layer, []float64) {
	d := len(s.u)
	axis := -1
	for j, v := range s.u {
		switch {
		case v == 0:
		case v == 1 && axis < 0:
			axis = j
		default:
			return input, s.u
		}
	}
	if d == 1 || axis < 0 || d > exactInputs {
		return input, s.u
	}
	scale := input.Map.(*network.Diagonal).D[axis]
	one := &network.Sparse{Out: 1, In: d, RowPtr: []int{0, 1}, Col: []int32{int32(axis)}, Val: []float64{scale}}
	return network.Layer{Map: one, Bias: input.Bias[axis : axis+1], Name: input.Name}, []float64{1}
}

// projectionRounding bounds the error of a distance u.x - knot over the rows of
// x, in the problem's precision and any order of summation, as a certificate
// does. One term with a power of two is exact, and then so is the one
// subtraction; otherwise each of the terms makes a product and an addition.
func projectionRounding(p *Problem, x *mat.Dense, u []float64) float64 {
	terms, inexact := 0, false
	for _, v := range u {
		if v != 0 {
			terms++
			frac, _ := math.Frexp(math.Abs(v))
			inexact = inexact || frac != 0.5
		}
	}
	if d := len(u); terms == 0 || terms == 1 && !inexact && d <= exactInputs {
		return 0
	} else if d > exactInputs {
		terms = d
	}
	n, _ := x.Dims()
	most := 0.0
	for i := 0; i < n; i++ {
		sum := 0.0
		for j, v := range x.RawRowView(i) {
			sum += math.Abs(u[j] * v)
		}
		most = max(most, sum)
	}
	return termError(p.Precision, terms+1+2) * most
}

// candidateDirections returns the directions worth trying for the rows of x, in
// the problem's precision, the best on a sample of the rows first. One input
// needs no choice.
func candidateDirections(p *Problem, x *mat.Dense, ranges []float64) [][]float64 {
	n, d := x.Dims()
	axis := func(j int) []float64 { u := make([]float64, d); u[j] = 1; return u }
	if d == 1 {
		return [][]float64{axis(0)}
	}
	rng := rand.New(rand.NewPCG(p.Seed, 0xd19ec7))
	y := p.Set.Y
	if n > sampleRows {
		sample := rng.Perm(n)[:sampleRows]
		x, y = rowsOf(x, sample), rowsOf(y, sample)
	}
	var tries [][]float64
	for k := 0; k < min(d, axisTries); k++ {
		tries = append(tries, axis(k*d/min(d, axisTries)))
	}
	tries = append(tries, shortened(principalDirection(x)), mixedRadix(p, x))
	for k := 0; k < randomTries; k++ {
		tries = append(tries, randomDirection(rng, d))
	}
	ranked := make([]*separation, len(tries))
	parallel.Each(len(tries), func(i int) { ranked[i] = separate(p, x, y, tries[i], ranges) })
	slices.SortStableFunc(ranked, func(a, b *separation) int {
		return cmp.Or(cmp.Compare(a.worst, b.worst), -cmp.Compare(a.gap, b.gap))
	})
	for i, s := range ranked {
		tries[i] = s.u
	}
	return tries
}

// randomDirection draws d normal numbers, shortened.
func randomDirection(rng *rand.Rand, d int) []float64 {
	u := make([]float64, d)
	for j := range u {
		u[j] = rng.NormFloat64()
	}
	return shortened(u)
}

// shortened rounds the entries of u, in place, to directionBits binary places;
// what rounds to zero becomes the smallest step, so that no input is lost.
func shortened(u []float64) []float64 {
	for j, v := range u {
		if v != 0 {
			v = math.Ldexp(math.Round(math.Ldexp(v, directionBits)), -directionBits)
			if v == 0 {
				v = math.Ldexp(1, -directionBits)
			}
		}
		u[j] = v
	}
	return u
}

// principalDirection returns the direction of largest variance of x, by a few
// steps of the power method, scaled to a largest entry of 1.
func principalDirection(x *mat.Dense) []float64 {
	n, d := x.Dims()
	u := make([]float64, d)
	for j := range u {
		u[j] = 1 / float64(j+1)
	}
	for step := 0; step < 8; step++ {
		next := make([]float64, d)
		for i := 0; i < n; i++ {
			row := x.RawRowView(i)
			t := 0.0
			for j, v := range row {
				t += float64(u[j] * v)
			}
			for j, v := range row {
				next[j] += float64(t * v)
			}
		}
		largest := 0.0
		for _, v := range next {
			largest = max(largest, math.Abs(v))
		}
		if largest == 0 || math.IsInf(largest, 1) {
			return u
		}
		for j := range next {
			u[j] = next[j] / largest
		}
	}
	return u
}

// mixedRadix returns the direction that numbers the points of a grid one after
// the other: each input's step is made one step wider than the whole span of
// the inputs before it, as the places of a number are. On integer grids it
// separates with equal gaps, where random directions leave gaps of 1/n^2.
// Inputs that are no grid make it steep, and another direction wins.
func mixedRadix(p *Problem, x *mat.Dense) []float64 {
	n, d := x.Dims()
	u, column := make([]float64, d), make([]float64, n)
	span, unit := 0.0, 0.0
	for j := range u {
		mat.Col(column, j, x)
		slices.Sort(column)
		step := math.Inf(1)
		for i := 1; i < n; i++ {
			if gap := column[i] - column[i-1]; gap > 0 {
				step = min(step, gap)
			}
		}
		if math.IsInf(step, 1) {
			continue
		}
		if unit == 0 {
			u[j], unit = 1, step
		} else {
			u[j] = p.Precision.Round(min((span+unit)/step, 0x1p40))
		}
		span += u[j] * (column[n-1] - column[0])
	}
	return u
}

// rowsOf returns a copy of the given rows of x.
func rowsOf(x *mat.Dense, rows []int) *mat.Dense {
	_, d := x.Dims()
	r := mat.NewDense(len(rows), d, nil)
	for k, i := range rows {
		copy(r.RawRowView(k), x.RawRowView(i))
	}
	return r
}

func orFloat64(p *Problem) string {
	if p.Precision == 1 {
		return ", and float64 resolves narrower gaps"
	}
	return ""
}
