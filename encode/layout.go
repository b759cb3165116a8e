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
// regular polygon, its rows within rho of the corner. The hull of the other
// classes comes no nearer to the corner, along its direction, than
//
//	1 - cos(2 pi/k) - 2 rho,
//
// since that is where the neighbours' chord passes; rho is chosen such that this
// is cutRoom of what there is, so the line halfway cuts the class off [proved here].
// Within its square or cube a class fills a grid, row by row of the ranks of the
// principal directions: near rows tend to have near codes, and no two codes are
// closer than a step of the grid, about rho n_c^(-1/q).
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
	// stepShare is how far off a code may be, as a part of a step: the decoder then
	// has the rest to tell codes apart in.
	stepShare = 1.0 / 64
)

// tolerance returns how accurate the encoder must be, as a fraction of the
// codes' range.
func (l *layout) tolerance() float64 {
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
		return stepShare
	}
	return min(stepShare, stepShare*l.step/widest)
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
	k := float64(len(classes))
	room := 1 - math.Cos(2*math.Pi/k)
	rho := (1 - cutRoom) * room / 2
	if len(classes) == 1 {
		rho, room = 1, 0
	}
	side := rho / math.Sqrt2 // half the side of the square within the disc
	l.step = math.Inf(1)
	for c, rows := range classes {
		turn := 2 * math.Pi * float64(c) / k
		w := make([]float64, q)
		w[0], w[1] = math.Cos(turn), math.Sin(turn)
		l.normal, l.offset = append(l.normal, w), append(l.offset, 1-room/2)
		l.fill(rows, pca, w, side, len(classes) > 1)
	}
}

// fill puts the rows of one class on a grid around a corner.
func (l *layout) fill(rows []int, pca *components, corner []float64, side float64, shift bool) {
	if len(rows) == 0 {
		return
	}
	q := len(corner)
	per := int(math.Ceil(math.Pow(float64(len(rows)), 1/float64(q)) - 1e-9))
	cells := [][]int{rows}
	at := make(map[int][]int, len(rows)) // each row's place on the grid
	for axis := range q {
		var next [][]int
		for _, cell := range cells {
			sorted := pca.sorted(cell, axis)
			parts := min(per, len(sorted))
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
	widest := per
	for _, place := range at {
		for _, v := range place {
			widest = max(widest, v+1)
		}
	}
	cell := 2 * side / float64(widest)
	l.step = min(l.step, cell)
	for i, place := range at {
		for axis, v := range place {
			z := -side + (float64(v)+0.5)*cell
			if shift {
				z += corner[axis]
			}
			l.codes.Set(i, axis, z)
		}
	}
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
