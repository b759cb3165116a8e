package construct

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// regression returns the Set of n uniform rows of d inputs and p targets.
func randomSet(t testing.TB, seed uint64, n, d, p int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	draw := func(rows, cols int) *mat.Dense {
		m := mat.NewDense(rows, cols, nil)
		m.Apply(func(_, _ int, _ float64) float64 { return rng.Float64() }, m)
		return m
	}
	set, err := dataset.New(draw(n, d), draw(n, p))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// errorOf returns the largest error of net over the Set in its own precision,
// as a fraction of each target's range.
func errorOf(net *network.Network, set *dataset.Set) float64 {
	out := net.Eval(set.X)
	worst := 0.0
	ranges := set.Range()
	for i := range set.N() {
		for o, r := range ranges {
			miss := math.Abs(out.At(i, o)-set.Y.At(i, o)) / r
			if math.IsNaN(miss) {
				return math.Inf(1)
			}
			worst = max(worst, miss)
		}
	}
	return worst
}

func TestDoubleAgainstRationals(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	rat := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	exact := func(x double) *big.Rat { return new(big.Rat).Add(rat(x.hi), rat(x.lo)) }
	for range 2000 {
		a := rng.NormFloat64() * math.Ldexp(1, rng.IntN(60)-30)
		b := rng.NormFloat64() * math.Ldexp(1, rng.IntN(60)-30)
		c := rng.NormFloat64()
		gap := new(big.Rat).Sub(rat(b), rat(a))
		if exact(distance(a, b)).Cmp(gap.Abs(gap)) != 0 {
			t.Fatalf("distance(%v, %v) is rounded", a, b)
		}
		x := double{a, a * 0x1p-60}
		closeTo(t, "add", x.add(double{b, 0}).addFloat(c), new(big.Rat).Add(new(big.Rat).Add(exact(x), rat(b)), rat(c)), a, b, c)
		closeTo(t, "times", x.times(double{b, b * 0x1p-58}), new(big.Rat).Mul(exact(x), exact(double{b, b * 0x1p-58})), a*b)
	}
}

// closeTo fails unless got is want to 2^-98 of the largest number involved.
func closeTo(t *testing.T, what string, got double, want *big.Rat, sizes ...float64) {
	t.Helper()
	largest := 0.0
	for _, s := range sizes {
		largest = max(largest, math.Abs(s))
	}
	diff := new(big.Rat).SetFloat64(got.hi)
	diff.Add(diff, new(big.Rat).SetFloat64(got.lo)).Sub(diff, want).Abs(diff)
	if f, _ := diff.Float64(); f > largest*0x1p-98 {
		t.Errorf("%s is off by %g of %g", what, f, largest)
	}
}

// In exact arithmetic the stored (rounded) network must be off by no more than
// the roundings of one amplitude (miss, run, quotient) times its run: errors do
// not add up.
func TestWalkFeedsErrorsBack(t *testing.T) {
	const n = 400
	rng := rand.New(rand.NewPCG(5, 5))
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		at, y := make([]float64, n), make([]float64, n)
		for i := range at {
			at[i] = precision.Round(float64(i) + rng.Float64()/2)
			y[i] = precision.Round(rng.Float64())
		}
		s := side{knot: at[:n-1], aim: at[1:], y: y[1:]}
		s.walk(precision, at[0], y[:1])
		for i := 1; i < n; i++ {
			sum := new(big.Float).SetPrec(400).SetFloat64(y[0])
			for k := range i {
				run := new(big.Float).SetPrec(400).SetFloat64(at[i])
				run.Sub(run, new(big.Float).SetFloat64(at[k]))
				sum.Add(sum, run.Mul(run, new(big.Float).SetFloat64(s.amplitude[k])))
			}
			miss, _ := sum.Sub(sum, new(big.Float).SetFloat64(y[i])).Float64()
			allowed := 3.01 * precision.Eps() * math.Abs(s.amplitude[i-1]) * (at[i] - at[i-1])
			if math.Abs(miss) > allowed {
				t.Fatalf("%v: point %d of the stored network is off by %g, its roundings make %g", precision, i, miss, allowed)
			}
		}
	}
}

// The bound must be a bound, and no more than a few hundred times what happens.
func TestErrorBoundHolds(t *testing.T) {
	for _, d := range []int{1, 4} {
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			set := randomSet(t, 7, 60, d, 2)
			if precision == network.Float32 {
				var err error
				if set, err = set.Rounded(); err != nil {
					t.Fatal(err)
				}
			}
			p := &Problem{Set: set, Precision: precision, Tolerance: 10}
			net, bound, err := buildSorted(p)
			if err != nil {
				t.Fatal(err)
			}
			if got := errorOf(net, set); got > bound {
				t.Errorf("d=%d %v: error %g above its bound %g", d, precision, got, bound)
			} else if bound > 1e5*max(got, precision.Eps()) {
				t.Errorf("d=%d %v: bound %g says nothing about the error %g", d, precision, bound, got)
			}
		}
	}
}
