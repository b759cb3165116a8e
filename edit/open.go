package edit

import (
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/network"
)

// gating is a repair by gates.
//
// The thresholds of a gate stand in the layer before its value unit where that
// is possible. Rows that are equal there, or too near to each other, stay so in
// all later layers (F2 of docs/theory.md); their thresholds go into an earlier
// layer, down to the first, where the rows differ as the inputs do. The sum of
// the thresholds is then carried up by one unit a layer: it is not negative, so
// a ReLU copies it, and it is exactly 0 where all of them are.
type gating struct {
	*repair
	stage  *stage
	gaters map[int]*gater // by layer of thresholds
	most   int            // rows of a gate that sets values
	rng    *rand.Rand
	units  gateUnits
	gates  []Gate
}

// groupCaps are how many rows a gate that sets values may serve, one after the
// other tried until the values are proved: an affine function through many rows
// may be steep, and then rounding is felt. 0 is no limit.
var groupCaps = []int{0, 6, 2, 1}

// byGates adds gates for the rows to change.
func (r *repair) byGates() (*Repaired, error) {
	s, err := newStage(r.net)
	if err != nil {
		return nil, err
	}
	gaters := map[int]*gater{}
	var made *Repaired
	for _, most := range groupCaps {
		g := &gating{repair: r, stage: s, gaters: gaters, most: most, rng: rand.New(rand.NewPCG(r.opts.Seed, 0x6a7e5))}
		if r.fix.IsClasses() {
			err = g.raiseClasses()
		} else {
			err = g.setValues()
		}
		if err != nil {
			return nil, err
		}
		made, err = r.prove(&attempt{net: g.units.into(s), method: Gates, stage: s, gates: g.gates})
		if err != nil || made.proved() || r.fix.IsClasses() {
			break
		}
	}
	return made, err
}

// gater returns the gates' finder for thresholds in a layer.
func (r *gating) gater(at int) (*gater, error) {
	if r.gaters[at] == nil {
		in, err := certify.Enclose(r.stage.net, r.x, at)
		if err != nil {
			return nil, err
		}
		r.gaters[at] = &gater{in: in, keys: keysOf(in.Centre), precision: r.net.Precision, rng: r.rng}
	}
	r.gaters[at].rng = r.rng
	return r.gaters[at], nil
}

// groupShare is how many rows a gate is tried for at first, as a part of the
// numbers that enter the layer of thresholds, when there are manyNumbers or more:
// half of the directions then stay free to keep clear of the other rows. Of fewer
// numbers all are used: a hyperplane holds as many rows as it has dimensions.
const (
	groupShare  = 0.5
	manyNumbers = 20
)

// open finds gates for the rows, in the layer of the stage or an earlier one,
// and reports each to add. Rows that no gate serves are returned.
func (r *gating) open(rows []int, add func(g *gate)) (failed []int, err error) {
	for at := r.stage.first; at >= 0 && len(rows) > 0; at-- {
		if r.stage.net.Layers[at].Act != network.ReLU {
			continue
		}
		if rows, err = r.openAt(at, rows, add); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// openAt is open for one layer, with the rows in groups as large as may be.
func (r *gating) openAt(at int, rows []int, add func(g *gate)) (failed []int, err error) {
	f, err := r.gater(at)
	if err != nil {
		return nil, err
	}
	_, width := f.in.Centre.Dims()
	most := width
	if width >= manyNumbers {
		most = int(groupShare * float64(width))
	}
	rows, failed = apart(f.in.Centre, f.keys, rows)
	for size := most; len(rows) > 0; {
		take := min(size, len(rows))
		g := f.find(rows[:take], r.others(rows[:take]))
		switch {
		case g != nil:
			g.at = at
			add(g)
			rows, size = rows[take:], min(most, 2*size)
		case take > 1:
			size = take / 2
		default:
			failed = append(failed, rows[0])
			rows = rows[1:]
		}
	}
	return failed, nil
}

// apart splits rows to change into those that differ in h (n x m) from every
// row that must not go with them, and those that are equal to one; keys are those of h.
func apart(h *mat.Dense, keys []uint64, rows []int) (apart, equal []int) {
	like := make(map[uint64][]int, len(rows))
	for _, i := range rows {
		like[keys[i]] = append(like[keys[i]], i)
	}
	shared := map[int]bool{}
	for i, k := range keys {
		for _, j := range like[k] {
			if i != j && slices.Equal(h.RawRowView(i), h.RawRowView(j)) {
				shared[j] = true
			}
		}
	}
	for _, i := range rows {
		if shared[i] {
			equal = append(equal, i)
		} else {
			apart = append(apart, i)
		}
	}
	return apart, equal
}

// others returns the rows that are not of the group.
func (r *repair) others(group []int) []int {
	in := make([]bool, r.rows())
	for _, i := range group {
		in[i] = true
	}
	rest := make([]int, 0, len(in)-len(group))
	for i, member := range in {
		if !member {
			rest = append(rest, i)
		}
	}
	return rest
}

// note tells of a gate that was added, with so many value units.
func (r *gating) note(g *gate, class string, values int) {
	rows := make([]int, len(g.rows))
	for k, i := range g.rows {
		rows[k] = r.fix.Rows[i]
	}
	slices.Sort(rows)
	r.gates = append(r.gates, Gate{
		Rows: rows, Class: class, Layer: r.number(g.at), Slabs: len(g.slabs), Reach: g.reach,
		Units: 2*len(g.slabs) + r.stage.first - g.at + values,
	})
}

// number returns the number of layer l of the stage's network among its hidden
// layers, the first is 1.
func (r *gating) number(l int) int { return slices.Index(r.stage.net.HiddenLayers(), l) + 1 }

func (r *repair) impossible(rows []int) error {
	e := &ImpossibleError{Reason: "no gate in " + r.net.Precision.String() + " tells these rows from the other ones"}
	for _, i := range rows {
		e.Rows = append(e.Rows, r.fix.Rows[i])
	}
	if r.net.Precision == network.Float32 {
		e.Advice = "use float64"
	} else {
		e.Advice = "leave them out, or the rows that are nearly the same"
	}
	return e
}
