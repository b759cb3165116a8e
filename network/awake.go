package network

import (
	"math"
	"slices"
	"sort"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// Finding the awake units of a layer of gates by sorting.
//
// A layer of gates has one unit per row, or per block of rows,
//
//	gate_i = s(b_i + g_i - sum_j c_ij a_j),   c_ij >= 0,  s(z) = max(z, 0),
//
// where the a_j = s(S_j t_k + B_j) are thresholds of a few projections t_k of
// the row (units of a Projected map in the layer before) and g_i, if there, is
// a sum of other units of that layer. On a row only a few gates are awake, but
// evaluating n gates on n rows to see which costs n^2.
//
// Lemma. If c_ij a_j >= b_i + max g_i for a single j, gate i is 0, however the
// sum is rounded and ordered.
//
// Proof. The computed sum is monotone in every term, since rounding is. So it
// is at most the sum computed with all thresholds but a_j put to 0. Without a
// g_i that is fl(b_i - c_ij a_j) <= 0. With one, the rounding error of the sum is
// bounded by gamma times the magnitudes (Higham, section 3.1) and is charged to
// max g_i. QED
//
// Solved for t_k, the lemma says that gate i sleeps on all rows with t_k at or
// beyond some number; left and right thresholds leave an interval per
// projection, q of them a box. A row lies somewhere in the interval of its
// projection's rounding errors. So gate i can be awake only on rows whose
// intervals meet its box:
//
//	      |lo ---- box of gate i ---- hi|
//	[r1]      [r2]       [r3]       [r4]     [r5]      -> rows r2, r3, r4
//
// Sorting the rows along each projection finds them by binary search, in the
// projection where the box is narrowest; the other projections thin them out.
// O((rows + units) log rows) plus the number of pairs looked at.

// Awake lists, for every row, the units of one layer that can be awake on it:
// Unit[RowPtr[r]:RowPtr[r+1]], ascending. All other units are exactly 0 in any
// evaluation.
type Awake struct {
	RowPtr []int
	Unit   []int32
}

// A UnitRange is the units From <= i < To of a layer.
type UnitRange struct{ From, To int }

const (
	// awakeLimit bounds the pairs of rows and units that FindAwake lists: they
	// take 12 bytes each while they are sorted, 0.8 GB in all.
	awakeLimit = 1 << 26
	// lookLimit bounds the pairs that it looks at, a few seconds' work.
	lookLimit = 1 << 30
	// sparseShare is the share of all pairs from which a list is of no use.
	sparseShare = 4
	// alwaysListed is the number of pairs up to which a list is cheap anyway.
	alwaysListed = 1 << 16
)

// FindAwake returns the units of the given layer that can be awake on the rows
// of x (n x d), in any evaluation of the network in its precision or a finer
// one: any order of summation, fused multiply-add or not, and exact arithmetic
// too. Units that can be awake and are not listed do not exist; a few of the
// listed ones may sleep. Units within the ranges skip are left out, for callers
// that evaluate them anyway.
//
// It returns false when the layer is not made of gates: it and the layer
// before must be ReLU layers, the layer before hold a Projected map (within a
// Stack or Blocks, if there are other units), and the layers before that be
// elementwise; and also when the gates do not narrow the choice, or sums could
// overflow.
func FindAwake(n *Network, x *mat.Dense, layer int, skip ...UnitRange) (*Awake, bool) {
	return FindAwakeAround(n, x, nil, layer, skip...)
}

// FindAwakeAround is [FindAwake] for inputs that are known only to lie within
// around (n x d, not negative; nil for exact inputs) of x: those that another
// network computes.
func FindAwakeAround(n *Network, x, around *mat.Dense, layer int, skip ...UnitRange) (*Awake, bool) {
	if layer < 1 || layer >= len(n.Layers) || n.Layers[layer].Act != ReLU || n.Layers[layer-1].Act != ReLU {
		return nil, false
	}
	for _, l := range n.Layers[:layer-1] {
		if _, ok := l.Map.(*Diagonal); !ok {
			return nil, false
		}
	}
	if hidesProjection(n.Layers[layer-1].Map, false) || hidesProjection(n.Layers[layer].Map, true) {
		return nil, false
	}
	th := newThresholds(&n.Layers[layer-1])
	if len(th.directions) == 0 {
		return nil, false
	}
	rows, ok := newRowBoxes(n, x, around, layer-1, th)
	if !ok {
		return nil, false
	}
	gates, ok := newGateBoxes(n, layer, th, rows)
	if !ok {
		return nil, false
	}
	for _, r := range skip {
		for i := max(r.From, 0); i < min(r.To, len(gates.asleep)); i++ {
			gates.asleep[i] = true
		}
	}
	return list(rows, gates)
}

// rowBoxes holds, for every projection k and row r, the interval of the values
// that an evaluation can compute.
type rowBoxes struct {
	lo, hi  [][]float64 // q x n: lo <= t^ <= hi
	largest []float64   // q: bound of |t^| over all rows
	inLow   []float64   // bounds of the inputs of the thresholds' layer over all rows
	inHigh  []float64
}

// gateBoxes holds, for every projection k and gate i, the open interval outside
// of which gate i sleeps.
type gateBoxes struct {
	lo, hi [][]float64 // q x m
	asleep []bool      // m: gates that need not be listed at all
}

// sortedRows is the rows of one projection in ascending order of lo.
type sortedRows struct {
	row []int32
	lo  []float64 // ascending
	hi  []float64 // greatest hi up to here: ascending too
}

func sortRows(lo, hi []float64) sortedRows {
	n := len(lo)
	s := sortedRows{row: make([]int32, n), lo: make([]float64, n), hi: make([]float64, n)}
	type end struct {
		lo  float64
		row int32
	}
	ends := make([]end, n)
	for r, v := range lo {
		ends[r] = end{v, int32(r)}
	}
	slices.SortFunc(ends, func(a, b end) int {
		switch {
		case a.lo < b.lo:
			return -1
		case a.lo > b.lo:
			return 1
		}
		return int(a.row) - int(b.row)
	})
	most := math.Inf(-1)
	for k, e := range ends {
		most = max(most, hi[e.row])
		s.row[k], s.lo[k], s.hi[k] = e.row, e.lo, most
	}
	return s
}

// between returns the range of positions outside of which no row meets the
// open interval (lo, hi).
func (s *sortedRows) between(lo, hi float64) (from, to int) {
	to = sort.SearchFloat64s(s.lo, hi) // s.lo[to:] >= hi
	from = sort.Search(to, func(k int) bool { return s.hi[k] > lo })
	return from, to
}

// list pairs rows with the gates whose boxes they meet.
func list(rows *rowBoxes, gates *gateBoxes) (*Awake, bool) {
	q, n, m := len(rows.lo), len(rows.lo[0]), len(gates.asleep)
	sorted := make([]sortedRows, q)
	parallel.Each(q, func(k int) { sorted[k] = sortRows(rows.lo[k], rows.hi[k]) })
	limit := min(awakeLimit, max(alwaysListed, n*m/sparseShare))

	const chunks = 64
	found := make([][]rowUnit, chunks)
	var total, looked atomic.Int64
	crowded := func() bool { return total.Load() > int64(limit) || looked.Load() > lookLimit }
	parallel.Each(chunks, func(c int) {
		for i := m * c / chunks; i < m*(c+1)/chunks && !crowded(); i++ {
			if gates.asleep[i] {
				continue
			}
			before, seen := len(found[c]), 0
			if found[c], seen = gates.meet(found[c], i, rows, sorted); seen > 1 {
				looked.Add(int64(seen))
			}
			if more := len(found[c]) - before; more > 0 {
				total.Add(int64(more))
			}
		}
	})
	if crowded() {
		return nil, false
	}
	return byRow(found, int(total.Load()), n), true
}

// rowUnit says that a unit can be awake on a row.
type rowUnit struct{ row, unit int32 }

// meet appends the rows that meet the box of gate i, and returns how many it
// looked at.
func (g *gateBoxes) meet(found []rowUnit, i int, rows *rowBoxes, sorted []sortedRows) ([]rowUnit, int) {
	best, from, to := 0, 0, math.MaxInt
	for k := range sorted {
		if f, t := sorted[k].between(g.lo[k][i], g.hi[k][i]); t-f < to-from {
			best, from, to = k, f, t
		}
	}
	for _, r := range sorted[best].row[from:to] {
		meets := true
		for k := range sorted {
			meets = meets && rows.lo[k][r] < g.hi[k][i] && rows.hi[k][r] > g.lo[k][i]
		}
		if meets {
			found = append(found, rowUnit{r, int32(i)})
		}
	}
	return found, to - from
}

// byRow sorts the pairs, which come in ascending order of units, by rows.
func byRow(found [][]rowUnit, total, n int) *Awake {
	a := &Awake{RowPtr: make([]int, n+1), Unit: make([]int32, total)}
	for _, pairs := range found {
		for _, p := range pairs {
			a.RowPtr[p.row+1]++
		}
	}
	for r := range n {
		a.RowPtr[r+1] += a.RowPtr[r]
	}
	next := slices.Clone(a.RowPtr[:n])
	for _, pairs := range found {
		for _, p := range pairs {
			a.Unit[next[p.row]] = p.unit
			next[p.row]++
		}
	}
	return a
}
