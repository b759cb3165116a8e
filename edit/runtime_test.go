package edit

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/ort"
	"hinge/network"
	"hinge/onnx"
)

// In ONNX Runtime a network repaired by gates gives the bits that it gave before
// on every row to keep: the old part of each layer is still the node that it was,
// and what is added to its results is 0.
func TestRepairedBitsInONNXRuntime(t *testing.T) {
	for name, kind := range kinds {
		for _, precision := range []network.Precision{network.Float32, network.Float64} {
			net := trained(181, precision, kind.acts, kind.widths...)
			keep := rows(182, precision, 700, 6)
			fix := relabelled(t, net, rows(183, precision, 9, 6))
			r, err := Repair(net, fix, keep, nil, Options{})
			if err != nil {
				t.Fatal(name, err)
			}
			before, after := ort.Run(t, exported(t, net), keep, precision), ort.Run(t, exported(t, r.Network), keep, precision)
			if !mat.Equal(before, after) {
				moved := 0
				for i := range rowCount(keep) {
					if !mat.Equal(before.RowView(i), after.RowView(i)) {
						moved++
					}
				}
				t.Errorf("%s, %v: %d of %d rows to keep moved in ONNX Runtime", name, precision, moved, rowCount(keep))
			}
			out := ort.Run(t, exported(t, r.Network), fix.X, precision)
			for i, c := range fix.Class {
				if largest(out.RawRowView(i)) != c {
					t.Errorf("%s, %v: row %d to fix is not hit in ONNX Runtime", name, precision, i)
				}
			}
		}
	}
}

func exported(t *testing.T, net *network.Network) []byte {
	t.Helper()
	data, err := onnx.Encode(net, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
