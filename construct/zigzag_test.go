package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// spacedSet is n rows at the places 0..n-1, each moved by up to jitter/2, with p
// random targets in [0, 1).
func spacedSet(t testing.TB, n, p int, jitter float64, seed uint64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, p, nil)
	for i, at := range rng.Perm(n) {
		x.Set(i, 0, (float64(at)+jitter*(rng.Float64()-0.5))/float64(n))
		for o := range p {
			y.Set(i, o, rng.Float64())
		}
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// 4096 random targets in 181 units, the bound of any order of summation far
// below the tolerance, and the error of the plain one below the bound.
func TestZigzag4096(t *testing.T) {
	for _, jitter := range []float64{0, 0.5} {
		set := spacedSet(t, 4096, 1, jitter, 1)
		net, _, bound, err := buildZigzag(&Problem{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		if net.Units() > 182 || len(net.HiddenLayers()) != 2 {
			t.Errorf("%d units in %d hidden layers, want 182 at most in two", net.Units(), len(net.HiddenLayers()))
		}
		if got := errorOf(net, set); bound > 2e-7 || got > bound || got < bound/1e6 {
			t.Errorf("jitter %v: error %g, bound %g", jitter, got, bound)
		}
	}
}

// Rows at random places have narrow gaps: a few more groups, cut where gaps are
// wide, bring the bound down by an order of magnitude.
func TestZigzagCutsAtWideGaps(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 8))
		x, y := mat.NewDense(700, 1, nil), mat.NewDense(700, 1, nil)
		for i := range 700 {
			x.Set(i, 0, rng.Float64())
			y.Set(i, 0, rng.Float64())
		}
		set, err := dataset.New(x, y)
		if err != nil {
			t.Fatal(err)
		}
		p := withDefaults(&Problem{Set: set})
		_, scaled := inputLayer(p)
		dir, err := separatingDirection("zigzag", p, scaled)
		if err != nil {
			t.Fatal(err)
		}
		l, narrowest := dir.points(), [2]float64{}
		for k, design := range []zigzagDesign{zigzagDesigns[0], zigzagDesigns[len(zigzagDesigns)-1]} {
			z := newZigzag(p.Precision, l, 1, design)
			narrowest[k] = math.Inf(1)
			for _, cut := range z.starts[1:z.groups] {
				narrowest[k] = min(narrowest[k], l.t[cut]-l.t[cut-1])
			}
		}
		if narrowest[1] < 2*narrowest[0] {
			t.Errorf("seed %d: the narrowest gap cut is %g wide, %g in equal parts", seed, narrowest[1], narrowest[0])
		}
		net, _, bound, err := buildZigzag(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := errorOf(net, set); bound > 1e-5 || got > bound || net.Units() > 85 {
			t.Errorf("seed %d: %d units, error %g, bound %g", seed, net.Units(), got, bound)
		}
	}
}

func TestZigzagUnits(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {2, 1}, {7, 3}, {100, 1}, {999, 2}, {4096, 1}, {4096, 50}, {50, 100}} {
		m, p := c[0], c[1]
		least := math.MaxInt
		for q := 1; q <= m; q++ {
			least = min(least, 2*(ceilDiv(m, q)-1)+1+p*q)
		}
		groups, size := zigzagShape(m, p)
		if got := 2*(groups-1) + 1 + p*size; got != least || groups*size < m {
			t.Errorf("m=%d p=%d: %d groups of %d make %d units, %d are enough", m, p, groups, size, got, least)
		}
	}
	for _, p := range []int{1, 3, 50} {
		net, err := BuildNamed(&Problem{Set: spacedSet(t, 400, p, 0.5, 2)}, "zigzag")
		if err != nil {
			t.Fatal(err)
		}
		if about := 2 * math.Sqrt(2*400*float64(p)); math.Abs(float64(net.Units())-about) > 4 {
			t.Errorf("p=%d: %d units, about %.0f expected", p, net.Units(), about)
		}
	}
}

// On the rows the function turns only between neighbours of one group and in
// the gaps between groups, and between two neighbours of a group it turns once.
func TestZigzagWalksOnTwoSlopes(t *testing.T) {
	const n = 60
	set := spacedSet(t, n, 1, 0, 3)
	net, err := BuildNamed(&Problem{Set: set}, "zigzag")
	if err != nil {
		t.Fatal(err)
	}
	const fine = 64
	grid := mat.NewDense((n-1)*fine+1, 1, nil)
	for i := range (n-1)*fine + 1 {
		grid.Set(i, 0, float64(i)/fine/n)
	}
	f := net.Forward(grid)
	twoSlopes := 0
	for leg := range n - 1 {
		turns := 0
		for k := 1; k < fine; k++ {
			i := leg*fine + k
			if math.Abs(f.At(i+1, 0)-2*f.At(i, 0)+f.At(i-1, 0)) > 1e-9 {
				turns++
			}
		}
		if turns <= 2 { // a turn shows at one or two places of the grid
			twoSlopes++
		}
	}
	groups, _ := zigzagShape(n, 1)
	if want := n - groups; twoSlopes < want {
		t.Errorf("%d legs turn once, want %d", twoSlopes, want)
	}
}

// Any number of classes costs one output.
func TestZigzagClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	units := map[int]int{}
	for _, k := range []int{2, 3, 26} {
		set := spacedSet(t, 300, 1, 0.5, 9)
		class, names := make([]int, 300), make([]string, k)
		for c := range names {
			names[c] = fmt.Sprint(c)
		}
		for i := range class {
			class[i] = rng.IntN(k)
		}
		labelled, err := dataset.NewClasses(set.X, class, names)
		if err != nil {
			t.Fatal(err)
		}
		net, err := BuildNamed(&Problem{Set: labelled}, "zigzag")
		if err != nil {
			t.Fatal(err)
		}
		units[net.Units()]++
		if net.Outputs() != k {
			t.Errorf("%d outputs for %d classes", net.Outputs(), k)
		}
		out := net.Forward(labelled.X)
		for i, own := range class {
			for c, v := range out.RawRowView(i) {
				if c != own && out.At(i, own)-v < 0.99 {
					t.Fatalf("k=%d row %d: class %d wins by %g over %d", k, i, own, out.At(i, own)-v, c)
				}
			}
		}
	}
	if len(units) != 1 {
		t.Errorf("the number of classes changed the units: %v", units)
	}
}

func TestZigzagSaysWhereSlabIsSmaller(t *testing.T) {
	for _, c := range []struct {
		d    int
		want string
	}{{1, "not here, with 2 against 12.3"}, {20, "here, with 21 against 12.3"}} {
		for _, e := range Plan(&Problem{Set: randomSet(t, 1, 300, c.d, 1), Tolerance: 0.5}) {
			if e.Name == "zigzag" && !strings.Contains(e.Note, c.want) {
				t.Errorf("d=%d: the plan says %q", c.d, e.Note)
			}
		}
	}
}

func TestZigzagFloat32(t *testing.T) {
	set, err := spacedSet(t, 24, 1, 0.5, 6).Rounded()
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{Set: set, Precision: network.Float32, Tolerance: 1e-2}
	net, _, bound, err := buildZigzag(p)
	if err != nil {
		t.Fatal(err)
	}
	net.Precision = network.Float32
	net.Round()
	if got := errorOf(net, set); got > bound {
		t.Errorf("error %g, bound %g", got, bound)
	}
}

func BenchmarkZigzag(b *testing.B) {
	p := &Problem{Set: smoothSet(b, 100_000, 1), Tolerance: 1}
	for b.Loop() {
		if _, _, _, err := buildZigzag(p); err != nil {
			b.Fatal(err)
		}
	}
}
