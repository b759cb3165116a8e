package edit

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// planted tells which units of a layer were made redundant, and how.
type planted map[int]string

// plant makes 30 % of the units of a dense hidden layer redundant on x: dead,
// copies at another scale, and, behind a layer whose units are all awake, affine
// combinations of others that are.
func plant(net *network.Network, x *mat.Dense, at int, rng *rand.Rand) planted {
	layer := &net.Layers[at]
	d := layer.Map.(*network.Dense)
	units := rng.Perm(d.Out)
	count := int(math.Round(0.3 * float64(d.Out)))
	made := planted{}
	in := x
	if at > 0 {
		in = net.Activations(x, at-1)
	}
	sums := func(j int) []float64 { // sorted, without the bias
		list := make([]float64, rowCount(in))
		for i := range list {
			list[i] = mat.Dot(mat.NewVecDense(d.In, d.Row(j)), in.RowView(i))
		}
		slices.Sort(list)
		return list
	}
	lift := func(j int, sign float64) { // the bias under which unit j is awake on all rows, or on none
		z := sums(j)
		layer.Bias[j] = sign * (1.5*max(-z[0], z[len(z)-1]) + 1)
	}
	spare := units[count:]
	on, cut := spare[:d.In], spare[d.In:]
	for _, j := range on {
		lift(j, 1)
	}
	for _, j := range cut { // awake on half of the rows
		z := sums(j)
		layer.Bias[j] = -z[len(z)/2]
	}
	for n, j := range units[:count] {
		switch n % 3 {
		case 0:
			lift(j, -1)
			made[j] = Dead
		case 1:
			of, by := cut[rng.IntN(len(cut))], 0.5+rng.Float64()
			for k, w := range d.Row(of) {
				d.Row(j)[k] = by * w
			}
			layer.Bias[j] = by * layer.Bias[of]
			made[j] = Multiple
		case 2:
			lift(j, 1)
			made[j] = AlwaysOn
		}
	}
	return made
}

// A network with 30 % planted redundancy loses exactly that, for the planted
// reasons, and gives the same outputs.
func TestPruneLosesWhatIsPlanted(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		for seed := range uint64(4) {
			acts, widths, at := "ri", []int{5, 40, 3}, 0
			if seed%2 == 1 {
				acts, widths, at = "rri", []int{5, 8, 60, 3}, 1
			}
			net := trained(100+seed, precision, acts, widths...)
			x := rows(110+seed, precision, 1500, 5)
			rng := rand.New(rand.NewPCG(seed, 9))
			first := plant(net, x, at, rng)
			net.Round()
			made, err := Prune(net, x, PruneOptions{})
			if err != nil {
				t.Fatal(err)
			}
			reasons := map[string]int{}
			for _, u := range made.Removed {
				reasons[u.Why]++
			}
			want := map[string]int{}
			for _, why := range first {
				want[why]++
			}
			if len(made.Removed) != len(first) || reasons[Dead] != want[Dead] || reasons[AlwaysOn] != want[AlwaysOn] || reasons[Multiple] != want[Multiple] {
				t.Errorf("%v, seed %d: removed %v, planted %v", precision, seed, reasons, want)
			}
			if made.Network.Units() != net.Units()-len(first) {
				t.Errorf("%d units are left of %d", made.Network.Units(), net.Units())
			}
			checkPruned(t, net, x, made)
		}
	}
}

// checkPruned wants the bounds to hold of the evaluated outputs.
func checkPruned(t *testing.T, net *network.Network, x *mat.Dense, made *Pruned) {
	t.Helper()
	before, after := net.Eval(x), made.Network.Eval(x)
	moved, decisions := 0.0, 0
	for i := range rowCount(x) {
		for j, v := range before.RawRowView(i) {
			moved = max(moved, math.Abs(v-after.At(i, j)))
		}
		if largest(before.RawRowView(i)) != largest(after.RawRowView(i)) {
			decisions++
		}
	}
	if moved > made.Moved || made.Beyond > made.Moved {
		t.Errorf("an output moved by %g; proved were %g and %g beyond", moved, made.Moved, made.Beyond)
	}
	if made.Proved && decisions > 0 {
		t.Errorf("%d decisions changed, proved were none", decisions)
	}
}

// Units that depend on several others in a second layer go, too.
func TestPruneCombinations(t *testing.T) {
	net := trained(120, network.Float64, "rri", 4, 12, 30, 2)
	// Unit k of the second layer reads s(a.h) and s(-a.h); their difference is affine
	// in h, as is that of the next pair: 12 units and a constant, 13 dimensions.
	d := net.Layers[1].Map.(*network.Dense)
	for k := range 15 {
		for j := range 12 {
			d.Row(15 + k)[j] = -d.Row(k)[j]
		}
		net.Layers[1].Bias[15+k] = -net.Layers[1].Bias[k]
	}
	x := rows(121, network.Float64, 900, 4)
	made, err := Prune(net, x, PruneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// 15 differences, and a constant, in 13 dimensions: three units are too many.
	combined := 0
	for _, u := range made.Removed {
		if u.Layer == 2 && u.Why == Combination {
			combined++
		}
	}
	if combined != 3 {
		t.Errorf("%d combinations were removed instead of 3: %+v", combined, made.Removed)
	}
	checkPruned(t, net, x, made)
}

// A layer that is awake on all rows is merged with the next where asked.
func TestPruneMergesLayers(t *testing.T) {
	net := trained(130, network.Float64, "rrri", 5, 20, 16, 12, 3)
	x := rows(131, network.Float64, 400, 5)
	for j := range net.Layers[1].Bias {
		net.Layers[1].Bias[j] = 60
	}
	for j := range net.Layers[2].Bias { // back to where the ReLU of the next layer is at work
		shift := 0.0
		for _, w := range net.Layers[2].Map.(*network.Dense).Row(j) {
			shift += 60 * w
		}
		net.Layers[2].Bias[j] -= shift
	}
	made, err := Prune(net, x, PruneOptions{Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(made.Merged, []int{2}) || len(made.Network.Layers) != 3 {
		t.Errorf("merged %v, %d layers are left", made.Merged, len(made.Network.Layers))
	}
	checkPruned(t, net, x, made)
	kept, err := Prune(net, x, PruneOptions{})
	if err != nil || len(kept.Merged) != 0 || len(kept.Network.Layers) != 4 {
		t.Errorf("layers were merged without being asked: %v, %v", kept.Merged, err)
	}
}

// Bits: only dead units go, and no bit moves.
func TestPruneKeepsBits(t *testing.T) {
	net := trained(140, network.Float64, "rri", 5, 40, 30, 3)
	x := rows(141, network.Float64, 500, 5)
	made := plant(net, x, 0, rand.New(rand.NewPCG(1, 1)))
	dead := 0
	for _, why := range made {
		if why == Dead {
			dead++
		}
	}
	pruned, err := Prune(net, x, PruneOptions{Preserve: Bits})
	if err != nil {
		t.Fatal(err)
	}
	inFirst := 0
	for _, u := range pruned.Removed {
		if u.Why != Dead {
			t.Errorf("%+v is removed", u)
		}
		if u.Layer == 1 {
			inFirst++
		}
	}
	if inFirst != dead {
		t.Errorf("%d units were removed, %d are dead", inFirst, dead)
	}
	checkPruned(t, net, x, pruned)
}

// Decisions: far fewer units, every decision proved.
func TestPruneToDecisions(t *testing.T) {
	// Two thick classes that few units tell apart, and a network with many.
	rng := rand.New(rand.NewPCG(150, 1))
	net := trained(151, network.Float64, "rri", 12, 120, 60, 3)
	x := mat.NewDense(1500, 12, nil)
	for i := range 1500 {
		for j := range 12 {
			x.Set(i, j, float64((i%3)*(j%3))*2+0.3*rng.NormFloat64())
		}
	}
	made, err := Prune(net, x, PruneOptions{Preserve: Decisions})
	if err != nil {
		t.Fatal(err)
	}
	if !made.Proved || made.Decisions != 0 {
		t.Errorf("the decisions of %d rows changed; proved: %v", made.Decisions, made.Proved)
	}
	if made.Network.Units() > net.Units()/2 {
		t.Errorf("%d of %d units are left", made.Network.Units(), net.Units())
	}
	checkPruned(t, net, x, made)
	if _, err := Prune(trained(152, network.Float64, "ri", 5, 9, 1), rows(153, network.Float64, 50, 5), PruneOptions{Preserve: Decisions}); err == nil {
		t.Error("a network of one output keeps its decisions")
	}
}

// The bounds hold for every order of summation of either network.
func TestPruneInOtherOrders(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := trained(160, precision, "rri", 5, 40, 30, 3)
		x := rows(161, precision, 60, 5)
		plant(net, x, 0, rand.New(rand.NewPCG(2, 2)))
		net.Round()
		made, err := Prune(net, x, PruneOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(10) {
			a, b := ordered(net, x, seed), ordered(made.Network, x, seed+100)
			var off mat.Dense
			off.Sub(a, b)
			if moved := max(mat.Max(&off), -mat.Min(&off)); moved > made.Moved {
				t.Errorf("%v: outputs moved by %g, proved were %g", precision, moved, made.Moved)
			}
		}
	}
}

func TestPruneSaysWhatDoesNotFit(t *testing.T) {
	var shape *ShapeError
	if _, err := Prune(trained(1, network.Float64, "ri", 4, 9, 1), rows(2, network.Float64, 5, 3), PruneOptions{}); !errors.As(err, &shape) {
		t.Errorf("got %v", err)
	}
}
