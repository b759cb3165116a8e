package onnx

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	pb "hinge/onnx/internal/onnxpb"
)

// A grower makes random graphs of all operators that are read, in every form
// that operator sets 7 to 21 give them, and keeps the shape of a row.
type grower struct {
	*maker
	*chain
	opset int64
	input []int // shape of the input, 0 for the rows
	dims  []int // of a row; the axis of rows stands before them
	used  map[string]int
}

func (g *grower) size() int { return product(g.dims) }

// newGrower grows a graph; used counts its operators.
func newGrower(seed uint64, used map[string]int) *grower {
	g := &grower{maker: newMaker(seed), opset: 7 + int64(seed%15), used: used}
	elem := pb.TensorProto_FLOAT
	if g.IntN(3) == 0 {
		elem = pb.TensorProto_DOUBLE
	}
	for range 1 + g.IntN(3) {
		g.dims = append(g.dims, 1+g.IntN(5))
	}
	g.input = append([]int{0}, g.dims...)
	g.chain = newChain(g.opset, elem, g.input...)
	steps := 1 + g.IntN(6)
	computes := g.IntN(steps) // so that there is a layer in any case
	for i := range steps {
		if i == computes {
			g.op("Neg", nil, data)
		}
		g.grow()
	}
	if g.IntN(4) == 0 {
		g.finish()
	}
	return g
}

// Every graph that ONNX Runtime takes is read, and computes the same.
func TestRandomGraphs(t *testing.T) {
	ran, used := 0, map[string]int{}
	for seed := range uint64(600) {
		g := newGrower(seed, used)
		if g.agree(t, g.maker.inputs(1+g.IntN(3), product(g.input[1:])), g.input, 0) {
			ran++
		} else if g.elem == pb.TensorProto_FLOAT {
			t.Errorf("the runtime refuses a graph of the test")
		}
		if t.Failed() {
			t.Fatalf("seed %d, operator set %d", seed, g.opset)
		}
	}
	if ran < 400 {
		t.Errorf("only %d graphs ran", ran)
	}
	for op := range operators {
		if used[op] < 5 {
			t.Errorf("operator %s was drawn %d times", op, used[op])
		}
	}
}

// op adds a node and counts it.
func (g *grower) op(op string, attrs map[string]any, inputs ...string) *pb.NodeProto {
	g.used[op]++
	return g.node(op, attrs, inputs...)
}

// some stores random numbers.
func (g *grower) some(dims ...int) string {
	return g.chain.numbers(g.maker.numbers(product(dims)), dims...)
}

// grow adds a random operator that fits.
func (g *grower) grow() {
	switch k := g.IntN(18); {
	case k == 0:
		g.op("Relu", nil, data)
	case k == 1:
		g.op([]string{"Identity", "Neg"}[g.IntN(2)], nil, data)
	case k <= 3:
		g.product()
	case k <= 5 && len(g.dims) == 1:
		g.gemm()
	case k == 6 && len(g.dims) > 1:
		g.leftProduct()
	case k <= 8:
		g.arithmetic()
	case k == 9:
		g.norm()
	case k == 10 && len(g.dims) > 1:
		g.conv()
	case k == 11 && len(g.dims) > 1 && g.elem == pb.TensorProto_FLOAT:
		g.pool()
	case k == 12:
		g.transposed()
	case k == 13:
		g.reshaped()
	case k == 14:
		g.axes()
	case k == 15:
		g.reduced()
	case k == 16:
		g.surrounded()
	default:
		g.passed()
	}
}

func (g *grower) product() {
	last := len(g.dims) - 1
	if g.IntN(6) == 0 && last > 0 { // a vector takes the axis away
		g.op("MatMul", nil, data, g.some(g.dims[last]))
		g.dims = g.dims[:last]
		return
	}
	k := 1 + g.IntN(5)
	if g.IntN(5) == 0 && last > 0 {
		g.op("MatMul", nil, data, g.some(1, g.dims[last], k))
	} else {
		g.op("MatMul", nil, data, g.some(g.dims[last], k))
	}
	g.dims[last] = k
}

func (g *grower) leftProduct() {
	k, axis := 1+g.IntN(5), len(g.dims)-2
	g.op("MatMul", nil, g.some(k, g.dims[axis]), data)
	g.dims[axis] = k
}

// gemm draws every form: rows times weights, or weights times columns.
func (g *grower) gemm() {
	in, out := g.dims[0], 1+g.IntN(5)
	attrs := map[string]any{}
	if g.IntN(2) == 0 {
		attrs["alpha"] = float64(g.IntN(5)-2) / 2
		attrs["beta"] = float64(g.IntN(5)-2) / 2
	}
	columns := g.IntN(3) == 0
	weights, dataAttr, weightAttr := []int{in, out}, "transA", "transB"
	if columns {
		g.op("Transpose", map[string]any{"perm": []int{1, 0}}, data)
		weights, dataAttr, weightAttr = []int{out, in}, "transB", "transA"
	}
	flip := g.IntN(2) == 0
	if flip { // the data come transposed
		g.op("Transpose", nil, data)
		attrs[dataAttr] = 1
	}
	if g.IntN(2) == 0 {
		weights[0], weights[1] = weights[1], weights[0]
		attrs[weightAttr] = 1
	}
	bias := [][]int{{out}, {1, out}, {1}, {}, {1, 1}}[g.IntN(5)]
	if columns {
		bias = [][]int{{out, 1}, {1}, {}, {1, 1}}[g.IntN(4)]
	}
	inputs := []string{data, g.some(weights...), g.some(bias...)}
	if columns {
		inputs[0], inputs[1] = inputs[1], inputs[0]
	}
	if g.opset >= 11 && g.IntN(4) == 0 {
		inputs = inputs[:2]
	}
	g.op("Gemm", attrs, inputs...)
	if columns {
		g.op("Transpose", map[string]any{"perm": []int{1, 0}}, data)
	}
	g.dims[0] = out
}

// arithmetic draws a constant that is laid along the data, and now and then the
// data along the constant.
func (g *grower) arithmetic() {
	var shape []int
	for i := g.IntN(len(g.dims) + 1); i < len(g.dims); i++ {
		d := g.dims[i]
		switch {
		case g.IntN(3) == 0:
			d = 1
		case d == 1 && g.IntN(3) == 0:
			d = 1 + g.IntN(3)
			g.dims[i] = d
		}
		shape = append(shape, d)
	}
	if len(shape) == len(g.dims) && g.IntN(3) == 0 {
		shape = append([]int{1}, shape...)
	}
	switch op := []string{"Add", "Sub", "Mul", "Div"}[g.IntN(4)]; {
	case op == "Div":
		v := g.maker.numbers(product(shape))
		for i := range v {
			v[i] = []float64{0.5, 2, 3, -4}[g.IntN(4)]
		}
		g.op(op, nil, data, g.chain.numbers(v, shape...))
	case g.IntN(2) == 0:
		g.op(op, nil, data, g.some(shape...))
	default:
		g.op(op, nil, g.some(shape...), data)
	}
}

func (g *grower) norm() {
	c := g.dims[0]
	variance := g.maker.numbers(c)
	for i := range variance {
		variance[i] = 0.5 + float64(g.IntN(4))
	}
	attrs := map[string]any{}
	if g.IntN(2) == 0 {
		attrs["epsilon"] = 0.25
	}
	g.op("BatchNormalization", attrs, data, g.some(c), g.some(c), g.some(c), g.chain.numbers(variance, c))
}

// windows draws strides, pads and dilations for a window over the image.
func (g *grower) windows(size []int, dilate bool) (attrs map[string]any, out []int) {
	attrs = map[string]any{"kernel_shape": size}
	image := g.dims[1:]
	stride, pads, dilation := make([]int, len(image)), make([]int, 2*len(image)), make([]int, len(image))
	auto := []string{"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}[g.IntN(4)]
	for i, k := range size {
		stride[i], dilation[i] = 1+g.IntN(2), 1
		if dilate && auto != "SAME_UPPER" && auto != "SAME_LOWER" && (k-1)*2+1 <= image[i] {
			dilation[i] = 1 + g.IntN(2)
		}
		if auto != "NOTSET" && auto != "VALID" {
			stride[i] = min(stride[i], k) // the runtime's pools know no others
		}
		span := (k-1)*dilation[i] + 1
		n := image[i]
		switch auto {
		case "NOTSET":
			pads[i], pads[len(image)+i] = g.IntN(k), g.IntN(k)
			n += pads[i] + pads[len(image)+i] - span
		case "VALID":
			n -= span
		default:
			n = image[i] - 1
		}
		out = append(out, n/stride[i]+1)
	}
	attrs["strides"] = stride
	if auto == "NOTSET" {
		attrs["pads"] = pads
	} else {
		attrs["auto_pad"] = auto
	}
	if dilate {
		attrs["dilations"] = dilation
	}
	return attrs, out
}

func (g *grower) window() (size []int) {
	for _, d := range g.dims[1:] {
		size = append(size, 1+g.IntN(d))
	}
	return size
}

func (g *grower) conv() {
	if g.elem != pb.TensorProto_FLOAT {
		return // the runtime has it for float only
	}
	c, groups, size := g.dims[0], 1, g.window()
	if c%2 == 0 && g.IntN(2) == 0 {
		groups = 2
	}
	m := groups * (1 + g.IntN(2))
	attrs, out := g.windows(size, true)
	attrs["group"] = groups
	inputs := []string{data, g.some(append([]int{m, c / groups}, size...)...)}
	if g.IntN(2) == 0 {
		inputs = append(inputs, g.some(m))
	}
	g.op("Conv", attrs, inputs...)
	g.dims = append([]int{m}, out...)
}

func (g *grower) pool() {
	if g.IntN(4) == 0 {
		g.op("GlobalAveragePool", nil, data)
		for i := range g.dims[1:] {
			g.dims[i+1] = 1
		}
		return
	}
	attrs, out := g.windows(g.window(), false)
	attrs["count_include_pad"] = g.IntN(2)
	g.op("AveragePool", attrs, data)
	g.dims = append([]int{g.dims[0]}, out...)
}

// reduced takes means or sums over some of the axes.
func (g *grower) reduced() {
	op, since := "ReduceMean", int64(18)
	if g.IntN(2) == 0 {
		op, since = "ReduceSum", 13
	}
	keep := g.IntN(2)
	var axes []int
	var named []int64
	dims := []int{}
	for i, d := range g.dims {
		switch {
		case g.IntN(2) == 0:
			dims = append(dims, d)
			continue
		case keep == 1:
			dims = append(dims, 1)
		}
		axes, named = append(axes, i+1), append(named, int64(i+1))
	}
	if len(axes) == 0 || len(dims) == 0 {
		return
	}
	attrs, inputs := map[string]any{"keepdims": keep}, []string{data}
	if g.opset < since {
		attrs["axes"] = axes
	} else {
		inputs = append(inputs, g.wholes(named...))
	}
	g.op(op, attrs, inputs...)
	g.dims = dims
}

// surrounded lays numbers around each row.
func (g *grower) surrounded() {
	pads, named := make([]int, 2*len(g.dims)+2), []int64{}
	for i := range g.dims {
		pads[i+1], pads[len(g.dims)+i+2] = g.IntN(2), g.IntN(3)
		g.dims[i] += pads[i+1] + pads[len(g.dims)+i+2]
	}
	for _, p := range pads {
		named = append(named, int64(p))
	}
	value := float64(g.IntN(2))
	if g.opset < 11 {
		g.op("Pad", map[string]any{"mode": "constant", "pads": pads, "value": value}, data)
	} else {
		g.op("Pad", nil, data, g.wholes(named...), g.chain.numbers([]float64{value}))
	}
}

func (g *grower) transposed() {
	perm := []int{0}
	dims := make([]int, 0, len(g.dims))
	for _, p := range g.Perm(len(g.dims)) {
		perm = append(perm, p+1)
		dims = append(dims, g.dims[p])
	}
	g.op("Transpose", map[string]any{"perm": perm}, data)
	g.dims = dims
}

func (g *grower) reshaped() {
	size := g.size()
	if g.IntN(3) == 0 {
		g.op("Flatten", nil, data)
		g.dims = []int{size}
		return
	}
	var dims []int
	for left := size; len(dims) < 3; {
		d := 1 + g.IntN(left)
		if left%d == 0 {
			dims = append(dims, d)
			left /= d
		}
		if left == 1 && len(dims) > 0 {
			break
		}
	}
	if p := product(dims); p != size {
		dims = append(dims, size/p)
	}
	target := []int64{[]int64{0, -1}[g.IntN(2)]}
	for _, d := range dims {
		target = append(target, int64(d))
	}
	if i := 1 + g.IntN(len(dims)); target[0] == 0 && g.IntN(2) == 0 {
		target[i] = -1
	} else if i <= len(g.dims) && dims[i-1] == g.dims[i-1] {
		target[i] = 0
	}
	g.op("Reshape", nil, data, g.wholes(target...))
	g.dims = dims
}

// axes adds an axis of size 1, or takes one away.
func (g *grower) axes() {
	op, axis := "Unsqueeze", 1+g.IntN(len(g.dims)+1)
	for i, d := range g.dims {
		if d == 1 && len(g.dims) > 1 {
			op, axis = "Squeeze", i+1
		}
	}
	if len(g.dims) > 4 && op == "Unsqueeze" {
		return
	}
	if g.opset < 13 {
		g.op(op, map[string]any{"axes": []int{axis}}, data)
	} else {
		g.op(op, nil, data, g.wholes(int64(axis)))
	}
	if op == "Squeeze" {
		g.dims = append(g.dims[:axis-1:axis-1], g.dims[axis:]...)
	} else {
		g.dims = append(g.dims[:axis-1:axis-1], append([]int{1}, g.dims[axis-1:]...)...)
	}
}

// passed adds what does nothing.
func (g *grower) passed() {
	switch {
	case g.IntN(2) == 0:
		g.op("Cast", map[string]any{"to": int(g.elem)}, data)
	case g.opset < 12:
		g.op("Dropout", map[string]any{"ratio": 0.5}, data)
	default:
		ratio := g.store(pb.TensorProto_FLOAT, []byte{0, 0, 0, 0x3f}, nil)
		g.op("Dropout", nil, data, ratio, g.store(pb.TensorProto_BOOL, []byte{0}, nil))
	}
}

// finish reads the outputs as classes.
func (g *grower) finish() {
	if len(g.dims) > 1 {
		g.op("Flatten", nil, data)
		g.dims = []int{g.size()}
	}
	switch g.IntN(3) {
	case 0:
		g.op("Softmax", map[string]any{"axis": 1}, data)
	case 1:
		g.op("LogSoftmax", map[string]any{"axis": 1}, data)
	default:
		g.op("ArgMax", map[string]any{"axis": 1, "keepdims": g.IntN(2)}, data)
	}
}

// A table whose columns the file leaves open gets them from the weights.
func TestOpenColumns(t *testing.T) {
	c := newChain(13, pb.TensorProto_FLOAT, 0, 0)
	c.node("MatMul", nil, data, c.numbers([]float64{1, 2, 3, 4, 5, 6}, 3, 2))
	c.node("Relu", nil, data)
	c.agree(t, mat.NewDense(2, 3, []float64{1, 2, 3, -4, -5, -6}), []int{0, 3}, 0)
}
