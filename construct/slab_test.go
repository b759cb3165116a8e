package construct

import (
	"testing"

	"hinge/network"
)

// TestSlabCalifornia: within three times the limit of one hidden layer, proved
// at 1e-3 of the range and a thousand times better as evaluated.
func TestSlabCalifornia(t *testing.T) {
	s := california(t)
	p := &Problem{Set: s, Precision: network.Float64, Tolerance: 1e-3}
	net, worst, err := smallestSlab(p)
	if err != nil {
		t.Fatal(err)
	}
	limit := s.N()/(s.D()+1) - 1
	measured := worstError(net.Forward(s.X), s)
	t.Logf("%d units, limit %d, error at most %.3g, as evaluated %.3g", net.Units(), limit, worst, measured)
	if net.Units() > 3*limit {
		t.Errorf("%d units are more than three times the limit %d", net.Units(), limit)
	}
	if measured > 1e-5 {
		t.Errorf("error %g", measured)
	}
	holds(t, "california", net, p)
}
