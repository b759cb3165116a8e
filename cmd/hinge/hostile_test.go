package main

import (
	"encoding/binary"
	"math"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/encoding/protowire"
)

// Model files that no honest tool writes, field by field of onnx.proto, for
// scripts: the project's own writer could not be brought to make them.

// message is a protobuf message as it grows.
type message []byte

func (m message) varint(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

func (m message) text(field protowire.Number, s string) message { return m.bytes(field, []byte(s)) }

// node is a NodeProto of one output.
func node(op, name, output string, inputs ...string) message {
	var m message
	for _, in := range inputs {
		m = m.text(1, in)
	}
	return m.text(2, output).text(3, name).text(4, op)
}

// tensor is a TensorProto of float64 numbers with the shape that it claims.
func tensor(name string, dims []uint64, numbers ...float64) message {
	var m message
	for _, d := range dims {
		m = m.varint(1, d)
	}
	var raw []byte
	for _, v := range numbers {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	m = m.varint(2, 11).text(8, name)
	if raw != nil {
		m = m.bytes(9, raw)
	}
	return m
}

// external is a tensor whose numbers lie in another file.
func external(name, location string, dims ...uint64) message {
	return tensor(name, dims).bytes(13, message{}.text(1, "location").text(2, location)).varint(14, 1)
}

// value is a ValueInfoProto of rows of width float64 numbers.
func value(name string, width uint64) message {
	shape := message{}.bytes(1, message{}.text(2, "rows")).bytes(1, message{}.varint(1, width))
	return message{}.text(1, name).bytes(2, message{}.bytes(1, message{}.varint(1, 11).bytes(2, shape)))
}

// graph is a GraphProto from x (two numbers) to y (one).
func graph(nodes []message, tensors ...message) message {
	var m message
	for _, n := range nodes {
		m = m.bytes(1, n)
	}
	m = m.text(2, "graph")
	for _, t := range tensors {
		m = m.bytes(5, t)
	}
	return m.bytes(11, value("x", 2)).bytes(12, value("y", 1))
}

// hostileModels are graphs by what is wrong with them. "nothing" shows that the
// others are refused for that alone.
func hostileModels() map[string]message {
	product := []message{node("MatMul", "product", "y", "x", "w")}
	const huge = 1 << 62
	return map[string]message{
		"nothing":    graph(product, tensor("w", []uint64{2, 1}, 1, 2)),
		"cycle":      graph([]message{node("MatMul", "product", "a", "x", "w"), node("Add", "first", "b", "a", "c"), node("Add", "second", "c", "b", "a"), node("Relu", "last", "y", "c")}, tensor("w", []uint64{2, 1}, 1, 2)),
		"overflow":   graph(product, tensor("w", []uint64{huge, 4}, 1, 2)),
		"negative":   graph(product, tensor("w", []uint64{math.MaxUint64, math.MaxUint64}, 1)),
		"claim":      graph(product, tensor("w", []uint64{2, 1 << 40}, 1, 2)),
		"short":      graph(product, tensor("w", []uint64{2, 1}, 1)),
		"outside":    graph(product, external("w", "../secret.bin", 2, 1)),
		"absolute":   graph(product, external("w", "/etc/passwd", 2, 1)),
		"elsewhere":  graph(product, external("w", "absent.bin", 2, 1)),
		"shape":      graph(product, tensor("w", []uint64{3, 1}, 1, 2, 3)),
		"undefined":  graph([]message{node("MatMul", "product", "y", "x", "v")}, tensor("w", []uint64{2, 1}, 1, 2)),
		"no output":  graph([]message{node("MatMul", "product", "z", "x", "w")}, tensor("w", []uint64{2, 1}, 1, 2)),
		"operator":   graph([]message{node("MatMul", "product", "a", "x", "w"), node("Sigmoid", "squash", "y", "a")}, tensor("w", []uint64{2, 1}, 1, 2)),
		"not finite": graph(product, tensor("w", []uint64{2, 1}, 1, math.NaN())),
	}
}

// hostile KIND FILE writes such a model, or a safetensors file.
func cmdHostile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hostile kind file.onnx")
	}
	if args[0] == "safetensors" { // a header of 2^62 bytes
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), append(binary.LittleEndian.AppendUint64(nil, 1<<62), "{}"...), 0o666))
		return
	}
	g, ok := hostileModels()[args[0]]
	if !ok {
		ts.Fatalf("unknown kind %q", args[0])
	}
	opset := message{}.varint(2, 13)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), message{}.varint(1, 8).bytes(8, opset).bytes(7, g), 0o666))
}

// labels IMAGES LABELS ROWS writes a pair of IDX files: pictures of one byte, and
// a label of its own for every row.
func cmdLabels(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: labels images.idx labels.idx rows")
	}
	rows, err := strconv.Atoi(args[2])
	ts.Check(err)
	images := binary.BigEndian.AppendUint32([]byte{0, 0, 0x08, 2}, uint32(rows))
	images = append(binary.BigEndian.AppendUint32(images, 1), make([]byte, rows)...)
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 0x0c, 1}, uint32(rows))
	for i := range rows {
		labels = binary.BigEndian.AppendUint32(labels, uint32(i))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), images, 0o666))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), labels, 0o666))
}
