package onnx

import (
	"os"
	"slices"
	"testing"

	"hinge/network"
)

// earlier is a network with units added to both hidden layers, some of which no
// layer reads yet. Its numbers are small multiples of 1/8.
func earlier() *network.Network {
	eighths := func(n, seed int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64((i*7+seed*5)%17-8) / 8
		}
		return v
	}
	net := &network.Network{Precision: network.Float32, Meta: map[string]string{"hinge.construction": "repair"}, Layers: []network.Layer{
		{Map: network.NewDense(4, 3, eighths(12, 1)), Bias: eighths(4, 2), Act: network.ReLU, Name: "first"},
		{Map: network.NewDense(3, 4, eighths(12, 3)), Bias: eighths(3, 4), Act: network.ReLU},
		{Map: network.NewDense(2, 3, eighths(6, 5)), Bias: eighths(2, 6)},
	}}
	net = net.AddUnits(0, network.New{W: [][]float64{eighths(3, 7)}, Bias: []float64{-1}})
	return net.AddUnits(1, network.New{W: [][]float64{eighths(5, 8), eighths(5, 9)}, Bias: []float64{1, -1}, Out: [][]float64{{1, 0}, {0.5, -2}}})
}

// testdata/edited-before-parts.onnx was written when the biases of dense parts
// were still added to the joined outputs, and empty terms were written as zeros.
// It is read as the network that it was; what is written now is another graph.
func TestEarlierFilesAreRead(t *testing.T) {
	data, err := os.ReadFile("testdata/edited-before-parts.onnx")
	if err != nil {
		t.Fatal(err)
	}
	net, err := Decode(data)
	if err != nil || !same(net, earlier()) {
		t.Fatalf("%v, not %v: %v", net, earlier(), err)
	}
	count := func(data []byte, op string) int {
		n := 0
		for _, node := range nodesOf(t, data) {
			if node.GetOpType() == op {
				n++
			}
		}
		return n
	}
	now := encode(t, net, Options{})
	if slices.Equal(now, data) || count(data, "Gemm") != 0 || count(now, "Gemm") != 5 || count(data, "Add") != 6 || count(now, "Add") != 1 {
		t.Errorf("Gemm %d then and %d now, Add %d and %d", count(data, "Gemm"), count(now, "Gemm"), count(data, "Add"), count(now, "Add"))
	}
	if again, err := Decode(now); err != nil || !same(again, net) {
		t.Errorf("written now, it is read as %v: %v", again, err)
	}
}
