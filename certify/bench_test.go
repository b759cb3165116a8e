package certify

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/network"
)

// The benchmarks below do the same dense work: 40,960 rows through
// 784 -> 2,048 -> 10. Forward should take 1.25 times the bare products at most.
// Certify needs two products per layer, centres in float64 and radii in float32:
// it should take 1.25 times BareBalls, the two in the engine alone, and cannot
// take less than about 1.5 times BareProducts.
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

// bare is the benchmark's network as plain matrices.
type bare[T blas.Float] struct{ x, w0, h, w1, y blas.Matrix[T] }

func newBare[T blas.Float](net *network.Network, x *mat.Dense) bare[T] {
	as := func(v []float64, rows, cols int) blas.Matrix[T] {
		m := blas.NewMatrix[T](rows, cols)
		for i := range v {
			m.Data[i] = T(v[i])
		}
		return m
	}
	return bare[T]{
		x:  as(x.RawMatrix().Data, benchRows, benchIn),
		w0: as(net.Layers[0].Map.(*network.Dense).W, benchUnits, benchIn),
		h:  blas.NewMatrix[T](benchRows, benchUnits),
		w1: as(net.Layers[1].Map.(*network.Dense).W, benchOut, benchUnits),
		y:  blas.NewMatrix[T](benchRows, benchOut),
	}
}

func (m bare[T]) products() {
	blas.MulTrans(m.h, m.x, m.w0)
	blas.MulTrans(m.y, m.h, m.w1)
}

func BenchmarkBareProducts(b *testing.B) {
	blas.Use()
	m := newBare[float64](benchNetwork())
	for b.Loop() {
		m.products()
	}
}

func BenchmarkBareBalls(b *testing.B) {
	blas.Use()
	net, x := benchNetwork()
	bare64, bare32 := newBare[float64](net, x), newBare[float32](net, x)
	for b.Loop() {
		bare64.products()
		bare32.products()
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
