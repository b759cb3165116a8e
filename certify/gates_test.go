package certify

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// needleLike returns a network of n plateau gates along one projection beside a
// small dense part that is passed on: all map kinds a gate stage meets.
func needleLike(rng *rand.Rand, x *mat.Dense, prec network.Precision) *network.Network {
	n, d := x.Dims()
	const features = 3
	round := func(v []float64) []float64 {
		for i := range v {
			v[i] = prec.Round(v[i])
		}
		return v
	}
	u := round(normals(rng, d))
	thresholds := &network.Projected{P: network.NewDense(1, d, u), Pick: make([]int32, 2*n), Scale: make([]float64, 2*n)}
	bias := make([]float64, features+2*n)
	for i := 0; i < n; i++ {
		t := 0.0
		for j, v := range x.RawRowView(i) {
			t += u[j] * v
		}
		thresholds.Scale[i], bias[features+i] = 1024, prec.Round(-1024*(t+1e-4))
		thresholds.Scale[n+i], bias[features+n+i] = -1024, prec.Round(1024*(t-1e-4))
	}
	minus, ones := &network.Diagonal{D: make([]float64, n)}, make([]float64, 2+n)
	for i := range minus.D {
		minus.D[i], ones[2+i] = -1, 1
	}
	return &network.Network{Precision: prec, Layers: []network.Layer{
		{Map: &network.Diagonal{D: ones[2 : 2+d : 2+d]}},
		{Map: &network.Stack{Maps: []network.Map{network.NewDense(features, d, round(normals(rng, features*d))), thresholds}}, Bias: bias, Act: network.ReLU},
		{Map: &network.Blocks{Maps: []network.Map{
			network.NewDense(2, features, round(normals(rng, 2*features))),
			&network.Sum{Maps: []network.Map{minus, minus}},
		}}, Bias: ones, Act: network.ReLU},
		{Map: network.NewDense(2, 2+n, round(normals(rng, 2*(2+n))))},
	}}
}

// The stage finds the same awake gates as evaluating all of them, and its balls
// hold every order of summation.
func TestGateStage(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		rng := rand.New(rand.NewPCG(seed, 11))
		prec := network.Precision(seed % 2)
		const n, d = 300, 4
		x := mat.NewDense(n, d, randomWeights(rng, n*d, prec))
		net := needleLike(rng, x, prec)
		p := newProof(net, x)
		if p.gates[2] == nil {
			t.Fatal("the gates were not found")
		}
		out := p.outputs(0, n)
		p.gates = nil
		plain := p.outputs(0, n)
		for r := 0; r < n; r++ {
			for range 3 {
				for j, v := range (&runtimeLike{prec, rng}).eval(net, x.RawRowView(r)) {
					for _, z := range []ball{out.at(r, j), plain.at(r, j)} {
						if math.Abs(v-z.c) > z.e {
							t.Fatalf("seed %d, %v: output %d of row %d is %v, outside %v +- %v", seed, prec, j, r, v, z.c, z.e)
						}
					}
				}
			}
			if got, want := out.at(r, 0), plain.at(r, 0); got.e > want.e*1.001 {
				t.Errorf("seed %d: radius %v of row %d, %v without the stage", seed, got.e, r, want.e)
			}
		}
	}
}
