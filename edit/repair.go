package edit

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// Method is a way to repair.
type Method string

const (
	Auto   Method = "auto"   // what changes least of what is possible
	Output Method = "output" // the weights of the output layer
	Inner  Method = "inner"  // the weights of a hidden layer
	Bumps  Method = "bumps"  // bumps in the last hidden layer, for classes
	Gates  Method = "gates"  // gates in the last two hidden layers
	// None is what is told when every row was right.
	None Method = "none"
)

// ParseMethod returns the Method of that name; "" is [Auto].
func ParseMethod(name string) (Method, error) {
	switch m := Method(name); m {
	case Auto, Output, Inner, Bumps, Gates:
		return m, nil
	case "":
		return Auto, nil
	}
	return "", fmt.Errorf("unknown %q: use auto, output, inner, bumps or gates", name)
}

// Options of [Repair]. The zero value works.
type Options struct {
	Preserve Preserve // default [Bits]
	Method   Method   // default [Auto]
	// Tolerance is the largest error of a fixed value, as a fraction of the range
	// of the wanted values; 0 means 1e-6 in float64, and in float32 1e-5, or twice
	// what two runtimes may differ by on the network as it is where that is more.
	Tolerance float64
	// KeepTolerance is how far an output of a kept row may move for [Values], as a
	// fraction of its range over the given rows; 0 means 1e-9 in float64 and 1e-5
	// in float32.
	KeepTolerance float64
	// Margin is by how much the wanted class shall win at a fixed row; 0 means a
	// tenth of the median by which the network decides the given rows.
	Margin float64
	Seed   uint64 // of the random hyperplanes
	// Progress, if not nil, is told the name of each stage as it begins.
	Progress func(stage string)
}

// A Gate tells of one gate that a repair added.
type Gate struct {
	Rows  []int     `json:"rows"`            // those it is open on, as numbered in the file
	Class string    `json:"class,omitempty"` // what it raises, for classes
	Layer int       `json:"layer"`           // the hidden layer of its thresholds, the first is 1
	Slabs int       `json:"slabs"`           // how many slabs it is cut out by
	Reach []float64 `json:"reach"`           // of each slab: its width over the mean distance of the given rows
	Units int       `json:"units"`
}

// Kept is the proof that rows did not move.
type Kept struct {
	Rows int `json:"rows"`
	// Same is the number of rows on which every added unit is proved to be exactly
	// 0, in any order of summation, while nothing else changed: their outputs are
	// the old ones, bit for bit.
	Same int `json:"same"`
	// Moved bounds by how much an output of the other rows differs between any run
	// of the network before and any run of it after, whatever their orders of
	// summation; 0 when there are no such rows. Beyond is what the edit has to do
	// with it: every value that a run can give after the edit is within Beyond of
	// one that a run could give before.
	Moved  float64 `json:"moved"`
	Beyond float64 `json:"beyond"`
	// Fraction is Beyond as a fraction of the output's range over the given rows.
	Fraction float64 `json:"fraction"`
	// Decided is the number of rows whose largest output is proved to be the one
	// it was.
	Decided int `json:"decided"`
	// Holds says that what was to be preserved is proved on every row.
	Holds bool `json:"holds"`
}

// Change is what became of the weights that were there before an edit.
type Change struct {
	Weights int `json:"weights"` // how many changed
	// Relative is the length of their change over that of all weights of the layer.
	Relative float64 `json:"relative"`
	Layer    int     `json:"layer,omitempty"` // the hidden layer, the first is 1; one more than there are is the output layer
}

// Repaired is what [Repair] made.
type Repaired struct {
	Network *network.Network
	Method  Method
	Tried   []string // what would not do, and why, in order
	Change  Change
	Already []int // rows to fix that were right before
	Gates   []Gate
	Added   int     // hidden units
	Copied  int     // hidden units of a layer that copies the last one, where one was needed
	Margin  float64 // the margin asked for
	// Freedom bounds by how much two runs of the network as it was may differ on a
	// row to fix, as a fraction of the range of the wanted values: no edit can
	// promise more. It is 0 for classes.
	Freedom float64
	// Fix proves the wanted outputs, Keep that the other rows kept theirs.
	Fix  *certify.Certificate
	Keep Kept
}

// Repair gives every row of fix its targets while the rows of keep (n x d, nil
// for none) keep what [Options.Preserve] says. Rows of fix that are right
// already are kept, too. keepRows numbers the rows of keep for messages.
//
// Of the methods it takes the first that can be proved:
//
//	bits       gates
//	values     the output layer, a hidden layer (the one that changes least), gates
//	decisions  the output layer, bumps or gates (whichever has fewer units)
//
// It returns a [*ShapeError], a [*dataset.ConflictError] or an [*OverlapError] for
// wishes that cannot be meant,
// and an [*ImpossibleError] for those that cannot be met. What is proved stands
// in the result: where Fix or Keep does not hold, nothing better was found.
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
		return r.prove(&attempt{net: net, method: None})
	}
	methods, err := r.methods()
	if err != nil {
		return nil, err
	}
	var best *Repaired
	for _, m := range methods {
		r.tell("trying: " + m.name)
		made, err := m.try()
		switch {
		case err != nil && len(methods) == 1:
			return nil, r.refused(m.name, err)
		case err != nil:
			r.tried = append(r.tried, m.name+": "+err.Error())
		case made.proved():
			made.Tried = r.tried
			return made, nil
		default:
			r.tried = append(r.tried, m.name+": "+made.whyNot())
			best = made
		}
	}
	if best == nil {
		return nil, &ImpossibleError{Reason: "no method can do this:\n  " + joinLines(r.tried), Advice: r.advice()}
	}
	best.Tried = r.tried
	return best, nil
}

// refused returns the error of the only method there was.
func (r *repair) refused(name string, err error) error {
	var impossible *ImpossibleError
	if errors.As(err, &impossible) {
		return err
	}
	return &ImpossibleError{Reason: name + ": " + err.Error(), Advice: "let the method be chosen, or use gates"}
}

// An attempt is an edited network that is not proved yet.
type attempt struct {
	net    *network.Network
	method Method
	layer  int // whose weights changed
	stage  *stage
	gates  []Gate
}

// way is a method to be tried.
type way struct {
	name string
	try  func() (*Repaired, error)
}

// methods lists what may be tried, in order.
func (r *repair) methods() ([]way, error) {
	ways := map[Method]way{
		Output: {"the output layer", r.byOutput},
		Inner:  {"a hidden layer", r.byInner},
		Bumps:  {"bumps", r.byBumps},
		Gates:  {"gates", r.byGates},
	}
	preserve, classes := r.opts.Preserve, r.fix.IsClasses()
	if m := r.opts.Method; m != "" && m != Auto {
		switch {
		case m != Gates && preserve == Bits:
			return nil, &ImpossibleError{Reason: fmt.Sprintf("the method %s moves last bits", m), Advice: "preserve values or decisions, or use gates"}
		case m == Bumps && (!classes || preserve != Decisions):
			return nil, &ImpossibleError{Reason: "bumps keep decisions of classes", Advice: "preserve decisions, or use another method"}
		}
		return []way{ways[m]}, nil
	}
	order := []Method{Gates}
	switch {
	case preserve == Values, preserve == Decisions && !classes:
		order = []Method{Output, Inner, Gates}
	case preserve == Decisions && r.net.Precision == network.Float64:
		ways[Bumps] = way{"bumps and gates", r.byFewestUnits}
		order = []Method{Output, Bumps}
	case preserve == Decisions: // bumps cancel, which float32 seldom stands
		order = []Method{Output, Gates}
	}
	var list []way
	for _, m := range order {
		list = append(list, ways[m])
	}
	return list, nil
}

// proved reports whether fixed and kept rows are what they should be.
func (r *Repaired) proved() bool { return r.Fix.Holds && r.Keep.Holds }

// whyNot says what is not proved.
func (r *Repaired) whyNot() string {
	switch {
	case !r.Fix.Holds:
		return fmt.Sprintf("%d of %d rows to fix are not proved to be hit", len(r.Fix.Missed), r.Fix.Rows)
	case r.Keep.Decided < r.Keep.Rows:
		return fmt.Sprintf("%d of %d rows to keep are not proved to be decided as before", r.Keep.Rows-r.Keep.Decided, r.Keep.Rows)
	}
	return fmt.Sprintf("outputs of rows to keep move by up to %.2g of their range", r.Keep.Fraction)
}

func (r *repair) advice() string {
	if r.net.Precision == network.Float32 {
		return "use float64"
	}
	return "leave out the rows that are nearly the same, or ask for less"
}

func (r *repair) tell(stage string) {
	if r.opts.Progress != nil {
		r.opts.Progress(stage)
	}
}

// byBumps corrects classes in the last hidden layer (see construct.PatchNetwork).
func (r *repair) byBumps() (*Repaired, error) {
	class := make([]int, r.rows())
	for i := range class {
		class[i] = r.decision(i)
	}
	set, err := dataset.NewClasses(mat.DenseCopyOf(r.x), class, r.fix.Schema.Classes)
	if err != nil {
		return nil, err
	}
	net, _, err := patchNetwork(set, r.net, r.opts.Seed)
	if err != nil {
		return nil, err
	}
	return r.prove(&attempt{net: net, method: Bumps})
}

// byFewestUnits takes bumps or gates.
func (r *repair) byFewestUnits() (*Repaired, error) {
	bumps, err := r.byBumps()
	if err == nil && bumps.proved() && bumps.Added <= leastGateUnits*r.classesRaised() {
		return bumps, nil
	}
	if err != nil {
		r.tried = append(r.tried, "bumps: "+err.Error())
	}
	gates, failed := r.byGates()
	switch {
	case failed != nil && err != nil:
		return nil, failed
	case failed != nil, err == nil && bumps.proved() && (!gates.proved() || bumps.Added <= gates.Added+gates.Copied):
		return bumps, nil
	}
	return gates, nil
}

// leastGateUnits is how many units a gate has at least, and every class that is
// raised needs a gate.
const leastGateUnits = 3

func (r *repair) classesRaised() int {
	var classes []int
	for _, i := range r.wrong {
		if c := r.fix.Class[i]; !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
	}
	return len(classes)
}
