package analyze

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/phi"
)

// This file looks at all output layers that give the same values on the rows.
// With x = [A; c] the given weights, (m+1) x p, they are x + N z, N a basis of
// the null space of B = [Phi 1]: an affine space of dimension (m+1 - rank) p.
//
//	least norm   the projection of x on the row space of B, V V^T x
//	sparsest     fewest units with any weight: NP-hard in general (Natarajan
//	             1995), so the best found by orthogonal matching pursuit on all
//	             outputs at once (Tropp, Gilbert and Strauss 2006), or the given
//	             one where that has fewer
//
// B enters through its R factor alone, which has the same inner products. Where
// singular vectors cost too much, a pivoted QR gives the least norm, and a basic
// member in place of the pursuit ([phi.Matrix.Members]).

// Space is the affine space of output layers with the same values on the rows.
type Space struct {
	PerOutput int    `json:"per_output"` // dimension for one output: m+1 - rank [Phi 1]
	Dimension int    `json:"dimension"`  // for all outputs
	Given     Member `json:"given"`
	LeastNorm Member `json:"least_norm"`
	Sparsest  Member `json:"sparsest"` // the sparsest found
}

// Member is one output layer of the space.
type Member struct {
	Norm     float64 `json:"norm"`     // Frobenius norm of [A; c]
	Units    int     `json:"units"`    // units with a weight that is not zero
	Distance float64 `json:"distance"` // Frobenius norm of the difference from the given one
	// Change is the norm of the change of all outputs on all rows, relative to
	// the norm of the outputs: rounding, not more.
	Change  float64    `json:"change"`
	Weights *mat.Dense `json:"-"` // (m+1) x p
}

// sameValues is the relative change of the outputs, in the Frobenius norm, up to
// which a pursuit counts as giving the same values: the rounding that the SVD of
// a float64 matrix leaves at a condition of 1e6. A float32 layer is only known
// to its own rounding, which is larger.
const sameValues = 1e-10

// space describes the output layers with the values of weights.
func space(p *phi.Matrix, svd *phi.Decomposed, weights *mat.Dense) *Space {
	b, err := p.Reduced()
	if err != nil {
		return nil
	}
	s, member, size := spaceOf(b, weights, len(svd.Sigma))
	s.LeastNorm = member(leastNorm(svd, weights))
	allowed := max(sameValues, s.LeastNorm.Change) * size
	if w := pursuit(b, weights, allowed, min(s.Given.Units, len(svd.Sigma)+1)); w != nil {
		if found := member(w); found.Units < s.Given.Units {
			s.Sparsest = found
		}
	}
	return s
}

// wideSpace is space for a layer whose singular vectors cost too much, by a
// pivoted QR: its sparsest member is the basic one, on the essential units alone.
// It returns nil when even that is over the limits.
func wideSpace(p *phi.Matrix, weights *mat.Dense) *Space {
	least, basic, rank, err := p.Members(weights)
	if err != nil {
		return nil
	}
	b, err := p.Reduced()
	if err != nil {
		return nil
	}
	s, member, _ := spaceOf(b, weights, rank)
	s.LeastNorm = member(least)
	if found := member(basic); found.Units < s.Given.Units {
		s.Sparsest = found
	}
	return s
}

// spaceOf returns the space with the given member alone, what makes a Member of
// weights, and the norm of the values.
func spaceOf(b, weights *mat.Dense, rank int) (s *Space, member func(w *mat.Dense) Member, size float64) {
	width, outputs := weights.Dims()
	s = &Space{PerOutput: width - rank}
	s.Dimension = s.PerOutput * outputs
	var values mat.Dense
	values.Mul(b, weights)
	size = mat.Norm(&values, 2)
	member = func(w *mat.Dense) Member {
		var d, change mat.Dense
		d.Sub(w, weights)
		change.Mul(b, &d)
		m := Member{Norm: mat.Norm(w, 2), Distance: mat.Norm(&d, 2), Units: unitsUsed(w), Weights: w}
		if size > 0 {
			m.Change = mat.Norm(&change, 2) / size
		}
		return m
	}
	s.Given = member(weights)
	s.Sparsest = s.Given
	return s, member, size
}

func leastNorm(svd *phi.Decomposed, weights *mat.Dense) *mat.Dense {
	var along, w mat.Dense
	if len(svd.Sigma) == 0 {
		r, c := weights.Dims()
		return mat.NewDense(r, c, nil)
	}
	along.Mul(svd.V.T(), weights)
	w.Mul(svd.V, &along)
	return &w
}

// unitsUsed counts the rows of [A; c], the bias left aside, that are not zero.
func unitsUsed(w *mat.Dense) int {
	width, _ := w.Dims()
	used := 0
	for u := range width - 1 {
		if rowNorm(w, u) > 0 {
			used++
		}
	}
	return used
}

func rowNorm(w *mat.Dense, u int) float64 {
	sum := 0.0
	for _, v := range w.RawRowView(u) {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// pursuit chooses columns of b (k x (m+1), the last for the bias) one by one,
// the one that explains most of what is left first, until b w = b weights but
// for allowed. It returns nil when that takes more than most units.
func pursuit(b, weights *mat.Dense, allowed float64, most int) *mat.Dense {
	k, width := b.Dims()
	left := &mat.Dense{}
	left.Mul(b, weights)
	basis := mat.NewDense(min(most+1, k), k, nil) // orthonormal, row by row
	norms := make([]float64, width)
	for u := range width {
		norms[u] = mat.Norm(b.ColView(u), 2)
	}
	var chosen []int
	taken := make([]bool, width)
	take := func(u int) {
		taken[u] = true
		if q := orthogonalised(b, u, basis, len(chosen)); q != nil && len(chosen) < min(most+1, k) {
			basis.SetRow(len(chosen), q.RawVector().Data)
			chosen = append(chosen, u)
			removeAlong(left, q)
		}
	}
	take(width - 1) // the bias costs no unit
	var explains mat.Dense
	for mat.Norm(left, 2) > allowed {
		if len(chosen) > most {
			return nil
		}
		explains.Mul(b.T(), left)
		best, most := -1, 0.0
		for u := range width {
			if v := rowNorm(&explains, u); !taken[u] && norms[u] > 0 && v > most*norms[u] {
				best, most = u, v/norms[u]
			}
		}
		if best < 0 {
			return nil
		}
		take(best)
	}
	return solveOn(b, weights, chosen)
}

// orthogonalised returns column u of b, made orthogonal to the first count rows
// of basis and of length 1; nil when nothing is left of it.
func orthogonalised(b *mat.Dense, u int, basis *mat.Dense, count int) *mat.VecDense {
	k, _ := b.Dims()
	q := mat.NewVecDense(k, mat.Col(nil, u, b))
	size := mat.Norm(q, 2)
	for range 2 {
		for r := range count {
			v := basis.RowView(r)
			q.AddScaledVec(q, -mat.Dot(v, q), v)
		}
	}
	rest := mat.Norm(q, 2)
	if !(rest > 1e-13*size) {
		return nil
	}
	q.ScaleVec(1/rest, q)
	return q
}

// removeAlong subtracts q q^T from the columns of a.
func removeAlong(a *mat.Dense, q *mat.VecDense) {
	_, p := a.Dims()
	along := mat.NewVecDense(p, nil)
	along.MulVec(a.T(), q)
	a.RankOne(a, -1, q, along)
}

// solveOn returns the weights on the chosen columns, zeros elsewhere.
func solveOn(b, weights *mat.Dense, chosen []int) *mat.Dense {
	k, width := b.Dims()
	_, outputs := weights.Dims()
	w := mat.NewDense(width, outputs, nil)
	if len(chosen) == 0 {
		return w
	}
	columns := mat.NewDense(k, len(chosen), nil)
	for c, u := range chosen {
		columns.SetCol(c, mat.Col(nil, u, b))
	}
	var values, x mat.Dense
	values.Mul(b, weights)
	var qr mat.QR
	qr.Factorize(columns)
	if err := qr.SolveTo(&x, false, &values); err != nil {
		if _, bad := err.(mat.Condition); !bad {
			return nil
		}
	}
	for c, u := range chosen {
		w.SetRow(u, x.RawRowView(c))
	}
	return w
}
