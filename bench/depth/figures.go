package main

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }

// worst returns the largest error of one evaluation, as a fraction of the range.
func worst(net *network.Network, set *dataset.Set) float64 {
	out, ranges, most := net.Eval(set.X), set.Range(), 0.0
	for i := range set.N() {
		for o, y := range set.Y.RawRowView(i) {
			most = max(most, math.Abs(out.At(i, o)-y)/ranges[o])
		}
	}
	return most
}

// oneBit is n rows of one input with random labels 0 and 1.
func oneBit(n int, even bool) (*dataset.Set, error) {
	set := dataset.RandomReal(n, 1, 1, 5)
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		x.Set(i, 0, float64(i))
		if !even {
			x.Set(i, 0, set.X.At(i, 0))
		}
		if set.Y.At(i, 0) > 0 {
			y.Set(i, 0, 1)
		}
	}
	return dataset.New(x, y)
}

// provenExact returns an error unless every target is proved to come back as it is.
func provenExact(net *network.Network, set *dataset.Set) error {
	cert, err := certify.Certify(net, set, certify.Options{})
	if err == nil && cert.MaxError != 0 {
		err = fmt.Errorf("labels are proved to %g only", cert.MaxError)
	}
	return err
}

// line returns one hidden layer on one input with the units s(sign (t - knot)),
// and a bias for the output, which does not matter here.
func line(sign, knot []float64) *network.Network {
	m := len(sign)
	bias := make([]float64, m)
	for j := range bias {
		bias[j] = -sign[j] * knot[j]
	}
	return &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(m, 1, sign), Bias: bias, Act: network.ReLU},
		{Map: network.NewDense(1, m, make([]float64, m))},
	}}
}

// oneSided is the textbook layer for the points 0, ..., n-1: n units facing right,
// each with its knot one step before its point; its matrix is triangular.
func oneSided(n int) *network.Network {
	sign, knot := make([]float64, n), make([]float64, n)
	for j := range n {
		sign[j], knot[j] = 1, float64(j-1)
	}
	return line(sign, knot)
}

// medianSplit faces left for the lower half of the points and right for the upper:
// units awake on the first 1, 2, ... points and on the last 1, 2, ...
func medianSplit(n int) *network.Network {
	sign, knot := make([]float64, n), make([]float64, n)
	lower := (n + 1) / 2
	for j := range n {
		if j < lower {
			sign[j], knot[j] = -1, float64(j+1)
		} else {
			sign[j], knot[j] = 1, float64(j-1)
		}
	}
	return line(sign, knot)
}

// matrixOf returns nonzeros, rank and condition of the network's matrix on the
// points 0, ..., n-1.
func matrixOf(net *network.Network, n int) (nonzeros int64, rank int, condition float64, err error) {
	x := mat.NewDense(n, 1, nil)
	for i := range n {
		x.Set(i, 0, float64(i))
	}
	m, err := phi.Build(net, x, net.LastHidden(), phi.Options{})
	if err != nil {
		return 0, 0, 0, err
	}
	f := m.Facts(nil)
	if f.Rank == nil || f.Condition == nil {
		return 0, 0, 0, fmt.Errorf("the rank of %d x %d is not known: %v", n, n, f.Notes)
	}
	return f.Nonzeros, *f.Rank, *f.Condition, nil
}

func oneInput(w *writer) {
	w.text(`## 2. One input: one hidden layer cannot be sparse

**Proved.** *A non-singular n x n matrix Phi of one hidden layer on n points of a line has at least floor((n+1)^2/4) nonzeros.* A unit is awake on the first points of the line or
on the last ones. Let x units be of the first kind and y = n - x of the second. Those of the first kind that are awake on at most k points vanish elsewhere, so at most k of them are
independent: sorted by size, the j-th is awake on at least j points, and together on at least x(x+1)/2. With the second kind that is x(x+1)/2 + y(y+1)/2 nonzeros, least for
x and y half of n each: floor((n+1)^2/4).

It is reached by the split at the median, facing left below and right above (for the output bias as one more column, floor(n^2/4) and n - 1 units: ` + "`construct/sorted.go`" + `). A
second hidden layer makes Phi the identity, with n nonzeros and condition 1. Evenly spaced points, conditions **measured**:`)
	rows := [][]string{{"n", "bound", "median split", "all facing right", "two layers", "condition, all facing right", "median split", "ratio", "two layers"}}
	for _, n := range []int{5, 10, 20, 50, 100, 200} {
		plain, r1, c1, err := matrixOf(oneSided(n), n)
		if err != nil {
			w.err = err
			return
		}
		split, r2, c2, err := matrixOf(medianSplit(n), n)
		if err != nil {
			w.err = err
			return
		}
		if r1 != n || r2 != n || split != int64((n+1)*(n+1)/4) {
			w.err = fmt.Errorf("n=%d: ranks %d and %d, %d nonzeros", n, r1, r2, split)
			return
		}
		rows = append(rows, []string{
			fmt.Sprint(n), fmt.Sprint((n + 1) * (n + 1) / 4), fmt.Sprint(split), fmt.Sprint(plain), fmt.Sprint(n),
			coarse(c1), coarse(c2), fmt.Sprintf("%.1f", c1/c2), "1",
		})
	}
	w.table(rows)
}

// folds returns a network of k hidden layers of two units: the tent map
// T(x) = 2 s(x) - 4 s(x - 1/2) applied k times.
func folds(k int) *network.Network {
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(2, 1, []float64{1, 1}), Bias: []float64{0, -0.5}, Act: network.ReLU, Name: "fold1"},
	}}
	for j := 2; j <= k; j++ {
		net.Layers = append(net.Layers, network.Layer{
			Map: network.NewDense(2, 2, []float64{2, -4, 2, -4}), Bias: []float64{0, -0.5}, Act: network.ReLU, Name: fmt.Sprintf("fold%d", j),
		})
	}
	net.Layers = append(net.Layers, network.Layer{Map: network.NewDense(1, 2, []float64{2, -4}), Name: "output"})
	return net
}

// teeth is the points i/2^k with the values 0, 1, 0, 1, ..., 0.
func teeth(k int) (*dataset.Set, error) {
	n := 1<<k + 1
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		x.Set(i, 0, math.Ldexp(float64(i), -k))
		y.Set(i, 0, float64(i%2))
	}
	return dataset.New(x, y)
}

func sawtooth(w *writer) {
	w.text(`## 3. The sawtooth

The tent map T(x) = 2 s(x) - 4 s(x - 1/2) folds [0, 1] in two; k layers of two units fold it k times, into 2^k pieces (**literature**, Telgarsky 2016). The points i/2^k with the
values 0, 1, 0, 1, ..., 0 are what it passes through.

**Proved.** *One hidden layer through these points has at least 2^k - 1 units.* On each of the 2^k intervals the function must somewhere have a slope of the sign of its step, and the signs
alternate. So the slope changes at least 2^k - 1 times, and a unit changes it once. Deep, 2k units do. The shallow network is built by the construction with
the fewest bends (one unit more, which carries the start).`)
	rows := [][]string{{"k", "points", "deep: layers", "units", "parameters", "certified", "shallow: least units", "built", "parameters", "certified"}}
	for _, k := range []int{1, 2, 4, 6, 8, 10} {
		set, err := teeth(k)
		if err != nil {
			w.err = err
			return
		}
		deep := folds(k)
		cert, err := certify.Certify(deep, set, certify.Options{})
		if err != nil {
			w.err = err
			return
		}
		flat, flatCert := w.built(set, network.Float64, "sparsest")
		if w.err != nil {
			return
		}
		rows = append(rows, []string{
			fmt.Sprint(k), fmt.Sprint(set.N()), fmt.Sprint(len(deep.HiddenLayers())), fmt.Sprint(deep.Units()), fmt.Sprint(deep.Parameters()), coarse(cert.MaxError),
			fmt.Sprint(1<<k - 1), fmt.Sprint(flat.Units()), fmt.Sprint(flat.Parameters()), coarse(flatCert.MaxError),
		})
	}
	w.table(rows)
	w.text(`The saving is of this family, not of all data: generic targets at n rows need n parameters at any depth (**proved**, ` + "`construct/limits.go`" + `), and there depth buys units and accuracy.`)
}
