package phi

import (
	"sort"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// describe measures Describe of a layer, the cost that a build pays.
func describe(b *testing.B, net *network.Network, x *mat.Dense, layer int, opt Options, check func(f *Facts) bool) {
	n, _ := x.Dims()
	set := &dataset.Set{X: x, Y: mat.NewDense(n, 1, nil)}
	for b.Loop() {
		f, err := Describe(net, set, layer, opt)
		if err != nil {
			b.Fatal(err)
		}
		if !check(f) {
			b.Fatal(f)
		}
		b.Log(f)
	}
}

func BenchmarkIdentity20433(b *testing.B) { benchmarkIdentity(b, 20433, 12) }

// BenchmarkIdentity200000 is the size of a tenth of the largest table that is
// promised; the cost is linear but for a logarithm.
func BenchmarkIdentity200000(b *testing.B) { benchmarkIdentity(b, 200000, 20) }

func benchmarkIdentity(b *testing.B, n, d int) {
	rng := seeded(1)
	x := random(rng, n, d)
	describe(b, gateNet(rng, x, 3, network.Float64), x, 1, Options{Quick: true}, func(f *Facts) bool {
		return f.Kind == Diagonal && f.Class == Universal && *f.Rank == n
	})
}

// slabNet returns the units of a deep slab construction on n x d data with
// blocks of size rows: affine pieces 1 + x_1/8 switched by the distance from
// the slab.
func slabNet(x *mat.Dense, size int) *network.Network {
	n, d := x.Dims()
	t := mat.Col(nil, 0, x)
	sort.Float64s(t)
	slabs := (n + size - 1) / size
	first := &network.Projected{P: network.NewDense(1, d, unitVector(d, 0))}
	var bias []float64
	shift := make([]float64, d)
	for j := range shift {
		shift[j] = 10
	}
	second := &network.Sparse{Out: slabs, In: d + 2*slabs, RowPtr: []int{0}}
	offset := make([]float64, slabs)
	for k := 0; k < slabs; k++ {
		lo, hi := t[k*size], t[min((k+1)*size, n)-1]
		first.Pick, first.Scale = append(first.Pick, 0, 0), append(first.Scale, 1, -1)
		bias = append(bias, -hi, lo)
		for j := 0; j < d; j++ {
			second.Col, second.Val = append(second.Col, int32(j)), append(second.Val, float64(j%3)/64)
		}
		at := int32(d + 2*k)
		second.Col, second.Val = append(second.Col, at, at+1), append(second.Val, -1e8, -1e8)
		second.RowPtr = append(second.RowPtr, len(second.Col))
		offset[k] = 1
	}
	diagonal := make([]float64, d)
	for j := range diagonal {
		diagonal[j] = 1
	}
	return &network.Network{Layers: []network.Layer{
		{Map: &network.Stack{Maps: []network.Map{&network.Diagonal{D: diagonal}, first}}, Bias: append(shift, bias...), Act: network.ReLU},
		{Map: second, Bias: offset, Act: network.ReLU},
		{Map: network.NewDense(1, slabs, make([]float64, slabs))},
	}}
}

func BenchmarkDeepSlab20433(b *testing.B) {
	x := random(seeded(2), 20433, 12)
	describe(b, slabNet(x, 7), x, 1, Options{Quick: true}, func(f *Facts) bool {
		return f.Kind == BlockDiagonal && *f.Rank == f.Units && f.Nonzeros >= 20433
	})
}

// gatePairs returns one hidden layer of a shallow slab: a pair of dense units
// beyond every cut.
func gatePairs(x *mat.Dense, size int) *network.Network {
	n, d := x.Dims()
	t := mat.Col(nil, 0, x)
	sort.Float64s(t)
	cuts := (n - 1) / size
	w, bias := network.NewDense(2*cuts, d, make([]float64, 2*cuts*d)), make([]float64, 2*cuts)
	for k := 0; k < cuts; k++ {
		theta := (t[(k+1)*size-1] + t[(k+1)*size]) / 2
		for half := range 2 {
			w.Row(2*k + half)[0], bias[2*k+half] = 1e7, -1e7*theta
		}
		w.Row(2 * k)[1], bias[2*k] = 1e-3, bias[2*k]+1e-3
	}
	return &network.Network{Layers: []network.Layer{{Map: w, Bias: bias, Act: network.ReLU}, {Map: network.NewDense(1, 2*cuts, make([]float64, 2*cuts))}}}
}

func BenchmarkSlab20433(b *testing.B) {
	x := random(seeded(3), 20433, 12)
	describe(b, gatePairs(x, 6), x, 0, Options{Quick: true}, func(f *Facts) bool {
		return f.Kind == BlockTriangular || f.Kind == DenseKind
	})
}

func BenchmarkSorted20433(b *testing.B) {
	x := random(seeded(4), 20433, 12)
	describe(b, sortedNet(x, random(seeded(5), 1, 12).RawRowView(0), 0, 1), x, 0, Options{Quick: true}, func(f *Facts) bool {
		return f.Kind == Triangular && *f.RankWithBias == 20433
	})
}

func BenchmarkPatch60000x48(b *testing.B) {
	rng := seeded(6)
	x := random(rng, 60000, 50)
	describe(b, shallowNet(rng, 50, 48, 1), x, 0, Options{Quick: true}, func(f *Facts) bool { return *f.Rank == 48 })
}

func BenchmarkFeatures(b *testing.B) {
	rng := seeded(7)
	x := random(rng, 2000, 20)
	describe(b, shallowNet(rng, 20, 2000, 1), x, 0, Options{Quick: true}, func(f *Facts) bool { return f.Density > 0.3 })
}

func BenchmarkSolveFeatures(b *testing.B) {
	rng := seeded(8)
	p := of(b, random(rng, 600, 900), Options{})
	y := random(rng, 600, 1)
	for b.Loop() {
		if s, err := p.Solve(y, SolveOptions{}); err != nil || s.Residual > 1e-9 {
			b.Fatal(s, err)
		}
	}
}

func BenchmarkNormalize(b *testing.B) {
	rng := seeded(9)
	set := &dataset.Set{X: random(rng, 2000, 10), Y: mat.NewDense(2000, 1, nil)}
	net := shallowNet(rng, 10, 300, 1)
	for b.Loop() {
		if f, err := Normalize(net, set); err != nil || len(f.Cuts) == 0 {
			b.Fatal(f, err)
		}
	}
}
