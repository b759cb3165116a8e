package report

import (
	"fmt"
	"strconv"

	"hinge/train"
)

// traced is the number of rows that the trace looked at, 0 without a trace.
func (t *Training) traced() int {
	for _, e := range t.History {
		if e.Trace != nil {
			return e.Trace.Rows
		}
	}
	return 0
}

// traceRows is the table of the interpolation matrices, one line per epoch and
// hidden layer; nil without a trace.
func (t *Training) traceRows() [][]string {
	if t.traced() == 0 {
		return nil
	}
	own, solved := "its residual", "by a solve"
	if t.classes() {
		own, solved = "wrong", "wrong by a solve"
	}
	rows := [][]string{{"epoch", "layer", "rank Φ", "rank [Φ 1]", "condition", "kind", "density", "patterns", "dead", "always on", own, solved, "separable"}}
	for _, e := range t.shown() {
		if e.Trace == nil {
			continue
		}
		for k := range e.Trace.Layers {
			y := &e.Trace.Layers[k]
			row := []string{strconv.Itoa(e.Epoch), strconv.Itoa(k + 1), optional(y.Rank), optional(y.RankWithBias), optionalNumber(y.Condition),
				string(y.Kind), number(y.Density), optional(y.Patterns), count(y.Dead), count(y.AlwaysOn)}
			if k == len(e.Trace.Layers)-1 {
				row = append(row, number(e.Trace.Own), optionalNumber(e.Trace.Solved), separableCount(e.Trace, t.P))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// separableCount says how many classes a hyperplane parts in the last layer.
func separableCount(t *train.Trace, classes int) string {
	if t.Separable == nil {
		return ""
	}
	text := fmt.Sprintf("%d of %d", *t.Separable, classes)
	if t.Undecided > 0 {
		text += fmt.Sprintf(", %d open", t.Undecided)
	}
	return text
}

// SolutionText says in lines which solution the training found.
func (t *Training) SolutionText() []string {
	s := t.Solution
	if s == nil {
		return nil
	}
	var lines []string
	on := fmt.Sprintf("on %s", several(s.Rows, "row", "rows"))
	if n := s.Normal; n != nil {
		lines = append(lines, fmt.Sprintf("normalized form %s: %s; %s merged, %s folded into the affine term, %s without effect",
			on, several(n.Cuts, "cut", "cuts"), count(n.Merged), count(n.Folded), count(n.Dropped)))
	}
	if s.Essential != nil && s.Free != nil {
		lines = append(lines, fmt.Sprintf("last hidden layer %s: %s essential, %s free", on, several(*s.Essential, "unit is", "units are"), count(*s.Free)))
	}
	switch c := s.Constructed; {
	case c != nil && c.Units > 0:
		about := ""
		if c.Estimated {
			about = "about "
		}
		lines = append(lines, fmt.Sprintf("construction %s hits all rows with %s%s: training used %s of that",
			c.Name, about, several(c.Units, "unit", "units"), ratio(float64(s.Units)/float64(c.Units))))
	case s.Limit.Units > 0:
		lines = append(lines, fmt.Sprintf("counting limit for all rows: %s", several(s.Limit.Units, "unit", "units")))
	}
	for _, note := range s.Notes {
		lines = append(lines, "not computed: "+note)
	}
	return lines
}
