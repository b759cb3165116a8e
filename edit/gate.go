package edit

import (
	"math"
	"math/rand/v2"
	"slices"

	"hinge/certify"
	"hinge/internal/fixed"
	"hinge/network"
)

// Gates: units that are awake on some rows and exactly 0 on all others.
//
// A slab around the hyperplane w.x~ = 0 has two threshold units,
//
//	s(w.x~ - r)  and  s(-w.x~ - r),
//
// both exactly 0 on the plateau |w.x~| <= r and at least t where |w.x~| >= r + t.
// A value unit of the next layer, s(g - C (sum of the thresholds of q slabs)),
// is g on the rows inside all q plateaus and asleep on a row that is t outside of
// at least one, if C t > g there. "Exactly 0" holds in floating point whatever the
// order of summation, once r is more than the rounding error of w.x~: the value
// unit's terms then sum to less than nothing, and a ReLU makes that 0. So no
// output of such a row moves by one bit (docs/deep.md, plateau
// gates; the bumps of one layer, C4, must cancel instead).
//
// The hyperplane goes through all rows of a group: any w orthogonal to their
// span will do, so a group may hold up to the rank of the rows. In float32 one
// slab is seldom thin enough to keep clear of sixty thousand rows; two together
// are, because a row must be close in both.
//
// Worked case: rows 0, 1, 2 on a line, the group is {1}. With w.x~ = x - 1, r = 1/8
// and t = 1/8, C = 2 g/t = 16 g: at x = 0 and 2 the thresholds sum to 7/8, and the
// value unit gets g - 14 g < 0.
type gate struct {
	at    int         // the layer of the thresholds
	rows  []int       // the group
	slabs [][]float64 // q x (d+1): the hyperplanes, the bias last, numbers of the precision
	half  []float64   // q: r, half the plateau's width
	// Reach is, for each slab, 2r over the spread of the data along w: how much
	// of the space near the data a slab takes in.
	reach     []float64
	precision network.Precision
}

const (
	// slabTrials is how many random hyperplanes are looked at for one slab.
	slabTrials = 16
	// mostSlabs is how many slabs a gate may have. Each leaves about one row in
	// a hundred of those still inside.
	mostSlabs = 6
	// plateauRoom is the plateau's half-width over the farthest that a row of the
	// group can lie from the hyperplane, rounding included.
	plateauRoom = 2
	// solvedRows is how many rows at most, as a part of the dimensions left, a
	// slab is solved for that keeps clear of all of them at once.
	solvedRows = 0.5
)

// A gater finds gates among rows given by what enters the layer of thresholds.
type gater struct {
	in        *certify.Enclosure // n x d
	keys      []uint64           // of its centres
	precision network.Precision
	rng       *rand.Rand
}

// find returns a gate that is open on the group and shut on all rows of shut;
// nil when no slabs were found that keep clear of them.
func (g *gater) find(group, shut []int) *gate {
	var span fixed.Span
	for _, i := range group {
		span.Add(fixed.Homogeneous(g.in.Centre.RawRowView(i)))
	}
	found := &gate{rows: group, precision: g.precision}
	members := g.in.Select(group)
	for first := true; len(shut) > 0; first = false {
		if len(found.slabs) == mostSlabs {
			return nil
		}
		rest := g.in
		if !first {
			rest = g.in.Select(shut)
		}
		s := g.bestSlab(&span, members, rest, shut, first)
		if s == nil || len(s.inside) == len(shut) {
			return nil
		}
		found.slabs, found.half = append(found.slabs, s.w), append(found.half, s.half)
		found.reach = append(found.reach, s.reach)
		shut = s.inside
	}
	return found
}

// slab is a candidate, with the rows that it fails to shut out.
type slab struct {
	w      []float64
	half   float64
	reach  float64
	inside []int
}

// bestSlab returns the candidate with the fewest rows inside. The rows of shut
// are the same rows of rest when all is set, and otherwise its rows in order.
func (g *gater) bestSlab(span *fixed.Span, members, rest *certify.Enclosure, shut []int, all bool) *slab {
	candidates := g.candidates(span, rest, len(shut))
	if len(candidates) == 0 {
		return nil
	}
	layer := linear(candidates)
	near, far := members.Layer(layer), rest.Layer(layer)
	var best *slab
	for k, w := range candidates {
		s := &slab{w: w}
		for i := range rowsOf(near) {
			s.half = max(s.half, plateauRoom*(math.Abs(near.Centre.At(i, k))+near.Bound(i, k)))
		}
		if !(s.half > 0) { // exact zeros: any width will do
			s.half = smallestHalf
		}
		s.half = g.precision.Round(s.half)
		spread := 0.0
		for a, i := range shut {
			if !all {
				i = a
			}
			z := math.Abs(far.Centre.At(i, k))
			spread += z
			if z-far.Bound(i, k) < 2*s.half {
				s.inside = append(s.inside, shut[a])
			}
		}
		s.reach = 2 * s.half * float64(len(shut)) / spread
		if best == nil || len(s.inside) < len(best.inside) {
			best = s
		}
	}
	return best
}

// candidates returns hyperplanes through the span's rows, numbers of the
// precision: random ones, or, for few rows, one that keeps the same distance
// from each of them.
func (g *gater) candidates(span *fixed.Span, rest *certify.Enclosure, rows int) [][]float64 {
	_, d := g.in.Centre.Dims()
	var list [][]float64
	keep := func(w []float64) {
		if fixed.Normalize(w) {
			for j, v := range w {
				w[j] = g.precision.Round(v)
			}
			list = append(list, w)
		}
	}
	if free := float64(d + 1 - span.Size()); float64(rows) <= solvedRows*free {
		var away fixed.Span
		for i := range rows {
			away.Add(span.Complement(fixed.Homogeneous(rest.Centre.RawRowView(i))))
		}
		if away.Size() > 0 {
			ones := make([]float64, away.Size())
			for i := range ones {
				ones[i] = 1
			}
			keep(away.Interpolate(ones))
		}
	}
	for range slabTrials {
		z := make([]float64, d+1)
		for j := range z {
			z[j] = g.rng.NormFloat64()
		}
		keep(span.Complement(z))
	}
	return list
}

// smallestHalf is the half-width of a plateau whose rows lie exactly on the
// hyperplane.
const smallestHalf = 0x1p-20

// linear returns the layer of the functions w.x~.
func linear(w [][]float64) network.Layer {
	d := len(w[0]) - 1
	m := network.NewDense(len(w), d, make([]float64, len(w)*d))
	l := network.Layer{Map: m, Bias: make([]float64, len(w))}
	for k, row := range w {
		copy(m.Row(k), row[:d])
		l.Bias[k] = row[d]
	}
	return l
}

func rowsOf(e *certify.Enclosure) int { n, _ := e.Centre.Dims(); return n }

// A value is a unit of the layer behind the thresholds, inside its gate:
// s(w.h + base), h the outputs that the layer of thresholds had before.
type value struct {
	w    []float64 // nil for none
	base float64
	lift []float64 // its output weights
}

// gateUnits gathers the units of gates, to be added to a network in one go.
type gateUnits struct {
	gates  []*gate
	values [][]value
	steep  []float64 // of each gate, the weight that shuts it
}

// add adds a gate's units. The values are at most largest on any row.
func (u *gateUnits) add(r *gating, g *gate, largest float64, values []value) {
	precision := r.net.Precision
	thinnest := slices.Min(g.half)
	// Outside, the thresholds sum to half at least: twice what is needed.
	steep := precision.Round(2 * largest / thinnest * (1 + 4*precision.Eps()))
	u.gates, u.values, u.steep = append(u.gates, g), append(u.values, values), append(u.steep, steep)
}

// into returns the stage's network with the units. Layer by layer it adds the
// units that carry the gates from below, one each, and the thresholds of the
// gates that begin there; signal[k] tells where in the layer just made gate k has
// the units whose sum is 0 inside it.
func (u *gateUnits) into(s *stage) *network.Network {
	net := s.net
	signal := make([][2]int, len(u.gates))
	added := 0
	lowest := s.first
	for _, g := range u.gates {
		lowest = min(lowest, g.at)
	}
	for l := lowest; l <= s.first; l++ {
		_, own := s.net.Layers[l].Map.Dims()
		var units network.New
		for k, g := range u.gates {
			from := len(units.Bias)
			switch {
			case g.at < l:
				units.W, units.Bias = append(units.W, reading(own+added, own, signal[k], 1)), append(units.Bias, 0)
			case g.at == l:
				units.W, units.Bias = g.thresholds(units.W, units.Bias, own+added)
			}
			signal[k] = [2]int{from, len(units.Bias)}
		}
		net, added = net.AddUnits(l, units), len(units.Bias)
	}
	_, own := s.net.Layers[s.second].Map.Dims()
	var units network.New
	for k, values := range u.values {
		for _, v := range values {
			row := reading(own+added, own, signal[k], -u.steep[k])
			copy(row, v.w)
			units.W, units.Bias, units.Out = append(units.W, row), append(units.Bias, v.base), append(units.Out, v.lift)
		}
	}
	return net.AddUnits(s.second, units)
}

// reading returns a row of weights, all 0 but those of the added units from <= j
// < to behind the own ones.
func reading(width, own int, signal [2]int, weight float64) []float64 {
	row := make([]float64, width)
	for j := signal[0]; j < signal[1]; j++ {
		row[own+j] = weight
	}
	return row
}

// thresholds appends the gate's threshold units, which read a layer of that
// width.
func (g *gate) thresholds(w [][]float64, bias []float64, width int) ([][]float64, []float64) {
	precision := g.precision
	for k, slab := range g.slabs {
		d := len(slab) - 1
		up, down := make([]float64, width), make([]float64, width)
		copy(up, slab[:d])
		fixed.Axpy(down[:d], -1, slab[:d])
		w = append(w, up, down)
		bias = append(bias, precision.Round(slab[d]-g.half[k]), precision.Round(-slab[d]-g.half[k]))
	}
	return w, bias
}
