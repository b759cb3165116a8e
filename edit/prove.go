package edit

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// prove certifies an edited network: the fixed rows hit, the kept ones as
// [Options.Preserve] says.
func (r *repair) prove(a *attempt) (*Repaired, error) {
	if err := a.net.Validate(); err != nil {
		return nil, &ImpossibleError{Reason: "the numbers of this repair leave the range of " + r.net.Precision.String() + ": " + err.Error(), Advice: "use float64"}
	}
	made := r.made
	made.Network, made.Method, made.Gates = a.net, a.method, a.gates
	made.Added = a.net.Units() - r.net.Units()
	var err error
	if made.Fix, err = certify.Certify(a.net, r.fix, certify.Options{Tolerance: r.opts.Tolerance}); err != nil {
		return nil, err
	}
	n := r.rows() - r.k
	made.Keep = Kept{Rows: n, Same: n, Decided: n, Holds: true}
	switch {
	case a.method == Gates:
		made.Copied = a.stage.net.Units() - r.net.Units()
		made.Added -= made.Copied
		err = r.proveSame(&made, a)
	case a.method != None:
		if a.method != Bumps {
			made.Change = r.change(a)
		}
		err = r.proveKept(&made, a)
	}
	return &made, err
}

// proveSame proves that every unit that was added is exactly 0 on the rows to
// keep.
func (r *repair) proveSame(made *Repaired, a *attempt) error {
	if made.Keep.Rows == 0 {
		return nil
	}
	keep := r.x.Slice(r.k, r.rows(), 0, r.net.Inputs()).(*mat.Dense)
	values := a.net.Layers[a.stage.second].Width() - a.stage.net.Layers[a.stage.second].Width()
	awake, err := awakeRows(a.net, keep, a.stage.second, values)
	if err != nil {
		return err
	}
	if len(awake) > 0 {
		return fmt.Errorf("edit: added units may be awake on row %d to keep, and %d others", r.keepRow(r.k+awake[0]), len(awake)-1)
	}
	return nil
}

// awakeRows returns the rows of x on which some of the last units of a layer
// may be other than 0 in some order of summation.
func awakeRows(net *network.Network, x *mat.Dense, layer, units int) ([]int, error) {
	e, err := certify.Enclose(net, x, layer)
	if err != nil {
		return nil, err
	}
	e = e.Layer(net.Layers[layer])
	n, width := e.Centre.Dims()
	var awake []int
	for i := range n {
		for j := width - units; j < width; j++ {
			if !e.Asleep(i, j) {
				awake = append(awake, i)
				break
			}
		}
	}
	return awake, nil
}

// before returns the enclosure of the network's outputs on all rows, which a
// layer that changes leaves as it is up to there.
func (r *repair) before() (*certify.Enclosure, error) {
	var err error
	if r.was == nil {
		r.was, err = certify.Enclose(r.net, r.x, len(r.net.Layers))
	}
	return r.was, err
}

// proveKept bounds how far the outputs of the rows to keep have moved, and
// counts those whose largest output is proved to be the same one.
func (r *repair) proveKept(made *Repaired, a *attempt) error {
	before, err := r.before()
	if err != nil {
		return err
	}
	after, err := certify.Enclose(a.net, r.x, len(a.net.Layers))
	if err != nil {
		return err
	}
	k := &made.Keep
	k.Same, k.Decided = 0, 0
	d := drift{before: before, after: after, ranges: rangesOf(r.out)}
	for i := r.k; i < r.rows(); i++ {
		d.row(i)
		if d.decided(i, largest(r.out.RawRowView(i))) {
			k.Decided++
		}
	}
	k.Moved, k.Beyond, k.Fraction = d.moved, d.beyond, d.fraction
	switch {
	case r.opts.Preserve == Decisions:
		k.Holds = k.Decided == k.Rows
	default:
		k.Holds = k.Fraction <= cmp.Or(r.opts.KeepTolerance, keepTolerance(r.net.Precision))
	}
	return nil
}

// keepTolerance is how far an output may move by default, as a fraction of its
// range.
func keepTolerance(p network.Precision) float64 {
	if p == network.Float32 {
		return 1e-5
	}
	return 1e-9
}

// A drift measures how far outputs have moved from one enclosure to another.
//
// Any run before gives a value within r of c, any run after one within r' of c'.
// So two runs differ by |c' - c| + r + r' at most (moved), and every value after
// is within |c' - c| + r' - r of one before (beyond), which is 0 where the
// network's own rounding covers the edit.
type drift struct {
	before, after           *certify.Enclosure
	ranges                  []float64
	moved, beyond, fraction float64
}

// widened covers the rounding of the sums of a drift.
const widened = 1 + 1e-15

// row takes the outputs of row i into account.
func (d *drift) row(i int) {
	for j, size := range d.ranges {
		off := math.Abs(d.after.Centre.At(i, j) - d.before.Centre.At(i, j))
		was, is := d.before.Bound(i, j), d.after.Bound(i, j)
		beyond := max(0, (off+is)*widened-was) * widened
		d.moved = max(d.moved, (off+is+was)*widened)
		d.beyond, d.fraction = max(d.beyond, beyond), max(d.fraction, beyond/size)
	}
}

// decided reports whether output c is proved to be the largest of row i after.
func (d *drift) decided(i, c int) bool {
	best, room := d.after.Centre.At(i, c), d.after.Bound(i, c)
	for j := range d.ranges {
		other, bound := d.after.Centre.At(i, j), room+d.after.Bound(i, j)
		rounding := 4 * network.Float64.Eps() * (math.Abs(best) + math.Abs(other) + bound) // of this line's own sums
		if j != c && !(best-other > bound+rounding) {
			return false
		}
	}
	return true
}

// change compares the weights of a layer before and after.
func (r *repair) change(a *attempt) Change {
	was, err := readWeights(r.net, a.layer)
	is, err2 := readWeights(a.net, a.layer)
	if err != nil || err2 != nil {
		return Change{}
	}
	c := Change{Layer: r.hiddenBelow(a.layer) + 1}
	var moved, all float64
	for k, w := range was.RawMatrix().Data {
		off := is.RawMatrix().Data[k] - w
		if off != 0 {
			c.Weights++
		}
		moved, all = moved+off*off, all+w*w
	}
	if all > 0 {
		c.Relative = math.Sqrt(moved / all)
	}
	return c
}

// hiddenBelow counts the hidden layers before layer l.
func (r *repair) hiddenBelow(l int) int {
	count := 0
	for _, h := range r.net.HiddenLayers() {
		if h < l {
			count++
		}
	}
	return count
}

// patchNetwork is construct.PatchNetwork in the network's own precision.
func patchNetwork(set *dataset.Set, net *network.Network, seed uint64) (*network.Network, int, error) {
	return construct.PatchNetwork(&construct.Problem{Set: set, Precision: net.Precision, Seed: seed}, net)
}
