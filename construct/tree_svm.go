package construct

import (
	"math"
	"math/rand/v2"
	"slices"

	"hinge/internal/blas"
)

// between returns a direction that parts two groups of the rows' classes, or nil.
func (s *splitter) between(rows []int, rng *rand.Rand) []float64 {
	if len(rows) > fitRows {
		picked := rng.Perm(len(rows))[:fitRows]
		slices.Sort(picked)
		some := make([]int, fitRows)
		for k, at := range picked {
			some[k] = rows[at]
		}
		rows = some
	}
	side := s.groups(rows)
	if side == nil {
		return nil
	}
	fit := newSVM(s, rows, side)
	u := fit.solve()
	scale := 0.0
	for _, v := range u {
		scale = max(scale, math.Abs(v))
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil
	}
	_, exp := math.Frexp(scale)
	for j, v := range u {
		u[j] = math.Ldexp(math.Round(math.Ldexp(v, obliqueBits-exp)), -obliqueBits)
	}
	return u
}

// groups returns, for every class, the side it belongs to: 1 or -1, 0 for classes
// without rows. It is nil when there is one class only.
func (s *splitter) groups(rows []int) []float64 {
	_, d := s.x.Dims()
	mean, count := make([][]float64, s.classes), make([]float64, s.classes)
	for _, i := range rows {
		c := s.p.Set.Class[i]
		if mean[c] == nil {
			mean[c] = make([]float64, d)
		}
		count[c]++
		for j, v := range s.x.RawRowView(i) {
			mean[c][j] += v
		}
	}
	var present []int
	for c, m := range mean {
		if m == nil {
			continue
		}
		present = append(present, c)
		for j := range m {
			m[j] /= count[c]
		}
	}
	if len(present) < 2 {
		return nil
	}
	first, second, far := 0, 0, -1.0
	for k, a := range present {
		for _, b := range present[:k] {
			// Large classes first: parting small ones early cuts the others.
			if v := distance2(mean[a], mean[b]) * min(count[a], count[b]); v > far {
				first, second, far = a, b, v
			}
		}
	}
	side := make([]float64, s.classes)
	for _, c := range present {
		if side[c] = 1; distance2(mean[c], mean[first]) > distance2(mean[c], mean[second]) {
			side[c] = -1
		}
	}
	side[first], side[second] = 1, -1
	return side
}

func distance2(a, b []float64) float64 {
	sum := 0.0
	for j, v := range a {
		sum += float64((v - b[j]) * (v - b[j]))
	}
	return sum
}

// svm is the squared-loss machine on some rows: columns are the inputs and a 1.
type svm struct {
	x      blas.Matrix[float64] // n x (d+1)
	y      []float64            // n: 1 or -1
	lambda float64
}

func newSVM(s *splitter, rows []int, side []float64) *svm {
	_, d := s.x.Dims()
	f := &svm{x: blas.NewMatrix[float64](len(rows), d+1), y: make([]float64, len(rows))}
	center := make([]float64, d)
	for _, i := range rows {
		for j, v := range s.x.RawRowView(i) {
			center[j] += v / float64(len(rows))
		}
	}
	size := 0.0
	for k, i := range rows {
		dst := f.x.Row(k)
		for j, v := range s.x.RawRowView(i) {
			dst[j] = v - center[j]
			size += float64(dst[j] * dst[j])
		}
		dst[d] = 1
		f.y[k] = side[s.p.Set.Class[i]]
	}
	f.lambda = max(svmRidge*size/float64(len(rows)), 1e-300)
	return f
}

// solve returns w (d), by Newton's method from least squares on all rows.
func (f *svm) solve() []float64 {
	n, m := f.x.Rows, f.x.Cols
	inside := make([]bool, n)
	for i := range inside {
		inside[i] = true
	}
	w := make([]float64, m)
	for range newtonSteps {
		next := f.leastSquares(inside)
		if next == nil {
			break
		}
		w = next
		same := true
		for i := range inside {
			now := f.y[i]*fixedDot(w, f.x.Row(i)) < 1
			same = same && now == inside[i]
			inside[i] = now
		}
		if same {
			break
		}
	}
	return w[:m-1]
}

// leastSquares returns the ridge solution on the rows inside, through the smaller
// of the two Gram matrices; nil when there is none.
func (f *svm) leastSquares(inside []bool) []float64 {
	part := blas.NewMatrix[float64](count(inside), f.x.Cols)
	y := blas.NewMatrix[float64](part.Rows, 1)
	k := 0
	for i, in := range inside {
		if in {
			copy(part.Row(k), f.x.Row(i))
			y.Data[k] = f.y[i]
			k++
		}
	}
	if k == 0 {
		return nil
	}
	if part.Rows > part.Cols {
		g := blas.Gram(part)
		for j := range g.Rows {
			g.Row(j)[j] += f.lambda
		}
		w := blas.NewMatrix[float64](part.Cols, 1)
		blas.TransMulAdd(w, part, y)
		if !blas.Cholesky(g) {
			return nil
		}
		blas.CholeskySolve(g, w)
		return w.Data
	}
	g := blas.NewMatrix[float64](part.Rows, part.Rows)
	blas.MulTrans(g, part, part)
	for j := range g.Rows {
		g.Row(j)[j] += f.lambda
	}
	if !blas.Cholesky(g) {
		return nil
	}
	blas.CholeskySolve(g, y)
	w := blas.NewMatrix[float64](part.Cols, 1)
	blas.TransMulAdd(w, part, y)
	return w.Data
}

func count(in []bool) int {
	total := 0
	for _, v := range in {
		if v {
			total++
		}
	}
	return total
}
