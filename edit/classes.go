package edit

import (
	"math"
	"slices"

	"hinge/network"
)

// raiseClasses adds, for every class, gates over the rows that should be of it
// and are not. A gate's one value unit is a constant on them, enough for the row
// that lacks the most, and raises the class's output only.
func (r *repair) raiseClasses() (*network.Network, error) {
	byClass := make([][]int, r.fix.P())
	for _, i := range r.wrong {
		c := r.fix.Class[i]
		byClass[c] = append(byClass[c], i)
	}
	var units gateUnits
	var failed []int
	for c, rows := range byClass {
		if len(rows) == 0 {
			continue
		}
		lift, err := r.lift(c)
		if err != nil {
			return nil, err
		}
		failed = append(failed, r.open(rows, func(g *gate) {
			lack := r.lack(g.rows, c)
			units.add(r, g, lack, []value{{base: lack, lift: lift}})
			r.note(g, r.fix.Schema.Classes[c], 2*len(g.slabs)+1)
		})...)
	}
	if len(failed) > 0 {
		return nil, r.impossible(failed)
	}
	return units.into(r.stage), nil
}

// lack returns what output c must gain, before the last activation, for the
// class to win on all the rows by the margin, rounded up.
func (r *repair) lack(rows []int, c int) float64 {
	most := 0.0
	for _, i := range rows {
		out := slices.Clone(r.out.RawRowView(i))
		out[c] = r.pre.At(i, c) // a ReLU at the end would hide how far down it is
		most = max(most, r.made.Margin-margin(out, c))
	}
	rounded := r.net.Precision.Round(most)
	if rounded < most {
		rounded = r.net.Precision.Round(math.Nextafter(most, math.Inf(1)) * (1 + 2*r.net.Precision.Eps()))
	}
	return rounded
}

// note tells of a gate that was added.
func (r *repair) note(g *gate, class string, units int) {
	rows := make([]int, len(g.rows))
	for k, i := range g.rows {
		rows[k] = r.fix.Rows[i]
	}
	slices.Sort(rows)
	r.made.Gates = append(r.made.Gates, Gate{Rows: rows, Class: class, Slabs: len(g.slabs), Reach: g.reach, Units: units})
}
