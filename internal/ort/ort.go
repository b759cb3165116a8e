//go:build cgo

package ort

import (
	"fmt"
	"sync"
	"testing"

	rt "github.com/yalue/onnxruntime_go"
	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// batchRows returns the number of rows given to the runtime at once. A
// structured model makes about as many numbers for a row as it stores, so this
// keeps the numbers of a batch below half a GiB. It is seldom a divisor of the
// number of rows: models are run with full batches and with a ragged one.
func batchRows(model []byte) int { return min(4093, max(61, 1<<29/max(len(model), 1))) }

// start loads the library once for the whole process. It logs no errors: they
// are returned, and some tests provoke them.
var start = sync.OnceValue(func() error {
	lib, err := Find()
	if err != nil {
		return err
	}
	rt.SetSharedLibraryPath(lib)
	return rt.InitializeEnvironment(rt.WithLogLevelFatal())
})

// Run evaluates an .onnx model of one input and one output on the rows of x
// (n x d), whose elements it takes as numbers of the given precision, and
// returns the outputs (n x p). It fails the test when the runtime refuses the
// model. Where the runtime is not installed it skips the test, unless the
// environment says that nothing may be skipped (see [Required]).
func Run(t testing.TB, model []byte, x *mat.Dense, prec network.Precision) *mat.Dense {
	t.Helper()
	if err := start(); err != nil {
		if Required() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	y, err := Eval(model, x, prec)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// Eval is Run for callers that want the error: that of the library, which is
// missing or does not load, or that of the runtime about the model.
func Eval(model []byte, x *mat.Dense, prec network.Precision) (*mat.Dense, error) {
	if err := start(); err != nil {
		return nil, err
	}
	if prec == network.Float32 {
		return eval[float32](model, x)
	}
	return eval[float64](model, x)
}

func eval[T float32 | float64](model []byte, x *mat.Dense) (*mat.Dense, error) {
	inputs, outputs, err := rt.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime does not load the model: %w", err)
	}
	if len(inputs) != 1 || len(outputs) != 1 {
		return nil, fmt.Errorf("model of %d inputs and %d outputs: one each wanted", len(inputs), len(outputs))
	}
	rows, _ := x.Dims()
	options, err := options(rows)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	session, err := rt.NewDynamicAdvancedSessionWithONNXData(model,
		[]string{inputs[0].Name}, []string{outputs[0].Name}, options)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime does not load the model: %w", err)
	}
	defer session.Destroy()
	var y []float64
	step := batchRows(model)
	for from := 0; from < rows; from += step {
		batch, err := runBatch[T](session, x, from, min(from+step, rows))
		if err != nil {
			return nil, fmt.Errorf("ONNX Runtime, rows from %d: %w", from, err)
		}
		y = append(y, batch...)
	}
	return mat.NewDense(rows, len(y)/rows, y), nil
}

// fewRows is the size of a batch up to which starting threads costs more than
// they can save.
const fewRows = 64

func options(rows int) (*rt.SessionOptions, error) {
	o, err := rt.NewSessionOptions()
	if err == nil && rows <= fewRows {
		err = o.SetIntraOpNumThreads(1)
	}
	return o, err
}

// runBatch evaluates rows from <= r < to of x and returns the outputs row by row.
func runBatch[T float32 | float64](session *rt.DynamicAdvancedSession, x *mat.Dense, from, to int) ([]float64, error) {
	_, d := x.Dims()
	in := make([]T, 0, (to-from)*d)
	for r := from; r < to; r++ {
		for _, v := range x.RawRowView(r) {
			in = append(in, T(v))
		}
	}
	input, err := rt.NewTensor(rt.NewShape(int64(to-from), int64(d)), in)
	if err != nil {
		return nil, err
	}
	defer input.Destroy()
	out := []rt.Value{nil}
	if err := session.Run([]rt.Value{input}, out); err != nil {
		return nil, err
	}
	defer out[0].Destroy()
	result, ok := out[0].(*rt.Tensor[T])
	if !ok || len(result.GetShape()) != 2 || result.GetShape()[0] != int64(to-from) {
		return nil, fmt.Errorf("%d rows give a %T of shape %v", to-from, out[0], out[0].GetShape())
	}
	y := make([]float64, len(result.GetData()))
	for i, v := range result.GetData() {
		y[i] = float64(v)
	}
	return y, nil
}
