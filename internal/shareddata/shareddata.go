// Package shareddata finds the real tables and the networks of other tools that
// tests compare with. They are not part of the repository; nothing that users
// run imports this package.
//
// For most uses, call [File] in a test: it skips the test where the file is not
// there. The folder is the one named shared beside the repository, or what the
// environment variable HINGE_SHARED says; it holds the folders data and nets.
package shareddata

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Folder returns the path of the folder, which need not be there; "" when the
// working folder is outside the module.
func Folder() string {
	if folder := os.Getenv("HINGE_SHARED"); folder != "" {
		return folder
	}
	at, err := os.Getwd()
	for ; err == nil; at = filepath.Dir(at) {
		if _, missing := os.Stat(filepath.Join(at, "go.mod")); missing == nil {
			return filepath.Join(filepath.Dir(at), "shared")
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return ""
}

// File returns the path of a file or folder inside the folder, such as
// File(t, "nets", "vdp.onnx"), and skips the test where it is not there.
func File(t testing.TB, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Folder()}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data: %v", err)
	}
	return path
}

// Bytes returns what a file holds.
func Bytes(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(File(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// MNIST returns the first n images of the training set (784 bytes each) and
// their labels; all 60,000 when n is larger.
func MNIST(t testing.TB, n int) (pixels, labels []byte) {
	t.Helper()
	pixels = idx(t, "train-images-idx3-ubyte.gz", 3)
	labels = idx(t, "train-labels-idx1-ubyte.gz", 1)
	n = min(n, len(labels))
	return pixels[:784*n], labels[:n]
}

// idx returns the bytes of a gzipped IDX file of unsigned bytes.
func idx(t testing.TB, name string, dimensions int) []byte {
	t.Helper()
	f, err := os.Open(File(t, "data", "mnist", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := readIDX(z, dimensions)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

// readIDX reads the magic number 0 0 8 dimensions, so many sizes of 32 bits, and
// their product of bytes.
func readIDX(r io.Reader, dimensions int) ([]byte, error) {
	head := make([]byte, 4+4*dimensions)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if magic := binary.BigEndian.Uint32(head); magic != 0x800+uint32(dimensions) {
		return nil, fmt.Errorf("magic number %#x", magic)
	}
	size := 1
	for k := range dimensions {
		size *= int(binary.BigEndian.Uint32(head[4+4*k:]))
	}
	data, err := io.ReadAll(r)
	if err == nil && len(data) != size {
		err = fmt.Errorf("%d bytes, not %d", len(data), size)
	}
	return data, err
}
