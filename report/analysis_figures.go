package report

import (
	"fmt"
	"html/template"
	"image"
	"image/color"
	"math"
	"strings"

	"hinge/analyze"
)

// numbered gives the parts of a picture their own names, since a page holds
// several.
func numbered(svg template.HTML, k int) template.HTML {
	text := strings.ReplaceAll(string(svg), `id="plot"`, fmt.Sprintf(`id="plot%d"`, k))
	return template.HTML(strings.ReplaceAll(text, "url(#plot)", fmt.Sprintf("url(#plot%d)", k)))
}

// layerLegend names the layers by colour.
func layerLegend(names []string, marks []string) template.HTML {
	var b strings.Builder
	b.WriteString(`<p class="legend">`)
	for k, name := range names {
		fmt.Fprintf(&b, `<span><i style="background:%s"></i>%s</span>`, marks[k], escape(name))
	}
	b.WriteString(`</p>`)
	return template.HTML(b.String())
}

// spectrumFigure draws the singular values of every layer's Phi, and the
// tolerance of its rank as a dashed line.
func spectrumFigure(a *Analysis) *Picture {
	var shown []*analyze.Layer
	most, least := 1, 0.0
	for k := range a.Layers {
		y := &a.Layers[k]
		if y.Facts == nil || len(y.Spectrum) == 0 || y.Spectrum[0] == 0 || len(shown) == len(classColors) {
			continue
		}
		shown = append(shown, y)
		most = max(most, len(y.Spectrum))
		for _, s := range y.Spectrum {
			if s > 0 {
				least = min(least, math.Log10(s/y.Spectrum[0]))
			}
		}
		if y.Tolerance != nil && *y.Tolerance > 0 {
			least = min(least, math.Log10(*y.Tolerance/y.Spectrum[0])-0.5)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	c := newCanvas(320, 1, float64(most), max(least, -17), 0.3)
	var names, marks []string
	for k, y := range shown {
		names, marks = append(names, y.Name), append(marks, css(classColor(k)))
		c.addf(`<g style="color:%s">`, css(classColor(k)))
		var xs, ys []float64
		for i, s := range y.Spectrum {
			if s > 0 {
				xs, ys = append(xs, float64(i+1)), append(ys, math.Log10(s/y.Spectrum[0]))
			}
		}
		c.path("series", xs, ys)
		if y.Tolerance != nil && *y.Tolerance > 0 {
			v := math.Log10(*y.Tolerance / y.Spectrum[0])
			c.path("dash", []float64{c.x0, c.x1}, []float64{v, v})
		}
		c.addf(`</g>`)
	}
	c.axes("number k of the singular value", "log₁₀ σₖ / σ₁")
	caption := "Singular values of Φ, layer by layer, largest first. Dashed: the tolerance of the rank; values below it count as rounding. The rank is where a curve crosses its dashed line, the gap how steeply."
	return &Picture{Title: "Singular spectrum", SVG: layerLegend(names, marks) + c.svg(caption), Caption: caption}
}

// densityFigure draws, for every layer, how the shares of awake units are
// spread over the rows (left halves) and over the units (right halves).
func densityFigure(a *Analysis) *Picture {
	var shown []*analyze.Layer
	for k := range a.Layers {
		if a.Layers[k].Facts != nil {
			shown = append(shown, &a.Layers[k])
		}
	}
	if len(shown) == 0 {
		return nil
	}
	c := newCanvas(320, 0, float64(len(shown)), 0, 1)
	for k, y := range shown {
		c.halfViolin(float64(k)+0.5, -0.42, y.RowDensity.Bins, css(classColor(0)))
		c.halfViolin(float64(k)+0.5, 0.42, y.UnitDensity.Bins, css(classColor(1)))
		for _, mark := range []struct{ side, v float64 }{{-0.42, y.RowDensity.Median}, {0.42, y.UnitDensity.Median}} {
			c.addf(`<path class="cut" d="M%.1f %.1fH%.1f"/>`, c.px(float64(k)+0.5), c.py(mark.v), c.px(float64(k)+0.5+mark.side))
		}
	}
	names := make([]string, len(shown))
	for k, y := range shown {
		names[k] = y.Name
	}
	x0, x1 := c.x0, c.x1
	c.x0, c.x1 = math.NaN(), math.NaN() // names instead of numbers
	c.axes("", "share that is awake")
	c.x0, c.x1 = x0, x1
	step := 1 + (len(names)-1)/6
	for k := 0; k < len(names); k += step {
		c.addf(`<text class="num" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, c.px(float64(k)+0.5), c.bottom+20, escape(clip(names[k], 10)))
	}
	caption := "Left of each axis: the rows, by the share of units awake on them. Right: the units, by the share of rows they are awake on. Strokes: the medians. Each half is as wide at a height as there are rows or units (20 bins)."
	legend := layerLegend([]string{"rows", "units"}, []string{css(classColor(0)), css(classColor(1))})
	return &Picture{Title: "Density per layer", SVG: legend + c.svg(caption), Caption: caption}
}

// halfViolin fills one side of an upright axis at x, as wide as the bins are
// full; side is the largest width.
func (c *canvas) halfViolin(x, side float64, bins []int, fill string) {
	most := 1
	for _, b := range bins {
		most = max(most, b)
	}
	c.addf(`<path class="half" fill="%s" d="M%.1f %.1f`, fill, c.px(x), c.py(0))
	for k, b := range bins {
		// wide where there are many; thin tails stay visible
		w := side * math.Sqrt(float64(b)/float64(most))
		at := c.px(x + w)
		c.addf(`L%.1f %.1fL%.1f %.1f`, at, c.py(float64(k)/float64(len(bins))), at, c.py(float64(k+1)/float64(len(bins))))
	}
	c.addf(`L%.1f %.1fZ"/>`, c.px(x), c.py(1))
}

// planePicture draws a layer's rows in the plane of their two leading
// directions.
func (a *Analysis) planePicture(y *analyze.Layer) *Picture {
	p := y.Plane
	if p == nil || len(p.X) == 0 {
		return nil
	}
	x0, x1 := rangeOf(p.X)
	y0, y1 := rangeOf(p.Y)
	mx, my := 0.05*(x1-x0), 0.05*(y1-y0)
	c := newCanvas(400, x0-mx, x1+mx, y0-my, y1+my)
	lo, hi := 0.0, 1.0
	if p.Value != nil {
		lo, hi = rangeOf(p.Value)
	}
	c.addf(`<g class="points faint">`)
	for k := range p.X {
		fill := classColors[0]
		switch {
		case p.Class != nil:
			fill = classColor(p.Class[k])
		case hi > lo:
			fill = valueColor((p.Value[k] - lo) / (hi - lo))
		}
		c.point(p.X[k], p.Y[k], 3, css(fill))
	}
	c.addf(`</g>`)
	c.axes(fmt.Sprintf("first direction, %.0f %% of the variance", 100*p.Share[0]), fmt.Sprintf("second, %.0f %%", 100*p.Share[1]))
	caption := fmt.Sprintf("%s in the plane of the two leading principal directions, found on %s.",
		capital(counted(len(p.X), a.N, "row", "rows")), several(p.Of, "row", "rows"))
	return &Picture{Title: y.Name, SVG: c.svg(caption), Caption: caption}
}

// phiPicture draws a layer's Phi, rows by class, units by where they are awake.
func (a *Analysis) phiPicture(y *analyze.Layer) *Picture {
	g := y.Image
	if g == nil || g.Rows == 0 || g.Units == 0 {
		return nil
	}
	const strip, height = 14, 340
	img := image.NewNRGBA(image.Rect(0, 0, g.Units, g.Rows))
	side := image.NewNRGBA(image.Rect(0, 0, 1, g.Rows))
	tone := classColors[0]
	for i := range g.Rows {
		if g.RowClass[i] >= 0 {
			side.SetNRGBA(0, i, classColor(g.RowClass[i]))
		}
		for j := range g.Units {
			if v := g.Ink[i*g.Units+j]; v > 0 {
				img.SetNRGBA(j, i, color.NRGBA{tone.R, tone.G, tone.B, uint8(60 + 195*math.Sqrt(min(v, 1)))})
			}
		}
	}
	caption := fmt.Sprintf("Down: %s, by %s. Across: %s, by the rows they are awake on. Ink: awake, the stronger the nearer to the unit's largest value.",
		counted(g.Rows, a.N, "row", "rows"), map[bool]string{true: "class (colour at the left)", false: "target"}[a.isClasses()], counted(g.Units, g.AllUnits, "unit", "units"))
	svg := fmt.Sprintf(`<svg viewBox="0 0 520 %d" role="img" aria-label="%s"><image class="phi" x="0" y="1" width="%d" height="%d" preserveAspectRatio="none" href="%s"/><image class="phi" x="%d" y="1" width="%d" height="%d" preserveAspectRatio="none" href="%s"/><rect class="frame" x="%d" y="0.5" width="%d" height="%d"/></svg>`,
		height, escape(caption), strip-4, height-2, dataURI(side), strip, 519-strip, height-2, dataURI(img), strip, 519-strip, height-1)
	return &Picture{Title: y.Name, SVG: template.HTML(svg), Caption: caption}
}
