package construct

import (
	"math"
	"sort"

	"hinge/internal/parallel"
)

// The hyperplane of a bump: through all rows of a group, far from all others.

// onPlane reports whether a row at distance s lies on the hyperplane as far as
// can be told.
func (t *patcher) onPlane(s float64, i int) bool {
	return math.Abs(s) <= onPlane*math.Sqrt(t.rows.square[i])
}

// hyperplane returns w (d+1) with w.x~ = 0 on the group and |w.x~_i| large
// against |g_i| + top on all other rows, and the distances s (n). Of a few
// random directions of the group's complement it takes the best, then pushes
// the hyperplane away from the nearest rows again and again. It returns nil
// when the group spans all rows.
func (t *patcher) hyperplane(group *affineSpan, g []float64, b *bump, in map[int]bool) (w, s []float64) {
	d, top := t.rows.d, b.top
	best := 0.0
	for try := 0; try < 4; try++ {
		z := make([]float64, d+1)
		for j := range z {
			z[j] = t.rng.Float64() + t.rng.Float64() + t.rng.Float64() - 1.5
		}
		z = group.complement(z)
		if !normalizeVector(z) {
			continue
		}
		sz := t.rows.dots(z[:d], z[d])
		if q, _ := t.nearest(sz, g, top, in); w == nil || q > best {
			w, s, best = z, sz, q
		}
	}
	if w == nil {
		return nil, nil
	}
	if best == 0 || t.spoils(b, 1/(flatter*best), s) {
		return nil, nil
	}
	now, near := t.nearest(s, g, top, in)
	at, size := append([]float64(nil), w...), s
	stride := 1.0
	for push := 0; push < pushes && len(near) > 0; push++ {
		if !t.spoils(b, 2/best, s) { // twice as flat as needed
			break
		}
		at = t.push(group, at, size, g, top, now*(1+stride), near)
		if !normalizeVector(at) {
			break
		}
		size = t.rows.dots(at[:d], at[d])
		now, near = t.nearest(size, g, top, in)
		if now > best {
			w, s, best = append([]float64(nil), at...), size, now
		} else {
			stride *= 0.9
		}
	}
	return w, s
}

// nearest returns the least ratio |s_i| / (|g_i| + top) over the rows that are
// not of the group and not on the hyperplane, and the rows with the least.
func (t *patcher) nearest(s, g []float64, top float64, in map[int]bool) (least float64, rows []int) {
	type ratio struct {
		q   float64
		row int
	}
	var near []ratio // ascending, at most pushedRows
	for i, si := range s {
		q := math.Abs(si) / (math.Abs(g[i]) + top)
		if len(near) == pushedRows && q >= near[pushedRows-1].q || in[i] || t.onPlane(si, i) {
			continue
		}
		at := sort.Search(len(near), func(a int) bool { return near[a].q > q })
		if len(near) < pushedRows {
			near = append(near, ratio{})
		}
		copy(near[at+1:], near[at:])
		near[at] = ratio{q, i}
	}
	for _, r := range near {
		rows = append(rows, r.row)
	}
	if len(near) == 0 {
		return math.Inf(1), nil
	}
	return near[0].q, rows
}

// push moves w, within the group's complement, so that the given rows reach the
// ratio aim, one after the other.
func (t *patcher) push(group *affineSpan, w, s, g []float64, top, aim float64, rows []int) []float64 {
	w = append([]float64(nil), w...)
	for _, i := range rows {
		x := homogeneous(t.x(i))
		side := 1.0
		if s[i] < 0 {
			side = -1
		}
		lack := float64(aim*(math.Abs(g[i])+top)) - float64(side*fixedDot(w, x))
		if lack <= 0 {
			continue
		}
		away := group.complement(x)
		if reach := fixedDot(away, away); reach > 0 {
			fixedAxpy(w, side*lack/reach, away)
		}
	}
	return w
}

// homogeneous returns (x, 1).
func homogeneous(x []float64) []float64 {
	return append(append(make([]float64, 0, len(x)+1), x...), 1)
}

func normalizeVector(v []float64) bool {
	length := math.Sqrt(fixedDot(v, v))
	if !(length > 1e-9) {
		return false
	}
	scaleBy(v, 1/length)
	return true
}

// An affineSpan is the span of rows x~, as an orthonormal basis grown row by
// row (Gram-Schmidt, twice, which is enough [Kahan, Parlett]): the m rows are
// R Q with R lower triangular.
type affineSpan struct {
	q, r [][]float64
}

// add takes a row into the span unless it is within a relative distance
// independence of it, and reports whether it did.
func (a *affineSpan) add(x []float64) bool {
	length := math.Sqrt(fixedDot(x, x))
	v := append([]float64(nil), x...)
	coef := make([]float64, len(a.q)+1)
	for pass := 0; pass < 2; pass++ {
		a.reduce(v, coef)
	}
	rest := math.Sqrt(fixedDot(v, v))
	if rest <= independence*length {
		return false
	}
	scaleBy(v, 1/rest)
	coef[len(a.q)] = rest
	a.q, a.r = append(a.q, v), append(a.r, coef)
	return true
}

// reduce subtracts from v its part in the span, and adds its coefficients to
// coef.
func (a *affineSpan) reduce(v, coef []float64) {
	c := make([]float64, len(a.q))
	parallel.Each((len(a.q)+31)/32, func(k int) {
		for j := 32 * k; j < min(len(c), 32*(k+1)); j++ {
			c[j] = fixedDot(a.q[j], v)
		}
	})
	for j, cj := range c {
		fixedAxpy(v, -cj, a.q[j])
		if coef != nil {
			coef[j] += cj
		}
	}
}

// shrink keeps the first size rows.
func (a *affineSpan) shrink(size int) { a.q, a.r = a.q[:size], a.r[:size] }

// complement returns the part of z orthogonal to the span.
func (a *affineSpan) complement(z []float64) []float64 {
	v := append([]float64(nil), z...)
	a.reduce(v, nil)
	a.reduce(v, nil)
	return v
}

// interpolate returns the least-norm affine function (d+1 weights) that takes
// the given values on the span's rows.
func (a *affineSpan) interpolate(values []float64) []float64 {
	c := make([]float64, len(a.q))
	out := make([]float64, len(a.q[0]))
	for i, v := range values {
		c[i] = (v - fixedDot(a.r[i][:i], c[:i])) / a.r[i][i]
		fixedAxpy(out, c[i], a.q[i])
	}
	return out
}
