package construct

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// slab-classes, C2': slabs that end where the classes stop being linearly
// separable.
//
// Classes ask less of an affine piece than numbers do: it need not have given
// values at the rows, only be largest for the right class. So a slab along t = u.x
// is extended as long as one affine score per class sets its rows right
// (separableblocks.go), and the scores are switched from slab to slab as slab and
// deep-slab switch their pieces. By Cover's count (1965) two classes drawn at
// random are separable up to about 2(d+1) rows, so n rows take n/(2(d+1)) slabs
// and, at two units a slab, about n/(d+1) units. Real classes are far from
// random: away from the border between them a slab holds thousands of rows. The direction decides how few
// slabs are at the border, so least-squares discriminants are tried beside the
// principal direction and random ones.
//
// The last class has the score 0 and needs no unit. Two forms:
//
//	one hidden layer   (K-1) k + k-1 units, gate pairs (slab.go)
//	two hidden layers  K (k-1) + 2K + d units, or 2d (deepslab.go)
//
// The first is tried first; where its large terms round margins away, the second
// is built, in which one slab's units are awake on a row and nothing cancels:
//
//	s(F_ac(x) + 1 - C_a over_a - C_a under_a),     output_c = their sum over a
//
// with scores F >= 1 or <= -1, and the constant output 1 for the last class: a
// clipped unit stands below 1, a winner above. Separable classes are one slab, and
// take no hidden unit.
//
// Worked case: d = 1, rows 0 1 2 3 of classes a b a a. The first slab takes 0 and
// 1, since a b a is not separable on a line, and the second the rest: K = 2, and
// 3 units.
//
// Cost: O(n d) a direction to sort; every row is then fitted a bounded number of
// times, O(d k) each.
func init() {
	register(&Construction{
		Name:   "slab-classes",
		Title:  "slabs in which the classes are linearly separable, one affine score per class and slab",
		Source: "gate pairs along one direction; Cover 1965 (IEEE Trans. EC-14) for the slabs' length",
		Plan:   planSlabClasses,
		Build:  buildSlabClasses,
	})
}

func slabClassesUnfit(reason, advice string) error {
	return &UnfitError{Construction: "slab-classes", Reason: reason, Advice: advice}
}

const notForNumbers = "it tells classes apart and returns no numbers"

// planSlabClasses cuts some rows, evenly spread, and scales the number of slabs.
// A sample that is separable as a whole says nothing of the rest; slabs of
// random labels are then the most that can be needed.
func planSlabClasses(p *Problem) (Size, error) {
	if !p.Set.IsClasses() {
		return Size{}, slabClassesUnfit(notForNumbers, "use slab or deep-slab")
	}
	n, d, k := p.Set.N(), p.Set.D(), p.Set.P()
	part, rows := *p, n
	if most := max(64, min(planRows, int(planFlops/float64(32*(d+1)*k)))); n > most {
		spread := make([]int, most)
		for i := range spread {
			spread[i] = i * n / most
		}
		part.Set, rows = p.Set.Select(spread), most
	}
	_, x := inputLayer(&part)
	b, err := bestClassSlabs(&part, x, x)
	if err != nil {
		if b, err = bestClassSlabs(&part, x, newPassOn(&part, x).values); err != nil {
			return Size{}, err
		}
	}
	slabs := b.count()
	if rows < n {
		if slabs = (slabs*n + rows - 1) / rows; b.count() == 1 {
			slabs = max(1, n/(2*(d+1)))
		}
	}
	if slabs == 1 {
		return Size{Parameters: 2*d + k*(d+1), Estimated: true, WinsOnly: true}, nil
	}
	units := (slabs-1)*k + k - 1
	return Size{
		HiddenLayers: 1, Units: units, Estimated: true, WinsOnly: true,
		Parameters: 2*d + slabs*(k-1)*(d+1) + d + 2*(slabs-1) + units*(k-1) + k,
	}, nil
}

func buildSlabClasses(p *Problem) (*network.Network, error) {
	if !p.Set.IsClasses() {
		return nil, slabClassesUnfit(notForNumbers, "use slab or deep-slab")
	}
	k := p.Set.P()
	if k == 1 {
		return constantNetwork(p.Precision, p.Set.D(), []float64{1}), nil
	}
	scale, x := inputLayer(p)
	flat, err := bestClassSlabs(p, x, x)
	if err == nil {
		net := flat.shallow(p, x, scale)
		if net.Validate() == nil && classesHeld(p, net, x) {
			return net, nil
		}
	}
	f := newPassOn(p, x)
	deep, err := bestClassSlabs(p, x, f.values)
	if err != nil {
		return nil, err
	}
	net := deep.deep(p, f, scale)
	net.Round()
	if err := net.Validate(); err != nil {
		return nil, slabClassesUnfit(fmt.Sprintf("the weights leave the range of %v: %v", p.Precision, err), "identity has no steep units"+orFloat64(p))
	}
	return net, nil
}

// classesHeld reports whether every row is won for certain, some rows first.
func classesHeld(p *Problem, net *network.Network, x *mat.Dense) bool {
	if len(net.HiddenLayers()) == 0 {
		return true // the margins of one slab are above its roundings
	}
	return boundedError(p, net, x, boundSample) == 0 && boundedError(p, net, x, p.Set.N()) == 0
}

// scores returns the weights (K (k-1) x m-1, class by class) and constants of the
// slabs' scores against the last class, in the features' own units.
func (b *classSlabs) scores() (weights *mat.Dense, constants []float64) {
	_, m := b.rows.phi.Dims()
	slabs, k := b.count(), b.rows.classes
	weights, constants = mat.NewDense(slabs*(k-1), m-1, nil), make([]float64, slabs*(k-1))
	for a, w := range b.grown {
		last := w.RawRowView(k - 1)
		for c := range k - 1 {
			for j := range m - 1 {
				weights.Set(c*slabs+a, j, (w.At(c, j)-last[j])/b.rows.scale[j])
			}
			constants[c*slabs+a] = w.At(c, m-1) - last[m-1]
		}
	}
	return weights, constants
}

// shallow returns the network of one hidden layer, or of none for one slab.
func (b *classSlabs) shallow(p *Problem, x *mat.Dense, scale network.Layer) *network.Network {
	weights, constants := b.scores()
	k := b.rows.classes
	if b.count() == 1 {
		w := mat.NewDense(k, p.Set.D()+1, nil)
		for c := range k - 1 {
			w.SetRow(c, append(slices.Clone(weights.RawRowView(c)), constants[c]))
		}
		roundAll(p.Precision, w)
		return affineNetwork(p, scale, w)
	}
	n, _ := p.Set.X.Dims()
	part, set := *p, *p.Set
	set.Y = mat.NewDense(n, k-1, nil) // k-1 outputs; their values do not count
	part.Set = &set
	free := &shift{factor: slices.Repeat([]float64{1}, k-1), bias: make([]float64, k-1)}
	net := newSlabBuilder(&part, x, b.slabs, free, weights, constants).network(scale)
	out := &net.Layers[2]
	out.Map, out.Bias = withZeroRow(out.Map), append(out.Bias, 0)
	return net
}

// withZeroRow returns the output map of slabs with one more output, of no terms.
func withZeroRow(m network.Map) *network.Sparse {
	outputs, in := m.Dims()
	s := &network.Sparse{Out: outputs + 1, In: in, RowPtr: make([]int, 1, outputs+2)}
	for o := range outputs {
		eachOutputTerm(m, o, func(i int, w float64) {
			s.Col, s.Val = append(s.Col, int32(i)), append(s.Val, w)
		})
		s.RowPtr = append(s.RowPtr, len(s.Col))
	}
	s.RowPtr = append(s.RowPtr, len(s.Col))
	return s
}

// deep returns the network of two hidden layers on the features f.
func (b *classSlabs) deep(p *Problem, f *passOn, scale network.Layer) *network.Network {
	weights, constants := b.scores()
	for i := range constants {
		constants[i]++ // scores of the last class read as 1
	}
	k := b.rows.classes
	low, high := b.plateaus()
	sum := (&shift{factor: slices.Repeat([]float64{1}, k-1), bias: make([]float64, k-1)}).layer(b.count())
	bias := make([]float64, k)
	bias[k-1] = 1
	return &network.Network{Precision: p.Precision, Layers: []network.Layer{
		scale,
		f.layer(b.along.u, low, high),
		{Map: b.units(p, f, weights, constants), Bias: constants, Act: network.ReLU, Name: "slabs"},
		{Map: withZeroRow(sum.Map), Bias: bias, Name: "classes"},
	}}
}

// classDirections returns the directions worth trying (d numbers of the
// precision each): what tells the classes apart by least squares, the first
// principal direction, and random ones.
func classDirections(p *Problem, x *mat.Dense, random int) [][]float64 {
	_, d := x.Dims()
	var list [][]float64
	add := func(u []float64) {
		largest := 0.0
		for _, v := range u {
			largest = max(largest, math.Abs(v))
		}
		if largest == 0 || math.IsInf(largest, 1) || math.IsNaN(largest) {
			return
		}
		for j := range u {
			u[j] /= largest
		}
		list = append(list, shortened(u))
	}
	if d > 1 {
		r := newRowsToHit(x, p.Set.Y, p.Set.Class, p.Precision, nil)
		for c := range min(p.Set.P()-1, discriminants) {
			u := slices.Clone(r.base.RawRowView(c)[:d])
			for j := range u {
				u[j] /= r.scale[j]
			}
			add(u)
		}
		add(principalDirection(x))
	}
	for a := range random {
		list = append(list, slabDirection(p, d, uint64(a)))
	}
	return list
}

// discriminants is how many classes' least-squares scores are tried as directions.
const discriminants = 4
