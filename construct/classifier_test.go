package construct

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestContestMeasures: the figures are those of networks built on the part and
// asked about the rest, repeat, and decide.
func TestContestMeasures(t *testing.T) {
	set := rings(t, 300, 2)
	p := &Problem{Set: set, Goal: Generalize, Seed: 3}
	c, trials, err := ChooseMeasured(p)
	if err != nil {
		t.Fatal(err)
	}
	best := 0
	for _, trial := range trials {
		if trial.Refusal == "" && trial.Rows+trial.Built != 300 {
			t.Errorf("%+v: rows are missing", trial)
		}
		best = max(best, trial.Hit)
	}
	if len(trials) < 3 || trials[0].Rows != 60 {
		t.Fatalf("trials %+v", trials)
	}
	for _, trial := range trials {
		if trial.Name == c.Name && trial.Hit < best {
			t.Errorf("%s was chosen with %d hits, another has %d", c.Name, trial.Hit, best)
		}
	}
	if text := TrialsText(trials); !strings.Contains(text, c.Name) || !strings.Contains(text, "60 rows held out") {
		t.Errorf("told as %q", text)
	}
	again, _, err := ChooseMeasured(p)
	if err != nil || again != c {
		t.Errorf("the second time %v, %v", again, err)
	}
}

// TestNoContestOfAFewRows: a handful of rows is not split.
func TestNoContestOfAFewRows(t *testing.T) {
	if _, trials, err := ChooseMeasured(&Problem{Set: rings(t, 30, 2), Goal: Generalize}); trials != nil || err != nil {
		t.Errorf("%v, %v", trials, err)
	}
}

// TestSizeTakesTheSmallestClassifier: classes drawn at random and classes in a
// half-space are served by different constructions, each the smallest planned.
func TestSizeTakesTheSmallestClassifier(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, rule := range map[string]func(x []float64) int{
		"random": func([]float64) int { return rng.IntN(2) },
		"box":    func(x []float64) int { return int(min(1, max(0, x[0]*x[0]+0.5))) },
	} {
		p := &Problem{Set: classesOf(t, 200, 4, 2, rule), Goal: SizeGoal}
		c, err := Choose(p)
		if err != nil {
			t.Fatal(err)
		}
		chosen := 0
		for _, e := range Plan(p) {
			if e.Name == c.Name {
				chosen = e.Units
			}
		}
		for _, e := range Plan(p) {
			if marked := strings.Contains("patch tree cover slab-classes deep-blocks", e.Name); marked && e.Fits && e.Units < chosen {
				t.Errorf("%s: %s with %d units was chosen over %s with %d", name, c.Name, chosen, e.Name, e.Units)
			}
		}
	}
}
