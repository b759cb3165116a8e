package encode

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// Where the codes go.
//
// One number: the rows of a class take consecutive places, a step apart, and
// classes are a wider gap apart, so each class is an interval.
//
// Two numbers or more: class c of k sits at the corner (cos, sin)(2 pi c/k) of a
// regular polygon, its rows in a box around the corner, a deep along the radius
// and b wide along the tangent on either side. Along the radius of its corner the class
// begins at 1 - a, and the class j corners on ends, with phi = 2 pi j/k, at
//
//	cos phi + a |cos phi| + b |sin phi|.
//
// a and b are such that of 1 - cos phi at least cutRoom is left in between for
// every j, so the line halfway cuts the class off [proved here]; of all such boxes
// the one of the largest area is taken. Within its box a class fills a grid, by the ranks of its
// rows along the principal directions: near rows tend to have near codes, and no
// two codes are closer than a step of the grid.
type layout struct {
	codes *mat.Dense // n x q
	step  float64    // least distance between two codes, in the largest coordinate
	// normal and offset of the line that cuts off each class: w.h > offset on it.
	normal [][]float64
	offset []float64
}

const (
	// cutRoom is the part of the distance between neighbouring classes that is
	// left free for the line between them.
	cutRoom = 0.2
	// classGap is the gap between the intervals of one-number codes, as a part of
	// the number of rows.
	classGap = 0.05
)

// stepShares are how far off a code may be, as a part of a step, one after the
// other: the decoder has the rest to tell codes apart in, and the encoder is
// easier to build the more it is allowed.
var stepShares = []float64{1.0 / 1024, 1.0 / 128, 1.0 / 32}

// tolerance returns how accurate the encoder must be for codes within a share of
// a step, as a fraction of the codes' range.
func (l *layout) tolerance(share float64) float64 {
	n, q := l.codes.Dims()
	widest := 0.0
	for j := range q {
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := range n {
			lo, hi = min(lo, l.codes.At(i, j)), max(hi, l.codes.At(i, j))
		}
		widest = max(widest, hi-lo)
	}
	if widest == 0 {
		return share
	}
	return min(share, share*l.step/widest)
}

// place chooses the codes of all rows.
func place(set *dataset.Set, pca *components, q int) *layout {
	classes := byClass(set)
	l := &layout{codes: mat.NewDense(set.N(), q, nil)}
	if q == 1 {
		l.line(classes, pca)
	} else {
		l.polygon(classes, pca, q)
	}
	return l
}

// byClass returns the rows of every class; all rows for regression.
func byClass(set *dataset.Set) [][]int {
	k := 1
	if set.IsClasses() {
		k = set.P()
	}
	classes := make([][]int, k)
	for i := range set.N() {
		c := 0
		if set.IsClasses() {
			c = set.Class[i]
		}
		classes[c] = append(classes[c], i)
	}
	return classes
}

// line puts the classes into intervals, centred on 0.
func (l *layout) line(classes [][]int, pca *components) {
	n, _ := l.codes.Dims()
	gap := max(1, math.Floor(classGap*float64(n)))
	at, last := 0.0, math.Inf(-1)
	for c, rows := range classes {
		if c > 0 && !math.IsInf(last, -1) {
			at += gap - 1
		}
		l.normal, l.offset = append(l.normal, nil), append(l.offset, 0)
		for _, i := range pca.sorted(rows, 0) {
			l.codes.Set(i, 0, at)
			last = at
			at++
		}
	}
	l.step = 1
	for i := range n {
		l.codes.Set(i, 0, l.codes.At(i, 0)-math.Floor(at/2))
	}
}

// polygon puts the classes at the corners of a regular polygon.
func (l *layout) polygon(classes [][]int, pca *components, q int) {
	deep, wide, offset := box(len(classes))
	half := make([]float64, q)
	for j := range half {
		half[j] = wide
	}
	half[0] = deep
	l.step = math.Inf(1)
	for c, rows := range classes {
		turn := 2 * math.Pi * float64(c) / float64(len(classes))
		corner := make([]float64, q)
		corner[0], corner[1] = math.Cos(turn), math.Sin(turn)
		l.normal, l.offset = append(l.normal, corner), append(l.offset, offset)
		l.fill(rows, pca, corner, half)
	}
}

// box returns the half-depth and the half-width of the boxes of k classes, and
// where, along the radius of its corner, a class is cut off.
func box(k int) (deep, wide, offset float64) {
	for _, shape := range boxShapes {
		a := math.Inf(1)
		for j := 1; j < k; j++ {
			sin, cos := math.Sincos(2 * math.Pi * float64(j) / float64(k))
			a = min(a, (1-cutRoom)*(1-cos)/(1+math.Abs(cos)+shape*math.Abs(sin)))
		}
		if k == 1 {
			a = 1 / max(1, shape)
		}
		if a*a*shape > deep*wide {
			deep, wide = a, a*shape
		}
	}
	end := math.Inf(-1) // of the other classes
	for j := 1; j < k; j++ {
		sin, cos := math.Sincos(2 * math.Pi * float64(j) / float64(k))
		end = max(end, cos+deep*math.Abs(cos)+wide*math.Abs(sin))
	}
	if k == 1 {
		end = -1 - deep
	}
	return deep, wide, (1 - deep + end) / 2
}

// boxShapes are the widths over depths that are tried.
var boxShapes = []float64{1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6}

// fill puts the rows of one class on a grid in the box around a corner: cells of
// about one size in all directions.
func (l *layout) fill(rows []int, pca *components, corner, half []float64) {
	if len(rows) == 0 {
		return
	}
	at := l.ranks(rows, pca, half)
	q := len(half)
	most := make([]int, q) // the slices of every direction
	for j := range q {
		for _, place := range at {
			most[j] = max(most[j], place[j]+1)
		}
	}
	finest := slices.Index(most, slices.Max(most))
	for j, count := range most {
		if count == 1 { // too few rows for a slice: another direction's places do no harm here
			count = most[finest]
			for _, place := range at {
				place[j] = place[finest]
			}
		}
		cell := 2 * half[j] / float64(count)
		if count > 1 {
			l.step = min(l.step, cell)
		}
		for i, place := range at {
			l.codes.Set(i, j, -half[j]+(float64(place[j])+0.5)*cell)
		}
	}
	for i := range at { // from radius and tangent to the axes, and to the corner
		r, t := l.codes.At(i, 0), l.codes.At(i, 1)
		l.codes.Set(i, 0, corner[0]*(1+r)-corner[1]*t)
		l.codes.Set(i, 1, corner[1]*(1+r)+corner[0]*t)
	}
}

// ranks gives every row its place on the grid: the rows are cut into slices of
// like number along the first principal direction, each of these along the
// second, and so on; in the last direction they stand one by one.
func (l *layout) ranks(rows []int, pca *components, half []float64) map[int][]int {
	q := len(half)
	volume := 1.0
	for _, h := range half {
		volume *= 2 * h
	}
	size := math.Pow(volume/float64(len(rows)), 1/float64(q))
	cells := [][]int{rows}
	at := make(map[int][]int, len(rows))
	for axis := range q {
		var next [][]int
		for _, cell := range cells {
			sorted := pca.sorted(cell, axis)
			parts := min(max(1, int(math.Round(2*half[axis]/size))), len(sorted))
			if axis == q-1 {
				parts = len(sorted)
			}
			for part := range parts {
				in := sorted[len(sorted)*part/parts : len(sorted)*(part+1)/parts]
				for _, i := range in {
					at[i] = append(at[i], part)
				}
				next = append(next, in)
			}
		}
		cells = next
	}
	return at
}

// components are principal directions.
type components struct {
	x      *mat.Dense
	mean   []float64
	dirs   *mat.Dense // d x k, k may be less than was asked for
	scores *mat.Dense // n x k
}

// sorted returns the rows by their score along a direction, ties by their order.
func (p *components) sorted(rows []int, axis int) []int {
	sorted := slices.Clone(rows)
	_, k := p.scores.Dims()
	if axis >= k {
		return sorted
	}
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(p.scores.At(a, axis), p.scores.At(b, axis)) })
	return sorted
}
