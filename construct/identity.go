package construct

import (
	"math"

	"hinge/dataset"
	"hinge/network"
)

// Identity, the bit-exact lookup network (construction C12): the interpolation
// matrix is the identity, exactly, in floating point.
//
// One plateau gate per row (gates.go) is 1 on that row and 0 on every other
// row, so on the data the last hidden layer puts out a row of the unit matrix,
// and the output weights are the labels themselves:
//
//	f(x_i) = sum_k y_k gate_k(x_i) = y_i * 1 + 0 + ... + 0 = y_i
//
// The product with 1 and the sums with 0 are exact in every order, so the
// stored label comes back bit for bit on any IEEE runtime (a label -0 as +0).
// A network of one hidden layer cannot promise that: it reaches a label only
// through large terms that cancel.
//
// Theorem (of gates.go, in the terms of the interpolation matrix). If every two
// rows are told apart by one of the q projections, Phi = I in the stated
// arithmetic, and [Phi 1] has rank n: the hidden layers are universal, any
// number of outputs can be put on them, and each costs n numbers.
//
//	layer 0  scaling of the inputs                                   d
//	layer 1  2 q n ramps: q projections, then elementwise            q d + 4 q n numbers
//	layer 2  n gates: sums of 2 q ramps each, elementwise            2 q n + n numbers
//	layer 3  the labels                                              n p numbers (classes: n)
//
// Cost to build: O(q (n d + n log n)).
func init() {
	register(&Construction{
		Name:   "identity",
		Title:  "bit-exact lookup: one gate per row, the outputs are the stored labels",
		Source: "plateau gates along q projections; the interpolation matrix is the identity in floating point",
		Plan:   planIdentity,
		Build:  buildIdentity,
	})
}

func buildIdentity(p *Problem) (*network.Network, error) {
	scale, x := inputLayer(p)
	g, err := plateauGates("identity", p, x, false)
	if err != nil {
		return nil, err
	}
	ramps, rampBias := g.ramps()
	plateaus, gateBias := g.plateaus()
	return &network.Network{
		Precision: p.Precision,
		Layers: []network.Layer{
			scale,
			{Map: ramps, Bias: rampBias, Act: network.ReLU, Name: "ramps"},
			{Map: plateaus, Bias: gateBias, Act: network.ReLU, Name: "gates"},
			{Map: labels(p.Set), Name: "labels"},
		},
	}, nil
}

// labels returns the map from the n gates to the outputs: p x n, column i
// holding the targets of row i. For classes there is one entry per row.
func labels(s *dataset.Set) network.Map {
	n, p := s.Y.Dims()
	if s.IsClasses() {
		return classIndicator(s.Class, p)
	}
	w := make([]float64, n*p)
	for i := 0; i < n; i++ {
		for j, y := range s.Y.RawRowView(i) {
			w[j*n+i] = y
		}
	}
	return network.NewDense(p, n, w)
}

// classIndicator returns the k x n matrix with a 1 in row class[i] of each
// column i.
func classIndicator(class []int, k int) *network.Sparse {
	m := &network.Sparse{
		Out: k, In: len(class), RowPtr: make([]int, k+1),
		Col: make([]int32, len(class)), Val: make([]float64, len(class)),
	}
	for _, c := range class {
		m.RowPtr[c+1]++
	}
	for c := range k {
		m.RowPtr[c+1] += m.RowPtr[c]
	}
	next := append([]int(nil), m.RowPtr...)
	for i, c := range class {
		m.Col[next[c]], m.Val[next[c]] = int32(i), 1
		next[c]++
	}
	return m
}

// planIdentity estimates q, the number of projections, from the chance that two
// random rows lie within rounding of each other along a direction.
func planIdentity(p *Problem) (Size, error) {
	n, d, outs := p.Set.N(), p.Set.D(), p.Set.P()
	q := likelyProjections(n, d, p.Precision)
	labelNumbers := n * outs
	if p.Set.IsClasses() {
		labelNumbers = n
	}
	return Size{
		HiddenLayers: 2,
		Units:        (2*q + 1) * n,
		Parameters:   2*d + q*d + 6*q*n + n + labelNumbers,
		Estimated:    true,
	}, nil
}

// likelyProjections returns the q for which fewer than one of the n^2/2 pairs
// of rows is expected to meet in all of q directions, on scaled inputs.
func likelyProjections(n, d int, prec network.Precision) int {
	if d == 1 {
		return 1
	}
	if d >= fewerFrom {
		d /= 8
	}
	// Each entry of x and u is about 1 and 3/4 in size: the rounding bound is
	// about d eps * 3/4 d, the standard deviation of t about 3/4 sqrt(d). Two
	// normal numbers lie within h of each other with probability
	// h/(sqrt(pi) deviation); enclosures of both, and half a plateau, make 3
	// bounds.
	h := 3 * plateauSlack * float64(d) * prec.Eps() * math.Sqrt(float64(d))
	pairs := float64(n) * float64(n) / 2
	for q := 1; q < maxProjections; q++ {
		pairs *= min(0.9, 2*h/math.Sqrt(math.Pi))
		if pairs < 0.5 {
			return q
		}
	}
	return maxProjections
}
