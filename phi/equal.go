package phi

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// equalTolerance is the difference of two cuts' contributions, relative to the
// terms they are sums of, that counts as rounding.
const equalTolerance = 1e-9

// Difference is the outcome of [Equal].
type Difference struct {
	// Equal says that the normalized forms agree: the same cuts of the rows,
	// and the same contributions of each on them.
	Equal bool `json:"equal"`
	// SameOnData says that the two functions agree on every row, whatever
	// their cuts.
	SameOnData bool    `json:"same_on_data"`
	Largest    float64 `json:"largest"` // largest |f - g| over rows and outputs
	Reason     string  `json:"reason"`  // the first difference, in words; empty when equal
}

func (d *Difference) String() string {
	switch {
	case d.Equal:
		return fmt.Sprintf("the same solution on this data (largest difference %.2g)", d.Largest)
	case d.SameOnData:
		return fmt.Sprintf("different solutions with the same values on this data (largest difference %.2g): %s", d.Largest, d.Reason)
	}
	return fmt.Sprintf("different on this data (largest difference %.2g): %s", d.Largest, d.Reason)
}

// Equal compares two networks of at most one hidden layer through their
// normalized forms on the Set. Units may be scaled, permuted, duplicated,
// split, turned, dead or always on in one and not in the other.
//
// Equal forms mean equal functions on the data. The converse does not hold:
// different cuts can give the same values; SameOnData tells that case.
func Equal(a, b *network.Network, set *dataset.Set) (*Difference, error) {
	if a.Outputs() != b.Outputs() {
		return &Difference{Largest: math.Inf(1), Reason: fmt.Sprintf("%d outputs against %d", a.Outputs(), b.Outputs())}, nil
	}
	f, err := Normalize(a, set)
	if err != nil {
		return nil, err
	}
	g, err := Normalize(b, set)
	if err != nil {
		return nil, err
	}
	return f.Compare(g), nil
}

// Compare returns the first difference of two normalized forms on the same
// rows.
func (f *Normal) Compare(g *Normal) *Difference {
	d := &Difference{}
	if f.N != g.N || f.D != g.D || f.P != g.P {
		d.Largest, d.Reason = math.Inf(1), fmt.Sprintf("shapes %d x %d -> %d against %d x %d -> %d", f.N, f.D, f.P, g.N, g.D, g.P)
		return d
	}
	at := f.compareValues(g, d)
	d.Reason = f.compareCuts(g)
	if d.Reason == "" && !d.SameOnData {
		d.Reason = fmt.Sprintf("the affine terms differ, first on row %d", at+1)
	}
	d.Equal = d.Reason == ""
	return d
}

// compareValues sets Largest and SameOnData and returns the first row (from 0)
// on which the functions differ, or -1.
func (f *Normal) compareValues(g *Normal, d *Difference) int {
	first := -1
	tolerance := equalTolerance * max(f.scale, g.scale)
	u, v := f.values(), g.values()
	for i := 0; i < f.N; i++ {
		for o, y := range u.RawRowView(i) {
			e := math.Abs(y - v.At(i, o))
			d.Largest = max(d.Largest, e)
			if e > tolerance && first < 0 {
				first = i
			}
		}
	}
	d.SameOnData = first < 0
	return first
}

// values returns f on all rows, n x p.
func (f *Normal) values() *mat.Dense {
	y := mat.NewDense(f.N, f.P, nil)
	for i := 0; i < f.N; i++ {
		f.addAffine(y.RawRowView(i), f.Affine, i)
	}
	for _, c := range f.Cuts {
		for k, i := range c.Rows {
			for o, v := range c.Values.RawRowView(k) {
				y.RawRowView(i)[o] += v
			}
		}
	}
	return y
}

// compareCuts merges the two ordered lists of cuts; a cut that only one form
// has counts as zero in the other.
func (f *Normal) compareCuts(g *Normal) string {
	for a, b := 0, 0; a < len(f.Cuts) || b < len(g.Cuts); {
		switch {
		case b == len(g.Cuts) || a < len(f.Cuts) && rowsBefore(f.Cuts[a].Rows, g.Cuts[b].Rows):
			if reason := missing(&f.Cuts[a], "first", f.scale); reason != "" {
				return reason
			}
			a++
		case a == len(f.Cuts) || rowsBefore(g.Cuts[b].Rows, f.Cuts[a].Rows):
			if reason := missing(&g.Cuts[b], "second", g.scale); reason != "" {
				return reason
			}
			b++
		default:
			if reason := differs(&f.Cuts[a], &g.Cuts[b]); reason != "" {
				return reason
			}
			a, b = a+1, b+1
		}
	}
	return ""
}

func missing(c *Cut, which string, scale float64) string {
	if largestEntry(c.Values) <= equalTolerance*c.size || largestEntry(c.Values) <= vanishing*scale {
		return ""
	}
	return fmt.Sprintf("only the %s network parts rows %s from the others", which, someRows(c.Rows))
}

func differs(a, b *Cut) string {
	tolerance := equalTolerance * max(a.size, b.size)
	for k, i := range a.Rows {
		for o, v := range a.Values.RawRowView(k) {
			if w := b.Values.At(k, o); math.Abs(v-w) > tolerance {
				return fmt.Sprintf("the cut of rows %s adds %.6g to output %d on row %d in the first network, %.6g in the second", someRows(a.Rows), v, o+1, i+1, w)
			}
		}
	}
	return ""
}

// someRows lists rows from 1, at most five.
func someRows(rows []int) string {
	s := ""
	for k, i := range rows {
		if k == 5 {
			return s + fmt.Sprintf(", ... (%d rows)", len(rows))
		}
		if k > 0 {
			s += ", "
		}
		s += fmt.Sprint(i + 1)
	}
	return s
}
