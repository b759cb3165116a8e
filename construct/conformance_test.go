package construct_test

import (
	"math"
	"runtime/debug"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/constructtest"
	"hinge/internal/ort"
	"hinge/onnx"
)

func TestConformance(t *testing.T) {
	// Thousands of small networks: with the usual goal, collecting a heap of a few
	// megabytes over and over takes a tenth of the time, for cover a third.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, c := range construct.Catalogue {
		t.Run(c.Name, func(t *testing.T) { constructtest.Run(t, c, sameInRuntime) })
	}
}

// sameInRuntime checks that the exported network keeps in the real ONNX Runtime
// what its certificate promises: no error beyond the certified one, no margin
// below it.
func sameInRuntime(t *testing.T, c constructtest.Case) {
	if _, err := ort.Find(); err != nil && !ort.Required() {
		return // the rest of the suite does not need it
	}
	cert, err := certify.Certify(c.Net, c.Set, certify.Options{Tolerance: c.Tolerance})
	if err != nil {
		t.Fatal(err)
	}
	model, err := onnx.Encode(c.Net, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := ort.Run(t, model, c.Set.X, c.Net.Precision)
	if c.Set.IsClasses() {
		if m := leastMargin(got, c.Set.Class); m < cert.MinMargin {
			t.Errorf("a margin of %v in ONNX Runtime, certified %v", m, cert.MinMargin)
		}
		return
	}
	ranges := c.Set.Range()
	for i := 0; i < c.Set.N(); i++ {
		for j, y := range c.Set.Y.RawRowView(i) {
			if e := math.Abs(got.At(i, j)-y) / ranges[j]; !(e <= cert.MaxError) {
				t.Fatalf("row %d, output %d: error %v in ONNX Runtime, certified %v", i+1, j+1, e, cert.MaxError)
			}
		}
	}
}

// leastMargin returns the least of right output minus largest other output; 1
// with a single class, as certificates have it.
func leastMargin(out *mat.Dense, class []int) float64 {
	n, p := out.Dims()
	if p == 1 {
		return 1
	}
	least := math.Inf(1)
	for i := 0; i < n; i++ {
		for j := 0; j < p; j++ {
			if j != class[i] {
				least = min(least, out.At(i, class[i])-out.At(i, j))
			}
		}
	}
	return least
}
