package construct

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
)

// planes are the hyperplanes of a cover and what they give on all rows.
type planes struct {
	p      *Problem
	x      *mat.Dense // n x d
	metric []float64  // d: weights of squared distances
	rng    *rand.Rand

	v    *mat.Dense // m x d: numbers of the precision
	bias []float64  // m

	h           blas.Matrix[float32] // n x m: s(v.x + b)
	asleep      blas.Matrix[float32] // n x m: 1 where h is 0 beyond doubt, else 0
	doubt       []float64            // n: bounds the error of one h of the row
	largestBias float64
}

// planeSafety widens bounds of rounding, so that the certificate's, which are
// looser, hold as well.
const planeSafety = 4

// newPlanes draws m hyperplanes.
func newPlanes(p *Problem, x *mat.Dense, metric []float64, m int, gaussian bool) *planes {
	n, d := x.Dims()
	l := &planes{p: p, x: x, metric: metric, rng: rand.New(rand.NewPCG(p.Seed, 0x9a1e5)), v: &mat.Dense{}}
	l.doubt = make([]float64, n)
	byClass := make([][]int, p.Set.P())
	for i, c := range p.Set.Class {
		byClass[c] = append(byClass[c], i)
	}
	v, b := mat.NewDense(m, d, nil), make([]float64, m)
	for j := range m {
		if gaussian {
			b[j] = l.gaussian(v.RawRowView(j))
			continue
		}
		here, there := l.rng.IntN(n), l.rng.IntN(n)
		for range 32 { // of different classes, if there are
			if p.Set.Class[here] != p.Set.Class[there] {
				break
			}
			there = l.rng.IntN(n)
		}
		b[j] = l.bisect(v.RawRowView(j), here, there)
	}
	l.add(v, b)
	return l
}

// count returns m, the number of hyperplanes.
func (l *planes) count() int { return len(l.bias) }

// gaussian draws a direction and a threshold within the range of the rows.
func (l *planes) gaussian(v []float64) (bias float64) {
	for j := range v {
		v[j] = l.rng.NormFloat64() * math.Sqrt(l.metric[j])
	}
	l.normalize(v)
	lo, hi := math.Inf(1), math.Inf(-1)
	n, _ := l.x.Dims()
	for i := range n {
		t := fixedDot(v, l.x.RawRowView(i))
		lo, hi = min(lo, t), max(hi, t)
	}
	return -l.p.Precision.Round(lo + l.rng.Float64()*(hi-lo))
}

// bisect writes the direction from row here to row there, and returns the bias of
// the hyperplane halfway.
func (l *planes) bisect(v []float64, here, there int) (bias float64) {
	a, b := l.x.RawRowView(here), l.x.RawRowView(there)
	for j := range v {
		v[j] = l.metric[j] * (b[j] - a[j])
	}
	l.normalize(v)
	return -l.p.Precision.Round((fixedDot(v, a) + fixedDot(v, b)) / 2)
}

// normalize brings v to a length of about 1, in numbers of the precision. A zero
// vector becomes the first axis.
func (l *planes) normalize(v []float64) {
	largest := 0.0
	for _, x := range v {
		largest = max(largest, math.Abs(x))
	}
	if !(largest > 0) {
		v[0] = 1
		return
	}
	sum := 0.0
	for j := range v {
		v[j] /= largest
		sum += float64(v[j] * v[j])
	}
	length := math.Sqrt(sum)
	for j := range v {
		v[j] = l.p.Precision.Round(v[j] / length)
	}
}

// add appends hyperplanes v (k x d) with biases b and evaluates them on all rows.
func (l *planes) add(v *mat.Dense, b []float64) {
	n, d := l.x.Dims()
	k, old := len(b), len(l.bias)
	m := old + k
	if grown := mat.NewDense(m, d, nil); old > 0 {
		grown.Slice(0, old, 0, d).(*mat.Dense).Copy(l.v)
		grown.Slice(old, m, 0, d).(*mat.Dense).Copy(v)
		l.v = grown
	} else {
		l.v = v
	}
	l.bias = append(l.bias, b...)
	for _, bias := range b {
		l.largestBias = max(l.largestBias, math.Abs(bias))
	}
	h, asleep := blas.NewMatrix[float32](n, m), blas.NewMatrix[float32](n, m)
	gamma, tiny := dotError(l.p.Precision, make([]float64, d+1))
	if gamma == 0 {
		gamma = float64(d+2) * 2 * l.p.Precision.Eps()
	}
	const block = 1024
	parallel.Batches(n, block, func() func(from, to int) {
		z := blas.NewMatrix[float64](block, k)
		return func(from, to int) {
			part := z.Block(0, to-from)
			rows := l.x.Slice(from, to, 0, d).(*mat.Dense).RawMatrix()
			blas.MulTrans(part, view(rows), view(v.RawMatrix()))
			for i := from; i < to; i++ {
				if old > 0 {
					copy(h.Row(i), l.h.Row(i))
					copy(asleep.Row(i), l.asleep.Row(i))
				}
				x := l.x.RawRowView(i)
				l.doubt[i] = planeSafety * (gamma*(math.Sqrt(fixedDot(x, x))+l.largestBias) + tiny)
				for j, t := range part.Row(i - from) {
					t += b[j]
					if t > 0 {
						h.Row(i)[old+j] = float32(t)
					}
					if t <= -l.doubt[i] {
						asleep.Row(i)[old+j] = 1
					}
				}
			}
		}
	})
	l.h, l.asleep = h, asleep
}

func view(m blas64.General) blas.Matrix[float64] {
	return blas.Matrix[float64]{Data: m.Data, Rows: m.Rows, Cols: m.Cols, Stride: m.Stride}
}
