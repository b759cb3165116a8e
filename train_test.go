package hinge_test

import (
	"context"
	"testing"

	"hinge"
	"hinge/dataset"
	"hinge/edit"
	"hinge/network"
	"hinge/train"
)

// TestTrainAndFinish trains too little, finishes, and has the result checked by a
// proof of its own, for both tasks and precisions.
func TestTrainAndFinish(t *testing.T) {
	for _, set := range []*dataset.Set{dataset.Spiral(150, 3, 0.1, 1), dataset.Friedman(80, 0.1, 1)} {
		for _, precision := range []network.Precision{network.Float32, network.Float64} {
			test, err := hinge.Train(context.Background(), set, train.Options{Hidden: []int{24}, Epochs: 3, Batch: 16, Trace: true})
			if err != nil {
				t.Fatal(err)
			}
			if c, err := hinge.Check(test.Network, set, 0); err != nil || c.Hit == c.Rows {
				t.Fatalf("%s: the trained network hits every row: nothing is tested (%v)", set.Source, err)
			}
			if test.Report.Solution == nil || hinge.SchemaOf(test.Network) == nil {
				t.Errorf("%s: no solution or no schema", set.Source)
			}
			if err := test.Finish(precision, set, edit.FinishOptions{}); err != nil {
				t.Fatalf("%s, %v: %v", set.Source, precision, err)
			}
			c, err := hinge.Check(test.Network, set, 0)
			if err != nil || c.Hit != c.Rows || !test.Report.Finished.Certificate.Holds || test.Network.Precision != precision {
				t.Errorf("%s, %v: %d of %d rows after finishing (%v)", set.Source, precision, c.Hit, c.Rows, err)
			}
			if set.IsClasses() && test.Report.TestFinished.Wrong != 0 {
				t.Errorf("%s: %d rows wrong by plain evaluation", set.Source, test.Report.TestFinished.Wrong)
			}
		}
	}
}
