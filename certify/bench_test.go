package certify

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/network"
)

// The three benchmarks below do the same dense work: 40,960 rows through
// 784 -> 2,048 -> 10. Forward should take 1.25 times the bare products at most,
// Certify, which needs two products per layer, 2.5 times.
const (
	benchRows, benchIn, benchUnits, benchOut = 40960, 784, 2048, 10
)

func benchNetwork() (*network.Network, *mat.Dense) {
	rng := rand.New(rand.NewPCG(1, 1))
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(benchUnits, benchIn, normals(rng, benchUnits*benchIn)), Bias: normals(rng, benchUnits), Act: network.ReLU},
		{Map: network.NewDense(benchOut, benchUnits, normals(rng, benchOut*benchUnits)), Bias: normals(rng, benchOut)},
	}}
	return net, mat.NewDense(benchRows, benchIn, normals(rng, benchRows*benchIn))
}

func BenchmarkBareProducts(b *testing.B) {
	blas.Use()
	net, x := benchNetwork()
	w0, w1 := net.Layers[0].Map.(*network.Dense), net.Layers[1].Map.(*network.Dense)
	h, y := blas.NewMatrix[float64](benchRows, benchUnits), blas.NewMatrix[float64](benchRows, benchOut)
	for b.Loop() {
		blas.MulTransAdd(h, blas.Matrix[float64]{Data: x.RawMatrix().Data, Rows: benchRows, Cols: benchIn, Stride: benchIn},
			blas.Matrix[float64]{Data: w0.W, Rows: benchUnits, Cols: benchIn, Stride: benchIn})
		blas.MulTransAdd(y, h,
			blas.Matrix[float64]{Data: w1.W, Rows: benchOut, Cols: benchUnits, Stride: benchUnits})
	}
}

func BenchmarkForward(b *testing.B) {
	blas.Use()
	net, x := benchNetwork()
	for b.Loop() {
		net.Forward(x)
	}
}

func BenchmarkBalls(b *testing.B) {
	blas.Use()
	net, x := benchNetwork()
	for b.Loop() {
		p := newProof(net, x)
		p.each(benchRows, func(int, batch) {})
	}
}
