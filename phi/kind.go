package phi

import (
	"fmt"

	"hinge/dataset"
)

// Kind is the shape of a matrix after its rows and columns are permuted.
type Kind string

const (
	Diagonal        Kind = "diagonal"         // every live unit is awake on one row, every row wakes at most one unit
	Triangular      Kind = "triangular"       // singleton elimination uses up all rows or all live units
	BlockDiagonal   Kind = "block-diagonal"   // two or more connected blocks
	BlockTriangular Kind = "block-triangular" // two or more diagonal blocks, coupled one way
	DenseKind       Kind = "dense"            // none of these
	Zero            Kind = "zero"             // no unit is awake on any row
	UnknownKind     Kind = "not computed"
)

// Classes of solutions.
const (
	Universal    = "universal" // rank [Phi 1] = n: every Y is reachable
	Specific     = "specific"  // this Y is reachable, not every one
	None         = "none"      // this Y is not reachable
	UnknownClass = "not computed"
)

// Sizes by the numbers of parameters [A; c] per output, m units and a bias,
// against n rows.
const (
	Under   = "under"   // fewer units than rows
	Exactly = "exactly" // as many units as rows
	Over    = "over"    // more units than the rank: many solutions
)

// Classification names a matrix.
type Classification struct {
	Kind       Kind
	Class      string
	Size       string
	Detail     string // blocks, what was folded into the affine term, in words
	Blocks     *int   // connected or diagonal blocks; nil when not computed
	Structural *int   // structural rank; nil when not computed
	Rank       *Rank  // of Phi
	// RankWithBias is the rank of [Phi 1].
	RankWithBias *Rank
}

func (c *Classification) String() string {
	s := fmt.Sprintf("%s, %s, %s parameterised", c.Kind, c.Class, c.Size)
	if c.Detail != "" {
		s += " (" + c.Detail + ")"
	}
	return s
}

// sizeClass compares m units with n rows; rank -1 is unknown.
func sizeClass(n, m, rank int) string {
	switch {
	case rank >= 0 && m > rank || m > n:
		return Over
	case m == n:
		return Exactly
	}
	return Under
}

// Classify names the kind of the matrix, and with the set's targets the class
// of its solutions.
func (p *Matrix) Classify(set *dataset.Set) *Classification {
	c := &Classification{Kind: UnknownKind, Class: UnknownClass, Rank: p.Rank(), RankWithBias: p.RankWithBias()}
	c.Size = sizeClass(p.n, p.m, c.Rank.Rank)
	return c
}
