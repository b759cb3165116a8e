package construct

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"hinge/network"
)

// Blocks: cutting the rows along a direction into as few slabs as possible,
// each with one affine piece that hits its rows. Slab (C2) and deep-slab (C2d)
// are two ways of turning the blocks into a network.
//
// A block is a run of rows that follow each other in t = u.x. Its piece
// A(x) = w.phi(x), where phi(x) is the features of x and a constant 1, starts
// from a global least squares fit and takes up one row after the other:
//
//   - a row that the piece already hits is free: rows that depend on the ones
//     before, but agree with them, cost nothing;
//   - for any other row, Gram-Schmidt gives the part q of phi(x) orthogonal to
//     the rows before, and w moves along q until the row is hit. The rows
//     before do not notice. Thus w is at any time the least change of the
//     global fit that hits the block;
//   - a free row that is missed after w has moved is taken up the same way;
//   - the block is full when no such q exists, or when the rounding errors
//     that w would bring on any of its rows exceed what the tolerance leaves.
//     The bound of those errors is u * sum_j |w_j| E_ij, with E_ij the roundings
//     that feature j passes through on row i.
//
// So the tolerance, not a guess at the rank, decides how far a block reaches:
// d+1 rows in general position when the arithmetic allows it, fewer when the
// rows are badly conditioned, more when they are dependent and agree.
//
// Both reasons to stop remain when rows are added at the front, so taking each
// block as long as it will go is optimal (the usual exchange argument), among
// cuts where the gap in t is wide enough for the arithmetic. Cost: O(n r m) for
// blocks of r rows and m features, for each direction that is tried.

// dependentBelow is the relative length of the orthogonal part of a row below
// which the row counts as dependent on the rows before: Gram-Schmidt in
// float64, done twice, leaves about 1e-15 of noise, and a row this dependent
// would bring weights 1e9 times its residual.
const dependentBelow = 1e-9

// classMargin is the margin by which the right output must win on its rows
// (indicator targets 0 and 1) for classes to count as hit.
const classMargin = 0.125

// rowsToHit is the rows that blocks must hit, in the metric of the least change.
type rowsToHit struct {
	phi  *mat.Dense // n x m: the features divided by scale, and a last column of ones
	cost *mat.Dense // n x m: the bound's E, in the metric
	z    *mat.Dense // n x p: targets, each with a range of about 1
	// class is the right output of every row, or nil for regression.
	class []int
	scale []float64  // m: powers of two
	base  *mat.Dense // p x m: the global fit
	unit  float64    // unit roundoff
	limit []float64  // p: largest error allowed
}

// newRowsToHit prepares the rows: features is n x (m-1), exact numbers of the
// network; z is n x p; limit is the largest error of each output.
//
// A sum of k terms has k roundings for each term in the worst order, and the
// rounding of the weights is one more. All m weights and otherTerms more count,
// though features that are zero make no rounding, so that a certificate need
// not look which they are.
func newRowsToHit(features, z *mat.Dense, class []int, prec network.Precision, limit []float64) *rowsToHit {
	n, m := features.Dims()
	m++
	r := &rowsToHit{z: z, class: class, unit: prec.Eps(), limit: limit, scale: make([]float64, m)}
	for j := range r.scale {
		r.scale[j] = 1
		if j < m-1 {
			r.scale[j] = powerOfTwoAbove(rootMeanSquare(features, j))
		}
	}
	r.phi, r.cost = mat.NewDense(n, m, nil), mat.NewDense(n, m, nil)
	roundings := float64(m + otherTerms + 1)
	for i := range n {
		f, c := r.phi.RawRowView(i), r.cost.RawRowView(i)
		for j, v := range features.RawRowView(i) {
			f[j] = v / r.scale[j]
		}
		f[m-1] = 1
		for j, v := range f {
			c[j] = roundings * math.Abs(v)
		}
	}
	r.base = leastSquaresFit(r.phi, z)
	return r
}

// otherTerms is the number of terms in a slab unit's sum beside the features and
// the constant: its two distances.
const otherTerms = 2

func rootMeanSquare(x *mat.Dense, j int) float64 {
	n, _ := x.Dims()
	sum := 0.0
	for i := range n {
		sum += x.At(i, j) * x.At(i, j) / float64(n)
	}
	return math.Sqrt(sum)
}

// powerOfTwoAbove returns the least power of two above x, or 1 for x = 0.
func powerOfTwoAbove(x float64) float64 {
	if x == 0 {
		return 1
	}
	_, exp := math.Frexp(x)
	return math.Ldexp(1, clampExponent(exp))
}

// leastSquaresFit returns the ridge fit of z on phi (p x m). It is only where
// the pieces start from, so some of the rows and the normal equations are good
// enough, and it is rounded so that all machines start from the same numbers
// whatever order their kernels sum in.
func leastSquaresFit(phi, z *mat.Dense) *mat.Dense {
	n, m := phi.Dims()
	_, p := z.Dims()
	step := max(1, n/(fitRowsPerFeature*m))
	var rows []int
	for i := 0; i < n; i += step {
		rows = append(rows, i)
	}
	a, b := mat.NewDense(len(rows), m, nil), mat.NewDense(len(rows), p, nil)
	for k, i := range rows {
		copy(a.RawRowView(k), phi.RawRowView(i))
		copy(b.RawRowView(k), z.RawRowView(i))
	}
	var right, w, gram mat.Dense
	gram.Mul(a.T(), a)
	right.Mul(a.T(), b)
	sym := mat.NewSymDense(m, nil)
	for i := range m {
		for j := i; j < m; j++ {
			sym.SetSym(i, j, gram.At(i, j))
		}
		sym.SetSym(i, i, gram.At(i, i)+fitRidge*float64(len(rows)))
	}
	var chol mat.Cholesky
	fit := mat.NewDense(p, m, nil)
	if chol.Factorize(sym) && chol.SolveTo(&w, &right) == nil {
		fit.Apply(func(k, j int, _ float64) float64 { return shortest(w.At(j, k)) }, fit)
	}
	return fit
}

// fitRowsPerFeature and fitRidge (a fraction of the features' mean square) make
// the global fit cheap and tame; the pieces make up for what it leaves.
const (
	fitRowsPerFeature = 64
	fitRidge          = 1e-4
)

// flopsPerRow estimates the work on a row of a full block: Gram-Schmidt, and
// checking the block's rows.
func (r *rowsToHit) flopsPerRow() float64 {
	_, m := r.phi.Dims()
	_, outputs := r.z.Dims()
	return flopsPerRow(m, outputs)
}

func flopsPerRow(features, outputs int) float64 {
	return 2 * float64(features) * float64(features) * float64(1+outputs)
}

// startFromConstants makes the pieces start from the mean of the targets.
func (r *rowsToHit) startFromConstants() {
	p, m := r.base.Dims()
	r.base.Zero()
	for k := range p {
		r.base.Set(k, m-1, stat.Mean(mat.Col(nil, k, r.z), nil))
	}
}

// A piece is the affine function of one block while it grows.
type piece struct {
	rows  *rowsToHit
	w     *mat.Dense  // p x m, in the metric
	basis [][]float64 // orthonormal rows of m numbers
	lower [][]float64 // phi of independent row a is sum_b lower[a][b] basis[b]
	indep []int       // the rows that moved w
	all   []int       // all rows hit
}

func (r *rowsToHit) newPiece() *piece { return &piece{rows: r, w: mat.DenseCopyOf(r.base)} }

// add extends the piece to hit row i as well, or returns false and leaves the
// piece as it was. Rows that were free and are missed after w has moved are
// taken up in their turn.
func (c *piece) add(i int) bool {
	if c.hits(i) {
		c.all = append(c.all, i)
		return true
	}
	before, rank, rows := mat.DenseCopyOf(c.w), len(c.basis), len(c.all)
	c.all = append(c.all, i)
	for miss := i; miss >= 0; miss = c.firstMiss() {
		if !c.takeUp(miss) {
			c.w, c.all = before, c.all[:rows]
			c.basis, c.lower, c.indep = c.basis[:rank], c.lower[:rank], c.indep[:rank]
			return false
		}
	}
	return true
}

// takeUp moves w to hit row i exactly, or returns false when the row depends on
// the rows that moved w before; those are hit exactly already, and if one of
// them still counts as missed, its rounding errors are too large.
func (c *piece) takeUp(i int) bool {
	phi := c.rows.phi.RawRowView(i)
	q := append([]float64(nil), phi...)
	coef := make([]float64, len(c.basis)+1)
	for range 2 {
		for a, b := range c.basis {
			s := inner(b, q)
			coef[a] += s
			addScaled(q, -s, b)
		}
	}
	norm := math.Sqrt(inner(q, q))
	if norm <= dependentBelow*math.Sqrt(inner(phi, phi)) {
		return false
	}
	coef[len(c.basis)] = norm
	for j := range q {
		q[j] /= norm
	}
	p, _ := c.w.Dims()
	for k := range p {
		w := c.w.RawRowView(k)
		addScaled(w, (c.rows.z.At(i, k)-inner(w, phi))/norm, q)
	}
	c.basis, c.lower, c.indep = append(c.basis, q), append(c.lower, coef), append(c.indep, i)
	return true
}

// firstMiss returns a row of the block that is not hit, or -1. The newest rows
// come first: they are the likeliest.
func (c *piece) firstMiss() int {
	for k := len(c.all) - 1; k >= 0; k-- {
		if !c.hits(c.all[k]) {
			return c.all[k]
		}
	}
	return -1
}

// hits reports whether row i is hit, rounding errors included.
func (c *piece) hits(i int) bool {
	phi, cost := c.rows.phi.RawRowView(i), c.rows.cost.RawRowView(i)
	p, _ := c.w.Dims()
	right, wrong := 1.0, 0.0
	for k := range p {
		value, bound := dotAndBound(c.w.RawRowView(k), phi, cost)
		bound *= c.rows.unit
		switch {
		case c.rows.class == nil:
			if math.Abs(value-c.rows.z.At(i, k))+bound > c.rows.limit[k] {
				return false
			}
		case bound > c.rows.limit[k]:
			return false
		case k == c.rows.class[i]:
			right = value - bound
		default:
			wrong = max(wrong, value+bound)
		}
	}
	return c.rows.class == nil || right-wrong >= classMargin
}

// refine takes the residuals of the independent rows once more through the
// triangular system: what Gram-Schmidt's own roundings left.
func (c *piece) refine() {
	p, _ := c.w.Dims()
	if c.rows.class != nil {
		return
	}
	for k := range p {
		w := c.w.RawRowView(k)
		step := make([]float64, len(c.indep))
		for a, i := range c.indep {
			residual := c.rows.z.At(i, k) - inner(w, c.rows.phi.RawRowView(i))
			step[a] = (residual - inner(c.lower[a][:a], step[:a])) / c.lower[a][a]
		}
		for a, b := range c.basis {
			addScaled(w, step[a], b)
		}
	}
}

// dotAndBound returns w.phi and sum |w| cost.
func dotAndBound(w, phi, cost []float64) (value, bound float64) {
	for j, v := range w {
		value += float64(v * phi[j])
		bound += float64(math.Abs(v) * cost[j])
	}
	return value, bound
}

func inner(a, b []float64) float64 {
	sum := 0.0
	for j, v := range a {
		sum += float64(v * b[j])
	}
	return sum
}

func addScaled(dst []float64, s float64, x []float64) {
	for j, v := range x {
		dst[j] += float64(s * v)
	}
}
