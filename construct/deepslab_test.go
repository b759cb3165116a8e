package construct

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// TestDeepSlabCalifornia: within twice n/(d+1) slabs, proved at 1e-9 of the
// range in float64 and at 1e-5 in float32, with one unit awake on every row.
func TestDeepSlabCalifornia(t *testing.T) {
	full := california(t)
	for _, c := range []struct {
		precision network.Precision
		tolerance float64
	}{{network.Float64, 1e-9}, {network.Float32, 1e-5}} {
		p := &Problem{Set: full, Precision: c.precision}
		if c.precision == network.Float32 {
			var err error
			if p.Set, err = full.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		net, err := buildDeepSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		k := net.Layers[3].Map.Params()
		if most := 2 * full.N() / (full.D() + 1); k > most {
			t.Errorf("%v: %d slabs, more than 2n/(d+1) = %d", c.precision, k, most)
		}
		cert, err := certify.Certify(net, p.Set, certify.Options{Tolerance: c.tolerance})
		if err != nil {
			t.Fatal(err)
		}
		if !cert.Holds {
			t.Errorf("%v: %d of %d rows proved, error %.3g of %.3g", c.precision, cert.Hit, cert.Rows, cert.MaxError, c.tolerance)
		}
		t.Logf("%v: %d slabs, %d units, error at most %.2g, as evaluated %.2g", c.precision, k, net.Units(), cert.MaxError, worstError(net.Eval(p.Set.X), p.Set))
		oneUnitAwake(t, net, p)
	}
}

// oneUnitAwake checks that the last hidden layer is block-diagonal: on every row
// exactly one unit of each output is positive.
func oneUnitAwake(t *testing.T, net *network.Network, p *Problem) {
	t.Helper()
	phi := net.Activations(p.Set.X, net.LastHidden())
	n, units := phi.Dims()
	outputs := p.Set.P()
	for i := range n {
		awake := 0
		for _, v := range phi.RawRowView(i) {
			if v > 0 {
				awake++
			}
		}
		if awake != outputs {
			t.Fatalf("row %d: %d of %d units are awake, want %d", i, awake, units, outputs)
		}
	}
}

func TestDeepSlabBlockDiagonal(t *testing.T) {
	for _, outputs := range []int{1, 3, 50} {
		rng := rand.New(rand.NewPCG(3, uint64(outputs)))
		s, err := dataset.New(gaussian(rng, 150, 4), gaussian(rng, 150, outputs))
		if err != nil {
			t.Fatal(err)
		}
		p := &Problem{Set: s}
		net, err := buildDeepSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		oneUnitAwake(t, net, p)
		holds(t, "gaussian", net, p)
		if k := net.Layers[2].Width() / outputs; k > 150/5 {
			t.Errorf("%d outputs: %d slabs for 150 rows in 4 dimensions", outputs, k)
		}
	}
}

// TestDeepSlabAffineIsOneSlab: rows that agree with one affine function are one
// block, whatever their number.
func TestDeepSlabAffineIsOneSlab(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	x := gaussian(rng, 500, 3)
	y := mat.NewDense(500, 1, nil)
	y.Mul(x, gaussian(rng, 3, 1))
	s, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	net, err := buildDeepSlab(&Problem{Set: s})
	if err != nil {
		t.Fatal(err)
	}
	if k := net.Layers[2].Width(); k != 1 {
		t.Errorf("%d slabs, want 1", k)
	}
}

// TestDeepSlabClasses: blocks end where the classes ask for it, not after d+1
// rows: two clusters need one slab, labels by chance about one per 2d+1 rows.
func TestDeepSlabClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	x := gaussian(rng, 400, 3)
	near, chance := make([]int, 400), make([]int, 400)
	for i := range near {
		near[i], chance[i] = i%2, rng.IntN(2)
		x.Set(i, 1, x.At(i, 1)+20*float64(i%2))
	}
	for _, c := range []struct {
		class []int
		most  int
	}{{near, 1}, {chance, 80}} {
		s, err := dataset.NewClasses(x, c.class, []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		p := &Problem{Set: s}
		net, err := buildDeepSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "classes", net, p)
		if k := net.Layers[2].Width() / 2; k > c.most {
			t.Errorf("%d slabs, want at most %d", k, c.most)
		}
	}
}

// TestSlabErrorGrowsDeepSlabStays compares the proved errors of slab and
// deep-slab as rows become more: the advantage of depth.
func TestSlabErrorGrowsDeepSlabStays(t *testing.T) {
	var last float64
	for _, n := range []int{250, 1000, 4000} {
		rng := rand.New(rand.NewPCG(6, 6))
		s, err := dataset.New(gaussian(rng, n, 8), gaussian(rng, n, 1))
		if err != nil {
			t.Fatal(err)
		}
		p := &Problem{Set: s, Tolerance: 0.5}
		flat, err := buildSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		deep, err := buildDeepSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		var proved [2]float64
		for k, net := range []*network.Network{flat, deep} {
			cert, err := certify.Certify(net, s, certify.Options{Tolerance: p.Tolerance})
			if err != nil || !cert.Holds {
				t.Fatalf("n=%d: %v, holds %v", n, err, cert != nil && cert.Holds)
			}
			proved[k] = cert.MaxError
		}
		t.Logf("n=%d: slab %d units, error %.1e; deep-slab %d units, error %.1e", n, flat.Units(), proved[0], deep.Units(), proved[1])
		if proved[0] < 4*last {
			t.Errorf("n=%d: the error of slab grew from %g to %g only", n, last, proved[0])
		}
		if proved[1] > deepSlabAim {
			t.Errorf("n=%d: the error of deep-slab is %g", n, proved[1])
		}
		last = proved[0]
	}
}

// TestDeepSlabRefusesFarTargets: targets of 1e9 that differ by 1 cannot be told
// apart in float32 at the tolerance.
func TestDeepSlabRefusesFarTargets(t *testing.T) {
	x := mat.NewDense(3, 1, []float64{0, 1, 2})
	s, err := dataset.New(x, mat.NewDense(3, 1, []float64{1e9, 1e9 + 64, 1e9 + 128}))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Rounded(); err != nil {
		t.Fatal(err)
	}
	for _, build := range []func(*Problem) (*network.Network, error){buildDeepSlab, buildNeedles} {
		_, err = build(&Problem{Set: s, Precision: network.Float32})
		var unfit *UnfitError
		if !errors.As(err, &unfit) || unfit.Advice == "" {
			t.Errorf("got %v, want an UnfitError with advice", err)
		}
	}
}

// TestPassOn: the features give the inputs back.
func TestPassOn(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	x := gaussian(rng, 30, 3)
	for i := range 30 {
		x.Set(i, 1, float64(i%2)) // two values: one side is enough
		x.Set(i, 2, 7)
	}
	f := newPassOn(&Problem{}, x)
	for i := range 30 {
		for j, v := range x.RawRowView(i) {
			plus, minus := f.values.At(i, j), f.values.At(i, 3+j)
			if plus < 0 || minus < 0 || plus*minus != 0 || math.Abs(f.center[j]+plus-minus-v) > 1e-15*(math.Abs(v)+math.Abs(f.center[j])) {
				t.Fatalf("row %d, input %d: %g from %g + %g - %g", i, j, v, f.center[j], plus, minus)
			}
		}
	}
	if f.center[1] != 0 || slices.Max(mat.Col(nil, 4, f.values)) != 0 {
		t.Error("an indicator is split")
	}
}

func BenchmarkDeepSlabCalifornia(b *testing.B) {
	p := &Problem{Set: california(b)}
	for b.Loop() {
		if _, err := buildDeepSlab(p); err != nil {
			b.Fatal(err)
		}
	}
}
