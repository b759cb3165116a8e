package phi

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/network"
)

// planted returns U diag(sigma) V^T (n x m) with random orthonormal U and V.
func planted(rng *rand.Rand, n, m int, sigma []float64) *mat.Dense {
	orthonormal := func(n int) *mat.Dense {
		var qr mat.QR
		qr.Factorize(random(rng, n, n))
		var q mat.Dense
		qr.QTo(&q)
		return mat.DenseCopyOf(q.Slice(0, n, 0, len(sigma)))
	}
	u := orthonormal(n)
	for k, s := range sigma {
		for i := 0; i < n; i++ {
			u.Set(i, k, u.At(i, k)*s)
		}
	}
	var a mat.Dense
	a.Mul(u, orthonormal(m).T())
	return &a
}

// The rank is found with its gap when the last singular value is planted far
// below the first and the next one is rounding.
func TestPlantedRank(t *testing.T) {
	for _, ratio := range []float64{1e-3, 1e-6, 1e-9} {
		for _, shape := range [][3]int{{20, 20, 7}, {200, 30, 29}, {30, 200, 11}, {50, 50, 50}, {1, 1, 1}, {5, 1, 1}, {1, 5, 1}} {
			n, m, r := shape[0], shape[1], shape[2]
			t.Run(fmt.Sprintf("%g/%dx%d/%d", ratio, n, m, r), func(t *testing.T) {
				sigma := make([]float64, r)
				for k := range sigma {
					sigma[k] = 3
				}
				if r > 1 {
					sigma[r-1] = 3 * ratio
				}
				got := of(t, planted(seeded(uint64(n)), n, m, sigma), Options{}).Rank()
				if got.Rank != r || math.Abs(got.First-3) > 1e-12 || math.Abs(got.Last-sigma[r-1]) > 1e-13 {
					t.Fatalf("%v, want rank %d with sigma %v", got, r, sigma[r-1])
				}
				if got.Gap() < 100 || got.Next > got.Tolerance {
					t.Errorf("gap %v, next %v, tolerance %v", got.Gap(), got.Next, got.Tolerance)
				}
			})
		}
	}
}

// The tolerance decides, and is reported.
func TestRankTolerance(t *testing.T) {
	a := planted(seeded(1), 10, 10, []float64{1, 1e-2, 1e-4, 1e-6})
	for _, c := range []struct {
		tolerance float64
		want      int
	}{{1e-1, 1}, {1e-3, 2}, {1e-5, 3}, {1e-7, 4}, {0, 4}} {
		r := of(t, a, Options{Tolerance: c.tolerance}).Rank()
		if r.Rank != c.want || r.Last <= r.Tolerance || r.Next > r.Tolerance {
			t.Errorf("tolerance %g: %v, want %d", c.tolerance, r, c.want)
		}
	}
}

// sparseBlocks returns a random permutation of a direct sum of random blocks,
// and its rank. Rows and columns of zeros are strewn in.
func sparseBlocks(rng *rand.Rand, blocks int) (a *mat.Dense, rank int, shapes [][3]int) {
	n, m := rng.IntN(3), rng.IntN(3)
	for k := 0; k < blocks; k++ {
		s := [3]int{1 + rng.IntN(5), 1 + rng.IntN(5), 0}
		s[2] = 1 + rng.IntN(min(s[0], s[1]))
		n, m, rank = n+s[0], m+s[1], rank+s[2]
		shapes = append(shapes, s)
	}
	a = mat.NewDense(n, m, nil)
	rows, cols := rng.Perm(n), rng.Perm(m)
	i, j := 0, 0
	for _, s := range shapes {
		var b mat.Dense
		b.Mul(random(rng, s[0], s[2]), random(rng, s[2], s[1]))
		for r := 0; r < s[0]; r++ {
			for c := 0; c < s[1]; c++ {
				a.Set(rows[i+r], cols[j+c], b.At(r, c))
			}
		}
		i, j = i+s[0], j+s[1]
	}
	return a, rank, shapes
}

// Every method agrees with the singular values of the whole matrix.
func TestRankMethodsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		a, rank, _ := sparseBlocks(rng, rapid.IntRange(1, 6).Draw(t, "blocks"))
		n, _ := a.Dims()
		p, err := New(a, Options{Tolerance: 1e-10})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Rank(); r.Rank != rank {
			t.Fatalf("%v, planted %d", r, rank)
		}
		want := p.RankWithBias()
		s := p.nonzeros(math.MaxInt)
		for _, ones := range []bool{false, true} {
			expected, upper := rank, min(n, rank)
			if ones {
				expected, upper = want.Rank, n
			}
			_ = upper
			r := newRank(p, ones)
			if !p.rankByBlocks(r, s, ones) || r.Rank != expected {
				t.Fatalf("ones %v, blocks: %v, want %d", ones, r, expected)
			}
			r = newRank(p, ones)
			if p.rankByElimination(r, s, ones) && r.Known() && r.Rank != expected || r.Lower > expected || r.Upper < expected {
				t.Fatalf("ones %v, elimination: %v, want %d", ones, r, expected)
			}
			r = newRank(p, ones)
			if p.rankByStaircase(r, ones) && r.Rank != expected || r.Lower > expected || r.Upper < expected {
				t.Fatalf("ones %v, staircase: %v, want %d", ones, r, expected)
			}
			r = newRank(p, ones)
			if !p.rankByQR(r, ones, p.m+boolInt(ones)) || r.Rank != expected {
				t.Fatalf("ones %v, QR: %v, want %d", ones, r, expected)
			}
		}
	})
}

func newRank(p *Matrix, ones bool) *Rank {
	return &Rank{Rank: -1, Upper: min(p.n, p.m+boolInt(ones)), First: math.NaN(), Last: math.NaN(), Next: math.NaN()}
}

// A tall matrix is reduced in blocks of rows, whatever its form.
func TestRankStreamed(t *testing.T) {
	rng := seeded(8)
	x := random(rng, 3000, 3)
	net := shallowNet(rng, 3, 20, 1)
	whole := build(t, net, x, 0, Options{})
	streamed := build(t, net, x, 0, Options{MaxElements: 5000})
	if streamed.Form() != StreamedForm {
		t.Fatalf("form %s", streamed.Form())
	}
	a, b := whole.RankWithBias(), streamed.RankWithBias()
	if a.Rank != b.Rank || math.Abs(a.Last-b.Last) > 1e-9*a.First || math.Abs(a.First-b.First) > 1e-9*a.First {
		t.Errorf("dense %v, streamed %v", a, b)
	}
}

// Units along one projection: the proven rank from thresholds is that of the
// singular values.
func TestLadderRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(2, 12).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		x := mat.NewDense(n, 1, nil)
		for i := 0; i < n; i++ {
			x.Set(i, 0, float64(rapid.IntRange(0, n).Draw(t, "x")))
		}
		pick, scale, bias := make([]int32, m), make([]float64, m), make([]float64, m)
		for u := range scale {
			scale[u] = float64(rapid.SampledFrom([]int{1, 2, -1, 0}).Draw(t, "scale"))
			bias[u] = float64(rapid.IntRange(-8*n, 8*n).Draw(t, "bias")) / 4
		}
		net := &network.Network{Layers: []network.Layer{
			{Map: &network.Projected{P: network.NewDense(1, 1, []float64{1}), Pick: pick, Scale: scale}, Bias: bias, Act: network.ReLU},
			{Map: network.NewDense(1, m, make([]float64, m))}}}
		c, ok := readCoordinates(net, x, 0)
		if !ok {
			t.Fatal("no coordinates")
		}
		lower, upper, ok := newLadder(c).rankBounds()
		if !ok {
			return // every unit is dead or always on
		}
		p, err := Build(net, x, 0, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.RankWithBias(); r.Rank < lower || r.Rank > upper {
			t.Fatalf("between %d and %d, but %v", lower, upper, r)
		}
		if upper-lower > 1+m {
			t.Fatalf("bounds %d and %d are empty", lower, upper)
		}
	})
}

// The sorted construction has full rank, seen without its numbers.
func TestSortedRank(t *testing.T) {
	rng := seeded(5)
	x := random(rng, 5000, 3)
	for _, c := range []struct{ fraction, sign float64 }{{0, 1}, {0.5, 1}, {0.5, -1}} {
		net := sortedNet(x, []float64{1, -0.5, 0.25}, c.fraction, c.sign)
		p := build(t, net, x, 0, Options{MaxElements: 20000})
		r := p.RankWithBias()
		if p.Form() != LadderForm || r.Rank != 5000 {
			t.Errorf("%+v: %s, %v", c, p.Form(), r)
		}
		if k := p.Classify(nil); k.Kind != Triangular || k.Class != Universal {
			t.Errorf("%+v: %v", c, k)
		}
	}
}

// The estimates of the extreme singular values of a triangular matrix are of
// the right size.
func TestTriangularEstimate(t *testing.T) {
	rng := seeded(6)
	n := 60
	a := mat.NewDense(n, n, nil)
	rows, cols := rng.Perm(n), rng.Perm(n)
	for i := 0; i < n; i++ {
		for j := 0; j <= i; j++ {
			if i == j || rng.IntN(4) == 0 {
				a.Set(rows[i], cols[j], 0.1+rng.Float64())
			}
		}
	}
	p := of(t, a, Options{})
	exact, s := p.Rank(), p.nonzeros(math.MaxInt)
	r := newRank(p, false)
	if !p.rankByElimination(r, s, false) || r.Rank != n {
		t.Fatalf("%v", r)
	}
	if r.First > exact.First*(1+1e-9) || r.First < 0.8*exact.First || r.Last < exact.Last*(1-1e-6) || r.Last > 2*exact.Last {
		t.Errorf("estimated %v, exact %v", r, exact)
	}
}
