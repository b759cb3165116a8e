package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestAdam compares many steps with the algorithm as published, in float64.
func TestAdam(t *testing.T) {
	opt := Options{Optimizer: Adam, Rate: 0.01, Decay: 0.1, Schedule: Cosine}
	rng := rand.New(rand.NewPCG(1, 2))
	const n, steps = 50, 200
	w, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	want, m64, v64 := widen(w), make([]float64, n), make([]float64, n)
	for step := 1; step <= steps; step++ {
		rate := 0.01 * 0.5 * (1 + math.Cos(math.Pi*float64(step-1)/steps))
		for i := range g {
			g[i] = float32(rng.NormFloat64() * math.Pow(10, float64(i%9-6)))
			d := float64(g[i])
			m64[i] = 0.9*m64[i] + 0.1*d
			v64[i] = 0.999*v64[i] + 0.001*d*d
			first, second := m64[i]/(1-math.Pow(0.9, float64(step))), v64[i]/(1-math.Pow(0.999, float64(step)))
			want[i] = want[i]*(1-rate*0.1) - rate*first/(math.Sqrt(second)+1e-8)
		}
		s := newStride(&opt, step, steps)
		s.apply(w, g, m, v, true)
	}
	for i, x := range want {
		if math.Abs(float64(w[i])-x) > 1e-4 {
			t.Errorf("parameter %d is %v, want %v", i, w[i], x)
		}
	}
}

// TestMomentum compares with v <- mu v + g, w <- w - rate v.
func TestMomentum(t *testing.T) {
	for _, mu := range []float64{0, 0.9} {
		opt := Options{Optimizer: SGD, Rate: 0.1, Momentum: mu, Decay: 0.01, Schedule: Constant}
		w, m, want, velocity := []float32{1, -2}, []float32{0, 0}, []float64{1, -2}, []float64{0, 0}
		for step := 1; step <= 30; step++ {
			g := []float32{float32(step % 3), -0.5}
			s := newStride(&opt, step, 30)
			s.apply(w, g, m, nil, true)
			for i := range want {
				velocity[i] = mu*velocity[i] + float64(g[i])
				want[i] = want[i]*(1-0.1*0.01) - 0.1*velocity[i]
			}
		}
		for i := range want {
			if math.Abs(float64(w[i])-want[i]) > 1e-4 {
				t.Errorf("momentum %v: %v, want %v", mu, w, want)
			}
		}
	}
}

// TestMomentsStayNormal checks that the moments of a unit that fell asleep never
// become subnormal numbers, and that this is not seen in its weights.
func TestMomentsStayNormal(t *testing.T) {
	opt := Options{Optimizer: Adam, Rate: 1e-3, Schedule: Constant}
	w, m, v := []float32{0.5}, []float32{1e-3}, []float32{1e-6}
	for step := 1; step <= 100_000; step++ {
		s := newStride(&opt, step+1000, 1)
		s.apply(w, []float32{0}, m, v, true)
	}
	if m[0] < 0x1p-126 || v[0] < 0x1p-126 {
		t.Errorf("moments %v and %v", m[0], v[0])
	}
	before := w[0]
	for step := 1; step <= 100_000; step++ {
		s := newStride(&opt, step+200_000, 1)
		s.apply(w, []float32{0}, m, v, true)
	}
	if w[0] != before {
		t.Errorf("a weight without gradient moved from %v to %v", before, w[0])
	}
}

func TestSchedule(t *testing.T) {
	if Cosine.at(0, 100) != 1 || math.Abs(Cosine.at(50, 100)-0.5) > 1e-15 || Cosine.at(99, 100) > 1e-3 || Constant.at(99, 100) != 1 {
		t.Errorf("cosine starts at %v, is %v in the middle and %v at the end", Cosine.at(0, 100), Cosine.at(50, 100), Cosine.at(99, 100))
	}
}

// TestInits measures the variances, and that orthogonal rows or columns are
// orthogonal.
func TestInits(t *testing.T) {
	const units, inputs = 300, 200
	for init, want := range map[Init]float64{He: 2.0 / inputs, HeUniform: 2.0 / inputs, Glorot: 2.0 / (inputs + units), LeCun: 1.0 / inputs} {
		w := make([]float32, units*inputs)
		init.fill(w, units, inputs, false, rand.New(rand.NewPCG(1, 1)))
		sum, square := 0.0, 0.0
		for _, x := range w {
			sum, square = sum+float64(x), square+float64(x)*float64(x)
		}
		n := float64(len(w))
		if variance := square / n; math.Abs(variance/want-1) > 0.03 || math.Abs(sum/n) > 4*math.Sqrt(want/n) {
			t.Errorf("%s: mean %v, variance %v; want 0 and %v", init, sum/n, variance, want)
		}
	}
	for _, shape := range [][2]int{{30, 50}, {50, 30}, {20, 20}} {
		w := make([]float32, shape[0]*shape[1])
		Orthogonal.fill(w, shape[0], shape[1], false, rand.New(rand.NewPCG(1, 1)))
		a := mat.NewDense(shape[0], shape[1], widen(w))
		var gram mat.Dense
		if shape[0] <= shape[1] {
			gram.Mul(a, a.T())
		} else {
			gram.Mul(a.T(), a)
		}
		k, _ := gram.Dims()
		for i := range k {
			for j := range k {
				want := 0.0
				if i == j {
					want = 2
				}
				if math.Abs(gram.At(i, j)-want) > 1e-5 {
					t.Fatalf("%v: the product of rows %d and %d is %v", shape, i, j, gram.At(i, j))
				}
			}
		}
	}
}
