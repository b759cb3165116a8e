package phi

// A Block is a part of the matrix that shares no nonzero with the rest: rows
// and units, indices ascending.
type Block struct {
	Rows  []int `json:"rows"`
	Units []int `json:"units"`
}

// Blocks returns the connected blocks of the matrix: rows and units joined by
// nonzeros, in the order of their first row. They are shared and not to be
// changed. Rows of zeros and dead units
// belong to none. ok is false when the nonzeros are too many to hold.
// Cost: O(nonzeros) up to an inverse Ackermann factor.
func (p *Matrix) Blocks() (blocks []Block, ok bool) {
	s := p.nonzeros(p.opt.maxElements())
	if s == nil {
		return nil, false
	}
	return p.connected(s), true
}

// blocks finds the connected components by union-find over rows 0..n-1 and
// columns n..n+m-1. The root of a component is its first row.
func (s *csr) blocks() []Block {
	sets := newDisjoint(s.n + s.m)
	for i := 0; i < s.n; i++ {
		cols, _ := s.row(i)
		for _, j := range cols {
			sets.join(int32(i), int32(s.n)+j)
		}
	}
	number := filled(s.n) // of the block whose root is row i
	var rows, cols []int
	for i := 0; i < s.n; i++ {
		if s.ptr[i] == s.ptr[i+1] {
			continue
		}
		root := sets.find(int32(i))
		if number[root] < 0 {
			number[root] = int32(len(rows))
			rows, cols = append(rows, 0), append(cols, 0)
		}
		rows[number[root]]++
	}
	member := func(j int) int32 { // block of column j, -1 for none
		if root := sets.find(int32(s.n + j)); int(root) < s.n {
			return number[root]
		}
		return -1
	}
	for j := 0; j < s.m; j++ {
		if b := member(j); b >= 0 {
			cols[b]++
		}
	}
	blocks := carve(rows, cols)
	for i := 0; i < s.n; i++ {
		if s.ptr[i] < s.ptr[i+1] {
			b := &blocks[number[sets.find(int32(i))]]
			b.Rows = append(b.Rows, i)
		}
	}
	for j := 0; j < s.m; j++ {
		if k := member(j); k >= 0 {
			blocks[k].Units = append(blocks[k].Units, j)
		}
	}
	return blocks
}

// disjoint is a union-find forest; the root of a set is its least member.
type disjoint []int32

func newDisjoint(n int) disjoint {
	d := make(disjoint, n)
	for i := range d {
		d[i] = int32(i)
	}
	return d
}

func (d disjoint) find(a int32) int32 {
	for d[a] != a {
		d[a] = d[d[a]]
		a = d[a]
	}
	return a
}

func (d disjoint) join(a, b int32) {
	a, b = d.find(a), d.find(b)
	d[max(a, b)] = min(a, b)
}

// carve makes empty blocks with room for the given numbers of rows and units,
// in two allocations.
func carve(rows, units []int) []Block {
	total := func(counts []int) int {
		sum := 0
		for _, c := range counts {
			sum += c
		}
		return sum
	}
	r, u := make([]int, total(rows)), make([]int, total(units))
	blocks := make([]Block, len(rows))
	for k := range blocks {
		blocks[k] = Block{Rows: r[:0:rows[k]], Units: u[:0:units[k]]}
		r, u = r[rows[k]:], u[units[k]:]
	}
	return blocks
}
