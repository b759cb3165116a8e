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

func TestNarrowSmallCase(t *testing.T) {
	set, err := dataset.New(mat.NewDense(5, 1, []float64{0, 1, 2, 4, 5}), mat.NewDense(5, 1, []float64{5, 5, 7, 4, 4}))
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set}, "narrow")
	if err != nil {
		t.Fatal(err)
	}
	if hidden := net.HiddenLayers(); len(hidden) != 3 || net.Units() != 5 {
		t.Errorf("%d units in %d layers for three runs, want 5 in 3", net.Units(), len(hidden))
	}
	got := net.Forward(mat.NewDense(7, 1, []float64{0, 1, 1.5, 2, 3, 4, 5}))
	for i, want := range []float64{5, 5, 6, 7, 5.5, 4, 4} {
		if math.Abs(got.At(i, 0)-want) > 1e-12 {
			t.Errorf("f of point %d is %v, want %v", i, got.At(i, 0), want)
		}
	}
}

// Depth does not multiply errors: a thousand layers miss by no more than a few
// roundings, in either precision, and are three units wide.
func TestNarrowIsExactAtAnyDepth(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			set := spacedSet(t, n, 1, 0.9, uint64(n))
			if precision == network.Float32 {
				var err error
				if set, err = set.Rounded(); err != nil {
					t.Fatal(err)
				}
			}
			net, err := BuildNamed(&Problem{Set: set, Precision: precision}, "narrow")
			if err != nil {
				t.Fatal(err)
			}
			if got := errorOf(net, set); got > 8*precision.Eps() {
				t.Errorf("n=%d in %v: error %g", n, precision, got)
			}
			if len(net.HiddenLayers()) != n {
				t.Errorf("%d layers for %d rows", len(net.HiddenLayers()), n)
			}
			for _, l := range net.HiddenLayers() {
				if w := net.Layers[l].Width(); w > 3 {
					t.Fatalf("layer %d is %d wide", l, w)
				}
			}
		}
	}
}

// On the rows the steps still to do are ones, and the others zeros, bit for bit.
func TestNarrowPassesZerosAndOnes(t *testing.T) {
	const n = 50
	set := spacedSet(t, n, 1, 0.9, 8)
	net, err := BuildNamed(&Problem{Set: set}, "narrow")
	if err != nil {
		t.Fatal(err)
	}
	for r, l := range net.HiddenLayers()[1:] {
		todo := 1
		if r == n-2 {
			todo = 0 // the last layer has no rest
		}
		ones := 0
		h := net.Activations(set.X, l)
		for i := range n {
			switch h.At(i, todo) {
			case 1:
				ones++
			case 0:
			default:
				t.Fatalf("step %d is %v at row %d", r+1, h.At(i, todo), i)
			}
		}
		if ones != r+1 {
			t.Errorf("step %d is to do at %d rows, want %d", r+1, ones, r+1)
		}
	}
}

func TestNarrowOutputsWiden(t *testing.T) {
	for _, p := range []int{1, 3, 50} {
		net, err := BuildNamed(&Problem{Set: spacedSet(t, 40, p, 0.5, 3)}, "narrow")
		if err != nil {
			t.Fatal(err)
		}
		if want := 2*40 - 2 + p*(40-2); net.Units() != want {
			t.Errorf("p=%d: %d units, want %d", p, net.Units(), want)
		}
	}
}

// Along a direction that is no axis, places are known up to rounding only.
func TestNarrowAlongAnyDirection(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	x, y := mat.NewDense(64, 2, nil), mat.NewDense(64, 1, nil)
	for i := range 64 {
		x.SetRow(i, []float64{float64(i % 8), float64(i / 8)})
		y.Set(i, 0, rng.Float64())
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	net, err := BuildNamed(&Problem{Set: set}, "narrow")
	if err != nil {
		t.Fatal(err)
	}
	if got := errorOf(net, set); got > 1e-14 {
		t.Errorf("error %g", got)
	}
}

func TestNarrowRefusesBeyondItsDepth(t *testing.T) {
	_, err := BuildNamed(&Problem{Set: spacedSet(t, narrowDepth+1, 1, 0, 1)}, "narrow")
	var unfit *UnfitError
	if !errors.As(err, &unfit) || unfit.Advice == "" {
		t.Errorf("%d rows: %v, want a refusal with advice", narrowDepth+1, err)
	}
}
