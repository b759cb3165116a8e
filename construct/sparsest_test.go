package construct

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// fewestBends returns the least number of bends of a continuous piecewise
// linear function through the points, by dynamic programming over the slope
// with which the function leaves each point.
//
// Across a gap of chord slope s, a function that leaves with slope a and
// arrives with slope b bends 0 times iff a = b = s, once iff a and b lie on
// either side of s, and twice otherwise; at a point it bends iff it changes
// slope. Only the place of a slope among all chord slopes matters, so each
// chord slope and one number from each interval between them stand for all.
func fewestBends(t, y []float64) int {
	var chords []float64
	for i := 1; i < len(t); i++ {
		chords = append(chords, (y[i]-y[i-1])/(t[i]-t[i-1]))
	}
	levels := slices.Clone(chords)
	slices.Sort(levels)
	levels = slices.Compact(levels)
	slopes := []float64{levels[0] - 1, levels[len(levels)-1] + 1}
	for k, s := range levels {
		slopes = append(slopes, s)
		if k > 0 {
			slopes = append(slopes, (s+levels[k-1])/2)
		}
	}
	cost := make([]int, len(slopes)) // of leaving the point with that slope
	for _, s := range chords {
		arrive := make([]int, len(slopes))
		for j, b := range slopes {
			arrive[j] = math.MaxInt
			for i, a := range slopes {
				bends := 2
				if a == s && b == s {
					bends = 0
				} else if (a-s)*(b-s) < 0 {
					bends = 1
				}
				arrive[j] = min(arrive[j], cost[i]+bends)
			}
		}
		least := slices.Min(arrive)
		for j := range cost {
			cost[j] = min(arrive[j], least+1)
		}
	}
	return slices.Min(cost)
}

func TestFewestBendsOnKnownCases(t *testing.T) {
	for _, c := range []struct {
		y    []float64
		want int
	}{
		{[]float64{0, 1, 2, 3}, 0},
		{[]float64{0, 1, 4, 9}, 1},
		{[]float64{0, 0, 1, 0, 0}, 3},
		{[]float64{0, 1, 4, 9, 16, 25}, 2},
		{[]float64{0, 1, 0, 1, 0, 1}, 4},
	} {
		at := []float64{0, 1, 2, 3, 4, 5}[:len(c.y)]
		if got := fewestBends(at, c.y); got != c.want {
			t.Errorf("fewestBends of %v = %d, want %d", c.y, got, c.want)
		}
	}
}

func lineSet(t testing.TB, at, y []float64) *dataset.Set {
	t.Helper()
	set, err := dataset.New(mat.NewDense(len(at), 1, at), mat.NewDense(len(y), 1, y))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The number of kinks that the network really has must be the true minimum.
func TestSparsestIsTheMinimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 4))
	for trial := range 200 {
		n := 3 + rng.IntN(14)
		at, y := make([]float64, n), make([]float64, n)
		for i := range at {
			at[i] = float64(i)
			if trial%2 == 0 {
				at[i] += rng.Float64() / 2
				y[i] = rng.Float64()
			} else {
				y[i] = float64(rng.IntN(4)) // many points in line
			}
		}
		set := lineSet(t, at, y)
		net, err := BuildNamed(&Problem{Set: set}, "sparsest")
		if err != nil {
			t.Fatal(err)
		}
		want := fewestBends(at, y)
		if got := kinksOf(net, set); got != want {
			t.Errorf("trial %d: %d bends, the minimum is %d: t=%v y=%v", trial, got, want, at, y)
		}
		if miss := errorOf(net, set); miss > 1e-11 {
			t.Errorf("trial %d: error %g", trial, miss)
		}
	}
}

// kinksOf counts the distinct places between the first and the last point at
// which the slope of a network of one input changes.
func kinksOf(net *network.Network, set *dataset.Set) int {
	at := net.LastHidden()
	if at < 0 {
		return 0
	}
	hidden, out := net.Layers[at], net.Layers[at+1].Map.(*network.Dense)
	change := map[float64]float64{}
	size := 0.0
	t := mat.Col(nil, 0, net.Activations(set.X, 0))
	first, last := slices.Min(t), slices.Max(t)
	for j, s := range hidden.Map.(*network.Projected).Scale {
		knot := -hidden.Bias[j] * s
		change[knot] += s * out.W[j] * s // both kinds of unit add w to the slope when passed
		size = max(size, math.Abs(out.W[j]))
	}
	kinks := 0
	for knot, c := range change {
		if math.Abs(c) > 1e-9*size && knot > first && knot < last {
			kinks++
		}
	}
	return kinks
}

// Independent labels keep 0.775 of the bends: a run of equal signs of expected
// kind loses a pair now and then.
func TestSparsestOnIndependentLabels(t *testing.T) {
	set := randomSet(t, 21, 1000, 1, 1)
	for i := range set.N() {
		set.X.Set(i, 0, float64(i))
	}
	net, err := BuildNamed(&Problem{Set: set}, "sparsest")
	if err != nil {
		t.Fatal(err)
	}
	if units := net.Units(); units < 745 || units > 805 {
		t.Errorf("%d units for 1000 independent labels; about 775 expected", units)
	}
}

func TestSparsestFollowsPiecewiseLinearTables(t *testing.T) {
	const n = 2001
	at, y := make([]float64, n), make([]float64, n)
	for i := range at {
		at[i] = float64(i) / 10
		y[i] = math.Abs(at[i]-70) - 2*max(at[i]-130, 0)
	}
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		set := lineSet(t, slices.Clone(at), slices.Clone(y))
		if precision == network.Float32 {
			var err error
			if set, err = set.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		net, err := BuildNamed(&Problem{Set: set, Precision: precision}, "sparsest")
		if err != nil {
			t.Fatal(err)
		}
		if precision == network.Float64 && net.Units() > 3 {
			t.Errorf("%d units for two bends", net.Units())
		}
		if got := errorOf(net, set); got > DefaultTolerance(precision) {
			t.Errorf("%v: error %g with %d units", precision, got, net.Units())
		}
	}
}

func TestSparsestManyOutputs(t *testing.T) {
	for _, d := range []int{1, 3} {
		set := randomSet(t, 8, 50, d, 3)
		net, err := BuildNamed(&Problem{Set: set}, "sparsest")
		if err != nil {
			t.Fatal(err)
		}
		if got := errorOf(net, set); got > 1e-9 || net.Units() > 49 {
			t.Errorf("d=%d: error %g with %d units", d, got, net.Units())
		}
	}
	class := make([]int, 30)
	for i := range class {
		class[i] = i / 3 % 2
	}
	x := mat.NewDense(30, 1, nil)
	for i := range class {
		x.Set(i, 0, float64(i))
	}
	set, err := dataset.NewClasses(x, class, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set}, "sparsest")
	if err != nil {
		t.Fatal(err)
	}
	if net.Units() > 19 {
		t.Errorf("two classes in 10 runs took %d units", net.Units())
	}
}
