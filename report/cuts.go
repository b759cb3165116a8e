package report

import (
	"html/template"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// A Picture is one figure of the page.
type Picture struct {
	Title   string
	SVG     template.HTML
	Caption string
}

// Limits of what a figure holds: more would not be seen, and would make the
// page heavy.
const (
	maxPoints = 2000    // data rows drawn
	maxLines  = 500     // hyperplanes drawn
	gridWork  = 2 << 30 // multiplications spent on a background
)

// Cuts draws where the hyperplanes of the first hidden layer cut: over the
// plane for two inputs, on the graph of the function for one, and along a
// direction for more. It returns nil for an affine network.
func Cuts(net *network.Network, set *dataset.Set) *Picture {
	hidden := net.HiddenLayers()
	if len(hidden) == 0 || set.N() == 0 {
		return nil
	}
	switch set.D() {
	case 1:
		return lineFigure(net, set, hidden[0])
	case 2:
		return planeFigure(net, set, hidden[0])
	}
	return projectionFigure(net, set, hidden[0])
}

// sample returns at most most indices below n, evenly spread.
func sample(n, most int) []int {
	if n <= most {
		most = n
	}
	rows := make([]int, most)
	for k := range rows {
		rows[k] = k * n / most
	}
	return rows
}

// span returns the least and greatest entries of column j, and both moved
// outwards by the fraction pad of their distance.
func span(m *mat.Dense, j int, pad float64) (lo, hi float64) {
	n, _ := m.Dims()
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := 0; i < n; i++ {
		lo, hi = min(lo, m.At(i, j)), max(hi, m.At(i, j))
	}
	wide := (hi - lo) * pad
	if wide == 0 {
		wide = max(math.Abs(lo)*pad, pad)
	}
	return lo - wide, hi + wide
}

// targetName returns the name of target j.
func targetName(s *dataset.Schema, j int) string {
	if j < len(s.Targets) {
		return s.Targets[j]
	}
	return "output"
}

// winner returns the index of the greatest output.
func winner(out []float64) int {
	best := 0
	for j, v := range out {
		if v > out[best] {
			best = j
		}
	}
	return best
}

// legend returns the classes with their colours, for the caption's side.
func legend(set *dataset.Set) template.HTML {
	if !set.IsClasses() || len(set.Schema.Classes) > 10 {
		return ""
	}
	var b strings.Builder
	b.WriteString(`<p class="legend">`)
	for k, name := range set.Schema.Classes {
		b.WriteString(`<span><i style="background:` + css(classColor(k)) + `"></i>` + escape(clip(name, 24)) + `</span> `)
	}
	b.WriteString(`</p>`)
	return template.HTML(b.String())
}

// inputName returns the name of input j.
func inputName(set *dataset.Set, j int) string {
	names := set.Schema.InputNames()
	if j < len(names) {
		return names[j]
	}
	return "input"
}
