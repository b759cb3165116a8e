package construct

import (
	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// Classes as one number. Constructions that pay for every output (zigzag,
// narrow, packed) store a class as one integer label, c minus half the number
// of classes, and read it off in an affine layer after the last:
//
//	score_c(v) = 2 c v - c^2 = v^2 - (v - c)^2,
//
// so the largest score is that of the label nearest to v, and at v = c it wins
// by 1, by (c - c')^2 from label c'. Every score is affine in v: k classes cost
// one output and 2k numbers, and no hidden unit.
//
// How exact v must be. A certificate sees the k scores as k separate numbers,
// each off by 2|c| times the error of v. With |c| <= k/2 and an error of at most
// labelShare/k they take less than 2 labelShare of the margin of 1.

// labelShare / k is the error allowed in a label of k classes.
const labelShare = 1.0 / 8

// largestLabel bounds |c|: c^2 and the scores are integers of the arithmetic.
func largestLabel(precision network.Precision) int {
	if precision == network.Float32 {
		return 1 << 10
	}
	return 1 << 24
}

// scalarLabels returns the problem of storing the classes of p as one integer
// per row, and the layer that reads them; for regression p itself and nil. It
// returns an [*UnfitError] in the name of a construction for too many classes, and
// where a plan has looked in vain for a direction already.
func scalarLabels(name string, p *Problem) (*Problem, *network.Layer, error) {
	if !p.Set.IsClasses() {
		return p, nil, nil
	}
	if reason := p.known.inseparable(p); reason != "" { // labels tell the same rows apart
		return nil, nil, notSeparated(name, p, reason)
	}
	n, k := p.Set.N(), p.Set.P()
	if k/2 > largestLabel(p.Precision) {
		return nil, nil, &UnfitError{
			Construction: name, Reason: "so many classes are no exact labels in " + p.Precision.String(),
			Advice: "identity stores any number of classes" + orFloat64(p),
		}
	}
	labels := *p.Set
	labels.Y, labels.Class, labels.Schema.Task = mat.NewDense(n, 1, nil), nil, dataset.Regression
	for i, c := range p.Set.Class {
		labels.Y.Set(i, 0, float64(c-k/2))
	}
	scores := network.NewDense(k, 1, make([]float64, k))
	bias := make([]float64, k)
	for c := range k {
		label := float64(c - k/2)
		scores.W[c], bias[c] = 2*label, -label*label
	}
	q := *p
	q.Set = &labels
	q.Tolerance = labelShare / float64(k) / labels.Range()[0]
	return &q, &network.Layer{Map: scores, Bias: bias, Name: "classes"}, nil
}

// withScores appends the layer that reads classes, if any, to a network.
func withScores(net *network.Network, scores *network.Layer) *network.Network {
	if scores != nil {
		net.Layers = append(net.Layers, *scores)
	}
	return net
}

// scalarSize states the size of a network built for stored labels: for classes
// the winner is all that is promised, and a bound above the tolerance a refusal.
func scalarSize(name string, p, stored *Problem, net *network.Network, bound float64) (Size, error) {
	size := sizeOf(net, bound)
	if !p.Set.IsClasses() {
		return size, nil
	}
	size.Error, size.WinsOnly = 0, true
	return size, refuseInaccurate(name, stored, bound)
}
