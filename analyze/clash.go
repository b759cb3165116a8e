package analyze

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
)

// Clash counts rows that need different outputs though the layer puts out the
// same for both. No later layer can tell them apart.
type Clash struct {
	Rows    int   `json:"rows"`
	Example []int `json:"example"` // two rows of the file; empty when there are none
}

// clashes finds rows of h that are equal though their targets are not: rows are
// sorted by a fingerprint, and those that share one are compared number by
// number. Cost: O(n m + n log n).
func clashes(h *mat.Dense, set *dataset.Set) Clash {
	n, _ := h.Dims()
	key, order := make([]uint64, n), make([]int, n)
	parallel.Each(n, func(i int) { key[i], order[i] = fingerprint(h.RawRowView(i)), i })
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(key[a], key[b]), cmp.Compare(a, b)) })
	c := Clash{Example: []int{}}
	first := n
	for at := 0; at < n; {
		end := at + 1
		for end < n && key[order[end]] == key[order[at]] {
			end++
		}
		for group := order[at:end]; len(group) > 1; {
			var same, rest []int
			same, rest = equalToFirst(h, group)
			if other := needsAnother(set, same); other >= 0 {
				c.Rows += len(same)
				if same[0] < first {
					first = same[0]
					c.Example = []int{rowOf(set, first), rowOf(set, other)}
				}
			}
			group = rest
		}
		at = end
	}
	return c
}

// equalToFirst parts a group of rows into those equal to its first one and the
// others.
func equalToFirst(h *mat.Dense, group []int) (same, rest []int) {
	head := h.RawRowView(group[0])
	for _, i := range group {
		if slices.Equal(head, h.RawRowView(i)) {
			same = append(same, i)
		} else {
			rest = append(rest, i)
		}
	}
	return same, rest
}

// needsAnother returns a row whose target is not that of the first one, or -1.
func needsAnother(set *dataset.Set, rows []int) int {
	for _, i := range rows[1:] {
		if !sameTarget(set, rows[0], i) {
			return i
		}
	}
	return -1
}

// fingerprint is equal for equal rows, and for others almost never: the sum of
// the nonzeros' bits, each mixed with its place (splitmix64).
func fingerprint(row []float64) uint64 {
	sum := uint64(0)
	for j, v := range row {
		if v == 0 {
			continue
		}
		z := math.Float64bits(v) ^ uint64(j+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		sum += z ^ z>>29
	}
	return sum
}

func sameTarget(set *dataset.Set, a, b int) bool {
	if set.IsClasses() {
		return set.Class[a] == set.Class[b]
	}
	return slices.Equal(set.Y.RawRowView(a), set.Y.RawRowView(b))
}
