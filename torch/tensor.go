package torch

import (
	"encoding/binary"
	"fmt"

	"hinge/statedict"
)

// storage is a run of elements of one type in the archive.
type storage struct {
	kind  *kind
	bytes []byte
	order binary.ByteOrder
}

// kind is an element type.
type kind struct {
	name  string
	size  int
	float *statedict.Float // nil for others
}

// kinds are the classes of storages in module torch, and the dtypes of the same
// elements.
var kinds = map[string]*kind{
	"DoubleStorage": {"float64", 8, statedict.F64}, "FloatStorage": {"float32", 4, statedict.F32},
	"HalfStorage": {"float16", 2, statedict.F16}, "BFloat16Storage": {"bfloat16", 2, statedict.BF16},
	"LongStorage": {"int64", 8, nil}, "IntStorage": {"int32", 4, nil}, "ShortStorage": {"int16", 2, nil},
	"CharStorage": {"int8", 1, nil}, "ByteStorage": {"uint8", 1, nil}, "BoolStorage": {"bool", 1, nil},
}

// tensor is a view of a storage: element (i, j, ...) is number
// offset + i strides[0] + j strides[1] + ... of it.
type tensor struct {
	of      *storage
	offset  int
	shape   []int
	strides []int
	n       int // elements
}

// mostRank is more dimensions than any weight has.
const mostRank = 16

// mostShared bounds the elements of all tensors, in bytes of all storages: views
// may share elements (tied weights), but a view of stride 0 must not make a small
// file large.
const mostShared = 4

// newTensor checks that every element of a view lies in its storage, without
// adding up anything that could overflow.
func (m *machine) newTensor(of *storage, offset int, shape, strides []int) (*tensor, error) {
	fault := func(format string, args ...any) (*tensor, error) {
		return nil, &FormatError{"data.pkl", fmt.Sprintf("a tensor of shape %v, strides %v and offset %d ", shape, strides, offset) + fmt.Sprintf(format, args...)}
	}
	if len(shape) > mostRank || len(strides) > mostRank {
		return nil, &FormatError{"data.pkl", fmt.Sprintf("a tensor of %d dimensions and %d strides", len(shape), len(strides))}
	}
	have := len(of.bytes) / of.kind.size
	n, ok := statedict.Elements(shape, mostShared*m.archive.total)
	if !ok || len(shape) != len(strides) {
		return fault("is none")
	}
	if offset < 0 || offset > have {
		return fault("begins outside its storage of %d elements", have)
	}
	last := offset // the number of the last element
	for i, s := range shape {
		if strides[i] < 0 {
			return fault("runs backwards")
		}
		if s > 1 && strides[i] > 0 {
			if s-1 > (have-last)/strides[i] {
				return fault("leaves its storage of %d elements", have)
			}
			last += (s - 1) * strides[i]
		}
	}
	if n > 0 && last >= have {
		return fault("leaves its storage of %d elements", have)
	}
	if m.elements += n; m.elements > mostShared*m.archive.total {
		return nil, &UnsupportedError{"data.pkl", "its tensors repeat their storages many times over; " + saveStateDict}
	}
	return &tensor{of, offset, shape, strides, n}, nil
}

// named returns the tensor as a member of a state dict.
func (t *tensor) named(name string) statedict.Tensor {
	s := statedict.Tensor{Name: name, Shape: t.shape, Type: t.of.kind.name}
	if f := t.of.kind.float; f != nil {
		s.Precision, s.Values = f.Precision, t.values
	}
	return s
}

// values walks the view in row-major order.
func (t *tensor) values() []float64 {
	f := t.of.kind.float
	v := make([]float64, 0, t.n)
	index, at := make([]int, len(t.shape)), t.offset
	for len(v) < t.n {
		v = append(v, f.At(t.of.bytes[at*f.Size:], t.of.order))
		for k := len(t.shape) - 1; k >= 0; k-- {
			if index[k]++; index[k] < t.shape[k] {
				at += t.strides[k]
				break
			}
			index[k], at = 0, at-(t.shape[k]-1)*t.strides[k]
		}
	}
	return v
}
