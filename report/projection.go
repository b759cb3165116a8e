package report

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// projectionFigure draws a network of more than two inputs along one direction
// u: every row at t = u.x, against its target or its class, with the places
// where the hyperplanes of layer l cross the line through the mean along u.
func projectionFigure(net *network.Network, set *dataset.Set, l int) *Picture {
	dir := directionOf(net, set)
	rows := sample(set.N(), maxPoints)
	t := dir.project(set, rows)
	t0, t1 := rangeOf(t)
	c := newCanvas(340, t0-0.04*(t1-t0), t1+0.04*(t1-t0), 0, 1)
	if set.IsClasses() {
		c.y0, c.y1 = -0.7, float64(set.P())-0.3
	} else {
		c.y0, c.y1 = span(set.Y, 0, 0.1)
	}
	cuts := dir.cuts(net, set, l, c.x0, c.x1)
	drawn := drawAxisCuts(c, cuts, c.x0, c.x1)
	c.addf(`<g class="points faint">`)
	for k, i := range rows {
		if set.IsClasses() {
			// rows of a class are spread a little so that they do not hide each other
			jitter := 0.5 * (math.Mod(float64(k)*0.6180339887498949, 1) - 0.5)
			c.point(t[k], float64(set.Class[i])+jitter, 2, css(classColor(set.Class[i])))
		} else {
			c.point(t[k], set.Y.At(i, 0), 2, css(classColors[0]))
		}
	}
	c.addf(`</g>`)
	if set.IsClasses() {
		y0, y1 := c.y0, c.y1
		c.y0, c.y1 = math.NaN(), math.NaN() // class names instead of numbers
		c.axes("u·x, "+dir.name, "")
		c.y0, c.y1 = y0, y1
		c.classTicks(set.Schema.Classes)
	} else {
		c.axes("u·x, "+dir.name, targetName(&set.Schema, 0))
	}
	caption := fmt.Sprintf("%s, laid along %s. Ticks at the foot: %s where hyperplanes of the first hidden layer cross the line through the mean along u.",
		capital(counted(len(rows), set.N(), "row", "rows")), dir.name, counted(drawn, len(cuts), "place", "places"))
	return &Picture{Title: "Where the hyperplanes cut", SVG: c.svg(caption), Caption: caption}
}

// A direction is a line through the mean of the inputs.
type direction struct {
	name   string
	mean   []float64 // d
	u      []float64 // d, in units of the raw inputs: t = sum u_j (x_j - mean_j)
	step   []float64 // d, moving by it raises t by 1
	q      int       // the projection of the network's first layer, or -1
	within *network.Projected
}

// directionOf returns the network's own first direction when its first hidden
// layer looks along some, and otherwise the direction in which the scaled
// inputs vary most.
func directionOf(net *network.Network, set *dataset.Set) *direction {
	d := set.D()
	dir := &direction{mean: make([]float64, d), u: make([]float64, d), step: make([]float64, d), q: -1}
	spread := make([]float64, d)
	rows := sample(set.N(), maxPoints)
	for j := range dir.mean {
		for _, i := range rows {
			dir.mean[j] += set.X.At(i, j) / float64(len(rows))
		}
		for _, i := range rows {
			spread[j] += math.Pow(set.X.At(i, j)-dir.mean[j], 2) / float64(len(rows))
		}
		spread[j] = math.Sqrt(spread[j])
	}
	hidden := net.HiddenLayers()[0]
	if p := projectedIn(net.Layers[hidden].Map); p != nil && p.P.In == d {
		dir.within, dir.q, dir.name = p, 0, "the network's first direction"
		scales := inputScales(net, hidden, d)
		for j, w := range p.P.Row(0) {
			dir.u[j] = w * scales[j]
		}
	} else {
		dir.name = "the direction of largest variance"
		dir.u = principal(set, rows, dir.mean, spread)
	}
	norm := 0.0
	for j, w := range dir.u {
		norm += w * w * spread[j] * spread[j]
	}
	for j, w := range dir.u { // along the data's own ellipsoid, so that the line stays near the rows
		if norm > 0 {
			dir.step[j] = w * spread[j] * spread[j] / norm
		}
	}
	return dir
}

// inputScales returns the factors of an elementwise affine layer in front of
// layer hidden, 1 where there is none.
func inputScales(net *network.Network, hidden, d int) []float64 {
	scales := make([]float64, d)
	for j := range scales {
		scales[j] = 1
	}
	for _, layer := range net.Layers[:hidden] {
		if diag, ok := layer.Map.(*network.Diagonal); ok && len(diag.D) == d {
			for j, v := range diag.D {
				scales[j] *= v
			}
		}
	}
	return scales
}

// projectedIn returns the first projected map inside m.
func projectedIn(m network.Map) *network.Projected {
	switch m := m.(type) {
	case *network.Projected:
		return m
	case *network.Stack:
		for _, part := range m.Maps {
			if p := projectedIn(part); p != nil {
				return p
			}
		}
	}
	return nil
}

// principal returns the first principal direction of the inputs divided by
// their spread, in raw units, by power iteration from the all-ones vector.
func principal(set *dataset.Set, rows []int, mean, spread []float64) []float64 {
	d := len(mean)
	v, next := make([]float64, d), make([]float64, d)
	for j := range v {
		v[j] = 1
	}
	for iter := 0; iter < 15; iter++ { // enough for a picture
		clear(next)
		for _, i := range rows {
			row, dot := set.X.RawRowView(i), 0.0
			for j, w := range v {
				if spread[j] > 0 {
					dot += w * (row[j] - mean[j]) / spread[j]
				}
			}
			for j := range next {
				if spread[j] > 0 {
					next[j] += dot * (row[j] - mean[j]) / spread[j]
				}
			}
		}
		norm := 0.0
		for _, w := range next {
			norm += w * w
		}
		if norm == 0 {
			break
		}
		for j := range v {
			v[j] = next[j] / math.Sqrt(norm)
		}
	}
	for j := range v {
		if spread[j] > 0 {
			v[j] /= spread[j]
		} else {
			v[j] = 0
		}
	}
	return v
}

// project returns t for the given rows.
func (dir *direction) project(set *dataset.Set, rows []int) []float64 {
	t := make([]float64, len(rows))
	for k, i := range rows {
		row := set.X.RawRowView(i)
		for j, w := range dir.u {
			t[k] += w * (row[j] - dir.mean[j])
		}
	}
	return t
}

// cuts returns the t in [t0, t1] at which hyperplanes of layer l cross the line.
// Units of the network that look along its other directions are left out.
func (dir *direction) cuts(net *network.Network, set *dataset.Set, l int, t0, t1 float64) []float64 {
	at := func(t float64) []float64 {
		x := make([]float64, len(dir.mean))
		for j := range x {
			x[j] = dir.mean[j] + t*dir.step[j]
		}
		return x
	}
	one := net
	if dir.within != nil && dir.within == net.Layers[l].Map {
		if only := unitsAlong(&net.Layers[l], dir.within, dir.q); only != nil {
			one = &network.Network{Layers: append(append([]network.Layer(nil), net.Layers[:l]...), *only), Precision: net.Precision}
		}
	}
	fractions := axisCuts(one, l, at(t0), at(t1))
	for k, f := range fractions {
		fractions[k] = t0 + f*(t1-t0)
	}
	return fractions
}

// unitsAlong returns the layer with only the units that pick projection q.
func unitsAlong(layer *network.Layer, p *network.Projected, q int) *network.Layer {
	only := &network.Projected{P: p.P}
	var bias []float64
	for j, pick := range p.Pick {
		if int(pick) != q {
			continue
		}
		only.Pick, only.Scale = append(only.Pick, pick), append(only.Scale, p.Scale[j])
		if layer.Bias != nil {
			bias = append(bias, layer.Bias[j])
		}
	}
	if len(only.Pick) == 0 {
		return nil
	}
	return &network.Layer{Map: only, Bias: bias, Act: layer.Act}
}

func rangeOf(v []float64) (lo, hi float64) {
	m := mat.NewDense(len(v), 1, v)
	return span(m, 0, 0)
}
