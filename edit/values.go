package edit

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/fixed"
	"hinge/network"
)

// setValues adds gates whose value units are affine in the outputs of the layer
// of thresholds, so that the rows of a group, when they are independent there,
// each gain what they lack. An output gains
//
//	s(g + K - C sum) - s(K - C sum),   K > |g|,
//
// which is g inside the gate and exactly 0 outside; the second unit serves all
// outputs.
func (r *gating) setValues() error {
	lack, err := r.lacks()
	if err != nil {
		return err
	}
	h := r.stage.net.Activations(r.x, r.stage.first)
	var failed []int
	for rest := r.wrong; len(rest) > 0; {
		group := independent(h, rest)
		if r.most > 0 {
			group = group[:min(len(group), r.most)]
		}
		var opened []int
		bad, err := r.open(group, func(g *gate) {
			opened = append(opened, g.rows...)
			values, largest := r.corrections(g, h, lack)
			r.units.add(r, g, largest, values)
			r.note(g, "", len(values))
		})
		if err != nil {
			return err
		}
		failed = append(failed, bad...)
		rest = without(rest, opened, bad)
	}
	if len(failed) > 0 {
		return r.impossible(failed)
	}
	return nil
}

// lacks returns what every row of fix lacks of every output before the last
// activation, k x p. Where the network ends in a ReLU, nothing below 0 can be
// wanted.
func (r *repair) lacks() (*mat.Dense, error) {
	last := len(r.net.Layers) - 1
	lack := mat.DenseCopyOf(r.pre)
	var negative []int
	for i := range r.k {
		row := lack.RawRowView(i)
		for j, want := range r.fix.Y.RawRowView(i) {
			if want < 0 && r.net.Layers[last].Act == network.ReLU {
				negative = append(negative, r.fix.Rows[i])
			}
			row[j] = want - row[j]
		}
	}
	if len(negative) > 0 {
		return nil, &ImpossibleError{Reason: "the network ends in a ReLU, so its outputs are never negative, as is wanted", Rows: negative}
	}
	return lack, nil
}

// independent returns the first of the rows that are affinely independent in h.
func independent(h *mat.Dense, rows []int) []int {
	var span fixed.Span
	var group []int
	_, width := h.Dims()
	for _, i := range rows {
		if span.Add(fixed.Homogeneous(h.RawRowView(i))) {
			group = append(group, i)
		}
		if len(group) == width {
			break
		}
	}
	return group
}

// without returns the rows less those of two other lists.
func without(rows, a, b []int) []int {
	gone := make(map[int]bool)
	for _, i := range a {
		gone[i] = true
	}
	for _, i := range b {
		gone[i] = true
	}
	var rest []int
	for _, i := range rows {
		if !gone[i] {
			rest = append(rest, i)
		}
	}
	return rest
}

// corrections returns the value units of a gate and the largest value that one
// of them takes anywhere on the rows.
func (r *gating) corrections(g *gate, h, lack *mat.Dense) (values []value, largest float64) {
	var span fixed.Span
	for _, i := range g.rows {
		x := fixed.Homogeneous(h.RawRowView(i))
		if len(g.rows) == 1 { // a constant: the rounding of h then is not felt
			clear(x[:len(x)-1])
		}
		span.Add(x)
	}
	_, p := lack.Dims()
	var affine [][]float64
	down := make([]float64, r.stage.net.Layers[r.stage.second+1].Width())
	for o := range p {
		want := make([]float64, len(g.rows))
		moves := false
		for k, i := range g.rows {
			want[k] = lack.At(i, o)
			moves = moves || want[k] != 0
		}
		if !moves {
			continue
		}
		w := span.Interpolate(want)
		for j, v := range w {
			w[j] = r.net.Precision.Round(v)
		}
		lift, _ := r.stage.lift(o)
		fixed.Axpy(down, -1, lift)
		affine, values = append(affine, w), append(values, value{w: w[:len(w)-1], base: w[len(w)-1], lift: lift})
	}
	inside, anywhere := r.reachOf(affine, h, g.rows)
	base := r.net.Precision.Round(2 * inside)
	for k := range values {
		values[k].base = r.net.Precision.Round(base + values[k].base)
	}
	return append(values, value{base: base, lift: down}), base + anywhere
}

// reachOf returns the largest |g| on the group and on all rows.
func (r *gating) reachOf(affine [][]float64, h *mat.Dense, group []int) (inside, anywhere float64) {
	n, _ := h.Dims()
	at := func(i int) float64 {
		most := 0.0
		x := fixed.Homogeneous(h.RawRowView(i))
		for _, w := range affine {
			most = max(most, math.Abs(fixed.Dot(w, x)))
		}
		return most
	}
	for _, i := range group {
		inside = max(inside, at(i))
	}
	for i := range n {
		anywhere = max(anywhere, at(i))
	}
	return inside, anywhere
}
