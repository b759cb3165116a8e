package construct

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// affineSet has the targets x A + c, inputs and targets of the given scale.
func affineSet(t testing.TB, seed uint64, n, d, p int, scale float64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 77))
	x, a, y := mat.NewDense(n, d, nil), mat.NewDense(d, p, nil), mat.NewDense(n, p, nil)
	a.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, a)
	x.Apply(func(_, j int, _ float64) float64 { return scale * (rng.NormFloat64() + float64(3*j)) }, x)
	y.Mul(x, a)
	y.Apply(func(_, o int, v float64) float64 { return v + scale*float64(o) }, y)
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAffineTargets(t *testing.T) {
	for _, scale := range []float64{1e-8, 1, 1e8} {
		for _, shape := range [][3]int{{1, 1, 1}, {2, 1, 1}, {500, 3, 2}, {40, 60, 3}} {
			set := affineSet(t, 5, shape[0], shape[1], shape[2], scale)
			net, err := BuildNamed(&Problem{Set: set}, "affine")
			if err != nil {
				t.Errorf("%v at %g: %v", shape, scale, err)
				continue
			}
			if got := errorOf(net, set); got > 1e-12 || net.Units() != 0 {
				t.Errorf("%v at %g: error %g with %d units", shape, scale, got, net.Units())
			}
		}
	}
}

// With no more rows than columns of [X 1], every target is affine.
func TestAffineSolvesAnyTargetsOfFewRows(t *testing.T) {
	set := randomSet(t, 3, 11, 10, 4)
	net, err := BuildNamed(&Problem{Set: set}, "affine")
	if err != nil {
		t.Fatal(err)
	}
	if got := errorOf(net, set); got > 1e-11 {
		t.Errorf("error %g", got)
	}
	var unfit *UnfitError
	if _, err := BuildNamed(&Problem{Set: randomSet(t, 3, 13, 10, 4)}, "affine"); !errors.As(err, &unfit) {
		t.Errorf("13 random rows of 10 inputs: %v, want an UnfitError", err)
	}
}

// One row among many that leaves the plane must be noticed.
func TestAffineNoticesOneRow(t *testing.T) {
	set := affineSet(t, 6, 5000, 2, 1, 1)
	set.Y.Set(4321, 0, set.Y.At(4321, 0)+1e-3)
	_, err := BuildNamed(&Problem{Set: set}, "affine")
	var unfit *UnfitError
	if !errors.As(err, &unfit) {
		t.Fatalf("got %v, want an UnfitError", err)
	}
}

func TestAffineFloat32(t *testing.T) {
	set, err := affineSet(t, 9, 300, 4, 1, 1).Rounded()
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set, Precision: network.Float32}, "affine")
	if err != nil {
		t.Fatal(err)
	}
	if got := errorOf(net, set); got > 1e-6 {
		t.Errorf("error %g", got)
	}
}

// classSet has k classes, the rows of each around a centre of its own.
func classSet(t testing.TB, seed uint64, n, d, k int, spread float64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 8))
	x, class, names := mat.NewDense(n, d, nil), make([]int, n), make([]string, k)
	for c := range names {
		names[c] = string(rune('a' + c))
	}
	for i := range n {
		class[i] = i % k
		for j := range d {
			angle := 2*math.Pi*float64(class[i])/float64(k) + float64(j)*math.Pi/2
			x.Set(i, j, math.Cos(angle)+spread*rng.NormFloat64())
		}
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAffineClasses(t *testing.T) {
	for _, k := range []int{1, 2, 3, 7} {
		set := classSet(t, 4, 200, 2, k, 0.05)
		net, err := BuildNamed(&Problem{Set: set}, "affine")
		if err != nil {
			t.Errorf("%d separable classes: %v", k, err)
			continue
		}
		out := net.Eval(set.X)
		for i, c := range set.Class {
			for o := range k {
				if o != c && out.At(i, o) >= out.At(i, c) {
					t.Fatalf("%d classes: row %d is won by class %d", k, i, o)
				}
			}
		}
	}
	set := classSet(t, 4, 200, 2, 3, 1.5)
	var unfit *UnfitError
	if _, err := BuildNamed(&Problem{Set: set}, "affine"); !errors.As(err, &unfit) || unfit.Advice == "" {
		t.Errorf("overlapping classes: %v, want an UnfitError with advice", err)
	}
}

func TestPivotedQRFindsRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	for _, c := range []struct{ n, m, rank int }{{5, 5, 5}, {9, 4, 4}, {4, 9, 4}, {20, 12, 7}, {6, 6, 1}} {
		left, right := mat.NewDense(c.n, c.rank, nil), mat.NewDense(c.rank, c.m, nil)
		fill := func(m *mat.Dense) {
			m.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, m)
		}
		fill(left)
		fill(right)
		var a, y, back mat.Dense
		a.Mul(left, right)
		w := mat.NewDense(c.m, 2, nil)
		fill(w)
		y.Mul(&a, w)
		f := factorize(mat.DenseCopyOf(&a))
		if f.rank != c.rank {
			t.Errorf("%d x %d: rank %d, want %d", c.n, c.m, f.rank, c.rank)
		}
		back.Mul(&a, f.solve(&y))
		back.Sub(&back, &y)
		if r := mat.Max(&back); math.Abs(r) > 1e-11 {
			t.Errorf("%d x %d: residual %g", c.n, c.m, r)
		}
	}
}
