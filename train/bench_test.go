package train

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/blas"
)

// BenchmarkStep times one step on rows of the size of MNIST's.
func BenchmarkStep(b *testing.B) {
	const n, d, k = 4096, 784, 10
	rng := rand.New(rand.NewPCG(1, 1))
	x, class := mat.NewDense(n, d, nil), make([]int, n)
	for i := range n {
		for j := range d {
			x.Set(i, j, rng.NormFloat64())
		}
		class[i] = i % k
	}
	set, err := dataset.NewClasses(x, class, make([]string, k))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ units, batch, threads int }{{256, 128, 1}, {256, 128, 2}, {512, 128, 2}, {256, 32, 2}} {
		b.Run(fmt.Sprintf("units=%d/batch=%d/threads=%d", c.units, c.batch, c.threads), func(b *testing.B) {
			opt, err := Options{Hidden: []int{c.units}, Batch: c.batch, Threads: c.threads}.settled()
			if err != nil {
				b.Fatal(err)
			}
			r, err := newRun(set, opt)
			if err != nil {
				b.Fatal(err)
			}
			crew := newCrew(c.threads)
			defer crew.dismiss()
			rows := rng.Perm(n)
			r.gather(r.batch.next, rows[:c.batch], 0, c.batch)
			blas.OneThread(func() {
				for k := 0; b.Loop(); k++ {
					from, to := block(k%blocks(n-c.batch, c.batch), n, c.batch)
					r.step(crew, rows[from:to], rows[to:to+c.batch])
				}
			})
			b.ReportMetric(4*float64(c.batch)*float64(d)*float64(c.units)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
