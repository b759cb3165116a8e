package construct

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// rings are k classes on circles about each other.
func rings(t *testing.T, n, k int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	x, class := mat.NewDense(n, 2, nil), make([]int, n)
	names := make([]string, k)
	for i := range n {
		class[i] = i % k
		names[class[i]] = string(rune('a' + class[i]))
		radius, angle := float64(class[i])+1+0.5*rng.Float64(), 2*math.Pi*rng.Float64()
		x.SetRow(i, []float64{radius * math.Cos(angle), radius * math.Sin(angle)})
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCoverShutsOut: every unit of a class is awake on rows of its class only, and
// every row of a class that has units wakes one, both with hyperplanes drawn as in
// the paper and between rows.
func TestCoverShutsOut(t *testing.T) {
	set := rings(t, 600, 3)
	for _, opts := range []CoverOptions{{}, {Hyperplanes: 40}, {Hyperplanes: 40, Gaussian: true}, {Hyperplanes: 1}} {
		p := &Problem{Set: set}
		c, err := newCover(withDefaults(p), opts)
		if err != nil {
			t.Fatal(err)
		}
		net := c.network()
		phi := net.Activations(set.X, net.LastHidden())
		var owner []int
		for class, units := range c.class {
			for range units {
				owner = append(owner, class)
			}
		}
		for i, class := range set.Class {
			own := 0
			for j, v := range phi.RawRowView(i) {
				if v > 0 && owner[j] != class {
					t.Fatalf("%+v: a unit of class %d is %v on a row of class %d", opts, owner[j], v, class)
				}
				if v > 0 {
					own++
				}
			}
			if own == 0 && class != c.rest {
				t.Fatalf("%+v: no unit is awake on row %d", opts, i)
			}
		}
		cert, err := certify.Certify(net, set, certify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !cert.Holds || cert.MinMargin < 0.49 {
			t.Errorf("%+v: %d of %d rows, margin %v", opts, cert.Hit, cert.Rows, cert.MinMargin)
		}
	}
}

// TestCoverIsGreedy: two blobs far apart need one unit however many rows they
// have.
func TestCoverIsGreedy(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	x, class := mat.NewDense(500, 4, nil), make([]int, 500)
	for i := range 500 {
		class[i] = i % 2
		for j := range 4 {
			x.Set(i, j, rng.NormFloat64()+20*float64(class[i]))
		}
	}
	set, err := dataset.NewClasses(x, class, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCover(withDefaults(&Problem{Set: set}), CoverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c.units() != 1 {
		t.Errorf("%d units, want 1", c.units())
	}
}

// TestCoverFillsIn: one hyperplane cannot part rows in an alternating line; the
// missing ones are put where they are needed.
func TestCoverFillsIn(t *testing.T) {
	x, class := mat.NewDense(64, 1, nil), make([]int, 64)
	for i := range 64 {
		x.Set(i, 0, float64(i))
		class[i] = i % 2
	}
	set, err := dataset.NewClasses(x, class, []string{"even", "odd"})
	if err != nil {
		t.Fatal(err)
	}
	net, err := Cover(&Problem{Set: set}, CoverOptions{Hyperplanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil || !cert.Holds {
		t.Errorf("%v: %+v", err, cert)
	}
}

func TestCoverRefuses(t *testing.T) {
	x := mat.NewDense(4, 1, []float64{0, 1, 1 + 0x1p-52, 2})
	set, err := dataset.NewClasses(x, []int{0, 0, 1, 1}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := dataset.New(x, x)
	if err != nil {
		t.Fatal(err)
	}
	var unfit *UnfitError
	for name, p := range map[string]*Problem{"rows one bit apart": {Set: set}, "numbers": {Set: numbers}, "rows too close in float32": {Set: set, Precision: network.Float32}} {
		if _, err := Cover(p, CoverOptions{}); !errors.As(err, &unfit) || unfit.Advice == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
