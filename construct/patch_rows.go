package construct

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/fixed"
	"hinge/internal/parallel"
)

// deltaRows holds the rows of x as differences from a typical row: x[i][j] =
// common[j] + delta, with only the nonzero deltas stored. Of MNIST's scaled
// pixels four in five equal the column's commonest value, so a pass over the
// rows costs a fifth of a dense one.
//
// Its kernels are plain Go with every product rounded on its own, and sums in
// one fixed order whatever the number of processors: what is fitted through
// them is the same, bit for bit, on every machine. No engine of dense kernels
// promises that.
type deltaRows struct {
	n, d   int
	common []float64 // d
	ptr    []int     // n+1
	col    []int32
	val    []float64
	square []float64 // n: |x_i|^2 + 1
}

// newDeltaRows takes the rows of x (n x d) apart. O(nd).
func newDeltaRows(x *mat.Dense) *deltaRows {
	n, d := x.Dims()
	r := &deltaRows{n: n, d: d, common: commonValues(x), ptr: make([]int, n+1), square: make([]float64, n)}
	stored := 0
	for i := 0; i < n; i++ {
		for j, v := range x.RawRowView(i) {
			if v != r.common[j] {
				stored++
			}
		}
		r.ptr[i+1] = stored
	}
	r.col, r.val = make([]int32, stored), make([]float64, stored)
	eachChunk(n, func(_, from, to int) {
		for i := from; i < to; i++ {
			at, sum := r.ptr[i], 1.0
			for j, v := range x.RawRowView(i) {
				sum += float64(v * v)
				if v != r.common[j] {
					r.col[at], r.val[at] = int32(j), v-r.common[j]
					at++
				}
			}
			r.square[i] = sum
		}
	})
	return r
}

// commonValues returns for every column the value that a majority of the rows
// has, or else some value of the column (Boyer and Moore's vote).
func commonValues(x *mat.Dense) []float64 {
	n, d := x.Dims()
	value, votes := make([]float64, d), make([]int, d)
	for i := 0; i < n; i++ {
		for j, v := range x.RawRowView(i) {
			switch {
			case votes[j] == 0:
				value[j], votes[j] = v, 1
			case v == value[j]:
				votes[j]++
			default:
				votes[j]--
			}
		}
	}
	return value
}

// dots returns w.x_i + bias for every row.
func (r *deltaRows) dots(w []float64, bias float64) []float64 {
	for j, v := range r.common {
		bias += float64(v * w[j])
	}
	out := make([]float64, r.n)
	eachChunk(r.n, func(_, from, to int) {
		for i := from; i < to; i++ {
			even, odd := bias, 0.0
			at, end := r.ptr[i], r.ptr[i+1]
			for ; at+1 < end; at += 2 {
				even += float64(r.val[at] * w[r.col[at]])
				odd += float64(r.val[at+1] * w[r.col[at+1]])
			}
			if at < end {
				even += float64(r.val[at] * w[r.col[at]])
			}
			out[i] = even + odd
		}
	})
	return out
}

// scores adds delta_i W to f (k numbers): W is d x k, row-major.
func (r *deltaRows) scores(i int, w []float64, f []float64) {
	k := len(f)
	for at := r.ptr[i]; at < r.ptr[i+1]; at++ {
		v := r.val[at]
		for c, u := range w[int(r.col[at])*k:][:k] {
			f[c] += float64(v * u)
		}
	}
}

// meanDelta returns the mean of the deltas of the given rows.
func (r *deltaRows) meanDelta(rows []int) []float64 {
	mean := make([]float64, r.d)
	for _, i := range rows {
		for at := r.ptr[i]; at < r.ptr[i+1]; at++ {
			mean[r.col[at]] += r.val[at]
		}
	}
	for j := range mean {
		mean[j] /= float64(len(rows))
	}
	return mean
}

// covariance returns the lower triangle of the deltas' covariance (d x d) over
// the given rows.
func (r *deltaRows) covariance(rows []int, mean []float64) []float64 {
	d := r.d
	const parts = 4 // partial sums, added in order
	var part [parts][]float64
	parallel.Each(parts, func(p int) {
		g := make([]float64, d*d)
		for _, i := range rows[len(rows)*p/parts : len(rows)*(p+1)/parts] {
			col, val := r.col[r.ptr[i]:r.ptr[i+1]], r.val[r.ptr[i]:r.ptr[i+1]]
			for a, ja := range col {
				row, va := g[int(ja)*d:][:d], val[a]
				for b, jb := range col[:a+1] {
					row[jb] += float64(va * val[b])
				}
			}
		}
		part[p] = g
	})
	sum, scale := part[0], 1/float64(len(rows))
	for i := 0; i < d; i++ {
		for j := 0; j <= i; j++ {
			v := sum[i*d+j]
			for _, g := range part[1:] {
				v += g[i*d+j]
			}
			sum[i*d+j] = float64(v*scale) - float64(mean[i]*mean[j])
		}
	}
	return sum
}

// chunkRows is how many rows one call of eachChunk's function gets. The chunks
// depend on nothing else, so sums per chunk are the same on every machine.
const chunkRows = 512

// eachChunk splits n rows into chunks and calls f for every one, on all
// processors.
func eachChunk(n int, f func(chunk, from, to int)) {
	parallel.Each((n+chunkRows-1)/chunkRows, func(k int) { f(k, k*chunkRows, min(n, (k+1)*chunkRows)) })
}

// fixedDot and fixedAxpy are the kernels of package fixed.
func fixedDot(x, y []float64) float64 { return fixed.Dot(x, y) }

func fixedAxpy(dst []float64, s float64, x []float64) { fixed.Axpy(dst, s, x) }

// fixedCholesky overwrites the lower triangle of a (d x d) with its Cholesky
// factor, in one fixed order of operations. A pivot that is not positive is
// set to floor.
func fixedCholesky(a []float64, d int, floor float64) {
	for j := 0; j < d; j++ {
		rj := a[j*d : j*d+j]
		pivot := math.Sqrt(max(a[j*d+j]-fixedDot(rj, rj), floor))
		a[j*d+j] = pivot
		rest := d - j - 1
		parallel.Each((rest+63)/64, func(k int) {
			for i := j + 1 + 64*k; i < min(d, j+1+64*(k+1)); i++ {
				a[i*d+j] = (a[i*d+j] - fixedDot(a[i*d:i*d+j], rj)) / pivot
			}
		})
	}
}

// fixedSolve overwrites the k columns of b (d x k, row-major) with the
// solutions of L L^T x = b.
func fixedSolve(l []float64, d, k int, b []float64) {
	for i := 0; i < d; i++ {
		row := b[i*k : i*k+k]
		for j, v := range l[i*d : i*d+i] {
			fixedAxpy(row, -v, b[j*k:j*k+k])
		}
		scaleBy(row, 1/l[i*d+i])
	}
	for i := d - 1; i >= 0; i-- {
		row := b[i*k : i*k+k]
		scaleBy(row, 1/l[i*d+i])
		for j, v := range l[i*d : i*d+i] {
			fixedAxpy(b[j*k:j*k+k], -v, row)
		}
	}
}

func scaleBy(x []float64, s float64) { fixed.Scale(x, s) }
