package construct

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// lookup builds the identity network of a set and checks its shape.
func lookup(t testing.TB, s *dataset.Set, prec network.Precision) *network.Network {
	t.Helper()
	net, err := buildIdentity(&Problem{Set: s, Precision: prec})
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	return net
}

// checkUnitMatrix proves Phi = I: the gate of a row evaluates to 1 on it, and
// no other gate can be awake on it in any evaluation.
func checkUnitMatrix(t testing.TB, net *network.Network, s *dataset.Set) {
	t.Helper()
	awake, ok := network.FindAwake(net, s.X, 2)
	if !ok {
		t.Fatal("no gates found")
	}
	for r := range s.N() {
		if u := awake.Unit[awake.RowPtr[r]:awake.RowPtr[r+1]]; len(u) != 1 || int(u[0]) != r {
			t.Fatalf("row %d of %d may wake the gates %v", r, s.N(), u)
		}
	}
	if s.N() > 3000 {
		return
	}
	phi := net.Activations(s.X, 2)
	for i := range s.N() {
		for j, v := range phi.RawRowView(i) {
			if i == j && v != 1 || i != j && v != 0 {
				t.Fatalf("Phi(%d, %d) = %v", i, j, v)
			}
		}
	}
	if !mat.Equal(net.Eval(s.X), s.Y) {
		t.Fatal("outputs differ from the labels")
	}
}

// inPrecision rounds the set for float32 networks.
func inPrecision(t testing.TB, s *dataset.Set, prec network.Precision) *dataset.Set {
	t.Helper()
	if prec == network.Float64 {
		return s
	}
	r, err := s.Rounded()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tables returns awkward inputs by name, n x d each.
func tables() map[string]*mat.Dense {
	rng := rand.New(rand.NewPCG(5, 6))
	fill := func(n, d int, f func(i, j int) float64) *mat.Dense {
		x := mat.NewDense(n, d, nil)
		x.Apply(func(i, j int, _ float64) float64 { return f(i, j) }, x)
		return x
	}
	normal := func(_, _ int) float64 { return rng.NormFloat64() }
	return map[string]*mat.Dense{
		"one row":         fill(1, 3, normal),
		"one input":       fill(700, 1, normal),
		"two rows":        fill(2, 5, normal),
		"random":          fill(900, 4, normal),
		"wide":            fill(60, 400, normal),
		"integer line":    fill(1000, 1, func(i, _ int) float64 { return float64(i) }),
		"integer grid":    fill(1024, 2, func(i, j int) float64 { return float64(i >> (5 * j) & 31) }),
		"vertices":        fill(512, 9, func(i, j int) float64 { return float64(i >> j & 1) }),
		"one-hot":         fill(40, 40, func(i, j int) float64 { return float64(max(0, 1-abs(i-j))) }),
		"constant column": fill(300, 3, func(i, j int) float64 { return []float64{0.1, rng.NormFloat64(), 7}[j] }),
		"huge":            fill(300, 3, func(_, _ int) float64 { return rng.NormFloat64() * 1e30 }),
		"tiny":            fill(300, 3, func(_, _ int) float64 { return rng.NormFloat64() * 1e-30 }),
		"mixed scales":    fill(300, 3, func(_, j int) float64 { return rng.NormFloat64() * math.Pow(10, float64(12*j-12)) }),
		"outlier":         fill(300, 2, func(i, j int) float64 { return float64(i*(j+1)%300) + 1e5*float64(max(0, i-298)) }),
		"far from zero":   fill(300, 2, func(i, j int) float64 { return 1e5 + float64((i*7)%300+j*i) }),
		"line in space":   fill(300, 4, func(i, j int) float64 { return float64((i + 1) * (j - 2)) }),
	}
}

func abs(i int) int { return max(i, -i) }

// TestIdentityIsBitExact covers awkward tables in both precisions and several
// numbers of outputs.
func TestIdentityIsBitExact(t *testing.T) {
	for name, x := range tables() {
		n, _ := x.Dims()
		for _, outputs := range []int{1, 3, 50} {
			rng := rand.New(rand.NewPCG(1, uint64(outputs)))
			y := mat.NewDense(n, outputs, nil)
			y.Apply(func(_, _ int, _ float64) float64 { return math.Exp(40 * rng.NormFloat64()) }, y)
			for _, prec := range []network.Precision{network.Float64, network.Float32} {
				s, err := dataset.New(mat.DenseCopyOf(x), y)
				if err != nil {
					t.Fatal(name, err)
				}
				y.Apply(func(_, _ int, v float64) float64 { return min(v, 1e30) }, y)
				t.Run(name+" "+prec.String(), func(t *testing.T) {
					s := inPrecision(t, s, prec)
					checkUnitMatrix(t, lookup(t, s, prec), s)
				})
			}
		}
	}
}

// TestIdentityClasses has one weight per row, whatever the number of classes.
func TestIdentityClasses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	x := mat.NewDense(500, 3, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return float64(rng.IntN(40)) }, x)
	class := make([]int, 500)
	for i := range class {
		class[i] = int(x.At(i, 0)+2*x.At(i, 1)+3*x.At(i, 2)) % 7
	}
	s, err := dataset.NewClasses(x, class, strings.Split("abcdefgh", "")) // h stays empty
	if err != nil {
		t.Fatal(err)
	}
	net := lookup(t, s, network.Float64)
	checkUnitMatrix(t, net, s)
	if last := net.Layers[len(net.Layers)-1].Map; last.Params() != s.N() {
		t.Errorf("%d weights in the output layer %v for %d rows", last.Params(), last, s.N())
	}
}

// TestIdentityInAnyOrder evaluates the network by hand with the terms of every
// sum in random orders, with and without fused multiply-add.
func TestIdentityInAnyOrder(t *testing.T) {
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		s := inPrecision(t, randomTable(t, 400, 12, 2), prec)
		net := lookup(t, s, prec)
		ramps := net.Layers[1].Map.(*network.Projected)
		_, x := inputLayer(&Problem{Set: s, Precision: prec})
		rng := rand.New(rand.NewPCG(8, 8))
		a := shuffledArithmetic{prec, rng}
		q := ramps.P.Out
		for r := range s.N() {
			h := make([]float64, 0, 2*q*s.N())
			for k := range q {
				at := a.dot(ramps.P.Row(k), x.RawRowView(r), 0)
				for j := 2 * k * s.N(); j < 2*(k+1)*s.N(); j++ {
					h = append(h, max(0, a.dot([]float64{ramps.Scale[j]}, []float64{at}, net.Layers[1].Bias[j])))
				}
			}
			gates := make([]float64, s.N())
			for i := range gates {
				var terms, weights []float64
				for part := range 2 * q {
					terms, weights = append(terms, h[part*s.N()+i]), append(weights, -1)
				}
				gates[i] = max(0, a.dot(weights, terms, 1))
			}
			for j := range s.P() {
				w := net.Layers[3].Map.(*network.Dense).Row(j)
				if got := a.dot(w, gates, 0); got != s.Y.At(r, j) {
					t.Fatalf("%v: row %d, output %d: %v, want %v", prec, r, j, got, s.Y.At(r, j))
				}
			}
		}
	}
}

// shuffledArithmetic sums in random orders, fusing at random.
type shuffledArithmetic struct {
	network.Precision
	*rand.Rand
}

func (a shuffledArithmetic) dot(w, x []float64, bias float64) float64 {
	sum := bias
	late := a.IntN(2) == 0 // the bias comes last
	if late {
		sum = 0
	}
	fused := a.IntN(2) == 0
	for _, j := range a.Perm(len(w)) {
		if fused && a.Precision == network.Float64 {
			sum = math.FMA(w[j], x[j], sum)
		} else if fused { // a float32 product is exact in float64
			sum = a.Round(float64(w[j]*x[j]) + sum)
		} else {
			sum = a.Round(sum + a.Round(float64(w[j]*x[j])))
		}
	}
	if late {
		sum = a.Round(sum + bias)
	}
	return sum
}

func randomTable(t testing.TB, n, d, p int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, p, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return 100 + float64(9*rng.NormFloat64()) }, x)
	y.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, y)
	s, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestIdentityCalifornia: a real table that one projection cannot serve in
// float32.
func TestIdentityCalifornia(t *testing.T) {
	full := california(t)
	for prec, most := range map[network.Precision]int{network.Float64: 1, network.Float32: 3} {
		s := inPrecision(t, full, prec)
		net := lookup(t, s, prec)
		checkUnitMatrix(t, net, s)
		q := net.Layers[1].Map.(*network.Projected).P.Out
		t.Logf("%v: %d rows, %d projections, %d units, %d parameters", prec, s.N(), q, net.Units(), net.Parameters())
		if q > most {
			t.Errorf("%v takes %d projections, not %d", prec, q, most)
		}
		few := slices.Repeat([]int{0}, 300)
		for k := range few {
			few[k] = k * s.N() / len(few)
		}
		sample := s.Select(few)
		if !mat.Equal(net.Eval(sample.X), sample.Y) {
			t.Errorf("%v: outputs differ from the labels", prec)
		}
	}
}

// TestIdentityOneBitApart: rows that differ in the last bit of one input are
// told apart along that coordinate, which is evaluated without rounding.
func TestIdentityOneBitApart(t *testing.T) {
	const n, d = 400, 12
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, 1, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return float64(float32(1 + rng.Float64())) }, x)
	for i := 0; i < n; i += 2 {
		k := i / 2 % 3
		x.SetRow(i+1, x.RawRowView(i))
		x.Set(i+1, k, float64(math.Nextafter32(float32(x.At(i, k)), 9)))
		y.Set(i, 0, 1)
	}
	s, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	net := lookup(t, s, network.Float32)
	if !mat.Equal(net.Eval(s.X), s.Y) {
		t.Error("outputs differ from the labels")
	}
	if q := net.Layers[1].Map.(*network.Projected).P.Out; q > 4 {
		t.Errorf("%d projections, want one and the three coordinates", q)
	}
}

// TestIdentityNamesRowsTooClose: two rows that become one in the network's
// arithmetic are named as in the file.
func TestIdentityNamesRowsTooClose(t *testing.T) {
	x := mat.NewDense(4, 1, []float64{1, 2, 1e9, 1 + 0x1p-23})
	s, err := dataset.New(x, mat.NewDense(4, 1, []float64{1, 2, 3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	s.Rows = []int{11, 12, 13, 14}
	_, err = buildIdentity(&Problem{Set: inPrecision(t, s, network.Float32), Precision: network.Float32})
	var unfit *UnfitError
	if !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "rows 11 and 1") || !strings.Contains(unfit.Advice, "float64") {
		t.Fatalf("got %v", err)
	}
	if net := lookup(t, s, network.Float64); !mat.Equal(net.Eval(s.X), s.Y) {
		t.Error("float64 does not tell them apart either")
	}
}

// TestIdentityPlan: the planned size is the built size where the number of
// projections was guessed right, and never half of it.
func TestIdentityPlan(t *testing.T) {
	for _, n := range []int{1, 10, 1000, 10000} {
		for _, d := range []int{1, 2, 20} {
			for _, prec := range []network.Precision{network.Float64, network.Float32} {
				if d == 1 && n > 1000 { // rows that become equal in float32
					continue
				}
				p := &Problem{Set: inPrecision(t, randomTable(t, n, d, 3), prec), Precision: prec}
				size, err := planIdentity(p)
				if err != nil {
					t.Fatal(err)
				}
				net := lookup(t, p.Set, prec)
				q := net.Layers[1].Map.(*network.Projected).P.Out
				if q == likelyProjections(p.Set.N(), d, prec) {
					if size.Units != net.Units() || size.Parameters != net.Parameters() {
						t.Errorf("n=%d d=%d: planned %+v, built %d units and %d parameters", n, d, size, net.Units(), net.Parameters())
					}
				} else if size.Units > 2*net.Units() || net.Units() > 2*size.Units {
					t.Errorf("n=%d d=%d %v: planned %d units, built %d", n, d, prec, size.Units, net.Units())
				}
			}
		}
	}
}

// TestIdentitySameSeedSameBytes builds twice, and once with another seed.
func TestIdentitySameSeedSameBytes(t *testing.T) {
	s := randomTable(t, 300, 5, 1)
	digest := func(seed uint64) [32]byte {
		net, err := buildIdentity(&Problem{Set: s, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return net.Digest()
	}
	first, again := digest(1), digest(1)
	if first != again {
		t.Error("the same seed gave two networks")
	}
	if first == digest(2) {
		t.Error("the seed is ignored")
	}
}

// BenchmarkIdentity is to be compared with BenchmarkSortProjections, which
// sorts as many numbers.
func BenchmarkIdentity(b *testing.B) {
	for _, d := range []int{1, 20} {
		b.Run(fmt.Sprintf("inputs=%d", d), func(b *testing.B) {
			p := &Problem{Set: smoothSet(b, benchRows, d)}
			for b.Loop() {
				if _, err := buildIdentity(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
