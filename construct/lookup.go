package construct

import (
	"math"

	"hinge/network"
)

// LookupFed builds the network of construction identity for a Set whose inputs
// come from another network and are known only to within around[i] of row i's
// (n numbers): the plateau of every gate then holds all values that may come in,
// so the stored targets come back bit for bit all the same. It returns an
// [*UnfitError] when rows are too close together for that.
func LookupFed(p *Problem, around []float64) (*network.Network, error) {
	q := withDefaults(p)
	scale, _ := inputLayer(q)
	q.around, q.unit = around, scale.Map.(*network.Diagonal).D
	c, err := Lookup("identity")
	if err != nil {
		return nil, err
	}
	return c.Construct(q)
}

// blur returns how far the projection of row i along u may be off because its
// inputs are.
func (p *Problem) blur(i int, u []float64) float64 {
	if p.around == nil {
		return 0
	}
	reach := 0.0
	for j, v := range u {
		reach += math.Abs(v * p.unit[j])
	}
	return reach * p.around[i]
}
