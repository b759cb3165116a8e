package phi

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// pieceRows is how many rows one collector counts before it is merged. The
// pieces are the same for any number of processors, and so are the sums.
const pieceRows = 256

// addBlock counts the rows of block, the first of which is row from, on all
// processors. It returns an error when a number is not finite.
func (c *collector) addBlock(from int, block *mat.Dense) error {
	rows, m := block.Dims()
	pieces := make([]*collector, (rows+pieceRows-1)/pieceRows)
	faults := make([]error, len(pieces))
	parallel.Each(len(pieces), func(k int) {
		part := c.fork(m)
		for r := k * pieceRows; r < min((k+1)*pieceRows, rows) && faults[k] == nil; r++ {
			row := block.RawRowView(r)
			faults[k] = checkRow(from+r, row)
			part.addDense(from+r, row)
		}
		pieces[k] = part
	})
	for k, part := range pieces {
		if faults[k] != nil {
			return faults[k]
		}
		c.merge(part)
	}
	return nil
}

// fork returns an empty collector for some rows of the same matrix, to be merged
// again.
func (c *collector) fork(m int) *collector {
	return &collector{
		stats:    Stats{PerRow: c.stats.PerRow, PerUnit: make([]int, m)},
		seed:     c.seed,
		patterns: make(map[uint64]struct{}),
		bits:     make([]byte, len(c.bits)),
		parallel: newParallelFinder(m, c.parallel.tolerance),
	}
}

// merge adds the counts of later rows.
func (c *collector) merge(part *collector) {
	s, t := &c.stats, &part.stats
	s.Nonzeros += t.Nonzeros
	s.Scale = max(s.Scale, t.Scale)
	for j, count := range t.PerUnit {
		s.PerUnit[j] += count
	}
	for key := range part.patterns {
		c.patterns[key] = struct{}{}
	}
	c.parallel.merge(part.parallel)
}

func (f *parallelFinder) merge(part *parallelFinder) {
	for j, first := range part.first {
		if f.first[j] < 0 {
			f.first[j], f.head[j] = first, part.head[j]
		}
		f.norm[j] += part.norm[j]
	}
	for k := range f.sums {
		for j, v := range part.sums[k] {
			f.sums[k][j] += v
		}
	}
}

func checkRow(i int, row []float64) error {
	for j, v := range row {
		if v-v != 0 { // NaN or infinite
			return fmt.Errorf("phi: unit %d puts out %v on row %d", j, v, i)
		}
	}
	return nil
}
