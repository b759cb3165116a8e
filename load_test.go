package hinge_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hinge"
	"hinge/network"
	"hinge/nnet"
	"hinge/onnx"
	"hinge/safetensors"
	"hinge/statedict"
	"hinge/torch"
)

// identityNNet is max(x, 0) of normalised numbers (x - 1) / 2.
const identityNNet = "// comment\n2,1,1,1\n1,1,1\n0\n0\n9\n1,0\n2,1\n1\n0\n1\n0\n"

// oneMatrix is a safetensors file of a.weight, 1 x 1, of the number 2.
const oneMatrix = "\x46\x00\x00\x00\x00\x00\x00\x00" + `{"a.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}       ` + "\x00\x00\x00\x40"

// Formats are told by the name, or by the first bytes where it says nothing;
// each goes to its reader.
func TestLoadTellsFormats(t *testing.T) {
	onnxFile := filepath.Join(t.TempDir(), "x")
	one := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 1, []float64{2})}}}
	if err := hinge.Save(onnxFile, one); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile(onnxFile)
	if err != nil {
		t.Fatal(err)
	}
	var onnxBroken *onnx.FormatError
	var nnetBroken *nnet.FormatError
	var safeBroken *safetensors.FormatError
	var torchBroken *torch.FormatError
	var torchOther *torch.UnsupportedError
	var unread *hinge.UnsupportedFormatError
	for _, c := range []struct {
		name, text string
		format     hinge.Format
		fault      any // what the reader says; nil when it reads
		says       string
	}{
		{"a.onnx", string(model), hinge.ONNX, nil, ""},
		{"a", string(model), hinge.ONNX, nil, ""},
		{"a.NNet", identityNNet, hinge.NNet, nil, ""},
		{"b", identityNNet, hinge.NNet, nil, ""},
		{"a.safetensors", oneMatrix, hinge.Safetensors, nil, ""},
		{"c", oneMatrix, hinge.Safetensors, nil, ""},
		{"b.onnx", "", hinge.ONNX, &onnxBroken, ""},
		{"b.nnet", "", hinge.NNet, &nnetBroken, ""},
		{"b.safetensors", "", hinge.Safetensors, &safeBroken, ""},
		{"b.pt", "", hinge.Torch, &torchBroken, "no zip archive"},
		{"b.PTH", "", hinge.Torch, &torchBroken, "no zip archive"},
		{"d", "PK\x03\x04", hinge.Torch, &torchBroken, "no zip archive"},
		{"e", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", hinge.Torch, &torchOther, "before PyTorch 1.6"},
		{"a.keras", "PK\x03\x04", "keras", &unread, "export the Keras model to ONNX"},
		{"a.h5", "", "hdf5", &unread, "export the Keras model to ONNX"},
		{"f", "\x89HDF\r\n\x1a\n", "hdf5", &unread, "export the Keras model to ONNX"},
		{"c.nnet", "version https://git-lfs.github.com/spec/v1\n", hinge.NNet, nil, "Git LFS pointer"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if format, err := hinge.FormatOf(path); err != nil || format != c.format {
			t.Errorf("%s: %q, %v; want %q", c.name, format, err, c.format)
		}
		_, err := hinge.Load(path)
		var file *hinge.FileError
		switch {
		case c.fault == nil && c.says == "":
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		case !errors.As(err, &file) || c.fault != nil && !errors.As(err, c.fault) || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v; want %q", c.name, err, c.says)
		}
	}
	if _, err := hinge.FormatOf(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("the format of a file that is not there")
	}
}

// The options reach the readers, and the notes the reports.
func TestLoadWith(t *testing.T) {
	folder := t.TempDir()
	two, single := filepath.Join(folder, "n.nnet"), filepath.Join(folder, "n.safetensors")
	for path, text := range map[string]string{two: identityNNet, single: oneMatrix} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path   string
		opts   hinge.LoadOptions
		layers int
		note   string
	}{
		{two, hinge.LoadOptions{}, 3, "with its header's normalisation"},
		{two, hinge.LoadOptions{NNet: nnet.Raw}, 2, "read raw"},
		{two, hinge.LoadOptions{NNet: nnet.Clipped}, 5, "clipped"},
		{single, hinge.LoadOptions{Layers: "1-1-relu"}, 1, "1-1-relu, as told"},
	} {
		net, err := hinge.LoadWith(c.path, c.opts)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		info := hinge.Info(net)
		if len(net.Layers) != c.layers || !strings.Contains(strings.Join(info.Notes, "\n"), c.note) || !strings.Contains(info.Text(), c.note) {
			t.Errorf("%+v: %d layers\n%s", c, len(net.Layers), info.Text())
		}
	}
	var told *statedict.LayersError
	if _, err := hinge.LoadWith(single, hinge.LoadOptions{Layers: "1-2"}); !errors.As(err, &told) {
		t.Errorf("layers of another file: %v", err)
	}
}
