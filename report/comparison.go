package report

import (
	"fmt"

	"hinge/analyze"
)

// Comparison is two networks compared on a table.
type Comparison struct {
	Networks [2]string `json:"networks"` // the files
	Source   string    `json:"source"`
	*analyze.Comparison
}

// Text tells the verdict, then the layers.
func (c *Comparison) Text() string {
	var f facts
	f.add("networks", "%s: %s\n%s: %s", c.Networks[0], several(c.Units[0], "unit", "units"), c.Networks[1], several(c.Units[1], "unit", "units"))
	f.add("data", "%s: %s x %s", c.Source, several(c.Rows, "row", "rows"), several(c.Inputs, "input", "inputs"))
	f.add("values", "%s", c.valuesText())
	form := "not known"
	if c.SameForm != nil {
		form = map[bool]string{true: "the same", false: "different"}[*c.SameForm]
	}
	f.add("normal form", "%s: %s", form, c.Form)
	if len(c.Layers) > 0 {
		f.b.WriteByte('\n')
		rows := [][]string{{"hidden layer", "units", "with a counterpart", "only first", "only second"}}
		for _, y := range c.Layers {
			rows = append(rows, []string{fmt.Sprint(y.Number), fmt.Sprintf("%d, %d", y.Units[0], y.Units[1]), count(y.Matched), unitsOrNone(y.OnlyA), unitsOrNone(y.OnlyB)})
		}
		f.grid(rows)
	}
	f.b.WriteByte('\n')
	f.add("answer", "%s", c.verdict())
	return f.String()
}

func unitsOrNone(units []int) string {
	if len(units) == 0 {
		return "none"
	}
	return unitList(units)
}

// Equal reports whether the two have the same values on the table.
func (c *Comparison) Equal() bool {
	return c.Same == analyze.SameBits || c.Same == analyze.SameValues
}

func (c *Comparison) verdict() string {
	switch c.Same {
	case analyze.SameBits:
		return "yes: the same outputs on every row, bit for bit"
	case analyze.SameValues:
		return "yes: the same outputs on every row, up to rounding"
	case analyze.SameDecisions:
		return "NO: the outputs differ, though the largest is the same one on every row"
	}
	return "NO: they are different functions on this data"
}

func (c *Comparison) valuesText() string {
	if c.Outputs[0] != c.Outputs[1] {
		return "not comparable: " + c.Form
	}
	text := "equal on every row"
	if c.Same != analyze.SameBits {
		text = fmt.Sprintf("differ by at most %s of an output's range (row %d); allowed %s", number(c.Largest), c.Row, exact(c.Tolerance))
	}
	if c.RowsApart > 0 {
		text += fmt.Sprintf("\n%s by more than that, first row %d", several(c.RowsApart, "row differs", "rows differ"), c.FirstRow)
	}
	if c.Outputs[0] > 1 && c.Decisions > 0 {
		text += fmt.Sprintf("\nanother output is the largest on %s", several(c.Decisions, "row", "rows"))
	}
	return text
}

// Normalization is what writing a network in normalized form did.
type Normalization struct {
	Network string `json:"network"`
	Source  string `json:"source"`
	File    string `json:"file"`
	Bytes   int64  `json:"bytes"`
	*analyze.Normalization
}

// Text tells it in a few lines.
func (n *Normalization) Text() string {
	var f facts
	f.add("network", "%s on %s: %s", n.Network, n.Source, several(n.Rows, "row", "rows"))
	f.add("form", "%s", n.Form)
	f.add("units", "%s before, %s after", count(n.UnitsBefore), count(n.UnitsAfter))
	if n.Layers == nil {
		f.add("", "%s of the rows; %s became affine, %s did nothing here", several(n.Cuts, "cut", "cuts"), several(n.Folded, "unit", "units"), several(n.Dropped, "unit", "units"))
	}
	f.add("change", "at most %s of an output's range, on these rows; off them it is another function", number(n.Change))
	if n.Layers != nil {
		f.b.WriteByte('\n')
		rows := [][]string{{"hidden layer", "units", "kept", "dead", "unread", "constant", "merged"}}
		for k, y := range n.Layers {
			rows = append(rows, []string{fmt.Sprint(k + 1), count(y.Units), count(y.Kept), count(y.Dead), count(y.Unread), count(y.Constant), count(y.Merged)})
		}
		f.grid(rows)
		f.b.WriteByte('\n')
	}
	f.add("file", "%s (%s), float64", n.File, fileSize(n.Bytes))
	return f.String()
}
