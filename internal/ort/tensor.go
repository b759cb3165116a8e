//go:build cgo

package ort

import (
	"fmt"

	rt "github.com/yalue/onnxruntime_go"

	"hinge/network"
)

// A Tensor is numbers in row-major order and their shape.
type Tensor struct {
	Dims []int64
	Data []float64
}

// EvalTensor is [Eval] for inputs and outputs of any shape. The model's output
// may hold float, double or int64. The graph runs as it is written: the
// runtime's optimisations, which round some factors of doubles to float, are off.
func EvalTensor(model []byte, x Tensor, prec network.Precision) (*Tensor, error) {
	all, err := EvalTensors(model, []Tensor{x}, prec, false)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// EvalTensors is [EvalTensor] for several inputs of any shapes, one after the
// other, with the runtime's optimisations on or off.
func EvalTensors(model []byte, x []Tensor, prec network.Precision, optimised bool) ([]*Tensor, error) {
	if err := start(); err != nil {
		return nil, err
	}
	inputs, outputs, err := rt.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime does not load the model: %w", err)
	}
	if len(inputs) != 1 || len(outputs) != 1 {
		return nil, fmt.Errorf("model of %d inputs and %d outputs: one each wanted", len(inputs), len(outputs))
	}
	options, err := options(1)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if !optimised {
		if err := options.SetGraphOptimizationLevel(rt.GraphOptimizationLevelDisableAll); err != nil {
			return nil, err
		}
	}
	session, err := rt.NewDynamicAdvancedSessionWithONNXData(model,
		[]string{inputs[0].Name}, []string{outputs[0].Name}, options)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime does not load the model: %w", err)
	}
	defer session.Destroy()
	run := runTensor[float64]
	if prec == network.Float32 {
		run = runTensor[float32]
	}
	var all []*Tensor
	for _, t := range x {
		y, err := run(session, t)
		if err != nil {
			return nil, err
		}
		all = append(all, y)
	}
	return all, nil
}

func runTensor[T float32 | float64](session *rt.DynamicAdvancedSession, x Tensor) (*Tensor, error) {
	in := make([]T, len(x.Data))
	for i, v := range x.Data {
		in[i] = T(v)
	}
	input, err := rt.NewTensor(rt.NewShape(x.Dims...), in)
	if err != nil {
		return nil, err
	}
	defer input.Destroy()
	out := []rt.Value{nil}
	if err := session.Run([]rt.Value{input}, out); err != nil {
		return nil, fmt.Errorf("ONNX Runtime: %w", err)
	}
	defer out[0].Destroy()
	switch y := out[0].(type) {
	case *rt.Tensor[float32]:
		return collect(y), nil
	case *rt.Tensor[float64]:
		return collect(y), nil
	case *rt.Tensor[int64]:
		return collect(y), nil
	}
	return nil, fmt.Errorf("ONNX Runtime gives a %T", out[0])
}

func collect[T float32 | float64 | int64](y *rt.Tensor[T]) *Tensor {
	all := &Tensor{Dims: append([]int64(nil), y.GetShape()...)}
	for _, v := range y.GetData() {
		all.Data = append(all.Data, float64(v))
	}
	return all
}
