package analyze

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

func random(rng *rand.Rand, n, m int) *mat.Dense {
	a := mat.NewDense(n, m, nil)
	a.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, a)
	return a
}

// planted returns a network of two hidden layers with known faults on inputs
// within [-4, 4]^3, and the rows:
//
//	hidden 1: units 0..3 generic, 4 dead, 5 always on, 6 = twice unit 0
//	hidden 2: units 0..5 pass on units 0..3, 5 and 6; unit 6 adds units 0 and 1
func planted(seed uint64) (*network.Network, *mat.Dense) {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := random(rng, 80, 3)
	x.Apply(func(_, _ int, v float64) float64 { return max(-4, min(4, v)) }, x)
	first := network.NewDense(7, 3, make([]float64, 21))
	bias := make([]float64, 7)
	for u := range 6 {
		for k := range 3 {
			first.Row(u)[k] = rng.NormFloat64()
		}
		bias[u] = rng.NormFloat64() / 4
	}
	bias[4], bias[5] = -100, 100
	for k, v := range first.Row(0) {
		first.Row(6)[k] = 2 * v
	}
	bias[6] = 2 * bias[0]
	second := network.NewDense(7, 7, make([]float64, 49))
	for u, from := range []int{0, 1, 2, 3, 5, 6} {
		second.Row(u)[from] = 1
	}
	second.Row(6)[0], second.Row(6)[1] = 1, 1
	out := network.NewDense(1, 7, []float64{1, -1, 0.5, 2, 0.25, 1, -3})
	return &network.Network{Layers: []network.Layer{
		{Map: first, Bias: bias, Act: network.ReLU}, {Map: second, Act: network.ReLU}, {Map: out, Bias: []float64{1}}}}, x
}

func analysed(t *testing.T, net *network.Network, set *dataset.Set, opt Options) *Analysis {
	t.Helper()
	a, err := Network(context.Background(), net, set, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Complete || a.Stopped != "" {
		t.Fatalf("not complete: stopped %q", a.Stopped)
	}
	return a
}

func TestPlantedFaultsAreFound(t *testing.T) {
	for seed := range uint64(5) {
		net, x := planted(seed)
		a := analysed(t, net, &dataset.Set{X: x, Y: net.Forward(x)}, Options{})
		one, two := a.Layers[1], a.Layers[2]
		if !slices.Equal(one.DeadUnits, []int{4}) || !slices.Equal(one.AlwaysOnUnits, []int{5}) {
			t.Errorf("dead %v, always on %v; want 4 and 5", one.DeadUnits, one.AlwaysOnUnits)
		}
		if len(one.Duplicates) != 1 || !slices.Equal(one.Duplicates[0], []int{0, 6}) {
			t.Errorf("duplicates %v, want 0 and 6", one.Duplicates)
		}
		// Units 0..3 and 5 span 5 dimensions; the bias makes a sixth.
		if *one.Rank != 5 || *one.RankWithBias != 6 || !one.RankSure || len(one.Free) != 2 || len(one.Essential) != 5 {
			t.Errorf("hidden 1: rank %d, with bias %d, sure %v, essential %v, free %v", *one.Rank, *one.RankWithBias, one.RankSure, one.Essential, one.Free)
		}
		if *two.Rank != 5 || len(two.Free) != 2 || len(two.DeadUnits) != 0 || !slices.Equal(two.AlwaysOnUnits, []int{4}) {
			t.Errorf("hidden 2: rank %d, free %v, dead %v, always on %v", *two.Rank, two.Free, two.DeadUnits, two.AlwaysOnUnits)
		}
		checkCounts(t, net, x, &one, 0)
		checkCounts(t, net, x, &two, 1)
		if *a.Last.FurtherLabels != 2 || *a.Last.Reachable != 6 || a.Last.Hit != 80 || a.Last.Solutions != phi.Specific {
			t.Errorf("last layer: further %d, reachable %d, hit %d, %s", *a.Last.FurtherLabels, *a.Last.Reachable, a.Last.Hit, a.Last.Solutions)
		}
	}
}

// checkCounts compares density, its distributions and the patterns with counts
// made one by one.
func checkCounts(t *testing.T, net *network.Network, x *mat.Dense, y *Layer, l int) {
	t.Helper()
	h := net.Activations(x, l)
	n, m := h.Dims()
	patterns, awake := map[string]bool{}, 0
	perRow := make([]int, n)
	for i := range n {
		pattern := ""
		for _, v := range h.RawRowView(i) {
			if v > 0 {
				pattern += "1"
				awake++
				perRow[i]++
			} else {
				pattern += "0"
			}
		}
		patterns[pattern] = true
	}
	slices.Sort(perRow)
	if *y.Patterns != len(patterns) || y.Nonzeros != int64(awake) {
		t.Errorf("layer %d: %d patterns, %d nonzeros; want %d and %d", l, *y.Patterns, y.Nonzeros, len(patterns), awake)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	of := float64(m)
	if !near(y.RowDensity.Least, float64(perRow[0])/of) || !near(y.RowDensity.Most, float64(perRow[n-1])/of) ||
		!near(y.RowDensity.Median, float64(perRow[(n-1)/2])/of) || !near(y.RowDensity.Mean, y.Density) || !near(y.UnitDensity.Mean, y.Density) {
		t.Errorf("layer %d: row density %+v, unit density %+v of density %v, counts %v", l, y.RowDensity, y.UnitDensity, y.Density, perRow)
	}
	total := 0
	for _, b := range y.UnitDensity.Bins {
		total += b
	}
	if total != m {
		t.Errorf("layer %d: the bins hold %d units of %d", l, total, m)
	}
}

// The constructions say what their Phi is; the analysis must find it.
func TestConstructionsAreRecognised(t *testing.T) {
	set, err := dataset.New(random(rand.New(rand.NewPCG(2, 2)), 40, 4), random(rand.New(rand.NewPCG(3, 3)), 40, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kind phi.Kind
		rank int
	}{{"identity", phi.Diagonal, 40}, {"sorted", phi.BlockDiagonal, 0}} { // sorted: a triangle on either side of the median
		problem := &construct.Problem{Set: set, Tolerance: 1e-6}
		built, err := construct.Lookup(c.name)
		if err != nil {
			t.Fatal(err)
		}
		net, err := built.Build(problem)
		if err != nil {
			t.Fatal(err)
		}
		a := analysed(t, net, set, Options{})
		last := a.Layers[len(a.Layers)-1]
		if last.Kind != c.kind || a.Last.Solutions != phi.Universal || *last.RankWithBias != 40 || a.Last.Hit != 40 {
			t.Errorf("%s: kind %s, %s, rank with bias %d, hit %d", c.name, last.Kind, a.Last.Solutions, *last.RankWithBias, a.Last.Hit)
		}
		if c.rank > 0 && (*last.Rank != c.rank || *last.Patterns != 40 || last.Density != 1.0/40 || !last.RankSure) {
			t.Errorf("%s: rank %d, patterns %d, density %v", c.name, *last.Rank, *last.Patterns, last.Density)
		}
	}
}

// withSpectrum returns an n x m matrix with the given singular values.
func withSpectrum(rng *rand.Rand, n int, sigma []float64) *mat.Dense {
	orthogonal := func(k, m int) *mat.Dense {
		q := random(rng, k, m)
		if !orthonormal(q) {
			panic("no directions")
		}
		return q
	}
	u, v := orthogonal(n, len(sigma)), orthogonal(len(sigma), len(sigma))
	var a mat.Dense
	a.Mul(u, mat.NewDiagDense(len(sigma), sigma))
	a.Mul(&a, v.T())
	return &a
}

func TestRankAtPlantedSingularValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, small := range []float64{1e-3, 1e-6, 1e-9, 1e-18} {
		x := withSpectrum(rng, 50, []float64{1, 0.7, 0.5, 0.3, small})
		net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 5, make([]float64, 5))}}}
		y := analysed(t, net, &dataset.Set{X: x, Y: mat.NewDense(50, 1, nil)}, Options{}).Layers[0]
		want := 5
		if small < 1e-17 {
			want = 4
		}
		if *y.Rank != want || !y.RankSure {
			t.Errorf("smallest singular value %g: rank %d, sure %v; want %d", small, *y.Rank, y.RankSure, want)
		}
		if want == 5 && math.Abs(y.Spectrum[4]/small-1) > 1e-5 {
			t.Errorf("singular value %g read as %g", small, y.Spectrum[4])
		}
	}
}

// In float32 the rank is right, or the report says that it cannot know: the true
// one is then within the range it gives.
func TestRankInFloat32IsRightOrUnsure(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, small := range []float64{1e-1, 1e-2, 1e-3, 1e-4} {
		// The hidden units are always on, so Phi is the inputs by w, moved.
		w := withSpectrum(rng, 6, []float64{1, 0.8, 0.6, 0.4, small})
		net := &network.Network{Precision: network.Float32, Layers: []network.Layer{
			{Map: network.NewDense(6, 5, slices.Clone(w.RawMatrix().Data)), Bias: []float64{9, 9, 9, 9, 9, 9}, Act: network.ReLU},
			{Map: network.NewDense(1, 6, make([]float64, 6))}}}
		net.Round()
		x := random(rng, 200, 5)
		y := analysed(t, net, &dataset.Set{X: x, Y: mat.NewDense(200, 1, nil)}, Options{}).Layers[1]
		if y.Noise <= 0 {
			t.Errorf("no rounding was measured")
		}
		if y.RankSure && *y.Rank != 6 || y.RankRange[1] < 6 {
			t.Errorf("at %g: rank %d, sure %v, range %v; the true rank is 6", small, *y.Rank, y.RankSure, y.RankRange)
		}
	}
}

func TestStopGivesWhatIsDone(t *testing.T) {
	net, x := planted(1)
	set := &dataset.Set{X: x, Y: net.Forward(x)}
	for stopAt := range 14 {
		ctx, cancel := context.WithCancel(context.Background())
		steps, last := 0, -1.0
		a, err := Network(ctx, net, set, Options{Progress: func(_ string, done float64) {
			if done < last || done >= 1 {
				t.Errorf("progress went from %v to %v", last, done)
			}
			last = done
			if steps++; steps == stopAt {
				cancel()
			}
		}})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if stopAt > 0 && (a.Complete || a.Stopped == "") && steps >= stopAt && stopAt < 13 {
			t.Errorf("stopped at step %d: complete %v, stopped %q", stopAt, a.Complete, a.Stopped)
		}
		if want := min(3, max(0, stopAt)/4); stopAt > 0 && len(a.Layers) < want {
			t.Errorf("stopped at step %d: %d layers", stopAt, len(a.Layers))
		}
	}
}

func TestSmallMemorySamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	x := random(rng, 5000, 40)
	class := make([]int, 5000)
	for i := range class {
		if x.At(i, 0) > 0 {
			class[i] = 1
		}
	}
	set, err := dataset.NewClasses(x, class, []string{"below", "above"})
	if err != nil {
		t.Fatal(err)
	}
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(30, 40, random(rng, 30, 40).RawMatrix().Data), Act: network.ReLU},
		{Map: network.NewDense(2, 30, random(rng, 2, 30).RawMatrix().Data)}}}
	small := analysed(t, net, set, Options{Memory: 1, Patience: -1})
	all := analysed(t, net, set, Options{Patience: -1})
	if small.Layers[1].Sample >= 5000 || all.Layers[1].Sample != 5000 {
		t.Errorf("samples of %d and %d rows of 5000", small.Layers[1].Sample, all.Layers[1].Sample)
	}
	if *small.Layers[1].Rank != *all.Layers[1].Rank || small.Layers[1].Density != all.Layers[1].Density {
		t.Errorf("counts and rank of all rows must not depend on the memory")
	}
	if a, b := *small.Layers[1].Classes.Scatter, *all.Layers[1].Classes.Scatter; math.Abs(a/b-1) > 0.3 {
		t.Errorf("scatter ratio %v from a sample, %v from all", a, b)
	}
}

func TestWhatDoesNotFitIsAnError(t *testing.T) {
	net, x := planted(1)
	if _, err := Network(context.Background(), net, &dataset.Set{X: mat.NewDense(2, 2, nil), Y: mat.NewDense(2, 1, nil)}, Options{}); err == nil {
		t.Error("rows of 2 numbers for a network of 3 inputs were taken")
	}
	if _, err := Network(context.Background(), net, &dataset.Set{X: x, Y: mat.NewDense(80, 2, nil)}, Options{}); err == nil {
		t.Error("two targets for one output were taken")
	}
	if _, err := Network(context.Background(), &network.Network{}, &dataset.Set{X: x, Y: mat.NewDense(80, 1, nil)}, Options{}); err == nil {
		t.Error("a network without layers was taken")
	}
}
