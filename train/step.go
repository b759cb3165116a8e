package train

import (
	"math"

	"hinge/internal/blas"
)

// One step: the gradient of the mean loss of a batch, and the move along it.
//
// The work of a layer is cut into blocks of its units, the same blocks for any
// number of threads, so that the sums are the same too. A block owns the weights
// into its units in the first layer, and the weights out of them in every later one.
// Then, going backwards through layer l, whoever holds a block of its inputs can
// take the gradient of their outputs, the gradient of their weights, and move
// these weights, without waiting for anyone: no one else reads them in this phase. A
// network of k hidden layers takes 2k + 1 phases a step.
//
// Shapes: b rows in the batch, act[l] is b x width[l], the inputs of layer l;
// delta[l], of the same shape as act[l+1], the gradient by the pre-activations
// of layer l; weights of layer l are width[l+1] x width[l].
//
// Cost for one hidden layer of m units, d inputs: 4 b d m operations in two
// products, and 8 loads and stores for each of the d m parameters.

// blockUnits is the width of a block: wide enough that a product runs at four
// fifths of the engine's speed, narrow enough for several threads.
const blockUnits = 128

// blockRows is the height of a block of rows in the output phase and in
// gathering.
const blockRows = 32

// layer is one dense layer in training: weights and biases with the gradient
// and the moments of each.
type layer struct {
	units, inputs int
	w, g, m, v    []float32 // units x inputs
	b, gb, mb, vb []float32 // units
}

func newLayer(units, inputs int, o *Options) *layer {
	l := &layer{units: units, inputs: inputs}
	make32 := func(n int, needed bool) []float32 {
		if !needed {
			return nil
		}
		return make([]float32, n)
	}
	first, second := o.Optimizer == Adam || o.Momentum > 0, o.Optimizer == Adam
	n := units * inputs
	l.w, l.g, l.m, l.v = make([]float32, n), make([]float32, n), make32(n, first), make32(n, second)
	l.b, l.gb, l.mb, l.vb = make([]float32, units), make([]float32, units), make32(units, first), make32(units, second)
	return l
}

func (l *layer) weights() blas.Matrix[float32] {
	return blas.Matrix[float32]{Data: l.w, Rows: l.units, Cols: l.inputs, Stride: l.inputs}
}

func (l *layer) gradient() blas.Matrix[float32] {
	return blas.Matrix[float32]{Data: l.g, Rows: l.units, Cols: l.inputs, Stride: l.inputs}
}

// move applies a step to the weights of rows from <= i < to and columns
// left <= j < right.
func (l *layer) move(s *stride, from, to, left, right int) {
	if left == 0 && right == l.inputs {
		l.moveRange(s, from*l.inputs, to*l.inputs)
		return
	}
	for i := from; i < to; i++ {
		l.moveRange(s, i*l.inputs+left, i*l.inputs+right)
	}
}

func (l *layer) moveRange(s *stride, from, to int) {
	part := func(v []float32) []float32 {
		if v == nil {
			return nil
		}
		return v[from:to]
	}
	s.apply(l.w[from:to], l.g[from:to], part(l.m), part(l.v), true)
}

// moveBias sums the rows of delta (b x units) for the biases from <= i < to and
// moves them.
func (l *layer) moveBias(s *stride, delta blas.Matrix[float32], from, to int) {
	sum := l.gb[from:to]
	clear(sum)
	for r := range delta.Rows {
		for j, d := range delta.Row(r)[from:to] {
			sum[j] += d
		}
	}
	var m, v []float32
	if l.mb != nil {
		m = l.mb[from:to]
	}
	if l.vb != nil {
		v = l.vb[from:to]
	}
	s.apply(l.b[from:to], sum, m, v, false)
}

// blocks returns how many pieces of the given size n has.
func blocks(n, size int) int { return (n + size - 1) / size }

// block returns the range of piece k.
func block(k, n, size int) (from, to int) { return k * size, min((k+1)*size, n) }

// batch is the work space of a step.
type batch struct {
	act, delta []blas.Matrix[float32]
	next       blas.Matrix[float32] // inputs of the next batch, gathered meanwhile
	losses     []float64            // of each row
	missed     []bool
}

func newBatch(layers []*layer, rows int) *batch {
	b := &batch{losses: make([]float64, rows), missed: make([]bool, rows)}
	b.next = blas.NewMatrix[float32](rows, layers[0].inputs)
	b.act = append(b.act, blas.NewMatrix[float32](rows, layers[0].inputs))
	for _, l := range layers {
		b.act = append(b.act, blas.NewMatrix[float32](rows, l.units))
		b.delta = append(b.delta, blas.NewMatrix[float32](rows, l.units))
	}
	return b
}

// forward puts the activations of hidden layer l, for a block of its units, into
// out.
func (l *layer) forward(out, in blas.Matrix[float32], from, to int) {
	z := out.Columns(from, to)
	blas.MulTrans(z, in, l.weights().Block(from, to))
	bias := l.b[from:to]
	for r := range z.Rows {
		rectify(z.Row(r), bias)
	}
}

// rectify sets z to max(z + bias, 0), by bits: a branch would be taken at random.
func rectify(z, bias []float32) {
	bias = bias[:len(z)]
	for j, v := range z {
		bits := math.Float32bits(v + bias[j])
		z[j] = math.Float32frombits(bits &^ uint32(int32(bits)>>31))
	}
}

// mask clears the gradients of units asleep: act is +0 for them and positive
// for all others.
func mask(delta, act []float32) {
	act = act[:len(delta)]
	for j, d := range delta {
		awake := uint32(-int32(math.Float32bits(act[j])) >> 31)
		delta[j] = math.Float32frombits(math.Float32bits(d) & awake)
	}
}

// step learns from the batch whose rows have been gathered in b.next, and
// gathers the rows of the batch after it.
func (r *run) step(c *crew, rows, after []int) {
	b := r.batch
	b.act[0], b.next = b.next, b.act[0]
	n, last := len(rows), len(r.layers)-1
	for l, y := range r.layers[:last] {
		in, out := b.act[l].Block(0, n), b.act[l+1].Block(0, n)
		in.Rows, out.Rows = n, n
		c.run(blocks(y.units, blockUnits), func(k int) {
			from, to := block(k, y.units, blockUnits)
			y.forward(out, in, from, to)
		})
	}
	c.run(blocks(n, blockRows), func(k int) {
		from, to := block(k, n, blockRows)
		r.output(rows, from, to)
	})
	r.steps++
	s := newStride(&r.opt, r.steps, r.opt.Epochs*r.perEpoch)
	for l := last; l > 0; l-- {
		pieces := blocks(r.layers[l].inputs, blockUnits)
		gathers := 0
		if l == 1 {
			gathers = blocks(len(after), blockRows)
		}
		c.run(pieces+gathers, func(k int) {
			if k >= pieces {
				from, to := block(k-pieces, len(after), blockRows)
				r.gather(b.next, after, from, to)
				return
			}
			from, to := block(k, r.layers[l].inputs, blockUnits)
			r.backward(&s, l, n, from, to)
		})
	}
}

// gather copies the inputs of rows from <= i < to of a batch into x.
func (r *run) gather(x blas.Matrix[float32], rows []int, from, to int) {
	for i := from; i < to; i++ {
		copy(x.Row(i), r.table.x[rows[i]*r.table.d:(rows[i]+1)*r.table.d])
	}
}

// output computes the outputs of rows from <= i < to of the batch, their losses, and
// the gradients by the outputs of the mean loss.
func (r *run) output(rows []int, from, to int) {
	b, last := r.batch, len(r.layers)-1
	y := r.layers[last]
	z, in := b.act[last+1].Block(from, to), b.act[last].Block(from, to)
	blas.MulTrans(z, in, y.weights())
	scale := 1 / float32(len(rows))
	for i := from; i < to; i++ {
		out, delta, t := b.act[last+1].Row(i), b.delta[last].Row(i), rows[i]
		for j, c := range y.b {
			out[j] += c
		}
		if r.table.classes != nil {
			b.losses[i], b.missed[i] = crossEntropy(delta, out, int(r.table.classes[t]), scale)
		} else {
			b.losses[i] = squaredError(delta, out, r.table.y[t*r.table.p:(t+1)*r.table.p], scale)
		}
	}
}

// backward takes the gradient of layer l >= 1 by its inputs from <= j < to,
// which are the units of layer l-1, and moves the weights out of them; behind the
// first hidden layer also the weights into them.
func (r *run) backward(s *stride, l, n, from, to int) {
	b, y, below := r.batch, r.layers[l], r.layers[l-1]
	delta := b.delta[l]
	delta.Rows = n
	act, back := b.act[l].Columns(from, to), b.delta[l-1].Columns(from, to)
	act.Rows, back.Rows = n, n
	blas.Mul(back, delta, y.weights().Columns(from, to))
	for i := range n {
		mask(back.Row(i), act.Row(i))
	}
	blas.TransMul(y.gradient().Columns(from, to), delta, act)
	y.move(s, 0, y.units, from, to)
	if from == 0 {
		y.moveBias(s, delta, 0, y.units)
	}
	if l > 1 {
		return
	}
	x := b.act[0]
	x.Rows = n
	blas.TransMul(below.gradient().Block(from, to), back, x)
	below.move(s, from, to, 0, below.inputs)
	below.moveBias(s, b.delta[0].Block(0, n), from, to)
}
