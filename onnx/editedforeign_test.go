package onnx

import (
	"testing"

	"hinge/internal/ort"
	"hinge/network"
)

// Whatever someone does to a graph of another exporter: what is read from it is
// what ONNX Runtime runs. That hinge reads some graphs which the runtime refuses,
// as of old exporters, is meant; that it reads one otherwise is a defect.
func TestEditedForeignGraphs(t *testing.T) {
	needRuntime(t)
	const rows = 3
	compared := 0
	for seed := range uint64(900) {
		g := newGrower(seed, map[string]int{})
		g.bytes(t) // closes the model
		if len(g.model.Graph.Initializer) == 0 {
			continue
		}
		for range 1 + g.IntN(2) {
			edits[g.IntN(len(edits))](g.Rand, g.model)
		}
		edited := marshalModel(t, g.model)
		net, err := Decode(edited)
		if err != nil || net.Meta[outputKey] != "" {
			continue
		}
		size := product(g.input[1:])
		if net.Inputs() != size {
			t.Fatalf("seed %d: %d inputs read of %v", seed, net.Inputs(), g.input)
		}
		x := g.maker.inputs(rows, size)
		in := ort.Tensor{Dims: []int64{rows}, Data: x.RawMatrix().Data}
		for _, d := range g.input[1:] {
			in.Dims = append(in.Dims, int64(d))
		}
		want, err := ort.EvalTensor(edited, in, g.precision())
		if err != nil || len(want.Dims) == 0 || want.Dims[0] != rows || len(want.Data) != rows*net.Outputs() {
			continue // rows elsewhere, or one row at a time
		}
		if net.Precision == network.Float64 && g.precision() == network.Float32 {
			continue
		}
		compareRows(t, g.chain, net, x, net.Eval(x), want.Data)
		compared++
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if compared < 300 {
		t.Errorf("only %d edited graphs could be compared: the test shows little", compared)
	}
	t.Logf("%d edited graphs compared", compared)
}
