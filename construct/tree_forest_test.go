package construct

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/forest"
	"hinge/network"
)

// drawTree returns a random tree on d features with splits near the rows of x.
func drawTree(rng *rand.Rand, x *mat.Dense, depth, outputs int, value func() float64) forest.Tree {
	t := forest.Tree{Output: -1}
	n, d := x.Dims()
	var grow func(depth int) int32
	grow = func(depth int) int32 {
		at := int32(len(t.Feature))
		t.Feature, t.Upper, t.Left, t.Right = append(t.Feature, -1), append(t.Upper, 0), append(t.Left, -1), append(t.Right, -1)
		for range outputs {
			t.Value = append(t.Value, value())
		}
		if depth == 0 || rng.IntN(8) == 0 {
			return at
		}
		feature := rng.IntN(d)
		t.Feature[at], t.Upper[at] = int32(feature), float32(x.At(rng.IntN(n), feature))
		left := grow(depth - 1)
		right := grow(depth - 1)
		t.Left[at], t.Right[at] = left, right
		return at
	}
	grow(depth)
	return t
}

func drawForest(seed uint64, x *mat.Dense, trees, depth, classes int) *forest.Forest {
	rng := rand.New(rand.NewPCG(seed, 1))
	_, d := x.Dims()
	f := &forest.Forest{Tool: "a test", Features: d, Outputs: 1, Mean: true, Base: make([]float64, max(1, classes))}
	value := rng.NormFloat64
	if classes > 0 {
		f.Outputs = classes
		for c := range classes {
			f.Classes = append(f.Classes, fmt.Sprint(c))
		}
		value = func() float64 { return float64(rng.IntN(2)) }
	}
	for range trees {
		f.Trees = append(f.Trees, drawTree(rng, x, depth, f.Outputs, value))
	}
	return f
}

// rowsAround are n rows of coarse numbers, many of them on a split, of scales that
// differ; none is 0.
func rowsAround(seed uint64, n, d int) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 2))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, (math.Round(8*rng.NormFloat64())+0.5)*math.Pow(100, float64(j%4-1)))
		}
	}
	return x
}

// TestForestsAgree compiles random forests and compares them with the forest on
// the rows, by a certificate, and next to every split, where the network must
// follow the forest from one number of the arithmetic to the next.
func TestForestsAgree(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for _, classes := range []int{0, 2, 5} {
			for seed := range uint64(4) {
				name := fmt.Sprintf("%v, %d classes, seed %d", precision, classes, seed)
				x := rowsAround(seed, 120, 4)
				f := drawForest(seed, x, 1+int(seed)*5, 6, classes)
				net, set := compileForest(t, f, x, precision)
				cert, err := certify.Certify(net, set, certify.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !cert.Holds {
					t.Errorf("%s: %d of %d rows, error %v, margin %v", name, cert.Hit, cert.Rows, cert.MaxError, cert.MinMargin)
				}
				compareBesideSplits(t, name, f, net, x)
			}
		}
	}
}

func compileForest(t *testing.T, f *forest.Forest, x *mat.Dense, precision network.Precision) (*network.Network, *dataset.Set) {
	t.Helper()
	n, _ := x.Dims()
	set, err := dataset.New(x, mat.NewDense(n, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	if set, err = ForestSet(f, set); err == nil && precision == network.Float32 {
		set, err = set.Rounded()
	}
	if err != nil {
		t.Fatal(err)
	}
	net, facts, err := FromForest(f, &Problem{Set: set, Precision: precision})
	if err != nil {
		t.Fatal(err)
	}
	if facts.Widened > 0 {
		t.Errorf("%d ramps are wider than one step", facts.Widened)
	}
	return net, set
}

// compareBesideSplits evaluates both at the last number that goes left and the
// first that goes right of splits, the other features as in some row.
func compareBesideSplits(t *testing.T, name string, f *forest.Forest, net *network.Network, x *mat.Dense) {
	t.Helper()
	n, d := x.Dims()
	rng := rand.New(rand.NewPCG(7, 7))
	var rows []float64
	for i := range f.Trees {
		tree := &f.Trees[i]
		for node, feature := range tree.Feature {
			if feature < 0 {
				continue
			}
			low, high := neighbours(net.Precision, tree.Upper[node])
			for _, v := range []float64{low, high} {
				row := mat.Row(nil, rng.IntN(n), x)
				row[feature] = v
				rows = append(rows, row...)
			}
		}
	}
	if rows == nil {
		return
	}
	count := len(rows) / d
	out := net.Eval(mat.NewDense(count, d, rows))
	for i := range count {
		row := rows[i*d : (i+1)*d]
		want, got := f.Predict(row), out.RawRowView(i)
		if f.Classes == nil {
			if math.Abs(want[0]-got[0]) > 1e3*net.Precision.Eps() {
				t.Fatalf("%s: at %v the forest says %v, the network %v", name, row, want, got)
			}
			continue
		}
		if a, b := forest.Class(want), forest.Class(got); a != b && want[a]-want[b] > 1e-9 {
			t.Fatalf("%s: at %v the forest says %v, the network %v", name, row, want, got)
		}
	}
}

// TestForestTies: with two trees that disagree everywhere, every row is a tie, and
// the first class wins by a margin.
func TestForestTies(t *testing.T) {
	x := rowsAround(3, 40, 2)
	stump := func(left float64) forest.Tree {
		return forest.Tree{Output: -1, Feature: []int32{0, -1, -1}, Upper: []float32{0.25, 0, 0}, Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1},
			Value: []float64{0, 0, 0, left, 1 - left, 0, 1 - left, left, 0}}
	}
	f := &forest.Forest{Features: 2, Outputs: 3, Classes: []string{"a", "b", "c"}, Mean: true, Base: make([]float64, 3), Trees: []forest.Tree{stump(0), stump(1)}}
	net, set := compileForest(t, f, x, network.Float32)
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !cert.Holds || cert.MinMargin < 0.01 {
		t.Errorf("%d of %d rows by a margin of %v", cert.Hit, cert.Rows, cert.MinMargin)
	}
}

// TestForestRoundingDecides: sums of thirds that are equal in exact arithmetic and
// not in the forest's. The network repeats what the forest says.
func TestForestRoundingDecides(t *testing.T) {
	x := rowsAround(5, 60, 3)
	rng := rand.New(rand.NewPCG(1, 9))
	f := &forest.Forest{Features: 3, Outputs: 2, Classes: []string{"a", "b"}, Mean: true, Base: make([]float64, 2)}
	for range 9 {
		tree := drawTree(rng, x, 3, 2, rng.Float64)
		for at := 0; at < len(tree.Value); at += 2 {
			p := float64(rng.IntN(8)) / 7
			tree.Value[at], tree.Value[at+1] = p, 1-p
		}
		f.Trees = append(f.Trees, tree)
	}
	for _, tree := range f.Trees[:9] {
		f.Trees = append(f.Trees, mirrored(tree))
	}
	set, _ := dataset.New(x, mat.NewDense(60, 1, nil))
	set, err := ForestSet(f, set)
	if err != nil {
		t.Fatal(err)
	}
	net, facts, err := FromForest(f, &Problem{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	if facts.Ties < set.N()/2 || facts.Decided == 0 {
		t.Errorf("%d ties and %d rows that rounding decides: the test shows nothing", facts.Ties, facts.Decided)
	}
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !cert.Holds {
		t.Errorf("%d of %d rows, margin %v", cert.Hit, cert.Rows, cert.MinMargin)
	}
}

// mirrored is the tree with the two classes changed over: the sum of both is a tie.
func mirrored(t forest.Tree) forest.Tree {
	value := make([]float64, len(t.Value))
	for at := 0; at < len(value); at += 2 {
		value[at], value[at+1] = t.Value[at+1], t.Value[at]
	}
	t.Value = value
	return t
}

func TestForestSetRefusesOtherColumns(t *testing.T) {
	x := rowsAround(1, 20, 3)
	set, err := dataset.New(x, mat.NewDense(20, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	f := drawForest(1, x, 2, 3, 0)
	f.Features = 4
	if _, err := ForestSet(f, set); err == nil {
		t.Error("a forest of four features takes rows of three")
	}
	f.Features, f.Names = 3, []string{"x2", "x1", "x3"}
	if _, err := ForestSet(f, set); err == nil {
		t.Error("columns in another order are taken")
	}
}

// TestForestOfTinyNumbers: thresholds at 0, where no ramp is steep enough to climb
// within a step of float32, still part the rows; rows closer than that do not.
func TestForestOfTinyNumbers(t *testing.T) {
	x := mat.NewDense(3, 1, []float64{-1, 0, 1})
	tree := forest.Tree{Output: -1, Feature: []int32{0, -1, -1}, Upper: []float32{0, 0, 0}, Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float64{0, 3, 4}}
	f := &forest.Forest{Features: 1, Outputs: 1, Base: []float64{0}, Trees: []forest.Tree{tree}}
	set, err := dataset.New(x, mat.NewDense(3, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	if set, err = ForestSet(f, set); err != nil {
		t.Fatal(err)
	}
	net, facts, err := FromForest(f, &Problem{Set: set, Precision: network.Float32})
	if err != nil {
		t.Fatal(err)
	}
	if out := net.Eval(x); facts.Widened != 1 || out.At(0, 0) != 3 || out.At(1, 0) != 3 || out.At(2, 0) != 4 {
		t.Errorf("%d widened, outputs %v", facts.Widened, out.RawMatrix().Data)
	}
	x.Set(2, 0, 0x1p-140)
	var unfit *UnfitError
	if _, _, err := FromForest(f, &Problem{Set: set, Precision: network.Float32}); !errors.As(err, &unfit) {
		t.Errorf("rows 2^-140 apart: %v", err)
	}
}
