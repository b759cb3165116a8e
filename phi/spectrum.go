package phi

import (
	"slices"

	"gonum.org/v1/gonum/mat"
)

// SingularValues returns the singular values of Phi, or with ones those of
// [Phi 1], descending; nil when they are over the limits of the Options or did
// not converge. [Matrix.Rank] counts the same numbers.
func (p *Matrix) SingularValues(ones bool) []float64 {
	if p.form == LadderForm || !p.svdFits(p.n, p.m+boolInt(ones)) {
		return nil
	}
	p.rank(ones)
	if sigma := p.spectra[boolInt(ones)]; sigma != nil {
		return slices.Clone(sigma)
	}
	sigma, ok := p.singularValues(ones)
	if !ok {
		return nil
	}
	return sigma
}

// A Decomposed matrix is [Phi 1] = U diag(Sigma) V^T with r, the numerical rank,
// singular values.
type Decomposed struct {
	Sigma []float64  // r, descending
	V     *mat.Dense // (m+1) x r; the last row belongs to the bias
}

// SVD takes [Phi 1] apart by its singular values and keeps those that count
// for the rank. The scores of row i, U diag(Sigma), are [Phi 1]_i V. It returns
// [ErrTooLarge] when that is over the limits of the Options.
//
// Cost: that of one QR factorization, O(n m^2), which Rank shares.
func (p *Matrix) SVD() (*Decomposed, error) {
	if p.form == LadderForm || !p.svdFits(p.n, p.m+1) || p.n <= p.m && p.n*p.m > p.opt.maxElements() {
		return nil, ErrTooLarge
	}
	var svd mat.SVD
	if !svd.Factorize(p.reduced(), mat.SVDThinV) {
		return nil, ErrTooLarge
	}
	var r Rank
	r.decide(svd.Values(nil), p.tolerance(), "")
	d := &Decomposed{Sigma: svd.Values(nil)[:r.Rank]}
	var v mat.Dense
	svd.VTo(&v)
	d.V = mat.DenseCopyOf(v.Slice(0, p.m+1, 0, r.Rank))
	return d, nil
}

// Reduced returns a matrix with the columns of [Phi 1] and all inner products
// between them: [Phi 1] itself, or its R factor, (m+1) x (m+1), when it has more
// rows than columns. It is kept, and not to be changed. It returns
// [ErrTooLarge] when that is over the limits of the Options.
func (p *Matrix) Reduced() (*mat.Dense, error) {
	fits := p.svdFits(p.n, p.m+1) || p.pivotFits(p.m+1)
	if p.form == LadderForm || !fits || p.n <= p.m && p.n*p.m > p.opt.maxElements() {
		return nil, ErrTooLarge
	}
	return p.reduced(), nil
}
