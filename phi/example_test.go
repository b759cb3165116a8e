package phi_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// hats returns s(x), s(x - 1), s(x - 2) with output weights 1, -2, 1: a hat
// with its tip at x = 1.
func hats(w ...float64) *network.Network {
	return &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(3, 1, []float64{1, 1, 1}), Bias: []float64{0, -1, -2}, Act: network.ReLU},
		{Map: network.NewDense(1, 3, w)},
	}}
}

// The matrix of three units with thresholds on the points is triangular, and
// with the bias it can serve any targets on the four points.
func ExampleDescribe() {
	set, err := dataset.New(mat.NewDense(4, 1, []float64{0, 1, 2, 3}), mat.NewDense(4, 1, []float64{0, 1, 0, 0}))
	if err != nil {
		panic(err)
	}
	net := hats(1, -2, 1)
	f, err := phi.Describe(net, set, net.LastHidden(), phi.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Print(f)
	// Output:
	// Phi of layer 0: 4 rows x 3 units, triangular, universal, under parameterised
	//   rank 3, with bias 4 (singular values 4.4 .. 0.316, next 0), structural rank 3, condition 14
	//   density 0.5, 0..3 awake units a row, 4 activation patterns
	//   0 dead units, 0 always on, 0 parallel
	//   3 pivots by singleton elimination
}

// Solving for the output weights gives the hat back.
func ExampleMatrix_Solve() {
	x := mat.NewDense(4, 1, []float64{0, 1, 2, 3})
	p, err := phi.Build(hats(0, 0, 0), x, 0, phi.Options{})
	if err != nil {
		panic(err)
	}
	s, err := p.Solve(mat.NewDense(4, 1, []float64{0, 1, 0, 0}), phi.SolveOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.0f by %s, residual %.0g\n", mat.Col(nil, 0, s.A), s.Method, s.Residual)
	// Output:
	// [1 -2 1] by triangular substitution, residual 0
}

// A unit that is split in two, and one that faces the other way, are still the
// same solution.
func ExampleEqual() {
	set, err := dataset.New(mat.NewDense(4, 1, []float64{0, 1, 2, 3}), mat.NewDense(4, 1, make([]float64, 4)))
	if err != nil {
		panic(err)
	}
	// s(x - 2) = s(2 - x) + x - 2, and -2 s(x - 1) = -s(2x - 2).
	other := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(3, 1, []float64{1, 2, -1}), Bias: []float64{0, -2, 2}, Act: network.ReLU},
		{Map: network.NewDense(1, 3, []float64{2, -1, 1}), Bias: []float64{-2}},
	}}
	d, err := phi.Equal(hats(1, -2, 1), other, set)
	if err != nil {
		panic(err)
	}
	fmt.Println(d)
	d, err = phi.Equal(hats(1, -2, 1), hats(1, -2, 2), set)
	if err != nil {
		panic(err)
	}
	fmt.Println(d)
	// Output:
	// the same solution on this data (largest difference 0)
	// different on this data (largest difference 1): the cut of rows 4 adds 1 to output 1 on row 4 in the first network, 2 in the second
}
