package construct

import (
	"cmp"
	"math"
	"slices"
)

// radixFrom is the number of keys from which the radix sort beats comparing:
// the two cross between 200 and 500 keys on amd64.
const radixFrom = 400

// ranked is a number, as an integer that sorts as it does, and its place.
type ranked struct {
	key uint64
	row int32
}

// ascending returns the places of the numbers of t in ascending order, equal
// numbers (and the two zeros) by place. It is the least-significant-digit radix
// sort on the bits of the numbers, 11 bits a pass: six passes of O(n) for
// float64, and passes in which all keys agree are skipped, so float32 values
// need three. It sorts a million numbers in about the time of slices.Sort.
func ascending(t []float64) []int {
	keys := make([]ranked, len(t))
	for i, v := range t {
		keys[i] = ranked{orderedBits(v), int32(i)}
	}
	if len(keys) < radixFrom {
		slices.SortFunc(keys, func(a, b ranked) int {
			return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row, b.row))
		})
	} else {
		keys = radixSort(keys)
	}
	order := make([]int, len(t))
	for k := range keys {
		order[k] = int(keys[k].row)
	}
	return order
}

// orderedBits maps finite numbers to integers in the same order.
func orderedBits(v float64) uint64 {
	bits := math.Float64bits(v + 0)
	if v == 0 {
		bits = 0
	}
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

func radixSort(keys []ranked) []ranked {
	const digit, passes = 11, 6
	var count [passes][1 << digit]int32
	for _, k := range keys {
		for pass := range count {
			count[pass][k.key>>(digit*pass)&(1<<digit-1)]++
		}
	}
	other := make([]ranked, len(keys))
	for pass := range count {
		shift, c := digit*pass, &count[pass]
		if int(c[keys[0].key>>shift&(1<<digit-1)]) == len(keys) {
			continue
		}
		at := int32(0)
		for b, size := range c {
			c[b], at = at, at+size
		}
		for _, k := range keys {
			b := k.key >> shift & (1<<digit - 1)
			other[c[b]] = k
			c[b]++
		}
		keys, other = other, keys
	}
	return keys
}
