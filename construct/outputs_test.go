package construct

import (
	"testing"
)

// The units that the plan states for other numbers of outputs are those that are
// built there.
func TestOutputsStateWhatIsBuilt(t *testing.T) {
	const n = 120
	for _, e := range Plan(&Problem{Set: randomSet(t, 1, n, 1, 3), Tolerance: 1e-3}) {
		if e.Outputs == nil || !e.Fits {
			continue
		}
		for _, p := range []int{1, 3, 50} {
			net, err := BuildNamed(&Problem{Set: randomSet(t, 1, n, 1, p), Tolerance: 1e-3}, e.Name)
			if err != nil {
				t.Logf("%s at p=%d: %v", e.Name, p, err)
				continue
			}
			slack := 0
			if e.Estimated || e.Name == "slab" || e.Name == "sparsest" {
				slack = net.Units() / 4 // the blocks depend on the targets a little, and bends for one output are fewer
			}
			if got := e.Outputs.units(p); got < net.Units()-slack || got > net.Units()+slack+n/3*bit(e.Name == "sparsest") {
				t.Errorf("%s: %d units planned for %d outputs, %d built", e.Name, got, p, net.Units())
			}
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// For few outputs a specific solution has the fewest units, for many a universal
// one, whatever the number of outputs of the set that is planned.
func TestCrossovers(t *testing.T) {
	for _, p := range []int{1, 3, 50} {
		entries := Plan(&Problem{Set: randomSet(t, 2, 400, 3, p), Tolerance: 1e-3})
		list := Crossovers(entries)
		if len(list) < 2 {
			t.Fatalf("p=%d: no crossover: %v", p, list)
		}
		first, last := list[0], list[len(list)-1]
		if first.From != 1 || first.Shared || !last.Shared || last.To != 0 {
			t.Errorf("p=%d: %v", p, list)
		}
		for k, c := range list {
			if k > 0 && c.From != list[k-1].To+1 {
				t.Errorf("p=%d: %v does not follow %v", p, c, list[k-1])
			}
			for _, e := range entries {
				if e.Fits && e.Outputs != nil && e.Outputs.units(c.From) < c.Units {
					t.Errorf("p=%d: %v, but %s has %d units there", p, c, e.Name, e.Outputs.units(c.From))
				}
			}
			if c.From == p || c.From < p && (c.To >= p || c.To == 0) {
				if chosen, err := Choose(&Problem{Set: randomSet(t, 2, 400, 3, p), Tolerance: 1e-3, Goal: SizeGoal}); err != nil {
					t.Error(err)
				} else {
					t.Logf("p=%d: %v; auto for size takes %s", p, c, chosen.Name)
				}
			}
		}
	}
}

// Classes have no number of outputs to choose.
func TestOutputsOfClasses(t *testing.T) {
	for _, e := range Plan(&Problem{Set: classSet(t, 1, 40, 2, 3, 1)}) {
		if e.Outputs != nil {
			t.Errorf("%s: %+v", e.Name, e.Outputs)
		}
	}
}
