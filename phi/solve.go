package phi

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// Solution is output weights for a matrix, and how well they do.
type Solution struct {
	A *mat.Dense // m x p output weights
	C []float64  // p output biases; zeros under NoBias
	// Residual is max |Phi A + c - Y| over rows and outputs, its sums made in
	// twice the working precision.
	Residual float64
	// Condition is sigma_1 / sigma_rank of the matrix that was solved, by
	// singular values for ranks up to 1000, else an estimate; NaN when it was
	// not computed.
	Condition float64
	Rank      int    // numerical rank used
	Free      int    // dimension of the affine space of solutions, per output
	Method    string // how, in words
}

// SolveOptions choose how Solve works. The zero value works.
type SolveOptions struct {
	NoBias bool // solve Phi A = Y instead of [Phi 1][A; c] = Y
	// Basic puts zeros on all but a well-conditioned basis of units (the
	// essential ones) where the solution is not unique; the default is the
	// solution of least norm.
	Basic bool
}

// ErrTooLarge is returned when a factorization would break the limits of the
// Options and no structure helps.
var ErrTooLarge = errors.New("phi: the matrix is too large to factor and has no structure that helps; raise Options.MaxElements or leave out Quick")

// Solve finds output weights A (m x p) and biases c (p) with
// [Phi 1][A; c] = Y (n x p), in the least-squares sense when Y is out of reach:
// look at Residual.
//
// In this order: substitution, when singleton elimination makes the matrix
// triangular and the solution is unique or basic; least squares block by
// connected block, under NoBias or when the whole is too large; QR with column pivoting; and for a
// rank below the number of columns a second QR, which gives the least norm;
// the seminormal equations, when the matrix is tall and too large to hold.
// Each is followed by one step of iterative refinement with the residual in
// twice the working precision, kept when it makes the residual smaller.
func (p *Matrix) Solve(y mat.Matrix, opt SolveOptions) (*Solution, error) {
	n, outputs := y.Dims()
	if n != p.n || outputs == 0 {
		return nil, fmt.Errorf("phi: targets of %d x %d for a matrix of %d rows", n, outputs, p.n)
	}
	solver, err := p.solver(opt)
	if err != nil {
		return nil, err
	}
	x := solver.solve(y)
	residual := p.residual(x, y, opt)
	correction := solver.solve(residual)
	correction.Add(x, correction)
	refined := p.residual(correction, y, opt)
	if largestEntry(refined) < largestEntry(residual) {
		x, residual = correction, refined
	}
	s := &Solution{A: mat.NewDense(p.m, outputs, nil), C: make([]float64, outputs), Residual: largestEntry(residual)}
	s.A.Copy(x.Slice(0, p.m, 0, outputs))
	width := p.m
	if !opt.NoBias {
		copy(s.C, x.RawRowView(p.m))
		width++
	}
	s.Rank, s.Condition, s.Method = solver.describe()
	s.Free = width - s.Rank
	return s, nil
}

// A solver solves B X = R in the least-squares sense, B being Phi or [Phi 1];
// X has a row per column of B.
type solver interface {
	solve(r mat.Matrix) *mat.Dense
	describe() (rank int, condition float64, method string)
}

func (p *Matrix) solver(opt SolveOptions) (solver, error) {
	width := p.m
	if !opt.NoBias {
		width++
	}
	fits := p.factorFits(width)
	s := p.nonzeros(p.opt.maxElements())
	if s != nil {
		b := s
		if !opt.NoBias {
			b = s.withOnes()
		}
		t := b.transpose()
		e := eliminate(b, t)
		if e.Complete() && len(e.Rows) == p.n && (width == p.n || opt.Basic || !fits && width > p.n && !opt.NoBias) {
			return &substitution{newTriangle(b, t, e), width == p.n}, nil
		}
		if opt.NoBias || !fits {
			if blocks := p.blockSolver(s, opt); blocks != nil {
				return blocks, nil
			}
		}
	}
	if !fits {
		if p.n > width && p.svdFits(p.n, width) {
			if tall := newSeminormal(p, width); tall != nil {
				return tall, nil
			}
		}
		return nil, ErrTooLarge
	}
	return newOrthogonal(p.augmented(!opt.NoBias), p.tolerance(), opt.Basic), nil
}

// factorFits reports whether a pivoted QR of n x width is within the Options.
func (p *Matrix) factorFits(width int) bool {
	least, most := float64(min(p.n, width)), float64(max(p.n, width))
	flops := p.opt.maxFactor()
	if p.opt.Quick {
		flops = flopsQuick
	}
	return least <= qrSide && least*most <= float64(p.opt.maxElements()) && 4*least*least*most <= flops
}

// augmented returns a copy of Phi or of [Phi 1].
func (p *Matrix) augmented(ones bool) *mat.Dense {
	width := p.m + boolInt(ones)
	b := mat.NewDense(p.n, width, nil)
	p.visit(func(i int, row []float64) {
		copy(b.RawRowView(i), row)
		if ones {
			b.Set(i, p.m, 1)
		}
	})
	return b
}

func (s *csr) withOnes() *csr {
	b := newCSR(s.n, s.m+1, len(s.val)+s.n)
	for i := 0; i < s.n; i++ {
		cols, vals := s.row(i)
		b.col, b.val = append(append(b.col, cols...), int32(s.m)), append(append(b.val, vals...), 1)
		b.ptr = append(b.ptr, len(b.col))
	}
	return b
}

// residual returns Y - B X (n x p), every entry a sum in twice the working
// precision, rounded once.
func (p *Matrix) residual(x *mat.Dense, y mat.Matrix, opt SolveOptions) *mat.Dense {
	_, outputs := y.Dims()
	r := mat.NewDense(p.n, outputs, nil)
	columns := make([][]float64, outputs)
	for k := range columns {
		columns[k] = mat.Col(nil, k, x)
	}
	add := func(i, k int, cols []int32, vals []float64) {
		sum := doubled{hi: y.At(i, k)}
		if !opt.NoBias {
			sum.addProduct(-1, columns[k][p.m])
		}
		for e, v := range vals {
			sum.addProduct(-v, columns[k][cols[e]])
		}
		r.Set(i, k, sum.hi+sum.lo)
	}
	if p.form == SparseForm {
		for i := 0; i < p.n; i++ {
			cols, vals := p.csr.row(i)
			for k := range columns {
				add(i, k, cols, vals)
			}
		}
		return r
	}
	var cols []int32
	var vals []float64
	p.visit(func(i int, row []float64) {
		cols, vals = cols[:0], vals[:0]
		for j, v := range row {
			if v != 0 {
				cols, vals = append(cols, int32(j)), append(vals, v)
			}
		}
		for k := range columns {
			add(i, k, cols, vals)
		}
	})
	return r
}

// doubled is an unevaluated sum hi + lo (Ogita, Rump and Oishi 2005, Dot2).
type doubled struct{ hi, lo float64 }

// addProduct adds a b with an error of about 2^-106 of the terms.
func (d *doubled) addProduct(a, b float64) {
	product := float64(a * b)
	tail := math.FMA(a, b, -product)
	sum := d.hi + product
	back := sum - d.hi
	d.lo += (d.hi - (sum - back)) + (product - back) + tail
	d.hi = sum
}

func largestEntry(a *mat.Dense) float64 {
	n, _ := a.Dims()
	largest := 0.0
	for i := 0; i < n; i++ {
		for _, v := range a.RawRowView(i) {
			if math.IsNaN(v) {
				return math.Inf(1)
			}
			largest = max(largest, math.Abs(v))
		}
	}
	return largest
}

// reachTolerance is the residual, as a fraction of a target's range, up to
// which targets count as reached: the default tolerances of the constructions.
func reachTolerance(p network.Precision) float64 {
	if p == network.Float32 {
		return 1e-5
	}
	return 1e-6
}

// reaches says whether the set's targets are specific solutions or none. A
// network that hits every row with this very layer is a witness; else the
// least-squares solution tells. Classes are reached when the right output wins
// on every row.
func (p *Matrix) reaches(set *dataset.Set) string {
	if n, _ := set.Y.Dims(); n != p.n {
		return UnknownClass
	}
	if p.form != SparseForm && p.isWitness(set) {
		return Specific
	}
	if s, err := p.Solve(set.Y, SolveOptions{}); err == nil {
		tolerance := reachTolerance(network.Float64)
		if p.net != nil {
			tolerance = reachTolerance(p.net.Precision)
		}
		var got mat.Dense
		got.Sub(set.Y, p.residual(s.stacked(), set.Y, SolveOptions{}))
		if hits(&got, set, tolerance) {
			return Specific
		}
		if !set.IsClasses() { // of classes, other targets with the same winners may be in reach
			return None
		}
	}
	if p.form == SparseForm && p.isWitness(set) {
		return Specific
	}
	return UnknownClass
}

// isWitness reports whether this is the last hidden layer of a network that
// hits every row of the set, as far as evaluating it fits the Options.
func (p *Matrix) isWitness(set *dataset.Set) bool {
	if p.net == nil || p.layer != p.net.LastHidden() || p.net.Outputs() != set.P() ||
		evaluationWork(p.net, p.n, len(p.net.Layers)-1) > p.opt.maxWork() {
		return false
	}
	return hits(p.net.Eval(p.x), set, reachTolerance(p.net.Precision))
}

// stacked returns [A; c].
func (s *Solution) stacked() *mat.Dense {
	var x mat.Dense
	x.Stack(s.A, mat.NewDense(1, len(s.C), s.C))
	return &x
}

// hits reports whether the outputs reproduce every row of the set.
func hits(got *mat.Dense, set *dataset.Set, tolerance float64) bool {
	scale := set.Range()
	for i := 0; i < set.N(); i++ {
		row := got.RawRowView(i)
		if set.IsClasses() {
			for o, v := range row {
				if o != set.Class[i] && !(v < row[set.Class[i]]) {
					return false
				}
			}
			continue
		}
		for o, v := range row {
			if !(math.Abs(v-set.Y.At(i, o)) <= tolerance*scale[o]) {
				return false
			}
		}
	}
	return true
}
