package construct

import (
	"testing"
	"time"

	"hinge/network"
)

func TestDeepSlabCalifornia(t *testing.T) {
	s := california(t)
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		set := s
		if prec == network.Float32 {
			var err error
			if set, err = s.Rounded(); err != nil {
				t.Fatal(err)
			}
		}
		p := &Problem{Set: set, Precision: prec}
		start := time.Now()
		net, err := buildDeepSlab(p)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		t.Logf("%v: %v K=%d error %.3g", took, net, net.Layers[3].Map.Params(), worstError(net.Eval(set.X), set))
	}
}
