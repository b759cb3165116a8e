package phi

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"hinge/dataset"
	"hinge/network"
)

// Facts is what is known of an interpolation matrix, for reports and JSON.
// A nil number was not computed; Notes say why.
type Facts struct {
	Layer int    `json:"layer"` // index of the layer in the network, -1 for the inputs
	Rows  int    `json:"rows"`
	Units int    `json:"units"`
	Form  Form   `json:"form"` // how the matrix was held
	Kind  Kind   `json:"kind"`
	Class string `json:"solutions"` // universal, specific, none or unknown
	Size  string `json:"size"`      // under-, exactly or over-parameterised

	Rank         *int     `json:"rank"`           // of Phi
	RankWithBias *int     `json:"rank_with_bias"` // of [Phi 1]
	RankMethod   string   `json:"rank_method"`
	SigmaFirst   *float64 `json:"sigma_first"` // largest singular value of Phi
	SigmaLast    *float64 `json:"sigma_last"`  // smallest that counts
	SigmaNext    *float64 `json:"sigma_next"`  // largest that does not; 0 for none
	Tolerance    *float64 `json:"tolerance"`   // the absolute tolerance between them
	RankLower    int      `json:"rank_lower"`  // proven bounds of the rank
	RankUpper    int      `json:"rank_upper"`
	Structural   *int     `json:"structural_rank"`
	Condition    *float64 `json:"condition"` // sigma_first / sigma_last

	Nonzeros       int64   `json:"nonzeros"`
	Density        float64 `json:"density"`
	PerRow         Spread  `json:"nonzeros_per_row"`
	PerUnit        Spread  `json:"nonzeros_per_unit"`
	Patterns       *int    `json:"patterns"` // different sets of awake units
	Dead           int     `json:"dead_units"`
	AlwaysOn       int     `json:"always_on_units"`
	Parallel       *int    `json:"parallel_units"` // units that repeat the direction of another
	Blocks         *int    `json:"blocks"`
	Affine         *int    `json:"solution_space_dimension"` // per output, of the weights [A; c] that give the same outputs on the data
	StructureNotes string  `json:"structure,omitempty"`

	Notes []string `json:"notes,omitempty"`
}

// Describe builds the interpolation matrix of layer on the Set and collects its
// Facts. Set.Y decides between specific solutions and none. A layer that is too
// large for the Options is described by its shape alone, with a note; any other
// fault is an error.
func Describe(net *network.Network, set *dataset.Set, layer int, opt Options) (*Facts, error) {
	p, err := Build(net, set.X, layer, opt)
	var size *SizeError
	if errors.As(err, &size) {
		n, m := size.Rows, size.Units
		return &Facts{Layer: layer, Rows: n, Units: m, Kind: UnknownKind, Class: UnknownClass, Size: sizeClass(n, m, -1),
			RankUpper: min(n, m), Notes: []string{err.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	f := p.Facts(set)
	f.Layer = layer
	return f, nil
}

// Facts collects what can be computed within the matrix's Options. The set may
// be nil; then solutions that are not universal are of unknown class.
func (p *Matrix) Facts(set *dataset.Set) *Facts {
	f := p.Counts()
	c := p.Classify(set)
	f.Kind, f.Class, f.Size, f.StructureNotes = c.Kind, c.Class, c.Size, c.Detail
	f.Blocks, f.Structural = c.Blocks, c.Structural
	f.setRank(c.Rank, c.RankWithBias, p.m)
	return f
}

// Counts returns the Facts that counting tells, known as soon as the matrix is
// built; rank, kind and class are left open.
func (p *Matrix) Counts() *Facts {
	f := &Facts{Layer: p.layer, Rows: p.n, Units: p.m, Form: p.form, Nonzeros: p.stats.Nonzeros, Density: p.Density(),
		Kind: UnknownKind, Class: UnknownClass, Size: sizeClass(p.n, p.m, -1), RankUpper: min(p.n, p.m),
		PerRow: p.stats.Rows(), PerUnit: p.stats.Units(), Dead: len(p.stats.Dead), AlwaysOn: len(p.stats.AlwaysOn)}
	if p.stats.Patterns >= 0 {
		f.Patterns = &p.stats.Patterns
	}
	if p.stats.ParallelKnown {
		extra := 0
		for _, g := range p.stats.Parallel {
			extra += len(g) - 1
		}
		f.Parallel = &extra
	}
	return f
}

func (f *Facts) setRank(r, biased *Rank, m int) {
	number := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	f.RankMethod, f.RankLower, f.RankUpper = r.Method, r.Lower, r.Upper
	f.SigmaFirst, f.SigmaLast, f.SigmaNext = number(r.First), number(r.Last), number(r.Next)
	if r.Known() {
		f.Rank = &r.Rank
		f.RankLower, f.RankUpper = r.Rank, r.Rank
		f.Tolerance = number(r.Tolerance)
		if r.Rank > 0 {
			f.Condition = number(r.First / r.Last)
		}
	} else {
		f.Notes = append(f.Notes, r.String())
	}
	if biased.Known() {
		f.RankWithBias = &biased.Rank
		free := m + 1 - biased.Rank
		f.Affine = &free
	} else {
		f.Notes = append(f.Notes, "with bias: "+biased.String())
	}
}

// String describes the matrix in a few lines.
func (f *Facts) String() string {
	var b strings.Builder
	of := fmt.Sprintf("layer %d", f.Layer)
	if f.Layer < 0 {
		of = "the inputs"
	}
	fmt.Fprintf(&b, "Phi of %s: %d rows x %d units, %s, %s, %s parameterised\n", of, f.Rows, f.Units, f.Kind, f.Class, f.Size)
	show := func(v *int) string {
		if v == nil {
			return "not computed"
		}
		return fmt.Sprint(*v)
	}
	fmt.Fprintf(&b, "  rank %s, with bias %s", show(f.Rank), show(f.RankWithBias))
	if f.SigmaLast != nil && f.SigmaNext != nil {
		fmt.Fprintf(&b, " (singular values %.3g .. %.3g, next %.3g)", *f.SigmaFirst, *f.SigmaLast, *f.SigmaNext)
	}
	if f.Structural != nil {
		fmt.Fprintf(&b, ", structural rank %d", *f.Structural)
	}
	if f.Condition != nil {
		fmt.Fprintf(&b, ", condition %.2g", *f.Condition)
	}
	fmt.Fprintf(&b, "\n  density %.3g, %d..%d awake units a row, %s activation patterns\n", f.Density, f.PerRow.Min, f.PerRow.Max, show(f.Patterns))
	fmt.Fprintf(&b, "  %d dead units, %d always on, %s parallel\n", f.Dead, f.AlwaysOn, show(f.Parallel))
	if f.StructureNotes != "" {
		fmt.Fprintf(&b, "  %s\n", f.StructureNotes)
	}
	for _, note := range f.Notes {
		fmt.Fprintf(&b, "  note: %s\n", note)
	}
	return b.String()
}
