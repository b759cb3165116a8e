package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Normalization is what [Normalize] did.
type Normalization struct {
	Rows        int    `json:"rows"`
	Form        string `json:"form"` // in words: which normalized form it is
	UnitsBefore int    `json:"units_before"`
	UnitsAfter  int    `json:"units_after"`
	// Layers says what became of the units of every hidden layer; nil for the
	// form of one hidden layer, whose Cuts, Folded and Dropped tell.
	Layers  []NormalLayer `json:"layers,omitempty"`
	Cuts    int           `json:"cuts,omitempty"`
	Folded  int           `json:"folded,omitempty"`  // units that became affine
	Dropped int           `json:"dropped,omitempty"` // units without effect on these rows
	// Change is the largest change of an output on a row, as a fraction of that
	// output's range: rounding, not more.
	Change float64 `json:"change"`
}

// NormalLayer is what became of one hidden layer.
type NormalLayer struct {
	Units    int `json:"units"`
	Kept     int `json:"kept"`
	Dead     int `json:"dead"`     // asleep on all rows
	Unread   int `json:"unread"`   // with no weight in the next layer
	Constant int `json:"constant"` // put into the next layer's bias
	Merged   int `json:"merged"`   // into a unit that puts out a multiple of theirs
}

// Normalize writes net in normalized form on the rows of set (only its inputs
// are looked at): a float64 network with the same outputs on the rows, up to
// rounding, and in general others elsewhere.
//
// With one hidden layer that is the form of [phi.Normalize], in which two
// networks are the same solution exactly if their forms are. A deeper network is
// brought layer by layer into a form without what does not matter on the rows:
//
//	a  affine layers are multiplied into the next one
//	b  units that no one reads are dropped, from the last layer backwards
//	c  units asleep on all rows are dropped
//	e  units that put out a constant go into the next bias
//	f  units that put out multiples of each other are merged
//	s  every unit is scaled to |w| = 1
//	h  units are ordered by falling number of rows they are awake on
func Normalize(net *network.Network, set *dataset.Set) (*network.Network, *Normalization, error) {
	if err := fitsRows(net, set); err != nil {
		return nil, nil, err
	}
	n := &Normalization{Rows: set.N(), UnitsBefore: net.Units()}
	var out *network.Network
	if len(net.HiddenLayers()) <= 1 && len(innerLayers(net)) == len(net.HiddenLayers()) {
		form, err := phi.Normalize(net, set)
		if err != nil {
			return nil, nil, err
		}
		out = form.Network()
		n.Form, n.Cuts, n.Folded, n.Dropped = "one hidden layer: affine term and cuts of the rows", len(form.Cuts), form.Folded, form.Dropped
	} else {
		var err error
		if out, err = n.layers(net, set); err != nil {
			return nil, nil, err
		}
		n.Form = "layer by layer: live, distinct units of unit weight, in order"
	}
	n.UnitsAfter = out.Units()
	n.Change = largestChange(net.Eval(set.X), out.Eval(set.X))
	return out, n, nil
}

func fitsRows(net *network.Network, set *dataset.Set) error {
	if err := net.Validate(); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	if set.D() != net.Inputs() || set.N() == 0 {
		return fmt.Errorf("analyze: data of %d rows x %d columns for a network of %d inputs", set.N(), set.D(), net.Inputs())
	}
	return nil
}

// largestChange returns the largest |a - b| as a fraction of the range of the
// column of a.
func largestChange(a, b *mat.Dense) float64 {
	ranges := (&dataset.Set{Y: a}).Range()
	n, _ := a.Dims()
	largest := 0.0
	for i := range n {
		for o, v := range a.RawRowView(i) {
			largest = max(largest, math.Abs(v-b.At(i, o))/ranges[o])
		}
	}
	return largest
}

// maxWritten bounds the weights of a network that is written out densely.
const maxWritten = 1 << 25

// layers brings a network of several hidden layers into the form described at
// [Normalize].
func (n *Normalization) layers(net *network.Network, set *dataset.Set) (*network.Network, error) {
	chain, err := writtenOut(net)
	if err != nil {
		return nil, err
	}
	n.Layers = make([]NormalLayer, len(chain)-1)
	for l := len(chain) - 2; l >= 0; l-- {
		n.Layers[l].Units = chain[l].units()
		n.Layers[l].Unread = chain.keep(l, func(u int) bool { return mat.Norm(chain[l+1].w.ColView(u), 2) > 0 })
	}
	h := set.X
	for l := range n.Layers {
		h = chain.simplify(l, h, &n.Layers[l])
		n.Layers[l].Kept = chain[l].units()
	}
	return chain.network(net.Layers[len(net.Layers)-1].Act), nil
}

// affine is one layer written out: z = w h + b, units x inputs.
type affine struct {
	w *mat.Dense
	b []float64
}

func (a *affine) units() int { return len(a.b) }

// chain is hidden layers and the output layer, each followed by a ReLU but the
// last.
type chain []*affine

// writtenOut multiplies the affine layers of net into the ones that follow.
func writtenOut(net *network.Network) (chain, error) {
	total := 0
	for _, l := range net.Layers {
		out, in := l.Map.Dims()
		total += out * in
	}
	if total > maxWritten {
		return nil, fmt.Errorf("analyze: %d weights are too many to write out", total)
	}
	inner := innerLayers(net)
	var c chain
	var before *affine
	for i, l := range net.Dense().Layers {
		out, in := l.Map.Dims()
		a := &affine{mat.NewDense(out, in, slices.Clone(l.Map.(*network.Dense).W)), make([]float64, out)}
		copy(a.b, l.Bias)
		if before != nil {
			a = before.then(a)
		}
		before = a
		if slices.Contains(inner, i) {
			c, before = append(c, a), nil
		}
	}
	return append(c, before), nil
}

// then returns b after a.
func (a *affine) then(b *affine) *affine {
	w, moved := &mat.Dense{}, mat.NewVecDense(b.units(), nil)
	w.Mul(b.w, a.w)
	moved.MulVec(b.w, mat.NewVecDense(a.units(), a.b))
	bias := slices.Clone(b.b)
	for i := range bias {
		bias[i] += moved.AtVec(i)
	}
	return &affine{w, bias}
}

// keep drops the units of layer l that want does not hold for, but one at
// least, and returns how many.
func (c chain) keep(l int, want func(u int) bool) int {
	var kept []int
	for u := range c[l].units() {
		if want(u) {
			kept = append(kept, u)
		}
	}
	dropped := c[l].units() - len(kept)
	if len(kept) == 0 { // a layer needs a unit: one that is read with weight 0
		kept, dropped = []int{0}, dropped-1
		next := c[l+1].w
		rows, _ := next.Dims()
		for r := range rows {
			next.Set(r, 0, 0)
		}
	}
	c.arrange(l, kept)
	return dropped
}

// arrange keeps the given units of layer l, in that order.
func (c chain) arrange(l int, units []int) {
	a, next := c[l], c[l+1]
	_, in := a.w.Dims()
	w, b := mat.NewDense(len(units), in, nil), make([]float64, len(units))
	out, _ := next.w.Dims()
	read := mat.NewDense(out, len(units), nil)
	for k, u := range units {
		w.SetRow(k, a.w.RawRowView(u))
		b[k] = a.b[u]
		read.SetCol(k, mat.Col(nil, u, next.w))
	}
	c[l], c[l+1] = &affine{w, b}, &affine{read, next.b}
}

// outputs returns s(w h + b) on the rows of h.
func (a *affine) outputs(h *mat.Dense) *mat.Dense {
	var z mat.Dense
	z.Mul(h, a.w.T())
	n, _ := z.Dims()
	for i := range n {
		row := z.RawRowView(i)
		for u := range row {
			row[u] = max(row[u]+a.b[u], 0)
		}
	}
	return &z
}

// simplify does steps c to h on layer l, whose inputs on the rows are h, and
// returns its outputs afterwards.
func (c chain) simplify(l int, h *mat.Dense, what *NormalLayer) *mat.Dense {
	out := c[l].outputs(h)
	columns := columnsOf(out)
	next := c[l+1]
	drop := make([]bool, c[l].units())
	for u, col := range columns {
		lo, hi := slices.Min(col), slices.Max(col)
		switch {
		case hi == 0:
			drop[u] = true
			what.Dead++
		case lo == hi:
			drop[u] = true
			what.Constant++
			for r := range next.b {
				next.b[r] += hi * next.w.At(r, u)
			}
		}
	}
	for _, group := range parallelColumns(columns, mergeTolerance) {
		first := group[0]
		for _, u := range group[1:] {
			if drop[first] || drop[u] {
				continue
			}
			drop[u] = true
			what.Merged++
			c.merge(l, first, u, columns)
		}
	}
	c.keep(l, func(u int) bool { return !drop[u] })
	c.scale(l)
	c.sort(l, h)
	return c[l].outputs(h)
}

// mergeTolerance is the difference of two columns, relative to their size, that
// counts as rounding: a thousand roundings of float64.
const mergeTolerance = 1e-13 * 1e3

// merge reads unit u through unit first: next weight += ratio * weight.
func (c chain) merge(l, first, u int, columns [][]float64) {
	dot, square := 0.0, 0.0
	for i, v := range columns[first] {
		dot += v * columns[u][i]
		square += v * v
	}
	next := c[l+1].w
	rows, _ := next.Dims()
	for r := range rows {
		next.Set(r, first, next.At(r, first)+dot/square*next.At(r, u))
	}
}

// scale brings every unit to |w| = 1; its norm goes into the next layer.
func (c chain) scale(l int) {
	for u := range c[l].units() {
		size := mat.Norm(c[l].w.RowView(u), 2)
		if size == 0 {
			continue
		}
		row := c[l].w.RawRowView(u)
		for k := range row {
			row[k] /= size
		}
		c[l].b[u] /= size
		next := c[l+1].w
		rows, _ := next.Dims()
		for r := range rows {
			next.Set(r, u, next.At(r, u)*size)
		}
	}
}

// sort orders the units by falling number of awake rows, then by the first row
// they differ on, and then by their sizes.
func (c chain) sort(l int, h *mat.Dense) {
	columns := columnsOf(c[l].outputs(h))
	awake := make([]int, len(columns))
	order := make([]int, len(columns))
	for u, col := range columns {
		order[u] = u
		for _, v := range col {
			if v > 0 {
				awake[u]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if awake[a] != awake[b] {
			return awake[b] - awake[a]
		}
		for i, v := range columns[a] {
			if on, other := v > 0, columns[b][i] > 0; on != other {
				if on {
					return -1
				}
				return 1
			}
		}
		return cmp.Compare(columns[b][0], columns[a][0])
	})
	c.arrange(l, order)
}

func columnsOf(h *mat.Dense) [][]float64 {
	_, m := h.Dims()
	columns := make([][]float64, m)
	for u := range columns {
		columns[u] = mat.Col(nil, u, h)
	}
	return columns
}

// network returns the chain as a float64 network.
func (c chain) network(act network.Activation) *network.Network {
	net := &network.Network{}
	for l, a := range c {
		out, in := a.w.Dims()
		layer := network.Layer{Map: network.NewDense(out, in, slices.Clone(a.w.RawMatrix().Data)), Bias: a.b, Act: network.ReLU, Name: fmt.Sprintf("hidden%d", l+1)}
		if l == len(c)-1 {
			layer.Act, layer.Name = act, "output"
		}
		net.Layers = append(net.Layers, layer)
	}
	return net
}
