package onnx_test

import (
	"bytes"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
	"hinge/onnx"
)

// A hat function: max(0, x) - 2 max(0, x-1) + max(0, x-2), written and read.
func Example() {
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(3, 1, []float64{1, 1, 1}), Bias: []float64{0, -1, -2}, Act: network.ReLU, Name: "kinks"},
		{Map: network.NewDense(1, 3, []float64{1, -2, 1}), Name: "output"},
	}}
	var file bytes.Buffer
	if err := onnx.Write(&file, net, onnx.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	again, err := onnx.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(again)
	fmt.Println(again.Forward(mat.NewDense(3, 1, []float64{0.5, 1, 1.5})).RawMatrix().Data)
	// Output:
	// float64 network: 1 inputs, 1 outputs, 3 hidden units, 9 parameters
	//   layer 0: 1 -> 3  dense  relu  kinks
	//   layer 1: 3 -> 1  dense  identity  output
	// [0.5 1 0.5]
}
