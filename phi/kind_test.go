package phi

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// shuffled permutes rows and columns.
func shuffled(rng *rand.Rand, a *mat.Dense) *mat.Dense {
	n, m := a.Dims()
	b := mat.NewDense(n, m, nil)
	rows, cols := rng.Perm(n), rng.Perm(m)
	for i := 0; i < n; i++ {
		for j := 0; j < m; j++ {
			b.Set(rows[i], cols[j], a.At(i, j))
		}
	}
	return b
}

// Small matrices worked by hand.
func TestKindByHand(t *testing.T) {
	for _, c := range []struct {
		name       string
		rows, cols int
		a          []float64
		kind       Kind
		structural int
	}{
		{"one number", 1, 1, []float64{2}, Diagonal, 1},
		{"one zero", 1, 1, []float64{0}, Zero, 0},
		{"all zero", 2, 3, make([]float64, 6), Zero, 0},
		{"one row", 1, 3, []float64{1, 2, 3}, Triangular, 1},
		{"one column", 3, 1, []float64{1, 2, 3}, Triangular, 1},
		{"identity with a dead unit", 2, 3, []float64{0, 0, 5, 7, 0, 0}, Diagonal, 2},
		{"triangle", 3, 3, []float64{1, 0, 0, 1, 1, 0, 1, 1, 1}, Triangular, 3},
		{"two blocks", 4, 3, []float64{1, 0, 0, 1, 0, 0, 0, 1, 2, 0, 2, 1}, BlockDiagonal, 3},
		{"two blocks coupled", 4, 4, []float64{1, 2, 0, 0, 2, 1, 0, 0, 1, 0, 1, 2, 0, 0, 2, 1}, BlockTriangular, 4},
		{"full", 3, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8, 10}, DenseKind, 3},
		{"zero rows beside a full block", 4, 2, []float64{1, 2, 0, 0, 2, 1, 0, 0}, DenseKind, 2},
		{"steps of two", 4, 4, []float64{1, 2, 0, 0, 2, 1, 0, 0, 1, 1, 1, 2, 1, 1, 2, 1}, BlockTriangular, 4},
	} {
		p := of(t, mat.NewDense(c.rows, c.cols, c.a), Options{})
		k := p.Classify(nil)
		if k.Kind != c.kind || *k.Structural != c.structural {
			t.Errorf("%s: %v, structural rank %d, want %s, %d", c.name, k, *k.Structural, c.kind, c.structural)
		}
		if r := p.Rank(); r.Rank > c.structural {
			t.Errorf("%s: %v over the structural rank %d", c.name, r, c.structural)
		}
	}
}

// Units awake on all rows are an affine term: the rest is named.
func TestAlwaysOnFolded(t *testing.T) {
	a := mat.NewDense(4, 6, []float64{
		5, 3, 1, 0, 0, 0,
		6, 1, 0, 1, 0, 0,
		7, 4, 0, 0, 1, 0,
		8, 2, 0, 0, 0, 1,
	})
	k := of(t, a, Options{}).Classify(nil)
	if k.Kind != Diagonal || !strings.Contains(k.Detail, "2 units awake on all rows") {
		t.Errorf("%v", k)
	}
	b := mat.NewDense(6, 5, []float64{
		5, 1, 2, 0, 0,
		6, 2, 1, 0, 0,
		7, 1, 1, 0, 0,
		8, 0, 0, 1, 2,
		3, 0, 0, 2, 1,
		4, 0, 0, 1, 1,
	})
	k = of(t, b, Options{}).Classify(nil)
	if k.Kind != BlockDiagonal || !strings.Contains(k.Detail, "1 units awake on all rows") {
		t.Errorf("%v", k)
	}
}

// Planted shapes are found after any permutation.
func TestPlantedKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n := rapid.IntRange(4, 25).Draw(t, "n")
		kind := rapid.SampledFrom([]Kind{Diagonal, Triangular, BlockDiagonal, BlockTriangular, DenseKind}).Draw(t, "kind")
		a := mat.NewDense(n, n, nil)
		half := rapid.IntRange(2, n-2).Draw(t, "half")
		a.Apply(func(i, j int, _ float64) float64 {
			same := (i < half) == (j < half)
			keep := map[Kind]bool{Diagonal: i == j, Triangular: i >= j, BlockDiagonal: same, BlockTriangular: same || i >= half, DenseKind: true}
			if keep[kind] {
				return 0.1 + rng.Float64()
			}
			return 0
		}, a)
		p, err := New(shuffled(rng, a), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if k := p.Classify(nil); k.Kind != kind || *k.Structural != n {
			t.Fatalf("%v, planted %s (split at %d)", k, kind, half)
		}
	})
}

// The elimination's witness is a triangle, the decomposition's a block
// triangle, and the structural rank bounds the rank.
func TestWitnesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, m := rapid.IntRange(1, 20).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "m")
		fill := rapid.Float64Range(0, 0.4).Draw(t, "fill")
		a := mat.NewDense(n, m, nil)
		a.Apply(func(int, int, float64) float64 {
			if rng.Float64() < fill {
				return rng.NormFloat64()
			}
			return 0
		}, a)
		p, err := New(a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		structural, _ := p.StructuralRank()
		if want := bruteMatching(a); structural != want {
			t.Fatalf("structural rank %d, by augmenting paths %d", structural, want)
		}
		if r := p.Rank(); r.Rank > structural {
			t.Fatalf("%v over the structural rank %d", r, structural)
		}
		checkElimination(t, p, a, structural)
		checkDecomposition(t, p, a, structural)
		checkBlocks(t, p, a)
	})
}

func checkElimination(t *rapid.T, p *Matrix, a *mat.Dense, structural int) {
	e, _ := p.Eliminate()
	core := map[int]bool{}
	for _, j := range e.CoreUnits {
		core[j] = true
	}
	for k, i := range e.Rows {
		if a.At(i, e.Units[k]) == 0 {
			t.Fatal("a pivot is zero")
		}
		for l := k + 1; e.Complete() && l < len(e.Units); l++ {
			if a.At(i, e.Units[l]) != 0 {
				t.Fatalf("the elimination is not triangular: row %d, unit %d", i, e.Units[l])
			}
		}
	}
	if e.Complete() && len(e.Rows) != structural {
		t.Fatalf("%d pivots, structural rank %d", len(e.Rows), structural)
	}
}

func checkDecomposition(t *rapid.T, p *Matrix, a *mat.Dense, structural int) {
	n, m := a.Dims()
	d, _ := p.Decompose()
	if d.StructuralRank != structural || len(d.Rows) != n || len(d.Units) != m {
		t.Fatalf("decomposition of %d rows, %d units, rank %d", len(d.Rows), len(d.Units), d.StructuralRank)
	}
	seen := map[int]bool{}
	for k, end := range d.RowEnd {
		from := 0
		if k > 0 {
			from = d.RowEnd[k-1]
		}
		for _, i := range d.Rows[from:end] {
			if seen[i] {
				t.Fatalf("row %d stands twice", i)
			}
			seen[i] = true
			for _, j := range d.Units[d.UnitEnd[k]:] {
				if a.At(i, j) != 0 {
					t.Fatalf("row %d of block %d has a nonzero in a later block", i, k)
				}
			}
		}
	}
}

func checkBlocks(t *rapid.T, p *Matrix, a *mat.Dense) {
	blocks, _ := p.Blocks()
	rowOf, colOf := map[int]int{}, map[int]int{}
	for k, b := range blocks {
		for _, i := range b.Rows {
			rowOf[i] = k + 1
		}
		for _, j := range b.Units {
			colOf[j] = k + 1
		}
	}
	n, m := a.Dims()
	for i := 0; i < n; i++ {
		for j := 0; j < m; j++ {
			if a.At(i, j) != 0 && (rowOf[i] == 0 || rowOf[i] != colOf[j]) {
				t.Fatalf("entry (%d, %d) joins blocks %d and %d", i, j, rowOf[i], colOf[j])
			}
		}
	}
}

// bruteMatching is the augmenting path algorithm in its simplest form.
func bruteMatching(a *mat.Dense) int {
	n, m := a.Dims()
	mate := filled(m)
	var try func(i int, seen []bool) bool
	try = func(i int, seen []bool) bool {
		for j := 0; j < m; j++ {
			if a.At(i, j) == 0 || seen[j] {
				continue
			}
			seen[j] = true
			if mate[j] < 0 || try(int(mate[j]), seen) {
				mate[j] = int32(i)
				return true
			}
		}
		return false
	}
	count := 0
	for i := 0; i < n; i++ {
		if try(i, make([]bool, m)) {
			count++
		}
	}
	return count
}

// The facts of every form marshal to JSON and print themselves.
func TestFacts(t *testing.T) {
	rng := seeded(12)
	x := random(rng, 50, 2)
	for name, p := range map[string]*Matrix{
		"dense":    of(t, random(rng, 5, 4), Options{}),
		"zero":     of(t, mat.NewDense(2, 2, nil), Options{}),
		"gates":    build(t, gateNet(rng, x, 2, 0), x, 1, Options{MaxElements: 500}),
		"ladder":   build(t, sortedNet(x, []float64{1, 2}, 0, 1), x, 0, Options{MaxElements: 500}),
		"streamed": build(t, shallowNet(rng, 2, 70, 1), x, 0, Options{MaxElements: 500}),
	} {
		f := p.Facts(nil)
		if _, err := json.Marshal(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := f.String(); !strings.Contains(s, string(f.Kind)) || strings.Count(s, "\n") < 4 {
			t.Errorf("%s prints as %q", name, s)
		}
	}
}
