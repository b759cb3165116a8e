package phi

import (
	"math"
	"sort"

	"hinge/network"
)

// This file finds the nonzeros of a gate layer without evaluating n x m
// entries.
//
// A gate unit sits on a layer of thresholds (see coordinates): its
// pre-activation on a row is
//
//	z = b + g_1(t_1) + ... + g_q(t_q),
//
// t_c the row's coordinates and g_c piecewise linear with the few kinks of the
// thresholds that the unit uses. With G_c the largest value of g_c on the
// data's range, the unit can be awake only where, for every c,
//
//	g_c(t_c) > -b - sum of the other G.
//
// The hull of that set is an interval of t_c, and so a run of the rows sorted
// by t_c. The rows of the shortest run are evaluated; all others are asleep.
// Worked case: the gate s(1 - s((t - r)/w) - s((l - t)/w)) has b = 1, G = 0,
// and is awake only for l - w < t < r + w.
//
// Rounding moves z by at most (edges + 3) eps times the sum of the absolute
// terms, so the threshold is lowered by that much. For n rows and m gates with
// k edges each the cost is O(m (k log k + log n) + rows evaluated).

// gateEdge is one term w * s(scale * t_coord + bias) of a gate.
type gateEdge struct {
	coord int32
	unit  int32
	w     float64
}

// gates finds the nonzeros of a layer's units on c.
type gates struct {
	c      *coordinates
	reach  []float64 // per coordinate: the largest |t| on the data
	edges  []gateEdge
	groups []gateGroup
	points []float64
}

// gateGroup is g_c of one gate: edges[from:to].
type gateGroup struct {
	coord    int32
	from, to int
	top      float64 // G_c
}

func newGates(c *coordinates) *gates {
	g := &gates{c: c}
	for k := range c.t {
		g.reach = append(g.reach, max(math.Abs(c.sorted(int32(k), 0)), math.Abs(c.sorted(int32(k), c.n-1))))
	}
	return g
}

// read returns the nonzeros of the layer with weights w (m x units) and bias b
// (m, nil for zero) as an m x n matrix, row j the rows that gate j is awake on.
// The units in known are not gates; their columns are given. It gives up (nil)
// when the rows to evaluate are more than limit, or an output is not finite.
func (g *gates) read(w *csr, b []float64, known map[int][]float64, limit int) *csr {
	out := newCSR(w.n, g.c.n, w.n)
	evaluated := 0
	for j := 0; j < w.n; j++ {
		if column, ok := known[j]; ok {
			out.appendDense(column)
			continue
		}
		cols, vals := w.row(j)
		bias := 0.0
		if b != nil {
			bias = b[j]
		}
		g.load(cols, vals)
		coord, from, to := g.shortestRun(bias)
		if evaluated += to - from; evaluated > limit {
			return nil
		}
		start := len(out.col)
		for r := from; r < to; r++ {
			i := r
			if coord >= 0 {
				i = int(g.c.order[coord][r])
			}
			v := g.value(bias, i)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil // evaluating in full will name the unit and the row
			}
			if v > 0 {
				out.col, out.val = append(out.col, int32(i)), append(out.val, v)
			}
		}
		sortEntries(out.col[start:], out.val[start:])
		out.ptr = append(out.ptr, len(out.col))
	}
	return out
}

// load groups the edges of one gate by coordinate.
func (g *gates) load(cols []int32, vals []float64) {
	g.edges, g.groups = g.edges[:0], g.groups[:0]
	for k, u := range cols {
		g.edges = append(g.edges, gateEdge{g.c.of[u], u, vals[k]})
	}
	edges := g.edges
	if len(edges) > 1 {
		sort.Slice(edges, func(a, b int) bool {
			if edges[a].coord != edges[b].coord {
				return edges[a].coord < edges[b].coord
			}
			return edges[a].unit < edges[b].unit
		})
	}
	for from := 0; from < len(edges); {
		to := from + 1
		for to < len(edges) && edges[to].coord == edges[from].coord {
			to++
		}
		g.groups = append(g.groups, gateGroup{coord: edges[from].coord, from: from, to: to})
		from = to
	}
}

// shortestRun returns the coordinate and the run of its sorted rows outside
// which the gate is asleep; coordinate -1 means all rows in their own order.
func (g *gates) shortestRun(bias float64) (coord int32, from, to int) {
	total, size := bias, math.Abs(bias)
	for k := range g.groups {
		group := &g.groups[k]
		g.kinks(group)
		group.top = math.Inf(-1)
		for _, t := range g.points {
			group.top = max(group.top, g.sum(group, t))
		}
		total += group.top
		for _, e := range g.edges[group.from:group.to] {
			size += math.Abs(e.w) * (math.Abs(g.c.scale[e.unit])*g.reach[e.coord] + math.Abs(g.c.bias[e.unit]))
		}
	}
	slack := float64(len(g.edges)+3) * 2 * g.c.precision.Eps() * size
	coord, from, to = -1, 0, g.c.n
	if total+slack <= 0 {
		return -1, 0, 0
	}
	for k := range g.groups {
		group := &g.groups[k]
		lo, hi := g.hull(group, -(total-group.top)-slack)
		a := g.c.firstAt(group.coord, lo)
		b := g.c.firstAt(group.coord, math.Nextafter(hi, math.Inf(1)))
		if b-a < to-from {
			coord, from, to = group.coord, a, max(a, b)
		}
	}
	return coord, from, to
}

// kinks fills points with the ends of the data's range and the kinks of g_c
// within it, ascending.
func (g *gates) kinks(group *gateGroup) {
	lo, hi := g.c.sorted(group.coord, 0), g.c.sorted(group.coord, g.c.n-1)
	g.points = append(g.points[:0], lo, hi)
	for _, e := range g.edges[group.from:group.to] {
		if theta := -g.c.bias[e.unit] / g.c.scale[e.unit]; theta > lo && theta < hi {
			g.points = append(g.points, theta)
		}
	}
	sort.Float64s(g.points)
}

// sum returns g_c(t).
func (g *gates) sum(group *gateGroup, t float64) float64 {
	z := 0.0
	for _, e := range g.edges[group.from:group.to] {
		z += e.w * max(float64(g.c.scale[e.unit]*t)+g.c.bias[e.unit], 0)
	}
	return z
}

// hull returns the smallest interval that holds every t of the data's range
// with g_c(t) > level, or lo > hi when there is none. Crossings are widened by
// a relative 1e-9 of their segment, far above the rounding of the division.
func (g *gates) hull(group *gateGroup, level float64) (lo, hi float64) {
	g.kinks(group)
	lo, hi = math.Inf(1), math.Inf(-1)
	for k, t := range g.points {
		z := g.sum(group, t)
		if z > level {
			lo, hi = min(lo, t), max(hi, t)
		}
		if k == 0 {
			continue
		}
		s := g.points[k-1]
		before := g.sum(group, s)
		if (before > level) == (z > level) {
			continue
		}
		cross := s + (t-s)*(level-before)/(z-before)
		if math.IsNaN(cross) {
			cross, lo, hi = s, min(lo, s), max(hi, t)
		}
		wide := 1e-9*(t-s) + 1e-15*max(math.Abs(s), math.Abs(t))
		lo, hi = min(lo, max(cross-wide, s)), max(hi, min(cross+wide, t))
	}
	return lo, hi
}

// value evaluates the loaded gate on row i.
func (g *gates) value(bias float64, i int) float64 {
	z, precision := bias, g.c.precision
	for _, e := range g.edges {
		h := g.c.value(int(e.unit), g.c.t[e.coord][i])
		z = precision.Round(z + precision.Round(float64(e.w*h)))
	}
	return max(z, 0)
}

func sortEntries(col []int32, val []float64) {
	if !sort.SliceIsSorted(col, func(a, b int) bool { return col[a] < col[b] }) {
		sort.Sort(&entries{col, val})
	}
}

type entries struct {
	col []int32
	val []float64
}

func (e *entries) Len() int           { return len(e.col) }
func (e *entries) Less(a, b int) bool { return e.col[a] < e.col[b] }
func (e *entries) Swap(a, b int) {
	e.col[a], e.col[b] = e.col[b], e.col[a]
	e.val[a], e.val[b] = e.val[b], e.val[a]
}

// weightsOf returns the nonzero weights of a map (out x in), or nil when they
// are more than limit. Projected maps are given up too: written out, they are
// other sums than the ones the network makes.
func weightsOf(m network.Map, limit int) *csr {
	out, in := m.Dims()
	w := newCSR(out, in, min(m.Params(), limit))
	for i := 0; i < out; i++ {
		if !appendWeights(w, m, i, 0) || len(w.val) > limit {
			return nil
		}
		w.ptr = append(w.ptr, len(w.col))
	}
	return w
}

// appendWeights appends the nonzeros of row i of m, its columns moved by
// shift.
func appendWeights(w *csr, m network.Map, i, shift int) bool {
	add := func(j int, v float64) {
		if v != 0 {
			w.col, w.val = append(w.col, int32(shift+j)), append(w.val, v)
		}
	}
	switch m := m.(type) {
	case *network.Dense:
		for j, v := range m.Row(i) {
			add(j, v)
		}
		return true
	case *network.Sparse:
		for e := m.RowPtr[i]; e < m.RowPtr[i+1]; e++ {
			add(int(m.Col[e]), m.Val[e])
		}
		return true
	case *network.Diagonal:
		add(i, m.D[i])
		return true
	case *network.Sum:
		for _, part := range m.Maps {
			if !appendWeights(w, part, i, shift) {
				return false
			}
			_, in := part.Dims()
			shift += in
		}
		return true
	case *network.Stack:
		for _, part := range m.Maps {
			out, _ := part.Dims()
			if i < out {
				return appendWeights(w, part, i, shift)
			}
			i -= out
		}
	case *network.Blocks:
		for _, part := range m.Maps {
			out, in := part.Dims()
			if i < out {
				return appendWeights(w, part, i, shift)
			}
			i, shift = i-out, shift+in
		}
	}
	return false
}
