package lp

import (
	"context"
	"math"
	"math/big"

	"gonum.org/v1/gonum/floats"

	"hinge/internal/exact"
	"hinge/internal/parallel"
)

// frame is the coordinates that the search works in: affine functions of the
// rows, one to one on them. Whether two hulls meet does not depend on the
// coordinates, but what floating point can see of it does.
//
// The plain frame is the columns that vary, centred and all scaled by one power
// of two, so that distances are those of the rows; it needs no storage. The fine
// frame serves rows whose columns differ vastly in scale or depend on each other
// almost exactly, as the outputs of units that are awake on all rows do: every
// coordinate has its own scale, and a column c that is close to a combination of
// others is replaced by the difference,
//
//	h_c - sum_k coefficient_ck h_k  (k the independent columns),
//
// summed without rounding and scaled up: what looked like rounding errors
// becomes a coordinate like others.
type frame struct {
	scale []float64   // powers of two
	mean  []float64   // of the unscaled coordinate
	combo [][]float64 // coefficients over p.columns, or nil for the column itself
	z     [][]float64 // the coordinates of p.first, or nil for the plain frame
}

// dependent is the relative distance to the span of others below which a
// column is replaced by its difference from them, and fineWork bounds the
// multiplications spent on finding such columns.
const (
	dependent = 0x1p-20
	fineWork  = 4e9
	fineSize  = 4e7 // numbers that may be stored
)

func (p *Points) plainFrame() *frame {
	f := &frame{scale: make([]float64, len(p.columns)), mean: p.mean, combo: make([][]float64, len(p.columns))}
	for c := range f.scale {
		f.scale[c] = p.scale
	}
	return f
}

// point writes the coordinates of the t-th different row to dst.
func (p *Points) point(f *frame, dst []float64, t int) {
	if f.z != nil {
		copy(dst, f.z[t])
		return
	}
	p.centred(dst, p.first[t])
}

// fineFrame builds the fine frame, or returns nil when that would be too large
// or overflows.
func (p *Points) fineFrame(ctx context.Context) *frame {
	n, c := float64(len(p.first)), float64(len(p.columns))
	if n*c > fineSize {
		return nil
	}
	f := &frame{scale: make([]float64, len(p.columns)), mean: make([]float64, len(p.columns)), combo: make([][]float64, len(p.columns))}
	f.z = make([][]float64, len(p.first))
	for t := range f.z {
		f.z[t] = make([]float64, len(p.columns))
	}
	for c := range p.columns {
		if !p.setCoordinate(f, c) {
			return nil
		}
	}
	if n*c*c > fineWork {
		return f
	}
	basis, coefficients := p.independent(ctx, f)
	for c, values := range coefficients {
		if values == nil {
			continue
		}
		f.combo[c] = make([]float64, len(p.columns))
		for k, b := range basis { // from scaled columns to columns
			f.combo[c][b] = -values[k] * f.scale[b] / f.scale[c]
		}
		f.combo[c][c] = 1
		if !finite(f.combo[c]) {
			return nil
		}
	}
	for c, combo := range f.combo {
		if combo != nil && !p.setCoordinate(f, c) {
			return nil
		}
	}
	return f
}

// setCoordinate computes coordinate c of all rows, and its mean and scale. It
// reports false when a number overflows.
func (p *Points) setCoordinate(f *frame, c int) bool {
	used, weights := []int{c}, []float64{1}
	if f.combo[c] != nil {
		used, weights = nil, nil
		for k, v := range f.combo[c] {
			if v != 0 {
				used, weights = append(used, k), append(weights, v)
			}
		}
	}
	parallel.Ranges(len(p.first), func(from, to int) {
		row := make([]float64, len(used))
		for t := from; t < to; t++ {
			for a, k := range used {
				row[a] = p.h.At(p.first[t], p.columns[k])
			}
			f.z[t][c] = exact.Dot(weights, row, 0)
		}
	})
	f.mean[c], f.scale[c] = 0, 1
	for t := range f.z {
		f.mean[c] += f.z[t][c] / float64(len(f.z))
	}
	var largest float64
	for t := range f.z {
		f.z[t][c] -= f.mean[c]
		largest = max(largest, math.Abs(f.z[t][c]))
	}
	if !finite([]float64{largest, f.mean[c]}) {
		return false
	}
	if largest > 0 {
		_, e := math.Frexp(largest)
		f.scale[c] = math.Ldexp(1, max(-1000, min(1000, 2-e)))
	}
	for t := range f.z {
		f.z[t][c] *= f.scale[c]
	}
	return true
}

// independent chooses columns of f.z that are independent to within dependent,
// by Gram-Schmidt with pivoting, and returns for every other the coefficients
// that come closest to it, nil for the chosen ones.
func (p *Points) independent(ctx context.Context, f *frame) (basis []int, coefficients [][]float64) {
	count := len(p.columns)
	rest := make([][]float64, count) // columns, less their part in the span so far
	size, r := make([]float64, count), make([][]float64, count)
	for c := range rest {
		rest[c] = make([]float64, len(f.z))
		for t := range f.z {
			rest[c][t] = f.z[t][c]
		}
		size[c] = floats.Norm(rest[c], 2)
	}
	chosen := make([]bool, count)
	for ctx.Err() == nil && len(basis) < count {
		best, most := -1, dependent
		for c, v := range rest {
			if !chosen[c] && size[c] > 0 {
				if left := floats.Norm(v, 2) / size[c]; left > most {
					best, most = c, left
				}
			}
		}
		if best < 0 {
			break
		}
		basis, chosen[best] = append(basis, best), true
		takeOut(best, rest, r, chosen)
	}
	coefficients = make([][]float64, count)
	for c := range coefficients {
		if chosen[c] || size[c] == 0 || ctx.Err() != nil {
			continue
		}
		u := append([]float64(nil), r[c]...)
		for k := len(u) - 1; k >= 0; k-- { // R u = r_c
			u[k] /= r[basis[k]][k]
			floats.AddScaled(u[:k], -u[k], r[basis[k]][:k])
		}
		coefficients[c] = u
	}
	return basis, coefficients
}

// takeOut makes column best a unit vector and takes its part out of every column
// that is not chosen; r collects the parts.
func takeOut(best int, rest, r [][]float64, chosen []bool) {
	q := rest[best]
	norm := floats.Norm(q, 2)
	floats.Scale(1/norm, q)
	r[best] = append(r[best], norm)
	parallel.Each(len(rest), func(c int) {
		if !chosen[c] {
			dot := floats.Dot(q, rest[c])
			floats.AddScaled(rest[c], -dot, q)
			r[c] = append(r[c], dot)
		}
	})
}

// hyperplane returns {w.z = level} in terms of the rows, exactly as fine and
// rounded as coarse.
func (p *Points) hyperplane(f *frame, w []float64, level float64) (coarse, fine *Hyperplane) {
	weights := zeros(p.m)
	bias := new(big.Rat).SetFloat64(-level)
	var x, y big.Rat
	for c, j := range p.columns {
		x.SetFloat64(w[c])
		x.Mul(&x, y.SetFloat64(f.scale[c]))
		bias.Sub(bias, new(big.Rat).Mul(&x, y.SetFloat64(f.mean[c])))
		if f.combo[c] == nil {
			weights[j].Add(weights[j], &x)
			continue
		}
		for k, v := range f.combo[c] {
			if v != 0 {
				y.SetFloat64(v)
				weights[p.columns[k]].Add(weights[p.columns[k]], y.Mul(&y, &x))
			}
		}
	}
	return rationalPlane(weights, bias)
}
