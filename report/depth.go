package report

import (
	"errors"
	"fmt"
	"slices"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Depth is the same table in shallow and in deep networks, side by side: every
// construction that serves it, built, certified in both precisions, and its
// interpolation matrix read.
type Depth struct {
	Data
	// Sample is how many evenly spaced rows were built where the table has more;
	// 0 for all of them. Everything below is of these rows.
	Sample    int     `json:"sample"`
	Tolerance float64 `json:"tolerance"` // asked for; networks that miss it are listed with what they reach
	// Tolerance32 is that of float32: the same, or its default where that is larger.
	Tolerance32 float64     `json:"tolerance32"`
	Networks    []DepthRow  `json:"networks"` // by hidden layers, then by units
	Limits      []DepthRoom `json:"limits"`
	Refused     []string    `json:"refused"` // constructions that do not serve the table, and why
}

// DepthRow is one construction.
type DepthRow struct {
	Name         string          `json:"name"`
	HiddenLayers int             `json:"hidden_layers"`
	Units        int             `json:"units"`
	Parameters   int             `json:"parameters"`
	Limit        construct.Limit `json:"limit"`
	Ratio        float64         `json:"ratio"`
	// Of the interpolation matrix of the last hidden layer.
	PhiUnits  int      `json:"phi_units"`
	Nonzeros  int64    `json:"nonzeros"`
	Rank      *int     `json:"rank"` // of [Phi 1]
	Condition *float64 `json:"condition"`
	Solutions string   `json:"solutions"` // universal: these layers serve any targets
	// Certified for any order of summation; nil where nothing could be built.
	Float64 *DepthProof `json:"float64"`
	Float32 *DepthProof `json:"float32"`
}

// DepthProof is what a certificate reaches.
type DepthProof struct {
	Error  float64 `json:"error"`  // regression: bound of the error, as a fraction of the range
	Margin float64 `json:"margin"` // classes: bound of the least margin
	Rows   int     `json:"rows"`
	Hit    int     `json:"hit"` // rows proved to be hit with the tolerance asked for
}

// DepthRoom is what counting allows for some number of hidden layers.
type DepthRoom struct {
	HiddenLayers int             `json:"hidden_layers"` // 3 stands for any further number
	Limit        construct.Limit `json:"limit"`
}

// depthRows is how many rows are built at most: every construction, in both
// precisions, in seconds.
const depthRows = 400

// NewDepth builds and compares for a problem, whose precision is not asked: the
// named constructions, or all without names.
func NewDepth(p *construct.Problem, names ...string) *Depth {
	d := &Depth{Data: NewData(p.Set), Tolerance: p.Tolerance, Networks: []DepthRow{}, Refused: []string{}}
	d.Tolerance32 = max(p.Tolerance, construct.DefaultTolerance(network.Float32))
	q := *p
	if n := p.Set.N(); n > depthRows {
		rows := make([]int, depthRows)
		for k := range rows {
			rows[k] = k * n / depthRows
		}
		q.Set, d.Sample = p.Set.Select(rows), depthRows
	}
	for hidden := 1; hidden <= 3; hidden++ {
		d.Limits = append(d.Limits, DepthRoom{hidden, construct.LimitFor(q.Set, network.Float64, hidden)})
	}
	for _, c := range construct.Catalogue {
		if len(names) > 0 && !slices.Contains(names, c.Name) {
			continue
		}
		row, err := depthRow(c, &q, d.Tolerance32)
		if err != nil {
			d.Refused = append(d.Refused, err.Error())
			continue
		}
		at := 0
		for at < len(d.Networks) && !before(row, &d.Networks[at]) {
			at++
		}
		d.Networks = slices.Insert(d.Networks, at, *row)
	}
	return d
}

// before orders by hidden layers, many counting as three, then by units.
func before(a, b *DepthRow) bool {
	if la, lb := min(a.HiddenLayers, 3), min(b.HiddenLayers, 3); la != lb {
		return la < lb
	}
	return a.Units < b.Units
}

// depthRow builds one construction in both precisions.
func depthRow(c *construct.Construction, p *construct.Problem, tolerance32 float64) (*DepthRow, error) {
	p64 := *p
	p64.Precision = network.Float64
	net, proof, err := prove(c, &p64)
	if err != nil {
		return nil, err
	}
	hidden := len(net.HiddenLayers())
	if hidden == 0 && proof.Hit < proof.Rows {
		return nil, fmt.Errorf("construction %s: the targets are not affine in the inputs", c.Name)
	}
	size := construct.Size{HiddenLayers: hidden, Units: net.Units(), Parameters: net.Parameters()}
	limit := construct.LimitFor(p.Set, network.Float64, hidden)
	row := &DepthRow{
		Name: c.Name, HiddenLayers: hidden, Units: size.Units, Parameters: size.Parameters,
		Limit: limit, Ratio: construct.Ratio(size, limit), Float64: proof,
	}
	if hidden > 0 {
		facts, err := phi.Describe(net, p.Set, net.LastHidden(), phi.Options{Quick: true})
		if err != nil {
			return nil, err
		}
		row.PhiUnits, row.Nonzeros, row.Rank, row.Condition, row.Solutions = facts.Units, facts.Nonzeros, facts.RankWithBias, facts.Condition, facts.Class
	}
	if set, err := p.Set.Rounded(); err == nil { // rows may become one in float32
		p32 := *p
		p32.Set, p32.Precision, p32.Tolerance = set, network.Float32, tolerance32
		if _, proof, err := prove(c, &p32); err == nil {
			row.Float32 = proof
		}
	}
	return row, nil
}

// prove builds a construction for the least tolerance, in steps of a hundred from
// the one asked for, that it accepts, and certifies the network for the one asked
// for.
func prove(c *construct.Construction, p *construct.Problem) (*network.Network, *DepthProof, error) {
	loose := *p
	net, err := c.Construct(&loose)
	var unfit *construct.UnfitError
	for errors.As(err, &unfit) && !p.Set.IsClasses() && loose.Tolerance < 1e3 {
		loose.Tolerance *= 100
		if looser, e := c.Construct(&loose); e == nil {
			net, err = looser, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	cert, err := certify.Certify(net, p.Set, certify.Options{Tolerance: p.Tolerance})
	if err != nil {
		return nil, nil, err
	}
	return net, &DepthProof{Error: cert.MaxError, Margin: cert.MinMargin, Rows: cert.Rows, Hit: cert.Hit}, nil
}

// Text is a table with a line per network, and what counting allows.
func (d *Depth) Text() string {
	var f facts
	d.Data.addTo(&f)
	if d.Sample > 0 {
		f.add("", "compared on %s rows, evenly spaced", count(d.Sample))
	}
	f.b.WriteByte('\n')
	f.grid(d.Table(number))
	f.b.WriteByte('\n')
	for k, room := range d.Limits {
		name := ""
		if k == 0 {
			name = "counting"
		}
		f.add(name, "%s", room)
	}
	if d.Task == string(dataset.Classification) {
		f.add("errors", "the least margin by which the right class wins, proved for any order of summation")
	} else {
		f.add("errors", "bounds for any order of summation, as a fraction of the range; * above the tolerance of %s, in float32 %s", exact(d.Tolerance), exact(d.Tolerance32))
	}
	return f.String()
}

// String says what counting allows in words.
func (r DepthRoom) String() string {
	layers := several(r.HiddenLayers, "hidden layer", "hidden layers")
	if r.HiddenLayers > 2 {
		layers = "any depth"
	}
	if r.Limit.Units > 0 {
		return fmt.Sprintf("%s: at least %s, %s", layers, several(r.Limit.Units, "unit", "units"), several(r.Limit.Parameters, "parameter", "parameters"))
	}
	return fmt.Sprintf("%s: at least %s", layers, several(r.Limit.Parameters, "parameter", "parameters"))
}

// Table returns the networks as rows of cells under a head; figure writes the
// numbers that rounding touches.
func (d *Depth) Table(figure func(float64) string) [][]string {
	rows := [][]string{{"construction", "layers", "units", "parameters", "limit", "Phi", "nonzeros", "condition", "solutions", "float64", "float32"}}
	for k := range d.Networks {
		r := &d.Networks[k]
		matrix, nonzeros, condition, solutions := "none", "0", "-", "-"
		if r.HiddenLayers > 0 {
			matrix, nonzeros, solutions = fmt.Sprintf("%d x %d", r.Float64.Rows, r.PhiUnits), count(int(r.Nonzeros)), r.Solutions
		}
		if r.Condition != nil {
			condition = figure(*r.Condition)
		}
		limit := several(r.Limit.Parameters, "parameter", "parameters")
		if r.Limit.Units > 0 {
			limit = several(r.Limit.Units, "unit", "units")
		}
		rows = append(rows, []string{
			r.Name, fmt.Sprint(r.HiddenLayers), count(r.Units), count(r.Parameters), limit,
			matrix, nonzeros, condition, solutions, d.proofCell(r.Float64, figure), d.proofCell(r.Float32, figure),
		})
	}
	return rows
}

// proofCell writes what a certificate reaches.
func (d *Depth) proofCell(p *DepthProof, figure func(float64) string) string {
	switch {
	case p == nil:
		return "refused"
	case d.Task == string(dataset.Classification):
		if p.Hit < p.Rows {
			return fmt.Sprintf("%d of %d rows", p.Hit, p.Rows)
		}
		return figure(p.Margin)
	case p.Hit < p.Rows:
		return figure(p.Error) + " *"
	}
	return figure(p.Error)
}
