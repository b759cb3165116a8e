// Package phi holds interpolation matrices: what the units of one layer of a
// network put out on a data set, and everything that can be read off them.
//
// For most uses, call [Describe] with a network, a Set and a layer: it returns
// [Facts] that print themselves and marshal to JSON. [Build] gives the [Matrix]
// itself, with its [Matrix.Rank], [Matrix.Classify], [Matrix.Solve] and so on.
// [Normalize] and [Equal] compare one-hidden-layer networks as functions on the
// data.
//
// Notation: n rows of data, m units, Phi is n x m with Phi[i][j] the output of
// unit j on row i, and [Phi 1] is Phi with a column of ones for the output
// bias. A network hits its targets exactly iff [Phi 1][A; c] = Y, whatever the
// number p of outputs. So hidden layers with rank [Phi 1] = n are universal:
// every Y can be put on them; with a smaller rank they serve specific Y only.
//
// Everything said here is said on the given data only.
//
// A Matrix is held in one of four forms, the cheapest that fits the Options:
//
//	dense     every number
//	sparse    the nonzeros, row by row
//	ladder    units along projections, as thresholds: O(n + m) numbers
//	streamed  no numbers; rows are evaluated anew in blocks when needed
//
// Analyses that a form or a size rules out are reported as not computed, with
// the reason, and never guessed.
package phi

import (
	"fmt"
	"sync"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// Defaults of [Options].
const (
	// DefaultMaxElements keeps a matrix under 128 MiB of float64.
	DefaultMaxElements = 1 << 24
	// DefaultMaxWork is the multiplications spent at most on evaluating a
	// layer, a few seconds' worth.
	DefaultMaxWork = 2e10
	// DefaultMaxFactor is some seconds of factorizations with OpenBLAS: with it
	// reducing 60,000 x 1,500 numbers and their singular values take 6 s together.
	DefaultMaxFactor = 4e11
)

// Options bound what an analysis may cost. The zero value works.
type Options struct {
	// MaxElements is the most numbers held at once; 0 means
	// [DefaultMaxElements].
	MaxElements int
	// MaxWork is the most multiplications spent on evaluating the layer; 0
	// means [DefaultMaxWork]. A layer that costs more is refused with a
	// [*SizeError] unless its structure answers.
	MaxWork float64
	// MaxFactor is the most operations spent on one factorization; 0 means
	// [DefaultMaxFactor]. A matrix that costs more is sketched, where it must be
	// taken apart by its singular values; see [Matrix.Sketch].
	MaxFactor float64
	// Tolerance is the relative tolerance of the numerical rank: singular
	// values above Tolerance times the largest one count. 0 means max(n, m)
	// times the spacing of the network's precision (2^-52 or 2^-23).
	Tolerance float64
	// Below, if not nil, is an earlier layer of the same network on the same
	// rows, or the inputs: evaluation goes on from it when its numbers are held.
	Below *Matrix
	// Quick leaves out what takes longer than about a second: dense
	// factorizations beyond 1000 x 1000, and the null space.
	Quick bool
}

func (o Options) maxElements() int {
	if o.MaxElements > 0 {
		return o.MaxElements
	}
	return DefaultMaxElements
}

func (o Options) maxWork() float64 {
	if o.MaxWork > 0 {
		return o.MaxWork
	}
	return DefaultMaxWork
}

func (o Options) maxFactor() float64 {
	if o.MaxFactor > 0 {
		return o.MaxFactor
	}
	return DefaultMaxFactor
}

// A SizeError says that a layer is too large for the Options and has no
// structure that answers without evaluating it.
type SizeError struct {
	Rows, Units int
	Work, Limit float64 // multiplications, or numbers held
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("phi: %d rows x %d units cost %.2g, over the limit of %.2g; take fewer rows, or raise Options.MaxWork where there are Options",
		e.Rows, e.Units, e.Work, e.Limit)
}

// Form is how a Matrix is held.
type Form string

const (
	DenseForm    Form = "dense"
	SparseForm   Form = "sparse"
	LadderForm   Form = "ladder"
	StreamedForm Form = "streamed"
)

// Matrix is an interpolation matrix, n x m. It is safe for concurrent reading.
type Matrix struct {
	n, m  int
	form  Form
	dense *mat.Dense
	csr   *csr
	rungs *ladder
	net   *network.Network // streamed: evaluated up to layer
	x     mat.Matrix
	layer int
	// structured says that the numbers were read from structure instead of
	// evaluated.
	structured bool

	eps   float64 // spacing of the arithmetic the numbers were made in
	opt   Options
	stats *Stats

	kept // what analyses share
}

// kept holds results that several analyses need, each computed once.
type kept struct {
	factor  sync.Once
	r       *mat.Dense // by reduced
	nested  sync.Once
	stairs  *staircase // by staircase
	sparse  sync.Once
	listed  *csr // by nonzeros
	parting sync.Once
	blocks  []Block // by connected
	ranking [2]sync.Once
	ranks   [2]*Rank     // by rank, without and with the ones
	spectra [2][]float64 // the singular values the ranks were counted from, if any
	values  sync.Once
	block   *blockRanks // by blockRanks

	pivoting sync.Once
	pivots   *pivoted    // by basis
	sketches [2]struct { // by Sketch, without and with the ones
		once  sync.Once
		found *Sketch
	}
}

// Of returns the interpolation matrix of a network's last hidden layer on a
// Set.
func Of(net *network.Network, set *dataset.Set, opt Options) (*Matrix, error) {
	return Build(net, set.X, net.LastHidden(), opt)
}

// New returns the Matrix with the numbers of phi (n x m), copied.
func New(phi mat.Matrix, opt Options) (*Matrix, error) {
	n, m := phi.Dims()
	if n == 0 || m == 0 {
		return nil, fmt.Errorf("phi: an interpolation matrix of %d x %d", n, m)
	}
	return counted(mat.DenseCopyOf(phi), opt)
}

// counted returns the Matrix of d, which it keeps.
func counted(d *mat.Dense, opt Options) (*Matrix, error) {
	n, m := d.Dims()
	p := &Matrix{n: n, m: m, form: DenseForm, dense: d, eps: 0x1p-52, opt: opt}
	return p, p.count()
}

// count gathers the Stats of a dense matrix.
func (p *Matrix) count() error {
	c := newCollector(p.n, p.m, p.eps)
	var fault error
	p.eachRows(p.rowsOfBlock(p.m), func(from int, block *mat.Dense) {
		if fault == nil {
			fault = c.addBlock(from, block)
		}
	})
	p.stats = c.finish()
	return fault
}

// Dims returns n rows and m units.
func (p *Matrix) Dims() (n, m int) { return p.n, p.m }

// Form returns how the matrix is held.
func (p *Matrix) Form() Form { return p.form }

// Stats returns what counting the nonzeros tells.
func (p *Matrix) Stats() *Stats { return p.stats }

// Density returns the fraction of entries that are not zero.
func (p *Matrix) Density() float64 {
	return float64(p.stats.Nonzeros) / (float64(p.n) * float64(p.m))
}

// At returns Phi[i][j]. It panics when an index is out of range. On a
// streamed matrix it evaluates a whole row: use [Matrix.Row] there.
func (p *Matrix) At(i, j int) float64 {
	if i < 0 || i >= p.n || j < 0 || j >= p.m {
		panic(fmt.Sprintf("phi: entry (%d, %d) of a matrix of %d x %d", i, j, p.n, p.m))
	}
	switch p.form {
	case DenseForm:
		return p.dense.At(i, j)
	case SparseForm:
		return p.csr.at(i, j)
	case LadderForm:
		return p.rungs.at(i, j)
	}
	return p.Row(nil, i)[j]
}

// Row returns the m numbers of row i, in dst when that is long enough.
func (p *Matrix) Row(dst []float64, i int) []float64 {
	if i < 0 || i >= p.n {
		panic(fmt.Sprintf("phi: row %d of a matrix of %d rows", i, p.n))
	}
	if cap(dst) < p.m {
		dst = make([]float64, p.m)
	}
	dst = dst[:p.m]
	switch p.form {
	case DenseForm:
		copy(dst, p.dense.RawRowView(i))
	case SparseForm:
		clear(dst)
		cols, vals := p.csr.row(i)
		for k, j := range cols {
			dst[j] = vals[k]
		}
	case LadderForm:
		for j := range dst {
			dst[j] = p.rungs.at(i, j)
		}
	case StreamedForm:
		copy(dst, p.net.Activations(rowBlock(p.x, i, i+1), p.layer).RawRowView(0))
	}
	return dst
}

// Dense returns the numbers of the matrix, n x m, or nil when they are more
// than Options.MaxElements. The result may share storage.
func (p *Matrix) Dense() *mat.Dense {
	if p.form == DenseForm {
		return p.dense
	}
	if p.n*p.m > p.opt.maxElements() {
		return nil
	}
	d := mat.NewDense(p.n, p.m, nil)
	p.visit(func(i int, row []float64) { copy(d.RawRowView(i), row) })
	return d
}

// visit calls f with every row in order. The row is reused between calls.
func (p *Matrix) visit(f func(i int, row []float64)) {
	if p.form != StreamedForm {
		row := make([]float64, p.m)
		for i := 0; i < p.n; i++ {
			row = p.Row(row, i)
			f(i, row)
		}
		return
	}
	eachBlock(p.net, p.x, p.layer, p.rowsOfBlock(p.m), func(from int, block *mat.Dense) {
		rows, _ := block.Dims()
		for r := 0; r < rows; r++ {
			f(from+r, block.RawRowView(r))
		}
	})
}

// nonzeros returns the nonzeros row by row, or nil when they are more than
// limit.
func (p *Matrix) nonzeros(limit int) *csr {
	if p.form == SparseForm {
		return p.csr
	}
	if p.stats.Nonzeros > int64(limit) {
		return nil
	}
	p.sparse.Do(func() { p.listed = p.list() })
	return p.listed
}

// connected returns the connected blocks of s, the nonzeros of the matrix.
func (p *Matrix) connected(s *csr) []Block {
	p.parting.Do(func() { p.blocks = s.blocks() })
	return p.blocks
}

// tolerance returns the relative tolerance of the numerical rank.
func (p *Matrix) tolerance() float64 {
	if p.opt.Tolerance > 0 {
		return p.opt.Tolerance
	}
	return float64(max(p.n, p.m)) * p.eps
}
