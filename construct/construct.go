// Package construct builds ReLU networks that reproduce a data set, by linear
// algebra instead of training.
//
// For most uses, call [Build] with a [Problem]; [Plan] lists what every
// construction would cost first. Each construction is one file that tells its
// theorem and one entry of [Catalogue].
//
// A construction promises a network whose outputs, evaluated in the problem's
// precision, hit every row of the Set. The promise is kept by construction in
// exact arithmetic and is checked for the stated arithmetic by package certify,
// which knows nothing of how the network came about.
package construct

import (
	"fmt"
	"slices"

	"hinge/dataset"
	"hinge/network"
)

// Goal is what the automatic choice of a construction optimises.
type Goal string

const (
	Fit        Goal = "fit"        // the smallest error in floating point
	SizeGoal   Goal = "size"       // the fewest hidden units
	Speed      Goal = "speed"      // the fewest operations per row
	Generalize Goal = "generalize" // the best behaviour off the data
	Bits       Goal = "bits"       // the stored value, bit for bit
)

// Problem is what a construction is asked for. The zero values of all fields
// but Set work.
type Problem struct {
	Set       *dataset.Set      // for float32, already rounded (see [dataset.Set.Rounded])
	Precision network.Precision // arithmetic of the network; default float64
	// Tolerance is the largest error allowed in regression, as a fraction of
	// each target's range; 0 means [DefaultTolerance] of the precision.
	Tolerance float64
	Goal      Goal   // default Fit
	Seed      uint64 // of every random choice; the same seed gives the same network

	// known is what one plan found out for one construction and would find again
	// for the next; nil outside of plans.
	known *findings

	around, unit []float64 // of [LookupFed]: how far each row's inputs may be off, and their scale
}

// DefaultTolerance returns the regression tolerance, as a fraction of the
// target's range, when none is asked for: 1e-6 in float64, 1e-5 in float32.
func DefaultTolerance(p network.Precision) float64 {
	if p == network.Float32 {
		return 1e-5
	}
	return 1e-6
}

// Size is what a construction would make of a problem, known before building.
type Size struct {
	HiddenLayers int
	Units        int // hidden units
	Parameters   int // stored numbers
	// Estimated says that Units and Parameters are an estimate, because the
	// construction finds its size while it builds.
	Estimated bool
	// Error is the error to expect: the largest |f(x)-y| as a fraction of the
	// target's range, in the problem's precision; 0 means bit for bit.
	Error float64
	// WinsOnly says of classes that the right output is the largest and that no
	// more is promised of the outputs; Error then means nothing.
	WinsOnly bool
	Note     string // what else there is to know about the size, for the plan
}

// Construction is one entry of the catalogue.
type Construction struct {
	Name   string // as given to --construction
	Title  string // what it builds, in one line
	Source string // theorem or paper
	// Plan states the size for a problem, without building. A construction
	// that cannot serve the problem returns an [*UnfitError].
	Plan func(p *Problem) (Size, error)
	// Build builds the network. It returns an [*UnfitError] when the
	// construction cannot serve the problem, and says what would.
	Build func(p *Problem) (*network.Network, error)
}

// An UnfitError says why a construction cannot serve a problem.
type UnfitError struct {
	Construction string `json:"construction"`
	Reason       string `json:"reason"`           // what is in the way
	Advice       string `json:"advice,omitempty"` // what would work
}

func (e *UnfitError) Error() string {
	s := fmt.Sprintf("construction %s: %s", e.Construction, e.Reason)
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Catalogue lists every construction, simplest first: in the order of
// [catalogueOrder], whatever the order of the files that register them.
var Catalogue []*Construction

// catalogueOrder is the order of the catalogue; names not listed come last.
var catalogueOrder = []string{
	"affine", "sorted", "sparsest", "slab", "deep-slab", "zigzag", "narrow", "packed", "grid", "delaunay",
	"features", "sphere", "deep-diagonal", "deep-blocks", "collapse", "identity",
	"patch", "slab-classes", "cover", "tree", "needles",
}

// register adds a construction; each file calls it from init.
func register(c *Construction) {
	rank := func(c *Construction) int {
		if i := slices.Index(catalogueOrder, c.Name); i >= 0 {
			return i
		}
		return len(catalogueOrder)
	}
	at, _ := slices.BinarySearchFunc(Catalogue, rank(c)+1, func(c *Construction, r int) int { return rank(c) - r })
	Catalogue = slices.Insert(Catalogue, at, c)
}
