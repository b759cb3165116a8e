package construct

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/forest"
	"hinge/internal/parallel"
	"hinge/network"
)

// Forests of other tools, compiled.
//
// Every leaf of every tree becomes a gate (tree_boxes.go), every split of a
// feature two ramps, shared by all trees that make the same split, and the output
// adds up the leaves' values. scikit-learn and XGBoost round features to float32
// before they compare, so a split parts two neighbouring float32 numbers, and its
// ramps climb from one number of the network's arithmetic to the next:
//
//	low  = the largest number of the arithmetic that goes left,
//	high = the next one, which goes right,   1/w = 1/(high - low), a power of two.
//
// There is no number in between. So the gates are exactly 1 on their leaf and
// exactly 0 elsewhere for every input whatever, not on the given rows only: the
// network is the forest, up to the roundings of the output's sum. (Exception: a
// threshold within about 1e-25 of 0, in float32; its ramps are as steep as the
// format allows, and end before the next given row.)
//
// Classes. A forest answers with the first class of greatest score. Scores are
// kept undivided: sums of pure leaves are then small whole numbers, exact in any
// order. Ties, which are common among votes, must be won by a margin: class c is
// handicapped by c delta, with k delta below half the least nonzero difference
// seen. Where scores differ by less than rounding may, as sums of fractions can,
// the tool's own rounding decides; such a row gets a gate of its own on the box
// where all its leaves meet, on which the forest is constant, and the gate lifts
// the tool's answer.
//
// Cost: (leaves) times the logarithm of their number; a random forest of 100 full
// trees on 20,000 rows, 1.3 million leaves, takes a few seconds.

// MetaForest is the name that stands for the construction of compiled forests.
const MetaForest = "forest"

// ForestFacts is what [FromForest] found while compiling.
type ForestFacts struct {
	Tool     string   `json:"tool"`
	Trees    int      `json:"trees"`
	Leaves   int      `json:"leaves"`
	Splits   int      `json:"splits"`   // different ones
	Widened  int      `json:"widened"`  // splits whose ramps are wider than one step of the arithmetic
	Ties     int      `json:"ties"`     // given rows on which two classes have equal scores
	Decided  int      `json:"decided"`  // given rows on which the tool's own rounding decides
	Handicap float64  `json:"handicap"` // of one class against the one before
	Notes    []string `json:"notes,omitempty"`
}

// ForestSet returns the rows of s with the forest's predictions as targets: what
// a compiled network is to reproduce. The inputs of s are the forest's features in
// order, unless both have names and they say otherwise. It returns an error when
// the numbers of features differ.
func ForestSet(f *forest.Forest, s *dataset.Set) (*dataset.Set, error) {
	n, d := s.X.Dims()
	if d != f.Features {
		return nil, fmt.Errorf("the forest compares %d features, the table has %d inputs; choose columns with --features, --target and --drop", f.Features, d)
	}
	if err := sameNames(f.Names, s.Schema.InputNames()); err != nil {
		return nil, err
	}
	r := *s
	r.Y = mat.NewDense(n, f.Outputs, nil)
	parallel.Each(n, func(i int) { copy(r.Y.RawRowView(i), f.Predict(s.X.RawRowView(i))) })
	r.Schema.Task, r.Schema.Classes, r.Class = dataset.Regression, nil, nil
	if f.Classes != nil {
		r.Class = make([]int, n)
		for i := range r.Class {
			r.Class[i] = forest.Class(r.Y.RawRowView(i))
		}
		r.Y = dataset.Indicators(r.Class, len(f.Classes))
		r.Schema.Task, r.Schema.Classes = dataset.Classification, f.Classes
	}
	if len(r.Schema.Targets) != f.Outputs {
		r.Schema.Targets = []string{"prediction"}
		for o := 1; o < f.Outputs && f.Classes == nil; o++ {
			r.Schema.Targets = append(r.Schema.Targets, fmt.Sprintf("prediction%d", o+1))
		}
	}
	return dataset.Clean(&r, dataset.ConflictsError)
}

// sameNames refuses columns that are the forest's features in another order.
func sameNames(names, columns []string) error {
	if names == nil || slices.Equal(names, columns) {
		return nil
	}
	a, b := slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(columns))
	if !slices.Equal(a, b) {
		return nil // named differently: by position, as the tools have it
	}
	return fmt.Errorf("the table has the forest's features in another order; give --features %s", strings.Join(names, ","))
}

// FromForest returns the network of a forest, and what there is to say of it.
// p.Set is a [ForestSet]. It returns an [*UnfitError] when two given rows are
// closer than the steepest ramp of the precision.
func FromForest(f *forest.Forest, p *Problem) (*network.Network, *ForestFacts, error) {
	p = withDefaults(p)
	facts := &ForestFacts{Tool: f.Tool, Trees: len(f.Trees), Notes: f.Notes}
	c := &forestCompiler{forest: f, p: p, facts: facts}
	if err := c.splits(); err != nil {
		return nil, nil, err
	}
	c.boxes = newBoxes(c.bounds, c.trees)
	facts.Leaves, facts.Splits = c.count(), len(c.bounds)
	c.weigh()
	if f.Classes != nil {
		c.settle()
	}
	c.numberRamps()
	net := &network.Network{Precision: p.Precision, Layers: c.network()}
	net.Round()
	if err := net.Validate(); err != nil {
		return nil, nil, c.unfit(err.Error(), "bring the leaves' values nearer to 1"+orFloat64(p))
	}
	net.Meta = map[string]string{MetaConstruction: MetaForest}
	return net, facts, nil
}

type forestCompiler struct {
	forest *forest.Forest
	p      *Problem
	facts  *ForestFacts
	*boxes
	bounds []boundary
	trees  []boxTree
	values *mat.Dense // outputs x leaves
	bias   []float64  // outputs
	extra  []forestCell
}

// A forestCell lifts one class on the box where some row's leaves meet.
type forestCell struct {
	class int
	lift  float64
}

func (c *forestCompiler) unfit(reason, advice string) error {
	return &UnfitError{Construction: MetaForest, Reason: reason, Advice: advice}
}

// splits makes the boundaries of all splits and numbers them.
func (c *forestCompiler) splits() error {
	axes := newForestAxes(c.p, c.forest)
	var all []boundary
	for i := range c.forest.Trees {
		t := &c.forest.Trees[i]
		for node, feature := range t.Feature {
			if feature < 0 {
				continue
			}
			b, widened, ok := axes[feature].boundary(c.p.Precision, feature, t.Upper[node])
			if !ok {
				return c.unfit(fmt.Sprintf("feature %d has given values on both sides of %v that are closer than the steepest ramp of %v can tell apart", feature+1, t.Upper[node], c.p.Precision),
					"multiply the feature by a large number before the forest is grown"+orFloat64(c.p))
			}
			if widened {
				c.facts.Widened++
			}
			all = append(all, b)
		}
	}
	bounds, place := sortBoundaries(all)
	c.bounds = bounds
	at := 0
	for i := range c.forest.Trees {
		t := &c.forest.Trees[i]
		b := boxTree{split: make([]int32, len(t.Feature)), left: t.Left, right: t.Right}
		for node, feature := range t.Feature {
			if b.split[node] = -1; feature >= 0 {
				b.split[node] = place[at]
				at++
			}
		}
		c.trees = append(c.trees, b)
	}
	return nil
}

// forestAxis is one feature on the given rows.
type forestAxis struct {
	values   []float64 // ascending
	steepest float64
}

func newForestAxes(p *Problem, f *forest.Forest) []forestAxis {
	axes := make([]forestAxis, f.Features)
	parallel.Each(len(axes), func(j int) {
		a := &axes[j]
		a.values = mat.Col(nil, j, p.Set.X)
		sort.Float64s(a.values)
		largest := max(math.Abs(a.values[0]), math.Abs(a.values[len(a.values)-1]))
		a.steepest = steepestFor(p.Precision, largest)
	})
	return axes
}

// boundary returns the boundary that sends x left iff float32(x) <= upper, and
// whether its ramps are wider than one step of the arithmetic.
func (a *forestAxis) boundary(prec network.Precision, feature int32, upper float32) (b boundary, widened, ok bool) {
	low, high := neighbours(prec, upper)
	b = boundary{axis: feature, low: low, high: high, slope: 1 / (high - low)}
	steepest := min(a.steepest, steepestFor(prec, math.Abs(low)))
	if b.slope <= steepest {
		return b, false, true
	}
	b.slope = steepest
	at := sort.SearchFloat64s(a.values, high) // values[at:] go right
	last, next := math.Inf(-1), math.Inf(1)
	if at > 0 {
		last = a.values[at-1]
	}
	if at < len(a.values) {
		next = a.values[at]
	}
	b.high = roundUp(prec, low+1/steepest)
	if b.high > next {
		b.high = next
		b.low = -roundUp(prec, 1/steepest-next)
	}
	return b, true, b.low >= last && b.high <= next
}

// neighbours returns the largest number of the arithmetic that float32 rounds to
// upper or below, and the next one.
func neighbours(prec network.Precision, upper float32) (low, high float64) {
	next := math.Nextafter32(upper, float32(math.Inf(1)))
	if prec == network.Float32 {
		return float64(upper), float64(next)
	}
	if math.IsInf(float64(next), 0) {
		return float64(upper), math.Nextafter(float64(upper), math.Inf(1))
	}
	middle := (float64(upper) + float64(next)) / 2 // exact
	if float32(middle) != upper {                  // ties go to even
		middle = math.Nextafter(middle, math.Inf(-1))
	}
	return middle, math.Nextafter(middle, math.Inf(1))
}

// weigh fills in what every leaf adds to the outputs. The mean of several trees is
// taken about the middle of its predictions, so that sums stay small.
func (c *forestCompiler) weigh() {
	f := c.forest
	share, center := 1.0, make([]float64, f.Outputs)
	if f.Mean && f.Classes == nil && len(f.Trees) > 1 {
		share = float64(len(f.Trees))
		for o := range center {
			column := c.p.Set.Y.ColView(o)
			center[o] = c.p.Precision.Round((mat.Min(column) + mat.Max(column)) / 2)
		}
	}
	c.bias = make([]float64, f.Outputs)
	for o := range c.bias {
		c.bias[o] = f.Base[o] + center[o]
	}
	c.values = mat.NewDense(f.Outputs, c.count(), nil)
	parallel.Each(len(f.Trees), func(i int) {
		t := &f.Trees[i]
		for row := c.starts[i]; row < c.starts[i+1]; row++ {
			leaf := int(c.leaves[row])
			if t.Output >= 0 {
				c.values.Set(t.Output, row, t.Value[leaf])
				continue
			}
			for o := range f.Outputs {
				c.values.Set(o, row, (t.Value[leaf*f.Outputs+o]-center[o])/share)
			}
		}
	})
}

// network returns the three layers.
func (c *forestCompiler) network() []network.Layer {
	d := c.forest.Features
	leaves := c.count() - len(c.extra)
	out := network.NewDense(c.forest.Outputs, c.count(), make([]float64, c.forest.Outputs*c.count()))
	for o := range c.forest.Outputs {
		copy(out.Row(o), c.values.RawRowView(o))
	}
	for k, cell := range c.extra {
		out.Row(cell.class)[leaves+k] = cell.lift
	}
	output := network.Layer{Map: out, Bias: c.bias, Name: "forest"}
	if c.unsplit() {
		return []network.Layer{{Map: network.NewDense(c.forest.Outputs, d, make([]float64, c.forest.Outputs*d)), Bias: c.constant(), Name: "forest"}}
	}
	return append(c.layers(c.used(d), false), output)
}

// constant is the output of a forest without splits.
func (c *forestCompiler) constant() []float64 {
	bias := slices.Clone(c.bias)
	for o := range bias {
		for _, v := range c.values.RawRowView(o) {
			bias[o] += v
		}
	}
	return bias
}

// used returns the features that are compared, as directions, and numbers the
// boundaries' axes by them.
func (c *forestCompiler) used(d int) *network.Dense {
	number := fill(d, -1)
	var features []int32
	for _, b := range c.bounds {
		if number[b.axis] < 0 {
			number[b.axis] = int32(len(features))
			features = append(features, b.axis)
		}
	}
	m := network.NewDense(len(features), d, make([]float64, len(features)*d))
	for k, j := range features {
		m.Row(k)[j] = 1
	}
	for i := range c.bounds {
		c.bounds[i].axis = number[c.bounds[i].axis]
	}
	return m
}
