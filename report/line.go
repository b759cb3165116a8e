package report

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// lineFigure draws a network of one input as the graph of its outputs, with
// the rows as points and the cuts of layer l as ticks along the axis.
func lineFigure(net *network.Network, set *dataset.Set, l int) *Picture {
	x0, x1 := span(set.X, 0, 0.06)
	ylo, yhi := span(set.Y, 0, 0.15)
	for j := 1; j < min(set.P(), len(classColors)); j++ {
		lo, hi := span(set.Y, j, 0.15)
		ylo, yhi = min(ylo, lo), max(yhi, hi)
	}
	c := newCanvas(360, x0, x1, ylo, yhi)
	cuts := axisCuts(net, l, []float64{x0}, []float64{x1})
	drawn := drawAxisCuts(c, cuts, x0, x1)
	xs := graphPoints(set, cuts, x0, x1)
	out := net.Eval(mat.NewDense(len(xs), 1, xs))
	ys := make([]float64, len(xs))
	shown := min(set.P(), len(classColors))
	for j := 0; j < shown; j++ {
		mat.Col(ys, j, out)
		c.addf(`<g style="color:%s">`, css(classColor(j)))
		c.path("graph", xs, ys)
		c.addf(`</g>`)
	}
	rows := sample(set.N(), maxPoints)
	c.addf(`<g class="points">`)
	for _, i := range rows {
		for j := 0; j < shown; j++ {
			c.point(set.X.At(i, 0), set.Y.At(i, j), 3, css(classColor(j)))
		}
	}
	c.addf(`</g>`)
	ylabel := targetName(&set.Schema, 0)
	if set.P() > 1 {
		ylabel = fmt.Sprintf("outputs (%d of %d)", shown, set.P())
	}
	c.axes(inputName(set, 0), ylabel)
	caption := fmt.Sprintf("The network as a function of its one input. Ticks at the foot: %s. Points: %s.",
		counted(drawn, len(cuts), "cut of the first hidden layer", "cuts of the first hidden layer"), counted(len(rows), set.N(), "row", "rows"))
	return &Picture{Title: "Where the hyperplanes cut", SVG: legend(set) + c.svg(caption), Caption: caption}
}

// graphPoints returns ascending abscissae that show the graph truly: an even
// grid, every row and every cut, thinned evenly when there are too many.
func graphPoints(set *dataset.Set, cuts []float64, x0, x1 float64) []float64 {
	var xs []float64
	for k := 0; k <= 800; k++ {
		xs = append(xs, x0+(x1-x0)*float64(k)/800)
	}
	for _, i := range sample(set.N(), maxPoints) {
		xs = append(xs, set.X.At(i, 0))
	}
	for _, k := range sample(len(cuts), maxPoints) {
		if cuts[k] >= x0 && cuts[k] <= x1 {
			xs = append(xs, cuts[k])
		}
	}
	sort.Float64s(xs)
	return xs
}

// axisCuts returns where the hyperplanes of layer l, the first hidden one,
// cross the segment from a to b, as fractions of the way when len(a) > 1 and
// as inputs when there is one input, ascending and distinct.
func axisCuts(net *network.Network, l int, a, b []float64) []float64 {
	d := len(a)
	ends := mat.NewDense(2, d, append(append([]float64(nil), a...), b...))
	z := net.PreActivations(ends, l)
	var cuts []float64
	for j := 0; j < net.Layers[l].Width(); j++ {
		za, zb := z.At(0, j), z.At(1, j)
		if za == zb || (za > 0) == (zb > 0) {
			continue
		}
		at := za / (za - zb)
		if d == 1 {
			at = a[0] + at*(b[0]-a[0])
		}
		cuts = append(cuts, at)
	}
	sort.Float64s(cuts)
	kept := cuts[:0]
	for _, v := range cuts {
		if len(kept) == 0 || math.Abs(v-kept[len(kept)-1]) > 1e-12*math.Abs(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// drawAxisCuts marks the cuts inside [lo, hi] along the foot of the plot and
// returns how many it drew.
func drawAxisCuts(c *canvas, cuts []float64, lo, hi float64) int {
	drawn := 0
	c.addf(`<g class="cut ticks">`)
	for _, k := range sample(len(cuts), maxLines) {
		if cuts[k] >= lo && cuts[k] <= hi {
			c.addf(`<path d="M%.1f %.1fv-12"/>`, c.px(cuts[k]), c.bottom)
			drawn++
		}
	}
	c.addf(`</g>`)
	return drawn
}
