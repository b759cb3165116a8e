package construct

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
)

// r2 returns the share of the variance of y (first column) that f explains.
func r2(f, y *mat.Dense) float64 {
	want := mat.Col(nil, 0, y)
	miss := 0.0
	for i, v := range want {
		miss += (f.At(i, 0) - v) * (f.At(i, 0) - v)
	}
	return 1 - miss/(stat.Variance(want, nil)*float64(len(want)-1))
}

// TestNeedlesCalifornia: proved on every training row at the default tolerance,
// and better off the data than SciPy's dense radial basis functions (0.773).
func TestNeedlesCalifornia(t *testing.T) {
	if _, err := blas.Use(); err != nil {
		t.Fatal(err)
	}
	train, test := split(california(t), 1)
	for _, c := range []struct {
		precision network.Precision
		least     float64
	}{{network.Float64, 0.79}, {network.Float32, 0.67}} {
		p := &Problem{Set: train, Precision: c.precision}
		if c.precision == network.Float32 {
			var err error
			if p.Set, err = train.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		net, err := buildNeedles(p)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, c.precision.String(), net, p)
		got := r2(net.Eval(test.X), test.Y)
		t.Logf("%v: %d units, test R2 %.4f, error as evaluated %.2g", c.precision, net.Units(), got, worstError(net.Eval(p.Set.X), p.Set))
		if got < c.least {
			t.Errorf("%v: test R2 %.4f", c.precision, got)
		}
	}
}

// smooth returns n rows of a smooth function of 3 inputs, p outputs, with noise.
func smooth(t *testing.T, seed uint64, n, outputs int, noise float64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	x, y := gaussian(rng, n, 3), mat.NewDense(n, outputs, nil)
	y.Apply(func(i, k int, _ float64) float64 {
		return math.Sin(x.At(i, k%3)) + math.Abs(x.At(i, (k+1)%3)) + noise*rng.NormFloat64()
	}, y)
	s, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNeedlesDoNoHarm: on noisy rows the network hits every row, noise and all,
// and between them predicts as if it had not: by the noise-free truth its error
// is a fraction of the noise.
func TestNeedlesDoNoHarm(t *testing.T) {
	const noise = 0.5
	for _, outputs := range []int{1, 3, 50} {
		p := &Problem{Set: smooth(t, 1, 400, outputs, noise)}
		net, err := buildNeedles(p)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, "noisy", net, p)
		truth := smooth(t, 2, 400, outputs, 0)
		out := net.Forward(truth.X)
		sum := 0.0
		for i := range 400 {
			for k := range outputs {
				sum += math.Pow(out.At(i, k)-truth.Y.At(i, k), 2) / float64(400*outputs)
			}
		}
		if rms := math.Sqrt(sum); rms > noise/2 {
			t.Errorf("%d outputs: off the rows by %.3f, noise %g", outputs, rms, noise)
		}
	}
}

// TestNeedlesOffTheRowsIsTheBase: next to a row, but clear of rounding, the gates
// are silent.
func TestNeedlesOffTheRowsIsTheBase(t *testing.T) {
	s := smooth(t, 3, 200, 1, 1)
	net, err := buildNeedles(&Problem{Set: s})
	if err != nil {
		t.Fatal(err)
	}
	gates := func(x *mat.Dense) float64 {
		phi := net.Activations(x, net.LastHidden())
		n, m := phi.Dims()
		sum := 0.0
		for i := range n {
			for j := 1; j < m; j++ { // unit 0 is the base
				sum += phi.At(i, j)
			}
		}
		return sum
	}
	if got := gates(s.X); got != 200 {
		t.Errorf("on the rows the gates add up to %g, want one each: 200", got)
	}
	beside := mat.DenseCopyOf(s.X)
	beside.Apply(func(_, _ int, v float64) float64 { return v + 1e-6 }, beside)
	if got := gates(beside); got != 0 {
		t.Errorf("a millionth beside the rows the gates add up to %g", got)
	}
}

func TestNeedlesClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	x := gaussian(rng, 500, 2)
	class := make([]int, 500)
	for i := range class {
		if math.Hypot(x.At(i, 0), x.At(i, 1)) > 1.2 {
			class[i] = 1
		}
		if rng.IntN(10) == 0 {
			class[i] = 2
		}
	}
	s, err := dataset.NewClasses(x, class, []string{"in", "out", "stray"})
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		p := &Problem{Set: s, Precision: precision}
		if precision == network.Float32 {
			if p.Set, err = s.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		net, err := buildNeedles(p)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, precision.String(), net, p)
	}
}

// TestRidgeIsTheLeastSquaresSolution: with hardly any ridge the residual is
// orthogonal to the features, to the rounding of the weights.
func TestRidgeIsTheLeastSquaresSolution(t *testing.T) {
	p := &Problem{Set: smooth(t, 5, 300, 2, 1)}
	_, x := inputLayer(p)
	f := drawFeatures(p, x, 20)
	s := newMoments(20, 2)
	s.add(f, x, p.Set.Y, rand.New(rand.NewPCG(1, 1)).Perm(300))
	w, ok := s.ridge(20, 1e-12)
	if !ok {
		t.Fatal("singular")
	}
	phi, out := make([]float64, 21), mat.NewDense(2, 21, nil)
	size, largest := 0.0, 0.0
	for i := range 300 {
		f.row(x.RawRowView(i), phi, nil)
		for k := range 2 {
			miss := p.Set.Y.At(i, k) - inner(w.RawRowView(k), phi)
			for j, v := range phi {
				size = max(size, math.Abs(w.At(k, j)*v))
				largest = max(largest, v)
				out.Set(k, j, out.At(k, j)+miss*v/300)
			}
		}
	}
	// Each of 21 terms of the fit is rounded to baseBits bits.
	if most := mat.Max(out); most > 21*math.Ldexp(size, -baseBits)*largest {
		t.Errorf("the residual's product with the features is %g", most)
	}
}

func BenchmarkNeedlesCalifornia(b *testing.B) {
	if _, err := blas.Use(); err != nil {
		b.Fatal(err)
	}
	train, _ := split(california(b), 1)
	for b.Loop() {
		if _, err := buildNeedles(&Problem{Set: train}); err != nil {
			b.Fatal(err)
		}
	}
}
