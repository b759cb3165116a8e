package construct_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Whatever the places, precision and labels: what packed builds is proved to come
// back bit for bit, and what zigzag and narrow build within their stated error.
func TestStatedErrorsAreProved(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	built := map[string]int{}
	for range 60 {
		n, d, p := 2+rng.IntN(200), 1+rng.IntN(10), 1+rng.IntN(3)
		heavy, most := rng.IntN(3) == 0, 1<<(1+rng.IntN(12))
		x, y := mat.NewDense(n, d, nil), mat.NewDense(n, p, nil)
		x.Apply(func(_, _ int, _ float64) float64 {
			v := rng.NormFloat64()
			if heavy {
				v = math.Exp(3 * v)
			}
			return v
		}, x)
		y.Apply(func(_, _ int, _ float64) float64 { return float64(rng.IntN(most)) }, y)
		set, err := dataset.New(x, y)
		precision := network.Precision(rng.IntN(2))
		if err == nil && precision == network.Float32 {
			set, err = set.Rounded()
		}
		if err != nil {
			continue // rows that became one
		}
		problem := &construct.Problem{Set: set, Precision: precision, Tolerance: math.Pow(10, -8+7*rng.Float64()), Seed: rng.Uint64()}
		for _, name := range []string{"zigzag", "narrow", "packed"} {
			c, err := construct.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			size, err := c.Plan(problem)
			if err != nil {
				continue
			}
			net, err := c.Construct(problem)
			if err != nil {
				continue
			}
			cert, err := certify.Certify(net, set, certify.Options{Tolerance: problem.Tolerance})
			if err != nil {
				t.Fatal(err)
			}
			built[name]++
			if !cert.Holds || cert.MaxError > size.Error {
				t.Errorf("%s, n=%d d=%d p=%d in %v: error %g proved, %g stated", name, n, d, p, precision, cert.MaxError, size.Error)
			}
		}
	}
	for _, name := range []string{"zigzag", "narrow", "packed"} {
		if built[name] < 15 {
			t.Errorf("%s built only %d networks", name, built[name])
		}
	}
	t.Log(built)
}
