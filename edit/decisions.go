package edit

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Pruning to the decisions: units go in the order of a [surgeon], layer by
// layer, the weights behind them solved anew, and the few rows that are then
// decided otherwise are put right by bumps (or gates, in float32). Fewer units
// stay, more rows need bumps: the size with the fewest units in all is searched
// for along shares of the layers' widths.

// shares are the parts of every layer's units that are tried, in order.
var shares = []float64{0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03}

// decisions prunes further, as long as every decision can be kept.
func (p *pruner) decisions(made *Pruned) (*Pruned, error) {
	if p.net.Outputs() < 2 {
		return nil, &ImpossibleError{Reason: "a network with one output decides nothing", Advice: "preserve its values"}
	}
	base := made.Network
	set, err := p.decided()
	if err != nil {
		return nil, err
	}
	sizes, err := p.sizes(base)
	if err != nil {
		return nil, err
	}
	best := base
	for _, c := range sizes[:min(len(sizes), sizesPatched)] {
		p.stage("%d units, and bumps for %d rows", c.net.Units(), c.wrong)
		patched, err := p.patched(c.net, set)
		if err == nil && patched.Units() < best.Units() {
			best = patched
		}
		if err == nil {
			break
		}
	}
	if best == base {
		return made, nil
	}
	p.tell(made, base, best)
	return made, nil
}

// sizesPatched is how many sizes are tried in earnest, those first that promise
// the fewest units.
const sizesPatched = 4

// size is a smaller network, before its decisions are put right.
type size struct {
	net      *network.Network
	wrong    int // rows decided otherwise
	estimate int // units in all, with the bumps
}

// sizes shrinks the network by every share and returns the results that promise
// fewer units, the best first.
func (p *pruner) sizes(base *network.Network) ([]size, error) {
	var list []size
	first, err := newSurgeon(base, base, p.x, base.HiddenLayers()[0])
	if err != nil {
		return nil, err
	}
	for _, share := range shares {
		p.stage("keeping %.0f %% of the units", 100*share)
		small, err := p.shrunk(base, first, share)
		if err != nil {
			return nil, err
		}
		c := size{net: small, wrong: changed(p.out, small.Eval(p.x))}
		c.estimate = small.Units() + bumpUnits*int(math.Ceil(float64(c.wrong)/float64(max(1, bumpRows(small)))))
		if c.estimate < base.Units() {
			list = append(list, c)
		}
		if c.wrong > rowCount(p.x)/hopeless {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b size) int { return cmp.Compare(a.estimate, b.estimate) })
	return list, nil
}

// hopeless: when more than one row in so many is decided otherwise, smaller
// networks are not looked at.
const hopeless = 4

// bumpUnits is how many units a bump has that can raise any class.
const bumpUnits = 5

// bumpRows is about how many rows a bump corrects: half of the numbers that enter
// its layer.
func bumpRows(net *network.Network) int {
	_, in := net.Layers[net.LastHidden()].Map.Dims()
	return in / 2
}

// shrunk returns the network with that share of the units of every hidden layer;
// s has ordered those of the first.
func (p *pruner) shrunk(base *network.Network, s *surgeon, share float64) (small *network.Network, err error) {
	small = base
	for k, l := range base.HiddenLayers() {
		if l+1 >= len(base.Layers) {
			break
		}
		if k > 0 {
			if s, err = newSurgeon(small, base, p.x, l); err != nil {
				return nil, err
			}
		}
		if small, err = s.keep(small, l, max(1, int(math.Ceil(share*float64(base.Layers[l].Width()))))); err != nil {
			return nil, err
		}
	}
	return small, nil
}

// changed counts the rows whose largest output is another one.
func changed(a, b *mat.Dense) int {
	count := 0
	for i := range rowCount(a) {
		if largest(a.RawRowView(i)) != largest(b.RawRowView(i)) {
			count++
		}
	}
	return count
}

// decided returns the rows with the network's own decisions as their classes;
// equal rows stand once.
func (p *pruner) decided() (*dataset.Set, error) {
	class := make([]int, rowCount(p.x))
	for i := range class {
		class[i] = largest(p.out.RawRowView(i))
	}
	names := make([]string, p.net.Outputs())
	for c := range names {
		names[c] = fmt.Sprint(c)
	}
	return dataset.NewClasses(mat.DenseCopyOf(p.x), class, names)
}

// patched puts the rows right that a smaller network decides otherwise, and
// certifies that all are.
func (p *pruner) patched(small *network.Network, set *dataset.Set) (*network.Network, error) {
	patched, _, err := construct.PatchNetwork(&construct.Problem{Set: set, Precision: small.Precision, Seed: p.opts.Seed}, small)
	if err != nil {
		return nil, err
	}
	cert, err := certify.Certify(patched, set, certify.Options{})
	if err == nil && !cert.Holds {
		err = fmt.Errorf("%d decisions are not proved", len(cert.Missed))
	}
	return patched, err
}

// tell records what became of the units: those of base that best no longer has,
// found by their weights, and those that were added.
func (p *pruner) tell(made *Pruned, base, best *network.Network) {
	made.Network = best
	for k, l := range base.HiddenLayers() {
		if l+1 >= len(base.Layers) || len(best.HiddenLayers()) <= k {
			break
		}
		made.Dispensed = append(made.Dispensed, max(0, base.Layers[l].Width()-best.Layers[best.HiddenLayers()[k]].Width()))
	}
}
