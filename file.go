package hinge

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hinge/internal/wholefile"
	"hinge/network"
	"hinge/onnx"
)

// A FileError says what is wrong with a network file. It wraps the reader's
// error, such as [*onnx.FormatError] or [*onnx.UnsupportedError], or the system's.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// Load reads a network from a file of any [Format]. Errors are of type
// [*FileError]. Files of weights without an architecture need [LoadWith].
func Load(path string) (*network.Network, error) { return LoadWith(path, LoadOptions{}) }

// Save writes a network as an .onnx file, whole or not at all.
func Save(path string, net *network.Network) error {
	return wholefile.Write(path, func(w io.Writer) error { return Write(w, net) })
}

// Write writes a network in the ONNX format.
func Write(w io.Writer, net *network.Network) error { return onnx.Write(w, net, onnx.Options{}) }

// systemError drops the path from an error of the operating system, since the
// message names it already.
func systemError(err error) error {
	var p *fs.PathError
	if !errors.As(err, &p) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no such file: %w", p.Err)
	}
	return p.Err
}
