package train

import (
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Solution says which of the many solutions, or near-solutions, a training
// found, on the rows looked at.
type Solution struct {
	Rows  int `json:"rows"`
	Units int `json:"units"` // hidden, in all layers
	// Normal is the normalized form, for one hidden layer; nil where it would
	// cost too much.
	Normal *NormalForm `json:"normal,omitempty"`
	// Essential units of the last hidden layer span all that its outputs can do on
	// the rows; every output layer could do without the Free ones.
	Essential *int   `json:"essential_units"`
	Free      *int   `json:"free_units"`
	Kind      string `json:"kind"`
	Class     string `json:"solutions"`
	// Limit is the counting limit for all rows of the data and one hidden layer, and
	// Constructed the smallest network that the catalogue would build for all of
	// them; nil where planning would take long.
	Limit       construct.Limit  `json:"limit"`
	Constructed *construct.Entry `json:"constructed,omitempty"`
	Notes       []string         `json:"notes"`
}

// NormalForm counts what the normalized form of a network with one hidden layer
// is made of.
type NormalForm struct {
	Cuts    int `json:"cuts"`    // different ways in which units part the rows
	Merged  int `json:"merged"`  // units that share their cut with another
	Folded  int `json:"folded"`  // units awake on all rows: part of the affine term
	Dropped int `json:"dropped"` // units without effect on the rows
}

// plannedNumbers is the size of a table, in numbers, up to which the catalogue is
// planned for comparison.
const plannedNumbers = 1 << 20

// Describe tells which solution net is: its normalized form and its essential units
// on at most most rows of set, and what the catalogue would build for all of them.
func Describe(net *network.Network, set *dataset.Set, most int) (*Solution, error) {
	rows := sampled(set, most)
	s := &Solution{Rows: rows.N(), Units: net.Units(), Notes: []string{}}
	hidden := net.LastHidden()
	m, err := phi.Build(net, rows.X, hidden, phi.Options{})
	if err != nil {
		s.Notes = append(s.Notes, err.Error())
	} else {
		c := m.Classify(rows)
		s.Kind, s.Class = string(c.Kind), c.Class
		if essential, free, err := m.Essential(); err == nil {
			e, f := len(essential), len(free)
			s.Essential, s.Free = &e, &f
		}
	}
	if len(net.HiddenLayers()) == 1 {
		if form, err := phi.Normalize(net, rows); err != nil {
			s.Notes = append(s.Notes, err.Error())
		} else {
			s.Normal = &NormalForm{Cuts: len(form.Cuts), Folded: form.Folded, Dropped: form.Dropped}
			s.Normal.Merged = form.Units - form.Folded - form.Dropped - len(form.Cuts)
		}
	}
	s.Limit = construct.LimitFor(set, net.Precision, 1)
	s.Constructed = smallest(set, net.Precision)
	return s, nil
}

// smallest returns the entry of the plan with the fewest units, or nil.
func smallest(set *dataset.Set, precision network.Precision) *construct.Entry {
	if set.N()*set.D() > plannedNumbers {
		return nil
	}
	var best *construct.Entry
	for _, e := range construct.Plan(&construct.Problem{Set: set, Precision: precision}) {
		if e.Fits && e.HiddenLayers > 0 && (best == nil || e.Units < best.Units) {
			best = &e
		}
	}
	return best
}
