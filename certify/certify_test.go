package certify

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// runtimeLike evaluates a network as some IEEE runtime might: every sum in a
// random order, products fused with an addition at random. All its results
// must lie in the balls of a proof.
type runtimeLike struct {
	prec network.Precision
	rng  *rand.Rand
}

func (r *runtimeLike) eval(net *network.Network, x []float64) []float64 {
	h := make([]float64, len(x))
	for j, v := range x {
		h[j] = r.prec.Round(v)
	}
	for _, l := range net.Layers {
		h = r.layer(l, h)
	}
	return h
}

func (r *runtimeLike) layer(l network.Layer, h []float64) []float64 {
	terms := make([][][2]float64, l.Width())
	r.terms(terms, l.Map, h)
	out := make([]float64, l.Width())
	for i := range out {
		if l.Bias != nil {
			terms[i] = append(terms[i], [2]float64{1, l.Bias[i]})
		}
		out[i] = r.sum(terms[i])
		if l.Act == network.ReLU {
			out[i] = max(out[i], 0)
		}
	}
	return out
}

// terms appends the products (weight, input) of every unit.
func (r *runtimeLike) terms(dst [][][2]float64, m network.Map, h []float64) {
	switch m := m.(type) {
	case *network.Stack:
		for _, part := range m.Maps {
			out, _ := part.Dims()
			r.terms(dst[:out], part, h)
			dst = dst[out:]
		}
	case *network.Sum:
		for _, part := range m.Maps {
			_, in := part.Dims()
			r.terms(dst, part, h[:in])
			h = h[in:]
		}
	case *network.Blocks:
		for _, part := range m.Maps {
			out, in := part.Dims()
			r.terms(dst[:out], part, h[:in])
			dst, h = dst[out:], h[in:]
		}
	case *network.Projected:
		t := r.layer(network.Layer{Map: m.P}, h)
		for j, k := range m.Pick {
			dst[j] = append(dst[j], [2]float64{m.Scale[j], t[k]})
		}
	default:
		for i := range dst {
			eachTerm(m, i, func(j int, w float64) { dst[i] = append(dst[i], [2]float64{w, h[j]}) })
		}
	}
}

func (r *runtimeLike) sum(terms [][2]float64) float64 {
	r.rng.Shuffle(len(terms), func(a, b int) { terms[a], terms[b] = terms[b], terms[a] })
	acc, second := 0.0, 0.0 // two accumulators, as a vectorised kernel has
	for k, t := range terms {
		a := &acc
		if k%2 == 1 {
			a = &second
		}
		if r.rng.IntN(2) == 0 {
			*a = r.prec.Round(math.FMA(t[0], t[1], *a))
		} else {
			*a = r.prec.Round(r.prec.Round(t[0]*t[1]) + *a)
		}
	}
	return r.prec.Round(acc + second)
}

func randomWeights(rng *rand.Rand, n int, prec network.Precision) []float64 {
	w := make([]float64, n)
	for i := range w {
		switch rng.IntN(4) {
		case 0: // zero
		case 1:
			w[i] = math.Ldexp(1, rng.IntN(9)-4)
		default:
			w[i] = prec.Round(rng.NormFloat64())
		}
	}
	return w
}

// randomMap returns a random map of every kind, with in inputs.
func randomMap(rng *rand.Rand, in, depth int, prec network.Precision) network.Map {
	out := 1 + rng.IntN(12)
	kind := rng.IntN(7)
	if depth == 0 {
		kind = rng.IntN(4)
	}
	switch kind {
	case 0:
		return &network.Diagonal{D: randomWeights(rng, in, prec)}
	case 1:
		q := 1 + rng.IntN(3)
		m := &network.Projected{P: network.NewDense(q, in, randomWeights(rng, q*in, prec)), Scale: randomWeights(rng, out, prec)}
		for range out {
			m.Pick = append(m.Pick, int32(rng.IntN(q)))
		}
		return m
	case 2:
		m := &network.Sparse{Out: out, In: in, RowPtr: make([]int, out+1)}
		for i := 0; i < out; i++ {
			for j := 0; j < in; j++ {
				if rng.IntN(3) == 0 {
					m.Col = append(m.Col, int32(j))
				}
			}
			m.RowPtr[i+1] = len(m.Col)
		}
		m.Val = randomWeights(rng, len(m.Col), prec)
		return m
	case 4:
		return &network.Stack{Maps: []network.Map{randomMap(rng, in, depth-1, prec), randomMap(rng, in, depth-1, prec)}}
	case 5, 6:
		cut := 1 + rng.IntN(max(1, in-1))
		if cut == in {
			break
		}
		if kind == 5 {
			return &network.Blocks{Maps: []network.Map{randomMap(rng, cut, depth-1, prec), randomMap(rng, in-cut, depth-1, prec)}}
		}
		return &network.Sum{Maps: []network.Map{
			network.NewDense(out, cut, randomWeights(rng, out*cut, prec)),
			network.NewDense(out, in-cut, randomWeights(rng, out*(in-cut), prec)),
		}}
	}
	return network.NewDense(out, in, randomWeights(rng, out*in, prec))
}

func randomNetwork(rng *rand.Rand, d, layers int, prec network.Precision) *network.Network {
	net := &network.Network{Precision: prec}
	width := d
	for k := 0; k < layers; k++ {
		m := randomMap(rng, width, 2, prec)
		width, _ = m.Dims()
		l := network.Layer{Map: m, Act: network.Activation(rng.IntN(2))}
		if rng.IntN(3) > 0 {
			l.Bias = randomWeights(rng, width, prec)
		}
		net.Layers = append(net.Layers, l)
	}
	return net
}

// Every result of any order of summation lies in the proof's balls.
func TestBallsHoldEveryOrder(t *testing.T) {
	for seed := uint64(1); seed <= 400; seed++ {
		rng := rand.New(rand.NewPCG(seed, 7))
		prec := network.Precision(seed % 2)
		d, n := 1+rng.IntN(20), 1+rng.IntN(5)
		net := randomNetwork(rng, d, 1+rng.IntN(4), prec)
		if err := net.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		x := mat.NewDense(n, d, randomWeights(rng, n*d, network.Float64))
		out := newProof(net, x).outputs(0, n)
		for r := 0; r < n; r++ {
			for range 20 {
				got := (&runtimeLike{prec, rng}).eval(net, x.RawRowView(r))
				for j, v := range got {
					if z := out.at(r, j); math.Abs(v-z.c) > z.e {
						t.Fatalf("seed %d, %v: output %d of row %d is %v, outside %v +- %v\n%v", seed, prec, j, r, v, z.c, z.e, net)
					}
				}
			}
		}
	}
}

// The balls are not absurdly wide: within a modest factor of Higham's bound for
// the last layer's own magnitudes they shrink with the unit roundoff.
func TestBallsAreTight(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(50, 20, normals(rng, 1000)), Act: network.ReLU},
		{Map: network.NewDense(2, 50, normals(rng, 100))},
	}}
	out := newProof(net, mat.NewDense(8, 20, normals(rng, 160))).outputs(0, 8)
	for r := 0; r < 8; r++ {
		for j := 0; j < 2; j++ {
			if z := out.at(r, j); !(z.e > 0 && z.e < 1e-11) {
				t.Errorf("row %d: radius %v, want one near 1e-12", r, z.e)
			}
		}
	}
}

func normals(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

// lookup is a hand-made table of three rows on a line: f(i) = 10 i + 1/3 with
// plateau gates around the inputs 0, 1 and 2.
func lookup() (*network.Network, *dataset.Set) {
	n := 3
	y := []float64{1.0 / 3, 10 + 1.0/3, 20 + 1.0/3}
	thresholds := &network.Projected{P: network.NewDense(1, 1, []float64{1}), Pick: make([]int32, 2*n), Scale: make([]float64, 2*n)}
	bias := make([]float64, 2*n)
	for i := 0; i < n; i++ {
		thresholds.Scale[i], bias[i] = 4, -4*(float64(i)+0.25)     // beyond i + 1/4
		thresholds.Scale[n+i], bias[n+i] = -4, 4*(float64(i)-0.25) // before i - 1/4
	}
	minus := func() *network.Diagonal { return &network.Diagonal{D: []float64{-1, -1, -1}} }
	net := &network.Network{Layers: []network.Layer{
		{Map: thresholds, Bias: bias, Act: network.ReLU},
		{Map: &network.Sum{Maps: []network.Map{minus(), minus()}}, Bias: []float64{1, 1, 1}, Act: network.ReLU},
		{Map: network.NewDense(1, n, y)},
	}}
	set, err := dataset.New(mat.NewDense(n, 1, []float64{0, 1, 2}), mat.NewDense(n, 1, append([]float64(nil), y...)))
	if err != nil {
		panic(err)
	}
	return net, set
}

func TestLookupIsBitExact(t *testing.T) {
	net, set := lookup()
	c, err := Certify(net, set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Holds || c.MaxError != 0 || c.Hit != 3 {
		t.Errorf("certificate %+v, want one of error 0 on 3 rows", c)
	}
}

// A wrong value is refused, with its row, and a flipped bit changes the digest.
func TestRefusals(t *testing.T) {
	net, set := lookup()
	before, _ := Certify(net, set, Options{})
	w := net.Layers[2].Map.(*network.Dense).W
	w[1] = math.Float64frombits(math.Float64bits(w[1]) ^ 1)
	after, _ := Certify(net, set, Options{})
	if after.Network == before.Network {
		t.Error("a flipped bit of a weight left the digest as it was")
	}
	if after.MaxError == 0 || !after.Holds {
		t.Errorf("error %v, holds %v: want one ulp of error, inside the tolerance", after.MaxError, after.Holds)
	}
	w[1] += 1e-3
	after, _ = Certify(net, set, Options{})
	if after.Holds || len(after.Missed) != 1 || after.Missed[0].Row != 2 {
		t.Errorf("certificate %+v, want row 2 missed", after)
	}
	if c, _ := Certify(net, set, Options{Tolerance: 1e-3}); !c.Holds {
		t.Errorf("error %v does not hold at tolerance 1e-3", c.MaxError)
	}
}

func TestClassMargins(t *testing.T) {
	set, err := dataset.NewClasses(mat.NewDense(2, 1, []float64{-1, 1}), []int{0, 1}, []string{"left", "right"})
	if err != nil {
		t.Fatal(err)
	}
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(2, 1, []float64{-3, 0})}}}
	c, err := Certify(net, set, Options{})
	if err != nil || !c.Holds || c.MinMargin != 3 {
		t.Errorf("%+v, %v: want margin 3", c, err)
	}
	net.Layers[0].Map = network.NewDense(2, 1, []float64{0, 0})
	if c, _ := Certify(net, set, Options{}); c.Holds || c.Hit != 0 {
		t.Errorf("a tie holds: %+v", c)
	}
}

// Sums that could overflow in some order are never certified.
func TestOverflowIsRefused(t *testing.T) {
	big := math.MaxFloat64 / 2
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 3, []float64{big, big, -big}), Bias: []float64{-big}}}}
	set, err := dataset.New(mat.NewDense(2, 3, []float64{1, 1, 1, 1, 1, 1.5}), mat.NewDense(2, 1, []float64{0, 1}))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := Certify(net, set, Options{}); err != nil || c.Hit != 0 {
		t.Errorf("%+v, %v: want nothing certified", c, err)
	}
}

func TestShapesAreChecked(t *testing.T) {
	net, _ := lookup()
	set, err := dataset.New(mat.NewDense(1, 2, []float64{0, 1}), mat.NewDense(1, 1, []float64{0}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Certify(net, set, Options{}); err == nil {
		t.Error("a network of one input was certified on two")
	}
}

// A ball after the ReLU holds max(z, 0) for the ends and the centre of the ball
// before; one below zero is the exact zero, and what is no number stays none.
func TestReLUOfBalls(t *testing.T) {
	for _, z := range []ball{{0, 0}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, 0.5}, {-1, 0.5}, {1, 2}, {-1, 2}, {1, 0x1p-30}, {math.Copysign(0, -1), 0}, {3, math.Inf(1)}} {
		out := z.relu()
		for _, v := range []float64{z.c - z.e, z.c, z.c + z.e} {
			if w := max(v, 0); math.Abs(w-out.c) > out.e {
				t.Errorf("%v becomes %v, which does not hold %v", z, out, w)
			}
		}
		if z.c+z.e <= 0 && out != (ball{}) {
			t.Errorf("%v becomes %v, want the exact zero", z, out)
		}
	}
	if out := (ball{math.NaN(), 1}).relu(); out.c == out.c {
		t.Errorf("no number becomes %v", out)
	}
}
