package construct

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// ascending against a stable comparison sort, with ties, both zeros, both signs
// and all magnitudes, on both sides of the threshold.
func TestAscending(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	special := []float64{0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 5e-324, -5e-324, 1, -1}
	for _, n := range []int{0, 1, 2, radixFrom - 1, radixFrom, 5000} {
		for _, kind := range []string{"any", "float32", "few", "constant"} {
			v := make([]float64, n)
			for i := range v {
				switch kind {
				case "any":
					v[i] = rng.NormFloat64() * math.Ldexp(1, rng.IntN(2000)-1000)
					if i%7 == 0 {
						v[i] = special[rng.IntN(len(special))]
					}
				case "float32":
					v[i] = float64(float32(rng.NormFloat64()))
				case "few":
					v[i] = float64(rng.IntN(5) - 2)
				case "constant":
					v[i] = 3.25
				}
			}
			want := make([]int, n)
			for i := range want {
				want[i] = i
			}
			slices.SortStableFunc(want, func(a, b int) int {
				switch {
				case v[a] < v[b]:
					return -1
				case v[a] > v[b]:
					return 1
				}
				return 0
			})
			if got := ascending(v); !slices.Equal(got, want) {
				t.Errorf("%d %s numbers are out of order", n, kind)
			}
		}
	}
}

// The input layer gives each column a mean near 0 and a deviation in (1/2, 1],
// by one rounding of the exact value.
func TestInputLayer(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	const n = 300
	x, y := mat.NewDense(n, 4, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		x.SetRow(i, []float64{1e8 * rng.NormFloat64(), 1e-8 * (50 + rng.Float64()), 7.3, float64(rng.IntN(3))})
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		if precision == network.Float32 {
			if set, err = set.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		layer, scaled := inputLayer(&Problem{Set: set, Precision: precision})
		diagonal := layer.Map.(*network.Diagonal).D
		rows := set.N()
		for j, d := range diagonal {
			if frac, _ := math.Frexp(d); frac != 0.5 {
				t.Errorf("%v column %d: the factor %v is no power of two", precision, j, d)
			}
			mean, square := 0.0, 0.0
			for i := range rows {
				v := scaled.At(i, j)
				if want := precision.Round(d*set.X.At(i, j) + layer.Bias[j]); v != want {
					t.Fatalf("%v column %d: %v, want %v", precision, j, v, want)
				}
				mean += v / float64(rows)
				square += v * v / float64(rows)
			}
			if spread := math.Sqrt(square); j != 2 && (math.Abs(mean) > 1e-2 || spread < 0.49 || spread > 1.01) {
				t.Errorf("%v column %d: mean %g, deviation %g", precision, j, mean, spread)
			} else if j == 2 && math.Abs(mean) > 1e-6 {
				t.Errorf("%v: the constant column reads %g", precision, mean)
			}
		}
	}
}
