package hinge

import (
	"context"
	"fmt"
	"time"

	"hinge/dataset"
	"hinge/edit"
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

	given *dataset.Set // the rows as they came
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
	t := &Trained{Network: r.Network, Set: rounded, given: set, Report: report.NewTraining(rounded, r)}
	if opt.Trace {
		if t.Report.Solution, err = train.Describe(r.Network, rounded, r.Options.TraceRows); err != nil {
			return nil, err
		}
	}
	return t, report.WriteTrainingMeta(t.Network, rounded, t.Report)
}

// Finish makes the trained network exact on its rows and certifies it, in
// float64 if asked for: that changes no weight and often saves units. Errors are
// those of [edit.Finish]; the network is then as it was.
func (t *Trained) Finish(precision network.Precision, test *dataset.Set, opt edit.FinishOptions) error {
	net := t.Network
	if precision == network.Float64 {
		net = Widened(net)
	}
	start := time.Now()
	finished, r, err := Finish(net, t.given, opt)
	if err != nil {
		return err
	}
	r.Source, r.Seconds.Finish = t.Report.Source, time.Since(start).Seconds()
	t.Network, t.Report.Finished = finished, r
	t.Report.Network = fmt.Sprintf("%x", finished.Digest())
	if test != nil {
		t.Report.TestFinished = train.Score(finished, test)
	}
	return nil
}
