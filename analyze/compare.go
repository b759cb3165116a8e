package analyze

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Grades of sameness of two functions on a table.
const (
	SameBits      = "bits"      // every output is the same number
	SameValues    = "values"    // the same up to the tolerance
	SameDecisions = "decisions" // the largest output is the same one on every row, its value is not
	Different     = "different"
)

// A Comparison tells how far two networks are the same on a table.
type Comparison struct {
	Rows    int    `json:"rows"`
	Inputs  int    `json:"inputs"`
	Outputs [2]int `json:"outputs"`
	Units   [2]int `json:"units"`
	// Same is one of the grades SameBits, SameValues, SameDecisions, Different.
	Same      string  `json:"same"`
	Tolerance float64 `json:"tolerance"` // as a fraction of each output's range over the rows
	// Largest is the largest difference of an output, as a fraction of the first
	// network's range of it; Row the row of the file where it is.
	Largest   float64 `json:"largest"`
	Row       int     `json:"row"`
	FirstRow  int     `json:"first_row"` // the first row that differs by more than the tolerance; 0 for none
	RowsApart int     `json:"rows_apart"`
	Decisions int     `json:"decisions_apart"` // rows with another largest output
	// SameForm says that the normalized forms agree; nil when it is not known.
	SameForm *bool `json:"same_form"`
	// Form says why, or where they differ first.
	Form   string          `json:"form"`
	Normal *phi.Difference `json:"normal,omitempty"` // for networks of at most one hidden layer
	Layers []LayerPair     `json:"layers"`
	// FirstLayer is the first pair of hidden layers (from 1) with units that have
	// no counterpart; 0 for none.
	FirstLayer int `json:"first_layer"`
}

// LayerPair compares hidden layers of the same number. A unit's counterpart
// puts out a positive multiple of the same numbers on the rows; dead units and
// repetitions do not count.
type LayerPair struct {
	Number  int    `json:"number"` // from 1
	Units   [2]int `json:"units"`
	Matched int    `json:"matched"` // units of the first with a counterpart in the second
	OnlyA   []int  `json:"only_first"`
	OnlyB   []int  `json:"only_second"`
	Rows    int    `json:"rows"` // compared on so many rows
}

// matchTolerances of units' outputs, relative to their largest: sums of a few
// hundred terms in one arithmetic, in two different orders.
const matchTolerance32, matchTolerance64 = 2e-4, 1e-9

// sameTolerances of outputs, as a fraction of their range.
const sameTolerance32, sameTolerance64 = 1e-4, 1e-9

// matchElements bounds the numbers of one layer that units are matched on;
// beyond it a sample of the rows stands for all.
const matchElements = 1 << 23

// Compare compares a and b on the inputs of set; its targets are not looked at.
// A tolerance of 0 means 1e-9 of an output's range, or 1e-4 when one of the
// networks is float32. Networks with different numbers of inputs are an error.
func Compare(a, b *network.Network, set *dataset.Set, tolerance float64) (*Comparison, error) {
	for _, net := range []*network.Network{a, b} {
		if err := fitsRows(net, set); err != nil {
			return nil, err
		}
	}
	match, same := matchTolerance64, sameTolerance64
	if a.Precision == network.Float32 || b.Precision == network.Float32 {
		match, same = matchTolerance32, sameTolerance32
	}
	if tolerance > 0 {
		same = tolerance
	}
	c := &Comparison{Rows: set.N(), Inputs: set.D(), Outputs: [2]int{a.Outputs(), b.Outputs()},
		Units: [2]int{a.Units(), b.Units()}, Tolerance: same, Layers: []LayerPair{}}
	if a.Outputs() != b.Outputs() {
		c.Same, c.Form = Different, fmt.Sprintf("%d outputs against %d", a.Outputs(), b.Outputs())
		no := false
		c.SameForm = &no
		return c, nil
	}
	c.values(a.Eval(set.X), b.Eval(set.X), set)
	c.layers(a, b, set, match)
	c.form(a, b, set)
	return c, nil
}

// values grades the outputs f and g (n x p).
func (c *Comparison) values(f, g *mat.Dense, set *dataset.Set) {
	n, p := f.Dims()
	ranges := (&dataset.Set{Y: f}).Range()
	bits := true
	for i := range n {
		worst, u, v := 0.0, f.RawRowView(i), g.RawRowView(i)
		for o := range u {
			bits = bits && u[o] == v[o]
			e := math.Abs(u[o]-v[o]) / ranges[o]
			if math.IsNaN(e) {
				e = math.MaxFloat64
			}
			worst = max(worst, e)
		}
		if worst > c.Largest || c.Row == 0 {
			c.Largest, c.Row = worst, rowOf(set, i)
		}
		if worst > c.Tolerance {
			c.RowsApart++
			if c.FirstRow == 0 {
				c.FirstRow = rowOf(set, i)
			}
		}
		if p > 1 && runnerUp(u, -1) != runnerUp(v, -1) {
			c.Decisions++
		}
	}
	switch {
	case bits:
		c.Same = SameBits
	case c.RowsApart == 0:
		c.Same = SameValues
	case p > 1 && c.Decisions == 0:
		c.Same = SameDecisions
	default:
		c.Same = Different
	}
}

// layers matches the units of hidden layers of the same number.
func (c *Comparison) layers(a, b *network.Network, set *dataset.Set, tolerance float64) {
	left, right := innerLayers(a), innerLayers(b)
	for k := range min(len(left), len(right)) {
		widest := max(a.Layers[left[k]].Width(), b.Layers[right[k]].Width())
		rows := sampleRows(set.N(), max(1, matchElements/widest), 0)
		x := pick(set.X, rows)
		f, g := columnsOf(a.Activations(x, left[k])), columnsOf(b.Activations(x, right[k]))
		pair := LayerPair{Number: k + 1, Units: [2]int{len(f), len(g)}, Rows: len(rows)}
		pair.Matched, pair.OnlyA, pair.OnlyB = matchColumns(f, g, tolerance)
		pair.OnlyA, pair.OnlyB = list(pair.OnlyA), list(pair.OnlyB)
		if len(pair.OnlyA)+len(pair.OnlyB) > 0 && c.FirstLayer == 0 {
			c.FirstLayer = k + 1
		}
		c.Layers = append(c.Layers, pair)
	}
}

// form decides whether the normalized forms agree.
func (c *Comparison) form(a, b *network.Network, set *dataset.Set) {
	depth := [2]int{len(innerLayers(a)), len(innerLayers(b))}
	agree := func(yes bool, format string, args ...any) {
		c.SameForm, c.Form = &yes, fmt.Sprintf(format, args...)
	}
	same := c.Same == SameBits || c.Same == SameValues
	if depth[0] <= 1 && depth[1] <= 1 {
		d, err := phi.Equal(a, b, set)
		if err == nil {
			c.Normal = d
			if d.Equal || !same {
				agree(d.Equal, "%v", d)
				return
			}
		}
	}
	switch {
	case depth[0] != depth[1]:
		agree(false, "%d hidden layers against %d", depth[0], depth[1])
	case c.FirstLayer > 0:
		pair := c.Layers[c.FirstLayer-1]
		agree(false, "hidden layer %d is the first to differ: %d units of the first network and %d of the second have no counterpart",
			c.FirstLayer, len(pair.OnlyA), len(pair.OnlyB))
	case !same:
		agree(false, "the hidden layers agree, the output layers do not")
	default:
		agree(true, "the same units in every hidden layer, up to order and scale, and the same values")
	}
}
