package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// ReadFile reads an ONNX model from a file, as [Read] does, and with it the
// tensors that the model keeps in other files. These must lie in the folder of
// the model or below it: names that lead out of it, by themselves or through
// links, are refused with a [*FormatError].
func ReadFile(path string) (*network.Network, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := readAll(file)
	if err != nil {
		return nil, err
	}
	return decode(data, &folder{path: filepath.Dir(path), spare: spareNumbers})
}

// readAll reads what can be a model.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return data, nil
}

// A folder gives the bytes of tensors that lie beside a model.
type folder struct {
	path  string
	root  *os.Root
	sizes map[string]int64 // of the files in use
	spare int64            // bytes that may be read beyond the files' sizes, as tensors may share them
}

// gather brings all tensors of a model into memory.
func (f *folder) gather(model *pb.ModelProto) error {
	if f == nil {
		return nil // decoding says what to do where there is no folder
	}
	defer f.close()
	for _, t := range model.GetGraph().GetInitializer() {
		if err := f.fetch(t); err != nil {
			return err
		}
	}
	for _, n := range model.GetGraph().GetNode() {
		for _, a := range n.Attribute {
			if a.T != nil {
				if err := f.fetch(a.T); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *folder) close() {
	if f.root != nil {
		f.root.Close()
	}
}

// fetch reads the bytes of t, where they lie in another file.
func (f *folder) fetch(t *pb.TensorProto) error {
	if t.GetDataLocation() != pb.TensorProto_EXTERNAL {
		return nil
	}
	fields := map[string]string{}
	for _, e := range t.ExternalData {
		fields[e.GetKey()] = e.GetValue()
	}
	_, count, err := shapeOf(t)
	if err != nil {
		return err
	}
	offset, length := int64(0), int64(-1)
	for key, to := range map[string]*int64{"offset": &offset, "length": &length} {
		if text, there := fields[key]; there {
			if *to, err = strconv.ParseInt(text, 10, 64); err != nil || *to < 0 {
				return &FormatError{Where: where(t), Reason: fmt.Sprintf("its data have the %s %q", key, text)}
			}
		}
	}
	size := int64(count) * int64(elementSize(pb.TensorProto_DataType(t.GetDataType())))
	if length >= 0 && length != size || size == 0 && count > 0 {
		return &FormatError{Where: where(t), Reason: fmt.Sprintf("%d bytes of data in another file for %d elements of %v", length, count, pb.TensorProto_DataType(t.GetDataType()))}
	}
	raw, err := f.bytes(fields["location"], offset, size)
	if err != nil {
		return &FormatError{Where: where(t), Reason: err.Error()}
	}
	t.RawData, t.DataLocation, t.ExternalData = raw, nil, nil
	return nil
}

// bytes reads a stretch of a file.
func (f *folder) bytes(name string, offset, size int64) ([]byte, error) {
	name = filepath.FromSlash(name)
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("its data lie in %q, outside of the model's folder; hinge reads no file there", name)
	}
	if f.root == nil {
		root, err := os.OpenRoot(f.path)
		if err != nil {
			return nil, err
		}
		f.root, f.sizes = root, map[string]int64{}
	}
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("its data should lie in %q, beside the model: %w", name, err)
	}
	if !info.Mode().IsRegular() || offset > info.Size() || size > info.Size()-offset {
		return nil, fmt.Errorf("its data should be the bytes from %d to %d of %q, which has %d", offset, offset+size, name, info.Size())
	}
	if _, known := f.sizes[name]; !known {
		f.sizes[name] = info.Size()
		f.spare += info.Size()
	}
	if f.spare -= size; f.spare < 0 {
		return nil, fmt.Errorf("the tensors share the bytes of %q too often: they have more than the file", name)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw := make([]byte, size)
	if _, err := file.ReadAt(raw, offset); err != nil {
		return nil, err
	}
	return raw, nil
}
