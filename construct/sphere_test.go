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

// checkSphere: Phi is the unit matrix bit for bit, and the certificate holds.
func checkSphere(t *testing.T, p *Problem) *network.Network {
	t.Helper()
	net, err := BuildNamed(p, "sphere")
	if err != nil {
		t.Fatal(err)
	}
	phi := net.Activations(p.Set.X, net.LastHidden())
	for i := range p.Set.N() {
		for k, v := range phi.RawRowView(i) {
			if k == i && v != 1 || k != i && v != 0 {
				t.Fatalf("Phi(%d, %d) = %v", i, k, v)
			}
		}
	}
	holds(t, "sphere", net, p)
	return net
}

func TestSphereIsTheUnitMatrix(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for name, x := range tables() {
			n, _ := x.Dims()
			if n == 1 || n > 200 {
				continue
			}
			y := mat.NewDense(n, 1, nil)
			for i := range n {
				y.Set(i, 0, math.Sqrt(float64(i)))
			}
			set, err := dataset.New(mat.DenseCopyOf(x), y)
			if err != nil {
				continue // equal rows
			}
			if precision == network.Float32 {
				if set, err = set.Rounded(); err != nil {
					continue
				}
			}
			p := &Problem{Set: set, Precision: precision}
			if _, err := BuildNamed(p, "sphere"); err != nil {
				t.Logf("%v %s: %v", precision, name, err)
				continue
			}
			checkSphere(t, p)
		}
	}
}

// TestSphereFewPlanes: n units and about 2 log2(n) hyperplanes, where a row on a
// line needs n-1 of them, and no fewer ever do than cells are needed.
func TestSphereFewPlanes(t *testing.T) {
	for _, c := range []struct{ n, d, most int }{{500, 1, 499}, {500, 2, 80}, {1000, 10, 22}, {1500, 40, 22}} {
		p := &Problem{Set: randomSet(t, 3, c.n, c.d, 1)}
		net := checkSphere(t, p)
		m := (net.Units() - c.n) / 2
		t.Logf("n=%d d=%d: %d hyperplanes, planned %d", c.n, c.d, m, likelyPlanes(c.n, c.d))
		if m > c.most || float64(m) < math.Log2(float64(c.n)) {
			t.Errorf("n=%d d=%d: %d hyperplanes, want at most %d", c.n, c.d, m, c.most)
		}
		if plan := likelyPlanes(c.n, c.d); plan > 2*m+2 || m > 2*plan+2 {
			t.Errorf("n=%d d=%d: planned %d hyperplanes, took %d", c.n, c.d, plan, m)
		}
	}
}

// TestSphereSweep: the pairs that a threshold parts are counted right.
func TestSphereSweep(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	x := gaussian(rng, 40, 1)
	s := &planeSearch{p: &Problem{}, x: x, cell: make([]int, 40), size: make([]int, 5)}
	for i := range s.cell {
		s.cell[i] = rng.IntN(5)
		s.size[s.cell[i]]++
	}
	proj := project(s.p, x, []float64{1})
	for k, got := range s.sweep(proj) {
		want := 0
		for a := range k {
			for b := k; b < 40; b++ {
				if s.cell[proj.order[a]] == s.cell[proj.order[b]] {
					want++
				}
			}
		}
		if got != want {
			t.Errorf("before row %d: %d pairs, want %d", k, got, want)
		}
	}
}

// TestSphereFarTargets: targets far from 0 for their range are still certified.
func TestSphereFarTargets(t *testing.T) {
	set := randomSet(t, 6, 100, 3, 1)
	set.Y.Apply(func(_, _ int, v float64) float64 { return 1e9 + v }, set.Y)
	checkSphere(t, &Problem{Set: set, Tolerance: 1e-5})
}

func TestSphereRefuses(t *testing.T) {
	close64 := mat.NewDense(2, 2, []float64{1, 1, 1, math.Nextafter(1, 2)})
	near, err := dataset.New(close64, mat.NewDense(2, 1, []float64{0, 1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*dataset.Set{near, randomSet(t, 1, 70000, 3, 1), randomSet(t, 1, 6000, 1, 1)} {
		var unfit *UnfitError
		if _, err := BuildNamed(&Problem{Set: set}, "sphere"); err != nil && (!errors.As(err, &unfit) || unfit.Advice == "") {
			t.Errorf("%d rows: %v", set.N(), err)
		} else if err == nil && set.N() > 2 {
			t.Errorf("%d rows: not refused", set.N())
		}
	}
}
