// Package safetensors reads networks from .safetensors files.
//
// For most uses, call [Decode] with the bytes of a file and the layers that it
// is to be read as (see package statedict: the format stores named tensors and
// no architecture).
//
// The format, as https://github.com/huggingface/safetensors describes it:
//
//	8 bytes    N, the header's length, little-endian
//	N bytes    JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//	the rest   the elements, little-endian, row-major; offsets count from here
//
// The tensors must fill the rest without gaps or overlaps, so memory is bounded
// by a small multiple of the file's size.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"hinge/network"
	"hinge/statedict"
)

// A FormatError says that a file is no safetensors file, or a broken one.
type FormatError struct {
	Tensor string // empty for the file as a whole
	Reason string // what was found
}

func (e *FormatError) Error() string {
	if e.Tensor == "" {
		return "broken safetensors file: " + e.Reason
	}
	return fmt.Sprintf("broken safetensors file: tensor %q: %s", e.Tensor, e.Reason)
}

// mostHeader is the longest header that the format allows.
const mostHeader = 100_000_000

// sizes are the bytes of an element of every type that is no float of ours.
var sizes = map[string]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
	"U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8, "C64": 8,
}

var floats = map[string]*statedict.Float{"F64": statedict.F64, "F32": statedict.F32, "F16": statedict.F16, "BF16": statedict.BF16}

// entry is what the header says of a tensor.
type entry struct {
	name    string
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

// Decode reads a network from the bytes of a safetensors file. The layers are a
// text as [statedict.Options] describes it; it may be empty for a single matrix.
// Errors are of type [*FormatError], or those of [statedict.Network].
func Decode(data []byte, layers string) (*network.Network, error) {
	tensors, err := Tensors(data)
	if err != nil {
		return nil, err
	}
	// Writers sort the tensors by type and name: their order means nothing.
	return statedict.Network(tensors, statedict.Options{Layers: layers})
}

// Tensors returns the tensors of a file, in the order of its header. Errors are
// of type [*FormatError].
func Tensors(data []byte) ([]statedict.Tensor, error) {
	if len(data) < 8 {
		return nil, &FormatError{Reason: fmt.Sprintf("%d bytes; the header's length alone takes 8", len(data))}
	}
	n := binary.LittleEndian.Uint64(data)
	if n > mostHeader || n > uint64(len(data)-8) {
		return nil, &FormatError{Reason: fmt.Sprintf("a header of %d bytes in a file of %d", n, len(data))}
	}
	entries, err := header(data[8 : 8+n])
	if err != nil {
		return nil, err
	}
	rest := data[8+n:]
	if err := fill(entries, len(rest)); err != nil {
		return nil, err
	}
	var tensors []statedict.Tensor
	for _, e := range entries {
		t := statedict.Tensor{Name: e.name, Shape: e.Shape, Type: e.DType}
		if f := floats[e.DType]; f != nil {
			t.Precision = f.Precision
			t.Values = func() []float64 { return values(f, rest[e.Offsets[0]:e.Offsets[1]]) }
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}

func values(f *statedict.Float, b []byte) []float64 {
	v := make([]float64, len(b)/f.Size)
	for i := range v {
		v[i] = f.At(b[i*f.Size:], binary.LittleEndian)
	}
	return v
}

// header reads the JSON. Names that come twice, which encoding/json would let
// pass, are refused.
func header(text []byte) ([]entry, error) {
	fault := func(err error) ([]entry, error) {
		return nil, &FormatError{Reason: fmt.Sprintf("its header is not the JSON it should be: %v", err)}
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return fault(fmt.Errorf("it begins with %.20q", text))
	}
	var entries []entry
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fault(err)
		}
		e := entry{name: fmt.Sprint(key)}
		if seen[e.name] {
			return nil, &FormatError{e.name, "stored twice"}
		}
		seen[e.name] = true
		if e.name == "__metadata__" { // free text
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				return fault(err)
			}
			continue
		}
		if err := dec.Decode(&e); err != nil {
			return nil, &FormatError{e.name, fmt.Sprintf("its entry cannot be read: %v", err)}
		}
		entries = append(entries, e)
	}
	if _, err := dec.Token(); err != nil {
		return fault(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fault(fmt.Errorf("something stands behind it"))
	}
	return entries, nil
}

// fill checks that every tensor has the bytes of its shape and that together
// they fill the bytes there are.
func fill(entries []entry, have int) error {
	for _, e := range entries {
		size := sizes[e.DType]
		if f := floats[e.DType]; f != nil {
			size = f.Size
		}
		if size == 0 {
			return &FormatError{e.name, fmt.Sprintf("its type %q is none of the format's", e.DType)}
		}
		if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > have {
			return &FormatError{e.name, fmt.Sprintf("its bytes are %v of %d", e.Offsets, have)}
		}
		if n, ok := statedict.Elements(e.Shape, have/size); !ok || n*size != e.Offsets[1]-e.Offsets[0] {
			return &FormatError{e.name, fmt.Sprintf("%v %s elements do not take the %d bytes it has", e.Shape, e.DType, e.Offsets[1]-e.Offsets[0])}
		}
	}
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.Offsets[0] != b.Offsets[0] {
			return a.Offsets[0] - b.Offsets[0]
		}
		return a.Offsets[1] - b.Offsets[1]
	})
	end := 0
	for _, e := range sorted {
		if e.Offsets[0] != end {
			return &FormatError{e.name, fmt.Sprintf("it begins at byte %d, but the tensor before it ends at %d", e.Offsets[0], end)}
		}
		end = e.Offsets[1]
	}
	if end != have {
		return &FormatError{Reason: fmt.Sprintf("%d bytes belong to no tensor", have-end)}
	}
	return nil
}
