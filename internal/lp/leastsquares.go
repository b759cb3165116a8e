package lp

import (
	"gonum.org/v1/gonum/floats"

	"hinge/internal/blas"
)

// ridge makes the normal equations safe to solve; the fit only sorts rows.
const ridge = 1e-6

// leastSquares returns the direction w (one number per column that varies) of
// the ridge fit of +-1 to the sides, each side given the same weight in total. It is
// a cheap first guess of which rows lie near the other side: one product with
// the Gram matrix's factor, which all calls share.
func (p *Points) leastSquares(in []bool) []float64 {
	c := len(p.columns)
	w := make([]float64, c)
	if c == 0 {
		return w
	}
	p.once.Do(p.factorGram)
	row := make([]float64, c)
	members := 0
	for _, i := range p.first {
		if in[i] {
			members++
		}
	}
	weight := map[bool]float64{true: 1 / float64(members), false: -1 / float64(len(p.first)-members)}
	for _, i := range p.first {
		p.centred(row, i)
		floats.AddScaled(w, weight[in[i]], row)
	}
	if p.gram.Data != nil {
		blas.CholeskySolve(p.gram, blas.Matrix[float64]{Data: w, Rows: c, Cols: 1, Stride: 1})
	}
	if norm := floats.Norm(w, 2); norm > 0 && finite(w) {
		floats.Scale(1/norm, w)
	}
	return w
}

// factorGram sets gram to the Cholesky factor of the ridge Gram matrix of the
// centred rows, a sample of them when they are many, or leaves it empty when that
// fails.
func (p *Points) factorGram() {
	c := len(p.columns)
	gram := blas.NewMatrix[float64](c, c)
	const block = 1024
	sample := p.sample(max(4*block, 8*c))
	for from := 0; from < len(sample); from += block {
		rows := sample[from:min(from+block, len(sample))]
		x := blas.NewMatrix[float64](len(rows), c)
		for t, i := range rows {
			p.centred(x.Row(t), i)
		}
		blas.AddGram(gram, x)
	}
	for j := range c {
		gram.Data[j*c+j] += ridge * float64(len(sample))
	}
	if blas.Cholesky(gram) {
		p.gram = gram
	}
}

// sample returns up to most of the different rows, evenly spread.
func (p *Points) sample(most int) []int {
	if len(p.first) <= most {
		return p.first
	}
	rows := make([]int, most)
	for t := range rows {
		rows[t] = p.first[t*len(p.first)/most]
	}
	return rows
}
