package phi

import (
	"sort"

	"gonum.org/v1/gonum/mat"
)

// NullSpace returns an orthonormal basis, (m+1) x k, of the changes [a; c] of
// output weights and bias that leave every output on the data as it is:
// [Phi 1][a; c] = 0 to the rank tolerance. It is nil when k = 0. Any solution
// plus any combination of its columns is a solution again, per output.
func (p *Matrix) NullSpace() (*mat.Dense, error) {
	width := p.m + 1
	if p.opt.Quick || width > qrSide || !p.svdFits(p.n, width) {
		return nil, ErrTooLarge
	}
	b := p.reduced()
	var svd mat.SVD
	if !svd.Factorize(b, mat.SVDFullV) {
		return nil, ErrTooLarge
	}
	var r Rank
	r.decide(svd.Values(nil), p.tolerance(), "")
	if r.Rank == width {
		return nil, nil
	}
	var v mat.Dense
	svd.VTo(&v)
	return mat.DenseCopyOf(v.Slice(0, width, r.Rank, width)), nil
}

// Essential returns the units that QR with column pivoting picks, after the
// column of ones, as a well-conditioned basis of the columns of [Phi 1], and
// the free ones: every output function on the data can be had with zero output
// weight on all free units. Both lists are ascending. Their numbers are certain
// when the rank is, which units are chosen is not unique.
func (p *Matrix) Essential() (essential, free []int, err error) {
	width := p.m + 1
	if !p.pivotFits(width) {
		return nil, nil, ErrTooLarge
	}
	f := p.basis()
	d := f.diagonal()
	largest := 0.0
	for _, v := range d {
		largest = max(largest, v)
	}
	for k, j := range f.perm {
		switch {
		case j == p.m:
		case k < len(d) && d[k] > p.tolerance()*largest:
			essential = append(essential, j)
		default:
			free = append(free, j)
		}
	}
	sort.Ints(essential)
	sort.Ints(free)
	return essential, free, nil
}
