package statedict

import (
	"fmt"
	"strings"
)

// An AskError says that a file leaves open what network its tensors make, and
// what to tell.
type AskError struct {
	Open    string   // what cannot be known from the file
	Weights []string // the matrices, with their shapes, in the order of the file
	Example string   // a text of layers that fits the shapes; empty when none does
}

func (e *AskError) Error() string {
	text := fmt.Sprintf("%s (it holds %s): tell the layers", e.Open, listed(e.Weights))
	if e.Example != "" {
		text += ", for example " + e.Example + " if that is what it was trained as"
	}
	return text
}

// A LayersError says that a text of layers (see [Options]) is none, or not one of
// the file's tensors.
type LayersError struct {
	Layers string
	Reason string
}

func (e *LayersError) Error() string { return fmt.Sprintf("the layers %q: %s", e.Layers, e.Reason) }

// An UnsupportedError says that a sound file holds something that is no part of
// a chain of affine maps and ReLUs: it names the tensor.
type UnsupportedError struct {
	Tensor string // empty when no tensor is to blame
	Reason string // what about it, and what to do
}

func (e *UnsupportedError) Error() string {
	if e.Tensor == "" {
		return "unsupported state dict: " + e.Reason
	}
	return fmt.Sprintf("unsupported state dict: tensor %q: %s", e.Tensor, e.Reason)
}

// mostListed bounds the tensors that a message names.
const mostListed = 8

func listed(names []string) string {
	if more := len(names) - mostListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostListed], ", "), more)
	}
	return strings.Join(names, ", ")
}
