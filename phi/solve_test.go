package phi

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/dataset"
	"hinge/network"
)

// outputs returns Phi A + c.
func outputs(p *Matrix, s *Solution) *mat.Dense {
	var y mat.Dense
	y.Mul(p.augmented(true), s.stacked())
	return &y
}

func distance(a, b mat.Matrix) float64 {
	var d mat.Dense
	d.Sub(a, b)
	return largestEntry(&d)
}

// Reachable targets come back from every kind of solve, with the residual and
// the dimension of the solutions that are stated.
func TestSolveRebuilds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		a, _, _ := sparseBlocks(rng, rapid.IntRange(1, 5).Draw(t, "blocks"))
		outs := rapid.IntRange(1, 3).Draw(t, "outputs")
		opt := SolveOptions{NoBias: rapid.Bool().Draw(t, "no bias"), Basic: rapid.Bool().Draw(t, "basic")}
		p, err := New(a, Options{Tolerance: 1e-10})
		if err != nil {
			t.Fatal(err)
		}
		width := p.m + boolInt(!opt.NoBias)
		var y mat.Dense
		y.Mul(p.augmented(!opt.NoBias), random(rng, width, outs))
		s, err := p.Solve(&y, opt)
		if err != nil {
			t.Fatal(err)
		}
		rank := p.rank(!opt.NoBias).Rank
		if s.Rank != rank || s.Free != width-rank {
			t.Fatalf("%s: rank %d, free %d, want rank %d of %d", s.Method, s.Rank, s.Free, rank, width)
		}
		if e := distance(outputs(p, s), &y); e > 1e-6*(1+largestEntry(&y)) || s.Residual > 1e-6*(1+largestEntry(&y)) {
			t.Fatalf("%s: off by %g, stated residual %g, condition %g", s.Method, e, s.Residual, s.Condition)
		}
	})
}

// A least-squares solution leaves a residual orthogonal to the columns, a
// least-norm one has nothing in the null space.
func TestSolveIsLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, m := rapid.IntRange(1, 20).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		r := rapid.IntRange(1, min(n, m)).Draw(t, "rank")
		var a mat.Dense
		a.Mul(random(rng, n, r), random(rng, r, m))
		p, err := New(&a, Options{Tolerance: 1e-10})
		if err != nil {
			t.Fatal(err)
		}
		y := random(rng, n, 2)
		s, err := p.Solve(y, SolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var rest, along mat.Dense
		rest.Sub(y, outputs(p, s))
		along.Mul(p.augmented(true).T(), &rest)
		if v := largestEntry(&along); v > 1e-6*s.Condition {
			t.Fatalf("%s: residual has %g along the columns (condition %g)", s.Method, v, s.Condition)
		}
		null, err := p.NullSpace()
		if err != nil {
			t.Fatal(err)
		}
		if null == nil {
			if s.Free != 0 {
				t.Fatalf("free %d without a null space", s.Free)
			}
			return
		}
		if _, k := null.Dims(); k != s.Free {
			t.Fatalf("null space of %d, free %d", k, s.Free)
		}
		along.Reset()
		along.Mul(null.T(), s.stacked())
		if v := largestEntry(&along); v > 1e-9*s.Condition*(1+largestEntry(s.stacked())) {
			t.Fatalf("%s: %g along the null space", s.Method, v)
		}
		checkNullSpace(t, p, null)
	})
}

func checkNullSpace(t *rapid.T, p *Matrix, null *mat.Dense) {
	var zero, gram mat.Dense
	b := p.augmented(true)
	zero.Mul(b, null)
	if v := largestEntry(&zero); v > 1e-9*(1+largestEntry(b)) {
		t.Fatalf("the null space gives %g", v)
	}
	gram.Mul(null.T(), null)
	_, k := null.Dims()
	for i := 0; i < k; i++ {
		gram.Set(i, i, gram.At(i, i)-1)
	}
	if v := largestEntry(&gram); v > 1e-12 {
		t.Fatalf("the basis is %g from orthonormal", v)
	}
}

// The essential units carry every output of all units, and dropping any of
// them loses rank.
func TestEssential(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, m := rapid.IntRange(1, 15).Draw(t, "n"), rapid.IntRange(1, 15).Draw(t, "m")
		r := rapid.IntRange(1, min(n, m)).Draw(t, "rank")
		var a mat.Dense
		a.Mul(random(rng, n, r), random(rng, r, m))
		p, err := New(&a, Options{Tolerance: 1e-10})
		if err != nil {
			t.Fatal(err)
		}
		essential, free, err := p.Essential()
		if err != nil {
			t.Fatal(err)
		}
		rank := p.RankWithBias().Rank
		if len(essential) != rank-1 || len(essential)+len(free) != m {
			t.Fatalf("%d essential and %d free of %d units at rank %d", len(essential), len(free), m, rank)
		}
		if len(essential) == 0 {
			return
		}
		part := mat.NewDense(n, len(essential), nil)
		for k, j := range essential {
			part.SetCol(k, mat.Col(nil, j, &a))
		}
		q, err := New(part, Options{Tolerance: 1e-10})
		if err != nil {
			t.Fatal(err)
		}
		if got := q.RankWithBias().Rank; got != rank {
			t.Fatalf("the essential units have rank %d of %d", got, rank)
		}
	})
}

// Each structure takes its own way, on a matrix made for it.
func TestSolveMethods(t *testing.T) {
	rng := seeded(9)
	triangular := mat.NewDense(30, 30, nil)
	for i := 0; i < 30; i++ {
		for j := 0; j <= i; j++ {
			triangular.Set(i, j, 0.5+rng.Float64())
		}
	}
	blocks := mat.NewDense(6, 6, []float64{
		1, 2, 0, 0, 0, 0,
		3, 1, 0, 0, 0, 0,
		0, 0, 2, 1, 0, 0,
		0, 0, 1, 2, 0, 0,
		0, 0, 0, 0, 4, 1,
		0, 0, 0, 0, 1, 4,
	})
	for _, c := range []struct {
		name string
		a    mat.Matrix
		opt  Options
		how  SolveOptions
		want string
	}{
		{"triangular", triangular, Options{}, SolveOptions{NoBias: true}, "triangular"},
		{"blocks", blocks, Options{}, SolveOptions{NoBias: true}, "3 blocks"},
		{"blocks with bias, too large to factor", blocks, Options{MaxElements: 37}, SolveOptions{}, "3 blocks"},
		{"dense", random(rng, 8, 5), Options{}, SolveOptions{}, "QR with column pivoting"},
		{"wide", random(rng, 5, 8), Options{}, SolveOptions{}, "least norm"},
		{"wide, basic", random(rng, 5, 8), Options{}, SolveOptions{Basic: true}, "basic"},
	} {
		p := of(t, c.a, c.opt)
		n, _ := p.Dims()
		y := random(rng, n, 2)
		s, err := p.Solve(y, c.how)
		if err != nil || !strings.Contains(s.Method, c.want) {
			t.Errorf("%s: %v by %q, want %q", c.name, err, s.Method, c.want)
			continue
		}
		if c.name != "dense" && s.Residual > 1e-10*s.Condition {
			t.Errorf("%s: residual %g", c.name, s.Residual)
		}
		if math.IsNaN(s.Condition) || s.Condition < 1-1e-12 {
			t.Errorf("%s: condition %g", c.name, s.Condition)
		}
	}
}

func TestSolveRefuses(t *testing.T) {
	p := of(t, random(seeded(1), 6, 6), Options{MaxElements: 20})
	if _, err := p.Solve(mat.NewDense(6, 1, nil), SolveOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := p.Solve(mat.NewDense(5, 1, nil), SolveOptions{}); err == nil {
		t.Error("targets of another height: no error")
	}
	if _, err := p.NullSpace(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("null space: %v", err)
	}
}

// Dot2 keeps what float64 loses.
func TestDoubled(t *testing.T) {
	var d doubled
	d.addProduct(1e16, 1)
	d.addProduct(1, 1)
	d.addProduct(-1e16, 1)
	if got := d.hi + d.lo; got != 1 {
		t.Errorf("1e16 + 1 - 1e16 = %v", got)
	}
}

// [Phi 1] of rank below n serves some targets and not others.
func TestSolutionClass(t *testing.T) {
	rng := seeded(11)
	a := mat.NewDense(6, 2, nil)
	a.Apply(func(i, j int, _ float64) float64 { return rng.Float64() }, a)
	p := of(t, a, Options{})
	var reachable mat.Dense
	reachable.Mul(a, random(rng, 2, 1))
	for want, y := range map[string]*mat.Dense{Specific: &reachable, None: random(rng, 6, 1)} {
		set, err := dataset.New(random(rng, 6, 1), y)
		if err != nil {
			t.Fatal(err)
		}
		if c := p.Classify(set); c.Class != want || c.Size != Under {
			t.Errorf("%v, want %s", c, want)
		}
	}
	wide := of(t, random(rng, 3, 7), Options{})
	if c := wide.Classify(nil); c.Class != Universal || c.Size != Over {
		t.Errorf("%v", c)
	}
}

// A tall matrix that is not held is solved in passes over its rows as well as
// one that is.
func TestSolveStreamed(t *testing.T) {
	rng := seeded(13)
	x := random(rng, 4000, 3)
	net := shallowNet(rng, 3, 20, 1)
	net.Layers[0].Map.(*network.Dense).Row(7)[0] = 0 // a pair of equal units
	copy(net.Layers[0].Map.(*network.Dense).Row(8), net.Layers[0].Map.(*network.Dense).Row(7))
	net.Layers[0].Bias[8] = net.Layers[0].Bias[7]
	y := random(rng, 4000, 2)
	held, err := build(t, net, x, 0, Options{}).Solve(y, SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, net, x, 0, Options{MaxElements: 5000})
	streamed, err := p.Solve(y, SolveOptions{})
	if err != nil || p.Form() != StreamedForm || !strings.Contains(streamed.Method, "seminormal") {
		t.Fatalf("%v, %s, %v", err, p.Form(), streamed)
	}
	if rank := p.RankWithBias().Rank; held.Rank != rank || streamed.Rank != rank || streamed.Free != 21-rank || streamed.Free == 0 {
		t.Errorf("ranks %d and %d, free %d", held.Rank, streamed.Rank, streamed.Free)
	}
	if e := distance(held.stacked(), streamed.stacked()); e > 1e-9 {
		t.Errorf("the solutions are %g apart", e)
	}
}

// A network that hits every row is a witness that its targets are reached.
func TestSolutionClassByWitness(t *testing.T) {
	rng := seeded(14)
	x := random(rng, 200, 3)
	net := shallowNet(rng, 3, 5, 3)
	y := net.Forward(x)
	hit, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	class := make([]int, 200)
	for i := range class {
		for o, v := range y.RawRowView(i) {
			if v > y.At(i, class[i]) {
				class[i] = o
			}
		}
	}
	winners, err := dataset.NewClasses(x, class, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	missed, err := dataset.New(x, random(rng, 200, 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		set  *dataset.Set
		want string
	}{{"its own outputs", hit, Specific}, {"its own classes", winners, Specific}, {"noise", missed, None}} {
		f, err := Describe(net, c.set, 0, Options{Quick: true})
		if err != nil || f.Class != c.want {
			t.Errorf("%s: %v, %v, want %s", c.name, f, err, c.want)
		}
	}
}

// A quick analysis that finds rank n without the ones need not look at them.
func TestQuickUniversal(t *testing.T) {
	p := of(t, random(seeded(15), 10, 12), Options{Quick: true})
	full := of(t, random(seeded(15), 10, 12), Options{})
	if a, b := p.RankWithBias(), full.RankWithBias(); a.Rank != 10 || b.Rank != 10 || a.Last > b.Last*(1+1e-12) {
		t.Errorf("quick %v, in full %v", a, b)
	}
}
