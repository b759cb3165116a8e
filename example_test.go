package hinge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
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
