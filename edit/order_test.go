package edit

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// ordered evaluates a network on the rows of x, every sum in an order drawn from
// the seed, with fused multiply-add in half of the units. A term of the same unit
// and input has the same place among the others in any network, whatever units
// were added behind.
func ordered(net *network.Network, x *mat.Dense, seed uint64) *mat.Dense {
	dense := net.Dense()
	place := func(l, u, j int) uint64 {
		return keyOf([]float64{float64(seed), float64(l), float64(u), float64(j)})
	}
	h := x
	for l, layer := range dense.Layers {
		d := layer.Map.(*network.Dense)
		next := mat.NewDense(rowCount(x), d.Out, nil)
		for u := range d.Out {
			order := make([]int, d.In+1) // -1 is the bias
			for j := range order {
				order[j] = j - 1
			}
			slices.SortFunc(order, func(a, b int) int { return cmp.Compare(place(l, u, a), place(l, u, b)) })
			fused := place(l, u, -2)%2 == 0
			for i := range rowCount(x) {
				z := 0.0
				for _, j := range order {
					switch {
					case j < 0 && layer.Bias != nil:
						z = net.Precision.Round(z + layer.Bias[u])
					case j < 0:
					case fused && net.Precision == network.Float64:
						z = math.FMA(d.Row(u)[j], h.At(i, j), z)
					case net.Precision == network.Float64:
						z += float64(d.Row(u)[j] * h.At(i, j))
					case fused: // the product of two float32 is a float64 number
						z = float64(float32(z + d.Row(u)[j]*h.At(i, j)))
					default:
						z = float64(float32(z) + float32(d.Row(u)[j])*float32(h.At(i, j)))
					}
				}
				if layer.Act == network.ReLU {
					z = max(z, 0)
				}
				next.Set(i, u, z)
			}
		}
		h = next
	}
	return h
}

// What gates add is exactly 0 on the rows to keep in every order of summation:
// the network before and after give the same bits when the old terms are summed
// in the same order, wherever the new ones fall among them.
func TestRepairInOtherOrders(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := trained(170, precision, "rrri", 6, 15, 14, 13, 4)
		keep := rows(171, precision, 150, 6)
		fix := relabelled(t, net, rows(172, precision, 8, 6))
		r, err := Repair(net, fix, keep, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Copied > 0 || r.Added == 0 {
			t.Fatalf("%d units were added and %d copied", r.Added, r.Copied)
		}
		for seed := range uint64(8) {
			if !mat.Equal(ordered(net, keep, seed), ordered(r.Network, keep, seed)) {
				t.Errorf("%v, order %d: outputs of rows to keep moved", precision, seed)
			}
			out := ordered(r.Network, fix.X, seed)
			for i, c := range fix.Class {
				if largest(out.RawRowView(i)) != c {
					t.Errorf("%v, order %d: row %d to fix is not hit", precision, seed, i)
				}
			}
		}
	}
}

// What is proved of values and decisions holds in other orders.
func TestRepairedWeightsInOtherOrders(t *testing.T) {
	net := trained(173, network.Float64, "rri", 6, 30, 60, 3)
	keep := rows(174, network.Float64, 25, 6)
	r, err := Repair(net, wished(t, net, rows(175, network.Float64, 4, 6), 1), keep, nil, Options{Preserve: Values})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(8) {
		var off mat.Dense
		off.Sub(ordered(net, keep, seed), ordered(r.Network, keep, seed+50))
		if moved := max(mat.Max(&off), -mat.Min(&off)); moved > r.Keep.Moved {
			t.Errorf("outputs moved by %g, proved were %g", moved, r.Keep.Moved)
		}
	}
}
