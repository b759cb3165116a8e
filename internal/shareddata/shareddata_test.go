package shareddata

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFolderIsFoundFromBelow(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "module", "a", "b")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "module", "go.mod"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HINGE_SHARED", "")
	t.Chdir(below)
	want, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	if got := Folder(); got != filepath.Join(root, "shared") && got != filepath.Join(want, "shared") {
		t.Errorf("found %s", got)
	}
	t.Setenv("HINGE_SHARED", "/elsewhere")
	if got := Folder(); got != "/elsewhere" {
		t.Errorf("told /elsewhere, found %s", got)
	}
	skipped := t.Run("nothing there", func(t *testing.T) {
		File(t, "nets", "none.onnx")
		t.Error("not skipped")
	})
	if !skipped {
		t.Error("a missing file fails the test")
	}
}

func TestReadIDX(t *testing.T) {
	whole := []byte{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6}
	if got, err := readIDX(bytes.NewReader(whole), 2); err != nil || !bytes.Equal(got, whole[12:]) {
		t.Errorf("%v, %v", got, err)
	}
	for name, broken := range map[string][]byte{"short": whole[:17], "long": append(whole[:18:18], 7), "no header": whole[:9], "other type": append([]byte{0, 0, 9}, whole[3:]...)} {
		if _, err := readIDX(bytes.NewReader(broken), 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMNIST(t *testing.T) {
	pixels, labels := MNIST(t, 10)
	if want := []byte{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}; !bytes.Equal(labels, want) || len(pixels) != 7840 {
		t.Errorf("labels %v, want %v; %d pixels", labels, want, len(pixels))
	}
}
