package construct_test

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
)

// Three rows on a line are what a layer of one unit puts out. A next layer can
// isolate the last row, but not the middle one.
func ExampleRealise() {
	h := mat.NewDense(3, 1, []float64{0, 1, 2})
	s := mat.NewDense(3, 2, []float64{
		0, 0,
		0, 5,
		5, 0,
	})
	r, err := construct.Realise(h, s, construct.RealiseOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println("realised:", r.Columns)
	o := r.Obstacles[0]
	fmt.Println(&o)
	fmt.Println("rows", o.Rows, "weights", o.Weights, "checks:", o.Check(h, s) == nil)
	// Output:
	// realised: [0]
	// column 1: no unit with its values sleeps on all other rows, as 3 rows show
	// rows [0 1 2] weights [1 -2 1] checks: true
}
