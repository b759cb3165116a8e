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

func TestFeaturesFewestUnits(t *testing.T) {
	const n = 120
	for _, p := range []int{1, 3, 50} {
		for _, d := range []int{1, 2, 8} {
			set := randomSet(t, uint64(100*p+d), n, d, p)
			net, err := BuildNamed(&Problem{Set: set}, "features")
			if err != nil {
				t.Errorf("d=%d p=%d: %v", d, p, err)
				continue
			}
			if net.Units() > n-1 {
				t.Errorf("d=%d p=%d: %d units, n-1 suffice", d, p, net.Units())
			}
			if got := errorOf(net, set); got > 1e-9 {
				t.Errorf("d=%d p=%d: error %g", d, p, got)
			}
		}
	}
}

// The least-norm weights have the least norm: any solution on fewer columns is
// longer, and the weights lie in the row space of [Phi 1].
func TestLeastNormIsLeast(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	a, y := mat.NewDense(8, 20, nil), mat.NewDense(8, 2, nil)
	for _, m := range []*mat.Dense{a, y} {
		m.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, m)
	}
	w, ok := leastNorm(a, y)
	if !ok {
		t.Fatal("a random 8 x 20 matrix has rank 8")
	}
	other := factorize(mat.DenseCopyOf(a)).solve(y)
	var residual, diff, inner mat.Dense
	residual.Mul(a, w)
	residual.Sub(&residual, y)
	if r := mat.Norm(&residual, 2); r > 1e-13 {
		t.Errorf("residual %g", r)
	}
	diff.Sub(other, w) // in the null space of a, so orthogonal to w
	inner.Mul(w.T(), &diff)
	if v := mat.Norm(&inner, 2); v > 1e-12 || mat.Norm(other, 2) <= mat.Norm(w, 2) {
		t.Errorf("the solution is not the least: inner product %g", v)
	}
	a.SetRow(7, a.RawRowView(3))
	if _, ok := leastNorm(a, y); ok {
		t.Error("two equal rows passed for full rank")
	}
}

func TestFeaturesForGeneralisation(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	sample := func(n int) *dataset.Set {
		x, y := mat.NewDense(n, 3, nil), mat.NewDense(n, 1, nil)
		for i := range n {
			for j := range 3 {
				x.Set(i, j, rng.Float64())
			}
			y.Set(i, 0, math.Sin(3*x.At(i, 0))+x.At(i, 1)*x.At(i, 2))
		}
		set, err := dataset.New(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	train, test := sample(250), sample(400)
	wide, err := BuildNamed(&Problem{Set: train, Goal: Generalize}, "features")
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := BuildNamed(&Problem{Set: train}, "features")
	if err != nil {
		t.Fatal(err)
	}
	if wide.Units() < 3*250 {
		t.Errorf("%d units for 250 rows", wide.Units())
	}
	a, b := errorOf(wide, test), errorOf(narrow, test)
	if a > 0.15 || a > b {
		t.Errorf("off the data: least norm %.3g, fewest units %.3g of the range", a, b)
	}
}

func TestFeaturesRefuseWhatDoesNotFitMemory(t *testing.T) {
	set := randomSet(t, 1, 20000, 2, 1)
	var unfit *UnfitError
	if _, err := BuildNamed(&Problem{Set: set}, "features"); !errors.As(err, &unfit) || unfit.Advice == "" {
		t.Errorf("20000 rows: %v, want an UnfitError with advice", err)
	}
}

// The error bound must hold in both precisions.
func TestFeaturesBound(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		set, err := randomSet(t, 15, 60, 3, 2).Rounded()
		if err != nil {
			t.Fatal(err)
		}
		p := &Problem{Set: set, Precision: precision, Tolerance: 1}
		input, x := inputLayer(p)
		f := drawHyperplanes(p, x, 150, rand.New(rand.NewPCG(1, 2)))
		net, _, bound := f.solve(p, input, false)
		if got := errorOf(net, set); got > bound || bound > 1e5*got {
			t.Errorf("%v: error %g, bound %g", precision, got, bound)
		}
	}
}
