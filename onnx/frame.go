package onnx

import (
	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// The way from a file's input to rows of numbers, and back to its output. Nothing
// on it rounds, but for a Cast that was in the file too.

// originOf returns how the network's file writes the first dense part of a
// layer, once for each name.
func (e *emitter) originOf(l *network.Layer) *layerOrigin {
	if e.origin == nil || e.used[l.Name] || !leadsDense(l.Map) {
		return nil
	}
	known := e.origin.Layers[l.Name]
	e.used[l.Name] = known != nil
	return known
}

// leadsDense reports whether the first part of a map is dense.
func leadsDense(m network.Map) bool {
	switch m := m.(type) {
	case *network.Dense:
		return true
	case *network.Stack:
		return leadsDense(m.Maps[0])
	case *network.Blocks:
		return leadsDense(m.Maps[0])
	case *network.Sum:
		return leadsDense(m.Maps[0])
	}
	return false
}

// enter makes rows of the model's input.
func (e *emitter) enter(in tensor) tensor {
	if e.origin == nil {
		return in
	}
	from, t, base := &e.origin.Input, in, in.name
	if typ := e.origin.typeOf(from, e.prec); typ != elemType(e.prec) {
		t = e.cast(t, base, elemType(e.prec))
	}
	if from.isTable() {
		return t
	}
	if from.Rows > 0 {
		t = e.node("Transpose", base, t.width, t.name)
		e.list(t, "perm", toFront(from.Rows, len(from.Dims)))
	}
	t = e.node("Flatten", base, t.width, t.name)
	axis := 1
	if from.Rows < 0 {
		axis = 0
	}
	e.attribute(t, "axis", axis)
	return t
}

// leave makes the model's output of rows.
func (e *emitter) leave(t tensor) tensor {
	if e.origin == nil {
		return t
	}
	to, typ, base := &e.origin.Output, elemType(e.prec), e.origin.Output.Name
	if op := e.origin.Ending; op != "" {
		t = e.node(op, base, t.width, t.name)
		e.attribute(t, "axis", 1)
		if op == "ArgMax" {
			typ, t.width = pb.TensorProto_INT64, 1
		}
	}
	if !to.isTable() {
		t = e.reshape(t, base, to)
	}
	if want := e.origin.typeOf(to, e.prec); want != typ {
		t = e.cast(t, base, want)
	}
	return t
}

// reshape gives rows the shape of an endpoint.
func (e *emitter) reshape(t tensor, base string, to *endpoint) tensor {
	var shape []int64
	if to.Rows >= 0 {
		shape = []int64{-1}
	}
	for i, d := range to.Dims {
		switch {
		case i == to.Rows:
		case d.Open:
			shape = append(shape, -1)
		default:
			shape = append(shape, int64(d.Size))
		}
	}
	t = e.node("Reshape", base, t.width, t.name, e.store(stored{name: base + ".shape", dims: []int{len(shape)}, wholes: shape}))
	if to.Rows > 0 {
		t = e.node("Transpose", base, t.width, t.name)
		e.list(t, "perm", fromFront(to.Rows, len(to.Dims)))
	}
	return t
}

func (e *emitter) cast(t tensor, base string, to pb.TensorProto_DataType) tensor {
	t = e.node("Cast", base, t.width, t.name)
	e.attribute(t, "to", int(to))
	return t
}

// toFront returns the permutation that moves an axis of a tensor to the front.
func toFront(axis, rank int) []int64 {
	perm := []int64{int64(axis)}
	for i := range rank {
		if i != axis {
			perm = append(perm, int64(i))
		}
	}
	return perm
}

// fromFront returns the permutation that moves the first axis to a place.
func fromFront(axis, rank int) []int64 {
	var perm []int64
	for i := range rank {
		switch {
		case i < axis:
			perm = append(perm, int64(i+1))
		case i == axis:
			perm = append(perm, 0)
		default:
			perm = append(perm, int64(i))
		}
	}
	return perm
}
