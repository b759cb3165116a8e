package edit

import (
	"math"
	"slices"
)

// raiseClasses adds, for every class, gates over the rows that should be of it
// and are not. A gate's one value unit is a constant on them, enough for the row
// that lacks the most, and raises the class's output only.
func (r *gating) raiseClasses() error {
	byClass := make([][]int, r.fix.P())
	for _, i := range r.wrong {
		c := r.fix.Class[i]
		byClass[c] = append(byClass[c], i)
	}
	var failed []int
	for c, rows := range byClass {
		if len(rows) == 0 {
			continue
		}
		lift, err := r.stage.lift(c)
		if err != nil {
			return err
		}
		rest, err := r.open(rows, func(g *gate) {
			lack := r.lack(g.rows, c)
			r.units.add(r, g, lack, []value{{base: lack, lift: lift}})
			r.note(g, r.fix.Schema.Classes[c], 1)
		})
		if err != nil {
			return err
		}
		failed = append(failed, rest...)
	}
	if len(failed) > 0 {
		return r.impossible(failed)
	}
	return nil
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
