package phi

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// rankByBlocks computes the singular values block by connected block: Phi is
// a permuted direct sum of its blocks, so its singular values are those of
// all blocks together [P].
//
// The column of ones joins the blocks again. It adds one to the rank iff it is
// outside col(Phi), that is iff some block cannot reproduce ones on its rows;
// its distance from col(Phi), a least-squares problem per block, decides, and
// is reported beside the singular values of Phi.
func (p *Matrix) rankByBlocks(r *Rank, s *csr, ones bool) bool {
	p.values.Do(func() { p.block = p.blockRanks(s) })
	b := p.block
	if b == nil {
		return false
	}
	r.decide(b.sigma, p.tolerance(), fmt.Sprintf("singular values of %d blocks", b.count))
	if !ones {
		return true
	}
	r.Method += fmt.Sprintf("; the column of ones is %.2g of its length outside their span", b.distance)
	if b.distance > p.tolerance() {
		r.Rank++
	}
	return true
}

// blockRanks is what the blocks tell of the rank.
type blockRanks struct {
	count    int
	sigma    []float64 // of all blocks, descending
	distance float64   // of the ones from col(Phi), relative to their length
}

// blockRanks returns nil when the blocks are too large to factor.
func (p *Matrix) blockRanks(s *csr) *blockRanks {
	blocks := p.connected(s)
	work := 0.0
	for _, b := range blocks {
		if !p.svdFits(len(b.Rows), len(b.Units)) {
			return nil
		}
		least, most := float64(min(len(b.Rows), len(b.Units))), float64(max(len(b.Rows), len(b.Units)))
		work += 2 * most * least * least
	}
	if p.opt.Quick && work > flopsQuick || work > p.opt.maxFactor() {
		return nil
	}
	all := &blockRanks{count: len(blocks)}
	bare, outside := s.n, 0.0 // rows of zeros; squared distance of the ones on the others
	place := make([]int, s.m)
	for _, b := range blocks {
		sigma, rest, ok := s.blockValues(b, place, p.tolerance())
		if !ok {
			return nil
		}
		all.sigma = append(all.sigma, sigma...)
		bare -= len(b.Rows)
		outside += rest
	}
	slices.Sort(all.sigma)
	slices.Reverse(all.sigma)
	all.distance = math.Sqrt((float64(bare) + outside) / float64(s.n))
	return all
}

// blockValues returns the singular values of one block, and the squared
// distance of the ones on its rows from its columns.
func (s *csr) blockValues(b Block, place []int, tolerance float64) (sigma []float64, rest float64, ok bool) {
	if len(b.Units) == 1 || len(b.Rows) == 1 {
		sum, square := 0.0, 0.0
		for _, i := range b.Rows {
			_, vals := s.row(i)
			for _, v := range vals {
				sum += v
				square += v * v
			}
		}
		if len(b.Rows) > 1 { // 1 - P1, entry by entry: no cancellation in the total
			for _, i := range b.Rows {
				_, vals := s.row(i)
				e := 1 - vals[0]*(sum/square)
				rest += e * e
			}
		}
		return []float64{math.Sqrt(square)}, rest, true
	}
	a := s.block(b, place)
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThinU) {
		return nil, 0, false
	}
	sigma = svd.Values(nil)
	var u mat.Dense
	svd.UTo(&u)
	e := mat.NewVecDense(len(b.Rows), nil)
	for i := range b.Rows {
		e.SetVec(i, 1)
	}
	for k, v := range sigma { // twice is enough: modified Gram-Schmidt on the ones
		if v > tolerance*sigma[0] {
			e.AddScaledVec(e, -mat.Dot(u.ColView(k), e), u.ColView(k))
		}
	}
	return sigma, mat.Dot(e, e), true
}

// block writes a block out; place is scratch of length m.
func (s *csr) block(b Block, place []int) *mat.Dense {
	for k, j := range b.Units {
		place[j] = k
	}
	a := mat.NewDense(len(b.Rows), len(b.Units), nil)
	for k, i := range b.Rows {
		cols, vals := s.row(i)
		row := a.RawRowView(k)
		for e, j := range cols {
			row[place[j]] = vals[e]
		}
	}
	return a
}

// rankByElimination uses singleton pivots: each adds one to the rank whatever
// the numbers are. A complete elimination decides; else the pivots and the
// matching bound the rank, and the core is factored when it is small enough.
func (p *Matrix) rankByElimination(r *Rank, s *csr, ones bool) bool {
	t := s.transpose()
	e := eliminate(s, t)
	pivots := len(e.Rows)
	r.Lower = pivots
	rank := -1
	switch {
	case e.Complete():
		rank = pivots
		r.Method = "singleton elimination: triangular"
	case p.svdFits(len(e.CoreRows), len(e.CoreUnits)):
		sigma, ok := singularValues(s.restrict(e.CoreRows, e.CoreUnits))
		if !ok {
			return false
		}
		var c Rank
		c.decide(sigma, p.tolerance(), "")
		rank = pivots + c.Rank
		r.Last, r.Next, r.Tolerance, r.First = c.Last, c.Next, c.Tolerance, c.First
		r.Method = fmt.Sprintf("singleton elimination of %d, singular values of the %d x %d core", pivots, len(e.CoreRows), len(e.CoreUnits))
	default:
		if s.n+s.m < 1<<21 || !p.opt.Quick {
			rows, _ := s.match()
			r.Upper = min(r.Upper, matched(rows)+boolInt(ones))
		}
		return false
	}
	r.Upper = min(r.Upper, rank+boolInt(ones))
	if ones && rank < p.n {
		return p.onesAfterElimination(r, s, e, rank)
	}
	r.Rank = rank
	r.Lower = min(r.Lower, rank)
	if e.Complete() && rank == p.n && rank == p.m {
		p.estimateTriangular(r, s, t, e)
	}
	return true
}

// onesAfterElimination decides the column of ones for a matrix of rank < n: a
// row of zeros puts the ones outside col(Phi). Otherwise it stays open, and
// the bounds say so.
func (p *Matrix) onesAfterElimination(r *Rank, s *csr, e *Elimination, rank int) bool {
	for i := 0; i < s.n; i++ {
		if s.ptr[i] == s.ptr[i+1] {
			r.Rank = rank + 1
			r.Lower = r.Upper
			r.Method += "; ones added by a row of zeros"
			return true
		}
	}
	r.Method += "; whether the ones add to it was not computed"
	return true
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// restrict writes out the given rows and columns.
func (s *csr) restrict(rows, cols []int) *mat.Dense {
	place := make(map[int32]int, len(cols))
	for k, j := range cols {
		place[int32(j)] = k
	}
	a := mat.NewDense(len(rows), len(cols), nil)
	for k, i := range rows {
		js, vals := s.row(i)
		for e, j := range js {
			if at, in := place[j]; in {
				a.Set(k, at, vals[e])
			}
		}
	}
	return a
}
