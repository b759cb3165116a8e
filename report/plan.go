package report

import (
	"fmt"
	"strings"

	"hinge/construct"
)

// Plan lists what every construction of the catalogue would cost on a table.
type Plan struct {
	Data
	Precision     string            `json:"precision"`
	Tolerance     float64           `json:"tolerance"`
	Goal          string            `json:"for"`
	Choice        string            `json:"choice"` // what auto takes; empty: nothing fits
	Why           string            `json:"why"`
	Constructions []construct.Entry `json:"constructions"`
	// ManyOutputs says which construction has the fewest hidden units for any
	// number of outputs on the same rows; empty for classes.
	ManyOutputs []construct.Crossover `json:"many_outputs,omitempty"`
}

// NewPlan plans every construction for a problem.
func NewPlan(p *construct.Problem) *Plan {
	plan := &Plan{
		Data: NewData(p.Set), Precision: p.Precision.String(), Tolerance: p.Tolerance, Goal: string(p.Goal),
		Constructions: construct.Plan(p),
	}
	plan.ManyOutputs = construct.Crossovers(plan.Constructions)
	c, err := construct.ChooseFrom(p, plan.Constructions)
	if err != nil {
		plan.Why = err.Error()
		return plan
	}
	plan.Choice, plan.Why = c.Name, Why(p.Goal, "")
	return plan
}

// Text is a table with a line per construction.
func (p *Plan) Text() string {
	var f facts
	p.Data.addTo(&f)
	f.add("asked", "%s, tolerance %s, for %s", p.Precision, exact(p.Tolerance), p.Goal)
	f.b.WriteByte('\n')
	rows := [][]string{{"", "construction", "layers", "units", "parameters", "limit", "ratio", "error to expect"}}
	for i := range p.Constructions {
		if e := &p.Constructions[i]; hasSize(e) {
			rows = append(rows, p.cells(e))
		}
	}
	f.grid(rows)
	f.b.WriteByte('\n')
	said := f.b.Len()
	for _, e := range p.Constructions {
		if !e.Fits {
			f.add(e.Name, "%s", sentence(e.Reason, e.Advice))
		}
	}
	p.addNotes(&f)
	if f.b.Len() > said {
		f.b.WriteByte('\n')
	}
	f.add("auto", "%s", p.choiceText())
	return f.String()
}

// addNotes adds what there is to know about sizes, and the crossovers of many
// outputs.
func (p *Plan) addNotes(f *facts) {
	for _, e := range p.Constructions {
		if e.Fits && e.Note != "" {
			f.add(e.Name, "%s", e.Note)
		}
	}
	name := "outputs"
	for _, c := range p.ManyOutputs {
		f.add(name, "%s", c)
		name = ""
	}
}

func (p *Plan) choiceText() string {
	if p.Choice == "" {
		return "nothing fits: " + p.Why
	}
	return p.Choice + ": " + p.Why
}

// hasSize says that the construction could state a size, be it that its error
// is too large.
func hasSize(e *construct.Entry) bool { return e.Fits || e.Parameters > 0 }

func (p *Plan) cells(e *construct.Entry) []string {
	mark, about := "", ""
	if e.Name == p.Choice {
		mark = "->"
	}
	if e.Estimated {
		about = "~"
	}
	return []string{mark, e.Name, fmt.Sprint(e.HiddenLayers), about + count(e.Units), about + count(e.Parameters), limitCell(e), ratio(e.Ratio), errorText(e)}
}

// limitCell is the limit in the measure that the ratio is in.
func limitCell(e *construct.Entry) string {
	if e.Limit.Units > 0 {
		return several(e.Limit.Units, "unit", "units")
	}
	return several(e.Limit.Parameters, "parameter", "parameters")
}

func errorText(e *construct.Entry) string {
	text := number(e.Error)
	switch {
	case e.WinsOnly:
		text = "right class wins"
	case e.Error == 0:
		text = "0 (exact)"
	}
	if !e.Fits {
		text += " (too large)"
	}
	return text
}

// sentence joins a reason and an advice, either of which may be empty.
func sentence(reason, advice string) string {
	return strings.Trim(reason+"; "+advice, "; ")
}
