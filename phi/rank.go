package phi

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Rank is a numerical rank and the numbers that decide it.
type Rank struct {
	// Rank is the number of singular values above Tolerance, or -1 when it was
	// not computed; Lower <= rank <= Upper then still holds.
	Rank int
	// First, Last and Next are the singular values sigma_1, sigma_rank and
	// sigma_(rank+1); Next is 0 when there is none. They are NaN when unknown.
	First, Last, Next float64
	// Tolerance is absolute: the relative tolerance times First.
	Tolerance float64
	// Estimated says that the singular values are estimates (diagonal of a
	// pivoted QR, or inverse iteration) and not computed to rounding.
	Estimated bool
	// Lower and Upper bound the rank: in exact arithmetic and from structure
	// alone (pivots of the elimination, a maximum matching, the shape), but for
	// singular values that a sketch has seen, which raise Lower.
	Lower, Upper int
	// Method says how, in words.
	Method string
}

// Known reports whether the rank was computed.
func (r *Rank) Known() bool { return r.Rank >= 0 }

// Gap returns sigma_rank / sigma_(rank+1), +Inf when there is no next one and
// NaN when they are unknown: the larger, the surer the rank.
func (r *Rank) Gap() float64 {
	if r.Next == 0 {
		return math.Inf(1)
	}
	return r.Last / r.Next
}

func (r *Rank) String() string {
	if !r.Known() {
		return fmt.Sprintf("rank not computed (between %d and %d; %s)", r.Lower, r.Upper, r.Method)
	}
	if math.IsNaN(r.Last) {
		return fmt.Sprintf("rank %d (%s)", r.Rank, r.Method)
	}
	about := ""
	if r.Estimated {
		about = "about "
	}
	return fmt.Sprintf("rank %d (sigma %s%.3g .. %.3g, next %.3g, tolerance %.2g; %s)", r.Rank, about, r.First, r.Last, r.Next, r.Tolerance, r.Method)
}

// Sizes of factorizations: the smaller side, and the operations.
const (
	svdSideFull, svdSideQuick = 1500, 1000 // singular values: 1.6 s and 0.5 s
	qrSide                    = 4000       // pivoted QR: 40 s
	flopsQuick                = 4e9        // reducing the longer side, in a quick analysis
)

// svdSide returns the smaller side up to which singular values are computed: in
// proportion to what the Options allow for the longer one, as both grow by the
// cube.
func (o Options) svdSide() int {
	if o.Quick {
		return svdSideQuick
	}
	return int(svdSideFull * math.Cbrt(o.maxFactor()/DefaultMaxFactor))
}

// Rank returns the numerical rank of Phi.
//
// The first of these that fits the Options is used: singular values; singular
// values block by connected block; singleton elimination, when it is complete
// (the rank then is certain and the singular values are estimated); the
// staircase of nested units; QR with column pivoting; a random sketch. When none
// decides, Rank is -1 and the bounds remain.
func (p *Matrix) Rank() *Rank { return p.rank(false) }

// RankWithBias returns the numerical rank of [Phi 1]: the dimension of the
// targets that the layer can serve.
func (p *Matrix) RankWithBias() *Rank { return p.rank(true) }

func (p *Matrix) rank(ones bool) *Rank {
	k := boolInt(ones)
	p.ranking[k].Do(func() { p.ranks[k] = p.findRank(ones) })
	r := *p.ranks[k]
	return &r
}

func (p *Matrix) findRank(ones bool) *Rank {
	width := p.m
	if ones {
		width++
	}
	r := &Rank{Rank: -1, Upper: min(p.n, width), First: math.NaN(), Last: math.NaN(), Next: math.NaN()}
	if p.form == LadderForm {
		p.rankOfLadder(r, ones)
		return r
	}
	if ones && p.opt.Quick {
		if r := p.Rank(); r.Rank == p.n {
			r.Method = "Phi alone has rank n, its " + r.Method
			return r
		}
	}
	if p.svdFits(p.n, width) {
		if sigma, ok := p.singularValues(ones); ok {
			p.spectra[boolInt(ones)] = sigma
			r.decide(sigma, p.tolerance(), "singular values")
			return r
		}
	}
	if s := p.nonzeros(p.permutable()); s != nil {
		if p.rankByBlocks(r, s, ones) || p.rankByElimination(r, s, ones) {
			return r
		}
	}
	if p.rankByStaircase(r, ones) {
		return r
	}
	if p.rankByQR(r, ones, width) || p.rankBySketch(r, ones) {
		return r
	}
	r.Method = strings.TrimPrefix(r.Method+"; ", "; ") + fmt.Sprintf("%d x %d is over the limits of the options", p.n, width)
	return r
}

// decide counts the singular values (descending) above tolerance * sigma_1.
func (r *Rank) decide(sigma []float64, tolerance float64, method string) {
	r.Method = method
	r.First, r.Last, r.Next, r.Rank = 0, 0, 0, 0
	if len(sigma) == 0 {
		return
	}
	r.First = sigma[0]
	r.Tolerance = tolerance * r.First
	r.Rank = sort.Search(len(sigma), func(k int) bool { return sigma[k] <= r.Tolerance })
	if r.Rank > 0 {
		r.Last = sigma[r.Rank-1]
	}
	if r.Rank < len(sigma) {
		r.Next = sigma[r.Rank]
	}
}

// squares is how many matrices of the smaller side a factorization holds: the
// Gram matrix, its factor, the factor of all stages, and a copy for its singular
// values.
const squares = 4

func (p *Matrix) svdFits(n, m int) bool {
	side, flops := p.opt.svdSide(), p.opt.maxFactor()
	if p.opt.Quick {
		flops = flopsQuick
	}
	least, most := float64(min(n, m)), float64(max(n, m))
	return min(n, m) <= side && 2*most*least*least <= flops && squares*least*least <= float64(p.opt.maxElements())
}

// singularValues returns those of Phi or [Phi 1], descending. A matrix with
// more rows than columns is first reduced to its R factor, a block of rows at
// a time, so that a streamed one never has to be held. The leading columns of
// the R of [Phi 1] are the R of Phi.
func (p *Matrix) singularValues(ones bool) ([]float64, bool) {
	if p.n > p.m {
		r := p.reduced()
		rows, _ := r.Dims()
		return singularValues(r.Slice(0, rows, 0, p.m+boolInt(ones)))
	}
	if p.n*p.m > p.opt.maxElements() {
		return nil, false
	}
	return singularValues(p.augmented(ones))
}

// reduced returns [Phi 1], or its R factor when it has more rows than columns:
// same null space, same singular values. It is kept, and not to be changed.
func (p *Matrix) reduced() *mat.Dense {
	p.factor.Do(func() {
		if p.n > p.m+1 {
			p.r = p.rFactor()
		} else {
			p.r = p.augmented(true)
		}
	})
	return p.r
}

// withOnes returns [a 1].
func withOnes(a *mat.Dense) *mat.Dense {
	n, m := a.Dims()
	b := mat.NewDense(n, m+1, nil)
	for i := 0; i < n; i++ {
		copy(b.RawRowView(i), a.RawRowView(i))
		b.Set(i, m, 1)
	}
	return b
}

// singularValues returns the singular values of a, descending. The longer side
// is reduced by QR first; ok is false when the iteration did not converge.
func singularValues(a mat.Matrix) (sigma []float64, ok bool) {
	n, m := a.Dims()
	if m > n {
		a, n, m = a.T(), m, n
	}
	if n > 2*m {
		var qr mat.QR
		qr.Factorize(a)
		var r mat.Dense
		qr.RTo(&r)
		a = r.Slice(0, m, 0, m)
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDNone) {
		return nil, false
	}
	return svd.Values(nil), true
}

// rankOfLadder takes the proven bounds of ladder.go; no singular values.
func (p *Matrix) rankOfLadder(r *Rank, ones bool) {
	lower, upper, ok := p.rungs.rankBounds()
	if !ok {
		r.Method = "units fall asleep along several projections"
		return
	}
	r.Method = "thresholds along one projection, exact on the rounded projections"
	if !ones {
		lower--
	}
	r.Lower, r.Upper = max(lower, 0), min(upper, r.Upper)
	if r.Lower == r.Upper {
		r.Rank = r.Lower
	}
}

// rankByQR estimates the singular values by |R_kk| of QR with column pivoting:
// in practice within a small factor, in the worst case 2^k sqrt(m-k) too
// large. Of a tall matrix it takes the R factor.
func (p *Matrix) rankByQR(r *Rank, ones bool, width int) bool {
	if p.opt.Quick || !p.pivotFits(width) {
		return false
	}
	var f *pivoted
	switch {
	case ones && p.n > width:
		f = p.basis()
	case p.n > width:
		b := p.reduced()
		rows, _ := b.Dims()
		f = factorPivoted(mat.DenseCopyOf(b.Slice(0, rows, 0, width)))
	default:
		f = factorPivoted(p.augmented(ones))
	}
	r.decide(f.descending(), p.tolerance(), "QR with column pivoting: estimates within a small factor")
	r.Estimated = true
	return true
}

// pivotFits reports whether a QR with column pivoting is within the Options: of
// the R factor for a tall matrix.
func (p *Matrix) pivotFits(width int) bool {
	if p.n <= width || p.opt.Quick || p.form == LadderForm {
		return p.factorFits(width)
	}
	k := float64(width)
	return width <= qrSide && 2*float64(p.n)*k*k <= p.opt.maxFactor() && squares*k*k <= float64(p.opt.maxElements())
}

// basis returns the QR factorization with column pivoting of [Phi 1], or of its R
// factor, the column of ones in front. It is kept.
func (p *Matrix) basis() *pivoted {
	p.pivoting.Do(func() { p.pivots = factorLeading(mat.DenseCopyOf(p.reduced()), p.m) })
	return p.pivots
}
