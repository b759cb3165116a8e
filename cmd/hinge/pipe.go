package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/internal/wholefile"
)

// standardInput is how messages name a table that came through a pipe.
const standardInput = "standard input"

// spool copies DATA that can be read only once (a pipe, "-") to a temporary
// file, since a table is looked at twice: first for its format, then for its
// rows. done removes the copy; it is never nil.
func spool(source string) (path string, done func(), err error) {
	done = func() {}
	var in io.Reader = os.Stdin
	if source != "-" && source != "/dev/stdin" {
		info, err := os.Stat(source)
		if err != nil || info.Mode().IsRegular() || info.IsDir() || info.Mode()&os.ModeDevice != 0 {
			return source, done, nil // a file, a glob, a pair: the reader's affair
		}
		pipe, err := os.Open(source)
		if err != nil {
			return source, done, err
		}
		defer pipe.Close()
		in = pipe
	}
	file, err := spoolFile()
	if err != nil {
		return source, done, err
	}
	done = func() { os.Remove(file.Name()) }
	_, err = io.Copy(file, in)
	if err = errors.Join(err, file.Close()); err != nil {
		done()
		return source, func() {}, fmt.Errorf("cannot copy %s to a temporary file: %w", standardInput, err)
	}
	return file.Name(), done, nil
}

// spooled is the name of the copy, for cleanUp. A verb reads one table.
var spooled struct {
	sync.Mutex
	name string
}

// spoolFile makes the file of the copy. An interrupt that comes meanwhile waits
// until its name is known.
func spoolFile() (*os.File, error) {
	spooled.Lock()
	defer spooled.Unlock()
	file, err := os.CreateTemp("", "hinge-*.csv")
	if err == nil {
		spooled.name = file.Name()
	}
	return file, err
}

// cleanUp removes temporary files before the process ends early.
func cleanUp() {
	wholefile.RemovePending()
	spooled.Lock()
	defer spooled.Unlock()
	if spooled.name != "" {
		os.Remove(spooled.name)
	}
}

// input is DATA: how the user names it, and the file to read.
type input struct {
	name, path string
	done       func() // removes the copy of a pipe
}

// openInput returns DATA of a verb. Its done must be called at the end.
func openInput(source string) (*input, error) {
	path, done, err := spool(source)
	in := &input{name: source, path: path, done: done}
	if path != source {
		in.name = standardInput
	}
	return in, err
}

// named puts the user's name of DATA into errors that name the copy of a pipe.
func (in *input) named(err error) error {
	var bad *table.Error
	var clash *dataset.ConflictError
	switch {
	case in.name == in.path:
	case errors.As(err, &bad):
		bad.Source = in.name
	case errors.As(err, &clash):
		clash.Source = in.name
	}
	return err
}
