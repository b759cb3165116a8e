package onnx

import (
	"slices"

	pb "hinge/onnx/internal/onnxpb"
)

// Operators that move numbers and compute nothing. Since a row keeps its numbers
// in row-major order, all but Transpose only change the shape beside it.

func (w *walker) identity(n *pb.NodeProto, _ int) error { return arity(n, 1, 1) }

// dropout passes its input on, as it does in inference.
func (w *walker) dropout(n *pb.NodeProto, data int) error {
	if _, err := attributesOf(n, "ratio", "seed", "is_test"); err != nil {
		return err
	}
	if data != 0 {
		return broken(n, "its ratio or mode depends on the data")
	}
	if len(n.Input) > 2 && n.Input[2] != "" {
		mode, err := w.wholes(n, 2)
		if err != nil {
			return err
		}
		if len(mode) != 1 || mode[0] != 0 {
			return unsupported(n, "it is set to training; export the network for inference")
		}
	}
	w.note("The Dropout %q passes all numbers on, as in inference.", nodeName(n))
	return nil
}

// cast changes the type of the data, which a network has but one of.
func (w *walker) cast(n *pb.NodeProto, _ int) error {
	a, err := attributesOf(n, "to", "saturate", "round_mode")
	if err == nil {
		err = arity(n, 1, 1)
	}
	if err != nil {
		return err
	}
	to := pb.TensorProto_DataType(a.whole("to", 0))
	if to != w.typ && to != pb.TensorProto_FLOAT && to != pb.TensorProto_DOUBLE {
		return unsupported(n, "it makes %v of %v, which rounds; float and double are understood", to, w.typ)
	}
	if w.typ == pb.TensorProto_DOUBLE && to == pb.TensorProto_FLOAT && len(w.net.Layers) == 0 {
		w.note("The input is declared double and cast to float: give it numbers of float32.")
	}
	w.typ = to
	return nil
}

// mixes refuses a node that only moves numbers, but between rows.
func (w *walker) mixes(n *pb.NodeProto, dims any) error {
	w.mixer = n
	return unsupported(n, "it makes %v of the shape %s, N rows, and so mixes numbers of different rows", dims, shapeText(w.dims))
}

// flatten makes two axes of all: those before an axis, and those from it on.
func (w *walker) flatten(n *pb.NodeProto, _ int) error {
	a, err := attributesOf(n, "axis")
	if err == nil {
		err = arity(n, 1, 1)
	}
	if err != nil {
		return err
	}
	axis := a.whole("axis", 1)
	if axis < -int64(len(w.dims)) || axis > int64(len(w.dims)) {
		return broken(n, "axis %d of a tensor of %d dimensions", axis, len(w.dims))
	}
	if axis < 0 {
		axis += int64(len(w.dims))
	}
	return w.flattenAt(n, int(axis))
}

func (w *walker) flattenAt(n *pb.NodeProto, axis int) error {
	sides, rows := [2]int{1, 1}, -1
	for i, d := range w.dims {
		side := 0
		if i >= axis {
			side = 1
		}
		if d == rowAxis {
			rows = side
		} else {
			sides[side] *= d
		}
	}
	if rows >= 0 {
		if sides[rows] != 1 {
			return w.mixes(n, "two axes")
		}
		sides[rows] = rowAxis
	}
	return w.setDims(n, sides[:])
}

func (w *walker) reshape(n *pb.NodeProto, data int) error {
	if err := arity(n, 2, 2); err != nil {
		return err
	}
	if data != 0 {
		return broken(n, "its shape depends on the data")
	}
	target, err := w.wholes(n, 1)
	if err != nil {
		return err
	}
	dims, err := w.reshaped(n, w.dims, target)
	if err != nil {
		return err
	}
	return w.setDims(n, dims)
}

// reshaped returns the shape that target asks for: -1 stands for what is left,
// 0 for the size at the same place before.
func (w *walker) reshaped(n *pb.NodeProto, dims []int, target []int64) ([]int, error) {
	a, err := attributesOf(n, "allowzero")
	if err != nil {
		return nil, err
	}
	want, rest := make([]int, len(target)), 0
	for i, d := range target {
		switch {
		case d == 0 && a.whole("allowzero", 0) == 0 && i < len(dims) && dims[i] == rowAxis, d == rowCount:
			want[i] = rowMark
		case d == 0 && a.whole("allowzero", 0) == 0 && i < len(dims):
			want[i] = dims[i]
		case d == -1:
			want[i] = restMark
			rest++
		case d > 0 && d <= maxFile:
			want[i] = int(d)
		default:
			return nil, broken(n, "it asks for the shape %v", target)
		}
	}
	if rest > 1 || len(want) > maxRank {
		return nil, broken(n, "it asks for the shape %v", target)
	}
	rows := slices.Index(dims, rowAxis)
	if rows < 0 {
		if out, ok := complete(want, -1, product(dims)); ok {
			return out, nil
		}
		return nil, broken(n, "it makes the shape %v of %v", target, shapeText(dims))
	}
	// Some axis must count the rows afterwards, with as many numbers before it.
	before, size := product(dims[:rows]), product(dims[:rows])*product(dims[rows+1:])
	for i, d := range want {
		if slices.Contains(want, rowMark) && d != rowMark || d >= 0 && d != w.rows {
			continue
		}
		if out, ok := complete(want, i, size); ok && product(out[:i]) == before {
			return out, nil
		}
	}
	return nil, w.mixes(n, target)
}

// Marks in a shape that is asked for.
const (
	rowMark  = -1 // the number of rows
	restMark = -2 // what is left
	maxRank  = 64 // axes; the runtimes stop at far fewer
)

// complete returns a shape of size numbers, the axis rows (none: -1) counting rows.
func complete(want []int, rows, size int) ([]int, bool) {
	out, rest, known := slices.Clone(want), -1, 1
	for i, d := range want {
		switch {
		case i == rows:
			out[i] = rowAxis
		case d == restMark:
			rest = i
		case d == rowMark, d > 0 && known > size:
			return nil, false
		default:
			known *= d
		}
	}
	if rest >= 0 && known > 0 && size%known == 0 {
		out[rest] = size / known
		known = size
	}
	return out, known == size
}

// product multiplies the sizes, but for the axis of rows.
func product(dims []int) int {
	p := 1
	for _, d := range dims {
		if d != rowAxis {
			p *= d
		}
	}
	return p
}

// axesOf returns the axes that a Squeeze or Unsqueeze names, in an attribute or,
// from operator set 13 on, as an input; nil for none. They are sorted.
func (w *walker) axesOf(n *pb.NodeProto, rank func(axes int) int) ([]int, error) {
	a, err := attributesOf(n, "axes")
	if err != nil {
		return nil, err
	}
	return w.axesNamed(n, a, rank)
}

func (w *walker) axesNamed(n *pb.NodeProto, a attributes, rank func(axes int) int) (axes []int, err error) {
	named := a.wholes("axes")
	if len(n.Input) > 1 && n.Input[1] != "" {
		if named, err = w.wholes(n, 1); err != nil {
			return nil, err
		}
	}
	if len(named) > maxRank {
		return nil, broken(n, "%d axes", len(named))
	}
	for _, axis := range named {
		i, err := axisOf(n, axis, rank(len(named)))
		if err != nil {
			return nil, err
		}
		if slices.Contains(axes, i) {
			return nil, broken(n, "axis %d is there twice", i)
		}
		axes = append(axes, i)
	}
	slices.Sort(axes)
	return axes, nil
}

func (w *walker) squeeze(n *pb.NodeProto, data int) error {
	if err := arity(n, 1, 2); err != nil {
		return err
	}
	dims, err := w.squeezed(n, w.dims)
	if err == nil && data != 0 {
		err = broken(n, "its axes depend on the data")
	}
	if err != nil {
		return err
	}
	return w.setDims(n, dims)
}

func (w *walker) squeezed(n *pb.NodeProto, dims []int) ([]int, error) {
	axes, err := w.axesOf(n, func(int) int { return len(dims) })
	if err != nil {
		return nil, err
	}
	left := []int{}
	for i, d := range dims {
		named := slices.Contains(axes, i)
		switch {
		case d == rowAxis && (named || axes == nil && w.rows == 1):
			return nil, w.mixes(n, "no axis")
		case named && d != 1:
			return nil, broken(n, "it removes axis %d of the shape %s", i, shapeText(dims))
		case named, axes == nil && d == 1:
		default:
			left = append(left, d)
		}
	}
	return left, nil
}

func (w *walker) unsqueeze(n *pb.NodeProto, data int) error {
	if err := arity(n, 1, 2); err != nil {
		return err
	}
	dims, err := w.unsqueezed(n, w.dims)
	if err == nil && data != 0 {
		err = broken(n, "its axes depend on the data")
	}
	if err != nil {
		return err
	}
	return w.setDims(n, dims)
}

func (w *walker) unsqueezed(n *pb.NodeProto, dims []int) ([]int, error) {
	axes, err := w.axesOf(n, func(axes int) int { return len(dims) + axes })
	if err != nil {
		return nil, err
	}
	if len(dims)+len(axes) > maxRank {
		return nil, broken(n, "%d axes", len(dims)+len(axes))
	}
	out := slices.Clone(dims)
	for _, axis := range axes {
		out = slices.Insert(out, axis, 1)
	}
	return out, nil
}

func (w *walker) transpose(n *pb.NodeProto, _ int) error {
	if err := arity(n, 1, 1); err != nil {
		return err
	}
	perm, err := permutation(n, len(w.dims))
	if err != nil {
		return err
	}
	return w.permute(n, perm)
}

// permutation returns the order of axes that a Transpose asks for.
func permutation(n *pb.NodeProto, rank int) ([]int, error) {
	a, err := attributesOf(n, "perm")
	if err != nil {
		return nil, err
	}
	named := a.wholes("perm")
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = rank - 1 - i
	}
	if named == nil {
		return perm, nil
	}
	used := make([]bool, rank)
	for i, p := range named {
		if len(named) != rank || p < 0 || p >= int64(rank) || used[p] {
			return nil, broken(n, "%v is no order of %d axes", named, rank)
		}
		perm[i], used[p] = int(p), true
	}
	return perm, nil
}

// permute puts the axes into another order.
func (w *walker) permute(n *pb.NodeProto, perm []int) error {
	var dims, axes []int // the numbers' own axes, without that of rows
	var moving []int     // of those, the ones of more than one number
	place := make([]int, len(w.dims))
	for i, d := range w.dims {
		place[i] = len(dims)
		if d != rowAxis {
			dims = append(dims, d)
		}
	}
	out := make([]int, len(perm))
	for i, p := range perm {
		if out[i] = w.dims[p]; out[i] != rowAxis {
			if out[i] > 1 {
				moving = append(moving, place[p])
			}
			axes = append(axes, place[p])
		}
	}
	w.dims = out
	if slices.IsSorted(moving) {
		return nil
	}
	if err := w.charge(n, w.size()); err != nil {
		return err
	}
	from, _ := moved(dims, axes)
	w.rearrange(from)
	return nil
}

// moved returns where each element of a tensor comes from, whose axes are put
// into another order, and its new shape.
func moved(dims, perm []int) (from []int32, out []int) {
	stride := make([]int, len(dims))
	size := 1
	for i := len(dims) - 1; i >= 0; i-- {
		stride[i] = size
		size *= dims[i]
	}
	steps := make([]int, len(perm))
	for i, p := range perm {
		out = append(out, dims[p])
		steps[i] = stride[p]
	}
	return strided(out, steps), out
}

// strided lists the numbers sum_k index_k steps_k over all indices of a tensor
// of the given shape, in row-major order.
func strided(dims, steps []int) []int32 {
	from := []int32{0}
	if product(dims) == 0 {
		return []int32{}
	}
	for k, d := range dims {
		next := make([]int32, 0, len(from)*d)
		for _, f := range from {
			for i := range d {
				next = append(next, f+int32(i*steps[k]))
			}
		}
		from = next
	}
	return from
}

// rearrange makes number from[i] of the tensor its number i.
func (w *walker) rearrange(from []int32) {
	if w.order != nil {
		from = pick(w.order, from)
	}
	w.order = from
	for i, j := range from {
		if int(j) != i || len(from) != w.width {
			return
		}
	}
	w.order = nil // nothing moved after all
}
