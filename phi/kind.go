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

// Classify names the kind of the matrix, and with the set's targets (nil for
// none) the class of its solutions.
//
// Dead units and rows of zeros are left aside. When the matrix as it stands has
// less structure than without the units that are awake on all rows (one affine
// term of the output, in a first hidden layer), the rest is named; Detail says
// so.
func (p *Matrix) Classify(set *dataset.Set) *Classification {
	c := &Classification{Kind: UnknownKind, Class: UnknownClass, Rank: p.Rank(), RankWithBias: p.RankWithBias()}
	c.Size = sizeClass(p.n, p.m, c.Rank.Rank)
	p.nameKind(c)
	switch r := c.RankWithBias; {
	case r.Rank == p.n || r.Lower == p.n:
		c.Class = Universal
	case set != nil && (r.Known() || r.Upper < p.n):
		c.Class = p.reaches(set)
	}
	return c
}

// quickNonzeros bounds the matchings of a quick analysis: about a second.
const quickNonzeros = 1 << 22

// permutable returns how many nonzeros are listed for permutations at most,
// when they are not held anyway.
func (p *Matrix) permutable() int {
	if p.opt.Quick {
		return min(p.opt.maxElements(), quickNonzeros)
	}
	return p.opt.maxElements()
}

func (p *Matrix) nameKind(c *Classification) {
	if p.form == LadderForm {
		c.Kind, c.Detail = p.rungs.kind()
		return
	}
	s := p.nonzeros(p.permutable())
	if s == nil {
		p.nameLarge(c)
		return
	}
	p.nameSparse(c, s)
	if c.Kind == Diagonal || c.Kind == BlockDiagonal || c.Kind == Zero || len(p.stats.AlwaysOn) == 0 {
		return
	}
	keep := make([]bool, p.m)
	for j, count := range p.stats.PerUnit {
		keep[j] = count > 0 && count < p.n
	}
	rest, _ := s.columns(keep)
	folded := &Classification{}
	p.nameSparse(folded, rest)
	simpler := folded.Kind == Diagonal || folded.Kind == BlockDiagonal || folded.Kind == Triangular
	if c.Kind == Triangular { // a triangle has a full column: only a diagonal on all rows is simpler
		simpler = folded.Kind == Diagonal && *folded.Blocks == p.n
	}
	if simpler {
		c.Kind = folded.Kind
		c.Detail = fmt.Sprintf("%s, besides %d units awake on all rows", folded.Detail, len(p.stats.AlwaysOn))
		c.Blocks = folded.Blocks
	}
}

// nameLarge names a matrix whose nonzeros are too many to permute.
func (p *Matrix) nameLarge(c *Classification) {
	if s := p.staircase(); s != nil {
		c.Kind, c.Detail = s.kind()
		return
	}
	if p.Density() > 0.1 {
		c.Kind, c.Detail = DenseKind, "by its density; permutations were not searched"
	}
}

// nameSparse names a matrix by its nonzeros, the most special kind first.
func (p *Matrix) nameSparse(c *Classification, s *csr) {
	blocks := p.connected(s)
	if s.m < p.m { // always-on units left aside
		blocks = s.blocks()
	}
	count := len(blocks)
	c.Blocks = &count
	rows, units := 0, 0
	for _, b := range blocks {
		rows, units = max(rows, len(b.Rows)), max(units, len(b.Units))
	}
	t := s.transpose()
	c.Structural = p.structural(s, t, blocks)
	switch {
	case count == 0:
		c.Kind = Zero
	case rows == 1 && units == 1:
		c.Kind, c.Detail = Diagonal, fmt.Sprintf("%d pivots", count)
	case count > 1:
		c.Kind, c.Detail = BlockDiagonal, fmt.Sprintf("%d blocks of at most %d rows x %d units", count, rows, units)
		if rows > 1 && units > 1 && eliminate(s, t).Complete() {
			c.Detail += ", each triangular"
		}
	default:
		p.nameConnected(c, s, t)
	}
}

// structural returns the structural rank. When every block has one row or one
// unit it is the number of blocks; a complete elimination gives its pivots.
func (p *Matrix) structural(s, t *csr, blocks []Block) *int {
	rank, simple := len(blocks), true
	for _, b := range blocks {
		simple = simple && (len(b.Rows) == 1 || len(b.Units) == 1)
	}
	if !simple {
		if e := eliminate(s, t); e.Complete() {
			rank = len(e.Rows)
		} else {
			rows, _ := s.match()
			rank = matched(rows)
		}
	}
	return &rank
}

// nameConnected names a matrix of one connected block.
func (p *Matrix) nameConnected(c *Classification, s, t *csr) {
	if e := eliminate(s, t); e.Complete() {
		c.Kind, c.Detail = Triangular, fmt.Sprintf("%d pivots by singleton elimination", len(e.Rows))
		return
	}
	if s.m == p.m {
		if stairs := p.staircase(); stairs != nil && len(stairs.steps) > 1 {
			c.Kind, c.Detail = stairs.kind()
			return
		}
	}
	c.Kind = DenseKind
	d := s.decompose(t)
	proper, largest := 0, 0 // diagonal blocks with both rows and units
	for k, row := range d.RowEnd {
		unit := d.UnitEnd[k]
		if k > 0 {
			row, unit = row-d.RowEnd[k-1], unit-d.UnitEnd[k-1]
		}
		if row > 0 && unit > 0 {
			proper++
			largest = max(largest, row)
		}
	}
	if proper > 1 {
		c.Kind, c.Detail = BlockTriangular, fmt.Sprintf("%d diagonal blocks of at most %d rows", proper, largest)
	}
}
