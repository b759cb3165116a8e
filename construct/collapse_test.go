package construct

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// chain is k classes of normal rows that come off one after the other: class c
// lies around 12 c along a direction, so that only the outer ones are separable.
func chain(t testing.TB, n, d, k int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(6, 6))
	x, class := gaussian(rng, n, d), make([]int, n)
	names := []string{"a", "b", "c", "d", "e", "f", "g"}[:k]
	for i := range class {
		class[i] = i % k
		for j := range d {
			x.Set(i, j, x.At(i, j)+12*float64(class[i]))
		}
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCollapse: in the last hidden layer every class is one point, exactly, in
// both precisions.
func TestCollapse(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for _, c := range [][3]int{{30, 1, 2}, {60, 1, 5}, {90, 3, 3}, {200, 8, 6}} {
			set := inPrecision(t, chain(t, c[0], c[1], c[2]), precision)
			p := &Problem{Set: set, Precision: precision}
			net, err := BuildNamed(p, "collapse")
			if err != nil {
				t.Fatal(err)
			}
			if got := len(net.HiddenLayers()); got != c[2] {
				t.Errorf("%v: %d hidden layers, want one per class", c, got)
			}
			holds(t, "chain", net, p)
			phi := net.Activations(set.X, net.LastHidden())
			point := map[int][]float64{}
			for i, own := range set.Class {
				row := phi.RawRowView(i)
				if point[own] == nil {
					point[own] = row
				}
				for j, v := range row {
					if v != point[own][j] || v != 0 && v != 1 {
						t.Fatalf("%v %v: row %d of class %d is %v, not %v", precision, c, i, own, row, point[own])
					}
				}
			}
		}
	}
}

// TestCollapseIsTheIdentityOnTheRest: the second layer holds u and v of the rows
// that are left bit for bit, and 0 for the class that collapsed.
func TestCollapseIsTheIdentityOnTheRest(t *testing.T) {
	set := chain(t, 80, 2, 4)
	net, err := BuildNamed(&Problem{Set: set}, "collapse")
	if err != nil {
		t.Fatal(err)
	}
	before, after := net.Activations(set.X, 1), net.Activations(set.X, 2)
	collapsed := map[int]bool{}
	for i, own := range set.Class {
		same, zero := true, true
		for j := range 4 { // u and v of two inputs
			same = same && after.At(i, j) == before.At(i, j)
			zero = zero && after.At(i, j) == 0
		}
		if !same && !zero {
			t.Fatalf("row %d of class %d was %v and is %v", i, own, before.RawRowView(i), after.RawRowView(i))
		}
		if zero && !same {
			collapsed[own] = true
		}
	}
	if len(collapsed) != 1 {
		t.Errorf("classes %v collapsed in one layer", collapsed)
	}
}

// TestCollapseRefusesWithAWitness: of four corners by turns of two classes, no
// class comes off, and the crossing of the diagonals says why.
func TestCollapseRefusesWithAWitness(t *testing.T) {
	x := mat.NewDense(4, 2, []float64{0, 0, 1, 1, 0, 1, 1, 0})
	set, err := dataset.NewClasses(x, []int{0, 0, 1, 1}, []string{"even", "odd"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = BuildNamed(&Problem{Set: set}, "collapse")
	var unfit *UnfitError
	if !errors.As(err, &unfit) || unfit.Advice == "" || !strings.Contains(unfit.Reason, "[1 2]") || !strings.Contains(unfit.Reason, "[3 4]") {
		t.Errorf("%v", err)
	}
	checkUnfitIn(t, "collapse", &Problem{Set: randomClasses(t, 2, 3000, 3, 4)})
	checkUnfitIn(t, "collapse", &Problem{Set: randomSet(t, 2, 30, 3, 1)})
}

// TestCollapseClassWithoutRows: it never wins.
func TestCollapseClassWithoutRows(t *testing.T) {
	set, err := dataset.NewClasses(mat.NewDense(3, 1, []float64{0, 1, 2}), []int{0, 2, 2}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{Set: set}
	net, err := BuildNamed(p, "collapse")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "empty class", net, p)
}
