package onnx

import "fmt"

// A FormatError says that a file is no ONNX model, or a broken one: bytes that
// are no protocol buffer, a tensor whose shape and data disagree, a node whose
// input nothing makes.
type FormatError struct {
	Where  string // the node or tensor; empty for the file as a whole
	Reason string // what was found
}

func (e *FormatError) Error() string {
	if e.Where == "" {
		return "broken ONNX file: " + e.Reason
	}
	return fmt.Sprintf("broken ONNX file: %s: %s", e.Where, e.Reason)
}

// An UnsupportedError says that a model, as far as it was read, is sound, but
// not one that hinge can hold: it names the node and its operator.
type UnsupportedError struct {
	Node   string // name of the node, or of what it puts out; empty when no node is to blame
	Op     string // its operator, with the domain when it is not the standard one
	Reason string // what about it, and what would be understood
}

func (e *UnsupportedError) Error() string {
	if e.Op == "" {
		return "unsupported ONNX model: " + e.Reason
	}
	return fmt.Sprintf("unsupported ONNX model: node %q (%s): %s", e.Node, e.Op, e.Reason)
}

// A TooLargeError says that a network does not fit into one .onnx file: protocol
// buffers end at 2 GiB.
type TooLargeError struct {
	Bytes int64 // that the network would take, at least
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("an .onnx file holds less than 2 GiB, and this network takes %.1f GiB: write it in float32, keep its maps structured, or take a construction of fewer parameters",
		float64(e.Bytes)/(1<<30))
}
