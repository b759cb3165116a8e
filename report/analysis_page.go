package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"path/filepath"
	"strings"

	"hinge/analyze"
)

//go:embed analysis.html
var analysisText string

var analysisTemplate = newTemplate("analysis", analysisText)

// analysisPage is an analysis as one HTML file that loads nothing.
type analysisPage struct {
	*Analysis
	Figures []*Picture // of all layers together
	Phis    []*Picture // one per layer
	Planes  []*Picture
	Words   []word
}

// WriteHTML writes the analysis as one page.
func (a *Analysis) WriteHTML(w io.Writer) error {
	p := &analysisPage{Analysis: a, Words: words}
	number := 0
	keep := func(list *[]*Picture, figure *Picture) {
		if figure != nil {
			number++
			figure.SVG = numbered(figure.SVG, number)
			*list = append(*list, figure)
		}
	}
	keep(&p.Figures, spectrumFigure(a))
	keep(&p.Figures, densityFigure(a))
	for k := range a.Layers {
		keep(&p.Phis, a.phiPicture(&a.Layers[k]))
		keep(&p.Planes, a.planePicture(&a.Layers[k]))
	}
	return analysisTemplate.Execute(w, p)
}

// NetworkName and SourceName are the files without their folders.
func (p *analysisPage) NetworkName() string { return baseNames(p.Network) }

// SourceName names the table.
func (p *analysisPage) SourceName() string { return baseNames(p.Source) }

// baseNames drops the folders of files joined by commas.
func baseNames(files string) string {
	names := strings.Split(files, ",")
	for k, name := range names {
		names[k] = path.Base(filepath.ToSlash(name))
	}
	return strings.Join(names, ", ")
}

// Verdict is the page's first sentence.
func (p *analysisPage) Verdict() string {
	if p.Last == nil {
		return "The analysis was stopped before its end."
	}
	text := fmt.Sprintf("%s of %s hit", count(p.Last.Hit), several(p.N, "row is", "rows are"))
	switch m := p.Last.Memorised; {
	case m == nil:
	case p.isClasses():
		text += fmt.Sprintf("; %s would be answered otherwise without themselves", several(m.LeftOut, "row", "rows"))
	}
	return text + "."
}

// A tableRow is a fact for every layer.
type tableRow struct {
	Name, Anchor string
	Cells        []string
}

// LayerNames are the heads of the table.
func (p *analysisPage) LayerNames() []string {
	var names []string
	for k := range p.Layers {
		if p.Layers[k].Facts != nil {
			names = append(names, p.Layers[k].Name)
		}
	}
	return names
}

// Table is the table of the layers.
func (p *analysisPage) Table() []tableRow {
	var rows []tableRow
	for _, fact := range layerFacts {
		row, told := tableRow{Name: fact.Name, Anchor: fact.Anchor}, false
		for k := range p.Layers {
			if p.Layers[k].Facts == nil {
				continue
			}
			text := fact.value(&p.Layers[k], p.isClasses())
			told = told || text != ""
			row.Cells = append(row.Cells, text)
		}
		if told {
			rows = append(rows, row)
		}
	}
	return rows
}

// Sentences say more about single layers.
func (p *analysisPage) Sentences() []string {
	var list []string
	for k := range p.Layers {
		if p.Layers[k].Facts == nil {
			continue
		}
		for _, note := range layerNotes(&p.Layers[k], p.N, p.Classes) {
			list = append(list, capital(p.Layers[k].Name)+": "+note+".")
		}
	}
	return list
}

// ClassLegend names the classes by colour.
func (p *analysisPage) ClassLegend() template.HTML {
	if !p.isClasses() {
		return ""
	}
	var names, marks []string
	for k, name := range p.Classes[:min(len(p.Classes), len(classColors))] {
		names, marks = append(names, clip(name, 20)), append(marks, css(classColor(k)))
	}
	return layerLegend(names, marks)
}

// Solutions, Members, MostMemorised, MissedRows, Time put the last layer in
// words.
func (p *analysisPage) Solutions() string {
	where := "the inputs"
	if p.Last.Layer >= 0 {
		where = fmt.Sprintf("hidden layer %d", p.Depth)
	}
	return capital(solutionsText(p.Last, p.N, where)) + "."
}

// Members are the rows of the table of output layers.
func (p *analysisPage) Members() [][]string {
	s := p.Last.Space
	return [][]string{memberRow("given", &s.Given), memberRow("least norm", &s.LeastNorm), memberRow("sparsest found", &s.Sparsest)}
}

// A memorisedLine is a row of the table of memorised rows.
type memorisedLine struct {
	analyze.MemorisedRow
	ShownWant, ShownWithout, Leans string
}

// MostMemorised are the ten rows whose answer is most their own doing.
func (p *analysisPage) MostMemorised() []memorisedLine {
	var lines []memorisedLine
	for _, r := range p.Last.Memorised.Rows[:min(len(p.Last.Memorised.Rows), memorisedShown)] {
		line := memorisedLine{r, r.Want, r.Without, p.leans(r.Row)}
		if !p.isClasses() {
			line.ShownWant, line.ShownWithout = number(r.Target), number(r.Answer)
		}
		lines = append(lines, line)
	}
	return lines
}

// MissedRows lists the first missed rows.
func (p *analysisPage) MissedRows() string {
	var rows []string
	for _, m := range p.Last.Missed {
		rows = append(rows, fmt.Sprint(m.Row))
	}
	more := p.Last.MissedAll - len(rows)
	if more > 0 {
		rows = append(rows, make([]string, more)...)
	}
	return listed(rows, 20)
}

// IsClasses says that the targets are classes.
func (p *analysisPage) IsClasses() bool { return p.isClasses() }

// A separableLine tells of one class whether each layer has parted it from all
// others.
type separableLine struct {
	Class string
	Cells []string
}

// Separable is the table of classes against layers.
func (p *analysisPage) Separable() []separableLine {
	var lines []separableLine
	for c, name := range p.Classes {
		line := separableLine{Class: clip(name, 30)}
		for k := range p.Layers {
			if p.Layers[k].Facts == nil {
				continue
			}
			cell := ""
			if s := p.Layers[k].Separability; c < len(s) {
				cell = separableCell(&s[c])
			}
			line.Cells = append(line.Cells, cell)
		}
		if strings.Join(line.Cells, "") != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// separableCell is a verdict with its margin.
func separableCell(s *analyze.Separability) string {
	switch {
	case s.Verdict == "separable" && s.Lower != nil && s.Upper != nil:
		return fmt.Sprintf("yes, margin %s to %s", atLeast(*s.Lower), atMost(*s.Upper))
	case s.Verdict == "separable":
		return "yes"
	case s.Verdict == "inseparable":
		return fmt.Sprintf("no, %s meet", several(len(s.Rows), "row", "rows"))
	case s.Upper != nil:
		return "unknown, margin at most " + atMost(*s.Upper)
	}
	return "unknown"
}
