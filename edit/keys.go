package edit

import (
	"math"
	"math/bits"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// keysOf returns a hash of every row of m; equal rows have equal ones, and others
// are to be compared.
func keysOf(m *mat.Dense) []uint64 {
	keys := make([]uint64, rowCount(m))
	parallel.Ranges(len(keys), func(from, to int) {
		for i := from; i < to; i++ {
			keys[i] = keyOf(m.RawRowView(i))
		}
	})
	return keys
}

// keyOf mixes the numbers of a row by multiplication and rotation; it is the
// finishing step of Appleby's MurmurHash3, one number at a time.
func keyOf(row []float64) uint64 {
	h := uint64(len(row))
	for _, v := range row {
		h = bits.RotateLeft64(h^math.Float64bits(v+0), 29) * 0xff51afd7ed558ccd // -0 is 0
		h ^= h >> 32
	}
	return h
}
