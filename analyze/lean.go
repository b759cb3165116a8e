package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Leaning is the units that one row's answer rests on. For classes a unit's
// part is (a_jc - a_jk) h_j: what it adds to the lead of the row's class c over
// the strongest other output k. For regression it is a_j h_j of the first
// output.
type Leaning struct {
	Row   int        `json:"row"`   // of the file
	Total float64    `json:"total"` // the lead, or the output: all parts and the bias
	Bias  float64    `json:"bias"`
	Units []UnitPart `json:"units"` // the largest parts, by size
	Awake int        `json:"awake"` // units awake on the row
	// Asked is true for a row that was named, false for one listed because it
	// is memorised.
	Asked bool `json:"asked"`
}

// UnitPart is one unit's part in an answer.
type UnitPart struct {
	Unit int     `json:"unit"` // from 0
	Part float64 `json:"part"`
}

// leanUnits is how many units a row lists, leanRows how many memorised rows are
// taken beside those that were asked for.
const leanUnits, leanRows = 5, 10

// lean fills in the rows that were asked for, and the most memorised ones.
func (y *Last) lean(j *job, weights *mat.Dense) {
	place := make(map[int]int, j.set.N())
	for i := range j.set.N() {
		place[rowOf(j.set, i)] = i
	}
	for _, m := range j.set.Merged {
		if i, ok := place[m.Into]; ok {
			place[m.Row] = i
		}
	}
	for _, row := range j.opt.Rows {
		i, ok := place[row]
		if !ok {
			y.Notes = append(y.Notes, fmt.Sprintf("There is no row %d among those analysed.", row))
			continue
		}
		y.Leaning = append(y.Leaning, j.leaning(i, row, weights, true))
	}
	if y.Memorised == nil {
		return
	}
	for _, m := range y.Memorised.Rows[:min(len(y.Memorised.Rows), leanRows)] {
		y.Leaning = append(y.Leaning, j.leaning(m.index, m.Row, weights, false))
	}
}

func (j *job) leaning(i, row int, weights *mat.Dense, asked bool) Leaning {
	_, m := j.last.Dims()
	h := j.last.Row(nil, i)
	w := mat.Col(nil, 0, weights) // m+1
	if j.set.IsClasses() {
		var out mat.Dense
		out.Mul(mat.NewDense(1, m+1, append(slices.Clone(h), 1)), weights)
		c := j.set.Class[i]
		k := runnerUp(out.RawRowView(0), c)
		for u := range w {
			w[u] = weights.At(u, c) - weights.At(u, k)
		}
	}
	l := Leaning{Row: row, Bias: w[m], Total: w[m], Asked: asked, Units: []UnitPart{}}
	for u, v := range h {
		if v == 0 {
			continue
		}
		l.Awake++
		l.Total += w[u] * v
		l.Units = append(l.Units, UnitPart{u, w[u] * v})
	}
	slices.SortStableFunc(l.Units, func(a, b UnitPart) int { return cmp.Compare(math.Abs(b.Part), math.Abs(a.Part)) })
	l.Units = slices.Clone(l.Units[:min(len(l.Units), leanUnits)])
	return l
}
