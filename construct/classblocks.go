package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// The classes of deep-blocks: one unit per class, awake on its rows only.
//
// Unit c of the second hidden layer exists iff class c is linearly separable from
// the rest in the outputs of the first: the equations of Lemma S fall away, for
// any positive values will do, and what remains are n inequalities. So layer 1
// need not have rank n. Two ways of making it small:
//
//   - patched: each class has its own units in layer 1, those of a patch network
//     (patch.go) that tells it from the rest: an affine function and a bump
//     for every few hundred rows it gets wrong. Layer 2 is then block-diagonal too.
//     This is for tables of any size whose classes are nearly separable.
//   - grown: hyperplanes through the rows, shared by all classes, doubled until
//     every class is separable and then halved in between (the scores are found by
//     the dual ascent of separableblocks.go). Two classes drawn at random are
//     separable in m units up to about 2m rows (Cover 1965), so n/2 units do where a
//     universal layer takes n.
//
// Both are tried where the table is small, and the smaller one is built.

const (
	// grownRows is the number of rows up to which hyperplanes are grown.
	grownRows = 1500
	// blockEffort is the part of patch's steps spent on the affine function of each
	// class: with a fit per class, what it leaves is cheaper corrected than fitted.
	blockEffort = 0.4
	// blockStream is the stream of random hyperplanes.
	blockStream = 0xb10c5
)

// planClassBlocks estimates: small tables by half a unit a row, large ones by the
// errors of an affine base, each class against the rest: as many as between all
// classes, counted twice.
func planClassBlocks(p *Problem) (Size, error) {
	n, d, k := p.Set.N(), p.Set.D(), p.Set.P()
	if n == 1 || k == 1 {
		return Size{Parameters: 2*d + k*(d+1), Estimated: true, WinsOnly: true}, nil
	}
	group := max(1, float64(d)*groupFill)
	bumps := int(math.Ceil(2 * estimateErrors(p) / group))
	units := k + 3*bumps
	if grown := min(n, n/2+d); n <= grownRows {
		units = min(units, grown)
	} else if units > n/2 {
		return Size{}, deepBlocksUnfit(fmt.Sprintf("the classes are far from separable: more than %d units", n/2), "identity, sphere and slab-classes serve any labels")
	}
	return Size{HiddenLayers: 2, Units: units + k, Parameters: 2*d + units*(d+2) + 2*k, Estimated: true, WinsOnly: true}, nil
}

func buildClassBlocks(p *Problem) (*network.Network, error) {
	input, x := inputLayer(p)
	patched, err := patchedBlocks(p, input, x)
	n := p.Set.N()
	if n > grownRows || err == nil && patched.Units() <= n/8 {
		return patched, err
	}
	grown, grownErr := grownBlocks(p, input, x)
	switch {
	case grownErr == nil && (err != nil || grown.Units() < patched.Units()):
		return grown, nil
	case err == nil:
		return patched, nil
	}
	return nil, grownErr
}

// patchedBlocks builds layer 1 from a patch per class.
func patchedBlocks(p *Problem, input network.Layer, x *mat.Dense) (*network.Network, error) {
	rows := newDeltaRows(x)
	k, d := p.Set.P(), p.Set.D()
	var hidden, bias []float64
	var blocks [][]float64
	levels := make([]float64, k)
	for c := range k {
		part := oneAgainstRest(p, c)
		base := fitAffine(rows, part.Set.Class, 2, p.Seed, blockEffort).affineBase()
		bumps, err := newPatcher(part, rows, x, base, 0).correct(base)
		if err != nil {
			return nil, deepBlocksUnfit(fmt.Sprintf("class %q is not told from the rest by few units: %v", p.Set.Schema.Classes[c], err),
				"identity, sphere and slab-classes serve any labels")
		}
		net := base.assemble(part, input, bumps)
		first, out := net.Layers[1], net.Layers[2]
		hidden, bias = append(hidden, first.Map.(*network.Dense).W...), append(bias, first.Bias...)
		weights := out.Map.(*network.Dense)
		level, row := out.Bias[0]-out.Bias[1], slices.Clone(weights.Row(0))
		for j, w := range weights.Row(1) {
			row[j] -= w
		}
		blocks, levels[c] = append(blocks, row), level
	}
	net := &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input,
		{Map: network.NewDense(len(bias), d, hidden), Bias: bias, Act: network.ReLU, Name: "patches"},
		blockDiagonal(blocks, levels),
		identityOutput(k),
	}}
	net.Round()
	if lost := lostRows(p, net); lost > 0 {
		return nil, deepBlocksUnfit(fmt.Sprintf("%d rows lose their margin to rounding in %v", lost, p.Precision), "identity and sphere are exact"+orFloat64(p))
	}
	return net, nil
}

// oneAgainstRest is the problem of telling class c (0 there) from the others.
func oneAgainstRest(p *Problem, c int) *Problem {
	part, set := *p, *p.Set
	set.Class = make([]int, p.Set.N())
	for i, own := range p.Set.Class {
		if own != c {
			set.Class[i] = 1
		}
	}
	set.Y = dataset.Indicators(set.Class, 2)
	set.Schema.Classes = []string{p.Set.Schema.Classes[c], "rest"}
	part.Set = &set
	return &part
}

// identityOutput passes the k class units on.
func identityOutput(k int) network.Layer {
	return network.Layer{Map: &network.Diagonal{D: slices.Repeat([]float64{1}, k)}, Name: "classes out"}
}

// lostRows counts the rows on which not just the unit of their class is awake.
func lostRows(p *Problem, net *network.Network) int {
	out := net.Eval(p.Set.X)
	lost := 0
	for i, own := range p.Set.Class {
		for c, v := range out.RawRowView(i) {
			if (v > 0) != (c == own) {
				lost++
				break
			}
		}
	}
	return lost
}

// grownBlocks grows a layer of hyperplanes until every class is separable.
func grownBlocks(p *Problem, input network.Layer, x *mat.Dense) (*network.Network, error) {
	most, _ := featureColumns(p)
	var found *network.Network
	for range oversamplingTries {
		if err := fullRankFits("deep-blocks", p, most); err != nil {
			break
		}
		f := drawHyperplanes(p, x, most, rand.New(rand.NewPCG(p.Seed, blockStream)))
		bad := 0
		for good := min(most, p.Set.P()+1); ; good = min(most, 2*good) {
			if found = f.leading(good).classes(p, input); found != nil || good == most {
				for step := good - bad; found != nil && step > max(1, good/growthShare); step = good - bad {
					if net := f.leading(bad+step/2).classes(p, input); net != nil {
						found, good = net, bad+step/2
					} else {
						bad += step / 2
					}
				}
				break
			}
			bad = good
		}
		if found != nil {
			return found, nil
		}
		if net := f.lemma(p, input); net != nil {
			return net, nil
		}
		most *= 2
	}
	return nil, deepBlocksUnfit(fmt.Sprintf("%d hyperplanes do not make the classes separable in %v", most, p.Precision), "identity and sphere are exact"+orFloat64(p))
}

// growthShare is the part of the units that the search leaves undecided.
const growthShare = 32

// leading returns the first m hyperplanes.
func (f *hyperplanes) leading(m int) *hyperplanes {
	n, all := f.blur.Dims()
	_, d := f.w.Dims()
	g := &hyperplanes{w: f.w.Slice(0, m, 0, d).(*mat.Dense), bias: f.bias[:m], phi: mat.NewDense(n, m+1, nil), blur: f.blur.Slice(0, n, 0, m).(*mat.Dense)}
	for i := range n {
		row := g.phi.RawRowView(i)
		copy(row, f.phi.RawRowView(i)[:m])
		row[m] = f.phi.At(i, all)
	}
	return g
}

// classes returns the network with a unit per class on the hyperplanes, or nil
// when a class is not found separable, or not by more than rounding.
func (f *hyperplanes) classes(p *Problem, input network.Layer) *network.Network {
	n, m := f.blur.Dims()
	k := p.Set.P()
	separator := newClassRows(p, f.phi.Slice(0, n, 0, m).(*mat.Dense), firstColumns(n))
	separator.classes = 2
	dense, bias := network.NewDense(k, m, make([]float64, k*m)), make([]float64, k)
	for c := range k {
		for i, own := range p.Set.Class {
			separator.class[i] = 1
			if own == c {
				separator.class[i] = 0
			}
		}
		w := separator.separate(0, n, mat.NewDense(2, m+1, nil))
		if w == nil {
			return nil
		}
		w = separator.scaledToMargin(w, 0, n)
		for j := range m {
			dense.Row(c)[j] = p.Precision.Round((w.At(0, j) - w.At(1, j)) / separator.scale[j])
		}
		bias[c] = p.Precision.Round(w.At(0, m) - w.At(1, m))
	}
	return f.withClasses(p, input, network.Layer{Map: dense, Bias: bias, Act: network.ReLU, Name: "classes"})
}

// lemma realises the indicators of the classes on all hyperplanes; nil when that
// fails too.
func (f *hyperplanes) lemma(p *Problem, input network.Layer) *network.Network {
	next, err := realiseOn("deep-blocks", p, f, p.Set.Y)
	if err != nil || next.z == nil {
		return nil
	}
	layer := next.realised.Layer
	layer.Name = "classes"
	return f.withClasses(p, input, layer)
}

// withClasses returns the network of the hyperplanes and a layer of one unit per
// class; nil unless on every row just the right one is awake, whatever the order
// of summation.
func (f *hyperplanes) withClasses(p *Problem, input network.Layer, second network.Layer) *network.Network {
	z, doubt := f.through(p, second)
	for i, own := range p.Set.Class {
		for c := range p.Set.P() {
			if v, e := z.At(i, c), 2*doubt.At(i, c); c == own && !(v-e > 0) || c != own && !(v+e < 0) {
				return nil
			}
		}
	}
	return &network.Network{Precision: p.Precision, Layers: []network.Layer{
		input, f.layer(firstColumns(len(f.bias))), second, identityOutput(p.Set.P()),
	}}
}
