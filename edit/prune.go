package edit

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Pruning without a change of the function on the data.
//
// Let Phi be the outputs of a hidden layer on the n rows, and A the weights that
// the next layer reads them with. A unit can go when the columns that stay span
// its own: from phi_j = c_0 + sum_k c_k phi_k on all rows it follows that
//
//	Phi A + b = Phi' (A' + c a_j) + (b + c_0 a_j)     on all rows,
//
// so the next layer takes c a_j more from the units that stay. A dead unit has c
// = 0; a copy of unit k, or a multiple, has one c_k; of units that are awake on
// all rows d + 1 at most are independent, since they are affine functions of d
// inputs; any other unit may be a combination of many. Which ones stay is chosen by QR
// with column pivoting (a rank-revealing one), whose c are small. Layers are
// taken from the first to the last, each on the outputs of the pruned ones
// before it. What it did is not believed but certified: the outputs of both
// networks are enclosed, and the proof is the distance of the enclosures.
//
// A layer whose units are awake on all rows is affine there, and with Layers it
// is merged with the next one.

// PruneOptions of [Prune]. The zero value works.
type PruneOptions struct {
	// Preserve is [Values] (the default) or [Decisions]; [Bits] removes only what is
	// dead.
	Preserve Preserve
	// Tolerance is how far an output may move on a row, as a fraction of its
	// range over the rows; 0 means 1e-9 in float64 and 1e-5 in float32.
	Tolerance float64
	Layers    bool // merge layers that are affine on the rows
	Seed      uint64
	// Progress, if not nil, is told the name of each stage as it begins.
	Progress func(stage string)
}

// Removed tells of one unit that is gone, and why it could go.
type Removed struct {
	Layer  int     `json:"layer"` // the hidden layer, the first is 1
	Unit   int     `json:"unit"`  // in that layer, from 1, as the network had it
	Why    string  `json:"why"`   // see the constants
	Of     []int   `json:"of,omitempty"`
	Awake  int     `json:"awake"`            // rows on which it is awake
	Misfit float64 `json:"misfit,omitempty"` // largest |phi_j - c_0 - sum c_k phi_k| over the rows, as a fraction of its largest output
}

// Why a unit could go.
const (
	Dead        = "dead: it is 0 on every row"
	Multiple    = "a multiple of another unit on every row"
	AlwaysOn    = "awake on every row, and an affine combination of others that are"
	Combination = "a combination of other units on every row"
	InMerged    = "its layer is affine on the rows, and merged with the next"
)

// Pruned is what [Prune] made.
type Pruned struct {
	Network *network.Network
	Removed []Removed
	Units   int // before
	// Dispensed is, for [Decisions], how many units fewer every hidden layer then
	// has, those of the bumps that keep the decisions counted.
	Dispensed []int
	Merged    []int // hidden layers that are gone, the first is 1
	// Moved bounds by how much an output on a row differs between any run of the
	// network before and any run of it after, whatever their orders of summation.
	// Beyond is what pruning has to do with it: every value that a run can give
	// after is within Beyond of one that a run could give before. Fraction is
	// Beyond as a fraction of the output's range.
	Moved, Beyond, Fraction float64
	// Decisions is the number of rows whose largest output is another one; it is
	// proved to be what it says when Proved is set.
	Decisions int
	Proved    bool
}

// Prune returns a network with fewer units and, on the rows of x (n x d), the
// same outputs up to the tolerance, or, for [Decisions], the same largest output
// on every row. It returns a [*ShapeError] when x does not fit the network and
// an [*ImpossibleError] for layers too large to take apart.
func Prune(net *network.Network, x *mat.Dense, opts PruneOptions) (*Pruned, error) {
	if _, d := x.Dims(); d != net.Inputs() {
		return nil, &ShapeError{"the rows", "inputs", d, net.Inputs()}
	}
	if opts.Tolerance == 0 {
		opts.Tolerance = 1e-9
		if net.Precision == network.Float32 {
			opts.Tolerance = 1e-5
		}
	}
	opts.Preserve = cmp.Or(opts.Preserve, Values)
	p := &pruner{net: net, x: rounded(net.Precision, x), opts: opts}
	p.out = net.Eval(p.x)
	made, err := p.exactly()
	if err != nil {
		return nil, err
	}
	if opts.Preserve == Decisions {
		if made, err = p.decisions(made); err != nil {
			return nil, err
		}
	}
	return made, p.prove(made)
}

// rounded returns x as a network of that precision is fed it.
func rounded(precision network.Precision, x *mat.Dense) *mat.Dense {
	if precision == network.Float64 {
		return x
	}
	r := mat.DenseCopyOf(x)
	for k, v := range r.RawMatrix().Data {
		r.RawMatrix().Data[k] = precision.Round(v)
	}
	return r
}

// pruner is the state of [Prune].
type pruner struct {
	net  *network.Network
	x    *mat.Dense
	out  *mat.Dense // the network's outputs
	opts PruneOptions
	done prefix
}

// A prefix holds what the first layers of a network put out on the rows: layers
// that are pruned already do not change any more.
type prefix struct {
	depth int
	h     *mat.Dense
	e     *certify.Enclosure
}

// upTo extends the prefix to the layers before at, and returns the others.
func (p *pruner) upTo(net *network.Network, at int) (rest *network.Network, err error) {
	d := &p.done
	if d.e == nil {
		d.h = p.x
		if d.e, err = certify.Enclose(net, p.x, 0); err != nil {
			return nil, err
		}
	}
	part := *net
	if at > d.depth {
		part.Layers = net.Layers[d.depth:at]
		d.h = part.Activations(d.h, len(part.Layers)-1)
		for _, l := range part.Layers {
			d.e = d.e.Layer(l)
		}
		d.depth = at
	}
	part.Layers = net.Layers[at:]
	return &part, nil
}

func (p *pruner) stage(format string, args ...any) {
	if p.opts.Progress != nil {
		p.opts.Progress(fmt.Sprintf(format, args...))
	}
}

// strictness are the rank tolerances tried, the laxest first: relative to the
// largest singular value. The last one drops nothing that rounding did not make.
var strictness = []float64{0, 1e-6, 1e-9, 1e-12}

// exactly removes the units that the others span, layer by layer, as many as
// the tolerance allows.
func (p *pruner) exactly() (*Pruned, error) {
	made := &Pruned{Network: p.net, Units: p.net.Units()}
	for _, l := range p.net.HiddenLayers() {
		at := l - (len(p.net.Layers) - len(made.Network.Layers)) // layers merged before
		if at+1 >= len(made.Network.Layers) {
			break // a ReLU on the outputs: every unit is wanted
		}
		if err := p.layer(made, at, l); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// layer prunes layer at of the network made so far, which is layer l of the
// original.
func (p *pruner) layer(made *Pruned, at, l int) error {
	p.stage("layer %d", p.number(l))
	if _, err := asDense(made.Network.Layers[at+1].Map); err != nil {
		return nil // the next layer is structured, and no unit of this one can be folded into it
	}
	rest, err := p.upTo(made.Network, at)
	if err != nil {
		return err
	}
	facts := factsOf(p.done.e.Layer(rest.Layers[0]))
	if p.opts.Layers && facts.allOn() {
		if merged := merge(made.Network, at); merged != nil && p.close(merged) {
			made.Network, made.Merged = merged, append(made.Merged, p.number(l))
			for j := range facts.awake {
				made.Removed = append(made.Removed, Removed{Layer: p.number(l), Unit: j + 1, Why: InMerged, Awake: facts.awake[j]})
			}
			return nil
		}
	}
	tolerances := strictness
	if p.opts.Preserve != Values { // bits forbid it, and decisions go further in one go
		tolerances = nil
	}
	for _, tolerance := range tolerances {
		drop, err := facts.dependent(rest, p.done.h, 0, tolerance)
		if err != nil {
			return err
		}
		if next := drop.from(made.Network, at); p.close(next) {
			made.Network = next
			made.Removed = append(made.Removed, drop.removed(p.number(l))...)
			return nil
		}
	}
	drop := facts.dead()
	made.Network = drop.from(made.Network, at)
	made.Removed = append(made.Removed, drop.removed(p.number(l))...)
	return nil
}

// number returns the number of a hidden layer, the first is 1.
func (p *pruner) number(l int) int { return slices.Index(p.net.HiddenLayers(), l) + 1 }

// close reports whether the outputs of a network with the prefix that is done are
// within the tolerance of the original's, as evaluated.
func (p *pruner) close(net *network.Network) bool {
	rest := *net
	rest.Layers = net.Layers[p.done.depth:]
	out := rest.Eval(p.done.h)
	ranges := rangesOf(p.out)
	for i := range rowCount(out) {
		was := p.out.RawRowView(i)
		for j, v := range out.RawRowView(i) {
			if !(math.Abs(v-was[j]) <= p.opts.Tolerance*ranges[j]) {
				return false
			}
		}
	}
	return true
}

func rowCount(m *mat.Dense) int { n, _ := m.Dims(); return n }

// rangesOf returns max - min of every column, 1 for constant ones.
func rangesOf(m *mat.Dense) []float64 { return (&dataset.Set{Y: m}).Range() }

// prove encloses the outputs of both networks and fills in what is proved.
func (p *pruner) prove(made *Pruned) error {
	p.stage("certifying")
	before, err := certify.Enclose(p.net, p.x, len(p.net.Layers))
	if err != nil {
		return err
	}
	after, err := certify.Enclose(made.Network, p.x, len(made.Network.Layers))
	if err != nil {
		return err
	}
	d := drift{before: before, after: after, ranges: rangesOf(p.out)}
	made.Proved, made.Decisions = true, 0
	for i := range rowCount(p.x) {
		d.row(i)
		best := largest(p.out.RawRowView(i))
		if p.net.Outputs() == 1 || d.decided(i, best) {
			continue
		}
		made.Proved = false
		if largest(after.Centre.RawRowView(i)) != best {
			made.Decisions++
		}
	}
	made.Moved, made.Beyond, made.Fraction = d.moved, d.beyond, d.fraction
	return nil
}

// largest returns the index of the largest output, the first of equals.
func largest(out []float64) int {
	best := 0
	for j, v := range out {
		if v > out[best] {
			best = j
		}
	}
	return best
}

// asDense returns a map as a dense one, or an error when that would be absurd.
func asDense(m network.Map) (*network.Dense, error) {
	if d, ok := m.(*network.Dense); ok {
		return d, nil
	}
	out, in := m.Dims()
	if out*in > mostDense {
		return nil, &ImpossibleError{Reason: fmt.Sprintf("a structured layer of %d x %d is too large to write out", out, in)}
	}
	one := network.Network{Layers: []network.Layer{{Map: m}}}
	return one.Dense().Layers[0].Map.(*network.Dense), nil
}

// mostDense is the most weights of a structured map that is written out.
const mostDense = 1 << 24

// mostElements and mostWork bound what is spent on one layer: 1 GiB of numbers, and
// minutes.
const (
	mostElements = 1 << 27
	mostWork     = 1e13
)

// phiOptions let a layer of a few thousand units be taken apart.
func phiOptions(tolerance float64) phi.Options {
	return phi.Options{Tolerance: tolerance, MaxElements: mostElements, MaxWork: mostWork, MaxFactor: mostWork}
}
