package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/phi"
)

// features is a hidden layer that is drawn and not trained: normal directions,
// every hyperplane through a row.
type features struct {
	set *dataset.Set
	w   *mat.Dense // m x d
	b   []float64
}

func newFeatures(set *dataset.Set, m int, seed uint64) *features {
	rng := rand.New(rand.NewPCG(seed, 42))
	n, d := set.X.Dims()
	f := &features{set: set, w: mat.NewDense(m, d, nil), b: make([]float64, m)}
	order := rng.Perm(n)
	for i := range m {
		row := f.w.RawRowView(i)
		for j := range row {
			row[j] = rng.NormFloat64() / math.Sqrt(float64(d))
		}
		f.b[i] = -mat.Dot(f.w.RowView(i), set.X.RowView(order[i%n]))
	}
	return f
}

// outputs returns [Phi 1] on the rows of x.
func (f *features) outputs(x *mat.Dense) *mat.Dense {
	n, _ := x.Dims()
	m := len(f.b)
	z := mat.NewDense(n, m+1, nil)
	z.Slice(0, n, 0, m).(*mat.Dense).Mul(x, f.w.T())
	for i := range n {
		row := z.RawRowView(i)
		for j, b := range f.b {
			row[j] = max(row[j]+b, 0)
		}
		row[m] = 1
	}
	return z
}

// relativeRank is the tolerance of ranks: singular values below it times the largest count as zero. It is the one that package phi has
// for float32 networks of this size, so that ranks can be compared.
const relativeRank = rows * 0x1p-23

// rank returns the rank of [Phi 1] and the condition sigma_1/sigma_rank of Phi,
// as package phi finds them.
func (f *features) rank() (rank, condition float64, err error) {
	n, m := f.set.N(), len(f.b)
	biased, err := phi.New(f.outputs(f.set.X), phi.Options{Tolerance: relativeRank})
	if err != nil {
		return 0, 0, err
	}
	plain, err := phi.New(f.outputs(f.set.X).Slice(0, n, 0, m), phi.Options{Tolerance: relativeRank})
	if err != nil {
		return 0, 0, err
	}
	r, p := biased.Rank(), plain.Rank()
	if !r.Known() || !p.Known() {
		return 0, 0, fmt.Errorf("the rank of %d features was not decided", m)
	}
	return float64(r.Rank), p.First / p.Last, nil
}

// solveTolerance is the tolerance of the least-norm solve in float64.
const solveTolerance = 1e-12

func count(sigma []float64) int {
	r := 0
	for r < len(sigma) && sigma[r] > solveTolerance*sigma[0] {
		r++
	}
	return r
}

// A fit is the least-norm solution for drawn features, and what became of it.
type fit struct {
	residual, test, sigma, norm float64 // relative residual, test R2, smallest singular value, norm of the weights
	noise                       float64 // R2 on the test rows of the same solve without noise in the targets
}

// solve fits the targets with least norm and measures on test rows. The targets
// of clean are those of the rows without their noise.
func (f *features) solve(clean, test *dataset.Set) (fit, error) {
	var svd mat.SVD
	if !svd.Factorize(f.outputs(f.set.X), mat.SVDThin) {
		return fit{}, fmt.Errorf("no singular values")
	}
	sigma := svd.Values(nil)
	r := count(sigma)
	var weights, exact mat.Dense
	svd.SolveTo(&weights, f.set.Y, r)
	svd.SolveTo(&exact, clean.Y, r)
	var got mat.Dense
	got.Mul(f.outputs(f.set.X), &weights)
	out := fit{sigma: sigma[r-1], norm: mat.Norm(&weights, 2), residual: math.Sqrt(1 - score(&got, f.set.Y))}
	z := f.outputs(test.X)
	var now, quiet mat.Dense
	now.Mul(z, &weights)
	quiet.Mul(z, &exact)
	out.test, out.noise = score(&now, test.Y), score(&quiet, test.Y)
	return out, nil
}

// score is R2, at most 1.
func score(got, want *mat.Dense) float64 {
	n, _ := want.Dims()
	mean := mat.Sum(want) / float64(n)
	residual, total := 0.0, 0.0
	for i := range n {
		a, b := got.At(i, 0)-want.At(i, 0), want.At(i, 0)-mean
		residual, total = residual+a*a, total+b*b
	}
	return min(1, 1-residual/total)
}

// widthRatios are the m/n of the curve.
var widthRatios = []float64{0.2, 0.4, 0.6, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4, 6, 10}

const descentSeeds = 5

// doubleDescent: the test error of least-norm features against m/n.
func doubleDescent(w *bytes.Buffer) error {
	noisy, clean, test := dataset.Friedman(rows, 1, 3), dataset.Friedman(rows, 0, 3), dataset.Friedman(1000, 0, 4)
	// The generator draws inputs and noise in turns, whatever the noise: the rows are the same.
	if !mat.Equal(noisy.X, clean.X) {
		return fmt.Errorf("the noisy rows are not the clean ones")
	}
	fmt.Fprintf(w, `
## Double descent, and its cause

Hyperplanes drawn through the rows, output layer by least norm, nothing trained. %s, 1,000 test rows without noise; medians over %d draws. σ is the smallest singular value of [Φ 1] that
is not zero.
`, noisy.Source, descentSeeds)
	var lines [][]string
	for _, ratio := range widthRatios {
		m := int(math.Round(ratio * rows))
		var v [5][]float64
		for seed := range uint64(descentSeeds) {
			f, err := newFeatures(noisy, m, seed).solve(clean, test)
			if err != nil {
				return err
			}
			for k, x := range []float64{f.residual, f.sigma, f.norm, f.test, f.noise} {
				v[k] = append(v[k], x)
			}
		}
		lines = append(lines, []string{fmt.Sprint(ratio), fmt.Sprint(m), solvedTight(median(v[0])), figure(median(v[1])), figure(median(v[2])), figure(median(v[3])), figure(median(v[4]))})
	}
	table(w, []string{"m/n", "m", "relative residual", "σ", "norm of A", "test R2", "test R2, targets without noise"}, lines)
	w.WriteString(`
- The error on new rows is worst near m = n and falls again beyond it: double descent **[L** Belkin, Hsu, Ma, Mandal 2019**]**, **[N]** here.
- Its cause is σ. For the least-norm solution |A| ≤ |Y| / σ **[P]**: A = Σ vₖ (uₖ·Y) / σₖ over the singular triples, so the part of the targets along uₖ is divided by σₖ. Noise has a part along
  every uₖ; near m = n the smallest σₖ are tiny, their part of the noise is blown up and put out on new rows.
- σ is smallest at m = n, by interlacing. **[P]** While the columns are independent (m < n), a further one can only lower the smallest singular value: the least of |Φz| over more unit vectors z. Once the
  rows are (m ≥ n), a further column c can only raise it: ΦΦᵀ becomes ΦΦᵀ + ccᵀ. How deep it gets in between is measured. **[N]**
- The last column solves for the targets without noise on the same Φ. The peak stays: what Φ cannot represent acts as noise. Away from m = n the fit is better than with noise. **[N]**
`)
	return nil
}

// solvedTight writes a residual; an exact fit is a matter of rounding, whose
// digits are not printed.
func solvedTight(v float64) string {
	if v < 1e-6 {
		return "0"
	}
	return figure(v)
}
