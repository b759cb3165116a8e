package construct

import (
	"fmt"
	"math"

	"hinge/network"
)

// Packed (C10): the labels of many rows in the bits of one weight.
//
// Integer labels of b bits need n b bits altogether, and a float64 weight holds
// 53. So cut the rows along t = u.x into groups, cut the stretch of each group
// into C equal cells so that rows of one cell have one label, and write the
// labels of all cells into one integer, the group's word,
//
//	L_g = sum_c label_c 2^(b c) < 2^53.
//
// Two hidden layers look up the word of the row's group and where in the group
// the row is; then two layers per bit take the word apart, from the top, and keep
// the bits of the row's cell:
//
//	over_g, under_g          0 on group g's plateau, 2 or more on other groups
//	s(L_g - K over_g - K under_g)                 the word: exactly one is awake
//	s((t - t_g)/w_g + 1/2 - K' over - K' under)   the place z, in cells
//
//	z_a = s(L - 2^k)    z_b = s(L - (2^k - 1))    L
//	bit = s(z_b - z_a)  L' = z_a + s(L - 2^(k+1) z_b)      bit k, and the word without it
//
// The peel is that of the literature, bit = s(L - (2^k - 1)) - s(L - 2^k). The
// rest of the word is kept as two numbers of which one is 0, so that every sum of
// the peel has at most two terms, both integers times powers of two: nothing
// rounds, and no order of summation matters. The place z is a real number and
// rounds; it only opens or closes the way of a bit, s(bit - over - under) with
// ramps around the cell that rows keep packedMargin away from. So every stored
// label comes back bit for bit.
//
// Size. One bit costs 34 parameters, once; a group costs 13. With C cells,
// 34 b C + 13 n/C parameters for rows that fill their cells, least at C about
// 0.6 sqrt(n/b): 42 sqrt(b n), as many numbers of as many bits, until C = 52/b is
// reached near n = 7000; then n b/4. [L: sqrt(n) up to logarithms is optimal,
// Vardi, Yehudai, Shamir 2022.] That is fewer numbers than rows from about 2000
// rows of one bit on, where rows are evenly spaced. Rows at random places part
// only if cells are narrow, about 2 sqrt(C) rows to a group: one number per row
// or so, whatever n (measured: docs/depth.md). The literature packs the places
// too, about 2 log n bits a row; of 53 bits too few rows would be left.
//
// Weights of more than 53 bits are no float64 numbers, and a network here holds
// float64 numbers: that is where sqrt(n) bits per weight end.

func init() {
	register(&Construction{
		Name:   "packed",
		Title:  "integer labels of many rows in the bits of one weight, taken apart bit by bit: fewer numbers than evenly spaced rows",
		Source: "Vardi, Yehudai, Shamir 2022 (arXiv 2110.03187), with words of 52 bits; exactness of this project",
		Plan: func(p *Problem) (Size, error) {
			net, stored, word, err := buildPacked(p)
			if err != nil {
				return Size{}, err
			}
			size, err := scalarSize("packed", p, stored, net, 0)
			if word > 0 {
				size.Note = fmt.Sprintf("weights of up to %d bits; %.2f parameters per row", word, float64(size.Parameters)/float64(p.Set.N()))
			}
			return size, err
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, _, _, err := buildPacked(p)
			return net, err
		},
	})
}

const (
	// packedMargin is how far rows keep from the edges of their cells, in cells;
	// a power of two.
	packedMargin = 1.0 / 256
	// packedSearch is the number of points up to which several numbers of cells
	// are tried; beyond, words are filled.
	packedSearch = 100_000
)

// wordBits is the number of bits in a word, one less than the format holds.
func wordBits(precision network.Precision) int {
	if precision == network.Float32 {
		return 23
	}
	return 52
}

// buildPacked returns the network, the problem as it is stored, and the number of
// bits that words use.
func buildPacked(p *Problem) (*network.Network, *Problem, int, error) {
	stored, scores, err := scalarLabels("packed", p)
	if err != nil {
		return nil, nil, 0, err
	}
	input, x := inputLayer(stored)
	dir, err := separatingDirection("packed", stored, x)
	if err != nil {
		return nil, nil, 0, err
	}
	line := dir.points()
	if len(runsOf(line)) == 2 {
		return withScores(constantNetwork(p.Precision, p.Set.D(), line.y[:stored.Set.P()]), scores), stored, 0, nil
	}
	k := &packed{precision: p.Precision, line: line, outputs: stored.Set.P(), delta: dir.delta}
	if err := k.setLabels(); err != nil {
		return nil, nil, 0, err
	}
	if err := k.setGroups(); err != nil {
		return nil, nil, 0, err
	}
	input, u := dir.reduce(input)
	return withScores(k.network(input, u), scores), stored, k.bits * k.cells, nil
}

// packed is the labels of a line's points, and its groups and cells.
type packed struct {
	precision network.Precision
	line
	outputs int
	delta   float64 // error of t - knot in the network

	least []float64 // p: subtracted from the targets to make the labels
	label []uint64  // points x p
	bits  int       // of the largest label
	cells int       // of a word

	groups []cellGroup
}

// setLabels makes labels of the targets, which must be integers.
func (k *packed) setLabels() error {
	p := k.outputs
	k.least, k.label = make([]float64, p), make([]uint64, len(k.y))
	most := uint64(1)
	for o := range p {
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := range k.t {
			v := k.y[i*p+o]
			if v != math.Trunc(v) || math.Abs(v) > 0x1p52 {
				return &UnfitError{
					Construction: "packed",
					Reason:       fmt.Sprintf("the target %v is no integer below 2^52: only integers have bits to pack", v),
					Advice:       "zigzag stores real targets with few units, identity bit for bit",
				}
			}
			lo, hi = min(lo, v), max(hi, v)
		}
		k.least[o] = lo
		for i := range k.t {
			k.label[i*p+o] = uint64(k.y[i*p+o] - lo)
		}
		most = max(most, uint64(hi-lo))
	}
	for most>>k.bits > 0 {
		k.bits++
	}
	if k.bits > wordBits(k.precision) {
		return &UnfitError{
			Construction: "packed",
			Reason:       fmt.Sprintf("labels of %d bits do not fit into words of %d", k.bits, wordBits(k.precision)),
			Advice:       "identity stores any numbers" + orFloat64(&Problem{Precision: k.precision}),
		}
	}
	return nil
}

// setGroups chooses the number of cells that gives the fewest parameters, and
// the groups.
func (k *packed) setGroups() error {
	most := wordBits(k.precision) / k.bits
	tries := []int{most}
	if len(k.t) <= packedSearch {
		for c := most * 2 / 3; c > 1; c = c * 2 / 3 {
			tries = append(tries, c)
		}
		tries = append(tries, 1)
	}
	least := math.MaxInt
	for _, c := range tries {
		groups := k.cut(c)
		used := 0
		for _, g := range groups {
			used = max(used, g.cells)
		}
		if size := k.parameters(len(groups), used); size < least {
			least, k.groups, k.cells = size, groups, used
		}
	}
	for g := range k.groups {
		if err := k.checkGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// parameters estimates the numbers stored for g groups of c cells, to compare.
func (k *packed) parameters(g, c int) int {
	return g*(4+8+5*k.outputs-1) + k.bits*c*(10+24*k.outputs)
}
