package train

import (
	"math"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/internal/parallel"
	"hinge/network"
)

// Measure is how far a network is from its targets on some rows.
type Measure struct {
	Rows int `json:"rows"`
	// Wrong counts the rows missed: for classes those whose output is not the
	// single largest; for regression those off by more than the tolerance that hinge
	// build has in float32, 1e-5 of the target's range.
	Wrong int     `json:"wrong"`
	Loss  float64 `json:"-"` // mean, as in [Epoch]
	// Residual is |f(X)-Y| / |Y - mean Y|; nil for classes.
	Residual *float64 `json:"relative_residual,omitempty"`
	// Score is the part of the rows that is right, or R2.
	Score float64 `json:"score"`
}

// hitTolerance is what counts as a hit in regression: that of construct.Build
// in float32, as a fraction of the target's range.
const hitTolerance = 1e-5

// measureRows is how many rows are evaluated at once: enough for the products,
// few enough to stay in the cache.
const measureRows = 256

// partial is what one batch of rows adds to a Measure.
type partial struct {
	loss, residual float64
	wrong          int
}

// measure evaluates the layers on all rows of t. It sums batch by batch, so that
// the result does not depend on the threads.
func (r *run) measure(t *table) *Measure {
	parts := make([]partial, blocks(t.n, measureRows))
	parallel.Batches(t.n, measureRows, func() func(from, to int) {
		b := newBatch(r.layers, measureRows)
		return func(from, to int) { parts[from/measureRows] = r.measureBatch(t, b, from, to) }
	})
	m, residual := &Measure{Rows: t.n}, 0.0
	for _, p := range parts {
		m.Wrong += p.wrong
		m.Loss += p.loss / float64(t.n)
		residual += p.residual
	}
	if t.classes != nil {
		m.Score = 1 - float64(m.Wrong)/float64(t.n)
		return m
	}
	part := residual / t.variation()
	root := math.Sqrt(part)
	m.Residual, m.Score = &root, 1-part
	return m
}

// variation returns the sum of the squared distances of the standardised targets
// from their mean.
func (t *table) variation() float64 {
	sums, squares := make([]float64, t.p), make([]float64, t.p)
	for i := range t.n {
		for j, v := range t.y[i*t.p : (i+1)*t.p] {
			sums[j] += float64(v)
			squares[j] += float64(v) * float64(v)
		}
	}
	total := 0.0
	for j, s := range sums {
		total += squares[j] - s*s/float64(t.n)
	}
	if !(total > 0) {
		return 1
	}
	return total
}

// evaluate runs the layers on the rows from <= i < to of t and returns their
// outputs, in the work space b.
func (r *run) evaluate(t *table, b *batch, from, to int) blas.Matrix[float32] {
	n, last := to-from, len(r.layers)-1
	in := blas.Matrix[float32]{Data: t.x[from*t.d : to*t.d], Rows: n, Cols: t.d, Stride: t.d}
	for l, y := range r.layers[:last] {
		out := b.act[l+1]
		out.Rows = n
		y.forward(out, in, 0, y.units)
		in = out
	}
	out := b.act[last+1]
	out.Rows = n
	blas.MulTrans(out, in, r.layers[last].weights())
	for i := range n {
		row := out.Row(i)
		for j, c := range r.layers[last].b {
			row[j] += c
		}
	}
	return out
}

func (r *run) measureBatch(t *table, b *batch, from, to int) (p partial) {
	out := r.evaluate(t, b, from, to)
	for i := from; i < to; i++ {
		row, delta := out.Row(i-from), b.delta[len(r.layers)-1].Row(i-from)
		if t.classes == nil {
			want := t.y[i*t.p : (i+1)*t.p]
			loss := squaredError(delta, row, want, 1)
			p.loss, p.residual = p.loss+loss, p.residual+2*loss
			if !t.near(row, want) {
				p.wrong++
			}
			continue
		}
		class := int(t.classes[i])
		loss, missed := crossEntropy(delta, row, class, 1)
		p.loss += loss
		if missed {
			p.wrong++
		}
	}
	return p
}

// near reports whether every output is within hitTolerance of the range.
func (t *table) near(got, want []float32) bool {
	for j, v := range got {
		if !(math.Abs(float64(v-want[j]))*t.spread[j] <= hitTolerance*t.ranges[j]) {
			return false
		}
	}
	return true
}

// Score evaluates a network on the rows of set: what [Result.Final] is.
func Score(net *network.Network, set *dataset.Set) *Measure {
	got := net.Eval(set.X)
	m := &Measure{Rows: set.N()}
	ranges := set.Range()
	for i := range m.Rows {
		if missed(got.RawRowView(i), set, i, ranges) {
			m.Wrong++
		}
	}
	if set.IsClasses() {
		m.Score = 1 - float64(m.Wrong)/float64(m.Rows)
		return m
	}
	residual := relativeResidual(got, set.Y)
	m.Residual, m.Score = &residual, 1-residual*residual
	return m
}

// missed reports whether the outputs miss row i.
func missed(out []float64, set *dataset.Set, i int, ranges []float64) bool {
	for j, v := range out {
		if set.IsClasses() {
			if j != set.Class[i] && !(v < out[set.Class[i]]) {
				return true
			}
		} else if !(math.Abs(v-set.Y.At(i, j)) <= hitTolerance*ranges[j]) {
			return true
		}
	}
	return false
}
