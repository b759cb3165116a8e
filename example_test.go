package hinge_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/analyze"
	"hinge/construct"
	"hinge/dataset"
	"hinge/edit"
	"hinge/encode"
	"hinge/network"
	"hinge/train"
)

func parse(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// A calibration table becomes a network that gives back every value.
func ExampleBuild() {
	x := mat.NewDense(6, 1, []float64{0, 10, 20, 30, 40, 50})
	y := mat.NewDense(6, 1, []float64{0.0, 0.8, 2.1, 2.9, 4.4, 4.9})
	set, err := dataset.New(x, y)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := hinge.Build(set, hinge.Options{Construction: "sorted"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("certified:", r.Certificate.Holds)
	fmt.Println("hidden units:", r.Network.Units())
	fmt.Printf("f(30) = %.3f\n", r.Network.Eval(mat.NewDense(1, 1, []float64{30})).At(0, 0))
	// Output:
	// certified: true
	// hidden units: 5
	// f(30) = 2.900
}

// Bit for bit: the stored float32 value comes back whatever order a runtime
// sums in.
func ExampleBuild_bits() {
	set := dataset.RandomReal(1000, 5, 1, 1)
	r, err := hinge.Build(set, hinge.Options{Goal: construct.Bits, Precision: network.Float32})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Report.Construction, "proved error:", r.Certificate.MaxError)
	// Output:
	// identity proved error: 0
}

// A network goes through a file and is proved anew.
func ExampleCheck() {
	set := dataset.Moons(200, 0.1, 1)
	r, err := hinge.Build(set, hinge.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	folder, err := os.MkdirTemp("", "hinge")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "moons.onnx")
	if err := hinge.Save(path, r.Network); err != nil {
		fmt.Println(err)
		return
	}
	net, err := hinge.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	check, err := hinge.Check(net, set, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d rows are hit; margin positive: %v\n", check.Hit, check.Rows, check.MinMargin > 0)
	// Output:
	// 200 of 200 rows are hit; margin positive: true
}

// What every construction would cost, before building one.
func ExamplePlan() {
	plan, err := hinge.Plan(dataset.RandomReal(1000, 10, 1, 1), hinge.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range plan.Constructions {
		if e.Name == "slab" || e.Name == "sorted" {
			fmt.Printf("%s: %.1f times the limit of %d units\n", e.Name, e.Ratio, e.Limit.Units)
		}
	}
	// Output:
	// sorted: 11.1 times the limit of 90 units
	// slab: 2.0 times the limit of 90 units
}

// What is inside a network: rank and kind of its interpolation matrix, and the
// rows that the output layer knows by heart.
func ExampleAnalyze() {
	set := dataset.Moons(200, 0.1, 1)
	r, err := hinge.Build(set, hinge.Options{Construction: "features"})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := hinge.Analyze(context.Background(), r.Network, set, analyze.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	phi := a.Layers[len(a.Layers)-1]
	fmt.Printf("Phi: %d rows x %d units, rank with bias %d\n", set.N(), phi.Units, *phi.RankWithBias)
	fmt.Println("every row is hit:", a.Last.Hit == set.N())
	// Output:
	// Phi: 200 rows x 199 units, rank with bias 200
	// every row is hit: true
}

// Gradient descent goes as far as it goes; linear algebra does the rest, and
// proves it.
func ExampleTrained_Finish() {
	set := dataset.Spiral(150, 3, 0.05, 1)
	t, err := hinge.Train(context.Background(), set, train.Options{Hidden: []int{32}, Epochs: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := t.Finish(network.Float64, nil, edit.FinishOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	r := t.Report.Finished
	fmt.Println("some rows were wrong:", r.Wrong > 0)
	fmt.Printf("now %d of %d rows are proved\n", r.Certificate.Hit, r.Rows)
	// Output:
	// some rows were wrong: true
	// now 150 of 150 rows are proved
}

// One new row is set right; on all others the outputs stay what they were, bit for bit.
func ExampleRepair() {
	set := dataset.Spiral(150, 3, 0.05, 1)
	r, err := hinge.Build(set, hinge.Options{Goal: construct.Generalize})
	if err != nil {
		fmt.Println(err)
		return
	}
	names := set.Schema.Classes
	wish, err := dataset.NewClasses(mat.NewDense(1, 2, []float64{0.5, 9}), []int{1}, names)
	if err != nil {
		fmt.Println(err)
		return
	}
	fixed, report, err := hinge.Repair(r.Network, wish, set.X, set.Rows, edit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("fixed, and proved:", report.Certificate.Holds)
	fmt.Println("all other rows bit for bit:", mat.Equal(fixed.Eval(set.X), r.Network.Eval(set.X)))
	// Output:
	// fixed, and proved: true
	// all other rows bit for bit: true
}

// Units that the rows show to be dead, copies or spanned by others go; no output moves by
// more than the proved bound.
func ExamplePrune() {
	set := dataset.Moons(200, 0.1, 1)
	t, err := hinge.Train(context.Background(), set, train.Options{Hidden: []int{300}, Epochs: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	wide := hinge.Widened(t.Network)
	small, report, err := hinge.Prune(wide, t.Set.X, edit.PruneOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("fewer units than rows:", small.Units() < set.N())
	fmt.Println("proved to move by less than 1e-9 of the range:", report.Fraction < 1e-9)
	// Output:
	// fewer units than rows: true
	// proved to move by less than 1e-9 of the range: true
}

// Rows of twelve numbers as codes of two, and back. docs/encoders.md speaks of
// these figures.
func ExampleEncode() {
	set := dataset.RandomClasses(1000, 12, 10, 1)
	_, _, r, err := hinge.Encode(context.Background(), set, encode.Options{Dims: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("encoder:", r.Encoder.Construction, r.Encoder.Units, "units; decoder:", r.Decoder.Units, "units")
	fmt.Println("every input of every row comes back; largest error:", r.Decoded.MaxError)
	fmt.Printf("least distance of two codes: %.4f, PCA: %.4f\n", r.Own.Margin, r.PCA.Margin)
	fmt.Printf("classes cut off: %d of 10, PCA: %d\n", r.Own.Separable, r.PCA.Separable)
	fmt.Printf("error of the reconstruction: %.0f, PCA: %.2f\n", r.Own.RMSE, r.PCA.RMSE)
	// Output:
	// encoder: deep-slab 184 units; decoder: 3000 units
	// every input of every row comes back; largest error: 0
	// least distance of two codes: 0.0137, PCA: 0.0009
	// classes cut off: 10 of 10, PCA: 0
	// error of the reconstruction: 0, PCA: 0.52
}
