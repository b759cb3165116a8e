package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// Cover (C7): random hyperplanes, and units that each shut out all other classes.
//
// The first hidden layer is m random hyperplanes, h_j = s(v_j.x + b_j). For a row
// x*, let J be those that are 0 there, and
//
//	q(x) = sum over J of h_j(x):    0 at x*, convex, growing away from it.
//
// Every row of another class that some hyperplane of J cuts off from x* has q > 0.
// So with b the least q of all other classes' rows, the unit
//
//	s(theta - q(x)),    theta < b
//
// is awake at x*, and on every row of the class with q < theta, and asleep on all
// other classes: it covers a convex piece of the class. Units are added until all
// rows of the class are covered. Class outputs add up their units; the class that
// would take most units gets none and answers where all others are asleep.
//
//	    other  |  own    own  x*  own  |  other
//	q:    3       0.4    0.1  0   0.2     2          b = 2, theta = 1.2
//
// Dirksen, Finke and Genzel (arXiv 2310.00327) prove that O(delta^-1 log) random
// hyperplanes do for classes delta apart, and how many units cover a class. Their
// code leaves errors in the ReLU form, for theta = b has no margin. Here
//
//   - theta lies halfway between b and the farthest row that needs the unit, so
//     that every row has a margin, which is checked against rounding;
//   - the units are chosen greedily, by how many rows each covers that no other
//     does (set cover: at most ln n times the least number, Johnson 1974);
//   - hyperplanes bisect two rows of different classes, drawn at random. Random
//     directions with thresholds uniform over the data's range, as in the paper,
//     need some four times as many for the same cover (MNIST 1 against 8);
//   - where hyperplanes are missing, because a row lies too near another class,
//     they are put there: the construction serves all rows that differ at all.
//
// Cost: O(n m) multiplications per candidate row, as products of matrices in
// float32; thresholds keep clear of its rounding.

func init() {
	register(&Construction{
		Name:   "cover",
		Title:  "random hyperplanes, and units that each cover a part of one class and shut out all others",
		Source: "Dirksen, Finke and Genzel 2023, arXiv 2310.00327, with margins and a greedy cover",
		Plan:   planCover,
		Build:  buildCover,
	})
}

// CoverOptions of [Cover].
type CoverOptions struct {
	// Hyperplanes is the width m of the first layer, before hyperplanes are added
	// where they are missing; 0 chooses it by trials on some rows.
	Hyperplanes int
	// Gaussian draws directions from the normal distribution and thresholds
	// uniformly over the data's range, as in the paper, instead of bisecting pairs
	// of rows.
	Gaussian bool
}

const (
	// coverMargin is the least margin of a row or of another class's row, as a part
	// of theta: far above float32's rounding of sums of some thousand terms.
	coverMargin = 0.01
	// coverSample is how many rows the trials that choose m are made on,
	// coverPlanSample those of a plan.
	coverSample     = 2500
	coverPlanSample = 600
	// coverFloor times the square root of n is the least number of hyperplanes drawn
	// for all rows when the trials saw a part of them: the sum hardly changes about
	// its least (MNIST 1 against 8: 325 units from 100, 576 from 500), all rows lie
	// closer than some, and more hyperplanes answer better off the rows.
	coverFloor = 2
)

func coverUnfit(reason, advice string) error {
	return &UnfitError{Construction: "cover", Reason: reason, Advice: advice}
}

func planCover(p *Problem) (Size, error) {
	if !p.Set.IsClasses() {
		return Size{}, coverUnfit("it parts classes, not numbers", "use deep-slab for regression")
	}
	n, d, k := p.Set.N(), p.Set.D(), p.Set.P()
	var units, planes [2]float64
	counts := []int{min(n, coverPlanSample/2), min(n, coverPlanSample)}
	for i, rows := range counts {
		part := *p
		part.Set = p.Set.Select(everyNth(n, rows))
		c, err := newCover(&part, CoverOptions{})
		if err != nil {
			return Size{}, err
		}
		units[i], planes[i] = float64(c.units()), float64(c.planes.count())
	}
	grow := func(v [2]float64) int {
		power := 0.0
		if v[0] > 0 && counts[1] > counts[0] {
			power = max(0, min(1, math.Log2(v[1]/v[0])))
		}
		return int(math.Ceil(v[1] * math.Pow(float64(n)/float64(counts[1]), power)))
	}
	m, u := grow(planes), grow(units)
	hidden := 2
	if u == 0 {
		m, hidden = 0, 0
	}
	return Size{HiddenLayers: hidden, Units: m + u, Parameters: 2*d + m*(d+1) + u*(m+1) + k*(u+1), Estimated: true, WinsOnly: true}, nil
}

func buildCover(p *Problem) (*network.Network, error) { return Cover(p, CoverOptions{}) }

// Cover builds the network of the construction cover with options. It returns an
// [*UnfitError] for a regression, and where rows of different classes lie closer
// than rounding.
func Cover(p *Problem, opts CoverOptions) (*network.Network, error) {
	p = withDefaults(p)
	if !p.Set.IsClasses() {
		return nil, coverUnfit("it parts classes, not numbers", "use deep-slab for regression")
	}
	c, err := newCover(p, opts)
	if err != nil {
		return nil, err
	}
	net := c.network()
	net.Round()
	return net, net.Validate()
}

// newCover chooses hyperplanes and covers all classes.
func newCover(p *Problem, opts CoverOptions) (*cover, error) {
	scale, x := inputLayer(p)
	metric := ownUnits(scale, allPixels(scale))
	if opts.Hyperplanes == 0 && p.Set.N() > 1 {
		opts.Hyperplanes, metric = chooseHyperplanes(p, scale, x, opts)
	}
	c := &cover{p: p, scale: scale, x: x}
	c.planes = newPlanes(p, x, metric, max(1, opts.Hyperplanes), opts.Gaussian)
	return c, c.coverAll()
}

// allPixels reports whether the inputs seem to have one unit: with many inputs
// whose spreads differ widely, small spreads mean little, not other units.
func allPixels(scale network.Layer) bool {
	return len(scale.Bias) >= wideInputs
}

// ownUnits returns what squared distances weigh each input by: 1 in units of the
// inputs' spread, or their own units.
func ownUnits(scale network.Layer, own bool) []float64 {
	d := scale.Map.(*network.Diagonal).D
	metric := slices.Repeat([]float64{1}, len(d))
	if own {
		least := slices.Min(d)
		for j, s := range d {
			metric[j] = (least / s) * (least / s)
		}
	}
	return metric
}

// chooseHyperplanes returns the width of the first layer, and the inputs' units,
// that are expected to make the fewest units in all: by trials on some rows and on
// half of them, twice as many hyperplanes each time, until the sum grows. From the
// half to the whole the units of a cover grow by some power of the rows, and so,
// it is assumed, they do from there to all rows; few hyperplanes look good on few
// rows and grow fast.
func chooseHyperplanes(p *Problem, scale network.Layer, x *mat.Dense, opts CoverOptions) (int, []float64) {
	n := p.Set.N()
	rows := min(n, coverSample)
	best, width, metric := math.Inf(1), 1, ownUnits(scale, allPixels(scale))
	for _, own := range []bool{true, false} {
		if !own && allPixels(scale) {
			continue
		}
		last := math.Inf(1)
		for m := 4; m <= max(4, rows); m *= 2 {
			planes, units, ok := tryCover(p, scale, x, ownUnits(scale, own), m, rows, opts)
			if !ok {
				continue
			}
			total := planes + units
			if _, half, ok := tryCover(p, scale, x, ownUnits(scale, own), m, rows/2, opts); ok && rows < n && half > 0 {
				power := max(0, min(1, math.Log2(units/half)))
				total = planes + units*math.Pow(float64(n)/float64(rows), power)
			}
			if total < best {
				best, width, metric = total, m, ownUnits(scale, own)
			}
			if total > 1.25*last {
				break
			}
			last = min(last, total)
		}
	}
	if rows < n {
		width = max(width, int(coverFloor*math.Sqrt(float64(n))))
	}
	return width, metric
}

// tryCover covers some of the rows and returns the numbers of hyperplanes and of
// units.
func tryCover(p *Problem, scale network.Layer, x *mat.Dense, metric []float64, m, rows int, opts CoverOptions) (planes, units float64, ok bool) {
	if rows < 1 {
		return 0, 0, false
	}
	picked := everyNth(p.Set.N(), rows)
	part := *p
	part.Set = p.Set.Select(picked)
	_, d := x.Dims()
	some := mat.NewDense(rows, d, nil)
	for k, i := range picked {
		some.SetRow(k, x.RawRowView(i))
	}
	c := &cover{p: &part, scale: scale, x: some}
	c.planes = newPlanes(&part, some, metric, m, opts.Gaussian)
	if c.coverAll() != nil {
		return 0, 0, false
	}
	return float64(c.planes.count()), float64(c.units()), true
}

// A cover is hyperplanes and the units that cover each class.
type cover struct {
	p      *Problem
	scale  network.Layer
	x      *mat.Dense // n x d, scaled
	planes *planes
	class  [][]coverUnit // by class
	rest   int           // the class without units
}

// A coverUnit is s(theta - sum of the hyperplanes of the set J).
type coverUnit struct {
	set    []int32
	theta  float64
	margin float64 // the unit's least value on the rows that need it
}

// coverAll covers every class, and lets the one with most units go without.
func (c *cover) coverAll() error {
	k := c.p.Set.P()
	c.class, c.rest = make([][]coverUnit, k), c.p.Set.Class[0]
	rng := rand.New(rand.NewPCG(c.p.Seed, 0xc0fe))
	for class := range k {
		s := &coverSearch{cover: c, class: class, rng: rng}
		units, err := s.run()
		if err != nil {
			return err
		}
		if c.class[class] = units; len(units) > len(c.class[c.rest]) {
			c.rest = class
		}
	}
	c.class[c.rest] = nil
	return nil
}

// units returns the number of units of the second layer.
func (c *cover) units() int {
	total := 0
	for _, units := range c.class {
		total += len(units)
	}
	return total
}

// network returns the layers. A class output is at least 1 where one of its units
// is needed, and 0 where all are asleep; the class without units has 1/2 always.
func (c *cover) network() *network.Network {
	d, k := c.p.Set.D(), c.p.Set.P()
	net := &network.Network{Precision: c.p.Precision}
	bias := make([]float64, k)
	bias[c.rest] = 0.5
	u := c.units()
	if u == 0 {
		net.Layers = []network.Layer{{Map: network.NewDense(k, d, make([]float64, k*d)), Bias: bias, Name: "classes"}}
		return net
	}
	m := c.planes.count()
	pieces, theta := network.NewDense(u, m, make([]float64, u*m)), make([]float64, 0, u)
	out := network.NewDense(k, u, make([]float64, k*u))
	for class, units := range c.class {
		for _, unit := range units {
			at := len(theta)
			for _, j := range unit.set {
				pieces.Row(at)[j] = -1
			}
			out.Row(class)[at] = 1 / powerOfTwoUpTo(unit.margin)
			theta = append(theta, unit.theta)
		}
	}
	net.Layers = []network.Layer{
		c.scale,
		{Map: network.NewDense(m, d, slices.Clone(c.planes.v.RawMatrix().Data)), Bias: c.planes.bias, Act: network.ReLU, Name: "hyperplanes"},
		{Map: pieces, Bias: theta, Act: network.ReLU, Name: "cover"},
		{Map: out, Bias: bias, Name: "classes"},
	}
	return net
}

// tooNear is the refusal for two rows that no hyperplane parts safely.
func (c *cover) tooNear(i, j int) error {
	set := c.p.Set
	return coverUnfit(fmt.Sprintf("rows %d and %d, of different classes, are too close for %v to part them", set.Rows[i], set.Rows[j], c.p.Precision),
		"use identity"+orFloat64(c.p))
}
