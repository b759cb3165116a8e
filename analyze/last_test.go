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

// Leaving a row out in closed form must agree with fitting again without it.
func TestLeaveOneOutAgreesWithRefitting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	for _, size := range [][2]int{{30, 6}, {12, 20}} {
		n, m := size[0], size[1]
		h := random(rng, n, m)
		p, err := phi.New(h, phi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		svd, err := p.SVD()
		if err != nil {
			t.Fatal(err)
		}
		set := &dataset.Set{X: h, Y: random(rng, n, 2)}
		got := memorised(scoresOf(p, svd, 1<<20), set, make([]bool, n))
		l := got.Ridge * svd.Sigma[0] * svd.Sigma[0]
		for i := range n {
			want := score(set, i, refitted(h, set.Y, i, l))
			if math.Abs(got.Scores[i]-want) > 1e-4*(1+want) {
				t.Errorf("%d x %d, row %d: score %v, refitting gives %v (ridge %v)", n, m, i, got.Scores[i], want, got.Ridge)
			}
		}
		if len(got.Rows) != 0 {
			t.Errorf("%d rows are listed though none is hit", len(got.Rows))
		}
	}
}

// score is the largest error of row i as a fraction of the range.
func score(set *dataset.Set, i int, g []float64) float64 {
	worst := 0.0
	for o, r := range set.Range() {
		worst = max(worst, math.Abs(set.Y.At(i, o)-g[o])/r)
	}
	return worst
}

// refitted solves (B^T B + l) x = B^T y without row out and answers on it.
func refitted(h, y *mat.Dense, out int, l float64) []float64 {
	n, m := h.Dims()
	_, p := y.Dims()
	b, z := mat.NewDense(n-1, m+1, nil), mat.NewDense(n-1, p, nil)
	k := 0
	for i := range n {
		if i != out {
			b.SetRow(k, append(slices.Clone(h.RawRowView(i)), 1))
			z.SetRow(k, y.RawRowView(i))
			k++
		}
	}
	var gram, right, x, g mat.Dense
	gram.Mul(b.T(), b)
	for j := range m + 1 {
		gram.Set(j, j, gram.At(j, j)+l)
	}
	right.Mul(b.T(), z)
	if err := x.Solve(&gram, &right); err != nil {
		if _, illConditioned := err.(mat.Condition); !illConditioned {
			panic(err)
		}
	}
	g.Mul(mat.NewDense(1, m+1, append(slices.Clone(h.RawRowView(out)), 1)), &x)
	return g.RawRowView(0)
}

// flipped returns moons with a share of labels flipped, and which ones.
func flipped(t testing.TB, n int, seed uint64) (*dataset.Set, []bool) {
	set := dataset.Moons(n, 0.15, seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	class := slices.Clone(set.Class)
	marked := make([]bool, n)
	for _, i := range rng.Perm(n)[:n/20] {
		class[i], marked[i] = 1-class[i], true
	}
	noisy, err := dataset.NewClasses(set.X, class, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	return noisy, marked
}

// areaUnderCurve is the probability that a marked row has the larger score.
func areaUnderCurve(scores []float64, marked []bool) float64 {
	wins, pairs := 0.0, 0.0
	for i, a := range scores {
		for k, b := range scores {
			if !marked[i] || marked[k] {
				continue
			}
			pairs++
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / pairs
}

// fitted builds a network that fits every row by the named construction.
func fitted(t testing.TB, set *dataset.Set, name string) *network.Network {
	c, err := construct.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := c.Build(&construct.Problem{Set: set, Tolerance: 1e-6, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// Rows with flipped labels are memorised: they come first.
func TestFlippedLabelsRankFirst(t *testing.T) {
	for _, name := range []string{"features", "needles"} {
		set, marked := flipped(t, 300, 3)
		a := analysed(t, fitted(t, set, name), set, Options{Patience: -1})
		if a.Last.Hit != 300 {
			t.Fatalf("%s: the network hits %d of 300 rows", name, a.Last.Hit)
		}
		if a.Last.Memorised == nil {
			t.Fatalf("%s: not computed: %v", name, a.Last.Notes)
		}
		if auc := areaUnderCurve(a.Last.Memorised.Scores, marked); auc < 0.9 {
			t.Errorf("%s: area under the ROC curve %.3f, want at least 0.9", name, auc)
		}
		first := a.Last.Memorised.Rows[0]
		if !marked[first.Row-1] || first.Want == first.Without {
			t.Errorf("%s: first comes %+v, a row whose label was not flipped", name, first)
		}
	}
}

// BenchmarkMemorised prints the area under the ROC curve for 5 % flipped labels
// of 1,000 rows.
func BenchmarkMemorised(b *testing.B) {
	for _, name := range []string{"features", "needles"} {
		b.Run(name, func(b *testing.B) {
			set, marked := flipped(b, 1000, 11)
			net := fitted(b, set, name)
			auc := 0.0
			for b.Loop() {
				a, err := Network(context.Background(), net, set, Options{Patience: -1})
				if err != nil || a.Last.Memorised == nil {
					b.Fatal(err)
				}
				auc = areaUnderCurve(a.Last.Memorised.Scores, marked)
			}
			b.ReportMetric(auc, "auc")
		})
	}
}

func TestSpaceOfOutputLayers(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 9))
	// 30 units that span 12 dimensions; the outputs need 3 of the units.
	var h mat.Dense
	h.Mul(random(rng, 100, 12), random(rng, 12, 30))
	p, err := phi.New(&h, phi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	svd, err := p.SVD()
	if err != nil {
		t.Fatal(err)
	}
	few := mat.NewDense(31, 2, nil)
	for _, u := range []int{4, 11, 23} {
		few.SetRow(u, []float64{rng.NormFloat64(), rng.NormFloat64()})
	}
	few.SetRow(30, []float64{0.5, -1})
	null, err := p.NullSpace()
	if err != nil {
		t.Fatal(err)
	}
	_, k := null.Dims()
	var given mat.Dense
	given.Mul(null, random(rng, k, 2))
	given.Add(&given, few)
	s := space(p, svd, &given)
	if s.PerOutput != 31-13 || s.Dimension != 2*18 || k != 18 {
		t.Errorf("dimension %d per output, %d in all; want 18 and 36", s.PerOutput, s.Dimension)
	}
	if s.Given.Units != 30 || s.Sparsest.Units != 3 || s.Sparsest.Change > 1e-9 {
		t.Errorf("%d units given, %d found, change %g; 3 do", s.Given.Units, s.Sparsest.Units, s.Sparsest.Change)
	}
	var y mat.Dense
	y.Mul(&h, given.Slice(0, 30, 0, 2))
	least, err := p.Solve(addRow(&y, given.RawRowView(30)), phi.SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	norm := math.Hypot(mat.Norm(least.A, 2), math.Hypot(least.C[0], least.C[1]))
	if math.Abs(s.LeastNorm.Norm/norm-1) > 1e-9 || s.LeastNorm.Change > 1e-12 {
		t.Errorf("least norm %v, change %g; solving anew gives %v", s.LeastNorm.Norm, s.LeastNorm.Change, norm)
	}
	if square := s.LeastNorm.Norm*s.LeastNorm.Norm + s.LeastNorm.Distance*s.LeastNorm.Distance; math.Abs(square/s.Given.Norm/s.Given.Norm-1) > 1e-9 {
		t.Errorf("the least-norm member is no projection of the given one")
	}
}

func addRow(y *mat.Dense, c []float64) *mat.Dense {
	z := mat.DenseCopyOf(y)
	z.Apply(func(_, o int, v float64) float64 { return v + c[o] }, z)
	return z
}

func TestMissesAndLeaning(t *testing.T) {
	// One input, two units s(x) and s(-x); class 0 left of 0, class 1 right of it.
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(2, 1, []float64{1, -1}), Act: network.ReLU},
		{Map: network.NewDense(2, 2, []float64{0, 3, 2, 0}), Bias: []float64{0, 0.5}}}}
	set, err := dataset.NewClasses(mat.NewDense(4, 1, []float64{-2, -1, 1, 2}), []int{0, 1, 1, 1}, []string{"left", "right"})
	if err != nil {
		t.Fatal(err)
	}
	a := analysed(t, net, set, Options{Rows: []int{3, 9}})
	if a.Last.Hit != 3 || a.Last.MissedAll != 1 || a.Last.Missed[0] != (Miss{Row: 2, Want: "right", Got: "left", By: 2.5}) {
		t.Errorf("hit %d, missed %+v; row 2 is missed by 2.5", a.Last.Hit, a.Last.Missed)
	}
	l := a.Last.Leaning[0]
	if !l.Asked || l.Row != 3 || l.Awake != 1 || l.Total != 2.5 || l.Bias != 0.5 || len(l.Units) != 1 || l.Units[0] != (UnitPart{0, 2}) {
		t.Errorf("row 3 leans on %+v; want unit 0 by 2 and the bias by 0.5", l)
	}
	if len(a.Last.Notes) != 1 {
		t.Errorf("notes %q: row 9 is not there", a.Last.Notes)
	}
}

// A matrix too large for a further factorization is judged by its scores: the
// same verdicts as those of phi.
func TestLargeMatricesAreJudgedAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	h := random(rng, 60, 10)
	p, err := phi.New(h, phi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	svd, err := p.SVD()
	if err != nil {
		t.Fatal(err)
	}
	scores := scoresOf(p, svd, 1<<20)
	var reachable mat.Dense
	reachable.Mul(h, random(rng, 10, 1))
	for _, y := range []*mat.Dense{&reachable, random(rng, 60, 1)} {
		set := &dataset.Set{X: h, Y: y}
		last := &Last{Solutions: phi.UnknownClass, Tolerance: 1e-6, MissedAll: 1}
		last.judge(scores, set, false)
		if want := p.Classify(set).Class; last.Solutions != want {
			t.Errorf("judged %s, phi says %s", last.Solutions, want)
		}
	}
}
