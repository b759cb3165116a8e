package construct

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// outputs evaluates the realised layer on h.
func (r *Realised) outputs(h *mat.Dense, precision network.Precision) *mat.Dense {
	net := network.Network{Layers: []network.Layer{r.Layer}, Precision: precision}
	return net.Eval(h)
}

// checkRealised compares the layer's outputs with the columns of s it claims, and
// checks every obstacle: all columns must be one or the other.
func checkRealised(t *testing.T, r *Realised, h, s *mat.Dense, precision network.Precision) {
	t.Helper()
	n, q := s.Dims()
	if len(r.Columns)+len(r.Obstacles) != q {
		t.Fatalf("%d columns realised and %d refused of %d", len(r.Columns), len(r.Obstacles), q)
	}
	if len(r.Columns) > 0 {
		out := r.outputs(h, precision)
		for k, c := range r.Columns {
			for i := range n {
				want, got := s.At(i, c), out.At(i, k)
				if want == 0 && got != 0 || math.Abs(got-want) > realiseResidual(precision)*4*mat.Max(s.ColView(c)) {
					t.Errorf("row %d, column %d: %v, want %v", i, c, got, want)
				}
			}
		}
	}
	for _, o := range r.Obstacles {
		if err := o.Check(h, s); o.Kind == Undecided || err != nil {
			t.Errorf("%v: %v", &o, err)
		}
	}
}

// Lemma S: after a layer of full rank, every nonnegative matrix is a layer's output.
func TestRealiseFullRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	for _, shape := range [][3]int{{1, 1, 2}, {5, 4, 3}, {30, 45, 30}, {60, 59, 7}} {
		n, m, q := shape[0], shape[1], shape[2]
		h, s := gaussian(rng, n, m), mat.NewDense(n, q, nil)
		h.Apply(func(_, _ int, v float64) float64 { return max(v, 0) }, h)
		if m < n {
			h.Apply(func(_, _ int, v float64) float64 { return v + rng.Float64() }, h)
		}
		s.Apply(func(_, _ int, _ float64) float64 { return max(0, 1e3*rng.NormFloat64()) }, s)
		r, err := Realise(h, s, RealiseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Full || r.Rank != n || len(r.Columns) != q {
			t.Errorf("%v: %v", shape, r)
		}
		checkRealised(t, r, h, s, network.Float64)
	}
}

// The example of the theory: on a line, only the ends can be isolated.
func TestRealiseOnALine(t *testing.T) {
	h := mat.NewDense(4, 1, []float64{0, 1, 2, 3})
	s := mat.NewDense(4, 6, []float64{
		1, 0, 0, 0, 1, 0,
		0, 1, 0, 2, 2, 0,
		0, 0, 0, 4, 4, 0,
		0, 0, 5, 6, 8, 0,
	})
	r, err := Realise(h, s, RealiseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Columns, []int{0, 2, 5}) {
		t.Errorf("realised %v", r.Columns)
	}
	checkRealised(t, r, h, s, network.Float64)
	kinds := map[int]ObstacleKind{1: Surrounded, 3: Surrounded, 4: Inconsistent}
	for _, o := range r.Obstacles {
		if o.Kind != kinds[o.Column] {
			t.Errorf("%v, want %v", &o, kinds[o.Column])
		}
	}
}

// Columns made from units are realisable, and least squares does not find most of
// them; columns drawn at random with few rows off the support are decided too.
func TestRealiseBelowFullRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 5))
	for _, m := range []int{1, 2, 5, 12} {
		n, q := 40, 8
		h := gaussian(rng, n, m)
		z := mat.NewDense(n, q, nil)
		z.Mul(h, gaussian(rng, m, q))
		s := mat.NewDense(n, q, nil)
		for c := range q {
			for i := range n {
				s.Set(i, c, max(0, z.At(i, c)+0.1))
				if c == q-1 && s.At(i, c) > 0 {
					s.Set(i, c, 1+rng.Float64()) // no affine function
				}
				if c == q-2 {
					s.Set(i, c, float64(rng.IntN(8)/7)) // few rows at random
				}
			}
		}
		r, err := Realise(h, s, RealiseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		checkRealised(t, r, h, s, network.Float64)
		if len(r.Columns) < q-2 || len(r.Obstacles) < 1 {
			t.Errorf("m=%d: %v", m, r)
		}
	}
}

func TestRealiseInFloat32(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	h := gaussian(rng, 20, 40)
	h.Apply(func(_, _ int, v float64) float64 { return float64(float32(v)) }, h)
	s := mat.NewDense(20, 20, nil)
	for i := range 20 {
		s.Set(i, i, 1)
	}
	r, err := Realise(h, s, RealiseOptions{Precision: network.Float32})
	if err != nil {
		t.Fatal(err)
	}
	checkRealised(t, r, h, s, network.Float32)
	for _, v := range r.Layer.Bias {
		if v != float64(float32(v)) {
			t.Fatalf("%v is no float32 number", v)
		}
	}
}

// A certificate that was tampered with does not check.
func TestObstacleCheck(t *testing.T) {
	h, s := mat.NewDense(3, 1, []float64{0, 1, 2}), mat.NewDense(3, 1, []float64{0, 1, 0})
	r, err := Realise(h, s, RealiseOptions{})
	if err != nil || len(r.Obstacles) != 1 {
		t.Fatal(err, r)
	}
	o := r.Obstacles[0]
	if err := o.Check(h, s); err != nil {
		t.Fatal(err)
	}
	o.Weights[0].SetInt64(7)
	if o.Check(h, s) == nil {
		t.Error("weights that do not cancel pass")
	}
	moved := mat.NewDense(3, 1, []float64{0, 1.5, 2})
	if r.Obstacles[0].Check(moved, s) == nil {
		t.Error("other rows pass")
	}
}

func TestRealiseRefusesBadInput(t *testing.T) {
	good := mat.NewDense(2, 1, []float64{1, 2})
	for _, c := range []struct{ h, s *mat.Dense }{
		{nil, good}, {good, nil},
		{good, mat.NewDense(3, 1, nil)},
		{good, mat.NewDense(2, 1, []float64{1, -1})},
		{good, mat.NewDense(2, 1, []float64{1, math.NaN()})},
		{mat.NewDense(2, 1, []float64{math.Inf(1), 0}), good},
	} {
		if _, err := Realise(c.h, c.s, RealiseOptions{}); err == nil {
			t.Errorf("%v, %v pass", c.h, c.s)
		}
	}
}
