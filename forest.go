package hinge

import (
	"fmt"
	"time"

	"hinge/certify"
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
	if opts.Dense {
		net = net.Dense()
	}
	built := time.Since(start)
	opts.stage("certifying")
	start = time.Now()
	cert, err := certify.Certify(net, p.Set, certify.Options{Tolerance: p.Tolerance})
	if err != nil {
		return nil, &DefectError{fmt.Errorf("the forest became a network that does not fit its data: %w", err)}
	}
	r := &Result{Network: net, Set: p.Set, Certificate: cert}
	r.Report = report.NewBuild(p, construct.MetaForest, net, cert)
	r.Report.Title, r.Report.Forest, r.Report.Dense = "a gate for every leaf of every tree", facts, opts.Dense
	r.Report.Why = report.WhyForest(facts)
	r.Report.Seconds.Build, r.Report.Seconds.Certify = built.Seconds(), time.Since(start).Seconds()
	if _, err := r.finish(opts); err != nil || cert.Holds {
		return r, err
	}
	r.Report.Advice = []string{"float64, or a larger --tolerance"}
	return r, &UncertifiedError{construct.MetaForest, cert, r.Report.Advice}
}
