package construct

import (
	"math"

	"hinge/network"
)

// A one-dimensional piecewise linear function is a start value and a list of
// kinks, walked away from the start: each kink adds its amplitude to the slope.
// As a network it is one ReLU unit per kink, s(t - knot) to the right of the
// start and s(knot - t) to the left, with the amplitudes as output weights.
//
// Error feedback. The textbook amplitudes are differences of chord slopes. Once
// rounded they miss, and the misses add up over the walk. So each amplitude is
// computed from where the *rounded* network stands: the walk carries the exact
// value and slope of the network built so far (in twice the precision) and
// picks the amplitude that leads from there through the next target. The
// rounding of one amplitude is then undone by the next, and at every aim the
// network that is stored is off by its last amplitude's rounding alone.

// kink is one bend of the function: at the knot, aimed to pass through the
// targets y (p numbers) at t, beyond the knot.
type kink struct {
	knot float64
	aim  float64
	y    []float64
}

// walk returns the amplitudes (len(kinks) x p, row-major) of the walk that
// starts with the values start (p numbers) at from with slope 0, and passes
// through every aim. Knots and aims lead away from the start, each aim between
// its own knot and the next.
func walk(precision network.Precision, from float64, start []float64, kinks []kink) []float64 {
	p := len(start)
	amplitude := make([]float64, len(kinks)*p)
	for o := range p {
		value, slope := double{hi: start[o]}, double{}
		at := from
		for k, bend := range kinks {
			value = value.add(slope.times(distance(at, bend.knot)))
			at = bend.knot
			run := distance(at, bend.aim)
			miss := value.add(slope.times(run)).neg().addFloat(bend.y[o])
			a := precision.Round(miss.hi / run.hi)
			if math.IsNaN(a) {
				a = 0
			}
			amplitude[k*p+o] = a
			slope = slope.addFloat(a)
		}
	}
	return amplitude
}

// double is the unevaluated sum of two float64 numbers: about 106 bits.
// Its operations are those of Dekker (1971) and Knuth, relative error 2^-102.
type double struct{ hi, lo float64 }

// distance returns |b - a| without rounding.
func distance(a, b float64) double {
	if b < a {
		a, b = b, a
	}
	s := b - a
	bb := s - b
	return double{s, (b - (s - bb)) + (-a - bb)}
}

func (x double) neg() double { return double{-x.hi, -x.lo} }

func (x double) addFloat(b float64) double {
	s := x.hi + b
	bb := s - x.hi
	return normal(s, x.lo+((x.hi-(s-bb))+(b-bb)))
}

func (x double) add(y double) double {
	s := x.addFloat(y.hi)
	return normal(s.hi, s.lo+y.lo)
}

func (x double) times(y double) double {
	hi := float64(x.hi * y.hi)
	lo := math.FMA(x.hi, y.hi, -hi)
	return normal(hi, lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

func normal(hi, lo float64) double {
	s := hi + lo
	return double{s, lo - (s - hi)}
}

// bend is a walked function: kinks to both sides of a start.
type bend struct {
	start       []float64 // p, the value at from; the output bias
	from        float64
	left, right []kink
	// amplitudes, units x p
	leftWeights, rightWeights []float64
}

// walked computes the amplitudes of both sides.
func (b *bend) walked(precision network.Precision) *bend {
	b.leftWeights = walk(precision, b.from, b.start, b.left)
	b.rightWeights = walk(precision, b.from, b.start, b.right)
	return b
}

// network returns the network of the function along u: the input layer, one
// hidden layer of rank one with the left units first, the output layer.
func (b *bend) network(precision network.Precision, input network.Layer, u []float64) *network.Network {
	p, m := len(b.start), len(b.left)+len(b.right)
	hidden := &network.Projected{
		P:    network.NewDense(1, len(u), u),
		Pick: make([]int32, m), Scale: make([]float64, m),
	}
	bias := make([]float64, m)
	out := network.NewDense(p, m, make([]float64, p*m))
	set := func(j int, sign float64, k kink, weights []float64) {
		hidden.Scale[j], bias[j] = sign, -sign*k.knot
		for o, w := range weights {
			out.W[o*m+j] = w
		}
	}
	for j, k := range b.left {
		set(j, -1, k, b.leftWeights[j*p:(j+1)*p])
	}
	for j, k := range b.right {
		set(len(b.left)+j, 1, k, b.rightWeights[j*p:(j+1)*p])
	}
	return &network.Network{
		Precision: precision,
		Layers: []network.Layer{
			input,
			{Map: hidden, Bias: bias, Act: network.ReLU, Name: "hinges"},
			{Map: out, Bias: b.start, Name: "output"},
		},
	}
}

// constantNetwork has no hidden unit and gives the values y (p numbers) for
// every input (d numbers).
func constantNetwork(precision network.Precision, d int, y []float64) *network.Network {
	zero := &network.Sparse{Out: len(y), In: d, RowPtr: make([]int, len(y)+1)}
	return &network.Network{Precision: precision, Layers: []network.Layer{{Map: zero, Bias: y, Name: "output"}}}
}

// errorBound bounds the error that rounding makes at t, over both sides and all
// outputs, as a fraction of the target's range: at most one side is awake; k
// awake units of amplitude a make k differences, products and sums, each
// rounded, in any order, and delta, the error of t, moves every awake unit.
func (b *bend) errorBound(precision network.Precision, t []float64, delta float64, ranges []float64) float64 {
	worst := 0.0
	for o, start := range b.start {
		p := len(b.start)
		right := sideBound{kinks: b.right, weights: b.rightWeights, p: p, o: o, sign: 1}
		left := sideBound{kinks: b.left, weights: b.leftWeights, p: p, o: o, sign: -1}
		for _, v := range t { // ascending
			worst = max(worst, right.at(v, precision.Eps(), delta, start)/ranges[o])
		}
		for i := len(t) - 1; i >= 0; i-- {
			worst = max(worst, left.at(t[i], precision.Eps(), delta, start)/ranges[o])
		}
	}
	return worst
}

// sideBound walks the kinks of one side with the sums that the bound needs.
type sideBound struct {
	kinks   []kink
	weights []float64
	p, o    int
	sign    float64

	awake  int     // kinks passed
	steep  float64 // sum of their |amplitude|
	height float64 // sum of their |amplitude| * distance
	last   float64 // where height holds
}

// at returns the bound at t; calls lead away from the start.
func (s *sideBound) at(t, eps, delta, start float64) float64 {
	for s.awake < len(s.kinks) && s.sign*(t-s.kinks[s.awake].knot) > 0 {
		s.move(s.kinks[s.awake].knot)
		s.steep += math.Abs(s.weights[s.awake*s.p+s.o])
		s.awake++
	}
	if s.awake == 0 {
		return 0
	}
	s.move(t)
	return float64(s.awake+2)*eps*(s.height+math.Abs(start)) + s.steep*delta
}

func (s *sideBound) move(t float64) {
	s.height += s.steep * s.sign * (t - s.last)
	s.last = t
}
