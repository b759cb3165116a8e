package phi

import (
	"fmt"

	"hinge/dataset"
	"hinge/network"
)

// Normal is the normalized form of a one-hidden-layer network on a Set.
type Normal struct{}

// Normalize brings a one-hidden-layer network into its normalized form on the
// Set: the same function on the data.
func Normalize(net *network.Network, set *dataset.Set) (*Normal, error) {
	return nil, fmt.Errorf("phi: not yet")
}

// Network returns the normalized form as a network.
func (f *Normal) Network() *network.Network { return nil }

// Difference is the outcome of Equal.
type Difference struct {
	Equal  bool
	Reason string // the first difference, in words
}

// Equal compares two one-hidden-layer networks through their normalized forms
// on the Set.
func Equal(a, b *network.Network, set *dataset.Set) (*Difference, error) {
	return nil, fmt.Errorf("phi: not yet")
}
