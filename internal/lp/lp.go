// Package lp decides whether a set of points can be separated from the rest by
// a hyperplane, and proves what it says.
//
// For most uses, call [NewPoints] once for the rows of a matrix and
// [Points.Separate] for every set in question. The answer is a [Hyperplane]
// with the set strictly on its positive side and the rest strictly on its
// negative side, or a [Common] point: one that is a convex combination of the
// set's points and of the rest's. By Gordan's theorem exactly one of the two
// exists. Each is found in floating point and then verified without rounding:
// every sign of a hyperplane by package exact, the weights of a common point as
// fractions, solved from the points themselves. What cannot be verified, or not
// in the time given, is [Unknown], with the bounds found so far; no verdict
// rests on the word of a floating-point solver.
//
// How: the two hulls' nearest points are sought by an active-set method
// (distance.go) over a growing working set of rows (separate.go). Their
// difference is the normal of the hyperplane of largest margin. When the hulls
// meet, the rows that carry the meeting point are at most m + 2, and a linear
// system with their coordinates has a solution that p-adic lifting (padic.go)
// finds exactly. Rows that are out of scale, or dependent but for rounding errors,
// are tried again in better coordinates (frame.go); small problems that stay in
// doubt go to a simplex method in rational arithmetic (simplex.go).
package lp

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/parallel"
)

// Verdict is the answer to whether a hyperplane separates a set from the rest.
type Verdict string

const (
	Separable   Verdict = "separable"   // a verified hyperplane exists
	Inseparable Verdict = "inseparable" // a verified common point exists
	Unknown     Verdict = "unknown"     // neither was proven in the time given
)

// Options of [Points.Separate]. The zero value works.
type Options struct {
	// Patience bounds the time of one call; 0 means no bound but the context's.
	Patience time.Duration
	// Gap is the relative distance between the bounds of the margin at which a
	// separable case is done; 0 means 1e-3. Verdicts do not depend on it.
	Gap float64
}

func (o Options) gap() float64 {
	if o.Gap > 0 {
		return o.Gap
	}
	return 1e-3
}

// Result is what [Points.Separate] found.
type Result struct {
	Verdict Verdict
	Plane   *Hyperplane // when separable
	Common  *Common     // when inseparable
	// Lower <= margin <= Upper, both proven. The margin is the largest distance
	// that all points can have to one separating hyperplane: half the distance
	// of the two hulls, 0 when they meet, +Inf when one of them is empty.
	Lower, Upper float64
	Why          string // for Unknown: what stood in the way
}

// Points are rows of finite numbers, prepared for questions about subsets.
type Points struct {
	h       *mat.Dense
	n, m    int
	rep     []int     // rep[i] is the first row equal to row i
	first   []int     // the rows with rep[i] == i, ascending
	place   []int     // place[first[t]] = t
	columns []int     // columns that are not constant
	mean    []float64 // of those columns
	scale   float64   // power of two: (h - mean) scale has rows of norm about 1

	once sync.Once            // guards gram
	gram blas.Matrix[float64] // see leastSquares
}

// NewPoints prepares the rows of h (n x m), which must not change afterwards.
// It fails when h is empty or a number is not finite.
func NewPoints(h *mat.Dense) (*Points, error) {
	if h == nil || h.IsEmpty() {
		return nil, fmt.Errorf("lp: no points")
	}
	p := &Points{h: h}
	p.n, p.m = h.Dims()
	for i := range p.n {
		for j, v := range h.RawRowView(i) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("lp: row %d, column %d is %v", i, j, v)
			}
		}
	}
	p.findEqual()
	p.measure()
	return p, nil
}

// findEqual sets rep and first. Rows are compared by their numbers, so that 0
// equals -0.
func (p *Points) findEqual() {
	seed := maphash.MakeSeed() // the seed orders nothing that is seen
	hash := make([]uint64, p.n)
	parallel.Ranges(p.n, func(from, to int) {
		var h maphash.Hash
		h.SetSeed(seed)
		var b [8]byte
		for i := from; i < to; i++ {
			h.Reset()
			for _, v := range p.h.RawRowView(i) {
				bits := math.Float64bits(v + 0)
				for k := range b {
					b[k] = byte(bits >> (8 * k))
				}
				_, _ = h.Write(b[:])
			}
			hash[i] = h.Sum64()
		}
	})
	p.rep, p.place = make([]int, p.n), make([]int, p.n)
	seen := make(map[uint64][]int, p.n)
	for i, key := range hash {
		p.rep[i] = i
		for _, k := range seen[key] {
			if slices.Equal(p.h.RawRowView(k), p.h.RawRowView(i)) {
				p.rep[i] = k
				break
			}
		}
		if p.rep[i] == i {
			seen[key] = append(seen[key], i)
			p.place[i] = len(p.first)
			p.first = append(p.first, i)
		}
	}
}

// measure sets columns, mean and scale. They guide the search only, so that
// their own rounding does not matter.
func (p *Points) measure() {
	low, high := slices.Clone(p.h.RawRowView(0)), slices.Clone(p.h.RawRowView(0))
	mean := make([]float64, p.m)
	for _, i := range p.first {
		for j, v := range p.h.RawRowView(i) {
			low[j], high[j] = min(low[j], v), max(high[j], v)
			mean[j] += v / float64(len(p.first))
		}
	}
	var widest float64
	for j := range mean {
		if low[j] < high[j] {
			p.columns = append(p.columns, j)
			p.mean = append(p.mean, mean[j])
			widest = max(widest, high[j]/2-low[j]/2)
		}
	}
	p.scale = 1
	if widest == 0 {
		return
	}
	_, e := math.Frexp(widest)
	pre := math.Ldexp(1, max(-e, -1000)) // so that squares do not overflow
	var squares float64
	for _, i := range p.first {
		row := p.h.RawRowView(i)
		for c, j := range p.columns {
			v := (row[j] - p.mean[c]) * pre
			squares += v * v
		}
	}
	_, e = math.Frexp(math.Sqrt(squares / float64(len(p.first))))
	p.scale = pre * math.Ldexp(1, -e)
}

// centred writes (h_i - mean) scale over the columns that vary to dst.
func (p *Points) centred(dst []float64, i int) {
	row := p.h.RawRowView(i)
	for c, j := range p.columns {
		dst[c] = (row[j] - p.mean[c]) * p.scale
	}
}
