package construct

import (
	"fmt"
	"math"
)

// Groups of rows and their cells.
//
// A group takes as many neighbouring points as its cells can keep apart. For r
// points and k cells, the first point lies in the middle of the first cell and
// the last in the middle of the last; all others must keep packedMargin away from
// the edges, and points of one cell must have one label. Evenly spaced points fill
// all cells. How many points go into a group is found by doubling and bisection,
// which may miss a larger group but never accepts a bad one.

// cellGroup is the points from, ..., to-1 on cells of the given width.
type cellGroup struct {
	from, to int
	cells    int
	width    float64
}

// cut cuts the points into groups of at most cells cells.
func (k *packed) cut(cells int) []cellGroup {
	var groups []cellGroup
	n := len(k.t)
	for from := 0; from < n; {
		best := cellGroup{from, from + 1, 1, (k.t[n-1] - k.t[0]) / float64(n)}
		try := func(to int) bool {
			g, ok := k.fit(from, to, cells)
			if ok {
				best = g
			}
			return ok
		}
		good, bad := from+1, n+1
		for step := 1; good+step <= n; step *= 2 {
			if !try(good + step) {
				bad = good + step
				break
			}
			good += step
		}
		if bad > n && good < n && try(n) {
			good = n
		}
		for bad-good > 1 {
			if mid := (good + bad) / 2; mid <= n && try(mid) {
				good = mid
			} else {
				bad = mid
			}
		}
		groups = append(groups, best)
		from = best.to
	}
	return groups
}

// fit looks for a number of cells, at most most, that keeps the points apart.
func (k *packed) fit(from, to, most int) (cellGroup, bool) {
	span := k.t[to-1] - k.t[from]
	tries := []int{to - from, most}
	for c := most - 1; c > most/2 && len(tries) < 10; c -= 1 + most/16 {
		tries = append(tries, c)
	}
	for _, cells := range tries {
		if cells < 2 || cells > most {
			continue
		}
		g := cellGroup{from, to, cells, span / float64(cells-1)}
		if k.separated(g) {
			return g, true
		}
	}
	return cellGroup{}, false
}

// separated reports whether the cells of g hold points of one label each, well
// inside. The place is rounded in the network; twice the margin covers that up
// to the check of checkGroup.
func (k *packed) separated(g cellGroup) bool {
	before, p := -1, k.outputs
	for i := g.from; i < g.to; i++ {
		z := k.place(g, i)
		c := math.Floor(z)
		if off := z - c; off < 2*packedMargin || off > 1-2*packedMargin || int(c) >= g.cells {
			return false
		}
		if int(c) == before {
			for o := range p {
				if k.label[i*p+o] != k.label[(i-1)*p+o] {
					return false
				}
			}
		}
		before = int(c)
	}
	return true
}

// place returns where point i lies, in cells of g.
func (k *packed) place(g cellGroup, i int) float64 {
	return (k.t[i]-k.t[g.from])/g.width + 0.5
}

// words returns the words of group g, one per output. Cells without a point
// repeat the label before, which is as good as any.
func (k *packed) words(g cellGroup) []float64 {
	p := k.outputs
	words := make([]float64, p)
	for o := range p {
		word, i := uint64(0), g.from
		for c := range g.cells {
			for i+1 < g.to && int(k.place(g, i+1)) <= c {
				i++
			}
			word |= k.label[i*p+o] << (c * k.bits)
		}
		words[o] = float64(word)
	}
	return words
}

// checkGroup returns an [*UnfitError] when rounding could move a place of group
// g by the margin, or move a row off its group's plateau.
func (k *packed) checkGroup(g int) error {
	group := k.groups[g]
	span := math.Abs(k.t[0]) + math.Abs(k.t[len(k.t)-1])
	moved := (termError(k.precision, 8)*span + k.delta) / group.width
	apart := true
	if g > 0 {
		gap := k.t[group.from] - k.t[group.from-1]
		apart = gap/8 > termError(k.precision, 4)*span+k.delta
	}
	if moved < packedMargin/2 && apart {
		return nil
	}
	return &UnfitError{
		Construction: "packed",
		Reason:       fmt.Sprintf("cells %.2g wide are not told apart in %v", group.width, k.precision),
		Advice:       "identity looks along several directions at once" + orFloat64(&Problem{Precision: k.precision}),
	}
}
