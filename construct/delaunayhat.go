package construct

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"

	"hinge/internal/parallel"
)

// One hat of the delaunay construction: g = min_i max_(T in S_i) z_T; see
// delaunay.go.

// A hat is g of one vertex.
type hat struct {
	w    []float64 // d numbers for each piece, 1 + eta included
	sets [][]int32 // S_i: pieces
}

// A fan is the star of a vertex while its hat is made.
type fan struct {
	d     int
	ray   [][]float64 // u - v for every vertex u of the star, as the network computes it
	cone  [][]int32   // the d rays of every simplex
	w     []float64   // of every simplex
	below []bitset    // of every simplex: the pieces that are <= 1 on its rays
	above []bitset    // ... and >= 1
}

// starRoundoff is the factor of eps sum |w||x - v| in what rounding can do to
// z: 2d products and sums, the roundings of x - v and of w.
const starRoundoff = 16

// roundRoundoff is that of all maxima, relative to the result: 10 roundings for each of up to ten rounds.
const roundRoundoff = 100

// makeHats makes all hats. It refuses triangulations whose simplices are too flat
// for the precision.
func (c *cloud) makeHats(p *Problem, hats []hat) error {
	var steepest atomic.Uint64 // bits of the largest eta
	parallel.Ranges(len(hats), func(from, to int) {
		for i := from; i < to; i++ {
			var eta float64
			hats[i], eta = c.fan(p, i).hat(p)
			for {
				before := steepest.Load()
				if math.Float64frombits(before) >= eta || steepest.CompareAndSwap(before, math.Float64bits(eta)) {
					break
				}
			}
		}
	})
	if eta := math.Float64frombits(steepest.Load()); !(eta <= steepestStar) {
		return unfitDelaunay(fmt.Sprintf("some points are so nearly on a line or in a plane that rounding in %v moves a hat by %.2g", p.Precision, eta),
			"remove near duplicates"+orFloat64(p)+"; deep-slab and identity do not mind")
	}
	return nil
}

// fan returns the star of vertex i, its rays and its pieces.
func (c *cloud) fan(p *Problem, i int) *fan {
	f := &fan{d: c.d}
	seen := map[int32]int32{}
	v := c.tri.Point(int32(c.row[i]))
	for _, u := range c.star[i] {
		if _, known := seen[u]; !known {
			seen[u] = int32(len(f.ray))
			y := make([]float64, c.d)
			for j, x := range c.tri.Point(u) {
				y[j] = p.Precision.Round(x - v[j])
			}
			f.ray = append(f.ray, y)
		}
	}
	for s := 0; s < len(c.star[i]); s += c.d {
		cone := make([]int32, c.d)
		for k, u := range c.star[i][s : s+c.d] {
			cone[k] = seen[u]
		}
		f.cone = append(f.cone, cone)
		f.w = append(f.w, f.normal(cone)...)
	}
	return f
}

// normal returns w with w.y = 1 at the rays of a cone, by Cramer's rule and one
// step of refinement.
func (f *fan) normal(cone []int32) []float64 {
	w, r := make([]float64, f.d), []float64{1, 1, 1}
	for range 2 {
		var step [3]float64
		if f.d == 2 {
			a, b := f.ray[cone[0]], f.ray[cone[1]]
			det := a[0]*b[1] - a[1]*b[0]
			step[0], step[1] = (r[0]*b[1]-a[1]*r[1])/det, (a[0]*r[1]-r[0]*b[0])/det
		} else {
			a, b, c := f.ray[cone[0]], f.ray[cone[1]], f.ray[cone[2]]
			bc, ca, ab := cross(b, c), cross(c, a), cross(a, b)
			det := a[0]*bc[0] + a[1]*bc[1] + a[2]*bc[2]
			for j := range step {
				step[j] = (r[0]*bc[j] + r[1]*ca[j] + r[2]*ab[j]) / det
			}
		}
		for j := range w {
			w[j] += step[j]
		}
		for k, u := range cone {
			r[k] = 1
			for j, y := range f.ray[u] {
				r[k] = math.FMA(-w[j], y, r[k])
			}
		}
	}
	return w
}

func cross(a, b []float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// z returns the value of piece j at a ray and the sum of the absolute terms.
func (f *fan) z(j int, ray int32) (z, size float64) {
	for k, y := range f.ray[ray] {
		term := f.w[j*f.d+k] * y
		z += term
		size += math.Abs(term)
	}
	return z, size
}

// hat chooses the sets and makes the pieces steeper by 1 + eta.
func (f *fan) hat(p *Problem) (hat, float64) {
	eps := p.Precision.Eps()
	for j, w := range f.w {
		f.w[j] = p.Precision.Round(w)
	}
	f.compare(eps)
	h := hat{sets: f.sets(p)}
	eta := 0.0
	for _, set := range h.sets {
		eta = max(eta, f.steeper(set, eps)-1)
	}
	h.w = f.w
	for j, w := range h.w {
		h.w[j] = p.Precision.Round(w * (1 + eta))
	}
	if math.IsNaN(eta) {
		eta = math.Inf(1)
	}
	return h, eta
}

// compare finds for every cone the pieces that are at most and at least 1
// on its rays; within rounding they are both.
func (f *fan) compare(eps float64) {
	pieces := len(f.cone)
	z, doubt := make([]float64, len(f.ray)), make([]float64, len(f.ray))
	for range pieces {
		f.below, f.above = append(f.below, newBitset(pieces)), append(f.above, newBitset(pieces))
	}
	for j := range pieces {
		for u := range f.ray {
			v, size := f.z(j, int32(u))
			z[u], doubt[u] = v, 4*starRoundoff*eps*size
		}
		for t, cone := range f.cone {
			below, above := true, true
			for _, u := range cone {
				below = below && z[u] <= 1+doubt[u]
				above = above && z[u] >= 1-doubt[u]
			}
			if below {
				f.below[t].add(j)
			}
			if above {
				f.above[t].add(j)
			}
		}
	}
}

// sets returns few sets that satisfy (a) and (b).
func (f *fan) sets(p *Problem) [][]int32 {
	var all [][]int32
	covered := newBitset(len(f.cone))
	for t := range f.cone {
		if covered.has(t) {
			continue
		}
		set := slices.Clone(f.below[t])
		members := newBitset(len(f.cone))
		members.add(t)
		if !f.supports(set) {
			covered.add(t)
			all = append(all, f.walled(t, p))
			continue
		}
		for o := t + 1; o < len(f.cone); o++ {
			if covered.has(o) || !set.has(o) {
				continue
			}
			if smaller := set.and(f.below[o]); smaller.containsAll(members) && smaller.has(o) && f.supports(smaller) {
				set = smaller
				members.add(o)
			}
		}
		for j := range f.cone { // thin out
			if set.has(j) && !members.has(j) {
				set.remove(j)
				if !f.supports(set) {
					set.add(j)
				}
			}
		}
		covered.addAll(members)
		all = append(all, set.list())
	}
	return all
}

// supports reports whether the set satisfies (b).
func (f *fan) supports(set bitset) bool {
	for t := range f.cone {
		if !set.meets(f.above[t]) {
			return false
		}
	}
	return true
}

// walled returns a set for simplex t alone: z_t, and for every other simplex
// a piece z_t + M n.y, with n.y = 0 a plane through v between the two, that is at most z_t on t and at least 1
// on the other's rays. Two cones of a fan meet in a common face, so that such a
// plane exists and touches them nowhere else.
func (f *fan) walled(t int, p *Problem) []int32 {
	set := []int32{int32(t)}
	for _, cone := range f.cone {
		supported := false
		for _, j := range set {
			supported = supported || f.reaches(int(j), cone, p.Precision.Eps())
		}
		if supported {
			continue
		}
		n := f.between(f.cone[t], cone)
		steep := 0.0
		for _, u := range cone {
			z, _ := f.z(t, u)
			if rise := inner(n, f.ray[u]); rise > 0 && z < 1 && !slices.Contains(f.cone[t], u) {
				steep = max(steep, (1-z)/rise)
			}
		}
		set = append(set, int32(len(f.w)/f.d))
		for k := range f.d {
			f.w = append(f.w, p.Precision.Round(f.w[t*f.d+k]+steep*n[k]))
		}
	}
	return set
}

// reaches reports whether piece j is at least 1 on the rays of a cone, within
// rounding.
func (f *fan) reaches(j int, cone []int32, eps float64) bool {
	for _, u := range cone {
		if z, size := f.z(j, u); z < 1-4*starRoundoff*eps*size {
			return false
		}
	}
	return true
}

// between returns the normal of a plane between two cones, that points to the
// second: the mean of all that are spanned by rays of the two and have one cone on each side.
func (f *fan) between(a, b []int32) []float64 {
	const flat = 1e-13
	var rays [][]float64
	for _, u := range append(slices.Clone(a), b...) {
		rays = append(rays, unitVector(f.ray[u]))
	}
	mean := make([]float64, f.d)
	try := func(n []float64) {
		if n = unitVector(n); n == nil {
			return
		}
		for _, sign := range []float64{1, -1} {
			valid := true
			for k, r := range rays {
				h := sign * inner(n, r)
				valid = valid && (k < f.d && h <= flat || k >= f.d && h >= -flat)
			}
			for k := range mean {
				if valid {
					mean[k] += sign * n[k]
				}
			}
		}
	}
	for i, r := range rays {
		if f.d == 2 {
			try([]float64{-r[1], r[0]})
			continue
		}
		for _, q := range rays[:i] {
			n := cross(r, q)
			try(n[:])
		}
	}
	return mean
}

// unitVector returns v scaled to length 1, nil if it has none.
func unitVector(v []float64) []float64 {
	length := math.Sqrt(inner(v, v))
	if length == 0 {
		return nil
	}
	u := slices.Clone(v)
	for k := range u {
		u[k] /= length
	}
	return u
}

// steeper returns the factor of the pieces for which every cone has a
// piece of the set that is computed to be at least 1 at its rays and beyond.
func (f *fan) steeper(set []int32, eps float64) float64 {
	worst := 1.0
	for _, cone := range f.cone {
		best := math.Inf(1)
		for _, j := range set {
			factor := 1.0
			for _, u := range cone {
				z, size := f.z(int(j), u)
				if z -= starRoundoff * eps * size; z <= 0 {
					factor = math.Inf(1)
					break
				}
				factor = max(factor, (1+roundRoundoff*eps)/z)
			}
			best = min(best, factor)
		}
		worst = max(worst, best)
	}
	return worst
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset    { return make(bitset, (n+63)/64) }
func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 == 1 }
func (b bitset) add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) remove(i int)   { b[i/64] &^= 1 << (i % 64) }
func (b bitset) containsAll(o bitset) bool {
	for k := range b {
		if o[k]&^b[k] != 0 {
			return false
		}
	}
	return true
}

func (b bitset) meets(o bitset) bool {
	for k := range b {
		if b[k]&o[k] != 0 {
			return true
		}
	}
	return false
}

func (b bitset) and(o bitset) bitset {
	both := slices.Clone(b)
	for k := range both {
		both[k] &= o[k]
	}
	return both
}

func (b bitset) addAll(o bitset) {
	for k := range b {
		b[k] |= o[k]
	}
}

func (b bitset) list() []int32 {
	var all []int32
	for k, word := range b {
		for ; word != 0; word &= word - 1 {
			all = append(all, int32(64*k+bits.TrailingZeros64(word)))
		}
	}
	return all
}
