package phi

// StructuralRank returns the size of a maximum matching of rows and units
// through nonzeros: the largest rank that any matrix with these nonzeros can
// have, so a quick proof of impossibility when it is too small. ok is false
// when the nonzeros are too many to hold.
func (p *Matrix) StructuralRank() (rank int, ok bool) {
	s := p.nonzeros(p.opt.maxElements())
	if s == nil {
		return 0, false
	}
	rows, _ := s.match()
	return matched(rows), true
}

func matched(mate []int32) int {
	count := 0
	for _, m := range mate {
		if m >= 0 {
			count++
		}
	}
	return count
}

// match returns a maximum matching: the column of every row and the row of
// every column, -1 for none.
//
// Hopcroft and Karp 1973: in phases, a breadth-first search from all free rows
// layers the rows by the length of their shortest alternating path, and
// depth-first searches along the layers flip a maximal set of disjoint shortest
// augmenting paths. At most O(sqrt(n + m)) phases of O(nonzeros).
func (s *csr) match() (rows, cols []int32) {
	rows, cols = filled(s.n), filled(s.m)
	for i := range rows { // a greedy matching first: most of the work
		js, _ := s.row(i)
		for _, j := range js {
			if cols[j] < 0 {
				rows[i], cols[j] = j, int32(i)
				break
			}
		}
	}
	h := &matcher{s: s, rows: rows, cols: cols, level: make([]int32, s.n), next: make([]int, s.n)}
	for h.layer() {
		for i := range rows {
			if rows[i] < 0 {
				h.augment(int32(i))
			}
		}
	}
	return rows, cols
}

func filled(n int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = -1
	}
	return v
}

type matcher struct {
	s          *csr
	rows, cols []int32
	level      []int32 // of a row: its distance from the free rows, -1 unreached
	next       []int   // of a row: the next nonzero to try
	queue      []int32
	path       []int32
}

// layer numbers the rows by distance and reports whether a free column was
// reached.
func (h *matcher) layer() bool {
	h.queue = h.queue[:0]
	for i := range h.rows {
		h.level[i], h.next[i] = -1, h.s.ptr[i]
		if h.rows[i] < 0 {
			h.level[i] = 0
			h.queue = append(h.queue, int32(i))
		}
	}
	found := false
	for at := 0; at < len(h.queue); at++ {
		i := h.queue[at]
		cols, _ := h.s.row(int(i))
		for _, j := range cols {
			mate := h.cols[j]
			if mate < 0 {
				found = true
			} else if h.level[mate] < 0 {
				h.level[mate] = h.level[i] + 1
				h.queue = append(h.queue, mate)
			}
		}
	}
	return found
}

// augment searches along the layers from the free row start, without
// recursion, and flips the path it finds.
func (h *matcher) augment(start int32) {
	h.path = append(h.path[:0], start)
	for len(h.path) > 0 {
		i := h.path[len(h.path)-1]
		if h.next[i] == h.s.ptr[i+1] {
			h.path = h.path[:len(h.path)-1]
			if len(h.path) > 0 {
				h.next[h.path[len(h.path)-1]]++
			}
			continue
		}
		j := h.s.col[h.next[i]]
		mate := h.cols[j]
		switch {
		case mate < 0:
			for _, r := range h.path {
				j := h.s.col[h.next[r]]
				h.rows[r], h.cols[j] = j, r
				h.next[r] = h.s.ptr[r+1]
			}
			return
		case h.level[mate] == h.level[i]+1 && h.next[mate] < h.s.ptr[mate+1]:
			h.path = append(h.path, mate)
		default:
			h.next[i]++
		}
	}
}
