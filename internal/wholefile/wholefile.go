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
	target, err := resolve(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder: name a file", path)
	case err == nil && !info.Mode().IsRegular():
		return writeDirect(target, write)
	}
	file, err := create(target)
	if err != nil {
		return err
	}
	defer forget(file.Name())
	if err = fill(file, write); err != nil {
		return describe(path, err)
	}
	if info != nil {
		if err := os.Chmod(file.Name(), info.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := os.Rename(file.Name(), target); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(target))
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

// forget removes the temporary file if it is still there.
func forget(name string) {
	os.Remove(name)
	pending.Lock()
	delete(pending.names, name)
	pending.Unlock()
}

// fill writes, flushes, syncs and closes.
func fill(file *os.File, write func(w io.Writer) error) error {
	buffered := bufio.NewWriterSize(file, bufferSize)
	err := write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func writeDirect(path string, write func(w io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return describe(path, err)
	}
	buffered := bufio.NewWriterSize(file, bufferSize)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return describe(path, err)
	}
	return nil
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
