package construct

import (
	"testing"

	"hinge/network"
)

// TestSlabCalifornia: within three times the limit of one hidden layer, at the
// default tolerance.
func TestSlabCalifornia(t *testing.T) {
	s := california(t)
	p := &Problem{Set: s, Precision: network.Float64}
	net, worst, err := smallestSlab(p)
	if err != nil {
		t.Fatal(err)
	}
	limit := s.N()/(s.D()+1) - 1
	t.Logf("%d units, limit %d, error %.3g", net.Units(), limit, worst)
	if net.Units() > 3*limit {
		t.Errorf("%d units are more than three times the limit %d", net.Units(), limit)
	}
	if got := worstError(net.Forward(s.X), s); got > 1e-6 || got != worst {
		t.Errorf("error %g, stated %g", got, worst)
	}
}
