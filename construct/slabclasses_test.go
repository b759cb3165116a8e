package construct

import (
	"errors"
	"math/rand/v2"
	"testing"

	"hinge/dataset"
	"hinge/network"
)

// randomClasses is n normal rows of d inputs with classes drawn at random.
func randomClasses(t testing.TB, seed uint64, n, d, k int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0xc1a55))
	class, names := make([]int, n), []string{"a", "b", "c", "d", "e", "f"}[:k]
	for i := range class {
		class[i] = rng.IntN(k)
	}
	set, err := dataset.NewClasses(gaussian(rng, n, d), class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestSlabClassesRandomLabels: about n/(d+1) units for two classes drawn at
// random, half of what it takes to give every row a value.
func TestSlabClassesRandomLabels(t *testing.T) {
	for _, c := range []struct{ n, d, k, most int }{{600, 5, 2, 140}, {600, 20, 2, 40}, {300, 6, 4, 150}} {
		p := &Problem{Set: randomClasses(t, 7, c.n, c.d, c.k)}
		net, err := BuildNamed(p, "slab-classes")
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "random labels", net, p)
		t.Logf("n=%d d=%d k=%d: %d hidden layers, %d units; n/(d+1) = %d", c.n, c.d, c.k, len(net.HiddenLayers()), net.Units(), c.n/(c.d+1))
		if net.Units() > c.most {
			t.Errorf("n=%d d=%d k=%d: %d units, want at most %d", c.n, c.d, c.k, net.Units(), c.most)
		}
	}
}

// TestSlabClassesDeep: float32 leaves random labels no margin in one hidden
// layer; in the second, one slab is awake on a row, and the certificate holds.
func TestSlabClassesDeep(t *testing.T) {
	set := inPrecision(t, randomClasses(t, 8, 800, 4, 2), network.Float32)
	p := &Problem{Set: set, Precision: network.Float32}
	net, err := BuildNamed(p, "slab-classes")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "float32", net, p)
	t.Logf("%d hidden layers, %d units", len(net.HiddenLayers()), net.Units())
}

// TestSlabClassesSeparable: separable classes are one slab and no hidden unit;
// two clouds that overlap a little take few slabs, along the line that joins them.
func TestSlabClassesSeparable(t *testing.T) {
	for _, c := range []struct {
		apart float64
		most  int
	}{{30, 0}, {4, 40}} {
		rng := rand.New(rand.NewPCG(9, 9))
		x, class := gaussian(rng, 600, 3), make([]int, 600)
		for i := range class {
			class[i] = i % 2
			x.Set(i, 1, x.At(i, 1)+c.apart*float64(class[i]))
		}
		set, err := dataset.NewClasses(x, class, []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		p := &Problem{Set: set}
		net, err := BuildNamed(p, "slab-classes")
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "clouds", net, p)
		t.Logf("%g apart: %d units", c.apart, net.Units())
		if net.Units() > c.most {
			t.Errorf("%g apart: %d units, want at most %d", c.apart, net.Units(), c.most)
		}
	}
}

// TestLongestBlock: the end of a block is found wherever the search begins.
func TestLongestBlock(t *testing.T) {
	set := randomClasses(t, 10, 200, 2, 2)
	r := newClassRows(&Problem{Set: set}, set.X, firstColumns(200))
	_, m := r.phi.Dims()
	zero := gaussian(rand.New(rand.NewPCG(1, 1)), 2, m)
	zero.Zero()
	first, scores := r.longest(0, 1, zero)
	if r.separate(0, first, scores) == nil || r.separate(0, first+2, scores) != nil {
		t.Errorf("a block of %d rows is not the longest", first)
	}
	for _, guess := range []int{3, 20, 500} {
		if to, _ := r.longest(0, guess, zero); to < first-2 || to > first+2 {
			t.Errorf("from a guess of %d: %d rows, from 1: %d", guess, to, first)
		}
	}
}

func TestSlabClassesRefusesNumbers(t *testing.T) {
	checkUnfitIn(t, "slab-classes", &Problem{Set: randomSet(t, 1, 20, 2, 1)})
}

// checkUnfitIn wants a problem refused, with advice, by plan or build.
func checkUnfitIn(t *testing.T, name string, p *Problem) {
	t.Helper()
	_, err := BuildNamed(p, name)
	var unfit *UnfitError
	if !errors.As(err, &unfit) || unfit.Advice == "" || unfit.Reason == "" || unfit.Construction != name {
		t.Errorf("%s: %v, want an UnfitError in its name, with advice", name, err)
	}
}

// TestSlabClassesForSize: more effort makes no more units.
func TestSlabClassesForSize(t *testing.T) {
	units := map[Goal]int{}
	for _, goal := range []Goal{Fit, SizeGoal} {
		p := &Problem{Set: randomClasses(t, 7, 400, 5, 2), Goal: goal}
		net, err := BuildNamed(p, "slab-classes")
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "for size", net, p)
		units[goal] = net.Units()
	}
	t.Log(units)
	if units[SizeGoal] > units[Fit] {
		t.Errorf("%d units for size, %d otherwise", units[SizeGoal], units[Fit])
	}
}
