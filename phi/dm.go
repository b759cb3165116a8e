package phi

// Decomposition is the block triangular form of a matrix: with rows in the
// order Rows and units in the order Units it is block lower triangular, with
// diagonal blocks that cannot be split further by permutations.
//
//	Vertical    more rows than units, at most one, first
//	Square      any number, each with a perfect matching
//	Horizontal  more units than rows, at most one, last
//
// Rows of zeros stand in the vertical part, dead units in the horizontal one.
type Decomposition struct {
	Rows, Units []int
	// RowEnd and UnitEnd are the ends of the diagonal blocks in Rows and Units.
	RowEnd, UnitEnd      []int
	Vertical, Horizontal bool // whether the first and the last block are such
	StructuralRank       int
}

// Decompose returns the block triangular form of Dulmage and Mendelsohn 1958.
// ok is false when the nonzeros are too many to hold. Cost: that of a maximum
// matching, then O(n + m + nonzeros).
func (p *Matrix) Decompose() (d *Decomposition, ok bool) {
	s := p.nonzeros(p.opt.maxElements())
	if s == nil {
		return nil, false
	}
	return s.decompose(s.transpose()), true
}

// decompose takes the rows and columns reached from unmatched rows along
// alternating paths as the vertical part, those reached from unmatched columns
// as the horizontal part, and splits the rest into strongly connected
// components of the graph row i -> the row matched to column j, Phi[i][j] != 0.
// Vertical rows have nonzeros in vertical columns only, horizontal columns in
// horizontal rows only, since else the path would go on.
func (s *csr) decompose(t *csr) *Decomposition {
	rows, cols := s.match()
	d := &Decomposition{StructuralRank: matched(rows)}
	vRow, vCol := reach(s, rows, cols)
	hCol, hRow := reach(t, cols, rows)
	d.append(gather(vRow, true), gather(vCol, true))
	d.Vertical = len(d.Rows)+len(d.Units) > 0
	square := make([]bool, s.n)
	for i := range square {
		square[i] = !vRow[i] && !hRow[i]
	}
	for _, component := range s.components(square, cols) {
		units := make([]int, len(component))
		for k, i := range component {
			units[k] = int(rows[i])
		}
		d.append(component, units)
	}
	before := len(d.Rows) + len(d.Units)
	d.append(gather(hRow, true), gather(hCol, true))
	d.Horizontal = len(d.Rows)+len(d.Units) > before
	return d
}

// append adds a diagonal block, unless it is empty.
func (d *Decomposition) append(rows, units []int) {
	if len(rows)+len(units) == 0 {
		return
	}
	d.Rows, d.Units = append(d.Rows, rows...), append(d.Units, units...)
	d.RowEnd, d.UnitEnd = append(d.RowEnd, len(d.Rows)), append(d.UnitEnd, len(d.Units))
}

// gather lists the indices whose mark is want.
func gather(marks []bool, want bool) []int {
	var list []int
	for i, m := range marks {
		if m == want {
			list = append(list, i)
		}
	}
	return list
}

// reach marks the rows and columns on alternating paths from unmatched rows:
// any nonzero from a row to a column, the matching from there to a row.
func reach(s *csr, rows, cols []int32) (row, col []bool) {
	row, col = make([]bool, s.n), make([]bool, s.m)
	var queue []int32
	for i, mate := range rows {
		if mate < 0 {
			row[i] = true
			queue = append(queue, int32(i))
		}
	}
	for at := 0; at < len(queue); at++ {
		js, _ := s.row(int(queue[at]))
		for _, j := range js {
			if col[j] {
				continue
			}
			col[j] = true
			if i := cols[j]; i >= 0 && !row[i] {
				row[i] = true
				queue = append(queue, i)
			}
		}
	}
	return row, col
}

// components returns the strongly connected components of the rows in part,
// by Tarjan's algorithm without recursion. It emits a component after all that
// it leads to; so every row has nonzeros only in the columns matched to its own
// and to earlier components (and outside part), which is the block lower
// triangular order.
func (s *csr) components(part []bool, cols []int32) [][]int {
	t := &tarjan{s: s, part: part, cols: cols, index: filled(s.n), low: make([]int32, s.n), next: make([]int, s.n), onStack: make([]bool, s.n)}
	for root := range part {
		if part[root] && t.index[root] < 0 {
			t.from(int32(root))
		}
	}
	return t.out
}

// tarjan is the state of the search. index numbers the rows in the order they
// are met, -1 before; low is the least index on the stack that a row leads to.
type tarjan struct {
	s           *csr
	part        []bool
	cols        []int32
	index, low  []int32
	next        []int // of a row: the next nonzero to follow
	onStack     []bool
	stack, path []int32
	count       int32
	out         [][]int
}

func (t *tarjan) enter(i int32) {
	t.index[i], t.low[i], t.next[i] = t.count, t.count, t.s.ptr[i]
	t.count++
	t.stack, t.path, t.onStack[i] = append(t.stack, i), append(t.path, i), true
}

// from searches depth first from root.
func (t *tarjan) from(root int32) {
	t.enter(root)
	for len(t.path) > 0 {
		i := t.path[len(t.path)-1]
		if t.next[i] < t.s.ptr[i+1] {
			k := t.cols[t.s.col[t.next[i]]]
			t.next[i]++
			switch {
			case k < 0 || !t.part[k]:
			case t.index[k] < 0:
				t.enter(k)
			case t.onStack[k]:
				t.low[i] = min(t.low[i], t.index[k])
			}
			continue
		}
		t.path = t.path[:len(t.path)-1]
		if len(t.path) > 0 {
			up := t.path[len(t.path)-1]
			t.low[up] = min(t.low[up], t.low[i])
		}
		if t.low[i] == t.index[i] {
			t.emit(i)
		}
	}
}

// emit takes the component of root off the stack.
func (t *tarjan) emit(root int32) {
	var component []int
	for {
		k := t.stack[len(t.stack)-1]
		t.stack, t.onStack[k] = t.stack[:len(t.stack)-1], false
		component = append(component, int(k))
		if k == root {
			break
		}
	}
	t.out = append(t.out, component)
}
