package hinge

import (
	"time"

	"hinge/construct"
	"hinge/dataset"
	"hinge/forest"
	"hinge/report"
)

// BuildForest compiles a forest of another tool (see [forest.Read]) into a network
// and certifies that it predicts what the forest does on every row of set, whose
// own targets are not looked at. Construction and Goal of the options do nothing.
//
// Errors are those of [Build], and one when forest and set have different numbers
// of features.
func BuildForest(f *forest.Forest, set *dataset.Set, opts Options) (*Result, error) {
	opts.stage("evaluating the forest")
	rows, err := construct.ForestSet(f, set)
	if err != nil {
		return nil, err
	}
	p, err := opts.problem(rows)
	if err != nil {
		return nil, err
	}
	opts.stage("compiling the forest")
	start := time.Now()
	net, facts, err := construct.FromForest(f, p)
	if err != nil {
		return nil, err
	}
	r, err := certified(p, construct.MetaForest, net, time.Since(start), opts)
	if err != nil {
		return nil, err
	}
	r.Report.Title, r.Report.Forest, r.Report.Why = "a gate for every leaf of every tree", facts, report.WhyForest(facts)
	if _, err := r.finish(opts); err != nil || r.Certificate.Holds {
		return r, err
	}
	r.Report.Advice = []string{"float64, or a larger --tolerance"}
	return r, &UncertifiedError{construct.MetaForest, r.Certificate, r.Report.Advice}
}
