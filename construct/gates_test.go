package construct

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// gateAt evaluates gate i at the projected value t with the roundings of the
// precision, the sides in a random order.
func (st *strip) gateAt(prec network.Precision, rng *rand.Rand, i int, t float64) float64 {
	a := shuffledArithmetic{prec, rng}
	var ramps []float64
	for _, s := range st.sides {
		ramps = append(ramps, max(0, a.dot([]float64{s.sign * s.slope[i]}, []float64{t}, -s.slope[i]*s.edge[i])))
	}
	return max(0, a.dot([]float64{-1, -1}, ramps, 1))
}

// looseProjection is rows at random places with random rounding bounds, many
// of them too close to each other.
func looseProjection(rng *rand.Rand, prec network.Precision, n int) *projection {
	proj := &projection{u: []float64{1}, t: make([]float64, n), half: make([]float64, n)}
	exact := rng.IntN(4) == 0
	for i := range n {
		proj.t[i] = prec.Round(rng.NormFloat64())
		if i > 0 && rng.IntN(4) == 0 {
			proj.t[i] = proj.t[rng.IntN(i)]
		}
		if !exact {
			proj.half[i] = math.Ldexp(rng.Float64(), -rng.IntN(12)-2)
		}
	}
	proj.order = ascending(proj.t)
	return proj
}

// TestGateSmallCase follows the picture of gates.go: rows at 0, 1 and 3.
func TestGateSmallCase(t *testing.T) {
	p := &Problem{}
	st := newStrip(p, project(p, mat.NewDense(3, 1, []float64{0, 1, 3}), []float64{1}), false)
	rng := rand.New(rand.NewPCG(1, 1))
	for at, want := range map[float64]float64{-9: 0, 0: 0, 0.75: 1, 1: 1, 1.5: 1, 3: 0, 99: 0} {
		if got := st.gateAt(p.Precision, rng, 1, at); got != want {
			t.Errorf("the gate of row 1 is %v at %v, want %v", got, at, want)
		}
	}
	if got := st.gateAt(p.Precision, rng, 1, 2); got <= 0 || got >= 1 {
		t.Errorf("the gate of row 1 is %v at 2, want a value in between", got)
	}
	for i, outside := range map[int]float64{0: -3, 2: 6} {
		if got := st.gateAt(p.Precision, rng, i, outside); got != 0 {
			t.Errorf("the gate of row %d does not end: %v at %v", i, got, outside)
		}
	}
}

// TestGatesHoldAtTheEndsOfTheEnclosures is the theorem of gates.go: 1 on all of
// the row's own enclosure, 0 on all of every row's that does not meet it.
func TestGatesHoldAtTheEndsOfTheEnclosures(t *testing.T) {
	separated := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		p := &Problem{Precision: network.Precision(seed % 2)}
		proj := looseProjection(rng, p.Precision, 1+rng.IntN(40))
		st := newStrip(p, proj, seed/2%2 == 0)
		for i := range proj.t {
			for j := range proj.t {
				if i != j && st.meets(int32(i), int32(j)) {
					continue
				}
				want := 0.0
				if i == j {
					want = 1
				} else {
					separated++
				}
				for _, at := range []float64{-1, 0, 1, 2*rng.Float64() - 1} {
					v := proj.t[j] + at*proj.half[j]
					if p.Precision == network.Float32 && proj.half[j] > 0 { // the float32 numbers within
						v = p.Precision.Round(proj.t[j] + 0.9999*at*proj.half[j])
					}
					if got := st.gateAt(p.Precision, rng, i, v); got != want {
						t.Fatalf("seed %d: gate %d is %v on row %d at %v, want %v", seed, i, got, j, v, want)
					}
				}
			}
		}
	}
	if separated < 10000 {
		t.Errorf("only %d pairs are told apart", separated)
	}
}

// TestMeetingsAreAll compares the sweep with testing all pairs.
func TestMeetingsAreAll(t *testing.T) {
	most := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		p := &Problem{Precision: network.Precision(seed % 2)}
		proj := looseProjection(rng, p.Precision, 1+rng.IntN(60))
		st := newStrip(p, proj, seed/2%2 == 0)
		got := st.meetings()
		if looks := st.looks(); looks < len(got) || looks > len(proj.t)*len(proj.t) {
			t.Fatalf("seed %d: %d looks for %d meetings of %d rows", seed, looks, len(got), len(proj.t))
		}
		var want []meeting
		for i := range int32(len(proj.t)) {
			for j := range int32(len(proj.t)) {
				if i != j && st.meets(i, j) {
					want = append(want, meeting{i, j})
				}
			}
		}
		slices.SortFunc(got, func(a, b meeting) int { return int(a.i-b.i)*1000 + int(a.j-b.j) })
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d meetings, want %d", seed, len(got), len(want))
		}
		most = max(most, len(want))
	}
	if most < 50 {
		t.Errorf("at most %d meetings: the test does not test", most)
	}
}

// TestDotErrorCoversEveryOrder compares shuffled sums, and the exact one, with
// the float64 value.
func TestDotErrorCoversEveryOrder(t *testing.T) {
	worst := 0.0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		prec := network.Precision(seed % 2)
		d := 1 + rng.IntN(30)
		u, x := make([]float64, d), make([]float64, d)
		for j := range u {
			x[j] = prec.Round(rng.NormFloat64())
			if u[j] = prec.Round(rng.NormFloat64()); rng.IntN(3) == 0 {
				u[j] = []float64{0, 1, -0.5}[rng.IntN(3)]
			}
		}
		at, size := dot(u, x)
		gamma, tiny := dotError(prec, u)
		exact, term := new(big.Rat), new(big.Rat)
		for j := range u {
			term.Mul(term.SetFloat64(u[j]), new(big.Rat).SetFloat64(x[j]))
			exact.Add(exact, term)
		}
		f, _ := exact.Float64()
		values := []float64{f}
		for range 20 {
			values = append(values, shuffledArithmetic{prec, rng}.dot(u, x, 0))
		}
		for _, v := range values {
			if miss := math.Abs(v - at); miss > gamma*size+tiny {
				t.Fatalf("seed %d, %v: %v and %v differ by more than %v", seed, prec, v, at, gamma*size+tiny)
			} else if size > 0 && gamma > 0 {
				worst = max(worst, miss/(gamma*size))
			}
		}
	}
	if worst < 0.05 {
		t.Errorf("the bound is %v times the worst error seen", 1/worst)
	}
}

// TestNarrowGatesAreSlivers: a narrow gate is exact on the rows and ends after
// a few rounding errors.
func TestNarrowGatesAreSlivers(t *testing.T) {
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		s := inPrecision(t, randomTable(t, 2000, 6, 1), prec)
		p := &Problem{Set: s, Precision: prec}
		_, x := inputLayer(p)
		g, err := plateauGates("needles", p, x, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range g.strips {
			for _, side := range st.sides {
				for i, slope := range side.slope {
					end := side.edge[i] + 1/slope - side.sign*st.t[i]
					if end > 10*narrowRamp*st.half[i] {
						t.Fatalf("%v: the gate of row %d ends after %v, its half plateau is %v", prec, i, end, st.half[i])
					}
				}
			}
		}
		ramps, rampBias := g.ramps()
		plateaus, gateBias := g.plateaus()
		net := &network.Network{Precision: prec, Layers: []network.Layer{
			{Map: ramps, Bias: rampBias, Act: network.ReLU},
			{Map: plateaus, Bias: gateBias, Act: network.ReLU},
			{Map: labels(s)},
		}}
		if err := net.Validate(); err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(net.Eval(x), s.Y) {
			t.Errorf("%v: outputs differ from the labels", prec)
		}
	}
}

// TestGatesOfACrowd: when nearly all rows are one row to the arithmetic, the
// search gives up at once and names two of them.
func TestGatesOfACrowd(t *testing.T) {
	const n = 5000
	x, y := mat.NewDense(n, 2, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		x.SetRow(i, []float64{1 + float64(i)*0x1p-40, 3})
		y.Set(i, 0, float64(i))
	}
	x.SetRow(n-1, []float64{1e25, -1e25})
	s, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	_, err = buildIdentity(&Problem{Set: s})
	var unfit *UnfitError
	if !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "rows ") || unfit.Construction != "identity" {
		t.Fatalf("got %v", err)
	}
}

// TestGatesRefuseOverflow: numbers near the end of the format are an error, not
// a broken network.
func TestGatesRefuseOverflow(t *testing.T) {
	for _, big := range []float64{0x1p1000, math.Inf(1), math.NaN()} {
		x := mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, big})
		_, err := plateauGates("identity", &Problem{}, x, false)
		var unfit *UnfitError
		if !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "largest float64") {
			t.Errorf("%v: got %v", big, err)
		}
	}
}
