// Package wholefile writes files that appear whole or not at all.
//
// For most uses, call [Write]. The content goes to a temporary file beside the
// target, is synced to disk and only then renamed over it, so that a reader
// finds the old file or the new one, and a failure (a full disk, a signal)
// leaves nothing behind.
package wholefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// bufferSize is large enough that writing a network costs few system calls.
const bufferSize = 1 << 20

// pending holds the temporary files being written, for [RemovePending].
var pending struct {
	sync.Mutex
	names map[string]bool
}

// Write calls write with a buffered writer and makes what it wrote the content
// of the file at path. When write, or anything after it, fails, the error is
// returned and the file at path is as it was.
//
// A path that names something other than a plain file (a pipe, a terminal, a
// device) is written to directly: it cannot be replaced.
func Write(path string, write func(w io.Writer) error) error {
	f, err := Prepare(path, write)
	if err != nil {
		return err
	}
	defer f.Discard()
	return f.Commit()
}

// A File is content that is on disk, but not yet under its name.
type File struct {
	target string
	temp   string // "" once it is committed or discarded, and for a direct write
	mode   fs.FileMode
	size   int64
}

// Prepare does the part of [Write] that is likely to fail: it writes the content
// beside the target. [File.Commit] then puts it into place. So several files
// appear together or not at all: prepare them all, commit them all.
func Prepare(path string, write func(w io.Writer) error) (*File, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	f := &File{target: target}
	switch info, err := os.Stat(target); {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("cannot write %s: it is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		f.size, err = writeDirect(target, write)
		return f, err
	case err == nil:
		f.mode = info.Mode().Perm()
	}
	file, err := create(target)
	if err != nil {
		return nil, err
	}
	f.temp = file.Name()
	if f.size, err = fill(file, write); err != nil {
		f.Discard()
		return nil, describe(path, err)
	}
	return f, nil
}

// Size returns the number of bytes of the content.
func (f *File) Size() int64 { return f.size }

// Commit puts the content into place, with the mode of the file it replaces.
func (f *File) Commit() error {
	if f.temp == "" {
		return nil
	}
	if f.mode != 0 {
		if err := os.Chmod(f.temp, f.mode); err != nil {
			return describe(f.target, err)
		}
	}
	if err := os.Rename(f.temp, f.target); err != nil {
		return describe(f.target, err)
	}
	forget(f.temp)
	f.temp = ""
	return syncFolder(filepath.Dir(f.target))
}

// Discard removes content that was not committed; after Commit it does nothing.
func (f *File) Discard() {
	if f.temp != "" {
		os.Remove(f.temp)
		forget(f.temp)
		f.temp = ""
	}
}

// RemovePending removes the temporary files of writes that are under way. It
// is for a process that is about to end on a signal.
func RemovePending() {
	pending.Lock()
	defer pending.Unlock()
	for name := range pending.names {
		os.Remove(name)
	}
}

// resolve follows symbolic links, so that the file is replaced, not the link.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return target, err
}

// create makes a new file beside target. Its name begins with a dot and ends
// in .tmp; the mode is what the process's umask leaves of 0666.
func create(target string) (*os.File, error) {
	folder, base := filepath.Split(target)
	for attempt := 0; ; attempt++ {
		name := filepath.Join(folder, fmt.Sprintf(".%s.%08x.tmp", base, rand.Uint32()))
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && attempt < 100 {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot write %s: there is no folder %s", target, filepath.Clean(folder))
		}
		if err != nil {
			return nil, describe(target, err)
		}
		pending.Lock()
		if pending.names == nil {
			pending.names = make(map[string]bool)
		}
		pending.names[name] = true
		pending.Unlock()
		return file, nil
	}
}

// forget takes a temporary file off the list of those under way.
func forget(name string) {
	pending.Lock()
	delete(pending.names, name)
	pending.Unlock()
}

// fill writes, flushes, syncs and closes, and returns the number of bytes.
func fill(file *os.File, write func(w io.Writer) error) (int64, error) {
	size, err := pour(file, write)
	if err == nil {
		err = file.Sync()
	}
	return size, errors.Join(err, file.Close())
}

// pour writes through a buffer and counts.
func pour(file *os.File, write func(w io.Writer) error) (int64, error) {
	counted := &counter{w: file}
	buffered := bufio.NewWriterSize(counted, bufferSize)
	err := write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	return counted.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func writeDirect(path string, write func(w io.Writer) error) (int64, error) {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, describe(path, err)
	}
	size, err := pour(file, write)
	if err = errors.Join(err, file.Close()); err != nil {
		return 0, describe(path, err)
	}
	return size, nil
}

// syncFolder makes the rename itself durable, where folders can be synced.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return nil // the file is in place; a folder that cannot be opened cannot be synced
	}
	d.Sync() // not supported everywhere; the file's own content is safe already
	return d.Close()
}

// describe puts the file's name before the system's reason.
func describe(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("cannot write %s: %w", path, err)
}
