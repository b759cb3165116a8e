package report

import (
	"cmp"
	"fmt"
	"slices"

	"hinge/edit"
	"hinge/network"
)

// removalsListed is how many removed units of one kind and layer the text names.
const removalsListed = 8

// Prune is what pruning did.
type Prune struct {
	Network   string  `json:"network"` // the file
	Source    string  `json:"source"`
	File      string  `json:"file,omitempty"`
	Bytes     int64   `json:"bytes,omitempty"`
	Precision string  `json:"precision"`
	Rows      int     `json:"rows"`
	Preserve  string  `json:"preserve"`
	Tolerance float64 `json:"tolerance"`

	Layers     []LayerSize    `json:"layers"` // hidden layers of the network before, the first is 1
	Parameters [2]int         `json:"parameters"`
	Removed    []edit.Removed `json:"removed"` // the units that others span, with the reason of each
	Dispensed  []int          `json:"dispensed,omitempty"`
	Merged     []int          `json:"merged,omitempty"`

	// Moved bounds by how much an output on a row differs between a run before and
	// a run after, in any orders of summation. Every value that a run can give after
	// is within Beyond of one that a run could give before; Fraction is Beyond as a
	// fraction of the output's range.
	Moved    float64 `json:"moved"`
	Beyond   float64 `json:"beyond"`
	Fraction float64 `json:"fraction"`
	// Decided says that the largest output is proved to be the same one on every
	// row; Decisions counts the rows where it is another one.
	Decided   bool     `json:"decided"`
	Decisions int      `json:"decisions"`
	Test      *Reach   `json:"test,omitempty"`
	Notes     []string `json:"notes"`
	Seconds   struct {
		Read  float64 `json:"read"`
		Prune float64 `json:"prune"`
	} `json:"seconds"`
}

// LayerSize is the width of a hidden layer before and after.
type LayerSize struct {
	Layer  int `json:"layer"`
	Before int `json:"before"`
	After  int `json:"after"`
}

// NewPrune reports the pruning of net on n rows.
func NewPrune(net *network.Network, n int, opts edit.PruneOptions, p *edit.Pruned) *Prune {
	r := &Prune{
		Precision: net.Precision.String(), Rows: n, Preserve: string(cmp.Or(opts.Preserve, edit.Values)), Tolerance: opts.Tolerance,
		Parameters: [2]int{net.Parameters(), p.Network.Parameters()}, Removed: listOf(p.Removed),
		Dispensed: p.Dispensed, Merged: p.Merged, Moved: p.Moved, Beyond: p.Beyond, Fraction: p.Fraction, Decided: p.Proved, Decisions: p.Decisions,
		Notes: listOf(net.Notes()),
	}
	after := p.Network.HiddenLayers()
	for k, l := range net.HiddenLayers() {
		size := LayerSize{Layer: k + 1, Before: net.Layers[l].Width()}
		if !slices.Contains(p.Merged, k+1) {
			size.After, after = p.Network.Layers[after[0]].Width(), after[1:]
		}
		r.Layers = append(r.Layers, size)
	}
	return r
}

// Text tells what is gone and why, and what is proved of the rest.
func (r *Prune) Text() string {
	var f facts
	before, after := 0, 0
	for _, l := range r.Layers {
		before, after = before+l.Before, after+l.After
	}
	f.add("units", "%s -> %s (parameters %s -> %s)", count(before), count(after), count(r.Parameters[0]), count(r.Parameters[1]))
	f.add("data", "%s: %s", r.Source, several(r.Rows, "row", "rows"))
	f.add("proved", "%s", r.proofText())
	if r.Test != nil {
		f.add("test", "%s", r.Test.text())
	}
	for _, n := range r.Notes {
		f.add("note", "%s", n)
	}
	if r.File != "" {
		f.add("written", "%s, %s, in %s", r.File, fileSize(r.Bytes), seconds(r.Seconds.Read+r.Seconds.Prune))
	}
	f.b.WriteByte('\n')
	rows := [][]string{{"hidden layer", "units", "now"}}
	for _, l := range r.Layers {
		now := count(l.After)
		if slices.Contains(r.Merged, l.Layer) {
			now = "merged with the next: affine on every row"
		}
		rows = append(rows, []string{fmt.Sprint(l.Layer), count(l.Before), now})
	}
	f.grid(rows)
	if text := r.removedText(); text != "" {
		f.b.WriteByte('\n')
		f.b.WriteString(text)
	}
	return f.String()
}

func (r *Prune) proofText() string {
	text := fmt.Sprintf("in %s, any order of summation, no output on any row is farther than %s (%s of its range) from one that the network could give before\n"+
		"(outputs of two runs, one before and one after, differ by at most %s)", r.Precision, atMost(r.Beyond), atMost(r.Fraction), atMost(r.Moved))
	switch {
	case r.Decided:
		text = "the largest output is the same one on every row, in " + r.Precision + ", any order of summation\n" + text
	case r.Decisions > 0:
		text += fmt.Sprintf("\nthe largest output is another one on %s", several(r.Decisions, "row", "rows"))
	}
	return text
}

// removedText groups the removed units by layer and reason.
func (r *Prune) removedText() string {
	type group struct {
		layer int
		why   string
	}
	units := map[group][]string{}
	var order []group
	for _, u := range r.Removed {
		g := group{u.Layer, u.Why}
		if units[g] == nil {
			order = append(order, g)
		}
		name := fmt.Sprint(u.Unit)
		if u.Why == edit.Multiple {
			name += fmt.Sprintf(" (of %d)", u.Of[0])
		}
		units[g] = append(units[g], name)
	}
	var f facts
	for _, g := range order {
		f.add(fmt.Sprintf("layer %d", g.layer), "%s gone, %s: %s", several(len(units[g]), "unit", "units"), g.why, listed(units[g], removalsListed))
	}
	for k, n := range r.Dispensed {
		if n > 0 {
			f.add(fmt.Sprintf("layer %d", k+1), "%s fewer: the others took over their share, and bumps keep the decisions that they held", several(n, "unit", "units"))
		}
	}
	return f.String()
}
