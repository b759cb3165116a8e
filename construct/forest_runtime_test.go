package construct_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
	"hinge/constructtest"
	"hinge/dataset"
	"hinge/forest"
	"hinge/network"
)

// TestForestInRuntime exports compiled forests and compares ONNX Runtime with what
// their certificates promise.
func TestForestInRuntime(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	x := mat.NewDense(80, 3, nil)
	for i := range 80 {
		for j := range 3 {
			x.Set(i, j, float64(float32(rng.NormFloat64())))
		}
	}
	for _, classes := range [][]string{nil, {"a", "b", "c"}} {
		f := &forest.Forest{Features: 3, Outputs: max(1, len(classes)), Classes: classes, Mean: true, Base: make([]float64, max(1, len(classes)))}
		for range 7 {
			f.Trees = append(f.Trees, fullTree(rng, x, 4, f.Outputs))
		}
		set, err := dataset.New(x, mat.NewDense(80, 1, nil))
		if err != nil {
			t.Fatal(err)
		}
		if set, err = construct.ForestSet(f, set); err != nil {
			t.Fatal(err)
		}
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			rows := set
			if precision == network.Float32 {
				if rows, err = set.Rounded(); err != nil {
					t.Fatal(err)
				}
			}
			p := &construct.Problem{Set: rows, Precision: precision}
			net, _, err := construct.FromForest(f, p)
			if err != nil {
				t.Fatal(err)
			}
			sameInRuntime(t, constructtest.Case{Problem: constructtest.Problem{Problem: p}, Net: net})
		}
	}
}

// fullTree is a full tree with splits at rows and values in 0..1.
func fullTree(rng *rand.Rand, x *mat.Dense, depth, outputs int) forest.Tree {
	nodes := 1<<(depth+1) - 1
	t := forest.Tree{Output: -1}
	for at := range nodes {
		feature, left, right := int32(rng.IntN(3)), int32(2*at+1), int32(2*at+2)
		if int(left) >= nodes {
			feature, left, right = -1, -1, -1
		}
		t.Feature, t.Left, t.Right = append(t.Feature, feature), append(t.Left, left), append(t.Right, right)
		t.Upper = append(t.Upper, float32(x.At(rng.IntN(80), int(max(feature, 0)))))
		for range outputs {
			t.Value = append(t.Value, math.Round(8*rng.Float64())/8)
		}
	}
	return t
}
