package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// canvas is an SVG picture with a plot area and two axes. Data coordinates are
// those of the axes; pixels are those of the viewBox. The picture is drawn 520
// units wide so that its text stays readable when a telephone shrinks it.
type canvas struct {
	b              strings.Builder
	w, h           float64 // of the whole picture
	left, top      float64 // of the plot area
	right, bottom  float64
	x0, x1, y0, y1 float64 // data range of the plot area
}

// newCanvas returns an empty picture of 520 x h whose axes run over the given
// ranges. A range of one point is widened.
func newCanvas(h, x0, x1, y0, y1 float64) *canvas {
	if !(x1 > x0) {
		x0, x1 = x0-1, x1+1
	}
	if !(y1 > y0) {
		y0, y1 = y0-1, y1+1
	}
	return &canvas{w: 520, h: h, left: 74, top: 10, right: 510, bottom: h - 46, x0: x0, x1: x1, y0: y0, y1: y1}
}

func (c *canvas) px(x float64) float64 {
	return c.left + (c.right-c.left)*(x-c.x0)/(c.x1-c.x0)
}

func (c *canvas) py(y float64) float64 {
	return c.bottom - (c.bottom-c.top)*(y-c.y0)/(c.y1-c.y0)
}

func (c *canvas) addf(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

// axes draws frame, ticks and labels.
func (c *canvas) axes(xlabel, ylabel string) {
	c.addf(`<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, c.left, c.top, c.right-c.left, c.bottom-c.top)
	for _, v := range ticks(c.x0, c.x1, 5) {
		x := c.px(v)
		c.addf(`<path class="tick" d="M%.1f %.1fv5"/><text class="num" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x, c.bottom, x, c.bottom+20, tickText(v))
	}
	for _, v := range ticks(c.y0, c.y1, 5) {
		y := c.py(v)
		c.addf(`<path class="tick" d="M%.1f %.1fh-5"/><text class="num" x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
			c.left, y, c.left-8, y+5, tickText(v))
	}
	c.addf(`<text class="label" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, (c.left+c.right)/2, c.h-6, escape(clip(xlabel, 48)))
	c.addf(`<text class="label" transform="translate(15 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, (c.top+c.bottom)/2, escape(clip(ylabel, 34)))
}

// classTicks writes the names of at most about 25 classes along the y axis.
func (c *canvas) classTicks(classes []string) {
	step := 1 + (len(classes)-1)/25
	for k := 0; k < len(classes); k += step {
		c.addf(`<text class="num" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, c.left-6, c.py(float64(k))+4, escape(clip(classes[k], 7)))
	}
}

// path draws a polyline through data points; NaN lifts the pen.
func (c *canvas) path(class string, x, y []float64) {
	c.addf(`<path class="%s" clip-path="url(#plot)" d="`, class)
	pen := byte('M')
	for i := range x {
		if math.IsNaN(y[i]) || math.IsInf(y[i], 0) {
			pen = 'M'
			continue
		}
		far := 4 * (c.y1 - c.y0) // SVG engines dislike huge coordinates
		c.addf(`%c%.1f %.1f`, pen, c.px(x[i]), c.py(max(c.y0-far, min(c.y1+far, y[i]))))
		pen = 'L'
	}
	c.addf(`"/>`)
}

// point draws a data point filled with the colour.
func (c *canvas) point(x, y, radius float64, fill string) {
	c.addf(`<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`, c.px(x), c.py(y), radius, fill)
}

// image puts a raster over the plot area.
func (c *canvas) image(uri template.URL) {
	c.addf(`<image x="%.1f" y="%.1f" width="%.1f" height="%.1f" preserveAspectRatio="none" href="%s"/>`,
		c.left, c.top, c.right-c.left, c.bottom-c.top, string(uri))
}

// svg returns the finished picture; alt says in words what it shows.
func (c *canvas) svg(alt string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s"><defs><clipPath id="plot"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></clipPath></defs>%s</svg>`,
		c.w, c.h, escape(alt), c.left, c.top, c.right-c.left, c.bottom-c.top, c.b.String()))
}

// ticks returns round numbers in [lo, hi], about count of them.
func ticks(lo, hi float64, count int) []float64 {
	raw := (hi - lo) / float64(count)
	if !(raw > 0) || math.IsInf(raw, 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if f*step >= raw {
			step *= f
			break
		}
	}
	var at []float64
	for k := math.Ceil(lo / step); k*step <= hi && len(at) < 20; k++ {
		at = append(at, k*step+0) // + 0 turns -0 into 0
	}
	return at
}

// tickText writes a round number in at most about six characters, so that it
// fits beside the axis.
func tickText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9 || a < 1e-3 && a > 0:
		return short(strconv.FormatFloat(v, 'g', 2, 64))
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	case a >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

func escape(s string) string { return template.HTMLEscapeString(s) }

// clip shortens a text to at most n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
