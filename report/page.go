package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Page is a build as one HTML file that loads nothing: figures are SVG and PNG
// inside it, it follows the reader's light or dark setting, and it prints.
type Page struct {
	*Build
	Plan    *Plan // nil leaves the comparison out
	Layers  []LayerInfo
	Figures []*Picture
}

// pagePlanned is the size of table, in numbers, up to which a page compares
// all constructions: planning them takes a few seconds there.
const pagePlanned = 1 << 23

// NewPage draws the figures of a network that was built for p.
func NewPage(b *Build, p *construct.Problem, net *network.Network) *Page {
	page := &Page{Build: b, Layers: Layers(net)}
	if p.Set.N()*p.Set.D() <= pagePlanned {
		page.Plan = NewPlan(p)
	}
	for _, figure := range []*Picture{Cuts(net, p.Set), PhiPicture(net, p.Set)} {
		if figure != nil {
			page.Figures = append(page.Figures, figure)
		}
	}
	return page
}

//go:embed page.html
var pageText string

// styleText is the style of all pages.
//
//go:embed style.html
var styleText string

var pageTemplate = newTemplate("page", pageText)

// newTemplate parses a page with the words and the style that all pages share.
func newTemplate(name, text string) *template.Template {
	t := template.Must(template.New(name).Funcs(pageWords).Parse(text))
	return template.Must(t.Parse(styleText))
}

var pageWords = template.FuncMap{
	"count": count, "atMost": atMost, "atLeast": atLeast, "exact": exact, "ratio": ratio, "several": several,
	"seconds": seconds, "fileSize": fileSize, "lines": lines, "value": valueText, "clip": clip, "capital": capital, "number": number,
}

// WriteHTML writes the page.
func (p *Page) WriteHTML(w io.Writer) error {
	return pageTemplate.Execute(w, p)
}

func lines(s string) []string { return strings.Split(s, "\n") }

// Verdict is the page's first sentence.
func (p *Page) Verdict() string {
	c := p.Certificate
	if c.Holds {
		return fmt.Sprintf("Every one of %s is hit, and that is proved.", several(c.Rows, "row", "rows"))
	}
	return fmt.Sprintf("%s of %s could be proved. There is no certificate.", count(c.Hit), several(c.Rows, "row", "rows"))
}

// Bound says how far the proof reaches.
func (p *Page) Bound() string { return capital(boundText(p.Certificate)) }

// Size, LimitText, PhiText say in words what the text form says.
func (p *Page) Size() string { return p.sizeText() }

// LimitText compares the size with the counting limit.
func (p *Page) LimitText() string { return p.limitText() }

// PhiText describes the interpolation matrix.
func (p *Page) PhiText() string { return p.phiText() }

// Time says where the time went.
func (p *Page) Time() string { return p.timeText() }

// IsClasses says that the targets are classes.
func (p *Page) IsClasses() bool { return p.Task == string(dataset.Classification) }

// MissedShown are the first missed rows.
func (p *Page) MissedShown() []Miss {
	misses := Misses(p.Certificate, nil)
	return misses[:min(len(misses), missesListed)]
}

// A Bar is one construction in the comparison: how long its bar is and where
// the limit's mark stands, in percent of a logarithmic axis.
type Bar struct {
	construct.Entry
	Chosen    bool
	HasSize   bool
	Measure   string // "units" or "parameters"
	Width     float64
	Mark      float64 // 0: no limit
	SizeText  string
	LimitText string
	ErrorText string
	Refusal   string
}

// Bars lists the constructions of the plan.
func (p *Page) Bars() []Bar {
	if p.Plan == nil {
		return nil
	}
	most := 2.0
	for _, e := range p.Plan.Constructions {
		size, limit := measured(&e)
		most = max(most, float64(size), float64(limit))
	}
	at := func(v int) float64 {
		if v < 1 {
			return 0
		}
		return 100 * math.Log(1+float64(v)) / math.Log(1+most)
	}
	var bars []Bar
	for _, e := range p.Plan.Constructions {
		b := Bar{Entry: e, Chosen: e.Name == p.Construction, HasSize: hasSize(&e), Measure: "units"}
		if e.Limit.Units == 0 {
			b.Measure = "parameters"
		}
		if b.HasSize {
			size, limit := measured(&e)
			b.Width, b.Mark = at(size), at(limit)
			b.SizeText, b.LimitText, b.ErrorText = count(size), count(limit), errorText(&e)
			if e.Estimated {
				b.SizeText = "≈ " + b.SizeText
			}
		}
		if !e.Fits {
			b.Refusal = sentence(e.Reason, e.Advice)
		}
		bars = append(bars, b)
	}
	return bars
}

// measured returns a construction's size and limit in the measure that its
// ratio is in.
func measured(e *construct.Entry) (size, limit int) {
	if e.Limit.Units > 0 {
		return e.Units, e.Limit.Units
	}
	return e.Parameters, e.Limit.Parameters
}
