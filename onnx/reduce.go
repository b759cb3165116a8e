package onnx

import (
	"slices"

	pb "hinge/onnx/internal/onnxpb"
)

// Means and sums over whole axes, and zeros laid around an image: sparse maps
// too. Exporters write them for global pooling, and in front of AveragePool.

// reduce takes the mean or the sum over axes: the numbers that are added stand
// behind each other once these axes are moved to the end.
func (w *walker) reduce(n *pb.NodeProto, data int) error {
	if err := arity(n, 1, 2); err != nil {
		return err
	}
	a, err := attributesOf(n, "axes", "keepdims", "noop_with_empty_axes")
	if err != nil {
		return err
	}
	if err := w.compute(n); err != nil {
		return err
	}
	axes, err := w.axesNamed(n, a, func(int) int { return len(w.dims) })
	if err != nil || data != 0 {
		return orBroken(err, n, "its axes depend on the data")
	}
	if len(axes) == 0 && a.whole("noop_with_empty_axes", 0) != 0 {
		return nil
	}
	kept, gone, dims := w.split(axes, a.whole("keepdims", 1) != 0)
	if gone == nil {
		return unsupported(n, "it takes numbers of different rows together")
	}
	return w.addUp(n, kept, gone, dims)
}

func orBroken(err error, n *pb.NodeProto, reason string) error {
	if err != nil {
		return err
	}
	return broken(n, "%s", reason)
}

// split returns the axes of a row that stay and those that go, counted without
// the axis of rows, and the shape that is left. Naming no axis names all. It
// returns nil for the axes that go, where the axis of rows is among them.
func (w *walker) split(axes []int, keep bool) (kept, gone, dims []int) {
	gone, own := []int{}, 0
	for i, d := range w.dims {
		named := len(axes) == 0 || slices.Contains(axes, i)
		switch {
		case named && d == rowAxis:
			return nil, nil, nil
		case named && keep:
			dims = append(dims, 1)
		case !named:
			dims = append(dims, d)
		}
		if d == rowAxis {
			continue
		}
		if named {
			gone = append(gone, own)
		} else {
			kept = append(kept, own)
		}
		own++
	}
	return kept, gone, dims
}

// addUp adds the layer of the means or sums over the axes gone.
func (w *walker) addUp(n *pb.NodeProto, kept, gone, dims []int) error {
	if err := w.charge(n, 4*w.size()); err != nil {
		return err
	}
	if err := w.once(n); err != nil {
		return err
	}
	own := slices.DeleteFunc(slices.Clone(w.dims), func(d int) bool { return d == rowAxis })
	from, moved := moved(own, slices.Concat(kept, gone))
	each, factor := product(moved[len(kept):]), 1.0
	if n.GetOpType() == "ReduceMean" {
		factor /= float64(each)
	}
	b := newSparse(w.width)
	for len(from) > 0 {
		for _, j := range from[:each] {
			b.add(w.column(int(j)), factor)
		}
		b.endRow()
		from = from[each:]
	}
	w.append(b.Sparse, nil, n)
	return w.setDims(n, dims)
}

// pads returns how many numbers a Pad lays before and after each axis, and which.
func (w *walker) pads(n *pb.NodeProto) (pads []int64, value float64, err error) {
	a, err := attributesOf(n, "mode", "pads", "value")
	if err != nil {
		return nil, 0, err
	}
	if mode := a.text("mode", "constant"); mode != "constant" {
		return nil, 0, unsupported(n, "its mode is %q; zeros around an image are understood", mode)
	}
	pads, value = a.wholes("pads"), a.number("value", 0)
	if len(n.Input) > 1 {
		if pads, err = w.wholes(n, 1); err != nil {
			return nil, 0, err
		}
	}
	if len(n.Input) > 2 && n.Input[2] != "" {
		c, err := w.numbers(n, 2)
		if err != nil {
			return nil, 0, err
		}
		if len(c.v) != 1 {
			return nil, 0, broken(n, "%d numbers to lay around", len(c.v))
		}
		value = c.v[0]
	}
	if len(n.Input) > 3 && n.Input[3] != "" {
		return nil, 0, unsupported(n, "it names axes; give it a number for each axis")
	}
	return pads, value, nil
}

// padded lays a number around the image: rows of the map without an entry.
func (w *walker) padded(n *pb.NodeProto, data int) error {
	if err := arity(n, 1, 4); err != nil {
		return err
	}
	pads, value, err := w.pads(n)
	if err != nil || data != 0 {
		return orBroken(err, n, "its sizes depend on the data")
	}
	if len(pads) != 2*len(w.dims) {
		return broken(n, "%d pads for a tensor of %d dimensions", len(pads), len(w.dims))
	}
	dims := slices.Clone(w.dims)
	for i, d := range w.dims {
		before, after := pads[i], pads[len(w.dims)+i]
		if before < 0 || after < 0 || d == rowAxis && before+after > 0 || before > maxFile || after > maxFile {
			return unsupported(n, "its pads are %v for the shape %s; numbers laid around each row are understood", pads, shapeText(w.dims))
		}
		if d != rowAxis {
			dims[i] += int(before + after)
		}
	}
	if slices.Equal(dims, w.dims) {
		return nil
	}
	if err := w.compute(n); err != nil {
		return err
	}
	if err := w.once(n); err != nil {
		return err
	}
	return w.surround(n, pads, dims, value)
}

// surround adds the layer that puts each number at its place in the shape dims.
func (w *walker) surround(n *pb.NodeProto, pads []int64, dims []int, value float64) error {
	old := w.dims
	if err := w.setDims(n, dims); err != nil {
		return err
	}
	if err := w.charge(n, 4*w.size()); err != nil {
		return err
	}
	// The place of each number of the row: where the first is, and from there on.
	stride, first, axes, steps := 1, 0, []int{}, []int{}
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] != rowAxis {
			axes, steps = append(axes, old[i]), append(steps, stride)
			first += int(pads[i]) * stride
			stride *= dims[i]
		}
	}
	slices.Reverse(axes)
	slices.Reverse(steps)
	place := strided(axes, steps)
	b, bias, next := newSparse(w.width), make([]float64, stride), 0
	for i := range stride {
		if next < len(place) && int(place[next])+first == i {
			b.add(w.column(next), 1)
			next++
		} else {
			bias[i] = value
		}
		b.endRow()
	}
	if value == 0 {
		bias = nil
	}
	w.append(b.Sparse, bias, n)
	return nil
}
