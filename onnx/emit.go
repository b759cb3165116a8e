package onnx

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// An emitter turns layers into the nodes of a graph.
//
// The outputs of a layer may be laid out as several tensors, its pieces, when
// the next layer is a Sum of maps that each work on a part: then no number is
// joined to a vector only to be cut out again. The lookup network of
// construction C12, say, becomes, for each of its 2q gates' sides,
//
//	t = MatMul(x, u)   Mul(t, scale)   Add(bias)   Relu   Mul(d)
//
// whose last products are added; no tensor has more than n numbers.
type emitter struct {
	prec     network.Precision
	gemmOnly bool
	parts    bool    // dense parts of structured maps carry their biases, and empty terms are left out
	origin   *origin // how the network's file was written; nil: as hinge writes
	used     map[string]bool
	sink     func(t stored, prec network.Precision) error // receives every stored tensor, in order

	nodes    []*pb.NodeProto
	producer map[string]*pb.NodeProto // by output
	taken    map[string]int           // names in use, and how many were asked for
	joined   map[string]tensor        // what is already joined or cut, by its parts
	err      error                    // the first error
}

// tensor is a matrix of N rows in the graph.
type tensor struct {
	name  string
	width int
}

// wire is what runs from one layer to the next: tensors beside each other.
type wire []tensor

func newEmitter(prec network.Precision, gemmOnly bool, sink func(stored, network.Precision) error) *emitter {
	return &emitter{prec: prec, gemmOnly: gemmOnly, sink: sink, used: map[string]bool{},
		producer: map[string]*pb.NodeProto{}, taken: map[string]int{}, joined: map[string]tensor{}}
}

// network emits all layers between the tensors named in and out.
func (e *emitter) network(net *network.Network, in, out string) ([]layerRecord, error) {
	e.unique(in)
	e.unique(out)
	widths := partitions(net)
	h := wire{e.enter(tensor{in, net.Inputs()})}
	var records []layerRecord
	for i := range net.Layers {
		l := &net.Layers[i]
		if !utf8.ValidString(l.Name) {
			return nil, fmt.Errorf("onnx: the name %q of layer %d is not UTF-8 text", l.Name, i)
		}
		base, known := l.Name, e.originOf(l)
		if base == "" {
			base = fmt.Sprintf("layer%d", i)
		}
		if known == nil {
			base = e.unique(base)
		}
		var record layerRecord
		h, record = e.layer(l, h, widths[i+1], base, known)
		records = append(records, record)
		if known == nil && len(h) == 1 && i < len(net.Layers)-1 {
			e.rename(&h[0], base)
		}
		if e.err != nil {
			return nil, e.err
		}
	}
	h[0] = e.leave(h[0])
	e.rename(&h[0], out)
	return records, e.err
}

// layer emits one layer and returns its outputs, in pieces of the given widths.
func (e *emitter) layer(l *network.Layer, in wire, widths []int, base string, known *layerOrigin) (wire, layerRecord) {
	record := layerRecord{Name: l.Name, Relu: l.Act == network.ReLU}
	b := burden{bias: l.Bias, names: &record.Bias, known: known}
	var h wire
	if _, dense := l.Map.(*network.Dense); dense || e.parts {
		h, record.Map = e.affine(l.Map, b, in, widths, base)
	} else {
		h, record.Map = e.affine(l.Map, burden{known: known}, in, widths, base)
		e.addBias(h, b, base)
	}
	if l.Act == network.ReLU {
		for i, t := range h {
			h[i] = e.node("Relu", base, t.width, t.name)
			if i == 0 && known != nil {
				e.nameAs(&h[0], known.Relu)
			}
		}
	}
	return h, record
}

// node adds a node of one output with that many columns. Node and output have
// the same name.
func (e *emitter) node(op, base string, width int, inputs ...string) tensor {
	part := opName[op]
	if part == "" {
		part = strings.ToLower(op)
	}
	name := e.unique(base + "." + part)
	n := &pb.NodeProto{Name: proto.String(name), OpType: proto.String(op), Input: inputs, Output: []string{name}}
	e.nodes = append(e.nodes, n)
	e.producer[name] = n
	return tensor{name, width}
}

// opName gives the part of a node's name that stands for its operator.
var opName = map[string]string{"Gemm": "gemm", "MatMul": "matmul", "Mul": "mul", "Add": "add", "Relu": "relu",
	"Concat": "concat", "Slice": "slice", "Gather": "gather"}

// nameAs gives the node that makes t, which no node takes yet, and t itself the
// names that they had in the network's file.
func (e *emitter) nameAs(t *tensor, known *nodeOrigin) {
	if known == nil {
		return
	}
	if known.Node != "" {
		e.producer[t.name].Name = proto.String(known.Node)
	}
	if known.Out != "" {
		e.rename(t, e.unique(known.Out))
	}
}

// attribute adds an integer attribute to the node that makes t.
func (e *emitter) attribute(t tensor, name string, v int) {
	n := e.producer[t.name]
	n.Attribute = append(n.Attribute, &pb.AttributeProto{Name: proto.String(name),
		Type: pb.AttributeProto_INT.Enum(), I: proto.Int64(int64(v))})
}

// list adds an attribute that is a list of integers.
func (e *emitter) list(t tensor, name string, v []int64) {
	n := e.producer[t.name]
	n.Attribute = append(n.Attribute, &pb.AttributeProto{Name: proto.String(name), Type: pb.AttributeProto_INTS.Enum(), Ints: v})
}

// rename gives a tensor that no node takes yet another name, which must be free.
func (e *emitter) rename(t *tensor, name string) {
	n := e.producer[t.name]
	delete(e.producer, t.name)
	n.Output[0], t.name = name, name
	e.producer[name] = n
}

// unique returns name, or name_2, name_3, ... when it is in use.
func (e *emitter) unique(name string) string {
	n := e.taken[name]
	e.taken[name] = n + 1
	if n == 0 {
		return name
	}
	for k := n + 1; ; k++ {
		free := fmt.Sprintf("%s_%d", name, k)
		if e.taken[free] == 0 {
			e.taken[free], e.taken[name] = 1, k
			return free
		}
	}
}

// numbers stores a tensor of numbers and returns its name.
func (e *emitter) numbers(name string, v []float64, dims ...int) string {
	return e.store(stored{name: name, dims: dims, numbers: v})
}

// indices stores a vector of indices and returns its name.
func (e *emitter) indices(name string, v []int32) string {
	return e.store(stored{name: name, dims: []int{len(v)}, indices: v})
}

func (e *emitter) store(t stored) string {
	t.name = e.unique(t.name)
	if e.err == nil {
		e.err = e.sink(t, e.prec)
	}
	return t.name
}

// A cursor finds stretches of a wire, asked for from left to right.
type cursor struct {
	wire  wire
	i, at int // the next part, and the column it begins at
}

// between returns the parts that make up the columns from <= j < to, nil when
// parts begin or end elsewhere.
func (c *cursor) between(from, to int) wire {
	for c.i < len(c.wire) && c.at < from {
		c.at += c.wire[c.i].width
		c.i++
	}
	end, at := c.i, c.at
	for end < len(c.wire) && at < to {
		at += c.wire[end].width
		end++
	}
	if c.at != from || at != to {
		return nil
	}
	return c.wire[c.i:end]
}

// span returns the columns from <= j < to as one tensor.
func (e *emitter) span(c *cursor, from, to int, base string) tensor {
	if parts := c.between(from, to); parts != nil {
		return e.concat(parts, base)
	}
	all := e.concat(c.wire, base)
	key := fmt.Sprintf("slice %d %d %s", from, to, all.name)
	if t, ok := e.joined[key]; ok {
		return t
	}
	t := e.node("Slice", base, to-from, all.name)
	e.list(t, "axes", []int64{1})
	e.list(t, "starts", []int64{int64(from)})
	e.list(t, "ends", []int64{int64(to)})
	e.joined[key] = t
	return t
}

// own returns the columns from <= j < to in the parts that the wire has, or as
// one tensor where these begin or end elsewhere.
func (e *emitter) own(c *cursor, from, to int, base string) wire {
	if parts := c.between(from, to); parts != nil {
		return parts
	}
	return wire{e.span(c, from, to, base)}
}

// concat returns parts beside each other as one tensor.
func (e *emitter) concat(parts wire, base string) tensor {
	if len(parts) == 1 {
		return parts[0]
	}
	key := fmt.Sprintf("concat %d %s", len(parts), parts[0].name)
	if t, ok := e.joined[key]; ok {
		return t
	}
	width := 0
	names := make([]string, len(parts))
	for i, t := range parts {
		width += t.width
		names[i] = t.name
	}
	t := e.node("Concat", base, width, names...)
	e.attribute(t, "axis", 1)
	e.joined[key] = t
	return t
}

// regroup joins consecutive tensors to pieces of the given widths. The
// boundaries of the pieces must be among those of the tensors.
func (e *emitter) regroup(parts wire, widths []int, base string) wire {
	var pieces wire
	c := cursor{wire: parts}
	from := 0
	for _, w := range widths {
		pieces = append(pieces, e.concat(c.between(from, from+w), base))
		from += w
	}
	return pieces
}
