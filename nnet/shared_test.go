package nnet

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/shareddata"
)

// seeded returns the inputs that belong to a seed of the reference outputs.
func seeded(seed uint32, d int) *mat.Dense {
	lo := -1.0
	if d >= 100 {
		lo = 0
	}
	x := mat.NewDense(1, d, nil)
	for j := range d {
		seed = seed*1664525 + 1013904223
		x.Set(0, j, float64(float32(lo+(1-lo)*(float64(seed)/(1<<32)))))
	}
	return x
}

// foreignTolerance is the difference, relative to the largest output, that
// float64 sums of up to 784 terms in up to 11 layers explain.
const foreignTolerance = 1e-12

// Every file gives the outputs that NumPy computed from it, in every reading
// that it has.
func TestFilesOfOthers(t *testing.T) {
	dir := shareddata.File(t, "nets")
	text, err := os.ReadFile(filepath.Join(dir, "expected_other.json"))
	if err != nil {
		t.Fatal(err)
	}
	type values struct {
		Seed              uint32
		Raw, Normalised   []float64
		Normalised_noclip []float64
	}
	var all map[string]struct{ Cases []values }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	files := 0
	for name, of := range all {
		if !strings.HasSuffix(name, ".nnet") {
			continue
		}
		files++
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range of.Cases {
			auto := c.Normalised_noclip
			if auto == nil {
				auto = c.Raw
			}
			compare(t, name, data, Auto, c.Seed, auto)
			compare(t, name, data, Raw, c.Seed, c.Raw)
			compare(t, name, data, Normalised, c.Seed, c.Normalised_noclip)
			compare(t, name, data, Clipped, c.Seed, c.Normalised)
		}
	}
	if files != 9 {
		t.Errorf("%d files compared, not 9", files)
	}
}

// compare wants a reading refused where there is no reference.
func compare(t *testing.T, name string, data []byte, r Reading, seed uint32, want []float64) {
	t.Helper()
	net, err := Decode(data, Options{Reading: r})
	if (err == nil) != (want != nil) {
		t.Errorf("%s, %v: %v; the reference is %v", name, r, err, want)
	}
	if err != nil || want == nil {
		return
	}
	got := net.Eval(seeded(seed, net.Inputs())).RawRowView(0)
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	for j, v := range want {
		if d := math.Abs(got[j] - v); !(d <= foreignTolerance*size) {
			t.Errorf("%s, %v: output %d is %v, in NumPy %v", name, r, j, got[j], v)
		}
	}
}
