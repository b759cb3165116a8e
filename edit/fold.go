package edit

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/network"
	"hinge/phi"
)

// layerFacts is what is proved of the units of a layer on the rows.
type layerFacts struct {
	awake []int  // rows on which a unit may be awake
	on    []bool // it is awake on all rows in every runtime
	rows  int
}

// factsOf reads the facts of a layer off the enclosure of its outputs.
func factsOf(e *certify.Enclosure) *layerFacts {
	n, m := e.Centre.Dims()
	f := &layerFacts{awake: make([]int, m), on: make([]bool, m), rows: n}
	for j := range f.on {
		f.on[j] = true
	}
	for i := range n {
		for j := range m {
			if !e.Asleep(i, j) {
				f.awake[j]++
			}
			f.on[j] = f.on[j] && e.Centre.At(i, j)-e.Bound(i, j) > 0
		}
	}
	return f
}

func (f *layerFacts) allOn() bool { return !slices.Contains(f.on, false) }

// A fold is a choice of units to drop, and what takes their place.
type fold struct {
	facts *layerFacts
	keep  []int // units that stay, ascending
	drop  []int // the others, ascending
	// coef (len(keep)+1) x len(drop): the combination of the units that stay, and of 1,
	// that each dropped one is; nil when all are dead.
	coef   *mat.Dense
	misfit []float64 // of each dropped unit
}

// dead drops the units that are 0 on every row.
func (f *layerFacts) dead() *fold {
	d := &fold{facts: f}
	for j, rows := range f.awake {
		if rows == 0 {
			d.drop = append(d.drop, j)
		} else {
			d.keep = append(d.keep, j)
		}
	}
	if len(d.keep) == 0 { // a layer keeps one unit
		d.keep, d.drop = d.drop[:1], d.drop[1:]
	}
	d.misfit = make([]float64, len(d.drop))
	return d
}

// dependent drops the units that are dead or that the others span, to the rank
// tolerance.
func (f *layerFacts) dependent(net *network.Network, x *mat.Dense, at int, tolerance float64) (*fold, error) {
	m, err := phi.Build(net, x, at, phiOptions(tolerance))
	if err != nil {
		return nil, err
	}
	essential, free, err := m.Essential()
	if err != nil {
		return nil, err
	}
	if len(essential) == 0 {
		essential, free = free[:1], free[1:]
	}
	d := &fold{facts: f, keep: essential, drop: free, misfit: make([]float64, len(free))}
	if len(free) == 0 {
		return d, nil
	}
	r, err := m.Reduced()
	if err != nil {
		return nil, err
	}
	_, units := m.Dims()
	if d.coef, err = spanned(columns(r, append(slices.Clone(essential), units)), columns(r, free)); err != nil {
		return nil, err
	}
	if err := d.simplify(r, noise(net.Precision)); err != nil {
		return nil, err
	}
	d.measure(m)
	return d, nil
}

// spanned returns the coefficients by which the columns of a come closest to
// those of b.
func spanned(a, b *mat.Dense) (*mat.Dense, error) {
	var qr mat.QR
	qr.Factorize(a)
	coef := &mat.Dense{}
	if err := qr.SolveTo(coef, false, b); err != nil {
		if _, poor := err.(mat.Condition); !poor {
			return nil, err
		}
	}
	return coef, nil
}

// columns returns the given columns of m.
func columns(m *mat.Dense, which []int) *mat.Dense {
	n, _ := m.Dims()
	part := mat.NewDense(n, len(which), nil)
	for k, j := range which {
		for i := range n {
			part.Set(i, k, m.At(i, j))
		}
	}
	return part
}

// noise is the distance, relative to its length, at which a column counts as
// being what it is compared with: rounding of the numbers themselves.
func noise(p network.Precision) float64 {
	if p == network.Float32 {
		return 3e-6
	}
	return 1e-11
}

// simplify replaces the combinations that dropped units are by the simplest ones:
// nothing for a dead unit, one unit for a multiple, and units that are awake on
// all rows for one that is, too. r is the R factor of [Phi 1], whose columns have the
// lengths and products of those of [Phi 1].
func (d *fold) simplify(r *mat.Dense, noise float64) error {
	_, width := r.Dims()
	var on []int // places in keep
	for i, k := range d.keep {
		if d.facts.on[k] {
			on = append(on, i)
		}
	}
	among := make([]int, 0, len(on)+1)
	for _, i := range on {
		among = append(among, d.keep[i])
	}
	basis := columns(r, append(among, width-1))
	for f, j := range d.drop {
		column := columns(r, []int{j})
		if d.facts.awake[j] == 0 {
			d.setCoef(f, nil, nil)
			continue
		}
		if i, c := d.multiple(r, column, noise); i >= 0 {
			d.setCoef(f, []int{i}, []float64{c, 0})
			continue
		}
		if !d.facts.on[j] {
			continue
		}
		c, err := spanned(basis, column)
		if err != nil {
			return err
		}
		var rest mat.Dense
		rest.Mul(basis, c)
		rest.Sub(&rest, column)
		if mat.Norm(&rest, 2) <= noise*mat.Norm(column, 2) {
			d.setCoef(f, on, mat.Col(nil, 0, c))
		}
	}
	return nil
}

// multiple returns the place in keep of a unit that the column is a multiple of,
// and the factor; -1 when there is none.
func (d *fold) multiple(r, column *mat.Dense, noise float64) (int, float64) {
	for i, k := range d.keep {
		other := columns(r, []int{k})
		c := mat.Dot(other.ColView(0), column.ColView(0)) / mat.Dot(other.ColView(0), other.ColView(0))
		var rest mat.Dense
		rest.Scale(c, other)
		rest.Sub(&rest, column)
		if mat.Norm(&rest, 2) <= noise*mat.Norm(column, 2) {
			return i, c
		}
	}
	return -1, 0
}

// setCoef makes dropped unit f the combination of the units at those places of
// keep, the constant last in values.
func (d *fold) setCoef(f int, places []int, values []float64) {
	rows, _ := d.coef.Dims()
	for i := range rows {
		d.coef.Set(i, f, 0)
	}
	for k, i := range places {
		d.coef.Set(i, f, values[k])
	}
	if values != nil {
		d.coef.Set(rows-1, f, values[len(places)])
	}
}

// measure finds how far every combination is from its unit on the rows.
func (d *fold) measure(m *phi.Matrix) {
	largest := make([]float64, len(d.drop))
	m.EachRows(func(_ int, block *mat.Dense) {
		var fit mat.Dense
		stay := mat.NewDense(rowCount(block), len(d.keep)+1, nil)
		for i := range rowCount(block) {
			row := stay.RawRowView(i)
			for k, j := range d.keep {
				row[k] = block.At(i, j)
			}
			row[len(d.keep)] = 1
		}
		fit.Mul(stay, d.coef)
		for i := range rowCount(block) {
			for k, j := range d.drop {
				v := block.At(i, j)
				largest[k] = max(largest[k], math.Abs(v))
				d.misfit[k] = max(d.misfit[k], math.Abs(v-fit.At(i, k)))
			}
		}
	})
	for k, v := range largest {
		if v > 0 {
			d.misfit[k] /= v
		}
	}
}

// from returns the network without the dropped units of layer at.
func (d *fold) from(net *network.Network, at int) *network.Network {
	if len(d.drop) == 0 {
		return net
	}
	next, err := asDense(net.Layers[at+1].Map)
	if err != nil {
		return net
	}
	small := d.chosen(net, at)
	if small == nil {
		return net
	}
	behind := &small.Layers[at+1]
	a := network.NewDense(next.Out, len(d.keep), make([]float64, next.Out*len(d.keep)))
	offset := make([]float64, next.Out)
	copy(offset, behind.Bias)
	for o := range next.Out {
		was, is := next.Row(o), a.Row(o)
		for k, j := range d.keep {
			is[k] = was[j]
		}
		for f, j := range d.drop {
			if was[j] == 0 || d.coef == nil {
				continue
			}
			for k := range is {
				is[k] += was[j] * d.coef.At(k, f)
			}
			offset[o] += was[j] * d.coef.At(len(d.keep), f)
		}
	}
	behind.Map, behind.Bias = a, offset
	small.Round()
	return small
}

// chosen returns the network with only the units that stay in layer at, the
// layer behind as it was; nil for a structured layer too large to write out.
func (d *fold) chosen(net *network.Network, at int) *network.Network {
	this, err := asDense(net.Layers[at].Map)
	if err != nil {
		return nil
	}
	small := *net
	small.Layers = slices.Clone(net.Layers)
	layer := &small.Layers[at]
	w := network.NewDense(len(d.keep), this.In, make([]float64, len(d.keep)*this.In))
	var bias []float64
	for k, j := range d.keep {
		copy(w.Row(k), this.Row(j))
		if layer.Bias != nil {
			bias = append(bias, layer.Bias[j])
		}
	}
	layer.Map, layer.Bias = w, bias
	return &small
}

// removed lists the dropped units with the reason of each.
func (d *fold) removed(layer int) []Removed {
	var list []Removed
	for k, j := range d.drop {
		r := Removed{Layer: layer, Unit: j + 1, Why: Dead, Awake: d.facts.awake[j], Misfit: d.misfit[k]}
		if d.coef != nil && r.Awake > 0 {
			on := d.facts.on[j]
			for i, kept := range d.keep {
				if d.coef.At(i, k) != 0 {
					r.Of = append(r.Of, kept+1)
					on = on && d.facts.on[kept]
				}
			}
			switch {
			case len(r.Of) == 1 && d.coef.At(len(d.keep), k) == 0:
				r.Why = Multiple
			case on:
				r.Why = AlwaysOn
			default:
				r.Why = Combination
			}
		}
		list = append(list, r)
	}
	return list
}

// merge returns the network with layer at, taken as affine, put into the next
// one; nil when they are too large.
func merge(net *network.Network, at int) *network.Network {
	this, err := asDense(net.Layers[at].Map)
	next, err2 := asDense(net.Layers[at+1].Map)
	if err != nil || err2 != nil {
		return nil
	}
	var product mat.Dense
	product.Mul(mat.NewDense(next.Out, next.In, next.W), mat.NewDense(this.Out, this.In, this.W))
	bias := make([]float64, next.Out)
	copy(bias, net.Layers[at+1].Bias)
	for o := range next.Out {
		for j, w := range next.Row(o) {
			if net.Layers[at].Bias != nil {
				bias[o] += w * net.Layers[at].Bias[j]
			}
		}
	}
	small := *net
	small.Layers = slices.Concat(net.Layers[:at], []network.Layer{{
		Map: network.NewDense(next.Out, this.In, product.RawMatrix().Data), Bias: bias, Act: net.Layers[at+1].Act, Name: net.Layers[at+1].Name,
	}}, net.Layers[at+2:])
	small.Round()
	return &small
}
