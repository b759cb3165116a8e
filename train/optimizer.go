package train

import "math"

// Optimizer is the rule of a step.
type Optimizer string

const (
	// Adam: D. Kingma, J. Ba, Adam: a method for stochastic optimization
	// (2015), with beta 0.9 and 0.999 and epsilon 1e-8; its weight decay is decoupled
	// (I. Loshchilov, F. Hutter, 2019).
	Adam Optimizer = "adam"
	// SGD is gradient descent on minibatches, with momentum where asked for:
	// v <- momentum v + g, w <- w - rate v.
	SGD Optimizer = "sgd"
)

// DefaultRate is the usual learning rate: 1e-3 for Adam, 0.1 for SGD.
func (o Optimizer) DefaultRate() float64 {
	if o == SGD {
		return 0.1
	}
	return 1e-3
}

// Schedule is how the learning rate falls.
type Schedule string

const (
	Constant Schedule = "constant"
	// Cosine falls from the rate to 0 along half a cosine over all steps (I.
	// Loshchilov, F. Hutter, SGDR, 2017, without restarts).
	Cosine Schedule = "cosine"
)

// at returns the factor of the rate in the given one of all steps.
func (s Schedule) at(step, steps int) float64 {
	if s == Cosine {
		return 0.5 * (1 + math.Cos(math.Pi*float64(step)/float64(steps)))
	}
	return 1
}

// Constants of Adam.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// Moments of units that sleep decay towards zero, and on their way they would
// pass through subnormal numbers, whose arithmetic is a hundred times slower.
// These two are added in every step, so that they stay at 1e-29 and 1e-30
// instead; beside epsilon neither is seen in a weight.
const (
	floor1 = 1e-30
	floor2 = 1e-33
)

// A stride holds the numbers that one step needs for every parameter.
type stride struct {
	adam           bool
	keep           float32 // of a weight, after decay
	rate           float32
	momentum       float32
	eps            float32 // of Adam, see newStride
	beta1, gain1   float32
	beta2, gain2   float32
	floor1, floor2 float32
}

// newStride returns the constants of step t = 1, 2, ...
//
// Adam's step is rate * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps). Both
// corrections move into constants: with c = sqrt(1-b2^t) it is
// (rate c / (1-b1^t)) * m / (sqrt(v) + eps c).
func newStride(o *Options, t, steps int) stride {
	rate := o.Rate * o.Schedule.at(t-1, steps)
	s := stride{adam: o.Optimizer == Adam, keep: float32(1 - rate*o.Decay), rate: float32(rate), momentum: float32(o.Momentum)}
	if s.adam {
		c := math.Sqrt(1 - math.Pow(beta2, float64(t)))
		s.rate, s.eps = float32(rate*c/(1-math.Pow(beta1, float64(t)))), float32(epsilon*c)
		s.beta1, s.gain1, s.beta2, s.gain2 = beta1, 1-beta1, beta2, 1-beta2
		s.floor1, s.floor2 = floor1, floor2
	}
	return s
}

// apply moves the parameters w along the gradient g, with the moments m and v.
func (s *stride) apply(w, g, m, v []float32, decays bool) {
	keep := s.keep
	if !decays {
		keep = 1
	}
	switch {
	case s.adam:
		s.adamStep(w, g, m, v, keep)
	case s.momentum > 0:
		s.momentumStep(w, g, m, keep)
	default:
		for i, d := range g[:len(w)] {
			w[i] = keep*w[i] - s.rate*d
		}
	}
}

func (s *stride) momentumStep(w, g, m []float32, keep float32) {
	g, m = g[:len(w)], m[:len(w)]
	for i, d := range g {
		d += s.momentum*m[i] + floor1
		m[i] = d
		w[i] = keep*w[i] - s.rate*d
	}
}

func (s *stride) adamStep(w, g, m, v []float32, keep float32) {
	b1, g1, b2, g2, rate, eps := s.beta1, s.gain1, s.beta2, s.gain2, s.rate, s.eps
	f1, f2 := s.floor1, s.floor2
	n := len(w)
	g, m, v = g[:n], m[:n], v[:n]
	for i := range w {
		d := g[i]
		first := b1*m[i] + (g1*d + f1)
		second := b2*v[i] + (g2*d*d + f2)
		m[i], v[i] = first, second
		w[i] = keep*w[i] - rate*first/(float32(math.Sqrt(float64(second)))+eps)
	}
}
