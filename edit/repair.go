package edit

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// Options of [Repair]. The zero value works.
type Options struct {
	Preserve Preserve // default [Bits]
	// Tolerance is the largest error of a fixed value, as a fraction of the range
	// of the wanted values; 0 means 1e-6 in float64 and 1e-5 in float32.
	Tolerance float64
	// Margin is by how much the wanted class shall win at a fixed row; 0 means a
	// tenth of the median by which the network decides the given rows.
	Margin float64
	Seed   uint64 // of the random hyperplanes
}

// A Gate tells of one gate that a repair added.
type Gate struct {
	Rows  []int     `json:"rows"`            // those it is open on, as numbered in the file
	Class string    `json:"class,omitempty"` // what it raises, for classes
	Slabs int       `json:"slabs"`           // how many slabs it is cut out by
	Reach []float64 `json:"reach"`           // of each slab: its width over the mean distance of the given rows
	Units int       `json:"units"`
}

// Kept is the proof that rows did not move.
type Kept struct {
	Rows int `json:"rows"`
	// Same is the number of rows on which every added unit is proved to be exactly
	// 0, in any order of summation: their outputs are the old ones, bit for bit.
	Same int `json:"same"`
	// Moved bounds by how much an output of the other rows has moved; 0 when there
	// are none.
	Moved float64 `json:"moved"`
	// Holds says that what was to be preserved is proved on every row.
	Holds bool `json:"holds"`
}

// Change is what became of the weights that were there before an edit.
type Change struct {
	Weights int `json:"weights"` // how many changed
	// Relative is the length of their change over that of all weights of the layer.
	Relative float64 `json:"relative"`
}

// How rows were repaired.
const (
	Untouched = "every row was right already"
	ByGates   = "gates"
)

// Repaired is what [Repair] made.
type Repaired struct {
	Network *network.Network
	Method  string
	Change  Change
	Already []int // rows to fix that were right before
	Gates   []Gate
	Added   int     // hidden units
	Copied  int     // hidden units of a layer that copies the last one, where one was needed
	Margin  float64 // the margin asked for
	// Fix proves the wanted outputs, Keep that the other rows kept theirs.
	Fix  *certify.Certificate
	Keep Kept
}

// Repair gives every row of fix its targets while the rows of keep (n x d, nil
// for none) keep their outputs. Rows of fix that are right already are kept, too.
// keepRows numbers the rows of keep for messages.
//
// It returns a [*ShapeError] or [*OverlapError] for wishes that cannot be meant,
// and an [*ImpossibleError] for those that cannot be met.
func Repair(net *network.Network, fix *dataset.Set, keep *mat.Dense, keepRows []int, opts Options) (*Repaired, error) {
	if keep == nil {
		keep = &mat.Dense{}
	}
	r, err := newRepair(net, fix, keep, keepRows, opts)
	if err != nil {
		return nil, err
	}
	if err := r.sort(); err != nil {
		return nil, err
	}
	if len(r.wrong) == 0 {
		return r.prove(net)
	}
	if r.stage, err = newStage(net); err != nil {
		return nil, err
	}
	in, err := certify.Enclose(r.stage.net, r.x, r.stage.first)
	if err != nil {
		return nil, err
	}
	r.gater = &gater{in: in, precision: net.Precision, rng: rand.New(rand.NewPCG(opts.Seed, 0x6a7e5))}
	var edited *network.Network
	if fix.IsClasses() {
		edited, err = r.raiseClasses()
	} else {
		edited, err = r.setValues()
	}
	if err != nil {
		return nil, err
	}
	return r.prove(edited)
}

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
	*stage
	*gater
	gates []*gate
	facts []Gate
	made  Repaired
}

func newRepair(net *network.Network, fix *dataset.Set, keep *mat.Dense, keepRows []int, opts Options) (*repair, error) {
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

// checkOverlap looks for rows to fix that are rows to keep and want something
// else than the network says.
func (r *repair) checkOverlap() error {
	rows := make(map[string]int, r.k)
	for i := range r.k {
		rows[key(r.x.RawRowView(i))] = i
	}
	var pairs [][2]int
	total, _ := r.x.Dims()
	for i := r.k; i < total; i++ {
		if f, ok := rows[key(r.x.RawRowView(i))]; ok && !r.agrees(f) {
			pairs = append(pairs, [2]int{r.fix.Rows[f], r.keepRow(i)})
		}
	}
	if len(pairs) > 0 {
		return &OverlapError{pairs}
	}
	return nil
}

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

func key(row []float64) string {
	b := make([]byte, 0, 8*len(row))
	for _, v := range row {
		bits := math.Float64bits(v + 0) // -0 is 0
		for range 8 {
			b = append(b, byte(bits))
			bits >>= 8
		}
	}
	return string(b)
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
	cert, err := certify.Certify(r.net, r.fix, certify.Options{Tolerance: r.opts.Tolerance})
	if err != nil {
		return err
	}
	missed := make(map[int]bool)
	for _, m := range cert.Missed {
		missed[m.Row] = true
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

// marginShare is what a fixed row gets of the median margin.
const marginShare = 0.1

// typicalMargin returns the median by which the network decides the given rows,
// whatever it decides; 1 when that is 0.
func (r *repair) typicalMargin() float64 {
	n, _ := r.out.Dims()
	margins := make([]float64, n)
	for i := range margins {
		out := slices.Clone(r.out.RawRowView(i))
		sort.Float64s(out)
		if p := len(out); p > 1 {
			margins[i] = out[p-1] - out[p-2]
		}
	}
	sort.Float64s(margins)
	if m := margins[n/2]; m > 0 {
		return m
	}
	return 1
}

// others returns the rows that are not of the group.
func (r *repair) others(group []int) []int {
	n, _ := r.x.Dims()
	in := make(map[int]bool, len(group))
	for _, i := range group {
		in[i] = true
	}
	rest := make([]int, 0, n-len(group))
	for i := range n {
		if !in[i] {
			rest = append(rest, i)
		}
	}
	return rest
}

// groupShare is how many rows a gate is tried for at first, as a part of the
// numbers that enter the layer of thresholds: half of the directions then stay
// free to keep clear of the other rows.
const groupShare = 0.5

// open finds gates for the rows, in groups as large as may be. Rows that no gate
// serves are returned.
func (r *repair) open(rows []int, add func(g *gate)) (failed []int) {
	_, width := r.in.Centre.Dims()
	size := max(1, int(groupShare*float64(width)))
	for len(rows) > 0 {
		take := min(size, len(rows))
		g := r.find(rows[:take], r.others(rows[:take]))
		switch {
		case g != nil:
			add(g)
			rows = rows[take:]
		case take > 1:
			size = take / 2
		default:
			failed = append(failed, rows[0])
			rows = rows[1:]
		}
	}
	return failed
}

func (r *repair) impossible(rows []int) error {
	e := &ImpossibleError{Reason: "no gate in " + r.net.Precision.String() + " tells these rows from the other ones"}
	for _, i := range rows {
		e.Rows = append(e.Rows, r.fix.Rows[i])
	}
	if r.net.Precision == network.Float32 {
		e.Advice = "use float64"
	} else {
		e.Advice = "leave them out, or the rows that are nearly the same"
	}
	return e
}
