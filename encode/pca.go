package encode

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// powerSteps of subspace iteration: directions that order rows, and errors that
// are compared to two digits, need no more.
const powerSteps = 60

// spareDirections are iterated beside those that are wanted, which then converge
// faster; gramInputs is the most inputs whose Gram matrix is formed.
const (
	spareDirections = 4
	gramInputs      = 4096
)

// principal returns the k leading principal directions of the rows of x (n x d),
// by subspace iteration on the centred rows; fewer when d or n is smaller.
// Columns keep their units.
func principal(x *mat.Dense, k int) *components {
	n, d := x.Dims()
	p := &components{x: x, mean: columnMeans(x)}
	centred := mat.NewDense(n, d, nil)
	for i := range n {
		row := centred.RawRowView(i)
		for j, v := range x.RawRowView(i) {
			row[j] = v - p.mean[j]
		}
	}
	k = min(k, n, d)
	width := min(k+spareDirections, n, d)
	basis := iterate(centred, width)
	var image mat.Dense
	image.Mul(centred, basis)
	p.dirs = basis
	var svd mat.SVD
	if svd.Factorize(&image, mat.SVDThin) { // turn the basis to the axes
		var v mat.Dense
		svd.VTo(&v)
		p.dirs = &mat.Dense{}
		p.dirs.Mul(basis, &v)
	}
	p.dirs = mat.DenseCopyOf(p.dirs.Slice(0, d, 0, k))
	p.scores = &mat.Dense{}
	p.scores.Mul(centred, p.dirs)
	return p
}

// columnMeans returns the mean of every column of x.
func columnMeans(x *mat.Dense) []float64 {
	n, d := x.Dims()
	mean := make([]float64, d)
	for i := range n {
		for j, v := range x.RawRowView(i) {
			mean[j] += v / float64(n)
		}
	}
	return mean
}

// iterate returns an orthonormal basis, d x width, near the leading directions of
// the centred rows, after steps of subspace iteration. Where rows are many, they
// are met once, in their Gram matrix.
func iterate(centred *mat.Dense, width int) *mat.Dense {
	n, d := centred.Dims()
	var gram *mat.Dense
	if d <= gramInputs && d < n {
		gram = &mat.Dense{}
		gram.Mul(centred.T(), centred)
	}
	rng := rand.New(rand.NewPCG(1, 0x9ca))
	basis := mat.NewDense(d, width, nil)
	for i := range basis.RawMatrix().Data {
		basis.RawMatrix().Data[i] = rng.NormFloat64()
	}
	for range powerSteps {
		var next mat.Dense
		if gram != nil {
			next.Mul(gram, basis)
		} else {
			var image mat.Dense
			image.Mul(centred, basis)
			next.Mul(centred.T(), &image)
		}
		var qr mat.QR
		qr.Factorize(&next)
		var q mat.Dense
		qr.QTo(&q)
		basis = mat.DenseCopyOf(q.Slice(0, d, 0, width))
	}
	return basis
}

// codes returns the first q scores, with zeros where there are fewer.
func (p *components) codes(q int) *mat.Dense {
	n, k := p.scores.Dims()
	codes := mat.NewDense(n, q, nil)
	for i := range n {
		for j := range min(q, k) {
			codes.Set(i, j, p.scores.At(i, j))
		}
	}
	return codes
}

// rmse returns the root mean square error of the reconstruction from the first
// q scores, per input, in units of the inputs.
func (p *components) rmse(q int) float64 {
	n, d := p.x.Dims()
	_, k := p.scores.Dims()
	total := 0.0
	for i := range n {
		for j, v := range p.x.RawRowView(i) {
			off := v - p.mean[j]
			for a := range min(q, k) {
				off -= p.scores.At(i, a) * p.dirs.At(j, a)
			}
			total += off * off
		}
	}
	return math.Sqrt(total / float64(n) / float64(d))
}
