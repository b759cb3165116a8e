package onnx

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// What a file of another exporter looks like from outside, and how its dense
// layers were written. The reader keeps it in the network's metadata, and the
// writer goes by it, so that an edited network takes the place of the file that
// it came from:
//
//	input   its name, type and shape; Cast, Transpose, Flatten make rows of it
//	output  the same; Softmax or ArgMax, Reshape, Transpose, Cast lead to it
//	layers  by name: the operators of the product and the bias, and the names of
//	        their nodes and tensors
//
// A layer that an edit has added has no entry, and is written as hinge writes it.
// A network whose inputs or outputs are no longer those of the file is written
// with an input x and an output y.
type origin struct {
	Graph     string                  `json:"graph,omitempty"` // its name
	GraphDoc  string                  `json:"graph_doc,omitempty"`
	Doc       string                  `json:"doc,omitempty"` // of the model
	Domain    string                  `json:"domain,omitempty"`
	Version   int64                   `json:"version,omitempty"`
	Precision string                  `json:"precision"` // in which the file computes
	Input     endpoint                `json:"input"`
	Output    endpoint                `json:"output"`
	Ending    string                  `json:"ending,omitempty"` // Softmax, LogSoftmax or ArgMax
	Listed    bool                    `json:"listed,omitempty"` // the weights are declared as inputs that a caller may replace
	Layers    map[string]*layerOrigin `json:"layers,omitempty"`
}

// originKey is the metadata entry that holds the [origin] as JSON.
const originKey = "hinge.onnx"

// An endpoint is an input or an output of a graph.
type endpoint struct {
	Name string                  `json:"name"`
	Type pb.TensorProto_DataType `json:"type"`
	Dims []dimension             `json:"shape"`
	Rows int                     `json:"rows"` // the axis that counts rows; -1: the tensor is one row
}

// A dimension is an axis of a tensor: its size, or 0 and the name that stands for
// it. An open one has its size for one row, and the file leaves it open.
type dimension struct {
	Size int    `json:"size,omitempty"`
	Name string `json:"name,omitempty"`
	Open bool   `json:"open,omitempty"`
}

// A layerOrigin says how a file writes a dense layer, and under which names.
type layerOrigin struct {
	Op     string `json:"op"`               // Gemm or MatMul
	Plain  bool   `json:"plain,omitempty"`  // a Gemm with its weights In x Out
	Left   bool   `json:"left,omitempty"`   // a MatMul with its weights on the left
	Vector bool   `json:"vector,omitempty"` // and a vector on the right
	Apart  bool   `json:"apart,omitempty"`  // the bias is added by an Add

	Weight string `json:"weight,omitempty"` // tensors
	Bias   string `json:"bias,omitempty"`
	Row    bool   `json:"row,omitempty"` // the bias has the shape 1 x Out

	Product nodeOrigin  `json:"product"`
	Add     *nodeOrigin `json:"add,omitempty"`
	Relu    *nodeOrigin `json:"relu,omitempty"`
}

// biasDims returns the shape of a bias, of which the first piece is the file's.
func (l *layerOrigin) biasDims(i, width int) []int {
	if i == 0 && l.Row {
		return []int{1, width}
	}
	return []int{width}
}

// A nodeOrigin is the name of a node, which may be empty, and of what it makes.
type nodeOrigin struct {
	Node string `json:"node,omitempty"`
	Out  string `json:"out"`
}

func nodeOriginOf(n *pb.NodeProto) *nodeOrigin {
	return &nodeOrigin{Node: n.GetName(), Out: n.Output[0]}
}

// columns returns the product of the sizes of all axes but that of the rows, 0
// where one is open, or the product is too large.
func (p *endpoint) columns() int {
	size := 1
	for i, d := range p.Dims {
		if i == p.Rows {
			continue
		}
		if d.Size < 1 || d.Size > maxFile/size {
			return 0
		}
		size *= d.Size
	}
	return size
}

// isTable reports whether the tensor is rows by columns.
func (p *endpoint) isTable() bool { return len(p.Dims) == 2 && p.Rows == 0 }

func (p *endpoint) valid() bool {
	return p.Name != "" && utf8.ValidString(p.Name) && p.Rows >= -1 && p.Rows < len(p.Dims) && len(p.Dims) <= maxRank &&
		!slices.ContainsFunc(p.Dims, func(d dimension) bool { return d.Size < 0 || d.Size > maxFile || !utf8.ValidString(d.Name) })
}

// originOf returns the origin that a network's metadata tell, nil when there is
// none or the network no longer fits it.
func originOf(net *network.Network) *origin {
	var o origin
	text, known := net.Meta[originKey]
	if !known || json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	outputs := net.Outputs()
	if o.Ending == "ArgMax" {
		outputs = 1
	}
	if !o.Input.valid() || !o.Output.valid() || o.Input.Name == o.Output.Name || !floatOrWhole[o.Input.Type] || !floatOrWhole[o.Output.Type] ||
		o.Input.columns() != net.Inputs() || o.Output.columns() != outputs || o.Ending != "" && readings[o.Ending] == "" {
		return nil
	}
	for name, l := range o.Layers {
		if l == nil || l.Op != "Gemm" && l.Op != "MatMul" {
			delete(o.Layers, name)
		}
	}
	return &o
}

// floatOrWhole are the types that an input or output may have.
var floatOrWhole = map[pb.TensorProto_DataType]bool{
	pb.TensorProto_FLOAT: true, pb.TensorProto_DOUBLE: true, pb.TensorProto_INT64: true, pb.TensorProto_INT32: true,
	pb.TensorProto_UINT8: true, pb.TensorProto_INT8: true, pb.TensorProto_INT16: true, pb.TensorProto_UINT16: true,
}

// typeOf returns the type that an endpoint has in a file of a network of that
// precision: the declared one, but for a network that was widened since.
func (o *origin) typeOf(p *endpoint, prec network.Precision) pb.TensorProto_DataType {
	if o.Precision != prec.String() && (p.Type == pb.TensorProto_FLOAT || p.Type == pb.TensorProto_DOUBLE) {
		return elemType(prec)
	}
	return p.Type
}

// declare returns the declaration of an endpoint.
func (o *origin) declare(p *endpoint, prec network.Precision) *pb.ValueInfoProto {
	v := batchOf(p.Name, 1, prec)
	tensor := v.GetType().GetTensorType()
	typ := int32(o.typeOf(p, prec))
	tensor.ElemType, tensor.Shape.Dim = &typ, nil
	for _, d := range p.Dims {
		dim := &pb.TensorShapeProto_Dimension{}
		if d.Size > 0 && !d.Open {
			dim.Value = &pb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d.Size)}
		} else if d.Name != "" {
			dim.Value = &pb.TensorShapeProto_Dimension_DimParam{DimParam: d.Name}
		}
		tensor.Shape.Dim = append(tensor.Shape.Dim, dim)
	}
	return v
}

// list declares the tensors that have names of the file as inputs. ONNX Runtime
// then takes them as they are, and does not lay them out anew for its products.
func (o *origin) list(graph *pb.GraphProto) {
	theirs := map[string]bool{}
	for _, l := range o.Layers {
		theirs[l.Weight], theirs[l.Bias] = true, true
	}
	for _, t := range graph.Initializer {
		if !theirs[t.GetName()] {
			continue
		}
		v := batchOf(t.GetName(), 1, network.Float32)
		tensor := v.GetType().GetTensorType()
		tensor.ElemType, tensor.Shape.Dim = t.DataType, nil
		for _, d := range t.Dims {
			tensor.Shape.Dim = append(tensor.Shape.Dim, &pb.TensorShapeProto_Dimension{Value: &pb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		graph.Input = append(graph.Input, v)
	}
}

// keepOrigin puts into the metadata what the writer needs to write the network
// as this file is written.
func (g *graph) keepOrigin(w *walker) {
	o := origin{Graph: g.GetName(), GraphDoc: g.GetDocString(), Doc: g.model.GetDocString(), Domain: g.model.GetDomain(), Version: g.model.GetModelVersion(),
		Precision: w.net.Precision.String(), Layers: map[string]*layerOrigin{}}
	for _, text := range []*string{&o.Graph, &o.GraphDoc, &o.Doc, &o.Domain} {
		if !utf8.ValidString(*text) {
			*text = ""
		}
	}
	for i, l := range w.origins {
		if name := w.net.Layers[i].Name; l != nil && name != "" && o.Layers[name] == nil {
			o.Layers[name] = l
		}
	}
	in := slices.Clone(w.shapes[g.in])
	if open := slices.Index(in, unknownSize); open >= 0 {
		in[open] = 1
		in[open] = w.net.Inputs() / product(in)
	}
	o.Input = endpointOf(g.declared, in)
	o.Output = endpointOf(g.Output[0], w.dims)
	if w.ending != nil {
		o.Ending = w.ending.GetOpType()
	}
	if o.Output.Type == pb.TensorProto_UNDEFINED {
		o.Output.Type = w.typ
		if o.Ending == "ArgMax" {
			o.Output.Type = pb.TensorProto_INT64
		}
	}
	o.Listed = g.model.GetIrVersion() >= irVersion && len(g.Input) > 1
	text, err := json.Marshal(&o)
	if err == nil && !w.reshapedEnding {
		g.meta[originKey] = string(text)
	}
}

// sizesOf returns the sizes of all axes but the first, and whether the file gives
// them.
func sizesOf(declared []*pb.TensorShapeProto_Dimension) (sizes []int, ok bool) {
	for i, d := range declared {
		v := d.GetDimValue()
		if i > 0 {
			sizes = append(sizes, int(v))
		}
		if i > 0 && (v < 1 || v > maxFile) {
			return nil, false
		}
	}
	return sizes, len(declared) > 1 && len(declared) <= maxRank
}

// endpointOf describes a tensor of shape dims, with an axis that counts rows or
// without, by what the file declares of it.
func endpointOf(v *pb.ValueInfoProto, dims []int) endpoint {
	tensor := v.GetType().GetTensorType()
	p := endpoint{Name: v.GetName(), Type: pb.TensorProto_DataType(tensor.GetElemType()), Rows: slices.Index(dims, rowAxis)}
	declared := tensor.GetShape().GetDim()
	if p.Rows < 0 && len(dims) > 1 && dims[0] == 1 {
		p.Rows = 0 // one row, as the first of a table
	}
	if len(declared) != len(dims) {
		other, ok := sizesOf(declared)
		if p.Rows != 0 || !ok || product(other) != product(dims[1:]) {
			declared = nil
		} else { // what was declared, where it holds as many numbers
			dims = append([]int{rowAxis}, other...)
		}
	}
	for i, d := range dims {
		size := dimension{Size: d}
		if p.Rows < 0 && declared != nil && declared[i].GetDimValue() < 1 {
			size = dimension{Size: d, Name: declared[i].GetDimParam(), Open: true}
		}
		if i == p.Rows {
			size = dimension{Name: "N"}
			if declared != nil {
				size = dimension{Name: declared[i].GetDimParam(), Size: int(max(declared[i].GetDimValue(), 0))}
			}
		}
		p.Dims = append(p.Dims, size)
	}
	return p
}
