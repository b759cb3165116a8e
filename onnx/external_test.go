package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"google.golang.org/protobuf/proto"

	pb "hinge/onnx/internal/onnxpb"
)

// external moves the data of a tensor to a place in another file.
func external(t *pb.TensorProto, location string, offset, length int) {
	t.RawData = nil
	t.DataLocation = pb.TensorProto_EXTERNAL.Enum()
	for key, value := range map[string]string{"location": location, "offset": fmt.Sprint(offset), "length": fmt.Sprint(length)} {
		t.ExternalData = append(t.ExternalData, &pb.StringStringEntryProto{Key: proto.String(key), Value: proto.String(value)})
	}
}

// scattered writes a model, whose weights and bias lie in a file below its
// folder, and returns its path and the model.
func scattered(t *testing.T, folder string) (path string, g *chain) {
	t.Helper()
	g = newChain(18, float, 0, 3)
	g.node("Gemm", nil, data, g.numbers(threeByTwo, 3, 2), g.numbers([]float64{7, 8}, 2))
	var all []byte
	for _, tensor := range g.model.Graph.Initializer {
		raw := tensor.RawData
		external(tensor, "weights/all.bin", len(all), len(raw))
		all = append(all, raw...)
	}
	if err := os.MkdirAll(filepath.Join(folder, "weights"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "weights", "all.bin"), all, 0o644); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "model.onnx")
	rewrite(t, path, g)
	return path, g
}

func rewrite(t *testing.T, path string, g *chain) {
	t.Helper()
	if err := os.WriteFile(path, g.bytes(t), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestExternalData(t *testing.T) {
	path, g := scattered(t, t.TempDir())
	net, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := newChain(18, float, 0, 3)
	want.node("Gemm", nil, data, want.numbers(threeByTwo, 3, 2), want.numbers([]float64{7, 8}, 2))
	inside, err := Decode(want.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	x := newMaker(1).inputs(4, 3)
	if !mat.Equal(inside.Eval(x), net.Eval(x)) {
		t.Errorf("read\n%v\nwant\n%v", net, inside)
	}
	var unsupported *UnsupportedError
	if _, err := Decode(g.bytes(t)); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "another file") {
		t.Errorf("without a folder: %v", err)
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.onnx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// No file outside of the folder is read, and none beyond its end.
func TestExternalDataElsewhere(t *testing.T) {
	top := t.TempDir()
	folder := filepath.Join(top, "model")
	path, g := scattered(t, folder)
	secret := filepath.Join(top, "secret.bin")
	if err := os.WriteFile(secret, make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(folder, "link.bin")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(top, filepath.Join(folder, "up")); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		location       string
		offset, length int
	}{
		{"../secret.bin", 0, 24}, {secret, 0, 24}, {"weights/../../secret.bin", 0, 24}, {"link.bin", 0, 24}, {"up/secret.bin", 0, 24},
		{"", 0, 24}, {".", 0, 24}, {"weights", 0, 24}, {"none.bin", 0, 24}, {"/dev/zero", 0, 24},
		{"weights/all.bin", 9, 24}, {"weights/all.bin", 1 << 62, 24}, {"weights/all.bin", -1, 24}, {"weights/all.bin", 0, 8},
	} {
		tensor := g.model.Graph.Initializer[0]
		tensor.ExternalData = nil
		external(tensor, c.location, c.offset, c.length)
		rewrite(t, path, g)
		var broken *FormatError
		if _, err := ReadFile(path); !errors.As(err, &broken) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Many tensors that share the bytes of one file must not fill the memory.
func TestSharedExternalData(t *testing.T) {
	folder := t.TempDir()
	const size = 1 << 20
	if err := os.WriteFile(filepath.Join(folder, "all.bin"), make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
	g := newChain(18, float, 0, 3)
	for range 2 * spareNumbers / size {
		g.store(float, nil, []int{size / 4})
		external(g.model.Graph.Initializer[len(g.model.Graph.Initializer)-1], "all.bin", 0, size)
	}
	g.node("Relu", nil, data)
	path := filepath.Join(folder, "model.onnx")
	rewrite(t, path, g)
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "too often") {
		t.Errorf("%v", err)
	}
}
