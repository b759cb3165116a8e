package phi

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
)

// This file finds the leading singular values of a matrix B (n x k) that is too
// wide to take apart exactly: the randomised range finder of Halko, Martinsson
// and Tropp 2011, on the side of the columns.
//
// The idea: B^T B times random vectors Omega (k x l) leans towards the leading
// right singular directions, and does so more with every further product by
// B^T B. With V (k x l) an orthonormal basis of the result, the singular values
// s_j of B V are those of B from below, and [P]
//
//	s_j^2 <= sigma_j(B)^2 <= s_j^2 + e^2,  e = |B - B V V^T|,
//
// since B B^T = (B V)(B V)^T + (B (I - V V^T))(...)^T and eigenvalues of a sum of
// positive semidefinite matrices move by at most the norm of the second (Weyl
// 1912). The error e is bounded afterwards by r = errorProbes more random vectors
// w: but for a probability of errorFactor^-r [L, their lemma 4.1, applied to
// (E E^T)^q E with E = B (I - V V^T), whose norm is e^(2q+1)],
//
//	e^(2q+1) <= errorFactor sqrt(2/pi) max |(E E^T)^q E w|.
//
// With q = 0 a flat spectrum makes that 8 sqrt(k) times too large, with q = 2
// no more than about three times.
//
// The rank is known when e is below the tolerance; else it is at least the
// number of s_j above it.
//
// Worked case: k = 1000 columns that span 20 dimensions. With l = 64, V holds
// the row space, e is rounding, and the rank is 20 without a doubt.
//
// Cost: sketchPasses passes over B of 2 n k l multiplications at most, and
// errorPowers passes that are cheaper; no n x k matrix is held.

// A Sketch is what a random range finder saw of Phi or [Phi 1].
type Sketch struct {
	Sigma []float64  // s_j: bounds of the leading singular values from below, descending
	V     *mat.Dense // orthonormal, a column per s_j: approximate right singular vectors
	// Error bounds, but for a probability of Failure, the norm of what V leaves
	// out; the j-th singular value is at most sqrt(Sigma[j]^2 + Error^2), and every
	// one beyond the last at most Error.
	Error   float64
	Failure float64
}

const (
	// sketchPasses is how often a sketch reads the matrix: powers, the two stages
	// of the factor, and the error.
	sketchPasses = sketchPowers + 3
	sketchPowers = 3
	// sketchMost directions are enough for a picture of the spectrum; under
	// sketchLeast a sketch says too little.
	sketchMost, sketchLeast = 256, 8

	errorProbes = 10
	errorFactor = 10
	errorPowers = 2 // q
)

// sketchWidth returns how many directions the Options allow, 0 for none.
func (p *Matrix) sketchWidth(ones bool) int {
	k := p.m + boolInt(ones)
	if p.form == LadderForm || p.opt.Quick {
		return 0
	}
	work := p.opt.maxFactor() / (4 * float64(sketchPasses) * float64(p.n) * float64(k))
	width := min(sketchMost, int(min(work, sketchMost)), p.opt.maxElements()/(4*k), k, p.n)
	if width < min(sketchLeast, k, p.n) {
		return 0
	}
	return width
}

// Sketch returns the leading singular values of Phi, or with ones of [Phi 1], by
// a random range finder, for matrices that [Matrix.SingularValues] refuses. It
// returns [ErrTooLarge] when even that is over the limits of the Options. The
// same matrix has the same sketch.
func (p *Matrix) Sketch(ones bool) (*Sketch, error) {
	at := &p.sketches[boolInt(ones)]
	at.once.Do(func() {
		if l := p.sketchWidth(ones); l > 0 {
			at.found = p.sketch(l, ones)
		}
	})
	if at.found == nil {
		return nil, ErrTooLarge
	}
	return at.found, nil
}

// SketchedSVD returns the singular values and vectors of [Phi 1] that a sketch
// has seen and that count for the rank: the leading ones of [Matrix.SVD].
func (p *Matrix) SketchedSVD() (*Decomposed, error) {
	s, err := p.Sketch(true)
	if err != nil {
		return nil, err
	}
	var r Rank
	r.decide(s.Sigma, p.tolerance(), "")
	d := &Decomposed{Sigma: s.Sigma[:r.Rank]}
	if r.Rank > 0 {
		d.V = mat.DenseCopyOf(s.V.Slice(0, p.m+1, 0, r.Rank))
	}
	return d, nil
}

// sketch finds l directions; nil when the factorization fails.
func (p *Matrix) sketch(l int, ones bool) *Sketch {
	k := p.m + boolInt(ones)
	q := gaussian(k, l, 1)
	for range sketchPowers {
		z := blas.NewMatrix[float64](k, l)
		p.eachProduct(ones, q, func(block, product blas.Matrix[float64]) { blas.TransMulAdd(z, block, product) })
		q = orthonormal(z)
	}
	b := &tall{k: l, tolerance: p.tolerance(), zero: func(int) bool { return true }}
	b.each = func(f func(blas.Matrix[float64])) {
		p.eachProduct(ones, q, func(_, product blas.Matrix[float64]) { f(product) })
	}
	r := b.factor()
	if r == nil {
		return nil
	}
	var svd mat.SVD
	if !svd.Factorize(r, mat.SVDThinV) {
		return nil
	}
	var turn mat.Dense
	svd.VTo(&turn)
	s := &Sketch{Sigma: svd.Values(nil), V: mat.NewDense(k, l, nil), Failure: math.Pow(errorFactor, -errorProbes)}
	s.V.Mul(mat.NewDense(k, l, q.Data), &turn)
	s.Error = p.leftOut(ones, q)
	return s
}

// leftOut bounds |B - B Q Q^T| by random probes. Their lengths are kept as
// logarithms, for the powers leave the range of float64.
func (p *Matrix) leftOut(ones bool, q blas.Matrix[float64]) float64 {
	w := gaussian(q.Rows, errorProbes, 2)
	logs := make([]float64, errorProbes)
	for range errorPowers {
		project(w, q)
		z := blas.NewMatrix[float64](q.Rows, errorProbes)
		p.eachProduct(ones, w, func(block, product blas.Matrix[float64]) { blas.TransMulAdd(z, block, product) })
		for j, square := range squaredLengths(z) {
			logs[j] += math.Log(square) / 2
			for i := range z.Rows {
				z.Row(i)[j] /= max(math.Sqrt(square), math.SmallestNonzeroFloat64)
			}
		}
		w = z
	}
	project(w, q)
	squares := make([]float64, errorProbes)
	p.eachProduct(ones, w, func(_, product blas.Matrix[float64]) {
		for j, square := range squaredLengths(product) {
			squares[j] += square
		}
	})
	for j, square := range squares {
		logs[j] += math.Log(square) / 2
	}
	return math.Exp((math.Log(errorFactor*math.Sqrt(2/math.Pi)) + slices.Max(logs)) / (2*errorPowers + 1))
}

// project takes from the columns of w what lies in the span of the orthonormal
// q, twice over: once leaves rounding.
func project(w, q blas.Matrix[float64]) {
	for range 2 {
		along := blas.NewMatrix[float64](q.Cols, w.Cols)
		blas.TransMulAdd(along, q, w)
		for i := range along.Data {
			along.Data[i] = -along.Data[i]
		}
		blas.MulAdd(w, q, along)
	}
}

// squaredLengths returns those of the columns.
func squaredLengths(a blas.Matrix[float64]) []float64 {
	squares := make([]float64, a.Cols)
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			squares[j] += v * v
		}
	}
	return squares
}

// eachProduct calls f with blocks of rows of B, and with their products with q;
// f may spoil both.
func (p *Matrix) eachProduct(ones bool, q blas.Matrix[float64], f func(block, product blas.Matrix[float64])) {
	product := blas.NewMatrix[float64](p.rowsOfBlock(p.m+1), q.Cols)
	p.eachBiased(nil, func(block blas.Matrix[float64]) {
		block = block.Columns(0, q.Rows)
		out := product.Block(0, block.Rows)
		clear(out.Data[:out.Rows*out.Stride])
		blas.MulAdd(out, block, q)
		f(block, out)
	})
}

// orthonormal returns a matrix with orthonormal columns that span those of z
// (k x l, k >= l), which it overwrites: the Q of Householder's QR.
func orthonormal(z blas.Matrix[float64]) blas.Matrix[float64] {
	a := blas64.General{Rows: z.Rows, Cols: z.Cols, Stride: z.Stride, Data: z.Data}
	tau, work := make([]float64, z.Cols), make([]float64, 1)
	lapack64.Geqrf(a, tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Geqrf(a, tau, work, len(work))
	lapack64.Orgqr(a, tau, work, -1)
	work = make([]float64, int(work[0]))
	lapack64.Orgqr(a, tau, work, len(work))
	return z
}

// gaussian returns a k x l matrix of normal numbers, the same for the same
// stream: pairs of pseudoRandom by the polar form of Box and Muller.
func gaussian(k, l int, stream uint64) blas.Matrix[float64] {
	g := blas.NewMatrix[float64](k, l)
	parallel.Each(k, func(i int) {
		row := g.Row(i)
		for j := range row {
			at := stream<<60 + 2*(uint64(i)*uint64(l)+uint64(j))
			u := (1 - pseudoRandom(at)) / 2 // in (0, 1]
			row[j] = math.Sqrt(-2*math.Log(u)) * math.Cos(math.Pi*pseudoRandom(at+1))
		}
	})
	return g
}

// rankBySketch counts the singular values that a sketch shows. The rank is known
// when what is left out is below the tolerance.
func (p *Matrix) rankBySketch(r *Rank, ones bool) bool {
	s, err := p.Sketch(ones)
	if err != nil {
		return false
	}
	r.decide(s.Sigma, p.tolerance(), "")
	r.Estimated = true
	upper := 0
	for _, v := range s.Sigma {
		if math.Hypot(v, s.Error) > r.Tolerance {
			upper++
		}
	}
	about := fmt.Sprintf("random range finder, %d directions, leaves out at most %.2g of sigma_1", len(s.Sigma), s.Error/max(r.First, math.SmallestNonzeroFloat64))
	if s.Error > r.Tolerance || upper != r.Rank {
		r.Lower = max(r.Lower, r.Rank)
		r.Method = fmt.Sprintf("at least %d: %s", r.Rank, about)
		r.Rank, r.Last, r.Next = -1, math.NaN(), math.NaN()
		return true
	}
	r.Method = about
	return true
}
