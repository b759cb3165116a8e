package train

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// reference is gradient descent written down plainly in float64: the mean loss of
// a batch and its gradient by every weight and bias.
type reference struct {
	w []*mat.Dense // units x inputs
	b [][]float64
}

func referenceOf(r *run) *reference {
	ref := &reference{}
	for _, l := range r.layers {
		ref.w = append(ref.w, mat.NewDense(l.units, l.inputs, widen(l.w)))
		ref.b = append(ref.b, widen(l.b))
	}
	return ref
}

// gradient adds the gradient of one row's loss, divided by n, to gw and gb.
func (ref *reference) gradient(x []float64, class int, y []float64, n float64, gw []*mat.Dense, gb [][]float64) float64 {
	acts := [][]float64{x}
	for l := range ref.w {
		units, _ := ref.w[l].Dims()
		out := make([]float64, units)
		for i := range out {
			out[i] = ref.b[l][i]
			for j, v := range acts[l] {
				out[i] += ref.w[l].At(i, j) * v
			}
			if l < len(ref.w)-1 {
				out[i] = max(out[i], 0)
			}
		}
		acts = append(acts, out)
	}
	out := acts[len(acts)-1]
	delta, loss := make([]float64, len(out)), 0.0
	if y == nil {
		sum := 0.0
		for _, v := range out {
			sum += math.Exp(v)
		}
		for j, v := range out {
			delta[j] = math.Exp(v) / sum
		}
		loss = -math.Log(delta[class])
		delta[class]--
	} else {
		for j, v := range out {
			delta[j] = v - y[j]
			loss += delta[j] * delta[j] / 2
		}
	}
	for l := len(ref.w) - 1; l >= 0; l-- {
		back := make([]float64, len(acts[l]))
		for i, d := range delta {
			gb[l][i] += d / n
			for j, v := range acts[l] {
				gw[l].Set(i, j, gw[l].At(i, j)+d*v/n)
				if v > 0 {
					back[j] += d * ref.w[l].At(i, j)
				}
			}
		}
		delta = back
	}
	return loss
}

// TestGradient compares one step of plain gradient descent with the reference,
// for odd sizes that do and do not fill blocks.
func TestGradient(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    *dataset.Set
		hidden []int
		batch  int
	}{
		{"classes, one layer", manyClasses(t, 150, 6, 4), []int{131}, 150},
		{"classes, three layers", manyClasses(t, 90, 5, 3), []int{17, 260, 5}, 33},
		{"regression", dataset.RandomReal(70, 4, 3, 1), []int{129}, 70},
		{"regression, two layers", dataset.RandomReal(40, 1, 1, 2), []int{8, 3}, 1},
	} {
		t.Run(c.name, func(t *testing.T) { checkStep(t, rounded(t, c.set), c.hidden, c.batch) })
	}
}

func checkStep(t *testing.T, set *dataset.Set, hidden []int, batch int) {
	opt, err := Options{Hidden: hidden, Batch: batch, Optimizer: SGD, Rate: 1, Threads: 2}.settled()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(set, opt)
	if err != nil {
		t.Fatal(err)
	}
	ref := referenceOf(r)
	var gw []*mat.Dense
	var gb [][]float64
	for l := range ref.w {
		units, inputs := ref.w[l].Dims()
		gw, gb = append(gw, mat.NewDense(units, inputs, nil)), append(gb, make([]float64, units))
	}
	rows := rand.New(rand.NewPCG(1, 1)).Perm(set.N())[:batch]
	losses := make([]float64, batch)
	for k, i := range rows {
		x := widen(r.table.x[i*r.table.d : (i+1)*r.table.d])
		class, y := 0, []float64(nil)
		if set.IsClasses() {
			class = set.Class[i]
		} else {
			y = widen(r.table.y[i*r.table.p : (i+1)*r.table.p])
		}
		losses[k] = ref.gradient(x, class, y, float64(batch), gw, gb)
	}
	crew := newCrew(2)
	defer crew.dismiss()
	r.gather(r.batch.next, rows, 0, batch)
	r.step(crew, rows, nil)
	for k, want := range losses {
		if math.Abs(r.batch.losses[k]-want) > 1e-4*(1+want) {
			t.Fatalf("row %d has the loss %v, want %v", k, r.batch.losses[k], want)
		}
	}
	for l, y := range r.layers {
		compareStep(t, l, "weight", widen(y.w), ref.w[l].RawMatrix().Data, gw[l].RawMatrix().Data)
		compareStep(t, l, "bias", widen(y.b), ref.b[l], gb[l])
	}
}

// compareStep checks that now = before - gradient, to float32's precision.
func compareStep(t *testing.T, l int, what string, now, before, gradient []float64) {
	t.Helper()
	scale := 0.0
	for _, g := range gradient {
		scale = max(scale, math.Abs(g))
	}
	if scale == 0 {
		t.Fatalf("layer %d: every %s has the gradient 0: nothing is tested", l, what)
	}
	for i, g := range gradient {
		if diff := math.Abs(before[i] - now[i] - g); !(diff <= 1e-5*scale+1e-6*math.Abs(before[i])) {
			t.Fatalf("layer %d: %s %d moved by %v, want %v", l, what, i, before[i]-now[i], g)
		}
	}
}

// TestLosses compares the losses with their definitions at ordinary and extreme
// outputs.
func TestLosses(t *testing.T) {
	delta := make([]float32, 3)
	for _, out := range [][]float32{{1, 2, 3}, {0, 0, 0}, {-200, 300, 5}, {1e6, -1e6, 0}} {
		for class := range out {
			loss, missed := crossEntropy(delta, out, class, 1)
			most := max(out[0], out[1], out[2])
			sum := 0.0
			for _, v := range out {
				sum += math.Exp(float64(v - most))
			}
			if want := math.Log(sum) - float64(out[class]-most); math.Abs(loss-want) > 1e-12*(1+want) {
				t.Errorf("loss %v of %v, class %d; want %v", loss, out, class, want)
			}
			wins, total := true, 0.0
			for j, v := range out {
				wins = wins && (j == class || v < out[class])
				want := math.Exp(float64(v-most)) / sum
				if j == class {
					want--
				}
				if math.Abs(float64(delta[j])-want) > 1e-6 {
					t.Errorf("gradient %v of %v, class %d; want %v", delta, out, class, want)
				}
				total += float64(delta[j])
			}
			if missed == wins || math.Abs(total) > 1e-6 {
				t.Errorf("%v, class %d: missed %v, gradients sum to %v", out, class, missed, total)
			}
		}
	}
	if loss := squaredError(delta, []float32{1, 2, 3}, []float32{0, 4, 3}, 0.5); loss != 2.5 || delta[0] != 0.5 || delta[1] != -1 || delta[2] != 0 {
		t.Errorf("squared error %v, gradient %v", loss, delta)
	}
}

// TestCrew checks that every piece of every phase runs exactly once.
func TestCrew(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		c := newCrew(workers)
		for phase := range 300 {
			counts := make([]atomic.Int32, phase%17)
			c.run(len(counts), func(k int) { counts[k].Add(1) })
			for k := range counts {
				if counts[k].Load() != 1 {
					t.Fatalf("%d workers: piece %d of phase %d ran %d times", workers, k, phase, counts[k].Load())
				}
			}
		}
		c.dismiss()
	}
}
