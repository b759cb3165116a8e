package edit

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// repair is the state of a repair. Rows are counted through those of fix first
// and those of keep after them.
type repair struct {
	net      *network.Network
	fix      *dataset.Set
	x        *mat.Dense // (k + n) x d, rounded to the precision
	k        int        // rows to fix
	keepRows []int
	opts     Options

	out   *mat.Dense // the network's outputs before the edit
	pre   *mat.Dense // those of the rows of fix, before the last activation
	wrong []int      // rows of fix to be changed
	tried []string
	made  Repaired           // what is known before any method is tried
	was   *certify.Enclosure // by before
}

func newRepair(net *network.Network, fix *dataset.Set, keep *mat.Dense, keepRows []int, opts Options) (*repair, error) {
	opts.Preserve = cmp.Or(opts.Preserve, Bits)
	fix, err := consistent(fix, net.Precision)
	if err != nil {
		return nil, err
	}
	r := &repair{net: net, fix: fix, k: fix.N(), keepRows: keepRows, opts: opts}
	n, d := 0, net.Inputs()
	if !keep.IsEmpty() {
		if n, d = keep.Dims(); d != net.Inputs() {
			return nil, &ShapeError{"the rows to keep", "inputs", d, net.Inputs()}
		}
	}
	if fix.D() != net.Inputs() {
		return nil, &ShapeError{"the rows to fix", "inputs", fix.D(), net.Inputs()}
	}
	if fix.P() != net.Outputs() {
		return nil, &ShapeError{"the rows to fix", "outputs", fix.P(), net.Outputs()}
	}
	r.x = mat.NewDense(r.k+n, d, nil)
	for i := range r.k + n {
		row := r.x.RawRowView(i)
		if i < r.k {
			copy(row, fix.X.RawRowView(i))
		} else {
			copy(row, keep.RawRowView(i-r.k))
		}
		for j, v := range row {
			row[j] = net.Precision.Round(v)
		}
	}
	r.out = net.Eval(r.x)
	r.pre = net.PreActivations(r.x.Slice(0, r.k, 0, d), len(net.Layers)-1)
	return r, r.checkOverlap()
}

// consistent returns set as a network of that precision is fed it, equal rows
// merged, or a [*dataset.ConflictError] that names those that want different things.
func consistent(set *dataset.Set, precision network.Precision) (*dataset.Set, error) {
	if precision == network.Float32 {
		return set.Rounded()
	}
	return dataset.Clean(set, dataset.ConflictsError)
}

// checkOverlap looks for rows to fix that are rows to keep and want something
// else than the network says.
func (r *repair) checkOverlap() error {
	keys := keysOf(r.x)
	rows := make(map[uint64][]int, r.k)
	for i, k := range keys[:r.k] {
		rows[k] = append(rows[k], i)
	}
	var pairs [][2]int
	for i := r.k; i < len(keys); i++ {
		for _, f := range rows[keys[i]] {
			if slices.Equal(r.x.RawRowView(i), r.x.RawRowView(f)) && !r.agrees(f) {
				pairs = append(pairs, [2]int{r.fix.Rows[f], r.keepRow(i)})
			}
		}
	}
	if len(pairs) > 0 {
		return &OverlapError{pairs}
	}
	return nil
}

// rows returns the number of rows to fix and to keep.
func (r *repair) rows() int { return rowCount(r.x) }

// agrees reports whether the network gives row i of fix what is wanted.
func (r *repair) agrees(i int) bool {
	if r.fix.IsClasses() {
		return margin(r.out.RawRowView(i), r.fix.Class[i]) > 0
	}
	return slices.Equal(r.out.RawRowView(i), r.fix.Y.RawRowView(i))
}

func (r *repair) keepRow(i int) int {
	if i-r.k < len(r.keepRows) {
		return r.keepRows[i-r.k]
	}
	return i - r.k + 1
}

// margin returns by how much output c is larger than the others.
func margin(out []float64, c int) float64 {
	least := math.Inf(1)
	for j, v := range out {
		if j != c {
			least = min(least, out[c]-v)
		}
	}
	return least
}

// sort tells the rows to be changed from those that are right.
func (r *repair) sort() error {
	missed, err := r.missed()
	if err != nil {
		return err
	}
	for i := range r.k {
		if missed[r.fix.Rows[i]] {
			r.wrong = append(r.wrong, i)
		} else {
			r.made.Already = append(r.made.Already, r.fix.Rows[i])
		}
	}
	r.made.Margin = r.opts.Margin
	if r.fix.IsClasses() && r.made.Margin == 0 {
		r.made.Margin = marginShare * r.typicalMargin()
	}
	return nil
}

// missed returns the numbers of the rows to fix that are not right: classes that
// are not proved to win, values that are off, as evaluated, by more than half of
// the tolerance. It settles the tolerance.
func (r *repair) missed() (map[int]bool, error) {
	missed := make(map[int]bool)
	if r.fix.IsClasses() {
		cert, err := certify.Certify(r.net, r.fix, certify.Options{})
		if err != nil {
			return nil, err
		}
		for _, m := range cert.Missed {
			missed[m.Row] = true
		}
		return missed, nil
	}
	tolerance := cmp.Or(r.opts.Tolerance, construct.DefaultTolerance(r.net.Precision))
	ranges := r.fix.Range()
	for i := range r.k {
		for j, want := range r.fix.Y.RawRowView(i) {
			if !(math.Abs(r.out.At(i, j)-want) <= tolerance/2*ranges[j]) {
				missed[r.fix.Rows[i]] = true
			}
		}
	}
	return missed, r.settleTolerance(tolerance, ranges)
}

// settleTolerance measures by how much two runs of the network may differ on the
// rows to fix, and makes that much allowance in float32 unless a tolerance was
// asked for: nobody could say of the network as it was what it gives there.
func (r *repair) settleTolerance(tolerance float64, ranges []float64) error {
	e, err := certify.Enclose(r.net, r.x.Slice(0, r.k, 0, r.net.Inputs()).(*mat.Dense), len(r.net.Layers))
	if err != nil {
		return err
	}
	for i := range r.k {
		for j := range ranges {
			r.made.Freedom = max(r.made.Freedom, 2*e.Bound(i, j)/ranges[j])
		}
	}
	if r.opts.Tolerance == 0 && r.net.Precision == network.Float32 {
		tolerance = max(tolerance, 2*r.made.Freedom)
	}
	r.opts.Tolerance = tolerance
	return nil
}

// marginShare is what a fixed row gets of the median margin.
const marginShare = 0.1

// typicalMargin returns the median by which the network decides the given rows,
// whatever it decides; 1 when that is 0.
func (r *repair) typicalMargin() float64 {
	margins := make([]float64, r.rows())
	for i := range margins {
		out := r.out.RawRowView(i)
		if len(out) > 1 {
			margins[i] = margin(out, largest(out))
		}
	}
	sort.Float64s(margins)
	if m := margins[len(margins)/2]; m > 0 {
		return m
	}
	return 1
}

// decision returns the class that row i shall have: the wanted one of a row to
// fix, and otherwise what the network says.
func (r *repair) decision(i int) int {
	if i < r.k && r.fix.IsClasses() {
		return r.fix.Class[i]
	}
	return largest(r.out.RawRowView(i))
}
