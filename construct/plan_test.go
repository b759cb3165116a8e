package construct

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

func TestCatalogueIsInOrder(t *testing.T) {
	names := Names()
	for _, want := range []string{"affine", "sorted", "sparsest", "features"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in the catalogue", want)
		}
	}
	at := func(name string) int { return slices.Index(catalogueOrder, name) }
	if !slices.IsSortedFunc(names, func(a, b string) int { return at(a) - at(b) }) {
		t.Errorf("the catalogue is out of order: %v", names)
	}
	for _, c := range Catalogue {
		if c.Title == "" || c.Source == "" || c.Plan == nil || c.Build == nil {
			t.Errorf("%s: incomplete entry", c.Name)
		}
	}
}

func TestLookupKnowsWhatWasMeant(t *testing.T) {
	if c, err := Lookup("sorted"); err != nil || c.Name != "sorted" {
		t.Errorf("Lookup(sorted) = %v, %v", c, err)
	}
	var unknown *NameError
	if _, err := BuildNamed(&Problem{Set: randomSet(t, 1, 5, 1, 1)}, "sortde"); !errors.As(err, &unknown) || unknown.Nearest != "sorted" {
		t.Errorf("sortde: %v", err)
	}
	if _, err := Lookup("zebra"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "affine, sorted") {
		t.Errorf("zebra: %v; want the list of names", err)
	}
	if g, err := ParseGoal("bits"); g != Bits || err != nil {
		t.Errorf("ParseGoal(bits) = %v, %v", g, err)
	}
	if _, err := ParseGoal("bist"); err == nil || !strings.Contains(err.Error(), `"bits"`) {
		t.Errorf("ParseGoal(bist): %v", err)
	}
}

func TestPlanStatesWhatIsBuilt(t *testing.T) {
	p := &Problem{Set: randomSet(t, 2, 40, 2, 2)}
	entries := Plan(p)
	if len(entries) != len(Catalogue) {
		t.Fatalf("%d entries for %d constructions", len(entries), len(Catalogue))
	}
	fit := 0
	for _, e := range entries {
		if !e.Fits {
			if e.Reason == "" || e.Advice == "" {
				t.Errorf("%s: unfit without reason or advice: %+v", e.Name, e)
			}
			continue
		}
		fit++
		net, err := BuildNamed(p, e.Name)
		if err != nil {
			t.Errorf("%s: planned, but %v", e.Name, err)
			continue
		}
		if !e.Estimated && (e.Units != net.Units() || e.Parameters != net.Parameters() || e.HiddenLayers != len(net.HiddenLayers())) {
			t.Errorf("%s: planned %d units and %d parameters, built %v", e.Name, e.Units, e.Parameters, net)
		}
		if net.Meta[MetaConstruction] != e.Name {
			t.Errorf("%s: the network says %q", e.Name, net.Meta[MetaConstruction])
		}
	}
	if fit < 2 {
		t.Errorf("only %d constructions fit 40 random rows", fit)
	}
}

// What constructions find out for each other in a plan changes nothing that the
// plan says, and the choice from a plan is the choice without one.
func TestPlanRemembersInVain(t *testing.T) {
	x := mat.NewDense(6, 2, []float64{1, 1, 1 + 0x1p-52, 1, 1, 1 + 0x1p-52, 0, 3, 5, 2, 2, 7})
	classes, err := dataset.NewClasses(x, []int{0, 1, 2, 0, 1, 2}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := dataset.New(x, mat.NewDense(6, 1, []float64{1, 2, 3, 5, 4, 7}))
	if err != nil {
		t.Fatal(err)
	}
	text := func(e Entry) string {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, set := range []*dataset.Set{classes, numbers, dataset.RandomReal(40, 3, 2, 1)} {
		p := &Problem{Set: set}
		plan := Plan(p)
		inVain := 0
		for i, c := range Catalogue {
			if alone := planned(c, withDefaults(p)); text(alone) != text(plan[i]) {
				t.Errorf("%s alone: %+v, in the plan: %+v", c.Name, alone, plan[i])
			}
			if strings.HasPrefix(plan[i].Reason, "none of ") {
				inVain++
			}
		}
		if want := set.N() == 6; want != (inVain >= 2) {
			t.Errorf("%d rows: %d constructions found no direction", set.N(), inVain)
		}
		for _, goal := range []Goal{Fit, SizeGoal, Speed, Generalize, Bits} {
			p.Goal = goal
			c, err := Choose(p)
			from, fromErr := ChooseFrom(p, Plan(p))
			if c != from || fmt.Sprint(err) != fmt.Sprint(fromErr) {
				t.Errorf("for %s: %v, %v; from the plan %v, %v", goal, c, err, from, fromErr)
			}
		}
	}
}

// TestPlansShareTheInputs: the constructions of a plan read one copy of the scaled
// inputs, and none of them writes to it or to the layer that makes it.
func TestPlansShareTheInputs(t *testing.T) {
	for name, set := range map[string]*dataset.Set{
		"numbers":       randomSet(t, 2, 40, 3, 2),
		"one input":     randomSet(t, 2, 30, 1, 1),
		"two classes":   classesOf(t, 60, 2, 2, func(x []float64) int { return int(min(1, max(0, math.Floor(1+x[0]*x[1])))) }),
		"wide, classes": classesOf(t, 50, 70, 3, func(x []float64) int { return int(min(2, max(0, math.Floor(1.5+x[0])))) }),
	} {
		q := planning(&Problem{Set: set})
		layer, x := inputLayer(q)
		wantLayer, want := newInputLayer(q)
		for _, c := range Catalogue {
			planned(c, q)
			again, shared := inputLayer(q)
			if shared != x {
				t.Fatalf("%s: %s made another copy", name, c.Name)
			}
			if !mat.Equal(x, want) || !reflect.DeepEqual(again, wantLayer) {
				t.Fatalf("%s: %s changed the scaled inputs", name, c.Name)
			}
		}
		layer.Bias[0]++
		if again, _ := inputLayer(q); again.Bias[0] != wantLayer.Bias[0] {
			t.Errorf("%s: the layers share their numbers", name)
		}
	}
}

func TestChooseServesEveryGoal(t *testing.T) {
	random, affine := randomSet(t, 3, 60, 2, 1), affineSet(t, 3, 60, 2, 1, 1)
	for _, goal := range []Goal{"", Fit, SizeGoal, Speed, Generalize} {
		c, err := Choose(&Problem{Set: affine, Goal: goal})
		if err != nil || c.Name != "affine" {
			t.Errorf("%q of affine targets: %v, %v", goal, c, err)
		}
		net, err := Build(&Problem{Set: random, Goal: goal})
		if err != nil {
			t.Errorf("%q: %v", goal, err)
			continue
		}
		if got := errorOf(net, random); got > DefaultTolerance(network.Float64) {
			t.Errorf("%q: %s has error %g", goal, net.Meta[MetaConstruction], got)
		}
	}
	if _, err := Choose(&Problem{Set: random, Goal: "colour"}); err == nil {
		t.Error("the goal colour was accepted")
	}
}

// No construction that the plan lists as fit may be smaller than the choice.
func TestChooseBySizeIsTheSmallest(t *testing.T) {
	p := &Problem{Set: randomSet(t, 9, 80, 4, 1), Goal: SizeGoal}
	c, err := Choose(p)
	if err != nil {
		t.Fatal(err)
	}
	entries := Plan(p)
	at := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == c.Name })
	for _, e := range entries {
		if e.Fits && e.Units < entries[at].Units {
			t.Errorf("%s with %d units was chosen over %s with %d", c.Name, entries[at].Units, e.Name, e.Units)
		}
	}
}

func TestChooseSaysWhyNothingFits(t *testing.T) {
	set, err := randomSet(t, 5, 500, 2, 1).Rounded()
	if err != nil {
		t.Fatal(err)
	}
	saved := Catalogue
	defer func() { Catalogue = saved }()
	Catalogue = slices.DeleteFunc(slices.Clone(saved), func(c *Construction) bool { return c.Name != "affine" && c.Name != "sorted" })
	_, err = Choose(&Problem{Set: set, Precision: network.Float32})
	var unfit *UnfitError
	if !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "affine: ") || !strings.Contains(unfit.Reason, "sorted: ") || unfit.Advice == "" {
		t.Errorf("got %v, want the reasons of both", err)
	}
}
