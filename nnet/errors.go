package nnet

import "fmt"

// A FormatError says that a file is no .nnet file, or a broken one.
type FormatError struct {
	Line   int    // from 1; 0 for the file as a whole
	Reason string // what was found, and what belongs there
}

func (e *FormatError) Error() string {
	if e.Line == 0 {
		return "broken NNet file: " + e.Reason
	}
	return fmt.Sprintf("broken NNet file: line %d: %s", e.Line, e.Reason)
}

// An UnsupportedError says that a sound file cannot be read in the way asked
// for.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return "unsupported NNet file: " + e.Reason }
