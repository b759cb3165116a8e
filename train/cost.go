package train

import (
	"hinge/dataset"
	"hinge/network"
)

// Cost is what it would take to make a network exact on its rows now.
type Cost struct {
	Method  string  `json:"method"` // "none", "solve" or "bumps"
	Wrong   int     `json:"wrong"`  // rows to be corrected
	Units   int     `json:"units"`  // hidden units to be added
	Seconds float64 `json:"seconds"`
	// Estimated says that the network was not looked at: Units and Seconds come from
	// counts alone.
	Estimated bool `json:"estimated,omitempty"`
}

// Counts of the patch construction (C4): three units add any values at up to d
// rows of a hyperplane and nothing at the others. With many inputs its groups are half
// full on average, since rows of the span of a group belong to it.
const (
	bumpUnits  = 3
	groupFill  = 0.5
	manyInputs = 20
	// Operations a second for estimates, of the loops that place bumps and of
	// products of matrices. They are the same for all machines, so that a run that
	// stops by an estimate stops in the same epoch everywhere.
	bumpSpeed    = 2e9
	productSpeed = 1e11
)

// CheaperThanEpoch reports whether finishing is estimated to take no longer than
// another epoch on n rows: three products of every weight and row. Both are
// estimates from counts, where c is one, so the answer does not depend on the clock.
func (c *Cost) CheaperThanEpoch(net *network.Network, n int) bool {
	return c.Seconds <= 6*float64(n)*float64(net.Parameters())/productSpeed
}

// Estimate is the default of [Options.Cost]. With as many units as rows, a solve
// for the output layer may do and adds none (rank [Phi 1] = n is not checked here;
// the trace has it). Otherwise the wrong rows are corrected in groups by bumps, three
// units each.
func Estimate(net *network.Network, set *dataset.Set, now *Measure) (*Cost, error) {
	n, d := float64(set.N()), float64(set.D())
	c := &Cost{Method: "none", Wrong: now.Wrong, Estimated: true}
	evaluation := 2 * n * float64(net.Parameters()) / productSpeed
	last := net.LastHidden()
	switch {
	case now.Wrong == 0:
		c.Seconds = evaluation
	case last >= 0 && net.Layers[last].Width()+1 >= set.N():
		c.Method = "solve"
		c.Seconds = evaluation + 4*n*n*n/1e10
	default:
		fill := d
		if d >= manyInputs {
			fill *= groupFill
		}
		groups := (float64(now.Wrong) + fill - 1) / fill
		groups = float64(int(groups))
		c.Method, c.Units = "bumps", bumpUnits*int(groups)
		c.Seconds = evaluation + groups*(2*n*d+2*d*d*d)/bumpSpeed
	}
	return c, nil
}
