package hinge

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"hinge/network"
	"hinge/nnet"
	"hinge/onnx"
	"hinge/safetensors"
	"hinge/torch"
)

// LoadOptions say what a file of weights leaves open. The zero value suits
// .onnx files. Each option concerns some formats, and no others.
type LoadOptions struct {
	// Layers is the chain of a state dict (.safetensors, .pt): widths from the
	// inputs to the outputs, and relu where one stands, as in 784-128-relu-10.
	// See [statedict.Options].
	Layers string
	// NNet says which of the functions in an .nnet file is meant.
	NNet nnet.Reading
}

// Format is the kind of a network file.
type Format string

// The formats that [Load] reads, and those that it knows well enough to refuse
// them with the way out.
const (
	ONNX        Format = "onnx"
	NNet        Format = "nnet"
	Safetensors Format = "safetensors"
	Torch       Format = "torch"
	hdf5        Format = "hdf5"
	keras       Format = "keras"
)

// byExtension are the formats that a file's name tells.
var byExtension = map[string]Format{
	".onnx": ONNX, ".nnet": NNet, ".safetensors": Safetensors, ".pt": Torch, ".pth": Torch,
	".keras": keras, ".h5": hdf5, ".hdf5": hdf5,
}

// An UnsupportedFormatError says that a file is of a format that hinge knows and
// does not read.
type UnsupportedFormatError struct {
	Format Format
	Advice string // the way out
}

func (e *UnsupportedFormatError) Error() string {
	return "hinge does not read files of the format " + string(e.Format) + ": " + e.Advice
}

// mostSniffed is how much of a file tells its format.
const mostSniffed = 16

// formatOf tells the format by the file's name, and else by its first bytes:
// what is nothing else is ONNX, which has no mark of its own.
func formatOf(path string, head []byte) Format {
	if f, ok := byExtension[strings.ToLower(filepath.Ext(path))]; ok {
		return f
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x89HDF\r\n\x1a\n")):
		return hdf5
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), torch.IsLegacy(head):
		return Torch
	case bytes.HasPrefix(head, []byte("//")):
		return NNet
	case len(head) > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0:
		return Safetensors
	}
	return ONNX
}

// FormatOf tells the format of a network file, by its name or its first bytes.
// The file must be a regular one. Errors are of type [*FileError].
func FormatOf(path string) (Format, error) {
	file, err := openNetwork(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", &FileError{path, errors.New("it is no regular file: what is read to tell its format would be gone")}
	}
	head, _ := bufio.NewReaderSize(file, mostSniffed).Peek(mostSniffed)
	return formatOf(path, head), nil
}

func openNetwork(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &FileError{path, systemError(err)}
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, &FileError{path, errors.New("it is a folder, not a network")}
	}
	return file, nil
}

// LoadWith reads a network from a file of any format in [Format]. What the file
// leaves open, and how it was read, stands in the network's notes
// ([network.Network.Notes]). Errors are of type [*FileError].
func LoadWith(path string, opts LoadOptions) (*network.Network, error) {
	file, err := openNetwork(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<16)
	head, _ := r.Peek(mostSniffed)
	net, err := read(formatOf(path, head), path, r, opts)
	if err != nil {
		return nil, &FileError{path, err}
	}
	return net, nil
}

// read reads a network of the given format from r, which reads the file at path.
// ONNX models are read by path when that can be done twice, since they may keep
// tensors in files beside them.
func read(format Format, path string, r io.Reader, opts LoadOptions) (*network.Network, error) {
	switch format {
	case ONNX:
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return onnx.ReadFile(path)
		}
		return onnx.Read(r)
	case keras, hdf5:
		return nil, &UnsupportedFormatError{format, "export the Keras model to ONNX in Python, with model.export(\"net.onnx\", format=\"onnx\") or tf2onnx"}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return nil, errors.New("a Git LFS pointer, not the file itself: run git lfs pull")
	}
	switch format {
	case NNet:
		return nnet.Decode(data, nnet.Options{Reading: opts.NNet})
	case Safetensors:
		return safetensors.Decode(data, opts.Layers)
	}
	return torch.Decode(data, opts.Layers)
}
