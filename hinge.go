// Package hinge builds ReLU networks that reproduce a table, by linear algebra
// instead of training, and proves that they do.
//
// For most uses, call [Build] with a [dataset.Set]: it returns the network, a
// certificate that every row is hit, and a report. [Save] writes the network
// as an .onnx file and [Load] reads one, or a file of other tools ([LoadWith] takes
// what such a file leaves open); [Check] proves anew that a network
// hits the rows of a Set, [Predict] evaluates it, [Plan] says what every
// construction would cost before one is built, and [Info] what a network says
// of itself.
//
// Networks from anywhere: [Analyze] takes one apart through its interpolation
// matrices, [Compare] and [Normalize] tell whether two are the same solution;
// [Repair], [Finish] and [Prune] change one and prove what stayed. [Train] makes
// one by gradient descent, [BuildForest] one of a forest, [Encode] an encoder and
// its decoder.
//
// The packages underneath do the work and may be used alone: dataset and
// dataset/table (files into Sets), construct (the catalogue), certify (proofs),
// network, phi (interpolation matrices), analyze, edit, train, encode, onnx and report.
package hinge

import (
	"fmt"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/report"
)

// Options of [Build] and [Plan]. The zero value works: the construction is
// chosen for the smallest error in float64.
type Options struct {
	// Construction is a name of the catalogue, see [construct.Names]; "" and
	// "auto" leave the choice to Goal.
	Construction string
	Goal         construct.Goal    // default [construct.Fit]
	Precision    network.Precision // default float64
	// Tolerance is the largest error allowed in regression, as a fraction of
	// each target's range; 0 means [construct.DefaultTolerance].
	Tolerance float64
	Seed      uint64 // of every random choice
	Dense     bool   // write every layer out as a full matrix, for tools that know no other
	// Progress, if not nil, is told the name of each stage as it begins.
	Progress func(stage string)
}

// Result is what [Build] made.
type Result struct {
	Network     *network.Network
	Set         *dataset.Set // the rows as the network is fed them: rounded for float32
	Certificate *certify.Certificate
	Report      *report.Build
}

// An UncertifiedError says that a network was built, but not proved to hit
// every row. The [Result] that comes with it is complete.
type UncertifiedError struct {
	Construction string
	Certificate  *certify.Certificate
	Advice       []string // what would hold
}

func (e *UncertifiedError) Error() string {
	return fmt.Sprintf("construction %s: %d of %d rows are not proved to be hit", e.Construction, e.Certificate.Rows-e.Certificate.Hit, e.Certificate.Rows)
}

// A DefectError is a fault of hinge itself, not of its input.
type DefectError struct{ Err error }

func (e *DefectError) Error() string { return "defect: " + e.Err.Error() }
func (e *DefectError) Unwrap() error { return e.Err }

func (o *Options) stage(name string) {
	if o.Progress != nil {
		o.Progress(name)
	}
}
