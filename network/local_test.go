package network

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// localNetwork is a deep network of m local units: pyramids around random
// points, s(h - max_j |x_j - v_j|), by way of ramps and maxima.
func localNetwork(rng *rand.Rand, d, m int, p Precision) *Network {
	ramps := &Projected{P: NewDense(d, d, make([]float64, d*d))}
	var bias []float64
	for j := range d {
		ramps.P.Row(j)[j] = 1
	}
	heights := make([]float64, m)
	for i := range m {
		heights[i] = 0.05 + rng.Float64()/5
		for j := range d {
			v := rng.NormFloat64()
			ramps.Pick = append(ramps.Pick, int32(j), int32(j))
			ramps.Scale = append(ramps.Scale, 1, -1)
			bias = append(bias, -v, v)
		}
	}
	sums := &Sparse{Out: m, In: 2 * d * m, RowPtr: []int{0}} // sum of |x_j - v_j|, unequally weighted
	top := &Sparse{Out: m, In: m, RowPtr: []int{0}}
	for i := range m {
		for k := range 2 * d {
			sums.Col, sums.Val = append(sums.Col, int32(2*d*i+k)), append(sums.Val, 0.5+rng.Float64())
		}
		sums.RowPtr = append(sums.RowPtr, len(sums.Col))
		top.Col, top.Val = append(top.Col, int32(m-1-i)), append(top.Val, -1)
		top.RowPtr = append(top.RowPtr, len(top.Col))
	}
	out := &Sparse{Out: 2, In: m, RowPtr: []int{0}}
	for range 2 {
		for i := range m {
			out.Col, out.Val = append(out.Col, int32(i)), append(out.Val, rng.NormFloat64())
		}
		out.RowPtr = append(out.RowPtr, len(out.Col))
	}
	n := &Network{Precision: p, Layers: []Layer{
		{Map: &Diagonal{D: repeat(d, 0.7)}, Bias: repeat(d, 0.1)},
		{Map: ramps, Bias: bias, Act: ReLU},
		{Map: sums, Act: ReLU},
		{Map: top, Bias: heights, Act: ReLU},
		{Map: out, Bias: []float64{1, 2}},
	}}
	n.Round()
	return n
}

func TestLocalUnitsAreFound(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 3))
		d, p := 1+int(seed%3), Precision(seed/3%2)
		n := localNetwork(rng, d, 1+rng.IntN(400), p)
		if err := n.Validate(); err != nil {
			t.Fatal(err)
		}
		x := mat.NewDense(1+rng.IntN(300), d, nil)
		x.Apply(func(int, int, float64) float64 { return math.Round(3*rng.NormFloat64()) / 4 }, x)
		l, ok := FindLocal(n, 3)
		if !ok {
			t.Fatal("no local units found")
		}
		awake, values, ok := l.Values(x)
		if !ok {
			t.Fatal("the search gave up")
		}
		want := n.Activations(x, 3)
		rows, units := want.Dims()
		got := mat.NewDense(rows, units, nil)
		for r := range rows {
			for k := awake.RowPtr[r]; k < awake.RowPtr[r+1]; k++ {
				got.Set(r, int(awake.Unit[k]), values[k])
			}
		}
		if !mat.Equal(got, want) {
			t.Fatalf("seed %d: other values than the network's", seed)
		}
		if out, ok := n.EvalLocal(x); !ok || !mat.Equal(out, n.Eval(x)) {
			t.Fatalf("seed %d: other outputs than the network's (%v)", seed, ok)
		}
	}
}

// TestMostBoundsEveryOrder evaluates cones at points of a box with sums in
// random orders.
func TestMostBoundsEveryOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for trial := range 200 {
		p := Precision(trial % 2)
		n := localNetwork(rng, 2, 3, p)
		l, _ := FindLocal(n, 3)
		cone := l.newCones().of(trial % 3)
		lo, hi := []float64{rng.NormFloat64(), rng.NormFloat64()}, make([]float64, 2)
		for j := range hi {
			lo[j] = p.Round(lo[j])
			hi[j] = p.Round(lo[j] + rng.ExpFloat64()/4)
		}
		most := cone.Most(lo, hi)
		for range 20 {
			h := []float64{p.Round(lo[0] + rng.Float64()*(hi[0]-lo[0])), p.Round(lo[1] + rng.Float64()*(hi[1]-lo[1]))}
			for i := range cone.Levels {
				v := &cone.Levels[i]
				var next []float64
				for u, bias := range v.Bias {
					var w, in []float64
					for k := v.Ptr[u]; k < v.Ptr[u+1]; k++ {
						w, in = append(w, v.Weight[k]), append(in, h[v.Slot[k]])
					}
					z := shuffledDot(p, rng, w, in, bias)
					if v.Act == ReLU {
						z = max(z, 0)
					}
					next = append(next, z)
				}
				h = next
			}
			if h[0] > most {
				t.Fatalf("trial %d: %v in some order, bound %v", trial, h[0], most)
			}
		}
	}
}
