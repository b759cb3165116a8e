package construct

import (
	"fmt"
	"math"

	"hinge/network"
)

// sorted, C1: the triangular solution [Zhang et al. 2017, theorem 1, with the
// knots moved onto the points].
//
// Look at the rows along one direction, t = u.x, and sort them. The piecewise
// linear function through the points (t_i, y_i) bends only at the points, so it
// is a sum of one ReLU unit per point, and the matrix of those units on the
// data is triangular: unit j is zero at all points before its own. Solving the
// triangular system is reading off chord slopes: the output weight of unit j is
// slope_j - slope_(j-1). No solve takes place.
//
// A small case: points (0,1), (1,3), (2,2) have the chord slopes 2 and -1, so
// f(t) = 1 + 2 s(t) - 3 s(t - 1).
//
// The start. Walking from the first point to the last makes the last point the
// sum of all units. We start at the median point instead and walk both ways,
// with units that face right on the right and left on the left. At no point is
// more than half of the units awake: half the nonzeros (floor(n^2/4), which is
// the least that a non-singular one-hidden-layer matrix can have when d = 1)
// and about a quarter of the condition. The affine part costs no unit of its
// own: the two units at the start carry the slopes to either side of it.
//
// Several outputs share the hidden layer: it depends on the rows alone, so it
// is universal for rows at distinct t. Rows that fall on one t must have equal
// targets, and then share a knot.
//
// Size: m - 1 units for m distinct t, 2(m - 1) + d + p m parameters and the
// input scaling. Cost: O(n d + n log n + n p).
func init() {
	register(&Construction{
		Name:   "sorted",
		Title:  "one unit per row along one direction; triangular matrix, no solve",
		Source: "Zhang, Bengio, Hardt, Recht, Vinyals 2017 (arXiv 1611.03530), theorem 1",
		Plan: func(p *Problem) (Size, error) {
			net, bound, err := buildSorted(p)
			return sizeOf(net, bound), err
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, bound, err := buildSorted(p)
			if err != nil {
				return nil, err
			}
			return net, refuseInaccurate("sorted", p, bound)
		},
	})
}

// buildSorted returns the network and the bound of its rounding error.
func buildSorted(p *Problem) (*network.Network, float64, error) {
	input, x := inputLayer(p)
	dir, err := separatingDirection("sorted", p, x)
	if err != nil {
		return nil, 0, err
	}
	line := dir.points()
	last := len(line.t) - 1
	if last == 0 {
		return constantNetwork(p.Precision, p.Set.D(), line.y), 0, nil
	}
	outputs, middle := p.Set.P(), len(line.t)/2
	b := &bend{from: line.t[middle], start: rounded(p.Precision, line.y[middle*outputs:(middle+1)*outputs])}
	b.right = side{knot: line.t[middle:last], aim: line.t[middle+1:], y: line.y[(middle+1)*outputs:]}
	back := line.reversed()
	b.left = side{knot: back.t[last-middle : last], aim: back.t[last-middle+1:], y: back.y[(last-middle+1)*outputs:]}
	b.walk(p.Precision)
	bound := b.errorBound(p.Precision, line.t, dir.delta, p.Set.Range())
	input, u := dir.reduce(input)
	return b.network(p.Precision, input, u), bound, nil
}

// line is the distinct places along a direction, ascending, and their targets.
type line struct {
	t []float64
	y []float64 // len(t) x p, row-major
}

// points returns the distinct places in ascending order; rows at one place have
// equal targets. It reuses the storage of s.
func (s *separation) points() line {
	p := len(s.y) / len(s.sortedT)
	l := line{s.sortedT[:0], s.y[:0]}
	for k, t := range s.sortedT {
		y := s.y[k*p : (k+1)*p]
		if n := len(l.t); n > 0 && t == l.t[n-1] {
			continue
		}
		l.t, l.y = append(l.t, t), append(l.y, y...)
	}
	return l
}

func (l line) reversed() line {
	p := len(l.y) / len(l.t)
	r := line{make([]float64, len(l.t)), make([]float64, len(l.y))}
	for k, t := range l.t {
		to := len(l.t) - 1 - k
		r.t[to] = t
		copy(r.y[to*p:], l.y[k*p:(k+1)*p])
	}
	return r
}

func rounded(precision network.Precision, v []float64) []float64 {
	r := make([]float64, len(v))
	for i, x := range v {
		r[i] = precision.Round(x)
	}
	return r
}

// sizeOf states the size of a network that is built already.
func sizeOf(net *network.Network, bound float64) Size {
	if net == nil {
		return Size{}
	}
	return Size{HiddenLayers: len(net.HiddenLayers()), Units: net.Units(), Parameters: net.Parameters(), Error: bound}
}

// allowedError returns the error that keeps every row hit: the tolerance of
// regression, and for classes less than half the distance of the indicators.
func allowedError(p *Problem) float64 {
	switch {
	case p.Set.IsClasses():
		return 0.49
	case p.Tolerance > 0:
		return p.Tolerance
	}
	return DefaultTolerance(p.Precision)
}

// refuseInaccurate returns an [*UnfitError] when the bound of the rounding
// error is above what the problem allows.
func refuseInaccurate(name string, p *Problem, bound float64) error {
	allowed := allowedError(p)
	if bound <= allowed {
		return nil
	}
	reason := fmt.Sprintf("rounding in %v can move an output by %.2g of the range, and %.2g is allowed", p.Precision, bound, allowed)
	if math.IsNaN(bound) {
		reason = fmt.Sprintf("its numbers leave the range of %v", p.Precision)
	}
	advice := "deep-slab and identity do not add up large terms"
	if name == "deep-slab" || name == "identity" {
		advice = "identity returns stored values bit for bit"
	}
	if p.Precision == network.Float32 {
		advice += "; so may float64"
	}
	if !p.Set.IsClasses() && bound < 1 {
		advice += fmt.Sprintf("; this network holds with a tolerance of %.1g", 2*bound)
	}
	return &UnfitError{Construction: name, Reason: reason, Advice: advice}
}
