package hinge_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/dataset"
)

func randomSet(t *testing.T, n, d, p int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, p, nil)
	fill := func(m *mat.Dense) { m.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, m) }
	fill(x)
	fill(y)
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestBuild(t *testing.T) {
	set := randomSet(t, 200, 3, 1)
	r, err := hinge.Build(set, hinge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Print(r.Report.Text())
	plan, err := hinge.Plan(set, hinge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Print(plan.Text())
}
