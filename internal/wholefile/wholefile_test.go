package wholefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteReplacesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"one", "another, longer", ""} {
		if err := Write(path, text(content)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("file holds %q, want %q", got, content)
		}
	}
	onlyFile(t, path)
}

func TestWriteKeepsTheFileWhenWritingFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error {
		io.WriteString(w, strings.Repeat("half", bufferSize))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Write returns %v, want %v", err, broken)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("file holds %q after a failed write", got)
	}
	onlyFile(t, path)
}

func TestWriteLeavesNothingWhenThereWasNothing(t *testing.T) {
	folder := t.TempDir()
	err := Write(filepath.Join(folder, "f"), func(io.Writer) error { return errors.New("no") })
	if err == nil {
		t.Error("no error")
	}
	if files, _ := os.ReadDir(folder); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestWriteKeepsModeAndLink(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "f"), filepath.Join(folder, "link")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want 0640 (%v)", info.Mode(), err)
	}
	if got := read(t, path); got != "new" {
		t.Errorf("file holds %q", got)
	}
}

func TestWriteErrorsNameTheFile(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Join(folder, "none", "f")} {
		err := Write(path, text("x"))
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Write(%s) = %v: the message should name the file", path, err)
		}
	}
}

func TestWriteToAFullDevice(t *testing.T) {
	before, err := os.Lstat("/dev/full")
	if err != nil {
		t.Skip("no /dev/full here")
	}
	if err := Write("/dev/full", text("x")); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("a full device: %v", err)
	}
	if after, err := os.Lstat("/dev/full"); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the device was replaced: %v, %v", after, err)
	}
}

func TestPrepareCommitDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, commit := range []bool{false, true} {
		f, err := Prepare(path, text("content"))
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() != 7 {
			t.Errorf("Size() = %d, want 7", f.Size())
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file is there before Commit")
		}
		if commit {
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		f.Discard()
		if !commit {
			if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 0 {
				t.Errorf("left behind: %v", files)
			}
		}
	}
	if got := read(t, path); got != "content" {
		t.Errorf("file holds %q", got)
	}
	onlyFile(t, path)
}

func TestRemovePending(t *testing.T) {
	folder := t.TempDir()
	Write(filepath.Join(folder, "f"), func(w io.Writer) error {
		RemovePending()
		if files, _ := os.ReadDir(folder); len(files) != 0 {
			t.Errorf("still there: %v", files)
		}
		return nil
	})
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, want one file (%v)", files, err)
	}
}
