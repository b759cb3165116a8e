package train

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// TestTrace checks the trace of a run against what can be computed from its
// network by other means.
func TestTrace(t *testing.T) {
	set := rounded(t, dataset.Friedman(120, 0.5, 3))
	asked := 0
	r := mustRun(t, set, Options{Hidden: []int{30, 20}, Epochs: 3, Batch: 16, Trace: true, Cost: func(net *network.Network, set *dataset.Set, now *Measure) (*Cost, error) {
		asked++
		return Estimate(net, set, now)
	}})
	if len(r.History) != 4 || r.History[0].Epoch != 0 || asked != 4 {
		t.Fatalf("%d entries, the first of epoch %d; asked for the cost %d times", len(r.History), r.History[0].Epoch, asked)
	}
	for _, e := range r.History {
		trace := e.Trace
		if trace == nil || len(trace.Layers) != 2 || trace.Rows != 120 || e.Wrong == nil || e.Residual == nil || e.Cost == nil {
			t.Fatalf("epoch %d: %+v", e.Epoch, e)
		}
		if trace.Solved == nil || *trace.Solved > trace.Own*(1+1e-9) {
			t.Errorf("epoch %d: a solve leaves %v, the network itself %v", e.Epoch, *trace.Solved, trace.Own)
		}
		if math.Abs(trace.Own-*e.Residual) > 1e-4 {
			t.Errorf("epoch %d: residual %v by the trace, %v by the measure", e.Epoch, trace.Own, *e.Residual)
		}
	}
	last := r.History[3].Trace
	p := r.Network.Activations(set.X, r.Network.LastHidden())
	awake, n, m := 0, 120, 20
	for i := range n {
		for j := range m {
			if p.At(i, j) > 0 {
				awake++
			}
		}
	}
	if want := float64(awake) / float64(n*m); math.Abs(last.Layers[1].Density-want) > 1e-12 {
		t.Errorf("density %v, want %v", last.Layers[1].Density, want)
	}
	var svd mat.SVD
	if !svd.Factorize(p, mat.SVDNone) {
		t.Fatal("no singular values")
	}
	sigma, rank := svd.Values(nil), 0
	for _, s := range sigma {
		if s > 120*0x1p-23*sigma[0] {
			rank++
		}
	}
	if last.Layers[1].Rank == nil || *last.Layers[1].Rank != rank {
		t.Errorf("rank %v, want %d", last.Layers[1].Rank, rank)
	}
	if c := last.Layers[1].Condition; c == nil || math.Abs(*c*sigma[rank-1]/sigma[0]-1) > 1e-3 {
		t.Errorf("condition %v, want %v", c, sigma[0]/sigma[rank-1])
	}
}

// TestTraceOfClasses checks separability on sets where it is known: with more
// units than rows and full rank every class is separable; equal codes are not.
func TestTraceOfClasses(t *testing.T) {
	set := rounded(t, dataset.RandomClasses(60, 10, 2, 3))
	r := mustRun(t, set, Options{Hidden: []int{250}, Epochs: 1, Trace: true})
	wide := r.History[1].Trace
	if y := wide.Layers[0]; y.RankWithBias == nil || *y.RankWithBias != 60 || y.Class != phi.Universal || *wide.Solved != 0 || *wide.Separable != 2 {
		t.Errorf("250 units on 60 rows: %+v, rank %v", wide, y.RankWithBias)
	}
	if c := r.History[1].Cost; c.Method != "solve" && c.Wrong > 0 || c.Units != 0 {
		t.Errorf("cost of finishing: %+v", c)
	}
	dead := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(1, 10, make([]float64, 10)), Bias: []float64{-1}, Act: network.ReLU},
		{Map: network.NewDense(2, 1, []float64{1, 1}), Bias: []float64{0, 0}}}}
	trace, err := Look(dead, set)
	if err != nil {
		t.Fatal(err)
	}
	if y := trace.Layers[0]; y.Dead != 1 || *y.Rank != 0 || y.Density != 0 || *trace.Separable != 0 || trace.Own != 60 {
		t.Errorf("a dead unit: %+v", trace)
	}
}

// TestEstimate checks the counts behind the estimate.
func TestEstimate(t *testing.T) {
	net := func(units, d int) *network.Network {
		return &network.Network{Layers: []network.Layer{
			{Map: network.NewDense(units, d, make([]float64, units*d)), Act: network.ReLU},
			{Map: network.NewDense(2, units, make([]float64, 2*units))}}}
	}
	set := dataset.RandomClasses(500, 4, 2, 1)
	for _, c := range []struct {
		units, wrong int
		method       string
		added        int
	}{{11, 0, "none", 0}, {11, 1, "bumps", 3}, {11, 9, "bumps", 3}, {11, 10, "bumps", 6}, {1, 7, "bumps", 15}, {499, 5, "solve", 0}} {
		cost, err := Estimate(net(c.units, 4), set, &Measure{Wrong: c.wrong})
		if err != nil || cost.Method != c.method || cost.Units != c.added || cost.Wrong != c.wrong || !cost.Estimated {
			t.Errorf("%d units, %d wrong: %+v, %v", c.units, c.wrong, cost, err)
		}
	}
}

// TestCheaperThanEpoch checks the rule by which a training stops: the clock has no
// part in it.
func TestCheaperThanEpoch(t *testing.T) {
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(10, 100, make([]float64, 1000))}}}
	epoch := 6 * 5000 * 1000 / productSpeed
	if c := (&Cost{Seconds: 0.9*epoch + 5, Fixed: 5}); !c.CheaperThanEpoch(net, 5000) {
		t.Error("less than an epoch is not cheaper")
	}
	if c := (&Cost{Seconds: 1.1*epoch + 5, Fixed: 5}); c.CheaperThanEpoch(net, 5000) {
		t.Error("more than an epoch is cheaper")
	}
}

// TestDescribe plants what the normalized form takes away, and looks for it.
func TestDescribe(t *testing.T) {
	set := rounded(t, dataset.Friedman(50, 0, 2))
	r := mustRun(t, set, Options{Hidden: []int{12}, Epochs: 2})
	plain, err := Describe(r.Network, set, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Normal == nil || plain.Essential == nil || plain.Rows != 50 || plain.Units != 12 || plain.Constructed == nil {
		t.Fatalf("%+v", plain)
	}
	if *plain.Essential+*plain.Free != 12 {
		t.Errorf("%d essential and %d free of 12 units", *plain.Essential, *plain.Free)
	}
	hidden := r.Network.Layers[1].Map.(*network.Dense)
	copy(hidden.Row(3), hidden.Row(4)) // a duplicate
	r.Network.Layers[1].Bias[3] = r.Network.Layers[1].Bias[4]
	clear(hidden.Row(5)) // dead
	r.Network.Layers[1].Bias[5] = -1
	clear(hidden.Row(6)) // awake on all rows
	r.Network.Layers[1].Bias[6] = 1
	planted, err := Describe(r.Network, set, 1000)
	if err != nil {
		t.Fatal(err)
	}
	n := planted.Normal
	if n.Merged+n.Folded+n.Dropped+n.Cuts != 12 || n.Merged < 1 || n.Folded < 1 || n.Dropped < 1 {
		t.Errorf("normalized form with planted units: %+v", n)
	}
	if *planted.Free < 3 {
		t.Errorf("%d units free, three are planted", *planted.Free)
	}
	deep := mustRun(t, set, Options{Hidden: []int{6, 5}, Epochs: 1})
	if s, err := Describe(deep.Network, set, 20); err != nil || s.Normal != nil || s.Rows != 20 || s.Essential == nil {
		t.Errorf("two layers: %+v, %v", s, err)
	}
}
