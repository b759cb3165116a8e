package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"

	"hinge/train"
)

//go:embed training.html
var trainingText string

var trainingTemplate = newTemplate("training", trainingText)

// trainingPage is a training as one HTML file that loads nothing.
type trainingPage struct {
	*Training
	Figures []*Picture
}

// WriteHTML writes the training as one page.
func (t *Training) WriteHTML(w io.Writer) error {
	p := &trainingPage{Training: t}
	for _, figure := range t.figures() {
		if picture := figure.draw(t.History); picture != nil {
			picture.SVG = numbered(picture.SVG, len(p.Figures)+1)
			p.Figures = append(p.Figures, picture)
		}
	}
	return trainingTemplate.Execute(w, p)
}

// SourceName, Verdict, Recipe, Shape, EpochTable, TraceTable, Traced put the
// run in words for the page.
func (p *trainingPage) SourceName() string { return baseNames(p.Source) }

// Verdict is the page's first sentence.
func (p *trainingPage) Verdict() string {
	text := fmt.Sprintf("After %s: %s.", several(p.Passes(), "epoch", "epochs"), p.misfitText(p.Final, "row", "rows"))
	if p.Finished != nil {
		text += fmt.Sprintf(" Then finished: every row is hit, and that is proved, with %s more.", several(p.Finished.Added, "unit", "units"))
	}
	return text
}

// TestText says how it does on the test rows.
func (p *trainingPage) TestText() string { return p.misfitText(p.TestNow, "test row", "test rows") }

// Recipe is what the training was asked for.
func (p *trainingPage) Recipe() string { return p.recipe() }

// Shape is the network's.
func (p *trainingPage) Shape() string { return p.networkText() }

// EpochTable is the table of the epochs.
func (p *trainingPage) EpochTable() [][]string { return p.epochRows() }

// TraceTable is the table of the interpolation matrices.
func (p *trainingPage) TraceTable() [][]string { return p.traceRows() }

// Traced is how many rows the trace looked at.
func (p *trainingPage) Traced() int { return p.traced() }

// Passes is how many epochs of steps were made.
func (p *trainingPage) Passes() int {
	if n := len(p.History); n > 0 {
		return p.History[n-1].Epoch
	}
	return 0
}

// Interrupted says that the run did not come to its end.
func (p *trainingPage) Interrupted() bool { return p.Stopped == train.StoppedInterrupt }

// An epochCurve is a number of every epoch; NaN where it was not measured.
type epochCurve struct {
	name string
	at   func(e *train.Epoch) float64
}

// An epochFigure draws curves over the epochs.
type epochFigure struct {
	title, axis, caption string
	logarithm            bool // of the ordinate; zeros are left out
	curves               []epochCurve
}

// figures lists what the page draws.
func (t *Training) figures() []epochFigure {
	list := []epochFigure{{
		title: "The loss", axis: "log₁₀ of the mean loss", logarithm: true,
		caption: "Mean loss of the rows of an epoch, each as its step met it.",
		curves:  []epochCurve{{"loss", func(e *train.Epoch) float64 { return e.Loss }}},
	}}
	if t.classes() {
		list = append(list, epochFigure{
			title: "Wrong rows", axis: "log₁₀ of wrong rows", logarithm: true,
			caption: "Rows that were wrong when their step met them, and those wrong at the end of the epoch. Where a curve ends, none was.",
			curves: []epochCurve{{"met", func(e *train.Epoch) float64 { return float64(e.Missed) }},
				{"at the end", func(e *train.Epoch) float64 { return ofInt(e.Wrong) }}},
		})
	}
	list = append(list, epochFigure{
		title: "On the test rows", axis: map[bool]string{true: "accuracy", false: "R2"}[t.classes()],
		caption: "Rows that the training never learnt from.",
		curves:  []epochCurve{{"test", func(e *train.Epoch) float64 { return ofFloat(e.Test) }}},
	})
	return append(list, t.traceFigures()...)
}

// traceFigures lists the figures of the trace.
func (t *Training) traceFigures() []epochFigure {
	layers := func(at func(y *train.LayerTrace) float64) []epochCurve {
		var curves []epochCurve
		for k := range t.Hidden {
			curves = append(curves, epochCurve{fmt.Sprintf("hidden layer %d", k+1), func(e *train.Epoch) float64 {
				if e.Trace == nil || k >= len(e.Trace.Layers) {
					return math.NaN()
				}
				return at(&e.Trace.Layers[k])
			}})
		}
		return curves
	}
	trace := func(at func(e *train.Trace) float64) func(e *train.Epoch) float64 {
		return func(e *train.Epoch) float64 {
			if e.Trace == nil {
				return math.NaN()
			}
			return at(e.Trace)
		}
	}
	misfit := epochFigure{title: "What the output layer makes of it", axis: "relative residual",
		caption: "On the rows looked at: the network as trained, and the same hidden layers with the output layer by least squares, one linear solve.",
		curves: []epochCurve{{"as trained", trace(func(e *train.Trace) float64 { return e.Own })},
			{"by a solve", trace(func(e *train.Trace) float64 { return ofFloat(e.Solved) })}}}
	if t.classes() {
		misfit.axis = "wrong rows"
	}
	return []epochFigure{
		{title: "Rank of Φ", axis: "rank", caption: "Rank of the interpolation matrix on the rows looked at.",
			curves: layers(func(y *train.LayerTrace) float64 { return ofInt(y.Rank) })},
		{title: "Condition of Φ", axis: "log₁₀ σ₁/σᵣ", logarithm: true, caption: "How far errors in the targets can grow in the weights of a solve.",
			curves: layers(func(y *train.LayerTrace) float64 { return ofFloat(y.Condition) })},
		{title: "Density of Φ", axis: "share of nonzeros", caption: "The share of units awake, over all rows looked at.",
			curves: layers(func(y *train.LayerTrace) float64 { return y.Density })},
		{title: "Activation patterns", axis: "patterns", caption: "Different sets of awake units among the rows looked at.",
			curves: layers(func(y *train.LayerTrace) float64 { return ofInt(y.Patterns) })},
		misfit,
		{title: "What it would cost to finish now", axis: "hidden units to add", caption: "Units that bumps would add to make every row right after this epoch; 0 where a solve for the output layer or nothing at all is enough.",
			curves: []epochCurve{{"units", func(e *train.Epoch) float64 {
				if e.Cost == nil {
					return math.NaN()
				}
				return float64(e.Cost.Units)
			}}}},
	}
}

func ofInt(v *int) float64 {
	if v == nil {
		return math.NaN()
	}
	return float64(*v)
}

func ofFloat(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// draw returns the figure, or nil when nothing in it was measured.
func (f *epochFigure) draw(history []train.Epoch) *Picture {
	x := make([]float64, len(history))
	curves := make([][]float64, len(f.curves))
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range history {
		x[i] = float64(history[i].Epoch)
		for k, curve := range f.curves {
			v := curve.at(&history[i])
			if f.logarithm {
				v = math.Log10(v) // minus infinity lifts the pen
			}
			curves[k] = append(curves[k], v)
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if !(lo <= hi) {
		return nil
	}
	pad := 0.05*(hi-lo) + 1e-9
	c := newCanvas(260, x[0], x[len(x)-1], lo-pad, hi+pad)
	var names, marks []string
	for k, curve := range f.curves {
		names, marks = append(names, curve.name), append(marks, css(classColor(k)))
		c.addf(`<g style="color:%s">`, css(classColor(k)))
		c.path("series", x, curves[k])
		for i, v := range curves[k] {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				c.point(x[i], v, 2.5, css(classColor(k)))
			}
		}
		c.addf(`</g>`)
	}
	c.axes("epoch", f.axis)
	var key template.HTML
	if len(names) > 1 {
		key = layerLegend(names, marks)
	}
	return &Picture{Title: f.title, SVG: key + c.svg(f.caption), Caption: f.caption}
}
