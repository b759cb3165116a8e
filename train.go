package hinge

import (
	"context"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
	"hinge/train"
)

// Trained is what [Train] made.
type Trained struct {
	Network *network.Network
	Set     *dataset.Set // the rows as the network was fed them, rounded to float32
	Report  *report.Training
}

// Train trains a network on set by gradient descent: no row is promised to be
// hit, and there is no certificate. When ctx ends early, the network as far as it
// came is returned. Errors are those of [train.Run], and a
// [*dataset.ConflictError] when rows with different targets become equal in
// float32.
func Train(ctx context.Context, set *dataset.Set, opt train.Options) (*Trained, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	rounded, err := set.Rounded()
	if err != nil {
		return nil, err
	}
	r, err := train.Run(ctx, rounded, opt)
	if err != nil {
		return nil, err
	}
	t := &Trained{Network: r.Network, Set: rounded, Report: report.NewTraining(rounded, r)}
	if opt.Trace {
		if t.Report.Solution, err = train.Describe(r.Network, rounded, r.Options.TraceRows); err != nil {
			return nil, err
		}
	}
	return t, report.WriteTrainingMeta(t.Network, rounded, t.Report)
}
