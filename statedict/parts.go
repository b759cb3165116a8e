package statedict

import (
	"fmt"
	"slices"
	"strings"
)

// part is an affine map of the file: a matrix and perhaps a bias, whose names
// differ in their last piece.
type part struct {
	name   string // what the names share: seq.0 of seq.0.weight
	weight *Tensor
	bias   *Tensor // nil for none
	kernel bool    // stored as inputs x outputs by the custom of its name
}

// dims returns the outputs and inputs of the matrix, by the custom of its name
// or the other way round.
func (p *part) dims(turned bool) (out, in int) {
	s := p.weight.Shape
	if turned != p.kernel {
		return s[1], s[0]
	}
	return s[0], s[1]
}

// fits reports whether the part is a map of the given sizes.
func (p *part) fits(out, in int, turned bool) bool {
	o, i := p.dims(turned)
	return o == out && i == in && (p.bias == nil || p.bias.Shape[0] == out)
}

func (p *part) String() string { return p.weight.Name + " " + shapeText(p.weight.Shape) }

// The ways out of a file that is no chain of affine maps.
const (
	foldNorm = "fold the normalisation into the layer before it, or export the model to ONNX, whose reader folds it"
	toONNX   = "export the model to ONNX instead (torch.onnx.export)"
)

// split sorts the tensors into affine maps. Whatever belongs to none of them is
// refused: leaving it out would change the function.
func split(tensors []Tensor) ([]*part, error) {
	var parts []*part
	byName := map[string]*part{}
	for i := range tensors {
		t := &tensors[i]
		name, leaf := cut(t.Name)
		switch leaf {
		case "weight", "kernel", "w", "W":
			if err := isMatrix(t); err != nil {
				return nil, err
			}
			if byName[name] != nil {
				return nil, &UnsupportedError{t.Name, "a second matrix of the same name; " + toONNX}
			}
			p := &part{name: name, weight: t, kernel: leaf == "kernel"}
			byName[name] = p
			parts = append(parts, p)
		case "bias", "b", "B":
		case "running_mean", "running_var", "num_batches_tracked":
			return nil, &UnsupportedError{t.Name, "it belongs to a batch normalisation, which a chain of matrices leaves no place for; " + foldNorm}
		default:
			return nil, &UnsupportedError{t.Name, "it is neither a weight nor a bias by its name; rename it to NAME.weight or NAME.bias if it is one, or " + toONNX}
		}
	}
	for i := range tensors {
		t := &tensors[i]
		name, leaf := cut(t.Name)
		if !slices.Contains([]string{"bias", "b", "B"}, leaf) {
			continue
		}
		if err := addBias(byName[name], t); err != nil {
			return nil, err
		}
	}
	if len(parts) == 0 {
		return nil, &UnsupportedError{Reason: "it holds no weights"}
	}
	return parts, nil
}

// cut returns what a name shares with its fellows, and the rest.
func cut(name string) (of, leaf string) {
	if i := strings.LastIndexAny(name, "./"); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

func isMatrix(t *Tensor) error {
	switch len(t.Shape) {
	case 2:
		if t.Shape[0] < 1 || t.Shape[1] < 1 {
			return &UnsupportedError{t.Name, "its shape " + shapeText(t.Shape) + " leaves no weights"}
		}
		return nil
	case 1:
		return &UnsupportedError{t.Name, fmt.Sprintf("a weight of shape %s is no matrix, but belongs to a normalisation or another elementwise layer; %s", shapeText(t.Shape), foldNorm)}
	case 3, 4, 5:
		return &UnsupportedError{t.Name, fmt.Sprintf("a weight of shape %s is a convolution, whose strides and sizes the file does not say; %s", shapeText(t.Shape), toONNX)}
	}
	return &UnsupportedError{t.Name, fmt.Sprintf("a weight of shape %s; matrices are understood", shapeText(t.Shape))}
}

func addBias(p *part, t *Tensor) error {
	switch {
	case p == nil:
		return &UnsupportedError{t.Name, "a bias without a weight of the same name; " + toONNX}
	case p.bias != nil:
		return &UnsupportedError{t.Name, "a second bias of the same name; " + toONNX}
	case len(t.Shape) != 1 || !slices.Contains(p.weight.Shape, t.Shape[0]):
		return &UnsupportedError{t.Name, fmt.Sprintf("a bias of shape %s does not fit the weight of shape %s", shapeText(t.Shape), shapeText(p.weight.Shape))}
	}
	p.bias = t
	return nil
}

// orders returns the orders in which the parts may stand in the network: that of
// the file, if it means anything, and that of their names.
func orders(parts []*part, ordered bool) [][]*part {
	named := slices.Clone(parts)
	slices.SortStableFunc(named, func(a, b *part) int { return natural(a.name, b.name) })
	if ordered && !slices.Equal(parts, named) {
		return [][]*part{parts, named}
	}
	return [][]*part{named}
}

// natural compares names with numbers in them by value: fc2 before fc10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x > 0 && y > 0 {
			// Longer runs of digits are larger numbers, once their zeros are gone.
			m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
			if len(m) != len(n) {
				return len(m) - len(n)
			}
			if c := strings.Compare(m, n); c != 0 {
				return c
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// digits returns the length of the digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
