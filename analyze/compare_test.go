package analyze

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// deep returns a random network of two hidden layers, and rows for it.
func deep(seed uint64) (*network.Network, *dataset.Set) {
	rng := rand.New(rand.NewPCG(seed, 3))
	layer := func(out, in int, act network.Activation) network.Layer {
		return network.Layer{Map: network.NewDense(out, in, random(rng, out, in).RawMatrix().Data), Bias: random(rng, 1, out).RawRowView(0), Act: act}
	}
	net := &network.Network{Layers: []network.Layer{layer(8, 3, network.ReLU), layer(6, 8, network.ReLU), layer(2, 6, network.Identity)}}
	x := random(rng, 150, 3)
	return net, &dataset.Set{X: x, Y: mat.NewDense(150, 2, nil)}
}

// disguised returns the same function on the rows with other units: hidden
// layer 1 turned round and scaled, and with a repetition and a dead unit more.
func disguised(net *network.Network) *network.Network {
	c, err := writtenOut(net)
	if err != nil {
		panic(err)
	}
	units := c[0].units()
	order := []int{0} // unit 0 stands twice; its weights are halved below
	for u := units - 1; u >= 0; u-- {
		order = append(order, u)
	}
	c.arrange(0, append(order, 1)) // and a copy of unit 1, to be killed
	last := len(c[0].b) - 1
	c[0].b[last] = -1e3
	rows, _ := c[1].w.Dims()
	for r := range rows {
		for u := range c[0].b {
			if u == 0 || u == units { // both copies of unit 0
				c[1].w.Set(r, u, c[1].w.At(r, u)/2)
			}
		}
	}
	for u := range c[0].b {
		factor := float64(u + 1)
		row := c[0].w.RawRowView(u)
		for k := range row {
			row[k] *= factor
		}
		c[0].b[u] *= factor
		for r := range rows {
			c[1].w.Set(r, u, c[1].w.At(r, u)/factor)
		}
	}
	return c.network(network.Identity)
}

func TestDisguisedNetworksAreTheSame(t *testing.T) {
	for seed := range uint64(5) {
		net, set := deep(seed)
		other := disguised(net)
		c, err := Compare(net, other, set, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.Same != SameValues || c.SameForm == nil || !*c.SameForm || c.FirstLayer != 0 || c.Layers[0].Units != [2]int{8, 10} {
			t.Errorf("seed %d: %+v", seed, c)
		}
		// And the same layer by layer in normalized form.
		a, na, err := Normalize(net, set)
		if err != nil {
			t.Fatal(err)
		}
		b, nb, err := Normalize(other, set)
		if err != nil {
			t.Fatal(err)
		}
		if na.Change > 1e-9 || nb.Change > 1e-9 || a.Units() != b.Units() {
			t.Errorf("seed %d: normalized, %d and %d units, changes %g and %g", seed, a.Units(), b.Units(), na.Change, nb.Change)
		}
		if nb.Layers[0].Dead < 1 || nb.Layers[0].Merged != 1 {
			t.Errorf("seed %d: %+v; one unit is dead, one repeated", seed, nb.Layers[0])
		}
		for l := range a.Layers {
			if d := largestChange(a.Activations(set.X, l), b.Activations(set.X, l)); d > 1e-9 {
				t.Errorf("seed %d: normalized layers %d differ by %g", seed, l, d)
			}
		}
	}
}

func TestFirstDifferenceIsNamed(t *testing.T) {
	net, set := deep(1)
	other, _ := deep(1)
	u := slices.IndexFunc(columnsOf(net.Activations(set.X, 1)), func(col []float64) bool { return slices.Max(col) > 1 })
	other.Layers[1].Bias[u] += 0.3
	c, err := Compare(net, other, set, 0)
	if err != nil {
		t.Fatal(err)
	}
	if c.Same != Different || *c.SameForm || c.FirstLayer != 2 || !slices.Equal(c.Layers[1].OnlyA, []int{u}) || !slices.Equal(c.Layers[1].OnlyB, []int{u}) {
		t.Errorf("%+v; hidden layer 2 differs in unit %d", c, u)
	}
	if c.FirstRow == 0 || c.RowsApart == 0 || c.Largest <= c.Tolerance {
		t.Errorf("first row %d of %d apart, largest %g", c.FirstRow, c.RowsApart, c.Largest)
	}
}

func TestGradesOfSameness(t *testing.T) {
	net, set := deep(2)
	self, err := Compare(net, net, set, 0)
	if err != nil || self.Same != SameBits || !*self.SameForm {
		t.Errorf("itself: %+v, %v", self, err)
	}
	// Outputs doubled: other values, the same decisions.
	twice, _ := deep(2)
	last := &twice.Layers[2]
	network.Weights(last.Map, func(w []float64) {
		for i := range w {
			w[i] *= 2
		}
	})
	for i := range last.Bias {
		last.Bias[i] *= 2
	}
	c, err := Compare(net, twice, set, 0)
	if err != nil || c.Same != SameDecisions || c.Decisions != 0 || *c.SameForm {
		t.Errorf("doubled: %+v, %v", c, err)
	}
	one, x := planted(3)
	if c, err = Compare(one, net, &dataset.Set{X: x, Y: mat.NewDense(80, 1, nil)}, 0); err != nil || c.Same != Different || *c.SameForm {
		t.Errorf("another number of outputs: %+v, %v", c, err)
	}
	if _, err = Compare(net, net, &dataset.Set{X: mat.NewDense(3, 5, nil)}, 0); err == nil {
		t.Error("rows of another width were taken")
	}
}

func TestNormalizeKeepsTheRows(t *testing.T) {
	for seed := range uint64(5) {
		net, x := planted(seed)
		set := &dataset.Set{X: x, Y: mat.NewDense(80, 1, nil)}
		out, n, err := Normalize(net, set)
		if err != nil {
			t.Fatal(err)
		}
		if d := largestChange(net.Eval(x), out.Eval(x)); d != n.Change || d > 1e-9 {
			t.Errorf("seed %d: outputs change by %g, it says %g", seed, d, n.Change)
		}
		if n.Layers[0].Unread != 1 || n.Layers[0].Merged != 1 || n.UnitsBefore != 14 || out.Units() != n.UnitsAfter || n.UnitsAfter >= 13 {
			t.Errorf("seed %d: %+v", seed, n)
		}
		again, m, err := Normalize(out, set)
		if err != nil || again.Units() != out.Units() || m.Layers[0].Dead+m.Layers[0].Merged+m.Layers[0].Unread != 0 {
			t.Errorf("seed %d: normalizing twice takes more away: %+v, %v", seed, m, err)
		}
	}
	// A hidden layer without any use leaves a constant.
	idle, set := deep(3)
	for i := range idle.Layers[0].Bias {
		idle.Layers[0].Bias[i] = -1e4
	}
	out, n, err := Normalize(idle, set)
	if err != nil || n.Change > 1e-12 || out.Units() > 2 {
		t.Errorf("dead layer: %d units, change %g, %v", out.Units(), n.Change, err)
	}
}
