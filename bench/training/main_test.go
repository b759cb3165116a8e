package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"hinge/internal/blas"
)

// TestPage writes docs/training.md anew and compares; with -short, one section
// of it. Other processors round their sums in other ways, so that a last printed digit may
// differ there.
func TestPage(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the page is written on amd64")
	}
	if blas.Fast() {
		t.Fatal("the engine is not the one written in Go")
	}
	want, err := os.ReadFile("../../docs/training.md")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		var section bytes.Buffer
		if err := outputLayer(&section); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(want), section.String()) {
			t.Errorf("docs/training.md does not hold this section; write it anew with go run ./bench/training\n%s", section.String())
		}
		return
	}
	got, err := page()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(want), "\n")
	for k, line := range strings.Split(string(got), "\n") {
		if k >= len(lines) || lines[k] != line {
			t.Fatalf("docs/training.md differs in line %d; write it anew with go run ./bench/training\n%s", k+1, line)
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/training.md is longer than what is written now")
	}
}

// TestFigures checks how numbers are written.
func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.012", 121.4: "121", 99.9: "100", 1234: "1.2e+03", -0.5: "-0.5", 0.001: "1.0e-03"} {
		if got := figure(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	if median([]float64{3, 1, 2}) != 2 || median([]float64{4, 1}) != 2.5 {
		t.Error("median")
	}
}
