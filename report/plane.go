package report

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// planeFigure draws a network of two inputs over the plane: what it answers
// everywhere as the background, the hyperplanes of layer l as lines, the rows
// as points.
func planeFigure(net *network.Network, set *dataset.Set, l int) *Picture {
	x0, x1 := span(set.X, 0, 0.08)
	y0, y1 := span(set.X, 1, 0.08)
	c := newCanvas(420, x0, x1, y0, y1)
	lo, hi := span(set.Y, 0, 0)
	shade := func(out []float64) color.NRGBA {
		if set.IsClasses() {
			return classColor(winner(out))
		}
		return valueColor((out[0] - lo) / (hi - lo))
	}
	background(c, net, shade)
	drawn, lines := planeLines(c, net, l)
	rows := sample(set.N(), maxPoints)
	radius := 4.0
	if len(rows) > 300 {
		radius = 2.6
	}
	c.addf(`<g class="points">`)
	for _, i := range rows {
		c.point(set.X.At(i, 0), set.X.At(i, 1), radius, css(shade(set.Y.RawRowView(i))))
	}
	c.addf(`</g>`)
	c.axes(inputName(set, 0), inputName(set, 1))
	what := "its value of " + targetName(&set.Schema, 0)
	if set.IsClasses() {
		what = "the class it answers"
	}
	caption := fmt.Sprintf("The plane of the two inputs. Background: the network, %s. Lines: %s. Points: %s.",
		what, counted(drawn, lines, "hyperplane of the first hidden layer", "hyperplanes of the first hidden layer"), counted(len(rows), set.N(), "row", "rows"))
	return &Picture{Title: "Where the hyperplanes cut", SVG: legend(set) + c.svg(caption), Caption: caption}
}

// background evaluates the network on a grid over the plot area and paints it.
// The grid is as fine as gridWork multiplications allow.
func background(c *canvas, net *network.Network, shade func(out []float64) color.NRGBA) {
	cells := float64(gridWork) / float64(max(net.Parameters(), 1))
	scale := min(1, math.Sqrt(cells/(360*300)))
	w, h := max(24, int(360*scale)), max(20, int(300*scale))
	grid := mat.NewDense(w*h, 2, nil)
	for r := 0; r < h; r++ {
		for q := 0; q < w; q++ {
			grid.SetRow(r*w+q, []float64{
				c.x0 + (c.x1-c.x0)*(float64(q)+0.5)/float64(w),
				c.y1 - (c.y1-c.y0)*(float64(r)+0.5)/float64(h),
			})
		}
	}
	out := net.Eval(grid)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for k := 0; k < w*h; k++ {
		img.SetNRGBA(k%w, k/w, shade(out.RawRowView(k)))
	}
	c.addf(`<g class="field">`)
	c.image(dataURI(img))
	c.addf(`</g>`)
}

// planeLines draws the zero lines of the pre-activations of layer l, the first
// hidden one. They are affine in the inputs, so their values at three corners
// of the plot area say all. It returns how many are drawn and how many there
// are inside the area.
func planeLines(c *canvas, net *network.Network, l int) (drawn, inside int) {
	corners := mat.NewDense(3, 2, []float64{c.x0, c.y0, c.x1, c.y0, c.x0, c.y1})
	z := net.PreActivations(corners, l)
	type segment struct{ u0, v0, u1, v1 float64 }
	seen := map[segment]bool{}
	var segments []segment
	for j := 0; j < net.Layers[l].Width(); j++ {
		u0, v0, u1, v1, ok := zeroLine(z.At(0, j), z.At(1, j)-z.At(0, j), z.At(2, j)-z.At(0, j))
		s := segment{round4(u0), round4(v0), round4(u1), round4(v1)}
		if ok && !seen[s] {
			seen[s] = true
			segments = append(segments, s)
		}
	}
	class := "cut"
	switch {
	case len(segments) > 200:
		class = "cut most"
	case len(segments) > 60:
		class = "cut many"
	}
	c.addf(`<g class="%s">`, class)
	for _, k := range sample(len(segments), maxLines) {
		s := segments[k]
		c.addf(`<path d="M%.1f %.1fL%.1f %.1f"/>`, c.left+s.u0*(c.right-c.left), c.bottom-s.v0*(c.bottom-c.top),
			c.left+s.u1*(c.right-c.left), c.bottom-s.v1*(c.bottom-c.top))
		drawn++
	}
	c.addf(`</g>`)
	return drawn, len(segments)
}

// zeroLine returns where a + b u + c v = 0 enters and leaves the unit square;
// ok is false when it misses it.
func zeroLine(a, b, c float64) (u0, v0, u1, v1 float64, ok bool) {
	var us, vs []float64
	add := func(u, v float64) {
		if u >= 0 && u <= 1 && v >= 0 && v <= 1 {
			us, vs = append(us, u), append(vs, v)
		}
	}
	if b != 0 {
		add(-a/b, 0)
		add(-(a+c)/b, 1)
	}
	if c != 0 {
		add(0, -a/c)
		add(1, -(a+b)/c)
	}
	for k := 1; k < len(us); k++ { // the first crossing that is another point
		if math.Abs(us[k]-us[0])+math.Abs(vs[k]-vs[0]) > 1e-9 {
			return us[0], vs[0], us[k], vs[k], true
		}
	}
	return 0, 0, 0, 0, false
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// counted says "all 12 rows" or "2,000 of 60,000 rows".
func counted(shown, total int, one, many string) string {
	switch {
	case total == 1:
		return "the one " + one
	case shown == total:
		return fmt.Sprintf("all %s %s", count(total), many)
	}
	return fmt.Sprintf("%s of %s %s", count(shown), count(total), many)
}
