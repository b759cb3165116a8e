//go:build !cgo

package ort

import (
	"errors"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

var errNoCgo = errors.New("ONNX Runtime needs cgo, which is off")

// Run skips the test, or fails it when nothing may be skipped: without cgo
// there is no runtime.
func Run(t testing.TB, _ []byte, _ *mat.Dense, _ network.Precision) *mat.Dense {
	t.Helper()
	if Required() {
		t.Fatal(errNoCgo)
	}
	t.Skip(errNoCgo)
	return nil
}

// Eval returns an error: without cgo there is no runtime.
func Eval(_ []byte, _ *mat.Dense, _ network.Precision) (*mat.Dense, error) {
	return nil, errNoCgo
}

// A Tensor is numbers in row-major order and their shape.
type Tensor struct {
	Dims []int64
	Data []float64
}

// EvalTensor returns an error: without cgo there is no runtime.
func EvalTensor(_ []byte, _ Tensor, _ network.Precision) (*Tensor, error) {
	return nil, errNoCgo
}

// EvalTensors returns an error: without cgo there is no runtime.
func EvalTensors(_ []byte, _ []Tensor, _ network.Precision, _ bool) ([]*Tensor, error) {
	return nil, errNoCgo
}
