package onnx

import (
	"slices"

	"hinge/network"
	pb "hinge/onnx/internal/onnxpb"
)

// Convolution and average pooling move a window over the image. Written out, that
// is a sparse map: the output at place o takes the inputs at
//
//	o * stride - pad + k * dilation     for every k in the window
//
// along each axis, those outside of the image being 0. A window of one axis, of
// size 3, stride 2 and pad 1, over 5 numbers:
//
//	[w1 w2  .  .  . ]
//	[ . w0 w1 w2  . ]
//	[ .  .  . w0 w1 ]

// window is the geometry, one number for each axis of the image.
type window struct {
	in, out, size, stride, dilation, pad []int
}

// windowAttributes are those that all windows have.
var windowAttributes = []string{"auto_pad", "kernel_shape", "strides", "pads", "dilations"}

// windowOf reads the geometry of a window of the given size over the image in the
// data, of shape rows x channels x image.
func (w *walker) windowOf(n *pb.NodeProto, a attributes, size []int) (*window, error) {
	in := w.dims[2:]
	g := &window{in: in, size: size}
	for _, list := range []struct {
		name string
		to   *[]int
	}{{"strides", &g.stride}, {"dilations", &g.dilation}} {
		*list.to = slices.Repeat([]int{1}, len(in))
		if named := a.wholes(list.name); named != nil {
			if len(named) != len(in) {
				return nil, broken(n, "%d %s for an image of %d axes", len(named), list.name, len(in))
			}
			for i, v := range named {
				if v < 1 || v > maxFile {
					return nil, broken(n, "%s %v", list.name, named)
				}
				(*list.to)[i] = int(v)
			}
		}
	}
	total, err := g.padding(n, a)
	if err != nil {
		return nil, err
	}
	for i := range in {
		span := (size[i]-1)*g.dilation[i] + 1
		left := in[i] + total[i] - span
		if left < 0 {
			return nil, broken(n, "a window of %d over %d numbers", span, in[i]+total[i])
		}
		if a.whole("ceil_mode", 0) != 0 && left%g.stride[i] != 0 {
			return nil, unsupported(n, "its last window reaches beyond the image (ceil_mode)")
		}
		g.out = append(g.out, left/g.stride[i]+1)
	}
	return g, nil
}

// padding sets the zeros before the image, and returns those on both sides.
func (g *window) padding(n *pb.NodeProto, a attributes) (total []int, err error) {
	axes := len(g.in)
	g.pad, total = make([]int, axes), make([]int, axes)
	auto := a.text("auto_pad", "NOTSET")
	pads := a.wholes("pads")
	switch auto {
	case "NOTSET", "":
		if pads != nil && len(pads) != 2*axes {
			return nil, broken(n, "%d pads for an image of %d axes", len(pads), axes)
		}
		for _, p := range pads {
			if p < 0 || p > maxFile {
				return nil, broken(n, "pads %v", pads)
			}
		}
		for i := range len(pads) / 2 {
			g.pad[i], total[i] = int(pads[i]), int(pads[i]+pads[axes+i])
		}
	case "SAME_UPPER", "SAME_LOWER":
		for i := range axes {
			out := (g.in[i]-1)/g.stride[i] + 1
			total[i] = max(0, (out-1)*g.stride[i]+(g.size[i]-1)*g.dilation[i]+1-g.in[i])
			g.pad[i] = total[i] / 2
			if auto == "SAME_LOWER" {
				g.pad[i] = (total[i] + 1) / 2
			}
		}
	case "VALID":
	default:
		return nil, broken(n, "auto_pad %q", auto)
	}
	return total, nil
}

// places calls visit with the place in the window and in the image, both in
// row-major order, of everything that output o (an index of each axis) takes.
func (g *window) places(o []int, visit func(k, at int)) {
	var walk func(axis, k, at int)
	walk = func(axis, k, at int) {
		if axis == len(g.in) {
			visit(k, at)
			return
		}
		first, step := o[axis]*g.stride[axis]-g.pad[axis], g.dilation[axis]
		t := 0
		if first < 0 { // the first place within the image
			t = (step - 1 - first) / step
		}
		for ; t < g.size[axis] && first+t*step < g.in[axis]; t++ {
			walk(axis+1, k*g.size[axis]+t, at*g.in[axis]+first+t*step)
		}
	}
	walk(0, 0, 0)
}

// outputs calls visit with every place of the output.
func (g *window) outputs(visit func(o []int)) {
	o := make([]int, len(g.out))
	for range product(g.out) {
		visit(o)
		for i := len(o) - 1; i >= 0; i-- {
			if o[i]++; o[i] < g.out[i] {
				break
			}
			o[i] = 0
		}
	}
}

// image checks that the data are rows x channels x image, and returns the
// channels.
func (w *walker) image(n *pb.NodeProto) (channels int, err error) {
	if err := w.compute(n); err != nil {
		return 0, err
	}
	if len(w.dims) < 3 || len(w.dims) > maxRank || w.dims[0] != rowAxis && w.dims[0] != 1 || slices.Contains(w.dims[1:], rowAxis) {
		return 0, unsupported(n, "its data have the shape %s; rows x channels x image are understood", shapeText(w.dims))
	}
	return w.dims[1], w.once(n)
}

// afford charges for a map of outputs x terms entries, before it is made.
func (w *walker) afford(n *pb.NodeProto, outputs []int, terms int) error {
	entries := int64(max(terms, 1))
	for _, d := range outputs {
		if entries *= int64(d); entries > int64(w.spare) {
			entries = int64(w.spare) + 1
			break
		}
	}
	return w.charge(n, int(2*entries))
}

// conv adds a convolution.
func (w *walker) conv(n *pb.NodeProto, data int) error {
	if err := arity(n, 2, 3); err != nil {
		return err
	}
	a, err := attributesOf(n, append([]string{"group"}, windowAttributes...)...)
	if err != nil {
		return err
	}
	channels, err := w.image(n)
	if err != nil {
		return err
	}
	if data != 0 {
		return unsupported(n, "its weights depend on the data")
	}
	c, err := w.numbers(n, 1)
	if err != nil {
		return err
	}
	groups := a.whole("group", 1)
	if len(c.dims) != len(w.dims) || len(c.v) == 0 || groups < 1 || int64(channels) != int64(c.dims[1])*groups || int64(c.dims[0])%groups != 0 {
		return broken(n, "weights of shape %v in %d groups for data of shape %s", c.dims, groups, shapeText(w.dims))
	}
	if shape := a.wholes("kernel_shape"); shape != nil && !slices.EqualFunc(shape, c.dims[2:], func(a int64, b int) bool { return a == int64(b) }) {
		return broken(n, "a window of %v with weights of shape %v", shape, c.dims)
	}
	g, err := w.windowOf(n, a, c.dims[2:])
	if err != nil {
		return err
	}
	if err := w.afford(n, append([]int{c.dims[0]}, g.out...), c.dims[1]*product(g.size)); err != nil {
		return err
	}
	w.append(w.convMap(g, c, int(groups)), nil, n)
	if err := w.setDims(n, append([]int{w.dims[0], c.dims[0]}, g.out...)); err != nil {
		return err
	}
	return w.convBias(n)
}

// convMap writes a convolution out: weights c of shape outputs x channels of a
// group x window.
func (w *walker) convMap(g *window, c constant, groups int) *network.Sparse {
	b := newSparse(w.width)
	outputs, each := c.dims[0], c.dims[1]
	window, image := product(g.size), product(g.in)
	for m := range outputs {
		first := m / (outputs / groups) * each
		g.outputs(func(o []int) {
			for ch := range each {
				g.places(o, func(k, at int) {
					b.add(w.column((first+ch)*image+at), c.v[(m*each+ch)*window+k])
				})
			}
			b.endRow()
		})
	}
	return b.Sparse
}

func (w *walker) convBias(n *pb.NodeProto) error {
	if len(n.Input) < 3 || n.Input[2] == "" {
		return nil
	}
	c, err := w.numbers(n, 2)
	if err != nil {
		return err
	}
	if len(c.dims) != 1 || c.dims[0] != w.dims[1] {
		return broken(n, "a bias of shape %v for %d channels", c.dims, w.dims[1])
	}
	for range w.dims[2:] {
		c.dims = append(c.dims, 1)
	}
	bias, err := w.spread(n, c, false)
	if err != nil {
		return err
	}
	return w.addBias(n, bias)
}

// averagePool takes the mean over windows, of each channel.
func (w *walker) averagePool(n *pb.NodeProto, _ int) error {
	if err := arity(n, 1, 1); err != nil {
		return err
	}
	a, err := attributesOf(n, append([]string{"count_include_pad", "ceil_mode"}, windowAttributes...)...)
	if err != nil {
		return err
	}
	channels, err := w.image(n)
	if err != nil {
		return err
	}
	var size []int
	for _, k := range a.wholes("kernel_shape") {
		if k < 1 || k > maxFile {
			return broken(n, "a window of %v", a.wholes("kernel_shape"))
		}
		size = append(size, int(k))
	}
	if len(size) != len(w.dims)-2 {
		return broken(n, "a window of %v for data of shape %s", size, shapeText(w.dims))
	}
	g, err := w.windowOf(n, a, size)
	if err != nil {
		return err
	}
	return w.average(n, g, channels, a.whole("count_include_pad", 0) != 0)
}

// globalAveragePool takes the mean of each channel.
func (w *walker) globalAveragePool(n *pb.NodeProto, _ int) error {
	if err := arity(n, 1, 1); err != nil {
		return err
	}
	channels, err := w.image(n)
	if err != nil {
		return err
	}
	g, err := w.windowOf(n, nil, slices.Clone(w.dims[2:]))
	if err != nil {
		return err
	}
	return w.average(n, g, channels, false)
}

// average adds the map of means over windows. Zeros around the image count, or
// only the numbers within it.
func (w *walker) average(n *pb.NodeProto, g *window, channels int, countPads bool) error {
	terms := 1
	for i, k := range g.size {
		terms *= min(k, g.in[i])
	}
	if err := w.afford(n, append([]int{channels}, g.out...), terms); err != nil {
		return err
	}
	all := 1.0
	for _, k := range g.size {
		all *= float64(k)
	}
	b := newSparse(w.width)
	image := product(g.in)
	for ch := range channels {
		g.outputs(func(o []int) {
			count := 0.0
			g.places(o, func(_, _ int) { count++ })
			if countPads {
				count = all
			}
			g.places(o, func(_, at int) { b.add(w.column(ch*image+at), 1/count) })
			b.endRow()
		})
	}
	w.append(b.Sparse, nil, n)
	return w.setDims(n, append([]int{w.dims[0], channels}, g.out...))
}
