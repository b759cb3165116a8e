package delaunay

import (
	"math/rand/v2"
	"slices"
)

// insertionOrder shuffles the points, cuts them into rounds of doubling size, and
// sorts each round along a Morton curve.
func insertionOrder(x []float64, d int, rng *rand.Rand) []int32 {
	n := len(x) / d
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	rng.Shuffle(n, func(a, b int) { order[a], order[b] = order[b], order[a] })
	key := mortonKeys(x, d)
	const firstRound = 256
	for to := n; to > 0; {
		from := to / 2
		if to < firstRound {
			from = 0
		}
		slices.SortFunc(order[from:to], func(a, b int32) int {
			if key[a] != key[b] {
				if key[a] < key[b] {
					return -1
				}
				return 1
			}
			return int(a - b)
		})
		to = from
	}
	return order
}

// mortonKeys interleaves the leading 20 bits of each point's coordinates, as
// fractions of their ranges.
func mortonKeys(x []float64, d int) []uint64 {
	n := len(x) / d
	lo, hi := slices.Clone(x[:d]), slices.Clone(x[:d])
	for i, v := range x {
		lo[i%d], hi[i%d] = min(lo[i%d], v), max(hi[i%d], v)
	}
	key := make([]uint64, n)
	const bits = 20
	for i := range key {
		for j := range d {
			if hi[j] == lo[j] {
				continue
			}
			c := uint64((x[i*d+j] - lo[j]) / (hi[j] - lo[j]) * (1<<bits - 1))
			for b := range bits {
				key[i] |= c >> b & 1 << (b*d + j)
			}
		}
	}
	return key
}
