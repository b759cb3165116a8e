package construct

import (
	"errors"
	"math"
	"testing"

	"hinge/dataset"
	"hinge/network"
)

// TestDeepDiagonalIsDiagonal: on every row its own unit is awake and no other, in
// both precisions, and for more rows than inputs.
func TestDeepDiagonalIsDiagonal(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for _, shape := range [][3]int{{2, 1, 1}, {25, 1, 2}, {120, 3, 1}, {200, 8, 2}} {
			set := inPrecision(t, randomSet(t, 5, shape[0], shape[1], shape[2]), precision)
			p := &Problem{Set: set, Precision: precision}
			net, err := BuildNamed(p, "deep-diagonal")
			if err != nil {
				if precision == network.Float32 {
					t.Logf("%v %v: %v", precision, shape, err)
					continue
				}
				t.Fatal(err)
			}
			phi := net.Activations(set.X, net.LastHidden())
			for i := range set.N() {
				for k, v := range phi.RawRowView(i) {
					if (v > 0) != (k == i) {
						t.Fatalf("%v %v: unit %d is %v on row %d", precision, shape, k, v, i)
					}
				}
			}
			holds(t, "random", net, p)
			t.Logf("%v %v: %d hidden layers, %d units, error %.2g", precision, shape, len(net.HiddenLayers()), net.Units(), errorOf(net, set))
		}
	}
}

// TestDeepDiagonalBits: the third layer makes the matrix exact, and the labels
// come back bit for bit.
func TestDeepDiagonalBits(t *testing.T) {
	set := randomSet(t, 9, 80, 4, 3)
	net, err := BuildNamed(&Problem{Set: set, Goal: Bits}, "deep-diagonal")
	if err != nil {
		t.Fatal(err)
	}
	phi := net.Activations(set.X, net.LastHidden())
	for i := range set.N() {
		for k, v := range phi.RawRowView(i) {
			if i == k && v != 1 || i != k && v != 0 {
				t.Fatalf("Phi(%d, %d) = %v", i, k, v)
			}
		}
	}
	if e := errorOf(net, set); e != 0 {
		t.Errorf("error %g", e)
	}
}

// TestDeepDiagonalBeatsTheHull: rows inside the hull of others have no unit of
// their own in one hidden layer; a second one gives them one.
func TestDeepDiagonalBeatsTheHull(t *testing.T) {
	set := randomSet(t, 11, 30, 1, 1)
	unit := dataset.Indicators(firstColumns(30), 30)
	r, err := Realise(set.X, unit, RealiseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Columns) != 2 { // the two ends
		t.Errorf("%d of 30 rows on a line are isolated by one layer, want 2", len(r.Columns))
	}
	net, err := BuildNamed(&Problem{Set: set}, "deep-diagonal")
	if err != nil {
		t.Fatal(err)
	}
	if e := errorOf(net, set); !(e <= 1e-6) || math.IsNaN(e) {
		t.Errorf("error %g", e)
	}
}

func TestDeepDiagonalRefusesManyRows(t *testing.T) {
	set := randomSet(t, 1, 20000, 2, 1)
	var unfit *UnfitError
	if _, err := BuildNamed(&Problem{Set: set}, "deep-diagonal"); !errors.As(err, &unfit) || unfit.Advice == "" || unfit.Construction != "deep-diagonal" {
		t.Errorf("20000 rows: %v, want an UnfitError with advice", err)
	}
}
