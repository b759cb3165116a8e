package lp

import (
	"math"
	"math/big"

	"hinge/internal/exact"
	"hinge/internal/parallel"
)

// Hyperplane is {h : W.h + B = 0}. It separates a set from the rest when
// W.h + B > 0 on the set and < 0 on the rest, in exact arithmetic.
type Hyperplane struct {
	W []float64 `json:"w"` // one number per column
	B float64   `json:"b"`
	// Exact, when not empty, are the weights and the bias that count, where
	// float64 numbers are too coarse to pass between the two sides; W and B are
	// then their roundings.
	Exact []*big.Rat `json:"exact,omitempty"`
}

// signOf returns 1 for members of the set and -1 for the rest.
func signOf(in bool) float64 {
	if in {
		return 1
	}
	return -1
}

// Check decides without rounding whether the hyperplane separates the rows with
// in[i] from the others. When it does, margin is a proven lower bound of every
// point's distance to it and violated is empty; when not, violated lists rows on
// the wrong side or on the hyperplane. It costs n dot products, and an exact sum
// for the rows that rounding leaves in doubt or that are nearest.
func (p *Points) Check(plane *Hyperplane, in []bool) (margin float64, violated []int) {
	if len(plane.W) != p.m || !finite(plane.W) || !finite([]float64{plane.B}) {
		return 0, allRows(p.n)
	}
	if len(plane.Exact) > 0 {
		return p.checkExact(plane, in)
	}
	low, high := make([]float64, len(p.first)), make([]float64, len(p.first))
	wrong := make([]bool, len(p.first))
	parallel.Ranges(len(p.first), func(from, to int) {
		for t := from; t < to; t++ {
			i := p.first[t]
			row := p.h.RawRowView(i)
			s, e := exact.Enclose(plane.W, row, plane.B)
			s *= signOf(in[i])
			low[t], high[t] = math.Nextafter(s-e, math.Inf(-1)), math.Nextafter(s+e, math.Inf(1))
			if !(low[t] > 0) && !(high[t] < 0) { // in doubt, or not finite
				s = signOf(in[i]) * exact.Dot(plane.W, row, plane.B)
				low[t], high[t] = math.Nextafter(s, math.Inf(-1)), math.Nextafter(s, math.Inf(1))
				wrong[t] = float64(exact.Side(plane.W, row, plane.B)) != signOf(in[i])
			} else {
				wrong[t] = high[t] < 0
			}
		}
	})
	nearest := math.Inf(1)
	for t, i := range p.first {
		if wrong[t] {
			violated = append(violated, i)
		}
		nearest = min(nearest, high[t])
	}
	if len(violated) > 0 {
		return 0, violated
	}
	least := math.Inf(1)
	for t, i := range p.first {
		if low[t] <= nearest { // may be the nearest: bound it closely
			s := signOf(in[i]) * exact.Dot(plane.W, p.h.RawRowView(i), plane.B)
			least = min(least, math.Nextafter(s, math.Inf(-1)))
		}
	}
	return distanceBelow(max(least, 0), plane.W), nil
}

// checkExact is Check for rational coefficients.
func (p *Points) checkExact(plane *Hyperplane, in []bool) (margin float64, violated []int) {
	if len(plane.Exact) != p.m+1 {
		return 0, allRows(p.n)
	}
	var least, s, x big.Rat
	for t, i := range p.first {
		s.Set(plane.Exact[p.m])
		for j, v := range p.h.RawRowView(i) {
			x.SetFloat64(v)
			s.Add(&s, x.Mul(&x, plane.Exact[j]))
		}
		if !in[i] {
			s.Neg(&s)
		}
		if s.Sign() <= 0 {
			violated = append(violated, i)
		}
		if t == 0 || s.Cmp(&least) < 0 {
			least.Set(&s)
		}
	}
	if len(violated) > 0 {
		return 0, violated
	}
	var norm big.Rat
	for _, v := range plane.Exact[:p.m] {
		norm.Add(&norm, x.Mul(v, v))
	}
	if norm.Sign() == 0 {
		return math.Inf(1), nil
	}
	square, _ := s.Quo(s.Mul(&least, &least), &norm).Float64()
	return math.Nextafter(math.Sqrt(math.Nextafter(square, 0)), 0), nil
}

// distanceBelow returns a lower bound of value / |w|. For w = 0 it is +Inf: the
// "hyperplane" is then a constant, and separates a set from nothing.
func distanceBelow(value float64, w []float64) float64 {
	norm := normAbove(w)
	if norm == 0 {
		return math.Inf(1)
	}
	return math.Nextafter(value/norm, 0)
}

// normAbove returns an upper bound of |w|, within a few units in the last place
// and safe from overflow and underflow.
func normAbove(w []float64) float64 {
	var largest float64
	for _, v := range w {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 || math.IsInf(largest, 1) {
		return largest
	}
	_, e := math.Frexp(largest)
	var scaled float64
	for _, v := range w {
		u := math.Ldexp(v, -e)
		scaled += u * u
	}
	relative := float64(len(w)+8) * 0x1p-52
	return math.Nextafter(math.Ldexp(math.Sqrt(scaled)*(1+relative), e), math.Inf(1))
}

func finite(v []float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// upperMargin returns a proven upper bound of the margin: half the distance of
// two points, one of each hull. weights belong to rows, and are rounded here to
// multiples of 2^-50 with a sum of exactly 1 on either side, so that the points
// really are in the hulls; their difference is summed without rounding. It is
// +Inf when the weights cannot be so rounded.
func (p *Points) upperMargin(rows []int, weights []float64, in []bool) float64 {
	const unit = 0x1p-50
	grid := make([]float64, len(rows))
	for _, side := range []bool{true, false} {
		left, largest := 1.0, -1
		for t, i := range rows {
			if in[i] != side {
				continue
			}
			grid[t] = signOf(side) * math.Max(0, math.Round(weights[t]/unit)*unit)
			left -= math.Abs(grid[t])
			if largest < 0 || math.Abs(grid[t]) > math.Abs(grid[largest]) {
				largest = t
			}
		}
		if largest < 0 || !(math.Abs(left) < 0x1p-10) || math.Abs(grid[largest])+left < 0 {
			return math.Inf(1)
		}
		grid[largest] += signOf(side) * left
	}
	difference := make([]float64, 0, p.m)
	for _, j := range p.columns {
		var sum exact.Accumulator
		for t, i := range rows {
			sum.AddProduct(grid[t], p.h.At(i, j))
		}
		difference = append(difference, sum.Float64())
	}
	return math.Nextafter(normAbove(difference)/2*(1+0x1p-50), math.Inf(1))
}

// rationalPlane returns the hyperplane with rational coefficients, scaled so that
// the largest is about 1 and small fractions are whole multiples of a power of
// two. coarse is the same in float64 numbers, which may not be good enough.
func rationalPlane(w []*big.Rat, b *big.Rat) (coarse, fine *Hyperplane) {
	common := new(big.Int).Set(b.Denom())
	for _, v := range w {
		g := new(big.Int).GCD(nil, nil, common, v.Denom())
		common.Mul(common, g.Quo(v.Denom(), g))
	}
	whole := make([]*big.Int, 0, len(w)+1)
	largest := 0
	for _, v := range append(append([]*big.Rat{}, w...), b) {
		x := new(big.Int).Mul(v.Num(), common)
		whole = append(whole, x.Quo(x, v.Denom()))
		largest = max(largest, x.BitLen())
	}
	unit := new(big.Int).Lsh(big.NewInt(1), uint(largest))
	fine = &Hyperplane{W: make([]float64, len(w))}
	for j, x := range whole {
		v := new(big.Rat).SetFrac(x, unit)
		fine.Exact = append(fine.Exact, v)
		f, _ := v.Float64()
		if j < len(w) {
			fine.W[j] = f
		} else {
			fine.B = f
		}
	}
	return &Hyperplane{W: fine.W, B: fine.B}, fine
}
