package onnx

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// restore makes the network that the description of the layers and the tensors
// of the graph give, and proves that it is what the graph computes: written
// again, it must give the same nodes and the same tensors. So the description
// is never believed against the graph.
func (g *graph) restore(described string) (*network.Network, error) {
	var s structure
	if err := json.Unmarshal([]byte(described), &s); err != nil {
		return nil, fmt.Errorf("the metadata entry %s is broken: %v", structureKey, err)
	}
	l := loader{tensors: g.tensors, left: map[string]bool{}, spare: spareNumbers}
	for name := range g.tensors {
		l.left[name] = true
	}
	net := &network.Network{Meta: g.meta}
	if len(g.meta) == 0 {
		net.Meta = nil
	}
	var err error
	if net.Precision, err = g.precisionOf(&s); err != nil {
		return nil, err
	}
	for i := range s.Layers {
		layer, err := l.layer(&s.Layers[i])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		net.Layers = append(net.Layers, layer)
	}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if err := g.sameAs(net, &s); err != nil {
		return nil, err
	}
	return net, nil
}

// precisionOf returns the precision in which the graph computes.
func (g *graph) precisionOf(s *structure) (network.Precision, error) {
	switch {
	case g.opset < 7:
	case s.Framed:
		return network.ParsePrecision(s.Precision)
	case g.elem == pb.TensorProto_FLOAT:
		return network.Float32, nil
	case g.elem == pb.TensorProto_DOUBLE:
		return network.Float64, nil
	}
	return 0, fmt.Errorf("its numbers are of type %v, in operator set %d", g.elem, g.opset)
}

// sameAs returns an error unless the graph is the one that net is written as.
func (g *graph) sameAs(net *network.Network, s *structure) error {
	next := 0
	e := newEmitter(net.Precision, s.Gemm, func(t stored, prec network.Precision) error {
		if next++; next > len(g.Initializer) || !sameTensor(g.Initializer[next-1], t, prec) {
			return fmt.Errorf("tensor %q is not as it was written", t.name)
		}
		return nil
	})
	e.parts = s.Parts
	if s.Framed {
		if e.origin = originOf(net); e.origin == nil || !g.endsAs(e.origin, net.Precision) {
			return fmt.Errorf("the input or the output is not as it was written")
		}
	} else if g.table() != net.Inputs() {
		return fmt.Errorf("the input has not %d columns", net.Inputs())
	}
	if _, err := e.network(net, g.in, g.out); err != nil {
		return err
	}
	if len(e.nodes) != len(g.Node) || next != len(g.Initializer) {
		return fmt.Errorf("the graph has %d nodes and %d tensors, and was written with %d and %d",
			len(g.Node), len(g.Initializer), len(e.nodes), next)
	}
	for i, n := range e.nodes {
		if !proto.Equal(n, g.Node[i]) {
			return fmt.Errorf("node %d, %q, is not as it was written", i, n.GetName())
		}
		if since := changedIn[n.GetOpType()]; since > 0 && g.opset >= since {
			return fmt.Errorf("node %q has another meaning in operator set %d", n.GetName(), g.opset)
		}
	}
	return nil
}

// changedIn gives the operator sets in which operators that hinge writes took on
// another form.
var changedIn = map[string]int64{"Slice": 10, "Squeeze": 13, "Unsqueeze": 13}

// endsAs reports whether input and output are declared as o says, but for their
// names and the number of rows, which someone may have changed since.
func (g *graph) endsAs(o *origin, prec network.Precision) bool {
	same := func(v *pb.ValueInfoProto, p *endpoint) bool {
		is, was := v.GetType().GetTensorType(), o.declare(p, prec).GetType().GetTensorType()
		if is.GetElemType() != was.GetElemType() || len(is.GetShape().GetDim()) != len(was.Shape.Dim) {
			return false
		}
		for i, d := range is.GetShape().GetDim() {
			if i != p.Rows && d.GetDimValue() != was.Shape.Dim[i].GetDimValue() {
				return false
			}
		}
		return true
	}
	return same(g.declared, &o.Input) && same(g.Output[0], &o.Output)
}

// sameTensor reports whether the file's tensor t is what want is stored as.
func sameTensor(t *pb.TensorProto, want stored, prec network.Precision) bool {
	if t.GetName() != want.name {
		return false
	}
	if want.wholes != nil {
		c, err := decodeConstant(t)
		return err == nil && c.typ == pb.TensorProto_INT64 && slices.Equal(c.dims, want.dims) && slices.Equal(c.ints, want.wholes)
	}
	if want.indices != nil {
		dims, v, err := decodeIndices(t)
		return err == nil && slices.Equal(dims, want.dims) && slices.Equal(v, want.indices)
	}
	dims, v, err := decodeNumbers(t)
	return err == nil && pb.TensorProto_DataType(t.GetDataType()) == elemType(prec) && slices.Equal(dims, want.dims) &&
		slices.EqualFunc(v, want.numbers, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

// A loader takes the numbers of layers from tensors. It takes each tensor once,
// so what it makes is no larger than the file.
type loader struct {
	tensors map[string]*pb.TensorProto
	left    map[string]bool // tensors not yet taken
	spare   int             // numbers that may still be made beyond those stored
}

func (l *loader) take(name string) (*pb.TensorProto, error) {
	if !l.left[name] {
		return nil, fmt.Errorf("tensor %q is missing, or stands for two things", name)
	}
	delete(l.left, name)
	return l.tensors[name], nil
}

// vector returns tensors of any shape, one after the other; nil for none.
func (l *loader) vector(names []string) ([]float64, error) {
	var all []float64
	for _, name := range names {
		t, err := l.take(name)
		if err != nil {
			return nil, err
		}
		_, v, err := decodeNumbers(t)
		if err != nil {
			return nil, err
		}
		all = append(all, v...)
	}
	return slices.Clip(all), nil
}

// indices returns tensors of indices, one after the other.
func (l *loader) indices(names []string) ([]int32, error) {
	var all []int32
	for _, name := range names {
		t, err := l.take(name)
		if err != nil {
			return nil, err
		}
		_, v, err := decodeIndices(t)
		if err != nil {
			return nil, err
		}
		all = append(all, v...)
	}
	return all, nil
}

// matrix returns matrices stored one after the other along the outputs, each
// with a row per output or, transposed, a column per output.
func (l *loader) matrix(names []string, transposed bool) (*network.Dense, error) {
	m := &network.Dense{}
	for i, name := range names {
		t, err := l.take(name)
		if err != nil {
			return nil, err
		}
		dims, v, err := decodeNumbers(t)
		if err != nil {
			return nil, err
		}
		if len(dims) != 2 {
			return nil, fmt.Errorf("%s is no matrix", where(t))
		}
		out, in := dims[0], dims[1]
		if transposed {
			v, out, in = transpose(v, out, in), in, out
		}
		if i > 0 && in != m.In {
			return nil, fmt.Errorf("%s has %d inputs, and its neighbour %d", where(t), in, m.In)
		}
		m.In, m.Out, m.W = in, m.Out+out, append(m.W, v...)
	}
	m.W = slices.Clip(m.W)
	return m, nil
}

func (l *loader) layer(r *layerRecord) (network.Layer, error) {
	layer := network.Layer{Name: r.Name}
	if r.Relu {
		layer.Act = network.ReLU
	}
	var err error
	if layer.Map, err = l.load(r.Map); err != nil {
		return layer, err
	}
	layer.Bias, err = l.vector(r.Bias)
	return layer, err
}

// load makes the map that r describes.
func (l *loader) load(r *mapRecord) (network.Map, error) {
	if r == nil {
		return nil, fmt.Errorf("a map is missing")
	}
	switch r.Kind {
	case kindDense:
		return l.matrix(r.Weights, r.Form == formMatMul || r.Form == formGemmPlain)
	case kindSparse:
		return l.sparse(r)
	case kindElementwise:
		d, err := l.vector(r.Weights)
		return &network.Diagonal{D: d}, err
	case kindProjected:
		return l.projected(r)
	case kindStack:
		maps, err := l.loadAll(r.Maps)
		return &network.Stack{Maps: maps}, err
	case kindBlocks:
		maps, err := l.loadAll(r.Maps)
		return &network.Blocks{Maps: maps}, err
	case kindSum:
		maps, err := l.terms(r.Maps)
		return &network.Sum{Maps: maps}, err
	}
	return nil, fmt.Errorf("a map of the unknown kind %q", r.Kind)
}

func (l *loader) loadAll(records []*mapRecord) ([]network.Map, error) {
	var maps []network.Map
	for _, r := range records {
		m, err := l.load(r)
		if err != nil {
			return nil, err
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// terms loads the terms of a sum. Of those that are not written, the description
// says how many inputs they pass over.
func (l *loader) terms(records []*mapRecord) ([]network.Map, error) {
	var maps []network.Map
	out := 0
	for i, r := range records {
		if i > 0 && r != nil && r.Form == formNone {
			if l.spare -= out + 1; l.spare < 0 || r.In < 1 || r.In > maxFile {
				return nil, fmt.Errorf("an empty term of %d inputs and %d outputs", r.In, out)
			}
			maps = append(maps, &network.Sparse{Out: out, In: r.In, RowPtr: make([]int, out+1)})
			continue
		}
		m, err := l.load(r)
		if err != nil {
			return nil, err
		}
		maps = append(maps, m)
		if i == 0 {
			out, _ = m.Dims()
		}
	}
	return maps, nil
}

func (l *loader) projected(r *mapRecord) (network.Map, error) {
	p, err := l.matrix(r.Weights, true)
	if err != nil {
		return nil, err
	}
	m := &network.Projected{P: p}
	if r.Form == formGather {
		if m.Pick, err = l.indices(r.Indices); err != nil {
			return nil, err
		}
		m.Scale, err = l.vector(r.Scales)
		return m, err
	}
	if len(r.Pick) != len(r.Scales) {
		return nil, fmt.Errorf("a projected map has %d runs and %d picks", len(r.Scales), len(r.Pick))
	}
	for i, name := range r.Scales {
		scale, err := l.vector([]string{name})
		if err != nil {
			return nil, err
		}
		m.Scale = append(m.Scale, scale...)
		for range scale {
			m.Pick = append(m.Pick, r.Pick[i])
		}
	}
	return m, nil
}
