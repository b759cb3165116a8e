package analyze

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// wideNet is a network of one hidden layer of m units on d inputs that span only
// rank dimensions, so that Phi has a spectrum with a long tail.
func wideNet(rng *rand.Rand, d, m, p int) *network.Network {
	first := network.NewDense(m, d, random(rng, m, d).RawMatrix().Data)
	bias := make([]float64, m)
	for u := range bias {
		bias[u] = rng.NormFloat64()
	}
	return &network.Network{Layers: []network.Layer{
		{Map: first, Bias: bias, Act: network.ReLU},
		{Map: network.NewDense(p, m, random(rng, p, m).RawMatrix().Data), Bias: make([]float64, p)}}}
}

// halves returns n rows in two classes.
func halves(t *testing.T, rng *rand.Rand, n, d int) *dataset.Set {
	t.Helper()
	x := random(rng, n, d)
	class := make([]int, n)
	for i := range class {
		if x.At(i, 0)+x.At(i, 1)*x.At(i, 1) > 0.5 {
			class[i] = 1
		}
	}
	set, err := dataset.NewClasses(x, class, []string{"out", "in"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Memory decides how large the blocks are, not what is found.
func TestSmallMemoryFindsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 4))
	set := halves(t, rng, 6000, 12)
	copy(set.X.RawRowView(17), set.X.RawRowView(4001)) // a clash, as their classes are made to differ
	set.Class[17] = 1 - set.Class[4001]
	net := wideNet(rng, 12, 60, 2)
	small := analysed(t, net, set, Options{Memory: 1, Patience: -1})
	all := analysed(t, net, set, Options{Patience: -1})
	if all.Layers[1].Form != phi.DenseForm || small.Layers[1].Form != phi.StreamedForm || small.Layers[1].Sample >= 6000 {
		t.Fatalf("forms %s and %s, sample of %d rows: the blocks are not tested", all.Layers[1].Form, small.Layers[1].Form, small.Layers[1].Sample)
	}
	if small.Layers[1].Cost.Bytes >= all.Layers[1].Cost.Bytes {
		t.Errorf("held: %d bytes by blocks, %d whole", small.Layers[1].Cost.Bytes, all.Layers[1].Cost.Bytes)
	}
	for k := range all.Layers {
		sameLayer(t, &small.Layers[k], &all.Layers[k])
	}
	a, b := small.Last, all.Last
	if a.Hit != b.Hit || a.Solutions != b.Solutions || *a.Reachable != *b.Reachable {
		t.Errorf("last layer by blocks: hit %d, %s, reachable %d; whole: %d, %s, %d", a.Hit, a.Solutions, *a.Reachable, b.Hit, b.Solutions, *b.Reachable)
	}
	if a.Space.Dimension != b.Space.Dimension || math.Abs(a.Space.LeastNorm.Norm/b.Space.LeastNorm.Norm-1) > 1e-9 {
		t.Errorf("space by blocks %+v, whole %+v", a.Space, b.Space)
	}
	if a.Memorised.Ridge != b.Memorised.Ridge || a.Memorised.LeftOut != b.Memorised.LeftOut {
		t.Errorf("memorised by blocks: ridge %v, %d; whole %v, %d", a.Memorised.Ridge, a.Memorised.LeftOut, b.Memorised.Ridge, b.Memorised.LeftOut)
	}
	for i, v := range b.Memorised.Scores {
		if math.Abs(a.Memorised.Scores[i]-v) > 1e-8*(1+math.Abs(v)) {
			t.Fatalf("row %d: score %v by blocks, %v whole", i, a.Memorised.Scores[i], v)
		}
	}
}

func sameLayer(t *testing.T, a, b *Layer) {
	t.Helper()
	if *a.Rank != *b.Rank || *a.RankWithBias != *b.RankWithBias || a.RankSure != b.RankSure || a.Density != b.Density || *a.Patterns != *b.Patterns {
		t.Errorf("%s: rank %d and %d, density %v and %v, patterns %d and %d", a.Name, *a.Rank, *b.Rank, a.Density, b.Density, *a.Patterns, *b.Patterns)
	}
	for k, s := range b.Spectrum {
		if math.Abs(a.Spectrum[k]-s) > 1e-11*b.Spectrum[0] {
			t.Errorf("%s: singular value %d is %v by blocks, %v whole", a.Name, k, a.Spectrum[k], s)
		}
	}
	if !slices.Equal(a.DeadUnits, b.DeadUnits) || !slices.Equal(a.AlwaysOnUnits, b.AlwaysOnUnits) || !slices.Equal(a.Essential, b.Essential) {
		t.Errorf("%s: dead %v and %v, essential %v and %v", a.Name, a.DeadUnits, b.DeadUnits, a.Essential, b.Essential)
	}
	if a.Clash.Rows != b.Clash.Rows || !slices.Equal(a.Clash.Example, b.Clash.Example) || a.Clash.Rows != 2 {
		t.Errorf("%s: clashes %+v and %+v, planted 2 rows", a.Name, a.Clash, b.Clash)
	}
	if !slices.Equal(a.Classes.UnitPurity, b.Classes.UnitPurity) || math.Abs(*a.Classes.Scatter / *b.Classes.Scatter - 1) > 1e-9 {
		t.Errorf("%s: scatter %v and %v", a.Name, *a.Classes.Scatter, *b.Classes.Scatter)
	}
}

// A layer too wide for the work allowed is seen through a sketch: its leading
// singular values with their error, and the rows memorised, first those that are
// first in truth; what is left out is said, with the flags that get it.
func TestWideLayersAreSketched(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 4))
	const n, m = 900, 400
	set := halves(t, rng, n, 3)
	net := wideNet(rng, 3, m, 2)
	exact := analysed(t, net, set, Options{Patience: -1})
	work := exact.Layers[1].Cost.Exact / 2
	if a := analysed(t, net, set, Options{Patience: -1, Work: exact.Layers[1].Cost.Exact}); a.Layers[1].SpectrumError != nil {
		t.Errorf("the work that Cost says is not enough: %v", a.Layers[1].Notes)
	}
	a := analysed(t, net, set, Options{Patience: -1, Work: work})
	y, x := &a.Layers[1], &exact.Layers[1]
	if y.SpectrumError == nil || !y.Cost.Sketched || x.SpectrumError != nil || len(y.Spectrum) < 8 || len(y.Spectrum) >= len(x.Spectrum) {
		t.Fatalf("a sketch of %d of %d singular values, error %v, cost %+v", len(y.Spectrum), len(x.Spectrum), y.SpectrumError, y.Cost)
	}
	for k, s := range y.Spectrum {
		if s > x.Spectrum[k]*(1+1e-12) || math.Hypot(s, *y.SpectrumError) < x.Spectrum[k] {
			t.Errorf("singular value %d is %v, sketched as %v, error %v", k, x.Spectrum[k], s, *y.SpectrumError)
		}
	}
	if y.RankRange[0] > *x.Rank || y.RankRange[1] < *x.Rank {
		t.Errorf("rank %d is outside of %v", *x.Rank, y.RankRange)
	}
	notes := strings.Join(append(a.Last.Notes, y.Notes...), " ")
	if !strings.Contains(notes, "--work") || !strings.Contains(notes, "--memory") {
		t.Errorf("what is left out is not said: %s", notes)
	}
	u, v := a.Last.Space, exact.Last.Space
	if u == nil || u.Dimension != v.Dimension || math.Abs(u.LeastNorm.Norm/v.LeastNorm.Norm-1) > 1e-6 || u.LeastNorm.Change > 1e-9 || u.Sparsest.Change > 1e-9 {
		t.Errorf("space %+v, exactly %+v", u, v)
	}
	if none := analysed(t, net, set, Options{Patience: -1, Work: work / 40}); none.Last.Space != nil || !strings.Contains(strings.Join(none.Last.Notes, " "), "not computed") {
		t.Errorf("at a fortieth of the work: space %+v, notes %q", none.Last.Space, none.Last.Notes)
	}
	if a.Last.Memorised == nil || a.Last.Memorised.Directions == 0 {
		t.Fatal("no memorised rows from the sketch")
	}
	if r := rankCorrelation(a.Last.Memorised.Scores, exact.Last.Memorised.Scores); r < 0.9 {
		t.Errorf("scores from the sketch go with the exact ones by %.3f only", r)
	}
}

// rankCorrelation is Spearman's.
func rankCorrelation(a, b []float64) float64 {
	rank := func(v []float64) []float64 {
		r := make([]float64, len(v))
		for at, i := range ordered(v) {
			r[i] = float64(at)
		}
		return r
	}
	x, y := rank(a), rank(b)
	mean := float64(len(a)-1) / 2
	top, left, right := 0.0, 0.0, 0.0
	for i := range x {
		top += (x[i] - mean) * (y[i] - mean)
		left += (x[i] - mean) * (x[i] - mean)
		right += (y[i] - mean) * (y[i] - mean)
	}
	return top / math.Sqrt(left*right)
}

// The output weights come in blocks of units, and are those of the map.
func TestOutputWeightsByBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 4))
	const m = headRows + 44
	net := wideNet(rng, 2, m, 3)
	net.Layers[1].Bias = []float64{1, 2, 3}
	w, err := headWeights(net, 0)
	if err != nil {
		t.Fatal(err)
	}
	last := net.Layers[1].Map.(*network.Dense)
	for o := range 3 {
		if w.At(m, o) != float64(o+1) {
			t.Errorf("bias %d is %v", o, w.At(m, o))
		}
		if got := mat.Col(nil, o, w)[:m]; !slices.Equal(got, last.Row(o)) {
			t.Errorf("weights of output %d differ", o)
		}
	}
}
