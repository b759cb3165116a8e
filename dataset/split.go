package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Split parts the rows at random into a training Set of about fraction n rows
// (0 < fraction < 1) and a test Set of the others, both with at least one row
// and in the order of s. The same seed gives the same split on every machine.
// A fraction outside (0, 1) and a Set of one row are errors.
func (s *Set) Split(fraction float64, seed uint64) (train, test *Set, err error) {
	n := s.N()
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("split: the fraction of training rows is %v; it must lie between 0 and 1", fraction)
	}
	if n < 2 {
		return nil, nil, fmt.Errorf("split: %d row cannot be parted", n)
	}
	count := max(1, min(n-1, int(math.Round(fraction*float64(n)))))
	order := generator(seed).Perm(n)
	part := func(rows []int, name string) *Set {
		slices.Sort(rows)
		r := s.Select(rows)
		r.Notes = append(slices.Clone(s.Notes), fmt.Sprintf("The %s part of a random split: %d of %d rows (seed %d).", name, len(rows), n, seed))
		return r
	}
	return part(order[:count], "training"), part(order[count:], "test"), nil
}

// generator is the source of all random numbers of this package: PCG-DXSM,
// whose stream depends on the seed only.
func generator(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x6a09e667f3bcc909))
}
