package edit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
	"hinge/network"
)

// byOutput changes the output layer only: values by the least change that solves
// the equations, decisions by the least change that leaves every class its lead.
func (r *repair) byOutput() (*Repaired, error) {
	last := len(r.net.Layers) - 1
	net, err := func() (*network.Network, error) {
		if r.opts.Preserve == Decisions && r.fix.IsClasses() {
			return r.lead(last)
		}
		return r.solved(last, false)
	}()
	if err != nil {
		return nil, err
	}
	return r.prove(&attempt{net: net, method: Output, layer: last})
}

// byInner changes one hidden layer: of those whose equations have a solution that
// can be proved, the one that changes least.
func (r *repair) byInner() (*Repaired, error) {
	var best *Repaired
	var reasons []string
	hidden := r.net.HiddenLayers()
	for number := len(hidden); number > 0; number-- {
		at := hidden[number-1]
		if at == len(r.net.Layers)-1 {
			continue
		}
		name := fmt.Sprintf("hidden layer %d", number)
		r.tell("solving " + name)
		net, err := r.solved(at, r.fewEquations())
		if err != nil {
			reasons = append(reasons, name+": "+err.Error())
			continue
		}
		made, err := r.prove(&attempt{net: net, method: Inner, layer: at})
		switch {
		case err != nil:
			return nil, err
		case !made.proved():
			reasons = append(reasons, name+": "+made.whyNot())
			fallthrough
		case best == nil:
			best = cmp.Or(best, made)
		case !best.proved() || made.Change.Relative < best.Change.Relative:
			best = made
		}
	}
	if best == nil {
		return nil, &ImpossibleError{Reason: "no hidden layer can be changed so:\n  " + joinLines(reasons), Advice: "keep fewer rows, or use gates"}
	}
	return best, nil
}

// fewEquations reports whether the outputs of all rows fit into one system.
func (r *repair) fewEquations() bool { return r.rows()*r.fix.P() <= mostEquations }

// solved returns the network with layer at changed so that the wrong rows get
// their outputs.
func (r *repair) solved(at int, whole bool) (*network.Network, error) {
	equations := len(r.wrong)
	if at < len(r.net.Layers)-1 {
		equations *= r.fix.P()
	}
	if equations > mostEquations {
		return nil, fmt.Errorf("%d equations are more than the %d that are solved at once", equations, mostEquations)
	}
	wanted, allowed, err := r.wanted()
	if err != nil {
		return nil, err
	}
	s, err := r.newLayerSolve(at, wanted, whole)
	if err != nil {
		return nil, err
	}
	s.allowed = allowed
	return s.solve()
}

// wanted returns the outputs that the wrong rows shall have, and how far each
// output may be off, of rows to fix and of rows to keep.
func (r *repair) wanted() (wanted *mat.Dense, allowed [2][]float64, err error) {
	p := r.fix.P()
	wanted = mat.NewDense(len(r.wrong), p, nil)
	allowed = [2][]float64{make([]float64, p), make([]float64, p)}
	if !r.fix.IsClasses() {
		if _, err := r.lacks(); err != nil {
			return nil, allowed, err
		}
		for k, i := range r.wrong {
			wanted.SetRow(k, r.fix.Y.RawRowView(i))
		}
		tolerance := cmp.Or(r.opts.Tolerance, construct.DefaultTolerance(r.net.Precision))
		for j, size := range r.fix.Range() {
			allowed[0][j] = tolerance * size
		}
	} else {
		for k, i := range r.wrong {
			wanted.SetRow(k, leastWinning(r.out.RawRowView(i), r.fix.Class[i], r.made.Margin))
		}
		for j := range p {
			allowed[0][j] = r.made.Margin / 8
		}
	}
	keep := cmp.Or(r.opts.KeepTolerance, keepTolerance(r.net.Precision))
	for j, size := range rangesOf(r.out) {
		allowed[1][j] = keep * size
	}
	return wanted, allowed, nil
}

// leastWinning returns the outputs nearest to out (least sum of squares) in which
// class c leads by the margin: its own output goes up to u + margin, and those
// above u come down to it.
func leastWinning(out []float64, c int, margin float64) []float64 {
	near := slices.Clone(out)
	others := slices.Delete(slices.Clone(out), c, c+1)
	slices.SortFunc(others, func(a, b float64) int { return cmp.Compare(b, a) })
	sum := out[c] - margin
	for k, v := range others {
		u := sum / float64(k+1) // the best u when k others come down
		if v <= u {
			break
		}
		sum += v
		near[c] = sum/float64(k+2) + margin
	}
	for j, v := range near {
		if j != c {
			near[j] = min(v, near[c]-margin)
		}
	}
	return near
}

// errNotAffine says what is in the way of a linear output layer.
var errNotAffine = errors.New("the network ends in a ReLU, so its outputs are not linear in the last weights")
