package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// stored is a tensor that a graph keeps: numbers of the network's precision, or
// indices.
type stored struct {
	name    string
	dims    []int
	numbers []float64
	indices []int32 // instead of numbers
	wholes  []int64 // instead of numbers: a shape
}

// elemType returns the ONNX type of the numbers of a precision.
func elemType(prec network.Precision) pb.TensorProto_DataType {
	if prec == network.Float32 {
		return pb.TensorProto_FLOAT
	}
	return pb.TensorProto_DOUBLE
}

// width returns the bytes of a number of a precision.
func width(prec network.Precision) int {
	if prec == network.Float32 {
		return 4
	}
	return 8
}

// A tensorStore collects the tensors of a model that is being written.
type tensorStore struct {
	tensors []*pb.TensorProto
	bytes   int64
}

// add encodes t, unless the file has become too large.
func (s *tensorStore) add(t stored, prec network.Precision) error {
	size := int64(len(t.numbers))*int64(width(prec)) + int64(len(t.indices))*4 + int64(len(t.wholes))*8
	if s.bytes += size; s.bytes >= maxFile {
		return &TooLargeError{Bytes: s.bytes}
	}
	dims := make([]int64, len(t.dims))
	for i, d := range t.dims {
		dims[i] = int64(d)
	}
	typ, raw := elemType(prec), make([]byte, 0, size)
	switch {
	case t.indices != nil:
		typ = pb.TensorProto_INT32
		for _, v := range t.indices {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		}
	case t.wholes != nil:
		typ = pb.TensorProto_INT64
		for _, v := range t.wholes {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
	case prec == network.Float32:
		for _, v := range t.numbers {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
		}
	default:
		for _, v := range t.numbers {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
	}
	s.tensors = append(s.tensors, &pb.TensorProto{Name: proto.String(t.name), Dims: dims, DataType: proto.Int32(int32(typ)), RawData: raw})
	return nil
}

// shapeOf returns the dimensions of t and their product. It fails where they
// are negative, or where the product is more than could be stored.
func shapeOf(t *pb.TensorProto) (dims []int, count int, err error) {
	total := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > math.MaxInt32 {
			return nil, 0, &FormatError{Where: where(t), Reason: fmt.Sprintf("a dimension is %d", d)}
		}
		if total *= d; total > math.MaxInt32 {
			return nil, 0, &FormatError{Where: where(t), Reason: fmt.Sprintf("its dimensions %v multiply to more than a file holds", t.Dims)}
		}
		dims = append(dims, int(d))
	}
	return dims, int(total), nil
}

func where(t *pb.TensorProto) string { return fmt.Sprintf("tensor %q", t.GetName()) }

// decodeNumbers returns the elements of a float or double tensor. Nothing is
// allocated beyond what the file really holds.
func decodeNumbers(t *pb.TensorProto) (dims []int, v []float64, err error) {
	c, err := decodeConstant(t)
	if err == nil && c.v == nil {
		err = &UnsupportedError{Reason: fmt.Sprintf("%s holds %v; float and double are understood", where(t), c.typ)}
	}
	return c.dims, c.v, err
}

// elementSize returns the bytes of an element, 0 for types that are not read.
func elementSize(typ pb.TensorProto_DataType) int {
	switch typ {
	case pb.TensorProto_FLOAT, pb.TensorProto_INT32:
		return 4
	case pb.TensorProto_DOUBLE, pb.TensorProto_INT64:
		return 8
	case pb.TensorProto_BOOL:
		return 1
	}
	return 0
}

// decodeConstant returns a tensor of a type that is read, whichever of its ways
// to hold numbers it takes.
func decodeConstant(t *pb.TensorProto) (c constant, err error) {
	dims, count, err := shapeOf(t)
	if err != nil {
		return c, err
	}
	c = constant{dims: dims, typ: pb.TensorProto_DataType(t.GetDataType())}
	if t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		return c, &UnsupportedError{Reason: where(t) + " lies in another file; read the model from its file, not from a stream, or store it with its data inside"}
	}
	size := elementSize(c.typ)
	if size == 0 {
		return c, &UnsupportedError{Reason: fmt.Sprintf("%s holds %v; float and double, and int64 for shapes, are understood", where(t), c.typ)}
	}
	if t.Segment != nil {
		return c, &UnsupportedError{Reason: where(t) + " is stored in segments; store it whole"}
	}
	if t.RawData == nil {
		return typed(t, c, count)
	}
	if raw := t.RawData; len(raw) != count*size {
		return c, lengthError(t, count, len(raw)/size)
	}
	if c.typ == pb.TensorProto_FLOAT || c.typ == pb.TensorProto_DOUBLE {
		c.v = rawNumbers(t.RawData, size, count)
	} else {
		c.ints = rawWholes(t.RawData, size, count)
	}
	return c, nil
}

func rawNumbers(raw []byte, size, count int) []float64 {
	v := make([]float64, count)
	for i := range v {
		if size == 4 {
			v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
		} else {
			v[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return v
}

func rawWholes(raw []byte, size, count int) []int64 {
	v := make([]int64, count)
	for i := range v {
		switch size {
		case 1:
			v[i] = int64(raw[i])
		case 4:
			v[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
		default:
			v[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return v
}

// typed decodes a tensor that is not stored as raw bytes.
func typed(t *pb.TensorProto, c constant, count int) (constant, error) {
	var held int
	switch c.typ {
	case pb.TensorProto_DOUBLE:
		c.v, held = append(make([]float64, 0, len(t.DoubleData)), t.DoubleData...), len(t.DoubleData)
	case pb.TensorProto_FLOAT:
		c.v, held = make([]float64, len(t.FloatData)), len(t.FloatData)
		for i, x := range t.FloatData {
			c.v[i] = float64(x)
		}
	case pb.TensorProto_INT64:
		c.ints, held = append(make([]int64, 0, len(t.Int64Data)), t.Int64Data...), len(t.Int64Data)
	default: // int32 and bool
		c.ints, held = make([]int64, len(t.Int32Data)), len(t.Int32Data)
		for i, x := range t.Int32Data {
			c.ints[i] = int64(x)
		}
	}
	if held != count {
		return c, lengthError(t, count, held)
	}
	return c, nil
}

// decodeIndices returns the elements of an int32 tensor.
func decodeIndices(t *pb.TensorProto) (dims []int, v []int32, err error) {
	dims, count, err := shapeOf(t)
	if err != nil {
		return nil, nil, err
	}
	if typ := pb.TensorProto_DataType(t.GetDataType()); typ != pb.TensorProto_INT32 || t.GetDataLocation() == pb.TensorProto_EXTERNAL {
		return nil, nil, &FormatError{Where: where(t), Reason: fmt.Sprintf("int32 indices wanted, not %v", typ)}
	}
	if t.RawData == nil {
		if len(t.Int32Data) != count {
			return nil, nil, lengthError(t, count, len(t.Int32Data))
		}
		return dims, append([]int32(nil), t.Int32Data...), nil
	}
	if len(t.RawData) != count*4 {
		return nil, nil, lengthError(t, count, len(t.RawData)/4)
	}
	v = make([]int32, count)
	for i := range v {
		v[i] = int32(binary.LittleEndian.Uint32(t.RawData[4*i:]))
	}
	return dims, v, nil
}

func lengthError(t *pb.TensorProto, want, got int) error {
	return &FormatError{Where: where(t), Reason: fmt.Sprintf("its shape %v takes %d elements, and it holds %d", t.Dims, want, got)}
}
