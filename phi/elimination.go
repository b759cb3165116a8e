package phi

// Elimination is the outcome of eliminating singletons: row Rows[k] and unit
// Units[k] form the k-th pivot of a lower triangular matrix,
//
//	Phi[Rows[k]][Units[k]] != 0,  Phi[Rows[k]][Units[l]] == 0 for l > k,
//
// for the pivots of a complete elimination. What is left is the core.
type Elimination struct {
	Rows, Units []int
	CoreRows    []int // rows left with nonzeros in two or more core units
	CoreUnits   []int // units left with two or more core rows
}

// Complete reports whether the pivots use up all rows or all live units that
// have any nonzero: the matrix is then triangular after permutation.
func (e *Elimination) Complete() bool { return len(e.CoreRows) == 0 || len(e.CoreUnits) == 0 }

// Eliminate removes row singletons (rows with one nonzero left) from the front
// and column singletons (units with one row left) from the back, until none is
// left. Each is a pivot that adds exactly one to the rank whatever the numbers
// are [P]: a row with a single nonzero cannot be reached by the other rows, and
// the same for columns. ok is false when the nonzeros are too many to hold.
// Cost: O(n + m + nonzeros).
func (p *Matrix) Eliminate() (e *Elimination, ok bool) {
	s := p.nonzeros(p.opt.maxElements())
	if s == nil {
		return nil, false
	}
	return eliminate(s, s.transpose()), true
}

// peeler is the state of an elimination: counts of the nonzeros left.
type peeler struct {
	s, t         *csr
	perRow       []int
	perCol       []int
	rowGone      []bool
	colGone      []bool
	rowQ, colQ   []int
	fRows, fCols []int // pivots from the front
	bRows, bCols []int // pivots from the back, last first
}

func eliminate(s, t *csr) *Elimination {
	p := &peeler{s: s, t: t, perRow: make([]int, s.n), perCol: make([]int, s.m), rowGone: make([]bool, s.n), colGone: make([]bool, s.m)}
	for i := range p.perRow {
		if p.perRow[i] = s.ptr[i+1] - s.ptr[i]; p.perRow[i] == 1 {
			p.rowQ = append(p.rowQ, i)
		}
	}
	for j := range p.perCol {
		if p.perCol[j] = t.ptr[j+1] - t.ptr[j]; p.perCol[j] == 1 {
			p.colQ = append(p.colQ, j)
		}
	}
	for len(p.rowQ)+len(p.colQ) > 0 {
		p.frontPivots()
		p.backPivot()
	}
	e := &Elimination{Rows: p.fRows, Units: p.fCols}
	for k := len(p.bRows) - 1; k >= 0; k-- {
		e.Rows, e.Units = append(e.Rows, p.bRows[k]), append(e.Units, p.bCols[k])
	}
	for i, gone := range p.rowGone {
		if !gone && p.perRow[i] > 0 {
			e.CoreRows = append(e.CoreRows, i)
		}
	}
	for j, gone := range p.colGone {
		if !gone && p.perCol[j] > 0 {
			e.CoreUnits = append(e.CoreUnits, j)
		}
	}
	return e
}

// frontPivots takes every row with one nonzero left as the next pivot.
func (p *peeler) frontPivots() {
	for len(p.rowQ) > 0 {
		i := p.rowQ[0]
		p.rowQ = p.rowQ[1:]
		if p.rowGone[i] || p.perRow[i] != 1 {
			continue
		}
		j := remaining(p.s, i, p.colGone)
		p.fRows, p.fCols = append(p.fRows, i), append(p.fCols, j)
		p.remove(i, j)
	}
}

// backPivot takes one unit with one row left as the last pivot still free.
func (p *peeler) backPivot() {
	for len(p.colQ) > 0 {
		j := p.colQ[0]
		p.colQ = p.colQ[1:]
		if p.colGone[j] || p.perCol[j] != 1 {
			continue
		}
		i := remaining(p.t, j, p.rowGone)
		p.bRows, p.bCols = append(p.bRows, i), append(p.bCols, j)
		p.remove(i, j)
		return
	}
}

// remaining returns the only column of row i that is not gone.
func remaining(s *csr, i int, gone []bool) int {
	cols, _ := s.row(i)
	for _, j := range cols {
		if !gone[j] {
			return int(j)
		}
	}
	return -1
}

// remove takes row i and column j out of the counts.
func (p *peeler) remove(i, j int) {
	p.rowGone[i], p.colGone[j] = true, true
	rows, _ := p.t.row(j)
	for _, r := range rows {
		if p.perRow[r]--; p.perRow[r] == 1 && !p.rowGone[r] {
			p.rowQ = append(p.rowQ, int(r))
		}
	}
	cols, _ := p.s.row(i)
	for _, c := range cols {
		if p.perCol[c]--; p.perCol[c] == 1 && !p.colGone[c] {
			p.colQ = append(p.colQ, int(c))
		}
	}
}
