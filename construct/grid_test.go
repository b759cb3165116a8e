package construct_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// gridTable is a grid of random places with random targets, its rows shuffled.
type gridTable struct {
	place [][]float64
	y     *mat.Dense // vertex, last axis fastest
	set   *dataset.Set
}

func newGridTable(t testing.TB, seed uint64, precision network.Precision, outputs int, sizes ...int) gridTable {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	g, n := gridTable{}, 1
	for _, s := range sizes {
		places := make([]float64, s)
		at := 10 * rng.NormFloat64()
		for k := range places {
			at += math.Exp(rng.NormFloat64())
			places[k] = precision.Round(at)
		}
		g.place = append(g.place, places)
		n *= s
	}
	x := mat.NewDense(n, len(sizes), nil)
	g.y = mat.NewDense(n, outputs, nil)
	y := mat.NewDense(n, outputs, nil)
	order := rng.Perm(n)
	for v := range n {
		for o := range outputs {
			g.y.Set(v, o, precision.Round(rng.NormFloat64()))
		}
		rest := v
		for a := len(sizes) - 1; a >= 0; a-- {
			x.Set(order[v], a, g.place[a][rest%sizes[a]])
			rest /= sizes[a]
		}
		y.SetRow(order[v], g.y.RawRowView(v))
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	g.set = set
	return g
}

// interpolate is the reference: it sorts the fractions in the box and walks
// from the lower corner to the upper one, in float64. Outside, the nearest
// point of the grid counts.
func (g *gridTable) interpolate(x []float64) []float64 {
	type fraction struct {
		z      float64
		stride int
	}
	var fractions []fraction
	v, stride := 0, 1
	for a := len(g.place) - 1; a >= 0; a-- {
		places := g.place[a]
		if len(places) > 1 {
			k := max(0, min(len(places)-2, sort.SearchFloat64s(places, x[a])-1))
			z := (x[a] - places[k]) / (places[k+1] - places[k])
			fractions = append(fractions, fraction{max(0, min(1, z)), stride})
			v += k * stride
		}
		stride *= len(places)
	}
	sort.SliceStable(fractions, func(a, b int) bool { return fractions[a].z > fractions[b].z })
	_, p := g.y.Dims()
	out := make([]float64, p)
	before := 1.0
	for _, f := range append(fractions, fraction{}) {
		for o := range out {
			out[o] += (before - f.z) * g.y.At(v, o)
		}
		before = f.z
		v += f.stride
	}
	return out
}

var gridShapes = [][]int{{2}, {9}, {3, 2}, {7, 11}, {1, 6}, {4, 2, 5}, {6, 6, 6}, {3, 1, 4, 2}, {3, 4, 2, 5}}

func TestGridIsTheInterpolant(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for k, sizes := range gridShapes {
			g := newGridTable(t, uint64(k), precision, 1+k%3, sizes...)
			net, err := construct.BuildNamed(&construct.Problem{Set: g.set, Precision: precision}, "grid")
			if err != nil {
				t.Fatal(sizes, err)
			}
			if out := net.Eval(g.set.X); !mat.Equal(out, g.set.Y) {
				t.Errorf("%v %v: stored targets do not come back bit for bit", precision, sizes)
			}
			checkGridBetween(t, &g, net)
		}
	}
}

// checkGridBetween compares with the reference between the places and outside.
func checkGridBetween(t *testing.T, g *gridTable, net *network.Network) {
	t.Helper()
	x := g.around(300, net.Precision)
	out := net.Eval(x)
	if _, ok := network.FindGrid(net); !ok {
		t.Fatal("the grid is not found in the network")
	}
	if quick, ok := net.EvalLocal(x); !ok || !mat.Equal(quick, out) {
		t.Fatalf("%v: box by box the outputs are others than the network's (%v)", net, ok)
	}
	for i := range out.RawMatrix().Rows {
		for o, want := range g.interpolate(x.RawRowView(i)) {
			if got := out.At(i, o); math.Abs(got-want) > 256*net.Precision.Eps() {
				t.Fatalf("%v: at %v output %d is %v, interpolation gives %v", net, x.RawRowView(i), o, got, want)
			}
		}
	}
}

// around returns points in and around the grid, some in its planes.
func (g *gridTable) around(rows int, precision network.Precision) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(rows, len(g.place), nil)
	for i := range rows {
		for a, places := range g.place {
			lo, hi := places[0], places[len(places)-1]
			v := lo + (hi-lo)*(1.4*rng.Float64()-0.2)
			if rng.IntN(4) == 0 {
				v = places[rng.IntN(len(places))]
			}
			x.Set(i, a, precision.Round(v))
		}
	}
	return x
}

func TestGridRefusesOtherTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	random := mat.NewDense(30, 2, nil)
	for i := range 30 {
		random.SetRow(i, []float64{rng.Float64(), rng.Float64()})
	}
	hole := newGridTable(t, 1, network.Float64, 1, 4, 4).set.X
	wide := newGridTable(t, 1, network.Float64, 1, 2, 2, 2, 2, 2).set.X
	for name, x := range map[string]mat.Matrix{"random": random, "hole": hole.Slice(0, 15, 0, 2), "wide": wide} {
		n, d := x.Dims()
		y := mat.NewDense(n, 1, nil)
		for i := range n {
			y.Set(i, 0, rng.Float64())
		}
		set, err := dataset.New(mat.DenseCopyOf(x), y)
		if err != nil {
			t.Fatal(err)
		}
		_, err = construct.BuildNamed(&construct.Problem{Set: set}, "grid")
		var unfit *construct.UnfitError
		if !errors.As(err, &unfit) || unfit.Advice == "" {
			t.Errorf("%s, %d x %d: %v", name, n, d, err)
		}
	}
}

// A network that differs in one number is on no grid.
func TestFindGridReadsEveryNumber(t *testing.T) {
	for _, sizes := range [][]int{{5}, {3, 4}, {3, 2, 4}} {
		g := newGridTable(t, 4, network.Float64, 1, sizes...)
		net, err := construct.BuildNamed(&construct.Problem{Set: g.set}, "grid")
		if err != nil {
			t.Fatal(err)
		}
		x := g.around(20, net.Precision)
		for i, layer := range net.Layers[:len(net.Layers)-1] {
			arrays := [][]float64{layer.Bias}
			network.Weights(layer.Map, func(w []float64) { arrays = append(arrays, w) })
			for _, w := range arrays {
				for k := range w {
					before := w[k]
					w[k] = 0.99*before - 3e-3
					if _, ok := network.FindGrid(net); ok && i > 1 {
						t.Errorf("%v: number %d of layer %d was changed and the grid still found", sizes, k, i)
					}
					if y, ok := net.EvalLocal(x); ok && !mat.Equal(y, net.Eval(x)) {
						t.Errorf("%v: number %d of layer %d was changed: wrong outputs", sizes, k, i)
					}
					w[k] = before
				}
			}
		}
	}
}
