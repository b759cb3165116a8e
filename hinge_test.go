package hinge_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/onnx"
	"hinge/report"
)

// TestBuildHitsEveryRow rebuilds and compares, for tables of all small shapes,
// both precisions and every goal: what the certificate claims holds for the
// network read back from its file.
func TestBuildHitsEveryRow(t *testing.T) {
	goals := []construct.Goal{construct.Fit, construct.SizeGoal, construct.Speed, construct.Generalize, construct.Bits}
	path := filepath.Join(t.TempDir(), "net.onnx")
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(2, 60).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "d")
		seed := rapid.Uint64Range(0, 1000).Draw(t, "seed")
		opts := hinge.Options{
			Goal: rapid.SampledFrom(goals).Draw(t, "goal"), Seed: seed,
			Precision: rapid.SampledFrom([]network.Precision{network.Float64, network.Float32}).Draw(t, "precision"),
		}
		set := dataset.RandomReal(n, d, rapid.IntRange(1, 3).Draw(t, "p"), seed)
		if rapid.Bool().Draw(t, "classes") {
			set = dataset.RandomClasses(n, d, 2, seed)
		}
		r, err := hinge.Build(set, opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := hinge.Save(path, r.Network); err != nil {
			t.Fatal(err)
		}
		net, err := hinge.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		check, err := hinge.Check(net, set, 0)
		if err != nil {
			t.Fatal(err)
		}
		if check.Hit != n || check.Stored != report.StoredSame {
			t.Fatalf("%d of %d rows hit, stored %q", check.Hit, n, check.Stored)
		}
		if worst := worstError(net, r.Set); !set.IsClasses() && worst > r.Certificate.MaxError {
			t.Fatalf("an error of %v where %v is proved", worst, r.Certificate.MaxError)
		}
	})
}

// worstError evaluates a regression network and returns the largest error as a
// fraction of the range.
func worstError(net *network.Network, set *dataset.Set) float64 {
	out, ranges, worst := net.Eval(set.X), set.Range(), 0.0
	for i := range set.N() {
		for j, y := range set.Y.RawRowView(i) {
			worst = max(worst, math.Abs(out.At(i, j)-y)/ranges[j])
		}
	}
	return worst
}

func TestBuildWithoutCertificateSaysWhatWouldHold(t *testing.T) {
	set := dataset.RandomReal(80, 2, 1, 1)
	r, err := hinge.Build(set, hinge.Options{Construction: "sorted", Precision: network.Float32, Tolerance: 1e-9})
	var no *hinge.UncertifiedError
	if !errors.As(err, &no) {
		t.Fatalf("error %v, want an UncertifiedError", err)
	}
	if r == nil || r.Certificate.Holds || len(no.Advice) == 0 {
		t.Fatalf("result %v, advice %v", r, no.Advice)
	}
	// The advice is true: the tolerance it names is proved.
	for _, advice := range no.Advice {
		text, found := strings.CutPrefix(advice, "--tolerance ")
		if !found {
			continue
		}
		var tolerance float64
		if tolerance, err = parse(strings.TrimSuffix(strings.Fields(text)[0], ":")); err != nil {
			t.Fatal(err)
		}
		check, err := hinge.Check(r.Network, set, tolerance)
		if err != nil || check.Hit != check.Rows {
			t.Errorf("with the tolerance advised, %d of %d rows are hit (%v)", check.Hit, check.Rows, err)
		}
	}
	if report.CertificateOf(r.Network).Holds || r.Network.Meta[report.MetaCertified] != "no" {
		t.Error("the network does not say that it is not certified")
	}
}

func TestBuildErrors(t *testing.T) {
	set := dataset.RandomReal(10, 2, 1, 1)
	var name *construct.NameError
	if _, err := hinge.Build(set, hinge.Options{Construction: "slob"}); !errors.As(err, &name) || name.Nearest != "slab" {
		t.Errorf("unknown construction: %v", err)
	}
	for _, tolerance := range []float64{-1, 1, math.NaN()} {
		if _, err := hinge.Build(set, hinge.Options{Tolerance: tolerance}); err == nil {
			t.Errorf("tolerance %v: no error", tolerance)
		}
	}
	x := mat.NewDense(2, 1, []float64{1, 1 + 1e-12})
	near, err := dataset.New(x, mat.NewDense(2, 1, []float64{1, 2}))
	if err != nil {
		t.Fatal(err)
	}
	var conflict *dataset.ConflictError
	if _, err := hinge.Build(near, hinge.Options{Precision: network.Float32}); !errors.As(err, &conflict) {
		t.Errorf("rows that are equal in float32: %v", err)
	}
}

func TestCheckNoticesWhatChanged(t *testing.T) {
	set := dataset.RandomReal(40, 2, 1, 3)
	for _, c := range construct.Names() {
		r, err := hinge.Build(set, hinge.Options{Construction: c, Tolerance: 0.5})
		var no *hinge.UncertifiedError
		if err != nil && !errors.As(err, &no) {
			continue // the construction does not serve these rows
		}
		everyBitCounts(t, r)
	}
	r, err := hinge.Build(set, hinge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := dataset.RandomReal(40, 2, 1, 4)
	check, err := hinge.Check(r.Network, other, 0)
	if err != nil {
		t.Fatal(err)
	}
	if check.Hit == check.Rows || check.Stored != report.StoredOther {
		t.Errorf("other rows: %d of %d hit, stored %q", check.Hit, check.Rows, check.Stored)
	}
}

// everyBitCounts changes every single weight by its last bit: info notices.
func everyBitCounts(t *testing.T, r *hinge.Result) {
	t.Helper()
	changed := 0
	for _, l := range r.Network.Layers {
		each := func(w []float64) {
			for i := range w {
				old := w[i]
				w[i] = math.Nextafter(old, math.Inf(1))
				if info := hinge.Info(r.Network); info.Stored != report.StoredChanged {
					t.Errorf("%s: a weight of layer %s changed: stored %q", r.Report.Construction, l.Name, info.Stored)
				}
				w[i] = old
				changed++
			}
		}
		network.Weights(l.Map, each)
		each(l.Bias)
	}
	if changed < r.Network.Parameters() {
		t.Errorf("%d weights tried of %d", changed, r.Network.Parameters())
	}
}

// TestCheckOnSomeRows: a single row is measured by the range of all of them, so
// it is hit when they all are.
func TestCheckOnSomeRows(t *testing.T) {
	set := dataset.RandomReal(60, 2, 1, 5)
	set.Y.Scale(1e9, set.Y)
	r, err := hinge.Build(set, hinge.Options{Precision: network.Float32})
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.N() {
		check, err := hinge.Check(r.Network, set.Select([]int{i}), 0)
		if err != nil {
			t.Fatal(err)
		}
		if check.Hit != 1 || check.MaxError > r.Certificate.MaxError {
			t.Errorf("row %d alone: %d hit, error %v, with all rows %v", i+1, check.Hit, check.MaxError, r.Certificate.MaxError)
		}
	}
}

func TestShapesThatDoNotFit(t *testing.T) {
	r, err := hinge.Build(dataset.RandomReal(20, 2, 1, 1), hinge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hinge.Check(r.Network, dataset.RandomReal(20, 3, 1, 1), 0); err == nil || !strings.Contains(err.Error(), "2 inputs") {
		t.Errorf("three inputs for two: %v", err)
	}
	if _, err := hinge.Check(r.Network, dataset.RandomReal(20, 2, 2, 1), 0); err == nil || !strings.Contains(err.Error(), "1 output") {
		t.Errorf("two targets for one: %v", err)
	}
	if _, err := hinge.Predict(r.Network, mat.NewDense(1, 5, nil)); err == nil {
		t.Error("five inputs for two: no error")
	}
}

func TestLoadErrorsNameTheFile(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.onnx")
	if err := os.WriteFile(broken, []byte("version https://git-lfs"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, broken, filepath.Join(folder, "none.onnx")} {
		_, err := hinge.Load(path)
		var file *hinge.FileError
		if !errors.As(err, &file) || file.Path != path || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s) = %v", path, err)
		}
	}
	var format *onnx.FormatError
	if _, err := hinge.Load(broken); !errors.As(err, &format) {
		t.Errorf("broken file: %v", err)
	}
}

// TestSameSeedSameBytes builds twice and compares the files.
func TestSameSeedSameBytes(t *testing.T) {
	folder := t.TempDir()
	for _, goal := range []construct.Goal{construct.Fit, construct.SizeGoal, construct.Generalize, construct.Bits} {
		var first []byte
		for range 3 {
			r, err := hinge.Build(dataset.Franke(150, 0.1, 2), hinge.Options{Goal: goal, Seed: 9})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "net.onnx")
			if err := hinge.Save(path, r.Network); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = data
			}
			if string(first) != string(data) {
				t.Errorf("for %s: two builds, two files", goal)
			}
		}
	}
}
