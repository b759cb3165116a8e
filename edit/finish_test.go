package edit

import (
	"errors"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// checkFinished wants a certificate that holds when it is made anew.
func checkFinished(t *testing.T, net *network.Network, set *dataset.Set, f *Finished, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certify.Certify(f.Network, set, certify.Options{})
	if err != nil || !cert.Holds {
		t.Fatalf("%s: %d of %d rows are certified, %v", f.Method, cert.Hit, cert.Rows, err)
	}
	if got := f.Network.Units() - net.Units(); got != f.Added {
		t.Errorf("%d units were added, %d are told", got, f.Added)
	}
}

// A classifier that is mostly right is finished by bumps, a few units.
func TestFinishMostlyRightClasses(t *testing.T) {
	net := trained(1, network.Float64, "rri", 6, 30, 25, 4)
	x := rows(2, network.Float64, 800, 6)
	set := relabelled(t, net, x)
	for i := range set.Class { // back to what the network says, for most rows
		if i%40 != 0 {
			set.Class[i] = (set.Class[i] + 3) % 4
		}
	}
	set, err := dataset.NewClasses(x, set.Class, set.Schema.Classes)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Finish(net, set, FinishOptions{})
	checkFinished(t, net, set, f, err)
	if f.Wrong < 20 || f.Added == 0 || f.Added > 40 || f.Method != WithBumps {
		t.Errorf("%d rows were wrong; finished by %s with %d units", f.Wrong, f.Method, f.Added)
	}
	again, err := Finish(f.Network, set, FinishOptions{})
	if err != nil || again.Method != AlreadyExact || again.Added != 0 {
		t.Errorf("an exact network is finished by %s: %v", again.Method, err)
	}
}

// An untrained classifier is finished, too.
func TestFinishUntrainedClasses(t *testing.T) {
	for _, acts := range []string{"ri", "rri", "i"} {
		widths := map[string][]int{"ri": {6, 5, 4}, "rri": {6, 5, 5, 4}, "i": {6, 4}}[acts]
		net := trained(3, network.Float64, acts, widths...)
		set := relabelled(t, net, rows(4, network.Float64, 120, 6))
		f, err := Finish(net, set, FinishOptions{})
		checkFinished(t, net, set, f, err)
	}
}

// Where the rank of the last hidden layer allows, numbers need no further unit.
func TestFinishSolvesTheOutputLayer(t *testing.T) {
	net := trained(5, network.Float64, "rri", 6, 60, 90, 2)
	x := rows(6, network.Float64, 40, 6)
	set, err := dataset.New(x, rows(7, network.Float64, 40, 2))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Finish(net, set, FinishOptions{})
	checkFinished(t, net, set, f, err)
	if f.Method != OutputLayer || f.Added != 0 {
		t.Errorf("finished by %s with %d units more", f.Method, f.Added)
	}
}

// Where it does not, a network beside makes up for what is missing.
func TestFinishNumbersBeyondTheRank(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := trained(8, precision, "rri", 6, 10, 8, 2)
		set, err := dataset.New(rows(9, precision, 300, 6), rows(10, precision, 300, 2))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Finish(net, set, FinishOptions{})
		checkFinished(t, net, set, f, err)
		if f.Method != WithBeside || len(f.Tried) == 0 {
			t.Errorf("finished by %s after %v", f.Method, f.Tried)
		}
	}
}

// Shapes that do not fit are said.
func TestFinishSaysWhatDoesNotFit(t *testing.T) {
	set, err := dataset.New(rows(11, network.Float64, 5, 3), mat.NewDense(5, 1, []float64{1, 2, 3, 4, 5}))
	if err != nil {
		t.Fatal(err)
	}
	var shape *ShapeError
	if _, err := Finish(trained(12, network.Float64, "ri", 4, 9, 1), set, FinishOptions{}); !errors.As(err, &shape) || shape.What != "inputs" {
		t.Errorf("got %v", err)
	}
	if _, err := Finish(trained(12, network.Float64, "ri", 3, 9, 2), set, FinishOptions{}); !errors.As(err, &shape) || shape.What != "outputs" {
		t.Errorf("got %v", err)
	}
}

// Rows that the last hidden layer takes for others get gates, and the rest bumps.
func TestFinishRowsThatALayerMakesEqual(t *testing.T) {
	net := trained(13, network.Float64, "rri", 6, 14, 20, 4)
	for k := range net.Layers[0].Bias {
		net.Layers[0].Bias[k] = -3 // 0 on many rows, which then are all the same
	}
	x := rows(14, network.Float64, 600, 6)
	set := relabelled(t, net, x)
	for i := range set.Class { // back to what the network says, for most rows
		if i%20 != 0 {
			set.Class[i] = (set.Class[i] + 3) % 4
		}
	}
	set, err := dataset.NewClasses(x, set.Class, set.Schema.Classes)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Finish(net, set, FinishOptions{})
	checkFinished(t, net, set, f, err)
	if f.Method != WithBoth || len(f.Tried) != 2 {
		t.Errorf("finished by %s after %q", f.Method, f.Tried)
	}
}

// Where there are weights enough for the rows, classes need no further unit.
func TestFinishClassesByTheOutputLayer(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := trained(15, precision, "rri", 6, 60, 90, 4)
		set := relabelled(t, net, rows(16, precision, 60, 6))
		f, err := Finish(net, set, FinishOptions{})
		checkFinished(t, net, set, f, err)
		if f.Method != OutputLayer || f.Added != 0 {
			t.Errorf("finished by %s with %d units more, after %q", f.Method, f.Added, f.Tried)
		}
	}
}
