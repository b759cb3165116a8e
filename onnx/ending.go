package onnx

import (
	"slices"

	pb "hinge/onnx/internal/onnxpb"
)

// A Softmax or ArgMax at the end is no layer but a reading of the outputs: the
// network that is read gives the numbers that it takes, its logits, and the
// metadata say how they are meant.
const (
	outputKey   = "hinge.output"   // in Meta: softmax, logsoftmax or argmax
	notesKey    = "hinge.notes"    // in Meta: what reading left out or took for granted, a sentence a line
	producerKey = "hinge.producer" // in Meta: the program that wrote the file
)

var readings = map[string]string{"Softmax": "softmax", "LogSoftmax": "logsoftmax", "ArgMax": "argmax"}

// end takes a Softmax, a LogSoftmax or an ArgMax over all numbers of a row.
func (w *walker) end(n *pb.NodeProto, _ int) error {
	if len(n.Input) != 1 || len(n.Output) != 1 {
		return unsupported(n, "%d inputs and %d outputs; at the end of a network, one of each is understood", len(n.Input), len(n.Output))
	}
	a, err := attributesOf(n, "axis", "keepdims", "select_last_index")
	if err != nil {
		return err
	}
	argmax := n.GetOpType() == "ArgMax"
	axis := int64(-1) // of a Softmax since operator set 13
	switch {
	case argmax:
		axis = 0
	case w.opset < 13:
		axis = 1
	}
	axis = a.whole("axis", axis)
	if axis < -int64(len(w.dims)) || axis > int64(len(w.dims)) || a.whole("select_last_index", 0) != 0 {
		return unsupported(n, "its attributes are axis %d and select_last_index %d; the first largest of all numbers of a row is understood", axis, a.whole("select_last_index", 0))
	}
	if axis < 0 {
		axis += int64(len(w.dims))
	}
	for i, d := range w.dims {
		together := i == int(axis) || !argmax && w.opset < 13 && i > int(axis)
		if together == (d == rowAxis) && d != 1 {
			return unsupported(n, "it works along axis %d of the shape %s; at the end of a network, one over all numbers of a row is understood", axis, shapeText(w.dims))
		}
	}
	w.note("The %s %q at the end is not part of the network: the outputs are the numbers that it takes.", n.GetOpType(), nodeName(n))
	w.ending = n
	if argmax && len(w.dims) > 0 {
		dims := slices.Clone(w.dims)
		if at := min(int(axis), len(dims)-1); a.whole("keepdims", 1) != 0 {
			dims[at] = 1
		} else {
			dims = slices.Delete(dims, at, at+1)
		}
		w.dims = dims
	}
	return nil
}

// afterEnding takes what may follow: operators that do not change how the
// outputs are read, and an ArgMax of a Softmax.
func (w *walker) afterEnding(n *pb.NodeProto) error {
	op := n.GetOpType()
	if op == "ArgMax" && w.ending.GetOpType() != "ArgMax" && isStandard(n) {
		return w.end(n, 0)
	}
	if !isStandard(n) || !slices.Contains([]string{"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}, op) {
		return unsupported(w.ending, "it is followed by the %s %q; only at the end of a network is it understood", op, nodeName(n))
	}
	w.reshapedEnding = w.reshapedEnding || op != "Identity" && op != "Cast"
	return nil
}
