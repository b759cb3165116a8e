package phi

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/dataset"
	"hinge/network"
)

// random returns an n x m matrix of standard normal numbers.
func random(rng *rand.Rand, n, m int) *mat.Dense {
	a := mat.NewDense(n, m, nil)
	a.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, a)
	return a
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func newRand(t *rapid.T) *rand.Rand { return seeded(rapid.Uint64().Draw(t, "seed")) }

// of returns the Matrix of the numbers, failing the test on an error.
func of(t testing.TB, a mat.Matrix, opt Options) *Matrix {
	t.Helper()
	p, err := New(a, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func build(t testing.TB, net *network.Network, x mat.Matrix, layer int, opt Options) *Matrix {
	t.Helper()
	p, err := Build(net, x, layer, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shallowNet returns a network d -> m -> p with normal weights.
func shallowNet(rng *rand.Rand, d, m, p int) *network.Network {
	return &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(m, d, random(rng, m, d).RawMatrix().Data), Bias: random(rng, 1, m).RawRowView(0), Act: network.ReLU},
		{Map: network.NewDense(p, m, random(rng, p, m).RawMatrix().Data), Bias: random(rng, 1, p).RawRowView(0)},
	}}
}

// gateNet returns the identity construction along q random projections of
// n x d data: plateau gates of width w around every row.
func gateNet(rng *rand.Rand, x *mat.Dense, q int, precision network.Precision) *network.Network {
	n, d := x.Dims()
	directions := random(rng, q, d)
	projection := &network.Network{Precision: precision, Layers: []network.Layer{{Map: network.NewDense(q, d, directions.RawMatrix().Data)}}}
	projection.Round()
	t := projection.Eval(x)
	pick, scale, bias := []int32{}, []float64{}, []float64{}
	gates := &network.Sparse{Out: n, In: 2 * q * n, RowPtr: []int{0}}
	const w = 1e-3
	for i := 0; i < n; i++ {
		for k := 0; k < q; k++ {
			gates.Col = append(gates.Col, int32(len(pick)), int32(len(pick)+1))
			gates.Val = append(gates.Val, -1, -1)
			pick, scale = append(pick, int32(k), int32(k)), append(scale, 1/w, -1/w)
			bias = append(bias, -(t.At(i, k)+w/8)/w, (t.At(i, k)-w/8)/w)
		}
		gates.RowPtr = append(gates.RowPtr, len(gates.Col))
	}
	ones := make([]float64, n)
	for i := range ones {
		ones[i] = 1
	}
	net := &network.Network{Precision: precision, Layers: []network.Layer{
		{Map: &network.Projected{P: network.NewDense(q, d, directions.RawMatrix().Data), Pick: pick, Scale: scale}, Bias: bias, Act: network.ReLU},
		{Map: gates, Bias: ones, Act: network.ReLU},
		{Map: network.NewDense(1, n, random(rng, 1, n).RawRowView(0))},
	}}
	net.Round()
	return net
}

// sortedNet returns n-1 units along a direction of n x d data, their
// thresholds a fraction of the gap below each point but the lowest.
func sortedNet(x *mat.Dense, u []float64, fraction float64, sign float64) *network.Network {
	n, d := x.Dims()
	c, _ := readCoordinates(&network.Network{Layers: []network.Layer{
		{Map: &network.Projected{P: network.NewDense(1, d, u), Pick: []int32{0}, Scale: []float64{1}}, Act: network.ReLU}}}, x, 0)
	pick, scale, bias := make([]int32, n-1), make([]float64, n-1), make([]float64, n-1)
	for k := range pick {
		lo, hi := c.sorted(0, k), c.sorted(0, k+1)
		theta := lo + fraction*(hi-lo)
		scale[k], bias[k] = sign, -sign*theta
	}
	return &network.Network{Layers: []network.Layer{
		{Map: &network.Projected{P: network.NewDense(1, d, u), Pick: pick, Scale: scale}, Bias: bias, Act: network.ReLU},
		{Map: network.NewDense(1, n-1, make([]float64, n-1))},
	}}
}

// Every form must hold the same numbers and tell the same counts.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, d, q := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d"), rapid.IntRange(1, 3).Draw(t, "q")
		precision := rapid.SampledFrom([]network.Precision{network.Float64, network.Float32}).Draw(t, "precision")
		x := random(rng, n, d)
		net := gateNet(rng, x, q, precision)
		for layer := 0; layer < 2; layer++ {
			want := net.Activations(x, layer)
			full, err := Build(net, x, layer, Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, m := want.Dims()
			for _, limit := range []int{max(n*m-1, 1), n + 1} {
				small, err := Build(net, x, layer, Options{MaxElements: limit})
				if err != nil {
					t.Fatal(err)
				}
				if n*m > limit && small.Form() == DenseForm {
					t.Fatalf("%d x %d numbers held dense over a limit of %d", n, m, limit)
				}
				agree(t, want, full, small)
			}
		}
	})
}

func agree(t *rapid.T, want *mat.Dense, full, small *Matrix) {
	n, m := want.Dims()
	var nonzeros int64
	for i := 0; i < n; i++ {
		row := small.Row(nil, i)
		for j := 0; j < m; j++ {
			v := want.At(i, j)
			if v != 0 {
				nonzeros++
			}
			if math.Abs(row[j]-v) > 1e-3*(1+math.Abs(v)) || (row[j] == 0) != (v == 0) || full.At(i, j) != v || j == i && small.At(i, j) != row[j] {
				t.Fatalf("%s: entry (%d, %d) is %v, want %v", small.Form(), i, j, row[j], v)
			}
		}
	}
	a, b := full.Stats(), small.Stats()
	if a.Nonzeros != nonzeros || b.Nonzeros != nonzeros || a.Rows() != b.Rows() || a.Units() != b.Units() ||
		len(a.Dead) != len(b.Dead) || len(a.AlwaysOn) != len(b.AlwaysOn) {
		t.Fatalf("%s counts %v, dense %v", small.Form(), b, a)
	}
	if b.Patterns >= 0 && a.Patterns != b.Patterns {
		t.Fatalf("%s counts %d patterns, dense %d", small.Form(), b.Patterns, a.Patterns)
	}
	if full.eps > 0x1p-50 {
		return // in float32 the numerical rank may be below the proven one
	}
	r, s := full.RankWithBias(), small.RankWithBias()
	if s.Known() && s.Rank != r.Rank || s.Lower > r.Rank || s.Upper < r.Rank && r.Known() {
		t.Fatalf("%s: %v, dense: %v", small.Form(), s, r)
	}
}

func TestStats(t *testing.T) {
	// Units: dead, always on, two parallel ones, one alone.
	p := of(t, mat.NewDense(3, 5, []float64{
		0, 1, 2, 1, 0,
		0, 2, 4, 2, 0,
		0, 9, 0, 0, 3,
	}), Options{})
	s := p.Stats()
	if s.Nonzeros != 8 || s.Patterns != 2 || s.Scale != 9 {
		t.Errorf("nonzeros %d, patterns %d, scale %v", s.Nonzeros, s.Patterns, s.Scale)
	}
	if len(s.Dead) != 1 || s.Dead[0] != 0 || len(s.AlwaysOn) != 1 || s.AlwaysOn[0] != 1 {
		t.Errorf("dead %v, always on %v", s.Dead, s.AlwaysOn)
	}
	if len(s.Parallel) != 1 || s.Parallel[0][0] != 2 || s.Parallel[0][1] != 3 {
		t.Errorf("parallel %v", s.Parallel)
	}
	if p.Density() != 8.0/15 {
		t.Errorf("density %v", p.Density())
	}
	if got := s.Rows(); got != (Spread{2, 3, 3}) {
		t.Errorf("awake units a row %v", got)
	}
}

// Scaled copies of random columns are found, other columns are not.
func TestParallelUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, m := rapid.IntRange(2, 30).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		copies := rapid.IntRange(0, 10).Draw(t, "copies")
		a := mat.NewDense(n, m+copies, nil)
		for i := 0; i < n; i++ {
			for j := 0; j < m; j++ {
				a.Set(i, j, rng.Float64()+0.1)
			}
		}
		for k := 0; k < copies; k++ {
			of, by := rng.IntN(m), math.Exp(5*rng.NormFloat64())
			for i := 0; i < n; i++ {
				a.Set(i, m+k, by*a.At(i, of))
			}
		}
		p, err := New(a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		extra := 0
		for _, g := range p.Stats().Parallel {
			extra += len(g) - 1
		}
		if extra != copies {
			t.Fatalf("%d parallel units found, %d planted: %v", extra, copies, p.Stats().Parallel)
		}
	})
}

func TestBuildRefuses(t *testing.T) {
	rng := seeded(3)
	net, x := shallowNet(rng, 2, 3, 1), random(rng, 4, 2)
	overflow := shallowNet(rng, 2, 3, 1)
	for j := range overflow.Layers[0].Bias {
		overflow.Layers[0].Bias[j] = math.MaxFloat64
	}
	overflow.Layers[0].Map.(*network.Dense).W[0] = math.MaxFloat64
	huge := mat.NewDense(1, 2, []float64{1e300, 1e300})
	for name, try := range map[string]func() error{
		"no such layer":   func() error { _, err := Build(net, x, 2, Options{}); return err },
		"negative layer":  func() error { _, err := Build(net, x, -2, Options{}); return err },
		"columns":         func() error { _, err := Build(net, random(rng, 4, 3), 0, Options{}); return err },
		"empty network":   func() error { _, err := Build(&network.Network{}, x, 0, Options{}); return err },
		"infinite output": func() error { _, err := Build(overflow, huge, 0, Options{}); return err },
		"NaN":             func() error { _, err := New(mat.NewDense(1, 1, []float64{math.NaN()}), Options{}); return err },
	} {
		if try() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	_, err := Build(net, x, 0, Options{MaxWork: 1})
	var size *SizeError
	if !errors.As(err, &size) || size.Rows != 4 || size.Units != 3 {
		t.Errorf("work limit: %v", err)
	}
}

// A layer over the limits is described by its shape, with a note.
func TestDescribeTooLarge(t *testing.T) {
	rng := seeded(4)
	set, err := dataset.New(random(rng, 4, 2), random(rng, 4, 1))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Describe(shallowNet(rng, 2, 3, 1), set, 0, Options{MaxWork: 1})
	if err != nil || f.Kind != UnknownKind || f.Rank != nil || len(f.Notes) == 0 || f.Rows != 4 || f.Units != 3 {
		t.Errorf("%v, %v", f, err)
	}
}

// Units that read many inputs are evaluated beside the gates.
func TestGatesBesideDenseUnits(t *testing.T) {
	rng := seeded(7)
	x := random(rng, 80, 3)
	net := gateNet(rng, x, 2, network.Float64)
	base := shallowNet(rng, 3, 70, 2)
	net.Layers[0].Map = &network.Stack{Maps: []network.Map{base.Layers[0].Map, net.Layers[0].Map}}
	net.Layers[0].Bias = append(base.Layers[0].Bias, net.Layers[0].Bias...)
	net.Layers[1].Map = &network.Blocks{Maps: []network.Map{base.Layers[1].Map, net.Layers[1].Map}}
	net.Layers[1].Bias = append(base.Layers[1].Bias, net.Layers[1].Bias...)
	net.Layers[2].Map = network.NewDense(1, 82, make([]float64, 82))
	p := build(t, net, x, 1, Options{MaxElements: 82*80 - 1})
	if p.Form() != SparseForm || !p.structured {
		t.Fatalf("form %s, by structure: %v", p.Form(), p.structured)
	}
	want := net.Activations(x, 1)
	for i := 0; i < 80; i++ {
		for j := 0; j < 82; j++ {
			if math.Abs(p.At(i, j)-want.At(i, j)) > 1e-12 {
				t.Fatalf("entry (%d, %d) is %v, want %v", i, j, p.At(i, j), want.At(i, j))
			}
		}
	}
}

// An affine network combines the inputs: they are its matrix.
func TestAffineNetwork(t *testing.T) {
	rng := seeded(16)
	x := random(rng, 20, 2)
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 2, []float64{2, -1}), Bias: []float64{3}}}}
	set, err := dataset.New(x, net.Forward(x))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Describe(net, set, net.LastHidden(), Options{})
	if err != nil || f.Class != Specific || *f.Rank != 2 || *f.RankWithBias != 3 {
		t.Errorf("%v, %v", f, err)
	}
	p, err := Of(net, set, Options{})
	if err != nil || p.At(3, 1) != x.At(3, 1) {
		t.Errorf("%v", err)
	}
}
