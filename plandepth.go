package hinge

import (
	"hinge/dataset"
	"hinge/network"
	"hinge/report"
)

// PlanDepth builds every construction that serves set, on a sample of it where
// it is large, in both precisions, and compares the shallow networks with the
// deep ones. Construction, goal and precision of the options are not asked.
func PlanDepth(set *dataset.Set, opts Options) (*report.Depth, error) {
	opts.Precision = network.Float64
	p, err := opts.problem(set)
	if err != nil {
		return nil, err
	}
	opts.stage("building shallow and deep networks")
	return report.NewDepth(p), nil
}
