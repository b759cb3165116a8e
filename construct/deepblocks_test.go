package construct

import (
	"math"
	"math/rand/v2"
	"testing"

	"hinge/dataset"
	"hinge/network"
)

// checkBlocks: on every row the units of its class are awake and no other.
func checkClassBlocks(t *testing.T, net *network.Network, p *Problem) {
	t.Helper()
	phi := net.Activations(p.Set.X, net.LastHidden())
	for i, own := range p.Set.Class {
		for c, v := range phi.RawRowView(i) {
			if (v > 0) != (c == own) {
				t.Fatalf("row %d of class %d: unit %d is %v", i, own, c, v)
			}
		}
	}
	holds(t, "class blocks", net, p)
}

// TestDeepBlocksGrown: classes drawn at random take about half as many units as
// rows, where a universal layer takes n-1.
func TestDeepBlocksGrown(t *testing.T) {
	for _, k := range []int{2, 4} {
		p := &Problem{Set: randomClasses(t, 3, 160, 5, k)}
		net, err := BuildNamed(p, "deep-blocks")
		if err != nil {
			t.Fatal(err)
		}
		checkClassBlocks(t, net, p)
		first := net.Layers[1].Width()
		t.Logf("160 random labels of %d classes: %d hyperplanes", k, first)
		if first > 120 {
			t.Errorf("%d hyperplanes for 160 rows of %d random classes", first, k)
		}
	}
}

// TestDeepBlocksPatched: nearly separable classes take few units each, whatever
// the number of rows, and layer 2 is block-diagonal.
func TestDeepBlocksPatched(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n, d, k = 1800, 12, 3
	x, class := gaussian(rng, n, d), make([]int, n)
	for i := range class {
		class[i] = i % k
		x.Set(i, class[i], x.At(i, class[i])+7)
		if i%100 == 0 {
			class[i] = (class[i] + 1) % k // an error of the table
		}
	}
	set, err := dataset.NewClasses(x, class, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	p := &Problem{Set: set}
	net, err := BuildNamed(p, "deep-blocks")
	if err != nil {
		t.Fatal(err)
	}
	checkClassBlocks(t, net, p)
	t.Logf("%d units", net.Units())
	if _, ok := net.Layers[2].Map.(*network.Blocks); !ok || net.Units() > 60 {
		t.Errorf("%d units, layer 2 is %v", net.Units(), net.Layers[2].Map)
	}
}

// TestDeepBlocksClusters: with numbers, one unit of each output is awake on a
// row, that of its cluster.
func TestDeepBlocksClusters(t *testing.T) {
	for _, c := range []struct{ n, d, outputs int }{{5, 1, 1}, {90, 3, 1}, {64, 2, 3}} {
		p := &Problem{Set: randomSet(t, 4, c.n, c.d, c.outputs)}
		net, err := BuildNamed(p, "deep-blocks")
		if err != nil {
			t.Fatal(err)
		}
		oneUnitAwake(t, net, p)
		holds(t, "clusters", net, p)
		phi := net.Activations(p.Set.X, net.LastHidden())
		_, units := phi.Dims()
		if units != clusters(c.n)*c.outputs {
			t.Errorf("%d units in the last layer, want %d", units, clusters(c.n)*c.outputs)
		}
		for u := range units {
			rows := 0
			for i := range c.n {
				if phi.At(i, u) > 0 {
					rows++
				}
			}
			if share := float64(c.n) / float64(clusters(c.n)); math.Abs(float64(rows)-share) > 1 {
				t.Errorf("unit %d is awake on %d rows, want about %.1f", u, rows, share)
			}
		}
	}
}

func TestDeepBlocksRefusesManyRandomLabels(t *testing.T) {
	checkUnfitIn(t, "deep-blocks", &Problem{Set: randomClasses(t, 1, 3000, 2, 2)})
	checkUnfitIn(t, "deep-blocks", &Problem{Set: randomSet(t, 1, 20000, 2, 1)})
}
