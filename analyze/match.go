package analyze

import (
	"cmp"
	"math"
	"slices"
)

// This file finds columns that are positive multiples of each other. Columns
// are divided by their largest entry; a fixed random functional of the result
// (a fingerprint) sorts them, and only neighbours within what the tolerance can
// move the fingerprint are compared entry by entry. Cost: O(m log m) and O(n)
// per comparison.

// direction is a column divided by its largest entry.
type direction struct {
	unit  int
	scale float64
	print float64
	col   []float64
}

// directions returns the columns that are not zero, sorted by fingerprint. The
// fingerprint is the mean of the entries with weights in [-1, 1], so a change
// of every entry by at most e moves it by at most e.
func directions(columns [][]float64) []direction {
	var list []direction
	for u, col := range columns {
		top := 0.0
		for _, v := range col {
			top = max(top, math.Abs(v))
		}
		if top == 0 {
			continue
		}
		d := direction{unit: u, scale: top, col: col}
		for i, v := range col {
			d.print += weight(i) * v / top / float64(len(col))
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b direction) int { return cmp.Compare(a.print, b.print) })
	return list
}

// weight is a number in [-1, 1] that depends on i alone: multiples of the golden
// ratio spread evenly.
func weight(i int) float64 {
	_, f := math.Modf(float64(i+1) * math.Phi)
	return 2*f - 1
}

// same reports whether the two columns are multiples of each other, each entry
// to within tolerance of the largest.
func (d *direction) same(e *direction, tolerance float64) bool {
	for i, v := range d.col {
		if math.Abs(v/d.scale-e.col[i]/e.scale) > tolerance {
			return false
		}
	}
	return true
}

// parallelColumns groups columns that are multiples of each other: units
// ascending in a group, groups of two or more, by their first unit.
func parallelColumns(columns [][]float64, tolerance float64) [][]int {
	list := directions(columns)
	var groups [][]int
	grouped := make([]bool, len(list))
	for a := range list {
		if grouped[a] {
			continue
		}
		group := []int{list[a].unit}
		for b := a + 1; b < len(list) && list[b].print-list[a].print <= tolerance; b++ {
			if !grouped[b] && list[a].same(&list[b], tolerance) {
				grouped[b] = true
				group = append(group, list[b].unit)
			}
		}
		if len(group) > 1 {
			slices.Sort(group)
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	return groups
}

// matchColumns finds, for columns of a and of b, those without a multiple on
// the other side, and the number of columns of a that have one.
func matchColumns(a, b [][]float64, tolerance float64) (matched int, onlyA, onlyB []int) {
	left, right := directions(a), directions(b)
	met := make([]bool, len(right))
	from := 0
	for k := range left {
		for from < len(right) && right[from].print < left[k].print-tolerance {
			from++
		}
		found := false
		for r := from; r < len(right) && right[r].print <= left[k].print+tolerance; r++ {
			if left[k].same(&right[r], tolerance) {
				found, met[r] = true, true
			}
		}
		if found {
			matched++
		} else {
			onlyA = append(onlyA, left[k].unit)
		}
	}
	for r := range right {
		if !met[r] {
			onlyB = append(onlyB, right[r].unit)
		}
	}
	slices.Sort(onlyA)
	slices.Sort(onlyB)
	return matched, onlyA, onlyB
}
