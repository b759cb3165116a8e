package phi

import (
	"fmt"
	"sort"

	"gonum.org/v1/gonum/mat"
)

// This file recognises nested units: active sets that form a chain, A_1 over
// A_2 over A_3 ..., as in the slab and sorted constructions. Units with the
// same active set make one step; sorted by the number of awake units, the rows
// then make Phi block lower triangular, a diagonal block per step:
//
//	rows awake on steps 1..k only   x   units of step k.
//
// Rank [P]: a block lower triangular matrix has at least the sum of the ranks
// of its diagonal blocks, so when each of them has full column rank, Phi has.
// The column of ones is a unit that is awake everywhere: it joins the first
// step, or is a step of its own when some rows are zero.
//
// The test takes one pass over the rows, and only the diagonal blocks are held.

// staircase is a nested matrix.
type staircase struct {
	steps []step
	zero  int // rows of zeros
	live  int // units that are awake on some row
}

// step is a set of units with one active set, and its diagonal block.
type step struct {
	units []int
	rows  int
	block []float64 // rows x units
}

// staircase returns the matrix as a staircase, or nil when its units are not
// nested or its diagonal blocks are too large to hold. The outcome is kept.
func (p *Matrix) staircase() *staircase {
	p.nested.Do(func() { p.stairs = p.findStaircase() })
	return p.stairs
}

func (p *Matrix) findStaircase() *staircase {
	if p.form == LadderForm {
		return nil
	}
	order := make([]int, p.m) // units by descending number of rows
	for j := range order {
		order[j] = j
	}
	perUnit := p.stats.PerUnit
	sort.SliceStable(order, func(a, b int) bool { return perUnit[order[a]] > perUnit[order[b]] })
	place := make([]int, p.m)
	for k, j := range order {
		place[j] = k
	}
	s := &staircase{live: p.m - len(p.stats.Dead)}
	stepAt := make(map[int]int, 16) // end of a step in order -> step
	for k := 0; k < s.live; {
		end := k
		for end < s.live && perUnit[order[end]] == perUnit[order[k]] {
			end++
		}
		stepAt[end] = len(s.steps)
		s.steps = append(s.steps, step{units: order[k:end]})
		k = end
	}
	held := 0
	for _, awake := range p.stats.PerRow {
		at, ok := stepAt[awake]
		if awake == 0 {
			s.zero++
		} else if !ok {
			return nil
		} else if held += len(s.steps[at].units); held > p.opt.maxElements() {
			return nil
		}
	}
	if !p.fillSteps(s, place, stepAt) {
		return nil
	}
	return s
}

// fillSteps checks that every row is awake on exactly its steps, and collects
// the diagonal blocks.
func (p *Matrix) fillSteps(s *staircase, place []int, stepAt map[int]int) bool {
	nested := true
	p.visit(func(i int, row []float64) {
		awake := p.stats.PerRow[i]
		if !nested || awake == 0 {
			return
		}
		for j, v := range row {
			if v != 0 && place[j] >= awake {
				nested = false
				return
			}
		}
		st := &s.steps[stepAt[awake]]
		st.rows++
		for _, j := range st.units {
			st.block = append(st.block, row[j])
		}
	})
	return nested
}

// kind names the staircase: triangular when every step has one unit.
func (s *staircase) kind() (Kind, string) {
	largest := 0
	for _, st := range s.steps {
		largest = max(largest, len(st.units))
	}
	switch {
	case len(s.steps) == 0:
		return Zero, ""
	case largest == 1:
		return Triangular, fmt.Sprintf("%d nested units", len(s.steps))
	case len(s.steps) == 1:
		return DenseKind, "all live units are awake on the same rows"
	}
	return BlockTriangular, fmt.Sprintf("%d nested steps of at most %d units", len(s.steps), largest)
}

// rankByStaircase adds up the ranks of the diagonal blocks: a lower bound that
// decides when it meets the upper one.
func (p *Matrix) rankByStaircase(r *Rank, ones bool) bool {
	s := p.staircase()
	if s == nil {
		return false
	}
	lower := 0
	if ones && s.zero > 0 {
		lower = 1
	}
	for k, st := range s.steps {
		if st.rows == 0 {
			continue
		}
		block := mat.NewDense(st.rows, len(st.units), st.block)
		if ones && k == 0 && s.zero == 0 {
			block = withOnes(block)
		}
		rows, cols := block.Dims()
		if !p.svdFits(rows, cols) {
			return false
		}
		sigma, ok := singularValues(block)
		if !ok {
			return false
		}
		var b Rank
		b.decide(sigma, p.tolerance(), "")
		lower += b.Rank
	}
	r.Upper = min(r.Upper, s.live+boolInt(ones))
	r.Lower = max(r.Lower, min(lower, r.Upper))
	r.Method = fmt.Sprintf("nested units: ranks of the diagonal blocks of %d steps", len(s.steps))
	if r.Lower == r.Upper {
		r.Rank = r.Lower
	}
	return r.Rank >= 0
}
