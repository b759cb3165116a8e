package construct

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
)

// loose returns n x d gaussian rows to hit, with a limit that lets blocks fill up.
func loose(t *testing.T, seed uint64, n, d, outputs int) (*Problem, *mat.Dense, *rowsToHit) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	s, err := dataset.New(gaussian(rng, n, d), gaussian(rng, n, outputs))
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{Set: s, Seed: seed}
	_, x := inputLayer(p)
	limit := make([]float64, outputs)
	for k := range limit {
		limit[k] = 1e-6
	}
	return p, x, newRowsToHit(x, newShift(p).z, nil, network.Float64, limit)
}

// TestPieceHoldsRankRows: d+1 rows in general position fill a piece, and the
// rows before do not notice those that come later.
func TestPieceHoldsRankRows(t *testing.T) {
	const d = 6
	_, _, r := loose(t, 1, 40, d, 2)
	c := r.newPiece()
	for i := range d + 1 {
		if !c.add(i) {
			t.Fatalf("row %d of %d does not fit", i, d+1)
		}
	}
	before := mat.DenseCopyOf(c.w)
	if c.add(d + 1) {
		t.Errorf("a piece of %d parameters hits %d rows", d+1, d+2)
	}
	if !mat.Equal(before, c.w) {
		t.Error("a row that does not fit changed the piece")
	}
	c.refine()
	for i := range d + 1 {
		for k := range 2 {
			if miss := math.Abs(inner(c.w.RawRowView(k), r.phi.RawRowView(i)) - r.z.At(i, k)); miss > 1e-12 {
				t.Errorf("row %d, output %d is missed by %g", i, k, miss)
			}
		}
	}
}

// TestDependentRowsAreFree: rows between rows that are hit already cost nothing
// when they agree, and end the block when they do not.
func TestDependentRowsAreFree(t *testing.T) {
	_, _, r := loose(t, 2, 10, 8, 1)
	mix := func(i, a, b int, z float64) {
		for j := range r.phi.RawRowView(i) {
			r.phi.Set(i, j, (r.phi.At(a, j)+r.phi.At(b, j))/2)
			r.cost.Set(i, j, 12*math.Abs(r.phi.At(i, j)))
		}
		r.z.Set(i, 0, z)
	}
	half := (r.z.At(0, 0) + r.z.At(1, 0)) / 2
	mix(2, 0, 1, half)
	mix(3, 0, 1, half+0.01)
	c := r.newPiece()
	for i := range 3 {
		if !c.add(i) {
			t.Fatalf("row %d does not fit", i)
		}
	}
	if len(c.basis) != 2 {
		t.Errorf("%d directions for 3 rows in a plane", len(c.basis))
	}
	if c.add(3) {
		t.Error("a row fits that contradicts the ones before")
	}
}

// TestCutsAreGreedyAndWide: every cut leaves a gap, every row is in one block,
// no block could take one more row, and spare rows buy wider gaps.
func TestCutsAreGreedyAndWide(t *testing.T) {
	p, x, r := loose(t, 3, 300, 4, 1)
	narrowest := func(spare float64) (*slabs, float64) {
		s := newSlabs(p, x, slabDirection(p, 4, 0))
		s.spare = spare
		if at := s.cut(r, 300); at >= 0 {
			t.Fatalf("stuck at %d", at)
		}
		least := math.Inf(1)
		for _, cut := range s.starts[1:s.count()] {
			least = min(least, s.gap(cut))
		}
		return s, least
	}
	s, least := narrowest(0)
	if s.starts[0] != 0 || s.starts[s.count()] != 300 {
		t.Errorf("blocks cover %d to %d", s.starts[0], s.starts[s.count()])
	}
	for k := range s.count() - 1 {
		c := r.newPiece()
		for at := s.starts[k]; at < s.starts[k+1]; at++ {
			if !c.add(s.along.order[at]) {
				t.Fatalf("block %d does not hold its rows", k)
			}
		}
		if c.add(s.along.order[s.starts[k+1]]) {
			t.Errorf("block %d could hold one row more", k)
		}
	}
	wide, wider := narrowest(0.5)
	if wide.count() < s.count() || !(wider > least) {
		t.Errorf("with rows to spare %d blocks with gaps from %g, without %d from %g", wide.count(), wider, s.count(), least)
	}
}

// TestThresholdsSeparateInAnyOrder sums u.x in many orders in float32: none
// leaves the side of its cut.
func TestThresholdsSeparateInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	s, err := dataset.New(gaussian(rng, 200, 7), gaussian(rng, 200, 1))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Rounded(); err != nil {
		t.Fatal(err)
	}
	p := &Problem{Set: s, Precision: network.Float32}
	_, x := inputLayer(p)
	sl := newSlabs(p, x, slabDirection(p, 7, 0))
	for range 50 {
		order := rng.Perm(7)
		for at, i := range sl.along.order {
			var sum float32
			for _, j := range order {
				sum += float32(sl.along.u[j]) * float32(x.At(i, j))
			}
			if v := float64(sum); v > sl.below[at+1] || v < sl.above[at] {
				t.Fatalf("row %d: %g outside %g..%g", i, v, sl.above[at], sl.below[at+1])
			}
		}
	}
}

// TestBlocksDoNotDependOnTheEngine: the kernels that sum in other orders lead to
// the same network, bit for bit.
func TestBlocksDoNotDependOnTheEngine(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s, err := dataset.New(gaussian(rng, 700, 6), gaussian(rng, 700, 2))
	if err != nil {
		t.Fatal(err)
	}
	builds := []func(*Problem) (*network.Network, error){buildDeepSlab, buildNeedles}
	var before [2][32]byte
	for k, build := range builds {
		net, err := build(&Problem{Set: s})
		if err != nil {
			t.Fatal(err)
		}
		before[k] = net.Digest()
	}
	if _, err := blas.Use(); err != nil || !blas.Fast() {
		t.Skip("no second engine on this machine")
	}
	for k, build := range builds {
		net, err := build(&Problem{Set: s})
		if err != nil {
			t.Fatal(err)
		}
		if net.Digest() != before[k] {
			t.Errorf("network %d differs with %s", k, blas.Engine())
		}
	}
}
