package construct

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// regression returns n rows of d inputs in [0, 1) with the targets of f.
func regression(t *testing.T, n, d int, f func(x []float64) float64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, uint64(n*d)))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, rng.Float64())
		}
		y.Set(i, 0, f(x.RawRowView(i)))
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestGeneralizeByRowsHeldOut: what a table is like decides between a smooth base
// and a piecewise linear function. A kink along a curve is for the triangulation,
// noise for the base, whatever the number of inputs; more inputs than three are not
// triangulated, nor measured.
func TestGeneralizeByRowsHeldOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	ripples := func(x []float64) float64 { return math.Sin(30*x[0]) * math.Cos(25*x[len(x)-1]) }
	noise := func(x []float64) float64 { return x[0]*x[0] + 0.5*rng.NormFloat64() }
	affine := func(x []float64) float64 { return 3*x[0] - 1 }
	for _, c := range []struct {
		name string
		set  *dataset.Set
		want string
	}{
		{"noise in the plane", regression(t, 300, 2, noise), "needles"},
		{"noise on a line", regression(t, 300, 1, noise), "needles"},
		{"ripples in the plane", regression(t, 2000, 2, ripples), "delaunay"},
		{"ripples on a line", regression(t, 400, 1, func(x []float64) float64 { return math.Sin(200 * x[0]) }), "sorted"},
		{"many inputs", regression(t, 300, 5, ripples), "needles"},
		{"affine", regression(t, 300, 2, affine), "affine"},
		{"few rows", regression(t, 40, 2, ripples), "needles"},
	} {
		p := &Problem{Set: c.set, Goal: Generalize, Seed: 1}
		chosen, trials, err := ChooseMeasured(p)
		if err != nil || chosen.Name != c.want {
			t.Errorf("%s: %v, %v, want %s; %s", c.name, chosen, err, c.want, TrialsText(trials))
			continue
		}
		if measured := len(trials) > 0; measured != (c.set.N() > 40 && c.want != "affine" && c.set.D() < 4) {
			t.Errorf("%s: measured %+v", c.name, trials)
		} else if measured && !strings.Contains(TrialsText(trials), "R2 needles ") {
			t.Errorf("%s: told as %q", c.name, TrialsText(trials))
		}
	}
}

// TestGeneralizeTakesTheGrid: rows that form a grid are interpolated with a hat
// per place, and not by a triangulation of the same places.
func TestGeneralizeTakesTheGrid(t *testing.T) {
	const side = 40
	x, y := mat.NewDense(side*side, 2, nil), mat.NewDense(side*side, 1, nil)
	for i := range side * side {
		a, b := float64(i/side)/side, float64(i%side)/side
		x.SetRow(i, []float64{a, b})
		y.Set(i, 0, math.Sin(30*a)*math.Cos(25*b))
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	c, trials, err := ChooseMeasured(&Problem{Set: set, Goal: Generalize})
	if err != nil || c.Name != "grid" {
		t.Errorf("%v, %v; %s", c, err, TrialsText(trials))
	}
}

// TestContestIsBoundedByWork: what would take long is not measured and says so,
// and everything that is measured is the same again, trial by trial.
func TestContestIsBoundedByWork(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	p := planning(&Problem{Set: classesOf(t, 1400, 3, 2, func(x []float64) int {
		return int(min(1, max(0, math.Floor(1+x[0]*x[1]+0.1*rng.NormFloat64()))))
	}), Goal: Generalize})
	names := []string{"patch", "features", "cover", "slab-classes", "tree"}
	first, second := contest(names, p), contest(names, p)
	if !slices.Equal(first, second) {
		t.Errorf("%+v and then %+v", first, second)
	}
	for _, trial := range first {
		slow := trial.Name == "features" || trial.Name == "cover"
		if refused := strings.Contains(trial.Refusal, "multiplications"); refused != slow {
			t.Errorf("%s: refused because %q", trial.Name, trial.Refusal)
		}
	}
}

// TestBitsFallBack: where identity cannot be had, what is chosen in its place
// returns the stored numbers all the same.
func TestBitsFallBack(t *testing.T) {
	saved := Catalogue
	defer func() { Catalogue = saved }()
	Catalogue = slices.DeleteFunc(slices.Clone(saved), func(c *Construction) bool { return c.Name == "identity" })
	rng := rand.New(rand.NewPCG(3, 3))
	for name, c := range map[string]struct {
		f    func(x []float64) float64
		want string
	}{
		"whole numbers": {func([]float64) float64 { return float64(rng.IntN(50)) }, "packed"},
		"real numbers":  {func([]float64) float64 { return rng.NormFloat64() }, "tree"},
	} {
		set := regression(t, 80, 2, c.f)
		net, err := Build(&Problem{Set: set, Goal: Bits})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := net.Meta[MetaConstruction]; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if !mat.Equal(net.Eval(set.X), set.Y) {
			t.Errorf("%s: %s does not return the stored numbers", name, net.Meta[MetaConstruction])
		}
	}
}

// TestSmallestOfAll: no construction that a plan lists as fit has fewer units
// than the choice for size.
func TestSmallestOfAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	random := func([]float64) int { return rng.IntN(2) }
	for name, set := range map[string]*dataset.Set{
		"random classes":         classesOf(t, 300, 2, 2, random),
		"random classes, wide":   classesOf(t, 150, 12, 3, func([]float64) int { return rng.IntN(3) }),
		"half-planes":            classesOf(t, 200, 2, 2, func(x []float64) int { return int(min(1, max(0, math.Floor(1+x[0])))) }),
		"whole numbers":          regression(t, 300, 1, func([]float64) float64 { return float64(rng.IntN(4)) }),
		"real numbers, 3 inputs": regression(t, 300, 3, func([]float64) float64 { return rng.NormFloat64() }),
	} {
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			p := &Problem{Set: set, Goal: SizeGoal, Precision: precision}
			if precision == network.Float32 {
				var err error
				if p.Set, err = set.Rounded(); err != nil {
					t.Fatal(err)
				}
			}
			plan := Plan(p)
			c, err := ChooseFrom(p, plan)
			if err != nil {
				t.Errorf("%s in %v: %v", name, precision, err)
				continue
			}
			units := plan[slices.Index(Names(), c.Name)].Units
			for _, e := range plan {
				if e.Fits && e.Units < units {
					t.Errorf("%s in %v: %s with %d units was chosen over %s with %d", name, precision, c.Name, units, e.Name, e.Units)
				}
			}
		}
	}
}
