package ort

import (
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

func TestBrokenModelsAreErrors(t *testing.T) {
	if _, err := Find(); err != nil && !Required() {
		t.Skip(err)
	}
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		if y, err := Eval([]byte("no model"), mat.NewDense(1, 1, nil), prec); err == nil {
			t.Errorf("ONNX Runtime ran something that is no model: %v", y)
		}
	}
}

func TestFindTakesTheVariable(t *testing.T) {
	lib := filepath.Join(t.TempDir(), "libonnxruntime.so")
	t.Setenv("HINGE_ORT", lib)
	if got, err := Find(); err == nil {
		t.Errorf("found %s, which is not there", got)
	}
	if err := os.WriteFile(lib, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(); err != nil || got != lib {
		t.Errorf("found %q, %v; want %s", got, err, lib)
	}
}

func TestRequired(t *testing.T) {
	t.Setenv("CI", "")
	t.Setenv("HINGE_REQUIRE_ORT", "")
	if Required() {
		t.Error("required though nothing asks for it")
	}
	t.Setenv("HINGE_REQUIRE_ORT", "1")
	if !Required() {
		t.Error("not required though HINGE_REQUIRE_ORT asks for it")
	}
}
