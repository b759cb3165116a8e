package analyze

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/phi"
)

// Clash counts rows that need different outputs though the layer puts out the
// same for both. No later layer can tell them apart.
type Clash struct {
	Rows    int   `json:"rows"`
	Example []int `json:"example"` // two rows of the file; empty when there are none
}

// clashes finds rows of p that are equal though their targets are not. Rows count
// as equal when their fingerprints of 128 bits are. Cost: O(n m + n log n).
func clashes(p *phi.Matrix, set *dataset.Set) Clash {
	n, _ := p.Dims()
	keys, order := make([][2]uint64, n), make([]int, n)
	p.EachRows(func(from int, h *mat.Dense) {
		rows, _ := h.Dims()
		parallel.Each(rows, func(r int) { keys[from+r], order[from+r] = fingerprint(h.RawRowView(r)), from+r })
	})
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(keys[a][0], keys[b][0]), cmp.Compare(keys[a][1], keys[b][1]), cmp.Compare(a, b))
	})
	c := Clash{Example: []int{}}
	first := n
	for at := 0; at < n; {
		end := at + 1
		for end < n && keys[order[end]] == keys[order[at]] {
			end++
		}
		if other := needsAnother(set, order[at:end]); other >= 0 {
			c.Rows += end - at
			if order[at] < first {
				first = order[at]
				c.Example = []int{rowOf(set, first), rowOf(set, other)}
			}
		}
		at = end
	}
	return c
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

// fingerprint is equal for equal rows, and for others almost never: two sums over
// the nonzeros' bits, each mixed with its place (splitmix64).
func fingerprint(row []float64) (key [2]uint64) {
	for j, v := range row {
		if v == 0 {
			continue
		}
		z := math.Float64bits(v) ^ uint64(j+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		key[0] += z ^ z>>31
		key[1] += (z ^ z>>29) * 0xff51afd7ed558ccd
	}
	return key
}

func sameTarget(set *dataset.Set, a, b int) bool {
	if set.IsClasses() {
		return set.Class[a] == set.Class[b]
	}
	return slices.Equal(set.Y.RawRowView(a), set.Y.RawRowView(b))
}
