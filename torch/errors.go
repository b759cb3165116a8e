package torch

import "fmt"

// A FormatError says that a file is no PyTorch file, or a broken one.
type FormatError struct {
	Where  string // the part of the archive, or the tensor; empty for the file as a whole
	Reason string // what was found
}

func (e *FormatError) Error() string {
	if e.Where == "" {
		return "broken PyTorch file: " + e.Reason
	}
	return fmt.Sprintf("broken PyTorch file: %s: %s", e.Where, e.Reason)
}

// An UnsupportedError says that a file, as far as it was read, is sound, but
// holds something other than a state dict.
type UnsupportedError struct {
	What   string // the name of what is not understood; empty for the file as a whole
	Reason string // what about it, and the way out
}

func (e *UnsupportedError) Error() string {
	if e.What == "" {
		return "unsupported PyTorch file: " + e.Reason
	}
	return fmt.Sprintf("unsupported PyTorch file: %s: %s", e.What, e.Reason)
}
