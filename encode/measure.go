package encode

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/internal/lp"
)

// roundingRoom makes bounds that are computed in float64, from a few numbers of
// like size, safe: their rounding errors are 1e-15 of them.
const roundingRoom = 1e-13

// measure fills in what is proved of the codes.
func (c *Code) measure(l *layout) {
	c.Own.Codes = c.Codes
	size := reach(c.Codes)
	c.Own.Margin = (leastDistance(c.Codes, c.Radius) - roundingRoom*size) / size
	c.Own.Stretch = stretch(c.Codes, c.Radius, c.Set.X)
	if c.Set.IsClasses() {
		for k, name := range c.Set.Schema.Classes {
			v := ClassVerdict{Class: name, Verdict: "unknown"}
			if c.Codes.RawMatrix().Cols == 1 {
				c.interval(&v, k)
			} else {
				v.Normal, v.Offset = l.normal[k], l.offset[k]
				v.Margin = (c.cut(v.Normal, v.Offset, k) - roundingRoom*size) / size
			}
			if v.Margin > 0 {
				v.Verdict = "separable"
			}
			c.Own.Classes = append(c.Own.Classes, v)
		}
	}
	c.Own.RMSE = c.Decoded.MaxError * slices.Max((&dataset.Set{Y: c.Set.X}).Range())
}

// cut returns the least distance of a code from the hyperplane w.h = b, signed:
// positive when every value that can be computed is on its class's side.
func (c *Code) cut(w []float64, b float64, class int) float64 {
	norm, least := 0.0, math.Inf(1)
	for _, v := range w {
		norm += v * v
	}
	n, _ := c.Codes.Dims()
	for i := range n {
		at, doubt := -b, 0.0
		for j, v := range w {
			at += v * c.Codes.At(i, j)
			doubt += math.Abs(v) * c.Radius.At(i, j)
		}
		if c.Set.Class[i] != class {
			at = -at
		}
		least = min(least, (at-doubt)/math.Sqrt(norm))
	}
	return least
}

// interval finds how far the interval of a class is from the codes of the others:
// half the gap.
func (c *Code) interval(v *ClassVerdict, class int) {
	lo, hi := math.Inf(1), math.Inf(-1)
	n, _ := c.Codes.Dims()
	for i := range n {
		if c.Set.Class[i] == class {
			lo, hi = min(lo, c.Codes.At(i, 0)-c.Radius.At(i, 0)), max(hi, c.Codes.At(i, 0)+c.Radius.At(i, 0))
		}
	}
	gap := math.Inf(1)
	for i := range n {
		if c.Set.Class[i] == class {
			continue
		}
		h, r := c.Codes.At(i, 0), c.Radius.At(i, 0)
		gap = min(gap, max(lo-(h+r), (h-r)-hi))
	}
	size := reach(c.Codes)
	v.Margin = (gap/2 - roundingRoom*size) / size
	v.Normal, v.Offset = []float64{lo, hi}, 0
}

// reach returns the largest distance of a row from the mean of all, 1 when all
// are equal.
func reach(h *mat.Dense) float64 {
	mean := columnMeans(h)
	most := 0.0
	for i := range h.RawMatrix().Rows {
		sum := 0.0
		for j, v := range h.RawRowView(i) {
			sum += (v - mean[j]) * (v - mean[j])
		}
		most = max(most, sum)
	}
	if most == 0 {
		return 1
	}
	return math.Sqrt(most)
}

// leastDistance returns a lower bound of the least distance between two rows of
// h, each of which may be off by its radius (nil for exact rows). Rows are swept
// along the first coordinate.
func leastDistance(h, radius *mat.Dense) float64 {
	n, q := h.Dims()
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		for j := range q {
			if d := h.At(a, j) - h.At(b, j); d != 0 {
				return int(math.Copysign(1, d))
			}
		}
		return 0
	})
	least, doubtful := math.Inf(1), 2*widest(radius)*math.Sqrt(float64(q))
	for a, i := range order {
		for _, k := range order[a+1:] {
			if h.At(k, 0)-h.At(i, 0) > least+doubtful {
				break
			}
			sum, doubt := 0.0, 0.0
			for j := range q {
				d := h.At(i, j) - h.At(k, j)
				sum += d * d
				if radius != nil {
					r := radius.At(i, j) + radius.At(k, j)
					doubt += r * r
				}
			}
			least = min(least, math.Sqrt(sum)-math.Sqrt(doubt))
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return max(0, least)
}

func widest(radius *mat.Dense) float64 {
	if radius == nil {
		return 0
	}
	return mat.Max(radius)
}

// stretchRows is the most rows whose pairs are all looked at.
const stretchRows = 20000

// stretch returns a lower bound of the least |h_i - h_j| / |x_i - x_j| over all
// pairs, both in units of their reach. The distances of the inputs come from
// products of matrices in float32, block by block, and are widened by what that
// rounds.
func stretch(h, radius, x *mat.Dense) float64 {
	n, q := h.Dims()
	if n > stretchRows || n < 2 {
		return math.NaN()
	}
	rows, square := centred32(x)
	doubt := 2 * widest(radius) * math.Sqrt(float64(q))
	least := math.Inf(1)
	const block = 512
	for from := 0; from < n; from += block {
		to := min(n, from+block)
		dots := blas.NewMatrix[float32](to-from, n)
		blas.MulTrans(dots, rows.Block(from, to), rows)
		for i := from; i < to; i++ {
			for j := i + 1; j < n; j++ {
				apart := math.Sqrt(max(0, square[i]+square[j]-2*float64(dots.Row(i - from)[j]))) + dotRoom
				sum := 0.0
				for a := range q {
					d := h.At(i, a) - h.At(j, a)
					sum += d * d
				}
				least = min(least, (math.Sqrt(sum)-doubt)/apart)
			}
		}
	}
	return max(0, least) * 1 / reach(h)
}

// dotRoom is what float32 may take from a distance of rows of length 1 at most.
const dotRoom = 4e-3

// centred32 returns the rows of x less their mean, divided by their reach, in
// float32, and the squares of their lengths.
func centred32(x *mat.Dense) (blas.Matrix[float32], []float64) {
	n, d := x.Dims()
	mean, size := columnMeans(x), reach(x)
	rows, square := blas.NewMatrix[float32](n, d), make([]float64, n)
	for i := range n {
		dst := rows.Row(i)
		for j, v := range x.RawRowView(i) {
			dst[j] = float32((v - mean[j]) / size)
			square[i] += float64(dst[j]) * float64(dst[j])
		}
	}
	return rows, square
}

// compare measures the codes that PCA makes of the same rows.
func (c *Code) compare(ctx context.Context, pca *components, opts Options) error {
	codes := pca.codes(opts.Dims)
	c.PCA = Quality{Codes: codes, RMSE: pca.rmse(opts.Dims)}
	size := reach(codes)
	c.PCA.Margin = leastDistance(codes, nil) / size
	c.PCA.Stretch = stretch(codes, nil, c.Set.X)
	if !c.Set.IsClasses() {
		return nil
	}
	points, err := lp.NewPoints(codes)
	if err != nil {
		return err
	}
	for k, name := range c.Set.Schema.Classes {
		in := make([]bool, c.Set.N())
		for i, own := range c.Set.Class {
			in[i] = own == k
		}
		r := points.Separate(ctx, in, lp.Options{Patience: opts.Patience})
		v := ClassVerdict{Class: name, Verdict: string(r.Verdict)}
		if r.Verdict == lp.Separable {
			v.Margin = r.Lower / size
		}
		c.PCA.Classes = append(c.PCA.Classes, v)
	}
	return nil
}
