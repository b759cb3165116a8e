package network

import (
	"slices"
	"sort"
)

// Grid is the part of a network that finds the place of its inputs on a
// rectangular grid: with it, the network is piecewise linear between the places.
// Its last hidden layer has a unit for each vertex v, the hat
//
//	s(1 - max_a s(z_a) - max_a s(-z_a)),   z_a = (t_a - v_a) Slope,   t = Scale x,
//
// which is 1 at v and 0 at all other vertices and outside the boxes around v. Package
// construct proves that; here is what it takes as layers, and how to evaluate it
// without touching every vertex.
type Grid struct {
	Scale []float64   // d: factors of the inputs, powers of two
	Input []int       // of every axis, its input
	Place [][]float64 // of every axis, its places in units of t, ascending; two or more
	// Slope is, for every axis and cell, a little more than 1 over its width, so
	// that roundings cannot wake the hats of other boxes; see SteepBy.
	Slope [][]float64
}

// SteepBy is how many units of the roundoff steeper than 1 over the width of
// the cell the slopes of a Grid are at least: the least number above 1. See [Grid.isolates].
const SteepBy = 2

// Vertices returns the number of vertices; they are counted with the last axis
// fastest.
func (g *Grid) Vertices() int {
	n := 1
	for _, places := range g.Place {
		n *= len(places)
	}
	return n
}

// FindGrid reads a network's layers as those of a Grid followed by an affine
// layer. It returns false unless every number is as a Grid has it, so that
// nothing is taken on trust from how the network came about.
func FindGrid(n *Network) (*Grid, bool) {
	last := len(n.Layers) - 1
	if last < 3 || n.Layers[last].Act != Identity {
		return nil, false
	}
	g := &Grid{}
	if !g.readPlaces(n.Layers[0], n.Layers[1]) || !g.readSlopes(n.Layers[2]) || !g.isolates(n.Precision) {
		return nil, false
	}
	if g.Vertices() != n.Layers[last-1].Width() {
		return nil, false
	}
	as := &Network{Precision: n.Precision, Layers: g.Layers()}
	have := &Network{Precision: n.Precision, Layers: n.Layers[:last]}
	return g, as.Digest() == have.Digest()
}

// readPlaces reads the axes from the layers of scales and ramps.
func (g *Grid) readPlaces(scale, ramps Layer) bool {
	factors, ok := scale.Map.(*Diagonal)
	m, isRamps := ramps.Map.(*Projected)
	if !ok || !isRamps || len(ramps.Bias) != len(m.Pick) {
		return false
	}
	g.Scale = factors.D
	for a := range m.P.Out {
		input := slices.Index(m.P.Row(a), 1)
		if input < 0 {
			return false
		}
		g.Input, g.Place = append(g.Input, input), append(g.Place, nil)
	}
	for j, a := range m.Pick { // to the right of all places but the last, to the left of the last
		places := &g.Place[a]
		switch {
		case m.Scale[j] == 1:
			*places = append(*places, 0-ramps.Bias[j])
		case j == len(m.Pick)-1 || m.Pick[j+1] != a:
			*places = append(*places, ramps.Bias[j])
		}
	}
	for _, places := range g.Place {
		if len(places) < 2 || !sort.Float64sAreSorted(places) {
			return false
		}
	}
	return true
}

// readSlopes reads the slopes from the layer of the cells, or of the hats when
// there is one axis.
func (g *Grid) readSlopes(l Layer) bool {
	var slope []float64
	switch m := l.Map.(type) {
	case *Diagonal:
		slope = m.D
	case *Sparse: // the first entry of row k is the ramp to the right of place k
		for k := range m.Out {
			if e := m.RowPtr[k]; e < m.RowPtr[k+1] {
				slope = append(slope, -m.Val[e])
			}
		}
	}
	for _, places := range g.Place {
		cells := len(places) - 1
		if len(slope) < cells {
			return false
		}
		g.Slope = append(g.Slope, slope[:cells])
		slope = slope[min(2*cells, len(slope)):]
	}
	return true
}

// isolates reports whether the slopes are steep enough for the hats of other
// boxes to be exactly 0 as this package evaluates them.
//
// Let u be the roundoff; the numbers next to 1 are 1 - u and 1 + 2u. From the next
// place on, r is at least the width of the cell, and so the computed slope r >= 1 + 2u =: A, as
// rounding is monotone. Claim: M + q >= A once one of its u_a is. If M >= u_a/2,
// u_a - M is exact (Sterbenz), and so is the sum, u_a. Otherwise q > 1/2 has an error of u/2 at most,
// or is at least 1; M + q >= A - u/2, and the nearest number to that is A or
// larger. The hat is 1 - M - M' - q - q', from left to right. Up to q it makes errors of at most
// u/2 twice, and q has one of u/2, while 1 - M - q <= -2u without them: it is negative
// then, and nothing is added afterwards. With one axis there is no maximum, and A = 1 would do. QED
func (g *Grid) isolates(p Precision) bool {
	for a, places := range g.Place {
		for k, slope := range g.Slope[a] {
			if cell := p.Round(places[k+1] - places[k]); !(p.Round(slope*cell) >= 1+SteepBy*p.Eps()) {
				return false
			}
		}
	}
	return true
}
