package train

import (
	"math"

	"hinge/dataset"
	"hinge/network"
)

// Cost is what it would take to make a network exact on its rows now.
type Cost struct {
	Method  string  `json:"method"` // "none", "solve" or "bumps"
	Wrong   int     `json:"wrong"`  // rows to be corrected
	Units   int     `json:"units"`  // hidden units to be added
	Seconds float64 `json:"seconds"`
	// Fixed is the part of Seconds that does not depend on the rows that are wrong:
	// the certificate.
	Fixed float64 `json:"fixed_seconds"`
	// Estimated says that the network was not looked at: Units and Seconds come from
	// counts alone.
	Estimated bool `json:"estimated,omitempty"`
}

// Counts behind the estimate, after what package edit does: three units behind
// the last hidden layer, of width m, add any values at up to m+1 rows of a
// hyperplane and nothing at the others. Groups are three quarters full on average,
// and about twenty hyperplanes are tried for each (both measured: MNIST with 256
// units, California housing with 64).
const (
	bumpUnits = 3
	groupFill = 0.75
	bumpTries = 20
	// certificates is the cost of proving the network before and after, in
	// evaluations of it.
	certificates = 8

	// Operations a second for estimates, of the loops that place bumps and of
	// products of matrices. They are the same for all machines, so that a run that
	// stops by an estimate stops in the same epoch everywhere.
	bumpSpeed    = 2e9
	productSpeed = 1e11
)

// CheaperThanEpoch reports whether another epoch on n rows, three products of
// every weight and row, cannot pay for itself any more: whatever it teaches, it saves
// at most the part of the cost that depends on the rows that are wrong. For an
// estimate from counts the answer does not depend on the clock.
func (c *Cost) CheaperThanEpoch(net *network.Network, n int) bool {
	return c.Seconds-c.Fixed <= 6*float64(n)*float64(net.Parameters())/productSpeed
}

// Estimate is the default of [Options.Cost]. With as many units as rows, a solve
// for the output layer may do and adds none (rank [Phi 1] = n is not checked here;
// the trace has it). Otherwise the wrong rows are corrected in groups by bumps, three
// units each.
func Estimate(net *network.Network, set *dataset.Set, now *Measure) (*Cost, error) {
	n, last := float64(set.N()), net.LastHidden()
	m := float64(set.D())
	if last >= 0 {
		m = float64(net.Layers[last].Width())
	}
	c := &Cost{Method: "none", Wrong: now.Wrong, Estimated: true, Fixed: certificates * 2 * n * float64(net.Parameters()) / productSpeed}
	c.Seconds = c.Fixed
	switch {
	case now.Wrong == 0:
	case last >= 0 && m+1 >= n:
		c.Method = "solve"
		c.Seconds += 4 * n * n * n / productSpeed
	default:
		groups := math.Ceil(float64(now.Wrong) / max(1, groupFill*(m+1)))
		c.Method, c.Units = "bumps", bumpUnits*int(groups)
		c.Seconds += groups * bumpTries * (2*n*m + m*m*m) / bumpSpeed
	}
	return c, nil
}
