package construct_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// clouds returns n rows of k classes, d inputs: Gaussian clouds whose centres
// are apart times their width apart, some inputs constant, coarse or tied.
func clouds(t testing.TB, n, d, k int, apart float64, seed uint64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	centers := mat.NewDense(k, d, nil)
	centers.Apply(func(_, _ int, _ float64) float64 { return apart * rng.NormFloat64() }, centers)
	x, class, names := mat.NewDense(n, d, nil), make([]int, n), make([]string, k)
	for c := range names {
		names[c] = fmt.Sprint("class ", c)
	}
	for i := range class {
		class[i] = rng.IntN(k)
		for j := 0; j < d; j++ {
			v := centers.At(class[i], j) + rng.NormFloat64()
			switch j % 5 {
			case 3:
				v = math.Round(2 * v)
			case 4:
				v = 3 // constant
			}
			x.Set(i, j, v)
		}
	}
	s, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// patched builds and certifies, and returns the network.
func patched(t testing.TB, p *construct.Problem) *network.Network {
	t.Helper()
	net, err := catalogued(t, "patch").Build(p)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certify.Certify(net, p.Set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !cert.Holds {
		t.Fatalf("the certificate of %d units fails: %d of %d rows hit, margin %v", net.Units(), cert.Hit, cert.Rows, cert.MinMargin)
	}
	return net
}

// TestPatchHits builds clouds of several shapes, in both goals.
func TestPatchHits(t *testing.T) {
	for _, c := range []struct {
		n, d, k int
		apart   float64
	}{
		{400, 10, 2, 0.5}, {500, 20, 3, 0.3}, {600, 30, 5, 0.4}, {300, 60, 4, 0.2}, {50, 4, 2, 0}, {20, 2, 2, 3}, {400, 12, 10, 1},
	} {
		for _, goal := range []construct.Goal{construct.Fit, construct.Generalize} {
			t.Run(fmt.Sprintf("%dx%d, %d classes, %s", c.n, c.d, c.k, goal), func(t *testing.T) {
				set := clouds(t, c.n, c.d, c.k, c.apart, 1)
				net := patched(t, &construct.Problem{Set: set, Goal: goal})
				t.Logf("%d units", net.Units())
			})
		}
	}
}

// TestPatchSize holds the size to what the construction promises: a group of
// about d rows for three to five units.
func TestPatchSize(t *testing.T) {
	set := clouds(t, 3000, 50, 3, 0.2, 2)
	p := &construct.Problem{Set: set, Goal: construct.SizeGoal}
	net := patched(t, p)
	size, err := catalogued(t, "patch").Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d units, %d planned", net.Units(), size.Units)
	if net.Units() > 3000/4 {
		t.Errorf("%d units for 3000 rows", net.Units())
	}
	if size.Units < net.Units()/3 || size.Units > net.Units()*3 {
		t.Errorf("planned %d units, built %d", size.Units, net.Units())
	}
}

// TestPatchUntouched takes the bumps out again: the rows that the base alone
// gets right by its margin must have the same outputs with and without them.
func TestPatchUntouched(t *testing.T) {
	set := clouds(t, 800, 15, 3, 0.4, 8)
	net := patched(t, &construct.Problem{Set: set})
	with := net.Forward(set.X)
	out := net.Layers[len(net.Layers)-1].Map.(*network.Dense)
	carriers := set.P() - 1
	if out.In <= carriers {
		t.Fatalf("%d units: the set asks for no bumps", out.In)
	}
	for c := range out.Out {
		clear(out.Row(c)[carriers:])
	}
	without := net.Forward(set.X)
	changed := 0
	for i := range set.N() {
		for c := range set.P() {
			if math.Abs(with.At(i, c)-without.At(i, c)) > 1e-6 {
				changed++
				break
			}
		}
	}
	wrong := set.N() - int(math.Round(accuracy(net, set)*float64(set.N())))
	t.Logf("the base gets %d rows wrong, the bumps change %d", wrong, changed)
	if wrong == 0 || changed < wrong || changed > wrong+set.N()/20 {
		t.Errorf("bumps change %d rows to correct %d", changed, wrong)
	}
}

// TestPatchSeparable: where an affine map separates the classes there is nothing
// to carry through a hidden layer.
func TestPatchSeparable(t *testing.T) {
	net := patched(t, &construct.Problem{Set: clouds(t, 200, 5, 3, 20, 3)})
	if net.Units() != 0 {
		t.Errorf("separated clouds took %d hidden units", net.Units())
	}
}

// TestPatchSameBytes builds twice and compares every bit.
func TestPatchSameBytes(t *testing.T) {
	set := clouds(t, 700, 20, 4, 0.4, 4)
	for _, goal := range []construct.Goal{construct.SizeGoal, construct.Generalize} {
		p := &construct.Problem{Set: set, Seed: 5, Goal: goal}
		if !bytes.Equal(weightBytes(t, p), weightBytes(t, p)) {
			t.Errorf("goal %s: the same seed gave two networks", goal)
		}
	}
}

// TestPatchSameBytesOneProcessor: the affine kind does not depend on how many
// processors there are, nor on the engine of dense kernels.
func TestPatchSameBytesOneProcessor(t *testing.T) {
	p := &construct.Problem{Set: clouds(t, 1500, 20, 4, 0.4, 4), Goal: construct.SizeGoal}
	many := weightBytes(t, p)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(many, weightBytes(t, p)) {
		t.Error("one processor builds another network")
	}
}

func weightBytes(t testing.TB, p *construct.Problem) []byte {
	var b bytes.Buffer
	net := patched(t, p)
	for _, l := range net.Layers {
		network.Weights(l.Map, func(w []float64) { fmt.Fprintf(&b, "%x\n", w) })
		fmt.Fprintf(&b, "%x\n", l.Bias)
	}
	return b.Bytes()
}

// TestPatchFloat32 either holds in float32 or says what to do.
func TestPatchFloat32(t *testing.T) {
	set, err := clouds(t, 300, 8, 3, 1, 6).Rounded()
	if err != nil {
		t.Fatal(err)
	}
	p := &construct.Problem{Set: set, Precision: network.Float32}
	net, err := catalogued(t, "patch").Build(p)
	if err != nil {
		checkUnfit(t, err)
		return
	}
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil || !cert.Holds {
		t.Errorf("float32: %v, %+v", err, cert)
	}
}

func checkUnfit(t testing.TB, err error) {
	t.Helper()
	var unfit *construct.UnfitError
	if !errors.As(err, &unfit) || unfit.Advice == "" || unfit.Reason == "" {
		t.Errorf("%v: want an UnfitError with advice", err)
	}
}

func TestPatchUnfit(t *testing.T) {
	set, err := dataset.New(mat.NewDense(3, 1, []float64{1, 2, 3}), mat.NewDense(3, 1, []float64{1, 0, 5}))
	if err != nil {
		t.Fatal(err)
	}
	p := &construct.Problem{Set: set}
	_, err = catalogued(t, "patch").Plan(p)
	checkUnfit(t, err)
	_, err = catalogued(t, "patch").Build(p)
	checkUnfit(t, err)
}

// TestPatchAnySet draws small awkward sets: every build either is certified or
// is refused with advice; nothing panics.
func TestPatchAnySet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, d := rapid.IntRange(1, 30).Draw(r, "n"), rapid.IntRange(1, 6).Draw(r, "d")
		k := rapid.IntRange(1, 4).Draw(r, "k")
		levels := rapid.IntRange(2, 9).Draw(r, "levels")
		scale := math.Pow(10, float64(rapid.IntRange(-12, 12).Draw(r, "scale")))
		seen := map[string]bool{}
		var x []float64
		var class []int
		for i := 0; i < n; i++ {
			row := make([]float64, d)
			for j := range row {
				row[j] = scale * float64(rapid.IntRange(0, levels).Draw(r, "x"))
			}
			if key := fmt.Sprint(row); !seen[key] {
				seen[key] = true
				x, class = append(x, row...), append(class, rapid.IntRange(0, k-1).Draw(r, "class"))
			}
		}
		names := []string{"a", "b", "c", "d"}[:k]
		set, err := dataset.NewClasses(mat.NewDense(len(class), d, x), class, names)
		if err != nil {
			r.Fatal(err)
		}
		goal := rapid.SampledFrom([]construct.Goal{construct.Fit, construct.Generalize}).Draw(r, "goal")
		p := &construct.Problem{Set: set, Goal: goal, Seed: rapid.Uint64().Draw(r, "seed")}
		if _, err := catalogued(t, "patch").Plan(p); err != nil {
			r.Fatal(err)
		}
		net, err := catalogued(t, "patch").Build(p)
		var unfit *construct.UnfitError
		if errors.As(err, &unfit) {
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		cert, err := certify.Certify(net, set, certify.Options{})
		if err != nil || !cert.Holds {
			r.Fatalf("built but not certified: %v, %+v", err, cert)
		}
	})
}
