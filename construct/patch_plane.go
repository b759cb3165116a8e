package construct

import (
	"math"
	"sort"

	"hinge/internal/fixed"
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
func (t *patcher) hyperplane(group *fixed.Span, g []float64, b *bump, in map[int]bool) (w, s []float64) {
	d, top := t.rows.d, b.top
	best := 0.0
	for try := 0; try < 4; try++ {
		z := make([]float64, d+1)
		for j := range z {
			z[j] = t.rng.Float64() + t.rng.Float64() + t.rng.Float64() - 1.5
		}
		z = group.Complement(z)
		if !fixed.Normalize(z) {
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
		if !fixed.Normalize(at) {
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
func (t *patcher) push(group *fixed.Span, w, s, g []float64, top, aim float64, rows []int) []float64 {
	w = append([]float64(nil), w...)
	for _, i := range rows {
		x := fixed.Homogeneous(t.x(i))
		side := 1.0
		if s[i] < 0 {
			side = -1
		}
		lack := float64(aim*(math.Abs(g[i])+top)) - float64(side*fixedDot(w, x))
		if lack <= 0 {
			continue
		}
		away := group.Complement(x)
		if reach := fixedDot(away, away); reach > 0 {
			fixedAxpy(w, side*lack/reach, away)
		}
	}
	return w
}
