package report

import (
	"encoding/json"
	"strings"
	"testing"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

func depthOf(set *dataset.Set, names ...string) *Depth {
	return NewDepth(&construct.Problem{Set: set, Tolerance: 1e-6, Goal: construct.Fit}, names...)
}

func (d *Depth) row(t *testing.T, name string) *DepthRow {
	t.Helper()
	for k := range d.Networks {
		if d.Networks[k].Name == name {
			return &d.Networks[k]
		}
	}
	t.Fatalf("no %s in\n%s\n%s", name, d.Text(), strings.Join(d.Refused, "\n"))
	return nil
}

// The same data: deep slabs keep float32 where shallow ones lose it, with few
// nonzeros and a small condition; and what a row says is what the network is.
func TestDepthShowsTheAdvantage(t *testing.T) {
	set := dataset.RandomReal(120, 4, 1, 1)
	d := depthOf(set, "slab", "sorted", "deep-slab", "identity", "zigzag")
	shallow, deep, bits := d.row(t, "slab"), d.row(t, "deep-slab"), d.row(t, "identity")
	if shallow.HiddenLayers != 1 || deep.HiddenLayers != 2 {
		t.Errorf("%d and %d hidden layers", shallow.HiddenLayers, deep.HiddenLayers)
	}
	if shallow.Float32.Hit == shallow.Float32.Rows || deep.Float32.Hit < deep.Float32.Rows || bits.Float32.Error != 0 {
		t.Errorf("float32: slab %+v, deep-slab %+v, identity %+v", shallow.Float32, deep.Float32, bits.Float32)
	}
	if *deep.Condition > *shallow.Condition/1e3 || deep.Nonzeros >= shallow.Nonzeros {
		t.Errorf("condition %g and %g, nonzeros %d and %d", *shallow.Condition, *deep.Condition, shallow.Nonzeros, deep.Nonzeros)
	}
	if bits.Solutions != "universal" || *bits.Rank != set.N() {
		t.Errorf("identity is %s with rank %d", bits.Solutions, *bits.Rank)
	}
	net, err := construct.BuildNamed(&construct.Problem{Set: set}, "zigzag")
	if err != nil {
		t.Fatal(err)
	}
	if z := d.row(t, "zigzag"); z.Units != net.Units() || z.Parameters != net.Parameters() || z.Limit != construct.LimitFor(set, network.Float64, 2) {
		t.Errorf("%+v, built %v", z, net)
	}
}

func TestDepthOfALargeTableIsOfASample(t *testing.T) {
	d := depthOf(dataset.RandomClasses(1000, 2, 3, 1), "sorted", "identity", "packed", "affine")
	if d.Sample != depthRows || d.row(t, "identity").Float64.Rows != depthRows {
		t.Errorf("a sample of %d", d.Sample)
	}
	if len(d.Refused) != 1 || !strings.Contains(d.Refused[0], "affine") {
		t.Errorf("refused: %v, want affine", d.Refused)
	}
	if m := d.row(t, "identity").Float64.Margin; m != 1 {
		t.Errorf("a margin of %v, want 1", m)
	}
	text := d.Text()
	for _, want := range []string{"compared on 400 rows", "counting", "least margin", "packed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
}

// Rows stand by depth, then by units.
func TestDepthIsInOrder(t *testing.T) {
	d := depthOf(dataset.RandomReal(60, 1, 1, 2))
	for k := 1; k < len(d.Networks); k++ {
		if before(&d.Networks[k], &d.Networks[k-1]) {
			t.Errorf("%s stands after %s", d.Networks[k].Name, d.Networks[k-1].Name)
		}
	}
	if len(d.Networks) < 8 || d.Networks[0].HiddenLayers != 1 {
		t.Errorf("%d networks, the first with %d hidden layers", len(d.Networks), d.Networks[0].HiddenLayers)
	}
}

func TestPlanShowsTheCrossover(t *testing.T) {
	for _, outputs := range []int{1, 3, 50} {
		plan := NewPlan(&construct.Problem{Set: dataset.RandomReal(200, 2, outputs, 1), Tolerance: 1e-4, Goal: construct.SizeGoal})
		if len(plan.ManyOutputs) < 2 {
			t.Fatalf("%d outputs: crossovers %v", outputs, plan.ManyOutputs)
		}
		text := plan.Text()
		for _, c := range plan.ManyOutputs {
			if !strings.Contains(text, c.String()) {
				t.Errorf("the text does not say %q:\n%s", c, text)
			}
		}
	}
	classes := NewPlan(&construct.Problem{Set: dataset.RandomClasses(60, 2, 3, 1), Tolerance: 1e-4, Goal: construct.SizeGoal})
	if classes.ManyOutputs != nil {
		t.Errorf("classes: %v", classes.ManyOutputs)
	}
}
