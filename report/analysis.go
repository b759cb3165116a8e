package report

import (
	"fmt"
	"strings"

	"hinge/analyze"
	"hinge/dataset"
	"hinge/phi"
)

// Analysis is a network taken apart on a table.
type Analysis struct {
	Network string `json:"network"` // the file
	Data
	*analyze.Analysis
	// OwnAnswers says that the table holds no targets, and the network's own
	// answers stand for them.
	OwnAnswers bool     `json:"own_answers"`
	Classes    []string `json:"classes,omitempty"`
	Seconds    struct {
		Read    float64 `json:"read"`
		Analyze float64 `json:"analyze"`
	} `json:"seconds"`
}

// NewAnalysis gathers what was found about a network on a set.
func NewAnalysis(set *dataset.Set, a *analyze.Analysis) *Analysis {
	return &Analysis{Data: NewData(set), Analysis: a, Classes: set.Schema.Classes}
}

// layersAcross is how many layers stand side by side in the text.
const layersAcross = 5

// Text tells the story: the table of the layers, then the last layer.
func (a *Analysis) Text() string {
	var f facts
	f.add("network", "%s: %s, %s -> %s, %s in %s", a.Network, a.Precision, several(a.Inputs, "input", "inputs"),
		several(a.Outputs, "output", "outputs"), several(a.Units, "unit", "units"), several(a.Depth, "hidden layer", "hidden layers"))
	a.Data.addTo(&f)
	if a.OwnAnswers {
		f.add("", "the table has no targets: the network's own answers stand for them")
	}
	for _, note := range a.Analysis.Notes {
		f.add("", "%s", note)
	}
	for from := 0; from < len(a.Layers); from += layersAcross {
		f.b.WriteByte('\n')
		f.grid(a.layerRows(from, min(from+layersAcross, len(a.Layers))))
	}
	a.addNotes(&f)
	if a.Last != nil {
		f.b.WriteByte('\n')
		a.addLast(&f)
	}
	f.b.WriteByte('\n')
	if !a.Complete {
		f.add("INCOMPLETE", "stopped %s; what stands above is what was done", a.Stopped)
	}
	f.add("time", "read %s, analyze %s", seconds(a.Seconds.Read), seconds(a.Seconds.Analyze))
	return f.String()
}

// layerFacts are the lines of the table of layers, in the text and on the
// page: what it is, where the glossary explains it, and its value.
var layerFacts = []layerFact{
	{"width", "unit", func(y *analyze.Layer, _ bool) string { return count(y.Units) }},
	{"kind of Φ", "kind", func(y *analyze.Layer, _ bool) string { return string(y.Kind) }},
	{"density", "density", func(y *analyze.Layer, _ bool) string { return number(y.Density) }},
	{"per row: least, median, most", "density", func(y *analyze.Layer, _ bool) string { return quantiles(&y.RowDensity) }},
	{"per unit: least, median, most", "density", func(y *analyze.Layer, _ bool) string { return quantiles(&y.UnitDensity) }},
	{"dead units", "awake-asleep", func(y *analyze.Layer, _ bool) string { return count(y.Dead) }},
	{"always on", "awake-asleep", func(y *analyze.Layer, _ bool) string { return count(y.AlwaysOn) }},
	{"duplicate units", "duplicate", func(y *analyze.Layer, _ bool) string { return optional(y.Parallel) }},
	{"activation patterns", "activation-pattern", func(y *analyze.Layer, _ bool) string { return optional(y.Patterns) }},
	{"rank", "rank-structural-rank", func(y *analyze.Layer, _ bool) string { return rankText(y) }},
	{"rank with bias", "rank-structural-rank", func(y *analyze.Layer, _ bool) string { return optional(y.RankWithBias) }},
	{"gap at the rank", "gap", func(y *analyze.Layer, _ bool) string { return gapText(y) }},
	{"σ above > tolerance ≥ σ below", "gap", func(y *analyze.Layer, _ bool) string { return cutText(y) }},
	{"structural rank", "rank-structural-rank", func(y *analyze.Layer, _ bool) string { return optional(y.Structural) }},
	{"condition", "condition", func(y *analyze.Layer, _ bool) string { return optionalNumber(y.Condition) }},
	{"blocks", "kind", func(y *analyze.Layer, _ bool) string { return optional(y.Blocks) }},
	{"essential, free units", "essential-free", func(y *analyze.Layer, _ bool) string { return essentialText(y) }},
	{"rows that clash", "clash", func(y *analyze.Layer, _ bool) string { return clashText(y) }},
	{"scatter ratio D", "scatter-ratio", func(y *analyze.Layer, classes bool) string { return scatterText(y, classes) }},
	{"separable classes", "separable", func(y *analyze.Layer, _ bool) string { return separableText(y) }},
	{"purity of units: median", "purity", func(y *analyze.Layer, classes bool) string { return purityText(y, classes) }},
	{"pure units", "purity", func(y *analyze.Layer, classes bool) string { return pureText(y, classes) }},
	{"cost: operations, memory", "cost", func(y *analyze.Layer, _ bool) string { return layerCost(y) }},
}

type layerFact struct {
	Name, Anchor string
	value        func(y *analyze.Layer, classes bool) string
}

func (a *Analysis) isClasses() bool { return a.Task == string(dataset.Classification) }

func (a *Analysis) layerRows(from, to int) [][]string {
	head := []string{"on this data"}
	for _, y := range a.Layers[from:to] {
		head = append(head, y.Name)
	}
	rows := [][]string{head}
	for _, fact := range layerFacts {
		row, told := []string{fact.Name}, false
		for k := from; k < to; k++ {
			if a.Layers[k].Facts == nil {
				continue
			}
			text := fact.value(&a.Layers[k], a.isClasses())
			told = told || text != ""
			row = append(row, text)
		}
		if told {
			rows = append(rows, row)
		}
	}
	return rows
}

func optional(v *int) string {
	if v == nil {
		return "not computed"
	}
	return count(*v)
}

func optionalNumber(v *float64) string {
	if v == nil {
		return "not computed"
	}
	return number(*v)
}

func quantiles(h *analyze.Histogram) string {
	return fmt.Sprintf("%s, %s, %s", number(h.Least), number(h.Median), number(h.Most))
}

// rankText writes a rank that rounding leaves open as the range it may lie in.
func rankText(y *analyze.Layer) string {
	switch {
	case y.Rank == nil:
		return fmt.Sprintf("%s..%s", count(y.RankLower), count(y.RankUpper))
	case !y.RankSure:
		return fmt.Sprintf("%s (unsure: %s..%s)", count(*y.Rank), count(y.RankRange[0]), count(y.RankRange[1]))
	}
	return count(*y.Rank)
}

// gapShown is the gap above which its size says nothing more: below the cut
// there is rounding only.
const gapShown = 1e5

// cutText writes the singular values on either side of the tolerance.
func cutText(y *analyze.Layer) string {
	if y.SigmaLast == nil || y.SigmaNext == nil || y.Tolerance == nil {
		return "not computed"
	}
	return fmt.Sprintf("%s > %s ≥ %s", number(*y.SigmaLast), number(*y.Tolerance), number(*y.SigmaNext))
}

func gapText(y *analyze.Layer) string {
	switch {
	case y.SigmaLast == nil || y.SigmaNext == nil || y.Tolerance == nil:
		return "not computed"
	case *y.SigmaNext == 0:
		return "none: full rank"
	}
	if gap := *y.SigmaLast / *y.SigmaNext; gap < gapShown {
		return ratio(gap)
	}
	return "over " + ratio(gapShown)
}

func essentialText(y *analyze.Layer) string {
	if y.Essential == nil {
		return "not computed"
	}
	return fmt.Sprintf("%s, %s", count(len(y.Essential)), count(len(y.Free)))
}

func clashText(y *analyze.Layer) string {
	if y.Sample == 0 {
		return "not computed"
	}
	return count(y.Clash.Rows)
}

func scatterText(y *analyze.Layer, classes bool) string {
	switch {
	case !classes:
		return ""
	case y.Classes == nil || y.Classes.Scatter == nil:
		return "not computed"
	}
	return number(*y.Classes.Scatter)
}

// separableText counts the classes by verdict.
func separableText(y *analyze.Layer) string {
	if len(y.Separability) == 0 {
		return ""
	}
	verdicts := map[string]int{}
	for _, s := range y.Separability {
		verdicts[s.Verdict]++
	}
	text := fmt.Sprintf("%d of %d", verdicts["separable"], len(y.Separability))
	if unknown := verdicts["unknown"]; unknown > 0 {
		text += fmt.Sprintf(", %d unknown", unknown)
	}
	return text
}

func purityText(y *analyze.Layer, classes bool) string {
	if !classes || y.Classes == nil {
		return ""
	}
	return number(y.Classes.Purity.Median)
}

func pureText(y *analyze.Layer, classes bool) string {
	if !classes || y.Classes == nil {
		return ""
	}
	return count(y.Classes.PureUnits)
}

// layerCost says about what a layer took, by its sizes.
func layerCost(y *analyze.Layer) string {
	c := y.Cost
	text := fmt.Sprintf("%s, %s", number(c.Evaluate+c.Factor+c.Spectrum), memoryText(c.Bytes))
	if c.Sketched {
		text += ", sketched"
	}
	return text
}

func memoryText(bytes int64) string {
	if mib := float64(bytes) / (1 << 20); mib < 1000 {
		return fmt.Sprintf("%.3g MiB", mib)
	}
	return fmt.Sprintf("%.3g GiB", float64(bytes)/(1<<30))
}

// addLast tells of the output layer.
func (a *Analysis) addLast(f *facts) {
	y := a.Last
	where := "the inputs"
	if y.Layer >= 0 {
		where = fmt.Sprintf("hidden layer %d", a.Depth)
	}
	f.add("last layer", "%s", solutionsText(y, a.N, where))
	if y.FurtherLabels != nil {
		f.add("room", "at most %s could get any labels from the output layer alone, all present outputs unchanged", several(*y.FurtherLabels, "further row", "further rows"))
	}
	f.add("hit", "%s of %s (one evaluation; hinge check proves it)", count(y.Hit), several(a.N, "row", "rows"))
	if y.MissedAll > 0 {
		var rows []string
		for _, m := range y.Missed {
			rows = append(rows, fmt.Sprint(m.Row))
		}
		f.add("", "missed: rows %s", listed(rows, 12))
	}
	if s := y.Space; s != nil {
		f.add("solutions", "the output layers with these values form a space of dimension %s (%s per output)", count(s.Dimension), count(s.PerOutput))
		f.grid([][]string{
			{strings.Repeat(" ", factWidth-2), "norm", "units used", "distance from the given", "change of outputs"},
			memberRow("given", &s.Given), memberRow("least norm", &s.LeastNorm), memberRow("sparsest found", &s.Sparsest)})
	}
	a.addMemorised(f)
	for _, note := range y.Notes {
		f.add("note", "%s", note)
	}
}

func memberRow(name string, m *analyze.Member) []string {
	return []string{"  " + name, number(m.Norm), count(m.Units), number(m.Distance), number(m.Change)}
}

// solutionsText says which labels the hidden layers can take.
func solutionsText(y *analyze.Last, n int, where string) string {
	reach := ""
	if y.Reachable != nil {
		reach = fmt.Sprintf(" (rank [Φ 1] = %s of %s)", count(*y.Reachable), several(n, "row", "rows"))
	}
	switch y.Solutions {
	case phi.Universal:
		return "universal: any labels can be put on " + where + reach
	case phi.Specific:
		return "specific: " + where + " serves these labels, not every one" + reach
	case phi.None:
		return "none: no output layer on " + where + " gives these targets" + reach
	}
	return "open: no output layer on " + where + " with these winners was found, and none is excluded" + reach
}

// addMemorised lists the ten most memorised rows.
func (a *Analysis) addMemorised(f *facts) {
	m := a.Last.Memorised
	if m == nil {
		return
	}
	if a.isClasses() {
		f.add("memorised", "%s would go to another class, had the output layer been fitted without them", several(m.LeftOut, "row", "rows"))
	} else {
		f.add("memorised", "left out, a row is missed by %s (root of the mean square)", number(m.Press))
	}
	f.add("", "least squares on the last hidden layer, ridge %s σ₁², %s parameters in use per output", exact(m.Ridge), number(m.LeverageSum))
	rows := [][]string{{"  row", "score", "leverage", "want", "without it", "leans on units"}}
	for _, r := range m.Rows[:min(len(m.Rows), memorisedShown)] {
		want, without := r.Want, r.Without
		if !a.isClasses() {
			want, without = number(r.Target), number(r.Answer)
		}
		rows = append(rows, []string{"  " + fmt.Sprint(r.Row), number(r.Score), number(r.Leverage), want, without, a.leans(r.Row)})
	}
	if len(rows) > 1 {
		f.grid(rows)
	}
	for _, l := range a.Last.Leaning {
		if l.Asked {
			f.add(fmt.Sprintf("row %d", l.Row), "%s awake, leans on units %s", several(l.Awake, "unit", "units"), partsText(&l))
		}
	}
}

// memorisedShown is how many memorised rows the text and the page list.
const memorisedShown = 10

// leans names the units that a row's answer rests on.
func (a *Analysis) leans(row int) string {
	for k := range a.Last.Leaning {
		if l := &a.Last.Leaning[k]; l.Row == row {
			return partsText(l)
		}
	}
	return ""
}

func partsText(l *analyze.Leaning) string {
	var parts []string
	for _, u := range l.Units[:min(len(l.Units), 3)] {
		parts = append(parts, fmt.Sprintf("%d (%s)", u.Unit, number(u.Part)))
	}
	return strings.Join(parts, ", ")
}
