package edit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// FinishOptions of [Finish]. The zero value works.
type FinishOptions struct {
	Tolerance float64 // regression: as a fraction of each target's range; 0 means the default of the precision
	Seed      uint64
	// Progress, if not nil, is told the name of each stage as it begins.
	Progress func(stage string)
}

// How a network was finished.
const (
	AlreadyExact = "nothing was missing"
	OutputLayer  = "the output layer was solved anew"
	WithBumps    = "bumps in the last hidden layer"
	WithBoth     = "gates for the rows that the last hidden layer takes for others, and bumps"
	WithGates    = "gates for the rows that were wrong"
	WithBeside   = "a network beside it that makes up for what was missing"
)

// Finished is what [Finish] made.
type Finished struct {
	Network     *network.Network
	Method      string   // see the constants
	Wrong       int      // rows that were not certified before
	Added       int      // hidden units added, copies of others included
	Tried       []string // what else was tried and why it would not do, in order
	Certificate *certify.Certificate
}

// Finish makes a network exact on set, however badly it was trained, and
// certifies it in the network's precision. It tries in this order, so that the
// fewest units are added:
//
//	nothing           the network is exact already
//	the output layer  regression: [Phi 1] A = Y has a solution; classes: some weights
//	                  under which each of them leads; no unit is added
//	bumps             classes: three to five units for hundreds of rows
//	gates and bumps   classes: where the last hidden layer makes rows equal
//	gates             classes: where bumps would not do, in float32 for example
//	beside            a construction for what is missing, added to the outputs
//
// For float32 networks set is rounded first. It returns a [*ShapeError] when
// network and set do not fit each other, a [*dataset.ConflictError] when rows
// contradict each other, in float32 if not before, and an [*ImpossibleError] that lists what
// was tried when all of it fails.
func Finish(net *network.Network, set *dataset.Set, opts FinishOptions) (*Finished, error) {
	if set.D() != net.Inputs() {
		return nil, &ShapeError{"the rows", "inputs", set.D(), net.Inputs()}
	}
	if set.P() != net.Outputs() {
		return nil, &ShapeError{"the rows", "outputs", set.P(), net.Outputs()}
	}
	set, err := consistent(set, net.Precision)
	if err != nil {
		return nil, err
	}
	opts.Tolerance = cmp.Or(opts.Tolerance, construct.DefaultTolerance(net.Precision))
	f := &finisher{net: net, set: set, opts: opts}
	f.stage("certifying the network as it is")
	if done, err := f.accept(net, AlreadyExact); done || err != nil {
		return &f.made, err
	}
	f.missed = f.last.Missed
	f.made.Wrong = len(f.missed)
	methods := []method{{OutputLayer, f.solveOutput}, {WithBeside, f.residual}}
	if set.IsClasses() {
		methods = []method{{OutputLayer, f.lead}, {WithBumps, f.bumps}, {WithBoth, f.gatesAndBumps}, {WithGates, f.gates}, {WithBeside, f.outvote}}
	}
	for _, m := range methods {
		f.stage("trying: " + m.name)
		edited, err := m.try()
		if err == nil {
			var done bool
			if done, err = f.accept(edited, m.name); done {
				return &f.made, nil
			}
		}
		f.made.Tried = append(f.made.Tried, m.name+": "+f.whyNot(err))
	}
	return nil, &ImpossibleError{Reason: fmt.Sprintf("%d rows are not hit, and nothing made them so:\n  %s", f.made.Wrong, joinLines(f.made.Tried)), Advice: f.advice()}
}

// method is one way to finish.
type method struct {
	name string
	try  func() (*network.Network, error)
}

// finisher is the state of [Finish].
type finisher struct {
	net    *network.Network
	set    *dataset.Set
	opts   FinishOptions
	missed []certify.Miss       // by the network as it was
	last   *certify.Certificate // of the last attempt
	made   Finished
}

func (f *finisher) stage(name string) {
	if f.opts.Progress != nil {
		f.opts.Progress(name)
	}
}

// accept certifies an attempt and keeps it when the certificate holds.
func (f *finisher) accept(net *network.Network, method string) (bool, error) {
	cert, err := certify.Certify(net, f.set, certify.Options{Tolerance: f.opts.Tolerance})
	if err != nil {
		return false, err
	}
	f.last = cert
	if !cert.Holds {
		return false, nil
	}
	f.made.Network, f.made.Method, f.made.Certificate = net, method, cert
	f.made.Added = net.Units() - f.net.Units()
	return true, nil
}

// whyNot says what was wrong with an attempt.
func (f *finisher) whyNot(err error) string {
	switch {
	case err != nil:
		return err.Error()
	case f.set.IsClasses():
		return fmt.Sprintf("%d rows are not proved, the least margin is %.2g", len(f.last.Missed), f.last.MinMargin)
	}
	return fmt.Sprintf("the error is proved to be at most %.2g of the range, not %.2g", f.last.MaxError, f.last.Tolerance)
}

func (f *finisher) advice() string {
	if f.net.Precision == network.Float32 {
		return "use float64"
	}
	return "use a larger tolerance"
}

func joinLines(lines []string) string {
	text := ""
	for i, l := range lines {
		if i > 0 {
			text += "\n  "
		}
		text += l
	}
	return text
}

// solveOutput solves the last layer anew, when it is affine and right behind the
// last hidden one.
func (f *finisher) solveOutput() (*network.Network, error) {
	last := f.net.LastHidden()
	if last < 0 || last != len(f.net.Layers)-2 {
		return nil, errors.New("the last hidden layer is not followed by one affine layer")
	}
	m, err := phi.Of(f.net, f.set, phi.Options{})
	if err != nil {
		return nil, err
	}
	s, err := m.Solve(f.set.Y, phi.SolveOptions{})
	if err != nil {
		return nil, err
	}
	ranges := f.set.Range()
	if off := s.Residual / slices.Max(ranges); off > f.opts.Tolerance {
		return nil, fmt.Errorf("the rank of [Phi 1] is %d for %d rows, and the best output layer misses by %.2g of the range", s.Rank, f.set.N(), off)
	}
	p, units := f.set.P(), f.net.Layers[last].Width()
	out := network.NewDense(p, units, make([]float64, p*units))
	for j := range p {
		for k := range units {
			out.Row(j)[k] = s.A.At(k, j)
		}
	}
	solved := *f.net
	solved.Layers = slices.Clone(f.net.Layers)
	solved.Layers[last+1].Map, solved.Layers[last+1].Bias = out, slices.Clone(s.C)
	solved.Round()
	return &solved, nil
}

// lead changes the output layer so that every row has its class. Where there are
// many rows for its weights it is tried for a few wrong ones only: it would search
// for long and not find anything.
func (f *finisher) lead() (*network.Network, error) {
	wrong, right := f.sides()
	_, in := f.net.Layers[len(f.net.Layers)-1].Map.Dims()
	weights := (in + 1) * f.set.P()
	if len(wrong) > fewWrong(in) && f.set.N() > rowsPerWeight*weights && f.set.N()*weights > cheapSearch {
		return nil, fmt.Errorf("%d wrong rows of %d are more than %d weights can be expected to put right", len(wrong), f.set.N(), weights)
	}
	return f.repaired(wrong, right, Options{Seed: f.opts.Seed, Preserve: Decisions, Method: Output})
}

// rowsPerWeight is how many rows there may be for each weight of the output layer,
// and fewWrong how many wrong ones where there are more: on MNIST 3 of 60,000 rows
// were put right by 257 x 10 weights, 10 were not.
const rowsPerWeight = 4

// cheapSearch is how many weights times rows may be searched in any case: a
// second or two, where training may have stopped long before its layers' last word.
const cheapSearch = 1 << 21

func fewWrong(inputs int) int { return 1 + inputs/64 }

// bumps corrects classes in the last hidden layer.
func (f *finisher) bumps() (*network.Network, error) {
	wrong, _ := f.sides()
	if n := len(f.mistaken(wrong)); n > 0 {
		return nil, fmt.Errorf("the last hidden layer takes %d %s for others", n, plural(n, "row", "rows"))
	}
	net, _, err := construct.PatchNetwork(f.problem(f.set), f.net)
	return net, err
}

func (f *finisher) problem(set *dataset.Set) *construct.Problem {
	return &construct.Problem{Set: set, Precision: f.net.Precision, Tolerance: f.opts.Tolerance, Seed: f.opts.Seed}
}

// gatesAndBumps gives gates to the wrong rows that are equal to rows of another
// class where bumps would have to tell them apart, in what enters the last hidden
// layer. The gates tell them apart there, and bumps can do the rest.
func (f *finisher) gatesAndBumps() (*network.Network, error) {
	wrong, right := f.sides()
	equal := f.mistaken(wrong)
	if len(equal) == 0 {
		return nil, errors.New("the last hidden layer takes no row for another")
	}
	rest := without(slices.Concat(wrong, right), equal, nil)
	gated, err := f.gated(equal, rest)
	if err != nil {
		return nil, err
	}
	net, _, err := construct.PatchNetwork(f.problem(f.set), gated)
	return net, err
}

// mistaken returns the rows that are equal to rows of another class in what
// enters the last hidden layer.
func (f *finisher) mistaken(rows []int) []int {
	last := f.net.LastHidden()
	if last < 1 {
		return nil
	}
	h := f.net.Activations(f.set.X, last-1)
	keys := keysOf(h)
	like := make(map[uint64][]int)
	for i, k := range keys {
		like[k] = append(like[k], i)
	}
	var equal []int
	for _, i := range rows {
		for _, j := range like[keys[i]] {
			if f.set.Class[i] != f.set.Class[j] && slices.Equal(h.RawRowView(i), h.RawRowView(j)) {
				equal = append(equal, i)
				break
			}
		}
	}
	return equal
}

// gates repairs the rows that are wrong and keeps the others as they are.
func (f *finisher) gates() (*network.Network, error) { return f.gated(f.sides()) }

// gated repairs rows by gates and keeps others as they are.
func (f *finisher) gated(rows, others []int) (*network.Network, error) {
	return f.repaired(rows, others, Options{Seed: f.opts.Seed})
}

func (f *finisher) repaired(rows, others []int, opts Options) (*network.Network, error) {
	var keep *mat.Dense
	if len(others) > 0 {
		keep = f.set.Select(others).X
	}
	r, err := Repair(f.net, f.set.Select(rows), keep, nil, opts)
	if err != nil {
		return nil, err
	}
	return r.Network, nil
}

// sides returns the indices of the rows that the network misses, and the others.
func (f *finisher) sides() (wrong, right []int) {
	missed := make(map[int]bool, len(f.missed))
	for _, m := range f.missed {
		missed[m.Row] = true
	}
	for i, row := range f.set.Rows {
		if missed[row] {
			wrong = append(wrong, i)
		} else {
			right = append(right, i)
		}
	}
	return wrong, right
}

// residual builds a network for what is missing of every value, and adds it.
func (f *finisher) residual() (*network.Network, error) {
	rest := *f.set
	var missing mat.Dense
	missing.Sub(f.set.Y, f.net.Eval(f.set.X))
	rest.Y = &missing
	p := f.problem(&rest)
	// The tolerance is meant of the targets, and half of it is the sum's own.
	p.Tolerance *= slices.Min(f.set.Range()) / slices.Max(rest.Range()) / 2
	p.Tolerance = min(p.Tolerance, largestTolerance)
	p.Goal = construct.SizeGoal
	return f.beside(p, 1)
}

// largestTolerance is the largest that constructions are asked for, when what is
// missing is hardly more than what is allowed.
const largestTolerance = 0.5

// beside builds the construction of a problem and adds by times its outputs.
func (f *finisher) beside(p *construct.Problem, by float64) (*network.Network, error) {
	built, err := construct.Build(p)
	if err != nil {
		return nil, err
	}
	last := &built.Layers[len(built.Layers)-1]
	network.Weights(last.Map, func(w []float64) { scale(w, by) })
	scale(last.Bias, by)
	sum, err := network.Beside(f.net, built)
	if err != nil {
		return nil, err
	}
	sum.Round()
	return sum, sum.Validate()
}

func scale(w []float64, by float64) {
	for i := range w {
		w[i] *= by
	}
}

// outvote builds the classes anew and adds them with so much weight that the
// network's own say changes no row: the last resort for networks that have
// learnt little.
func (f *finisher) outvote() (*network.Network, error) {
	p := f.problem(f.set)
	p.Goal = construct.SizeGoal
	built, err := construct.Build(p)
	if err != nil {
		return nil, err
	}
	least, most := math.Inf(1), 0.0
	own, other := built.Eval(f.set.X), f.net.Eval(f.set.X)
	for i, c := range f.set.Class {
		least = min(least, margin(own.RawRowView(i), c))
		most = max(most, -margin(other.RawRowView(i), c))
	}
	if !(least > 0) {
		return nil, errors.New("the classes cannot be built either")
	}
	_, exp := math.Frexp(most / least)
	return f.beside(p, math.Ldexp(1, exp+1)) // a power of two: the outputs stay what they were
}
