package onnx

import (
	"fmt"

	pb "hinge/onnx/internal/onnxpb"
)

// trace finds out how tensors depend on each other: which node makes each,
// which of them come from the inputs, and which the outputs need. Shape makes an
// exception: what it puts out depends on the shape of its input only, and that
// is known when the network is read.
func (g *graph) trace() error {
	g.producer, g.fromInput, g.needed = map[string]*pb.NodeProto{}, map[string]bool{}, map[string]bool{}
	for _, v := range g.Input {
		if g.tensors[v.GetName()] == nil {
			g.fromInput[v.GetName()] = true
		}
	}
	for _, n := range g.Node {
		from := false
		for _, name := range n.Input {
			if name != "" && !g.fromInput[name] && g.tensors[name] == nil && g.producer[name] == nil {
				return broken(n, "its input %q is no input of the model, is not stored, and no node before it makes it", name)
			}
			from = from || g.fromInput[name]
		}
		for _, name := range n.Output {
			if name == "" {
				continue
			}
			if g.producer[name] != nil || g.fromInput[name] || g.tensors[name] != nil {
				return broken(n, "its output %q is there already", name)
			}
			g.producer[name] = n
			g.fromInput[name] = from && !(n.GetOpType() == "Shape" && isStandard(n))
		}
	}
	for _, v := range g.Output {
		g.needed[v.GetName()] = true
	}
	for i := len(g.Node) - 1; i >= 0; i-- {
		if n := g.Node[i]; g.isNeeded(n) {
			for _, name := range n.Input {
				g.needed[name] = true
			}
		}
	}
	return nil
}

func (g *graph) isNeeded(n *pb.NodeProto) bool {
	for _, name := range n.Output {
		if name != "" && g.needed[name] {
			return true
		}
	}
	return false
}

// findPath walks from the output back to the input, along the only input of
// each node that depends on it. Nodes are in order, as trace has made sure, so
// it comes to an end.
func (g *graph) findPath() error {
	if g.out != g.in && !g.fromInput[g.out] {
		return &FormatError{Where: fmt.Sprintf("output %q", g.out), Reason: "no node makes it from the input"}
	}
	for at := g.out; at != g.in; {
		n := g.producer[at]
		if n.Output[0] != at {
			return unsupported(n, "its output %q is in use, which is not its first; remove what takes it", at)
		}
		from := ""
		for _, name := range n.Input {
			if name == "" || !g.fromInput[name] {
				continue
			}
			if from != "" {
				return unsupported(n, "it takes %q and %q, which both come from the input; hinge reads chains, without branches or skip connections", from, name)
			}
			from = name
		}
		g.path = append(g.path, n)
		at = from
	}
	for i, j := 0, len(g.path)-1; i < j; i, j = i+1, j-1 {
		g.path[i], g.path[j] = g.path[j], g.path[i]
	}
	if len(g.path) == 0 {
		return &UnsupportedError{Reason: "its output is its input: there is no layer"}
	}
	return nil
}

// layoutOperators only move numbers or compute shapes: a graph that has ones
// beyond a walk, and others, is refused for the others.
var layoutOperators = map[string]bool{"Concat": true, "Slice": true, "Gather": true, "Split": true,
	"Expand": true, "Tile": true, "DepthToSpace": true, "SpaceToDepth": true, "Resize": true, "Upsample": true}

// firstUnknown returns an error for the operator between input and output that
// most clearly no walk takes; nil when all are known.
func (g *graph) firstUnknown() error {
	var layout error
	for _, n := range g.Node {
		if !g.isNeeded(n) || len(n.Output) == 0 || !g.fromInput[n.Output[0]] {
			continue
		}
		switch op := n.GetOpType(); {
		case isStandard(n) && operators[op] != nil:
		case !isStandard(n) || !layoutOperators[op]:
			return unknown(n)
		case layout == nil:
			layout = unknown(n)
		}
	}
	return layout
}

// wayOut says of operators that hinge cannot hold why, and what to do.
var wayOut = map[string]string{
	"MaxPool":               "a maximum over windows is no ReLU layer; take AveragePool, or a Conv with strides, and train again",
	"GlobalMaxPool":         "a maximum over windows is no ReLU layer; take GlobalAveragePool and train again",
	"LeakyRelu":             notRelu,
	"PRelu":                 notRelu,
	"Elu":                   notRelu,
	"Selu":                  notRelu,
	"Gelu":                  notRelu,
	"Sigmoid":               notRelu + "; at the end, cut it off: the values before it have the same order",
	"HardSigmoid":           notRelu,
	"Tanh":                  notRelu,
	"Softplus":              notRelu,
	"Erf":                   notRelu,
	"Clip":                  "it bounds numbers from above; take a Relu without a bound, or at the end, cut it off",
	"LayerNormalization":    normalises,
	"InstanceNormalization": normalises,
	"GroupNormalization":    normalises,
	"LRN":                   normalises,
	"Concat":                "it joins numbers of several nodes; hinge reads chains, without branches",
	"ConvTranspose":         "only Conv is read of the convolutions",
	"LSTM":                  recurrent,
	"GRU":                   recurrent,
	"RNN":                   recurrent,
	"Loop":                  recurrent,
	"If":                    recurrent,
	"Scan":                  recurrent,
}

const (
	notRelu    = "of the activations, Relu alone is read: train with ReLU"
	normalises = "it divides by numbers that depend on the row, so the layer is not affine; take BatchNormalization, or none"
	recurrent  = "hinge reads feedforward networks, unrolled"
)

func unknown(n *pb.NodeProto) error {
	if !isStandard(n) {
		return unsupported(n, "operators of the domain %q are not read; export the network by itself, in ONNX's own operators", n.GetDomain())
	}
	if way := wayOut[n.GetOpType()]; way != "" {
		return unsupported(n, "%s", way)
	}
	return unsupported(n, "chains of affine operators (Gemm, MatMul, Conv, AveragePool, ReduceMean, BatchNormalization, Add, Sub, Mul, Div) and Relu are read, with what moves numbers between them; simplify the graph or cut this node out")
}
