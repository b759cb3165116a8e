package onnx

import (
	"encoding/json"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// The random networks of the other tests must use every way of writing a map
// and every operator: otherwise those tests show less than they say.
func TestRandomNetworksCoverEverything(t *testing.T) {
	forms, ops := map[string]int{}, map[string]int{}
	var visit func(r *mapRecord)
	visit = func(r *mapRecord) {
		forms[string(r.Kind)+" "+string(r.Form)]++
		for _, part := range r.Maps {
			visit(part)
		}
		if len(r.Zeros) > 0 {
			forms["zeros"]++
		}
	}
	for seed := range uint64(150) { // the fewest that any test draws, but for real numbers
		model := modelOf(t, encode(t, newMaker(seed).network(precisions[seed%2]), Options{}))
		for _, n := range model.Graph.Node {
			ops[n.GetOpType()]++
		}
		var s structure
		if err := json.Unmarshal([]byte(describedIn(model).GetValue()), &s); err != nil {
			t.Fatal(err)
		}
		for _, l := range s.Layers {
			visit(l.Map)
		}
	}
	for _, want := range []string{"dense gemm", "dense matmul", "sparse matmul", "sparse gather", "elementwise ",
		"projected broadcast", "projected gather", "stack ", "blocks ", "sum ", "zeros"} {
		if forms[want] < 5 {
			t.Errorf("form %q was drawn %d times", want, forms[want])
		}
	}
	for op := range opName {
		if ops[op] < 5 {
			t.Errorf("operator %s was drawn %d times", op, ops[op])
		}
	}
}

// FuzzStructure replaces the description of the layers and nothing else: then
// the network read must be the one in the graph, or none.
func FuzzStructure(f *testing.F) {
	for seed := range uint64(24) {
		model := modelOf(f, encode(f, newMaker(seed).network(network.Float64), Options{Dense: seed%4 == 0}))
		f.Add(seed, describedIn(model).GetValue())
	}
	huge := `{"kind":"sparse","form":"gather","in":9223372036854775807,"weights":["w"],"indices":["i"]}`
	f.Add(uint64(3), `{"layers":[{"map":{"kind":"sum","maps":[`+huge+`,`+huge+`,{"kind":"stack"},null]}}]}`)
	f.Fuzz(func(t *testing.T, seed uint64, description string) {
		net := newMaker(seed % 24).network(network.Float64)
		dense := seed%4 == 0
		model := modelOf(t, encode(t, net, Options{Dense: dense}))
		describedIn(model).Value = &description
		got, err := Decode(marshalModel(t, model))
		if err != nil {
			return
		}
		if dense {
			net = net.Dense()
		}
		x := newMaker(seed).inputs(3, net.Inputs())
		if !mat.Equal(net.Forward(x), got.Forward(x)) {
			t.Errorf("another description made another network:\n%v\n%v", net, got)
		}
	})
}

func describedIn(model *pb.ModelProto) *pb.StringStringEntryProto {
	for _, entry := range model.MetadataProps {
		if entry.GetKey() == structureKey {
			return entry
		}
	}
	return &pb.StringStringEntryProto{}
}

func TestRunsOf(t *testing.T) {
	m := &network.Projected{P: network.NewDense(2, 1, []float64{1, 2}), Pick: []int32{0, 0, 0, 1, 1, 0}}
	want := []run{{0, 0, 2}, {0, 2, 3}, {1, 3, 5}, {0, 5, 6}}
	if got := runsOf(m, []int{2, 3, 1}); !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
}

func TestRefine(t *testing.T) {
	maps := []network.Map{&network.Diagonal{D: ones(3)}, &network.Diagonal{D: ones(4)}}
	got := refine([]int{2, 2, 3}, maps)
	if want := [][]int{{2, 1}, {1, 3}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("pieces %v, want %v", got, want)
	}
}

// A Sum takes the parts it adds as tensors of their own, through elementwise
// layers in between, and the layers before put them out so.
func TestPartitionsReachBack(t *testing.T) {
	d := func(n int) *network.Diagonal { return &network.Diagonal{D: ones(n)} }
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(6, 2, ones(12))},
		{Map: d(6), Act: network.ReLU},
		{Map: &network.Sum{Maps: []network.Map{d(2), d(2), d(2)}}},
	}}
	got := partitions(net)
	want := [][]int{{2}, {2, 2, 2}, {2, 2, 2}, {2}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("partitions %v, want %v", got, want)
	}
	for _, n := range nodesOf(t, encode(t, net, Options{})) {
		if op := n.GetOpType(); op == "Concat" || op == "Slice" {
			t.Errorf("a %s where all parts match", op)
		}
	}
}
