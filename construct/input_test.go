package construct

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// The scaled inputs are, bit for bit, what the network's first layer puts out.
func TestScaledIsTheLayersOutput(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		for _, unit := range []float64{1e-30, 1e-3, 1, 1e5, 1e25} {
			const n, d = 200, 3
			x := mat.NewDense(n, d, nil)
			for i := range n {
				for j := range d {
					x.Set(i, j, prec.Round(unit*(float64(j)*7+rng.Float64())))
				}
			}
			set, err := dataset.New(x, mat.NewDense(n, 1, nil))
			if err != nil {
				t.Fatal(err)
			}
			layer, got := inputLayer(&Problem{Set: set, Precision: prec})
			net := network.Network{Layers: []network.Layer{layer}, Precision: prec}
			want := net.Eval(set.X)
			for i := range set.N() {
				for j := range d {
					if math.Float64bits(got.At(i, j)) != math.Float64bits(want.At(i, j)) {
						t.Fatalf("%v, unit %v: row %d, input %d is %v, the layer gives %v", prec, unit, i, j, got.At(i, j), want.At(i, j))
					}
				}
			}
		}
	}
}
