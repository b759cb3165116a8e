package onnx

import (
	pb "hinge/onnx/internal/onnxpb"
)

// attributes are those of one node, by name, their types checked.
type attributes map[string]*pb.AttributeProto

// attributeTypes gives the type of every attribute that is read or passed over.
var attributeTypes = map[string]pb.AttributeProto_AttributeType{
	"alpha": pb.AttributeProto_FLOAT, "beta": pb.AttributeProto_FLOAT, "epsilon": pb.AttributeProto_FLOAT,
	"momentum": pb.AttributeProto_FLOAT, "ratio": pb.AttributeProto_FLOAT,
	"value": pb.AttributeProto_FLOAT, "mode": pb.AttributeProto_STRING,
	"auto_pad": pb.AttributeProto_STRING, "round_mode": pb.AttributeProto_STRING,
	"perm": pb.AttributeProto_INTS, "axes": pb.AttributeProto_INTS, "pads": pb.AttributeProto_INTS,
	"strides": pb.AttributeProto_INTS, "dilations": pb.AttributeProto_INTS, "kernel_shape": pb.AttributeProto_INTS,
	"starts": pb.AttributeProto_INTS, "ends": pb.AttributeProto_INTS, "consumed_inputs": pb.AttributeProto_INTS,
}

// attributesOf returns the attributes of n. One that is not among the names
// known to the caller is refused: none is passed over silently. All types that
// attributeTypes does not give are whole numbers.
func attributesOf(n *pb.NodeProto, known ...string) (attributes, error) {
	a := attributes{}
	for _, attr := range n.Attribute {
		name, found := attr.GetName(), false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, unsupported(n, "its attribute %q is not understood", name)
		}
		want, listed := attributeTypes[name]
		if !listed {
			want = pb.AttributeProto_INT
		}
		if attr.Type != nil && attr.GetType() != want || attr.GetRefAttrName() != "" || a[name] != nil {
			return nil, broken(n, "its attribute %q is of type %v, not %v, or there twice", name, attr.GetType(), want)
		}
		a[name] = attr
	}
	return a, nil
}

func (a attributes) whole(name string, otherwise int64) int64 {
	if attr := a[name]; attr != nil {
		return attr.GetI()
	}
	return otherwise
}

func (a attributes) number(name string, otherwise float32) float64 {
	if attr := a[name]; attr != nil {
		return float64(attr.GetF())
	}
	return float64(otherwise)
}

func (a attributes) text(name, otherwise string) string {
	if attr := a[name]; attr != nil {
		return string(attr.GetS())
	}
	return otherwise
}

// wholes returns a list, nil when the node does not have it.
func (a attributes) wholes(name string) []int64 {
	if attr := a[name]; attr != nil {
		return attr.Ints
	}
	return nil
}

// axis returns an axis of a tensor of that rank, counted from the front.
func axisOf(n *pb.NodeProto, axis int64, rank int) (int, error) {
	if axis < -int64(rank) || axis >= int64(rank) {
		return 0, broken(n, "axis %d of a tensor of %d dimensions", axis, rank)
	}
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), nil
}
