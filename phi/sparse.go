package phi

import (
	"sort"

	"hinge/internal/parallel"
)

// csr is a sparse matrix in compressed rows: the nonzeros of row i are
// val[ptr[i]:ptr[i+1]] in the ascending columns col[ptr[i]:ptr[i+1]].
type csr struct {
	n, m int
	ptr  []int
	col  []int32
	val  []float64
}

func newCSR(n, m, nonzeros int) *csr {
	return &csr{n: n, m: m, ptr: append(make([]int, 0, n+1), 0),
		col: make([]int32, 0, nonzeros), val: make([]float64, 0, nonzeros)}
}

// appendDense adds the next row.
func (s *csr) appendDense(row []float64) {
	for j, v := range row {
		if v != 0 {
			s.col = append(s.col, int32(j))
			s.val = append(s.val, v)
		}
	}
	s.ptr = append(s.ptr, len(s.col))
}

func (s *csr) row(i int) (cols []int32, vals []float64) {
	return s.col[s.ptr[i]:s.ptr[i+1]], s.val[s.ptr[i]:s.ptr[i+1]]
}

func (s *csr) at(i, j int) float64 {
	cols, vals := s.row(i)
	k := sort.Search(len(cols), func(k int) bool { return int(cols[k]) >= j })
	if k < len(cols) && int(cols[k]) == j {
		return vals[k]
	}
	return 0
}

// transpose returns the matrix with rows and columns exchanged.
func (s *csr) transpose() *csr {
	t := &csr{n: s.m, m: s.n, ptr: make([]int, s.m+1), col: make([]int32, len(s.col)), val: make([]float64, len(s.val))}
	for _, j := range s.col {
		t.ptr[j+1]++
	}
	for j := 0; j < s.m; j++ {
		t.ptr[j+1] += t.ptr[j]
	}
	next := append([]int(nil), t.ptr[:s.m]...)
	for i := 0; i < s.n; i++ {
		cols, vals := s.row(i)
		for k, j := range cols {
			t.col[next[j]], t.val[next[j]] = int32(i), vals[k]
			next[j]++
		}
	}
	return t
}

// columns returns the matrix of the columns j with keep[j], and their indices.
func (s *csr) columns(keep []bool) (*csr, []int) {
	var kept []int
	place := make([]int32, s.m)
	for j, k := range keep {
		if k {
			place[j] = int32(len(kept))
			kept = append(kept, j)
		}
	}
	r := newCSR(s.n, len(kept), 0)
	for i := 0; i < s.n; i++ {
		cols, vals := s.row(i)
		for k, j := range cols {
			if keep[j] {
				r.col = append(r.col, place[j])
				r.val = append(r.val, vals[k])
			}
		}
		r.ptr = append(r.ptr, len(r.col))
	}
	return r, kept
}

// list returns the nonzeros of a matrix that is not held as such.
func (p *Matrix) list() *csr {
	if p.form != DenseForm {
		s := newCSR(p.n, p.m, int(p.stats.Nonzeros))
		p.visit(func(_ int, row []float64) { s.appendDense(row) })
		return s
	}
	s := &csr{n: p.n, m: p.m, ptr: make([]int, p.n+1), col: make([]int32, p.stats.Nonzeros), val: make([]float64, p.stats.Nonzeros)}
	for i, count := range p.stats.PerRow {
		s.ptr[i+1] = s.ptr[i] + count
	}
	parallel.Each(p.n, func(i int) {
		at := s.ptr[i]
		for j, v := range p.dense.RawRowView(i) {
			if v != 0 {
				s.col[at], s.val[at] = int32(j), v
				at++
			}
		}
	})
	return s
}
