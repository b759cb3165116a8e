package phi

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Solution is output weights for a matrix, and how well they do.
type Solution struct {
	A *mat.Dense // m x p output weights
	C []float64  // p output biases; nil when none was asked for
	// Residual is max |Phi A + c - Y| over rows and outputs, computed in twice
	// the working precision.
	Residual float64
	// Condition estimates sigma_1 / sigma_rank of the matrix that was solved.
	Condition float64
	Rank      int    // numerical rank used
	Free      int    // dimension of the affine space of solutions, per output
	Method    string // triangular, blocks, QR, least norm
}

// SolveOptions choose how Solve works. The zero value works.
type SolveOptions struct {
	NoBias    bool // solve Phi A = Y instead of [Phi 1][A; c] = Y
	Essential bool // put zeros on all but a well-conditioned basis of units, instead of the least norm
}

// Solve finds output weights with [Phi 1][A; c] = Y (n x p) in the least-squares
// sense.
func (p *Matrix) Solve(y mat.Matrix, opt SolveOptions) (*Solution, error) {
	return nil, fmt.Errorf("phi: not yet")
}

// NullSpace returns an orthonormal basis (m+1 x k) of the vectors [a; c] with
// [Phi 1][a; c] = 0.
func (p *Matrix) NullSpace() (*mat.Dense, error) { return nil, fmt.Errorf("phi: not yet") }

// Essential returns units whose columns, with the ones, span those of all
// units, by QR with column pivoting, and the free ones, both ascending.
func (p *Matrix) Essential() (essential, free []int, err error) {
	return nil, nil, fmt.Errorf("phi: not yet")
}
