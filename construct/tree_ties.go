package construct

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/parallel"
)

// tieSafety is how many times the roundings of a score two scores must differ by
// for their order to be proved.
const tieSafety = 8

// settle makes the tool's class win on every given row: by the handicap of later
// classes where scores are equal, by a gate where they are too close to call.
func (c *forestCompiler) settle() {
	set := c.p.Set
	n, k := set.N(), len(c.forest.Classes)
	scores := mat.NewDense(n, k, nil)
	parallel.Each(n, func(i int) { c.score(set.X.RawRowView(i), scores.RawRowView(i)) })
	need := c.roundings()
	gap := make([]float64, n) // own score less the best other one
	least := math.Inf(1)
	for i, own := range set.Class {
		gap[i] = lead(scores.RawRowView(i), own)
		if math.Abs(gap[i]) <= need {
			c.facts.Ties++
		} else if gap[i] > 0 {
			least = min(least, gap[i])
		}
	}
	if c.facts.Ties > 0 && k > 1 {
		_, exp := math.Frexp(min(least, 1) / float64(2*k))
		if delta := math.Ldexp(0.5, exp); delta > 2*need {
			c.facts.Handicap = delta
		}
	}
	for o := range c.bias {
		c.bias[o] -= float64(o) * c.facts.Handicap
	}
	cells := map[string]bool{}
	for i, own := range set.Class {
		row := scores.RawRowView(i)
		for o := range row {
			row[o] -= float64(o) * c.facts.Handicap
		}
		if g := lead(row, own); g <= need && k > 1 {
			c.facts.Decided++
			c.lift(i, own, math.Abs(g)+4*tieSafety*need, cells)
		}
	}
}

// lead returns the own score less the greatest other one.
func lead(scores []float64, own int) float64 {
	best := math.Inf(-1)
	for o, v := range scores {
		if o != own {
			best = max(best, v)
		}
	}
	return scores[own] - best
}

// score adds up what the leaves of a row give to every class.
func (c *forestCompiler) score(row, sum []float64) {
	f := c.forest
	copy(sum, f.Base)
	for i := range f.Trees {
		t := &f.Trees[i]
		leaf := t.Leaf(row)
		if t.Output >= 0 {
			sum[t.Output] += t.Value[leaf]
			continue
		}
		for o := range sum {
			sum[o] += t.Value[leaf*f.Outputs+o]
		}
	}
}

// roundings bounds, with a factor of tieSafety, how far a score may be from its
// true sum in any evaluation.
func (c *forestCompiler) roundings() float64 {
	size := 1.0
	for i := range c.forest.Trees {
		most := 0.0
		for _, v := range c.forest.Trees[i].Value {
			most = max(most, math.Abs(v))
		}
		size += most
	}
	for _, v := range c.forest.Base {
		size += math.Abs(v)
	}
	terms := float64(len(c.forest.Trees) + 4)
	return tieSafety * terms * c.p.Precision.Eps() * size
}

// lift adds a gate on the box where the leaves of row i meet, unless it is there.
func (c *forestCompiler) lift(i, class int, by float64, cells map[string]bool) {
	over, under := map[int32]int32{}, map[int32]int32{}
	row := c.p.Set.X.RawRowView(i)
	for k := range c.forest.Trees {
		t := &c.forest.Trees[k]
		for at := int32(0); t.Feature[at] >= 0; {
			f, split := t.Feature[at], c.trees[k].split[at]
			if float32(row[f]) <= t.Upper[at] {
				if old, is := over[f]; !is || split < old {
					over[f] = split
				}
				at = t.Left[at]
				continue
			}
			if old, is := under[f]; !is || split > old {
				under[f] = split
			}
			at = t.Right[at]
		}
	}
	var terms []int32
	for _, b := range over {
		terms = append(terms, 2*b)
	}
	for _, b := range under {
		terms = append(terms, 2*b+1)
	}
	slices.Sort(terms)
	if key := fmt.Sprint(terms); !cells[key] {
		cells[key] = true
		c.addBox(-1, terms)
		c.extra = append(c.extra, forestCell{class, by})
	}
}
