package analyze

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/phi"
)

// Classes is how far a layer has sorted the classes.
type Classes struct {
	Counts []int `json:"counts"` // rows per class
	// Scatter is D = Tr(S_w S_b^+): S_w the scatter within the classes, S_b that
	// between their means, both divided by n. The smaller, the better the
	// classes are apart. He and Su, arXiv 2210.17020. Nil when all means are one.
	Scatter *float64 `json:"scatter_ratio"`
	// Directions is the rank of S_b.
	Directions int `json:"scatter_directions"`
	// Purity of a unit is the largest share of one class among the rows it is
	// awake on. Dead units have none.
	Purity     Histogram `json:"purity"`
	PureUnits  int       `json:"pure_units"` // purity 1
	UnitClass  []int     `json:"unit_class"` // per unit the class it is mostly awake on, -1 for a dead one
	UnitPurity []float64 `json:"unit_purity"`
}

// numbers fills in what needs the outputs themselves. It returns these outputs
// and the set of their rows: all of them, or the sample that fits the memory.
func (j *job) numbers(y *Layer, p *phi.Matrix) (h *mat.Dense, set *dataset.Set) {
	y.Clash = clashes(p, j.set)
	if j.set.IsClasses() {
		y.Classes = classFacts(p, j.set)
	}
	n, m := p.Dims()
	rows := sampleRows(n, max(1, j.elements()/max(m, 1)), j.opt.Seed)
	if len(rows) == n {
		h = p.Dense()
	}
	if h == nil {
		h = mat.NewDense(len(rows), m, nil)
		if p.Form() == phi.StreamedForm {
			h = j.net.Activations(pick(j.set.X, rows), y.Layer)
		} else {
			for k, i := range rows {
				p.Row(h.RawRowView(k), i)
			}
		}
	}
	y.Sample = len(rows)
	set = j.set
	if len(rows) < n {
		set = set.Select(rows)
	}
	y.Plane = plane(h, set, j.opt.Seed)
	y.Image = imageOf(h, set, j.opt.Seed)
	return h, set
}

// classFacts computes purity and scatter of p (n x m), in two passes over its
// rows.
func classFacts(p *phi.Matrix, set *dataset.Set) *Classes {
	n, m := p.Dims()
	k := set.P()
	c := &Classes{Counts: make([]int, k)}
	sums := mat.NewDense(k, m, nil)
	awake := make([][]int, k)
	for a := range awake {
		awake[a] = make([]int, m)
	}
	for _, class := range set.Class[:n] {
		c.Counts[class]++
	}
	p.EachRows(func(first int, h *mat.Dense) {
		rows, _ := h.Dims()
		parallel.Ranges(m, func(from, to int) { // by columns: nothing to merge
			for i := range rows {
				class := set.Class[first+i]
				sum, on := sums.RawRowView(class)[from:to], awake[class][from:to]
				for u, v := range h.RawRowView(i)[from:to] {
					if v != 0 {
						sum[u] += v
						on[u]++
					}
				}
			}
		})
	})
	c.purity(awake, m)
	c.scatter(p, set, sums)
	return c
}

func (c *Classes) purity(awake [][]int, m int) {
	c.UnitClass, c.UnitPurity = make([]int, m), make([]float64, m)
	const parts = 1000 // purities as whole thousandths, for the histogram
	var counts []int
	for u := range m {
		total, best := 0, 0
		for class, on := range awake {
			total += on[u]
			if on[u] > awake[best][u] {
				best = class
			}
		}
		if total == 0 {
			c.UnitClass[u] = -1
			continue
		}
		c.UnitClass[u] = best
		c.UnitPurity[u] = float64(awake[best][u]) / float64(total)
		if awake[best][u] == total {
			c.PureUnits++
		}
		counts = append(counts, parts*awake[best][u]/total)
	}
	c.Purity = histogram(counts, parts)
}

// scatter computes D. With M the m x k matrix of sqrt(n_c/n) (mean_c - mean),
// S_b = M M^T; with M = U diag(s) V^T and r singular values that count,
//
//	Tr(S_w S_b^+) = sum over r of u_r^T S_w u_r / s_r^2,
//
// and u_r^T S_w u_r is the mean of (u_r.(h_i - mean of its class))^2, so that S_w
// is never formed. Cost: O(n m k).
func (c *Classes) scatter(p *phi.Matrix, set *dataset.Set, means *mat.Dense) {
	n, m := p.Dims()
	k := len(c.Counts)
	mean := make([]float64, m)
	for a, count := range c.Counts {
		row := means.RawRowView(a)
		for u := range row {
			mean[u] += row[u] / float64(n)
			if count > 0 {
				row[u] /= float64(count)
			}
		}
	}
	between := mat.NewDense(k, m, nil) // M^T
	for a, count := range c.Counts {
		weight := math.Sqrt(float64(count) / float64(n))
		for u, v := range means.RawRowView(a) {
			if count > 0 {
				between.Set(a, u, weight*(v-mean[u]))
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(between, mat.SVDThinV) {
		return
	}
	s := svd.Values(nil)
	for _, v := range s {
		if v > scatterTolerance*s[0] {
			c.Directions++
		}
	}
	if s[0] == 0 || c.Directions == 0 {
		c.Directions = 0
		return
	}
	var v mat.Dense
	svd.VTo(&v)
	u := v.Slice(0, m, 0, c.Directions)
	var along, centres mat.Dense
	centres.Mul(means, u)
	d := 0.0
	p.EachRows(func(from int, h *mat.Dense) {
		along.Reset()
		along.Mul(h, u)
		rows, _ := h.Dims()
		for i := range rows {
			centre := centres.RawRowView(set.Class[from+i])
			for r, t := range along.RawRowView(i) {
				e := (t - centre[r]) / s[r]
				d += e * e / float64(n)
			}
		}
	})
	c.Scatter = &d
}

// scatterTolerance is the relative size below which a singular value of the
// class means counts as rounding. Means of 2^24 float32 numbers are good to
// that.
const scatterTolerance = 1e-7

// rowOf returns the row of the file that row i of the set comes from.
func rowOf(set *dataset.Set, i int) int {
	if i < len(set.Rows) {
		return set.Rows[i]
	}
	return i + 1
}
