package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/construct"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/internal/ort"
	"hinge/network"
	"hinge/onnx"
)

// sharedFile returns the path of a real table, and skips the test where the
// folder of real tables, which is not shipped, is not there.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(sharedFolder(), name)
	if _, err := os.Stat(path); err != nil {
		t.Skip(err)
	}
	return path
}

// In ONNX Runtime every label of a real table comes back bit for bit, in both
// precisions.
func TestBitsInRuntime(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates 10^9 units")
	}
	path := sharedFile(t, "california_housing.csv")
	set, err := table.Read(path, table.Options{Target: []string{"median_house_value"}, Missing: "drop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("float32", func(t *testing.T) { bitsInRuntime(t, set, network.Float32) })
	// Every seventh row keeps the float64 run short.
	var rows []int
	for i := 0; i < set.N(); i += 7 {
		rows = append(rows, i)
	}
	t.Run("float64", func(t *testing.T) { bitsInRuntime(t, set.Select(rows), network.Float64) })
}

func bitsInRuntime(t *testing.T, set *dataset.Set, prec network.Precision) {
	result, err := hinge.Build(set, hinge.Options{Goal: construct.Bits, Precision: prec})
	if err != nil {
		t.Fatal(err)
	}
	if c := result.Certificate; !c.Holds || c.MaxError != 0 {
		t.Fatalf("certificate: holds %v, error %v", c.Holds, c.MaxError)
	}
	var model bytes.Buffer
	if err := onnx.Write(&model, result.Network, onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	got := ort.Run(t, model.Bytes(), result.Set.X, prec)
	if wrong := differing(got, result.Set.Y); wrong > 0 {
		t.Errorf("%d of %d labels differ", wrong, set.N())
	}
}

func differing(a, b *mat.Dense) int {
	n, p := a.Dims()
	wrong := 0
	for i := 0; i < n; i++ {
		for j := 0; j < p; j++ {
			if a.At(i, j) != b.At(i, j) {
				wrong++
			}
		}
	}
	return wrong
}
