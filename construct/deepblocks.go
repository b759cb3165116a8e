package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// deep-blocks: an interpolation matrix with a block per class, or per cluster of
// rows.
//
// The sparse-matrix principle with fewer units than rows. Classes take one unit
// each in the second hidden layer, awake on the rows of its class and exactly 0
// on all others, so that Phi is block-diagonal with density 1/k and the outputs
// are the units themselves; classblocks.go tells how layer 1 is made small.
//
// For numbers, the rows are cut into K clusters along their principal direction,
// and unit (a, o) is target o, shifted to be positive, on the rows of cluster a,
// and asleep elsewhere. Lemma S (realise.go) gives the layer on any first layer of
// full rank:
//
//	layer 1   s(w_j.x + b_j)             n-1 chosen units, or 1.5 n
//	layer 2   s(z_ao)                    z_ao = (y_o - low_o)/range_o on cluster a, below 0 off it
//	output    range_o sum_a unit_ao + low_o
//
// One unit of each output is awake on a row. Where one hidden layer would sum
// n terms into the output, here it is one, and an error in one cluster stays
// there.
//
// Cost: for numbers O(n^3), which limits n to some thousands.
func init() {
	register(&Construction{
		Name:   "deep-blocks",
		Title:  "a block per class or cluster: one unit per class, awake on its rows only",
		Source: "the sparse-matrix principle of Huang, arXiv 2208.07498: Lemma S of docs/deep.md",
		Plan:   planDeepBlocks,
		Build:  buildDeepBlocks,
	})
}

func deepBlocksUnfit(reason, advice string) error {
	return &UnfitError{Construction: "deep-blocks", Reason: reason, Advice: advice}
}

// clusters returns K, the number of clusters of n rows: about the square root,
// so that neither blocks nor the number of units get large.
func clusters(n int) int { return max(1, int(math.Sqrt(float64(n))/2)) }

func planDeepBlocks(p *Problem) (Size, error) {
	if p.Set.IsClasses() {
		return planClassBlocks(p)
	}
	m, choose := featureColumns(p)
	if err := fullRankFits("deep-blocks", p, m); err != nil {
		return Size{}, err
	}
	n, d, outputs := p.Set.N(), p.Set.D(), p.Set.P()
	if choose {
		m = max(1, n-1)
	}
	units := clusters(n) * outputs
	size := Size{HiddenLayers: 2, Units: m + units, Estimated: true, Error: 16 * float64(n) * float64(n) * p.Precision.Eps()}
	size.Parameters = 2*d + m*(d+1) + units*(m+2) + outputs
	return size, nil
}

func buildDeepBlocks(p *Problem) (*network.Network, error) {
	n := p.Set.N()
	switch {
	case n == 1 || p.Set.P() == 1 && p.Set.IsClasses():
		return constantNetwork(p.Precision, p.Set.D(), p.Set.Y.RawRowView(0)), nil
	case p.Set.IsClasses():
		return buildClassBlocks(p)
	}
	input, x := inputLayer(p)
	target := newShift(p)
	s := clusterTargets(p, x, target)
	m, choose := featureColumns(p)
	rng := rand.New(rand.NewPCG(p.Seed, 0xb10c))
	var last error
	for range oversamplingTries {
		if err := fullRankFits("deep-blocks", p, m); err != nil {
			if last == nil {
				last = err
			}
			break
		}
		f := drawHyperplanes(p, x, m, rng)
		if choose {
			f = f.spanning()
		}
		next, err := realiseOn("deep-blocks", p, f, s)
		if err != nil {
			return nil, err
		}
		if next.z == nil {
			last = deepBlocksUnfit(fmt.Sprintf("%d hyperplanes reach rank %d of %d in %v", len(f.bias), next.realised.Rank, n, p.Precision), "deep-slab needs no full rank"+orFloat64(p))
		} else if last = refuseInaccurate("deep-blocks", p, next.blockError(p, s, target)); last == nil {
			second := next.realised.Layer
			second.Name = "blocks"
			return &network.Network{Precision: p.Precision, Layers: []network.Layer{
				input, f.layer(firstColumns(len(f.bias))), second, target.layer(clusters(n)),
			}}, nil
		}
		m *= 2
	}
	return nil, last
}

// clusterTargets returns S, n x (p K), output by output: the shifted targets of
// the rows in each cluster, 0 elsewhere. The clusters are runs of equal length
// along the principal direction.
func clusterTargets(p *Problem, x *mat.Dense, target *shift) *mat.Dense {
	n, outputs := p.Set.N(), p.Set.P()
	k := clusters(n)
	s := mat.NewDense(n, k*outputs, nil)
	for at, i := range orderAlong(p, x, principalDirection(x)).order {
		for o := range outputs {
			s.Set(i, o*k+at*k/n, target.z.At(i, o))
		}
	}
	return s
}

// blockError bounds the error of the outputs as a fraction of each target's
// range, in any order of summation; +Inf when a unit may wake where it should
// sleep.
func (l *secondLayer) blockError(p *Problem, s *mat.Dense, target *shift) float64 {
	n, q := s.Dims()
	k := q / len(target.factor)
	ranges := p.Set.Range()
	worst := 0.0
	for i := range n {
		for c := range q {
			want, z, doubt := s.At(i, c), l.z.At(i, c), l.doubt.At(i, c)
			if want == 0 {
				if z+doubt >= 0 {
					return math.Inf(1)
				}
				continue
			}
			o := c / k
			off := target.factor[o] * (math.Abs(z-want) + doubt)
			off += termError(p.Precision, 4) * (target.factor[o]*want + math.Abs(target.bias[o]))
			worst = max(worst, off/ranges[o])
		}
	}
	return worst
}

// blockDiagonal returns the layer whose unit c reads its own part of the layer
// before.
func blockDiagonal(rows [][]float64, bias []float64) network.Layer {
	blocks := &network.Blocks{}
	for _, w := range rows {
		blocks.Maps = append(blocks.Maps, network.NewDense(1, len(w), slices.Clone(w)))
	}
	return network.Layer{Map: blocks, Bias: bias, Act: network.ReLU, Name: "classes"}
}
