package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
)

func TestMain(m *testing.M) {
	if _, err := blas.Use(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if folder := os.Getenv(childVariable); folder != "" {
		os.Exit(child(folder))
	}
	os.Exit(m.Run())
}

// mustRun trains or fails the test.
func mustRun(t testing.TB, set *dataset.Set, opt Options) *Result {
	t.Helper()
	r, err := Run(context.Background(), set, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// manyClasses is a small classification with odd sizes and a constant column.
func manyClasses(t testing.TB, n, d, k int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	x, class, names := mat.NewDense(n, d, nil), make([]int, n), make([]string, k)
	for i := range n {
		for j := range d {
			x.Set(i, j, 100*rng.NormFloat64()+float64(10*j))
		}
		x.Set(i, d/2, 3)
		class[i] = i % k
	}
	for c := range names {
		names[c] = fmt.Sprint(c)
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	rounded, err := set.Rounded()
	if err != nil {
		t.Fatal(err)
	}
	return rounded
}

func rounded(t testing.TB, set *dataset.Set) *dataset.Set {
	t.Helper()
	r, err := set.Rounded()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestItLearns(t *testing.T) {
	for _, c := range []struct {
		name string
		set  *dataset.Set
		opt  Options
		want float64
	}{
		{"adam, moons", dataset.Moons(400, 0.1, 1), Options{Hidden: []int{64}, Epochs: 60, Batch: 32, Rate: 0.01}, 0.995},
		{"adam, cosine, two layers", dataset.Spiral(600, 3, 0, 1), Options{Hidden: []int{64, 64}, Epochs: 80, Batch: 32, Rate: 0.005, Schedule: Cosine}, 0.98},
		{"sgd, moons", dataset.Moons(400, 0.1, 1), Options{Hidden: []int{64}, Epochs: 100, Batch: 32, Optimizer: SGD, Momentum: 0.9}, 0.99},
		{"sgd, regression", dataset.Friedman(1000, 0, 1), Options{Hidden: []int{64}, Epochs: 40, Optimizer: SGD, Momentum: 0.9, Rate: 0.02, Batch: 32}, 0.95},
		{"adam, regression", dataset.Friedman(1000, 0, 1), Options{Hidden: []int{64, 32}, Epochs: 40, Batch: 32, Rate: 0.003, Decay: 1e-4}, 0.97},
		{"several targets", dataset.RandomReal(60, 3, 4, 1), Options{Hidden: []int{300}, Epochs: 600, Batch: 16, Rate: 0.01, Schedule: Cosine}, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mustRun(t, rounded(t, c.set), c.opt)
			if !(r.Final.Score >= c.want) {
				t.Errorf("score %v on its own rows, want %v", r.Final.Score, c.want)
			}
			first, last := r.History[0], r.History[len(r.History)-1]
			if len(r.History) != c.opt.Epochs || last.Epoch != c.opt.Epochs || !(last.Loss < first.Loss) || r.Stopped != StoppedDone {
				t.Errorf("%d epochs, loss from %v to %v, stopped: %s", len(r.History), first.Loss, last.Loss, r.Stopped)
			}
		})
	}
}

// TestSameBytes checks that the result depends on the seed, not on the threads.
func TestSameBytes(t *testing.T) {
	set := manyClasses(t, 300, 7, 5)
	opt := Options{Hidden: []int{300, 140}, Epochs: 2, Batch: 77, Seed: 5}
	want := mustRun(t, set, opt).Network.Digest()
	for threads := 1; threads <= 5; threads++ {
		opt.Threads = threads
		if mustRun(t, set, opt).Network.Digest() != want {
			t.Errorf("%d threads give another network", threads)
		}
	}
	opt.Seed = 6
	if mustRun(t, set, opt).Network.Digest() == want {
		t.Error("another seed gives the same network")
	}
}

// TestNetworkTakesRawInputs compares the chain that comes out with the layers as
// they were trained, on rows that include a constant column and targets far from 0.
func TestNetworkTakesRawInputs(t *testing.T) {
	x, y := mat.NewDense(50, 4, nil), mat.NewDense(50, 2, nil)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range 50 {
		x.SetRow(i, []float64{1e6 + 1e3*rng.NormFloat64(), -5, 1e-4 * rng.Float64(), float64(i % 2)})
		y.SetRow(i, []float64{1000 + 3*rng.NormFloat64(), -1e-3 * rng.Float64()})
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*dataset.Set{rounded(t, set), manyClasses(t, 40, 5, 3)} {
		opt, err := Options{Hidden: []int{9, 6}, Epochs: 3, Batch: 8}.settled()
		if err != nil {
			t.Fatal(err)
		}
		r, err := newRun(set, opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.epochs(context.Background()); err != nil {
			t.Fatal(err)
		}
		net := r.network()
		if err := net.Validate(); err != nil {
			t.Fatal(err)
		}
		out := r.evaluate(r.table, newBatch(r.layers, set.N()), 0, set.N())
		got, ranges := net.Eval(set.X), set.Range()
		for i := range set.N() {
			for j := range set.P() {
				want := float64(out.Row(i)[j])
				if !set.IsClasses() {
					want = want*r.table.spread[j] + r.table.center[j]
				}
				if diff := math.Abs(got.At(i, j) - want); !(diff <= 1e-5*(ranges[j]+math.Abs(want))) {
					t.Fatalf("row %d, output %d: the network gives %v, the layers %v", i, j, got.At(i, j), want)
				}
			}
		}
	}
}

// TestScale checks the promises of layer 0: powers of two, deviation in
// (1/2, 1] unless the column reaches too far, constant columns 0.
func TestScale(t *testing.T) {
	x, y := mat.NewDense(1000, 4, nil), mat.NewDense(1000, 1, nil)
	rng := rand.New(rand.NewPCG(1, 3))
	for i := range 1000 {
		rare := 0.0
		if i == 500 {
			rare = 255
		}
		x.SetRow(i, []float64{1e-9 * rng.NormFloat64(), rare, 12345, 1e12 + 1e10*rng.Float64()})
		y.Set(i, 0, rng.Float64())
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	table := newTable(rounded(t, set))
	if fmt.Sprint(table.columns) != "[0 1 3]" || table.d != 3 {
		t.Fatalf("columns %v vary", table.columns)
	}
	for _, f := range table.scale.Map.(*network.Diagonal).D {
		if frac, _ := math.Frexp(f); frac != 0.5 {
			t.Errorf("the factor %v is no power of two", f)
		}
	}
	for k := range table.d {
		sum, far := 0.0, 0.0
		for i := range table.n {
			v := float64(table.x[i*table.d+k])
			sum, far = sum+v*v, max(far, math.Abs(v))
		}
		spread := math.Sqrt(sum / float64(table.n))
		if far > 1<<reach || spread > 1 || spread < 0.49 && far < 1<<(reach-1) {
			t.Errorf("column %d has deviation %v and reaches to %v", table.columns[k], spread, far)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	set := dataset.Moons(20, 0.1, 1)
	for name, opt := range map[string]Options{
		"hidden": {Hidden: []int{0}}, "epochs": {Epochs: -1}, "batch": {Batch: -2}, "rate": {Rate: math.NaN()},
		"momentum": {Momentum: 0.5}, "decay": {Decay: 1e9}, "optimizer": {Optimizer: "lbfgs"}, "schedule": {Schedule: "step"},
		"init": {Init: "zeros"}, "threads": {Threads: -1}, "test": {Test: dataset.Friedman(10, 0, 1)},
	} {
		var bad *OptionError
		if _, err := Run(context.Background(), set, opt); !errors.As(err, &bad) || bad.Option != name {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := Run(context.Background(), nil, Options{}); err == nil {
		t.Error("no set is no error")
	}
	var huge *OptionError
	if _, err := Run(context.Background(), set, Options{Hidden: []int{maxUnits, maxUnits}}); !errors.As(err, &huge) {
		t.Errorf("a network of 2^40 weights: %v", err)
	}
}

func TestDivergence(t *testing.T) {
	var diverged *DivergedError
	_, err := Run(context.Background(), dataset.Friedman(200, 0, 1), Options{Optimizer: SGD, Rate: 1e6, Hidden: []int{20, 20}})
	if !errors.As(err, &diverged) || diverged.Rate != 1e6 {
		t.Errorf("a rate of a million: %v", err)
	}
}

// TestStop checks that the run asks after each epoch but the last, with exact
// counts, and ends when told.
func TestStop(t *testing.T) {
	set := dataset.Moons(100, 0.1, 1)
	asked := 0
	r := mustRun(t, set, Options{Hidden: []int{16}, Epochs: 10, Stop: func(e *Epoch, net *network.Network) bool {
		asked++
		if now := Score(net, set); e.Wrong == nil || *e.Wrong != now.Wrong || e.Cost == nil || e.Cost.Wrong != now.Wrong {
			t.Errorf("epoch %d says %+v of a network with %d wrong rows", e.Epoch, e, now.Wrong)
		}
		return e.Epoch == 3
	}})
	if asked != 3 || r.Stopped != StoppedByWish || len(r.History) != 3 {
		t.Errorf("asked %d times, stopped: %s after %d epochs", asked, r.Stopped, len(r.History))
	}
}
