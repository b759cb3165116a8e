package construct

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// classesOf makes a Set of n rows in d inputs with classes by a rule.
func classesOf(t *testing.T, n, d, k int, rule func(x []float64) int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	x, class := mat.NewDense(n, d, nil), make([]int, n)
	for i := range n {
		for j := range d {
			x.Set(i, j, rng.NormFloat64())
		}
		class[i] = rule(x.RawRowView(i))
	}
	names := make([]string, k)
	for c := range names {
		names[c] = string(rune('a' + c))
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestTreeFindsTheHyperplane: classes that one oblique hyperplane parts take two
// leaves, and a box takes what a box takes.
func TestTreeFindsTheHyperplane(t *testing.T) {
	for _, test := range []struct {
		name   string
		d      int
		leaves int
		rule   func(x []float64) int
	}{
		{"half-space", 10, 2, func(x []float64) int {
			sum := 0.3
			for j, v := range x {
				sum += v * float64(j%3-1)
			}
			return int(min(1, max(0, math.Ceil(sum))))
		}},
		{"one feature", 5, 2, func(x []float64) int { return int(min(1, max(0, math.Ceil(x[3])))) }},
		{"three stripes", 3, 3, func(x []float64) int { return int(min(2, max(0, math.Floor(x[1]+1.5)))) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := classesOf(t, 400, test.d, 3, test.rule)
			g, err := growTree(&Problem{Set: set})
			if err != nil {
				t.Fatal(err)
			}
			if g.leaves() != test.leaves {
				t.Errorf("%d leaves, want %d", g.leaves(), test.leaves)
			}
		})
	}
}

// TestTreeIsOneIndicator: on every row exactly one leaf is 1 and all others are 0.
func TestTreeIsOneIndicator(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, wide := range []int{3, wideInputs + 2} {
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			set := classesOf(t, 150, wide, 4, func([]float64) int { return rng.IntN(4) })
			if precision == network.Float32 {
				var err error
				if set, err = set.Rounded(); err != nil {
					t.Fatal(err)
				}
			}
			net, err := buildTree(&Problem{Set: set, Precision: precision})
			if err != nil {
				t.Fatal(err)
			}
			phi := net.Activations(set.X, net.LastHidden())
			n, m := phi.Dims()
			for i := range n {
				ones := 0
				for j := range m {
					if v := phi.At(i, j); v == 1 {
						ones++
					} else if v != 0 {
						t.Fatalf("leaf %d is %v on row %d", j, v, i)
					}
				}
				if ones != 1 {
					t.Fatalf("%d leaves are awake on row %d", ones, i)
				}
			}
		}
	}
}

// TestTreeReturnsStoredNumbers: real targets come back bit for bit, proved.
func TestTreeReturnsStoredNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	x, y := mat.NewDense(300, 3, nil), mat.NewDense(300, 2, nil)
	for i := range 300 {
		for j := range 3 {
			x.Set(i, j, rng.Float64())
		}
		y.Set(i, 0, rng.NormFloat64())
		y.Set(i, 1, float64(rng.IntN(3)))
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	net, err := buildTree(&Problem{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !cert.Holds || cert.MaxError != 0 {
		t.Errorf("holds %v, error %v, want bits", cert.Holds, cert.MaxError)
	}
}

// TestPlacedBoundaries: ramps lie within their gap, in both precisions.
func TestPlacedBoundaries(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for range 2000 {
			a := precision.Round(rng.NormFloat64())
			b := a
			if gap := math.Ldexp(rng.Float64(), -rng.IntN(60)); rng.IntN(3) > 0 {
				b = precision.Round(a + gap)
			} else if precision == network.Float64 {
				b = math.Nextafter(a, 9)
			} else {
				b = float64(math.Nextafter32(float32(a), 9))
			}
			if b == a {
				continue
			}
			bound, ok := placeBoundary(precision, a, b, steepestFor(precision, 4))
			if !ok {
				t.Fatalf("nothing fits between %v and %v in %v", a, b, precision)
			}
			over := func(v float64) float64 { return precision.Round(bound.slope*v - bound.slope*bound.low) }
			under := func(v float64) float64 { return precision.Round(bound.slope*bound.high - bound.slope*v) }
			if over(a) > 0 || over(b) < 1 || under(b) > 0 || under(a) < 1 {
				t.Fatalf("%v between %v and %v in %v: over %v %v, under %v %v", bound, a, b, precision, over(a), over(b), under(a), under(b))
			}
		}
	}
}
