package network

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestBlocksIsBlockDiagonal compares a layer of blocks with the same matrix
// written out, in both precisions, in exact arithmetic, and nested.
func TestBlocksIsBlockDiagonal(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	small := func(k int) []float64 { // dyadic numbers: every order of summation is exact
		v := make([]float64, k)
		for i := range v {
			v[i] = float64(rng.IntN(33)-16) / 8
		}
		return v
	}
	blocks := &Blocks{Maps: []Map{
		NewDense(3, 2, small(6)),
		&Sum{Maps: []Map{&Diagonal{D: small(2)}, &Diagonal{D: small(2)}}},
		&Projected{P: NewDense(1, 1, small(1)), Pick: []int32{0, 0}, Scale: small(2)},
	}}
	n := &Network{Layers: []Layer{{Map: blocks, Bias: small(7), Act: ReLU}}}
	if err := n.Validate(); err != nil {
		t.Fatal(err)
	}
	if out, in := blocks.Dims(); out != 7 || in != 7 {
		t.Fatalf("dims %d x %d, want 7 x 7", out, in)
	}
	x := mat.NewDense(5, 7, small(35))
	want := n.Dense().Forward(x)
	if got := n.Forward(x); !mat.Equal(got, want) {
		t.Errorf("float64: got\n%v\nwant\n%v", mat.Formatted(got), mat.Formatted(want))
	}
	if got := n.Forward32(x); !mat.Equal(got, want) {
		t.Errorf("float32: got\n%v\nwant\n%v", mat.Formatted(got), mat.Formatted(want))
	}
	for i := range 5 {
		for j, v := range n.EvalExact(x.RawRowView(i)) {
			if f, _ := v.Float64(); f != want.At(i, j) {
				t.Errorf("exact output (%d, %d) is %v, want %v", i, j, f, want.At(i, j))
			}
		}
	}
	stored := 0
	Weights(blocks, func(w []float64) { stored += len(w) })
	if stored != blocks.Params() {
		t.Errorf("Weights visits %d numbers, Params counts %d", stored, blocks.Params())
	}
	if err := (&Blocks{}).check(); err == nil {
		t.Error("no blocks at all passes the check")
	}
}
