package phi

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
)

// Stats is what counting tells of a Matrix, in one pass over its rows.
type Stats struct {
	Nonzeros int64
	// PerRow and PerUnit are the numbers of nonzeros of every row (awake
	// units) and of every unit (rows it is awake on).
	PerRow, PerUnit []int
	// Patterns is the number of different sets of awake units over the rows;
	// -1 when it was not counted.
	Patterns int
	// Dead are the units that are zero on all rows, AlwaysOn those that are
	// not zero on any, in order.
	Dead, AlwaysOn []int
	// Parallel lists groups of two or more awake units whose columns are
	// positive multiples of each other up to rounding; nil and ParallelKnown false when that was not looked for.
	Parallel      [][]int
	ParallelKnown bool
	// Scale is the largest absolute entry.
	Scale float64
}

// Spread summarises counts: the least, the median and the most.
type Spread struct {
	Min    int `json:"min"`
	Median int `json:"median"`
	Max    int `json:"max"`
}

// Rows and Units return the spread of the nonzeros over rows and over units.
func (s *Stats) Rows() Spread  { return spreadOf(s.PerRow) }
func (s *Stats) Units() Spread { return spreadOf(s.PerUnit) }

func spreadOf(counts []int) Spread {
	c := append([]int(nil), counts...)
	slices.Sort(c)
	return Spread{c[0], c[len(c)/2], c[len(c)-1]}
}

// collector gathers Stats row by row.
type collector struct {
	stats    Stats
	seed     maphash.Seed
	patterns map[uint64]struct{}
	bits     []byte
	parallel *parallelFinder
}

// newCollector starts counting an n x m matrix made in an arithmetic of spacing
// eps.
func newCollector(n, m int, eps float64) *collector {
	return &collector{
		stats:    Stats{PerRow: make([]int, n), PerUnit: make([]int, m)},
		seed:     maphash.MakeSeed(),
		patterns: make(map[uint64]struct{}),
		bits:     make([]byte, 8*((m+63)/64)),
		parallel: newParallelFinder(m, parallelRoundings*eps+float64(n)*0x1p-53),
	}
}

// addDense counts row i.
func (c *collector) addDense(i int, row []float64) {
	clear(c.bits)
	g := functionalsAt(i)
	count := 0
	for j, v := range row {
		if v == 0 {
			continue
		}
		count++
		c.bits[j>>3] |= 1 << (j & 7)
		c.stats.PerUnit[j]++
		c.stats.Scale = max(c.stats.Scale, math.Abs(v))
		c.parallel.add(i, j, v, g)
	}
	c.stats.PerRow[i] = count
	c.stats.Nonzeros += int64(count)
	c.patterns[maphash.Bytes(c.seed, c.bits)] = struct{}{}
}

// addSparse counts row i, given by its nonzeros in ascending columns.
func (c *collector) addSparse(i int, cols []int32, vals []float64) {
	var h maphash.Hash
	h.SetSeed(c.seed)
	var b [4]byte
	g := functionalsAt(i)
	for k, j := range cols {
		binary.LittleEndian.PutUint32(b[:], uint32(j))
		h.Write(b[:])
		c.stats.PerUnit[j]++
		c.stats.Scale = max(c.stats.Scale, math.Abs(vals[k]))
		c.parallel.add(i, int(j), vals[k], g)
	}
	c.stats.PerRow[i] = len(cols)
	c.stats.Nonzeros += int64(len(cols))
	c.patterns[h.Sum64()] = struct{}{}
}

func (c *collector) finish() *Stats {
	s := &c.stats
	s.Patterns = len(c.patterns)
	s.markConstant()
	s.Parallel, s.ParallelKnown = c.parallel.groups(s.PerUnit), true
	return s
}

// markConstant lists the dead and the always-on units.
func (s *Stats) markConstant() {
	for j, count := range s.PerUnit {
		switch count {
		case 0:
			s.Dead = append(s.Dead, j)
		case len(s.PerRow):
			s.AlwaysOn = append(s.AlwaysOn, j)
		}
	}
}

// parallelFinder finds parallel columns in one pass and O(m) memory. Each
// column v is reduced to its first nonzero row and a few random functionals
// sum_i g_i v_i / sum_i |v_i|. Parallel columns agree in all of them. Columns that agree without being parallel would have
// to differ by a vector nearly orthogonal to all the random g: that is
// improbable, though no proof.
type parallelFinder struct {
	first []int32 // row of the first nonzero, -1 before
	head  []float64
	sums  [functionals][]float64
	norm  []float64

	tolerance float64
}

const functionals = 3

// parallelRoundings is how many roundings of the arithmetic, relative to the
// size of a column, two parallel columns may be apart; the rounding of the
// fingerprint itself, at most n 2^-53, comes on top.
const parallelRoundings = 32

func newParallelFinder(m int, tolerance float64) *parallelFinder {
	f := &parallelFinder{tolerance: tolerance, first: make([]int32, m), head: make([]float64, m), norm: make([]float64, m)}
	for j := range f.first {
		f.first[j] = -1
	}
	for k := range f.sums {
		f.sums[k] = make([]float64, m)
	}
	return f
}

// functionalsAt returns g_i of every functional.
func functionalsAt(i int) (g [functionals]float64) {
	for k := range g {
		g[k] = pseudoRandom(uint64(i)*functionals + uint64(k))
	}
	return g
}

func (f *parallelFinder) add(i, j int, v float64, g [functionals]float64) {
	if f.first[j] < 0 {
		f.first[j], f.head[j] = int32(i), v
	}
	f.norm[j] += math.Abs(v)
	for k := range f.sums {
		f.sums[k][j] += float64(v * g[k])
	}
}

// groups returns the groups of two or more parallel live columns. Sorted by
// first row, count and first functional, parallel columns stand together.
func (f *parallelFinder) groups(perUnit []int) [][]int {
	var live []int
	for j, count := range perUnit {
		if count > 0 {
			live = append(live, j)
		}
	}
	slices.SortFunc(live, func(a, b int) int {
		return cmp.Or(cmp.Compare(f.first[a], f.first[b]), cmp.Compare(perUnit[a], perUnit[b]),
			cmp.Compare(f.mark(a, 0), f.mark(b, 0)), cmp.Compare(a, b))
	})
	var groups [][]int
	for at := 0; at < len(live); {
		end := at + 1
		for end < len(live) && perUnit[live[at]] == perUnit[live[end]] && f.same(live[at], live[end]) {
			end++
		}
		if end-at > 1 {
			group := append([]int(nil), live[at:end]...)
			slices.Sort(group)
			groups = append(groups, group)
		}
		at = end
	}
	slices.SortFunc(groups, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return groups
}

// mark is functional k of column j, relative to the column's size.
func (f *parallelFinder) mark(j, k int) float64 { return f.sums[k][j] / f.norm[j] }

// same reports whether two columns have one fingerprint.
func (f *parallelFinder) same(a, b int) bool {
	if f.first[a] != f.first[b] || (f.head[a] < 0) != (f.head[b] < 0) {
		return false
	}
	for k := range f.sums {
		if math.Abs(f.mark(a, k)-f.mark(b, k)) > f.tolerance {
			return false
		}
	}
	return true
}

// pseudoRandom maps an index to a number in [-1, 1): splitmix64.
func pseudoRandom(i uint64) float64 {
	z := i*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(int64(z)) * 0x1p-63
}
