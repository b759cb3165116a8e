package phi

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/dataset"
	"hinge/network"
)

// parts is a one-hidden-layer network taken apart.
type parts struct {
	d, p int
	w, a [][]float64 // per unit: d inputs, p outputs
	b    []float64
	c    []float64
}

func takeApart(net *network.Network) *parts {
	hidden, out := net.Layers[0].Map.(*network.Dense), net.Layers[1].Map.(*network.Dense)
	q := &parts{d: hidden.In, p: out.Out, b: append([]float64(nil), net.Layers[0].Bias...), c: append([]float64(nil), net.Layers[1].Bias...)}
	for u := 0; u < hidden.Out; u++ {
		q.w = append(q.w, append([]float64(nil), hidden.Row(u)...))
		a := make([]float64, q.p)
		for o := range a {
			a[o] = out.Row(o)[u]
		}
		q.a = append(q.a, a)
	}
	return q
}

func (q *parts) network() *network.Network {
	m := len(q.b)
	hidden, out := network.NewDense(m, q.d, make([]float64, m*q.d)), network.NewDense(q.p, m, make([]float64, q.p*m))
	for u := range q.b {
		copy(hidden.Row(u), q.w[u])
		for o, v := range q.a[u] {
			out.Row(o)[u] = v
		}
	}
	return &network.Network{Layers: []network.Layer{{Map: hidden, Bias: q.b, Act: network.ReLU}, {Map: out, Bias: q.c}}}
}

func times(v []float64, by float64) []float64 {
	r := make([]float64, len(v))
	for k := range v {
		r[k] = by * v[k]
	}
	return r
}

func (q *parts) add(w []float64, b float64, a []float64) {
	q.w, q.b, q.a = append(q.w, w), append(q.b, b), append(q.a, a)
}

// disguise rewrites a network without changing it on rows with |x| <= reach.
func (q *parts) disguise(rng *rand.Rand, reach float64) {
	for u := range q.b { // scale
		by := math.Exp(3 * rng.NormFloat64())
		q.w[u], q.b[u], q.a[u] = times(q.w[u], by), q.b[u]*by, times(q.a[u], 1/by)
	}
	for u := range len(q.b) {
		switch rng.IntN(4) {
		case 0: // split in two
			q.add(times(q.w[u], 2), 2*q.b[u], times(q.a[u], 1.0/8))
			q.a[u] = times(q.a[u], 0.75)
		case 1: // turn: a s(z) = a s(-z) + a s(z + K) - a K
			lift := 2*reach*norm(q.w[u]) + 2*math.Abs(q.b[u])
			q.add(times(q.w[u], -1), -q.b[u], q.a[u])
			for o, v := range q.a[u] {
				q.c[o] -= v * lift
			}
			q.b[u] += lift
		}
	}
	dead := make([]float64, q.d)
	dead[0] = 1
	q.add(dead, -2*reach, make([]float64, q.p))
	q.a[len(q.a)-1][0] = 7
	q.add(times(dead, 0.3), 0.1, make([]float64, q.p)) // no output weight
	q.add(make([]float64, q.d), 2, times(q.c, 0.25))   // a constant
	for o := range q.c {
		q.c[o] -= q.c[o] / 2
	}
	rng.Shuffle(len(q.b), func(i, j int) {
		q.w[i], q.w[j] = q.w[j], q.w[i]
		q.a[i], q.a[j] = q.a[j], q.a[i]
		q.b[i], q.b[j] = q.b[j], q.b[i]
	})
}

func randomSet(t interface{ Fatal(...any) }, rng *rand.Rand, n, d, p int) (*dataset.Set, float64) {
	set, err := dataset.New(random(rng, n, d), random(rng, n, p))
	if err != nil {
		t.Fatal(err)
	}
	reach := 0.0
	for i := 0; i < n; i++ {
		reach = max(reach, norm(set.X.RawRowView(i)))
	}
	return set, reach
}

// Scaled, split, turned, padded and permuted copies are equal; the normalized
// form keeps the function on the data, as numbers and as a network.
func TestNormalizeKeepsTheFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		n, d := rapid.IntRange(1, 25).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "d")
		m, p := rapid.IntRange(1, 12).Draw(t, "m"), rapid.IntRange(1, 3).Draw(t, "p")
		set, reach := randomSet(t, rng, n, d, p)
		net := shallowNet(rng, d, m, p)
		if rapid.Bool().Draw(t, "on the data") { // thresholds on rows
			x := set.X.RawRowView(0)
			for u := range net.Layers[0].Bias {
				net.Layers[0].Bias[u] = -dot(net.Layers[0].Map.(*network.Dense).Row(u), x)
			}
		}
		want := net.Forward(set.X)
		q := takeApart(net)
		q.disguise(rng, reach)
		other := q.network()
		if e := distance(other.Forward(set.X), want); e > 1e-9*(1+largestEntry(want))*100 {
			t.Fatalf("the disguise changes the function by %g", e)
		}
		diff, err := Equal(net, other, set)
		if err != nil || !diff.Equal || !diff.SameOnData {
			t.Fatalf("%v, %v", diff, err)
		}
		f, err := Normalize(other, set)
		if err != nil {
			t.Fatal(err)
		}
		checkNormal(t, f, want, set)
	})
}

func checkNormal(t *rapid.T, f *Normal, want *mat.Dense, set *dataset.Set) {
	scale := 1 + f.scale
	for i := 0; i < f.N; i++ {
		for o, v := range f.At(i) {
			if math.Abs(v-want.At(i, o)) > 1e-10*scale {
				t.Fatalf("row %d: normalized %v, network %v", i, v, want.At(i, o))
			}
		}
	}
	net := f.Network()
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	if e := distance(net.Forward(set.X), want); e > 1e-6*scale {
		t.Fatalf("the normalized network is off by %g (scale %g)", e, scale)
	}
	diff := f.Compare(f)
	if !diff.Equal || diff.Largest != 0 {
		t.Fatalf("a form differs from itself: %v", diff)
	}
}

// A changed unit, bias or cut is found and named.
func TestNormalFormsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := newRand(t)
		d, p := rapid.IntRange(1, 3).Draw(t, "d"), rapid.IntRange(1, 2).Draw(t, "p")
		set, reach := randomSet(t, rng, 20, d, p)
		q := takeApart(shallowNet(rng, d, 6, p))
		net := q.network()
		r := takeApart(net)
		r.disguise(rng, reach)
		r.c[0] += 1e-3
		diff, err := Equal(net, r.network(), set)
		if err != nil || diff.Equal || diff.SameOnData || diff.Reason == "" || math.Abs(diff.Largest-1e-3) > 1e-9 {
			t.Fatalf("a changed bias: %v, %v", diff, err)
		}
		// A unit more, awake on the upper half of the rows along a direction.
		w := random(rng, 1, d).RawRowView(0)
		z := make([]float64, 20)
		for i := range z {
			z[i] = dot(w, set.X.RawRowView(i))
		}
		middle := append([]float64(nil), z...)
		r = takeApart(net)
		r.add(w, -median(middle), times(unitVector(p, 0), 0.5))
		diff, err = Equal(net, r.network(), set)
		if err != nil || diff.Equal || diff.SameOnData || diff.Reason == "" {
			t.Fatalf("a unit more: %v, %v", diff, err)
		}
	})
}

func median(z []float64) float64 {
	for i := range z {
		for j := i; j > 0 && z[j] < z[j-1]; j-- {
			z[j], z[j-1] = z[j-1], z[j]
		}
	}
	return (z[len(z)/2-1] + z[len(z)/2]) / 2
}

// Two hyperplanes that part the rows alike, worked by hand: rows 0, 1, 2, 3;
// 3 s(x - 1.2) - 2 s(x - 1.6) is 1.2, 2.2... on the rows 2 and 3, and so is the
// single unit s(x - 0.8) there, but that one also adds 0.2 on row 1.
func TestNormalizeByHand(t *testing.T) {
	x := mat.NewDense(4, 1, []float64{0, 1, 2, 3})
	set, err := dataset.New(x, mat.NewDense(4, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	two := &parts{d: 1, p: 1, w: [][]float64{{1}, {1}}, b: []float64{-1.2, -1.6}, a: [][]float64{{3}, {-2}}, c: []float64{0}}
	f, err := Normalize(two.network(), set)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Cuts) != 1 || f.Cuts[0].Merged != 2 || f.Cuts[0].Single || !equalInts(f.Cuts[0].Rows, []int{2, 3}) {
		t.Fatalf("%v", f)
	}
	c := f.Cuts[0]
	if math.Abs(c.U.At(0, 0)-1) > 1e-12 || math.Abs(c.U.At(1, 0)+0.4) > 1e-12 { // x - 0.4
		t.Errorf("U = %v", mat.Formatted(c.U))
	}
	net := f.Network()
	if got := net.Units(); got != 2 {
		t.Errorf("a gate pair has %d units", got)
	}
	if e := distance(net.Forward(x), two.network().Forward(x)); e > 1e-12 {
		t.Errorf("off by %g", e)
	}
	if !strings.Contains(f.String(), "1 cuts") {
		t.Errorf("prints as %q", f)
	}
	// A knot on a row: both sides of it are one hyperplane.
	right := &parts{d: 1, p: 1, w: [][]float64{{2}}, b: []float64{-2}, a: [][]float64{{1}}, c: []float64{0}}
	left := &parts{d: 1, p: 1, w: [][]float64{{-1}, {1}}, b: []float64{1, 1}, a: [][]float64{{2}, {2}}, c: []float64{-4}}
	diff, err := Equal(right.network(), left.network(), set)
	if err != nil || !diff.Equal {
		t.Errorf("s(2x - 2) against 2 s(1 - x) + 2 s(x + 1) - 4: %v, %v", diff, err)
	}
}

// Different cuts with the same values are told from different functions.
func TestSameValuesOtherCuts(t *testing.T) {
	x := mat.NewDense(2, 1, []float64{0, 1})
	set, err := dataset.New(x, mat.NewDense(2, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	affine := &parts{d: 1, p: 1, w: [][]float64{{1}}, b: []float64{1}, a: [][]float64{{1}}, c: []float64{-1}}
	kink := &parts{d: 1, p: 1, w: [][]float64{{1}}, b: []float64{-0.5}, a: [][]float64{{2}}, c: []float64{0}}
	diff, err := Equal(affine.network(), kink.network(), set)
	if err != nil || diff.Equal || !diff.SameOnData || !strings.Contains(diff.Reason, "second") {
		t.Errorf("%v, %v", diff, err)
	}
}

func TestNormalizeShapes(t *testing.T) {
	rng := seeded(2)
	set, _ := randomSet(t, rng, 10, 2, 1)
	deep := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(3, 2, make([]float64, 6)), Act: network.ReLU},
		{Map: network.NewDense(3, 3, make([]float64, 9)), Act: network.ReLU},
		{Map: network.NewDense(1, 3, make([]float64, 3))}}}
	if _, err := Normalize(deep, set); err == nil || !strings.Contains(err.Error(), "2 hidden layers") {
		t.Errorf("deep: %v", err)
	}
	if _, err := Normalize(shallowNet(rng, 3, 2, 1), set); err == nil {
		t.Error("other inputs: no error")
	}
	affine := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 2, []float64{2, -3}), Bias: []float64{1}}}}
	f, err := Normalize(affine, set)
	if err != nil || len(f.Cuts) != 0 {
		t.Fatalf("affine: %v, %v", f, err)
	}
	if e := distance(f.Network().Forward(set.X), affine.Forward(set.X)); e > 1e-12 {
		t.Errorf("affine: off by %g", e)
	}
	// Affine layers around the hidden one, and structured maps, are folded in.
	plain := shallowNet(rng, 2, 4, 1)
	q := takeApart(plain)
	scaled := q.network()
	for u := range q.w {
		for j, s := range []float64{4, 0.5} {
			scaled.Layers[0].Map.(*network.Dense).Row(u)[j] /= s
		}
	}
	scaled.Layers = append([]network.Layer{{Map: &network.Diagonal{D: []float64{4, 0.5}}}}, scaled.Layers...)
	scaled.Layers = append(scaled.Layers, network.Layer{Map: &network.Diagonal{D: []float64{2}}, Bias: []float64{1}})
	for o := range plain.Layers[1].Bias {
		plain.Layers[1].Bias[o] = 2*plain.Layers[1].Bias[o] + 1
		for u, v := range plain.Layers[1].Map.(*network.Dense).Row(o) {
			plain.Layers[1].Map.(*network.Dense).Row(o)[u] = 2 * v
		}
	}
	if diff, err := Equal(plain, scaled, set); err != nil || !diff.Equal {
		t.Errorf("affine layers around: %v, %v", diff, err)
	}
}

// Thresholds along a line, in any order, become a staircase: the k-th row in
// order lies in the first cuts only.
func TestRowOrder(t *testing.T) {
	x := mat.NewDense(5, 1, []float64{0, 30, 10, 40, 20})
	set, err := dataset.New(x, mat.NewDense(5, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	q := &parts{d: 1, p: 1, c: []float64{0}}
	for _, theta := range []float64{25, 5, 35, 15} {
		q.add([]float64{1}, -theta, []float64{1})
	}
	f, err := Normalize(q.network(), set)
	if err != nil {
		t.Fatal(err)
	}
	if order := f.RowOrder(); !equalInts(order, []int{0, 2, 4, 1, 3}) {
		t.Errorf("order %v", order)
	}
	for k, i := range f.RowOrder() {
		for c, cut := range f.Cuts {
			in := false
			for _, r := range cut.Rows {
				in = in || r == i
			}
			if in != (c < k) {
				t.Errorf("place %d, row %d, cut %d: inside %v", k, i, c, in)
			}
		}
	}
}
