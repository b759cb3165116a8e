package dataset

import (
	"math"
	"math/bits"
)

// equalInputs returns the groups of two or more rows with equal inputs, each
// in ascending order, the groups ordered by first row.
//
// Every row is looked up in an open-addressing hash table that holds the first
// row of every input: O(n d) expected time, and 4 to 8 bytes a row of memory
// (n = 10^6: 8 MB) beside the groups themselves. The result does not depend on the
// hash: rows that meet in the table are compared number by number.
func (s *Set) equalInputs() [][]int {
	n := s.N()
	size := 1 << bits.Len(uint(n+n/2)) // at most two thirds full
	table := make([]uint32, size)      // row + 1 of the first row with an input; 0: free
	groupOf := make(map[uint32]int)    // first row + 1 -> index into groups
	var groups [][]int
	for i := range n {
		row := s.X.RawRowView(i)
		slot := hashRow(row) & uint64(size-1)
		for table[slot] != 0 && !equalRows(s.X.RawRowView(int(table[slot]-1)), row) {
			slot = (slot + 1) & uint64(size-1)
		}
		first := table[slot]
		if first == 0 {
			table[slot] = uint32(i + 1)
			continue
		}
		g, known := groupOf[first]
		if !known {
			g = len(groups)
			groupOf[first] = g
			groups = append(groups, []int{int(first - 1)})
		}
		groups[g] = append(groups[g], i)
	}
	sortByFirst(groups)
	return groups
}

// hashRow mixes the numbers' bits, with -0 as 0: a 64 x 64 -> 128 bit
// multiplication per number, whose halves are folded (the mixing step of wyhash).
func hashRow(row []float64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range row {
		hi, lo := bits.Mul64(math.Float64bits(v+0)^h, 0xa0761d6478bd642f)
		h = hi ^ lo ^ h<<1
	}
	hi, lo := bits.Mul64(h, 0xe7037ed1a0b428db)
	return hi ^ lo
}

func equalRows(a, b []float64) bool {
	for j, v := range a {
		if v != b[j] {
			return false
		}
	}
	return true
}
