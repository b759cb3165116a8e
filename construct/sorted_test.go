package construct

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

func TestSortedSmallCase(t *testing.T) {
	set, err := dataset.New(mat.NewDense(3, 1, []float64{2, 0, 1}), mat.NewDense(3, 1, []float64{2, 1, 3}))
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set}, "sorted")
	if err != nil {
		t.Fatal(err)
	}
	got := net.Forward(mat.NewDense(5, 1, []float64{-0.5, 0, 0.5, 1.5, 2}))
	for i, want := range []float64{0, 1, 2, 2.5, 2} {
		if math.Abs(got.At(i, 0)-want) > 1e-15 && i > 0 {
			t.Errorf("f of point %d is %v, want %v", i, got.At(i, 0), want)
		}
	}
	if net.Units() != 2 {
		t.Errorf("%d units for 3 points, want 2", net.Units())
	}
}

func TestSortedSharesUnitsAmongOutputs(t *testing.T) {
	const n = 60
	for _, p := range []int{1, 3, 50} {
		for _, d := range []int{1, 2, 9} {
			set := randomSet(t, uint64(10*p+d), n, d, p)
			net, err := BuildNamed(&Problem{Set: set}, "sorted")
			if err != nil {
				t.Fatalf("d=%d p=%d: %v", d, p, err)
			}
			if net.Units() != n-1 {
				t.Errorf("d=%d p=%d: %d units, want %d", d, p, net.Units(), n-1)
			}
			if got := errorOf(net, set); got > 1e-10 {
				t.Errorf("d=%d p=%d: error %g", d, p, got)
			}
		}
	}
}

// The interpolation matrix has floor(n^2/4) nonzeros: the least a non-singular
// one can have, since an active set of one direction is a prefix or a suffix.
func TestSortedMatrixIsSparsest(t *testing.T) {
	for _, n := range []int{2, 3, 8, 31} {
		set := randomSet(t, uint64(n), n, 1, 1)
		net, err := BuildNamed(&Problem{Set: set}, "sorted")
		if err != nil {
			t.Fatal(err)
		}
		phi := net.Activations(set.X, net.LastHidden())
		nonzero := 0
		for _, v := range phi.RawMatrix().Data {
			if v != 0 {
				nonzero++
			}
		}
		if want := n * n / 4; nonzero != want {
			t.Errorf("n=%d: %d nonzeros, want %d", n, nonzero, want)
		}
	}
}

func TestSortedGridUsesTheMixedRadix(t *testing.T) {
	const side = 12
	x, y := mat.NewDense(side*side, 2, nil), mat.NewDense(side*side, 1, nil)
	rng := rand.New(rand.NewPCG(1, 9))
	for i := range side * side {
		x.SetRow(i, []float64{float64(i % side), float64(i / side)})
		y.Set(i, 0, rng.Float64())
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		p := &Problem{Set: set, Precision: precision, Tolerance: 1e-3}
		_, scaled := inputLayer(p)
		dir, err := separatingDirection("sorted", p, scaled)
		if err != nil {
			t.Fatal(err)
		}
		if equal := 1.0 / (side*side - 1); dir.gap < 0.99*equal {
			t.Errorf("%v: least gap %g of the range; the grid allows %g", precision, dir.gap, equal)
		}
	}
}

// Rows that fall on one place share a unit when their targets agree, and make
// another direction necessary when they do not.
func TestSortedTies(t *testing.T) {
	x := mat.NewDense(6, 2, []float64{0, 0, 0, 1, 1, 0, 1, 1, 2, 0, 2, 1})
	along := mat.NewDense(6, 1, []float64{5, 5, 7, 7, 6, 6})
	set, err := dataset.New(x, along)
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set}, "sorted")
	if err != nil {
		t.Fatal(err)
	}
	if got := errorOf(net, set); got > 1e-12 || net.Units() != 2 {
		t.Errorf("error %g with %d units; three places need 2", got, net.Units())
	}
}

func TestSortedRefusesWithReason(t *testing.T) {
	set, err := randomSet(t, 4, 3000, 3, 1).Rounded()
	if err != nil {
		t.Fatal(err)
	}
	_, err = BuildNamed(&Problem{Set: set, Precision: network.Float32}, "sorted")
	var unfit *UnfitError
	if !errors.As(err, &unfit) || unfit.Reason == "" || unfit.Advice == "" {
		t.Fatalf("3000 random rows in float32: %v; want an UnfitError with reason and advice", err)
	}
}

// smoothSet is n rows with the targets sin and cos of the first input.
func smoothSet(b testing.TB, n, d int) *dataset.Set {
	b.Helper()
	rng := rand.New(rand.NewPCG(2, 2))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, 1, nil)
	for i, at := range rng.Perm(n) {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = rng.Float64()
		}
		row[0] = (float64(at) + rng.Float64()/2) / float64(n)
		y.Set(i, 0, math.Sin(7*row[0]))
	}
	set, err := dataset.New(x, y)
	if err != nil {
		b.Fatal(err)
	}
	return set
}

const benchRows = 1_000_000

// The projections to be sorted, and the whole construction, which is to stay
// within three times as long.
func BenchmarkSortProjections(b *testing.B) {
	for _, d := range []int{1, 20} {
		b.Run(fmt.Sprintf("inputs=%d", d), func(b *testing.B) {
			x := smoothSet(b, benchRows, d).X
			u := make([]float64, d)
			for j := range u {
				u[j] = 1 / float64(j+1)
			}
			t := make([]float64, benchRows)
			for b.Loop() {
				for i := range t {
					t[i], _ = dot(u, x.RawRowView(i))
				}
				slices.Sort(t)
			}
		})
	}
}

func BenchmarkSorted(b *testing.B) {
	for _, d := range []int{1, 20} {
		b.Run(fmt.Sprintf("inputs=%d", d), func(b *testing.B) {
			p := &Problem{Set: smoothSet(b, benchRows, d)}
			for b.Loop() {
				if _, err := BuildNamed(p, "sorted"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
