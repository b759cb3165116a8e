package constructtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Problem is a named problem of the suite.
type Problem struct {
	*construct.Problem
	Name string
	// Affine says that a network without hidden units solves it, so that no
	// construction but patch, which is for classes, may refuse it in float64.
	Affine bool
	// Clustered says that the classes are linearly separable up to a few rows.
	Clustered bool
	// Grid says that the rows are all the places of a rectangular grid in at
	// most four inputs.
	Grid bool
	// Scattered says that the rows are points all over two or three inputs.
	Scattered bool
	// Hard says that rounding may be in the way of any construction, so that all
	// may refuse.
	Hard bool
}

// maker makes the inputs and the real targets of a problem.
type maker struct {
	name         string
	affine, hard bool
	shapes       [][3]int // n, d, p
	grid         bool
	scattered    bool
	fill         func(rng *rand.Rand, x, y *mat.Dense)
	class        func(rng *rand.Rand, x []float64, k int) int // nil: at random
}

var (
	allShapes = [][3]int{
		{1, 1, 1}, {1, 4, 3}, {2, 1, 1}, {2, 3, 2}, {3, 2, 1}, {5, 1, 3}, {8, 7, 1}, {9, 12, 2},
		{17, 1, 1}, {33, 2, 3}, {60, 3, 1}, {61, 1, 50}, {150, 4, 2}, {40, 25, 1}, {30, 2, 50},
	}
	fewShapes = [][3]int{{2, 2, 1}, {13, 2, 1}, {48, 3, 2}, {70, 5, 1}}
	grids     = [][3]int{{9, 2, 1}, {49, 2, 2}, {64, 3, 1}}
)

// makers lists the kinds of data that constructions stumble over.
var makers = []maker{
	{name: "uniform", shapes: allShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return rng.Float64() })
		each(y, func(int, int) float64 { return rng.NormFloat64() })
	}},
	{name: "affine targets", affine: true, shapes: append(fewShapes, [3]int{1, 1, 1}, [3]int{40, 1, 2}), fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return rng.NormFloat64() })
		each(y, func(i, o int) float64 {
			sum := float64(o)
			for j, v := range x.RawRowView(i) {
				sum += float64(j+1-o) * v
			}
			return sum
		})
	}},
	{name: "constant target", affine: true, shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return rng.NormFloat64() })
		each(y, func(_, o int) float64 { return 4.5 - float64(o) })
	}},
	{name: "duplicate rows", shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return rng.Float64() })
		each(y, func(int, int) float64 { return rng.Float64() })
		n, _ := x.Dims()
		for i := 2; i < n; i += 3 {
			x.SetRow(i, x.RawRowView(i-1))
			y.SetRow(i, y.RawRowView(i-1))
		}
	}},
	{name: "ties", shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(i, j int) float64 {
			if j == 0 {
				return float64(i%3) + rng.Float64()/8
			}
			return float64(i / 3 % (j + 4))
		})
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	{name: "scattered points", scattered: true, shapes: [][3]int{{30, 2, 1}, {90, 2, 3}, {50, 3, 2}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(_, j int) float64 { return float64(j+1) * rng.NormFloat64() })
		each(y, func(int, int) float64 { return rng.NormFloat64() })
	}},
	{name: "grid of unequal cells", grid: true, shapes: [][3]int{{2, 1, 1}, {20, 2, 2}, {60, 3, 1}, {120, 4, 2}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		sides := map[int][]int{1: {2}, 2: {5, 4}, 3: {3, 4, 5}, 4: {5, 2, 3, 4}}
		n, d := x.Dims()
		stride := 1
		for j := range d {
			places := normals(rng, sides[d][j], 1).RawMatrix().Data
			for i := range n {
				x.Set(i, j, places[i/stride%len(places)])
			}
			stride *= len(places)
		}
		each(y, func(int, int) float64 { return rng.NormFloat64() })
	}},
	{name: "integer grid", grid: true, shapes: grids, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		n, d := x.Dims()
		side := int(math.Round(math.Pow(float64(n), 1/float64(d))))
		each(x, func(i, j int) float64 { return float64(i / int(math.Pow(float64(side), float64(j))) % side) })
		each(y, func(int, int) float64 { return float64(rng.IntN(100)) })
	}},
	{name: "collinear columns", shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		n, _ := x.Dims()
		base := normals(rng, n, 1)
		each(x, func(i, j int) float64 { return base.At(i, 0)*float64(j+1) - float64(j) })
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	{name: "constant columns", shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(i, j int) float64 {
			if j > 0 && j%2 == 1 {
				return 7.3
			}
			return rng.NormFloat64()
		})
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	{name: "one-hot columns", shapes: [][3]int{{12, 4, 1}, {50, 6, 2}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		_, d := x.Dims()
		each(x, func(i, j int) float64 {
			switch {
			case j < 2:
				return rng.NormFloat64()
			case i%(d-1) == j-2:
				return 1
			}
			return 0
		})
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	{name: "points in a plane", shapes: [][3]int{{20, 6, 1}, {60, 9, 3}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		n, d := x.Dims()
		x.Mul(normals(rng, n, 2), normals(rng, 2, d))
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	{name: "mirrored points", shapes: [][3]int{{6, 1, 1}, {24, 2, 1}, {50, 4, 2}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		n, _ := x.Dims()
		each(x, func(int, int) float64 { return rng.NormFloat64() })
		for i := 0; i+1 < n; i += 2 {
			for j, v := range x.RawRowView(i) {
				x.Set(i+1, j, -v)
			}
		}
		each(y, func(int, int) float64 { return rng.Float64() })
	}},
	scaled("huge numbers", 1e8, 0),
	scaled("tiny numbers", 1e-8, 0),
	scaled("a large offset", 1, 1000),
	{name: "columns of all scales", shapes: fewShapes, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(_, j int) float64 { return math.Pow(10, float64(4*j-8)) * rng.NormFloat64() })
		each(y, func(_, o int) float64 { return math.Pow(10, float64(6-8*o)) * rng.NormFloat64() })
	}},
	{name: "numbers near overflow", shapes: [][3]int{{1, 2, 1}, {13, 2, 1}, {30, 1, 2}}, hard: true, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(_, j int) float64 { return math.Ldexp(rng.NormFloat64(), 120-j) })
		each(y, func(_, o int) float64 { return math.Ldexp(rng.NormFloat64(), 120+o) })
	}},
	{name: "numbers near underflow", shapes: [][3]int{{1, 2, 1}, {13, 2, 1}, {30, 1, 2}}, hard: true, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(_, j int) float64 { return math.Ldexp(rng.NormFloat64(), j-130) })
		each(y, func(_, o int) float64 { return math.Ldexp(rng.NormFloat64(), o-130) })
	}},
	{name: "clusters with errors", shapes: [][3]int{{40, 10, 1}, {120, 12, 2}}, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(i, j int) float64 {
			if j == 0 {
				return float64(i%7) + rng.NormFloat64()/10
			}
			return rng.NormFloat64()
		})
		each(y, func(int, int) float64 { return rng.NormFloat64() })
	}, class: func(rng *rand.Rand, x []float64, k int) int {
		if rng.IntN(20) == 0 {
			return rng.IntN(k)
		}
		return max(0, min(k-1, int(math.Round(x[0]*float64(k)/7))))
	}},
	{name: "heavy tails", shapes: fewShapes, hard: true, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return math.Exp(6 * rng.NormFloat64()) })
		each(y, func(int, int) float64 { return math.Exp(6 * rng.NormFloat64()) })
	}},
	{name: "near duplicates", shapes: fewShapes, hard: true, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return rng.Float64() })
		each(y, func(int, int) float64 { return rng.Float64() })
		n, _ := x.Dims()
		for i := 1; i < n; i += 2 {
			x.SetRow(i, x.RawRowView(i-1))
			x.Set(i, 0, x.At(i, 0)+0x1p-44)
		}
	}},
}

// scaled is normal numbers times a scale, plus an offset of as many scales.
func scaled(name string, scale, offset float64) maker {
	return maker{name: name, shapes: fewShapes, hard: offset > 0, fill: func(rng *rand.Rand, x, y *mat.Dense) {
		each(x, func(int, int) float64 { return scale * (offset + rng.NormFloat64()) })
		each(y, func(int, int) float64 { return scale * (offset + rng.NormFloat64()) })
	}}
}

// each fills a matrix, row by row.
func each(m *mat.Dense, value func(i, j int) float64) {
	rows, cols := m.Dims()
	for i := range rows {
		for j := range cols {
			m.Set(i, j, value(i, j))
		}
	}
}

func normals(rng *rand.Rand, rows, cols int) *mat.Dense {
	m := mat.NewDense(rows, cols, nil)
	each(m, func(int, int) float64 { return rng.NormFloat64() })
	return m
}

// Problems returns the problems of the suite: every kind of data in its shapes,
// with real targets and as classes, in float64 and float32. They are made anew
// by each call, always the same.
func Problems() []Problem {
	var all []Problem
	for _, m := range makers {
		for _, shape := range m.shapes {
			for _, precision := range []network.Precision{network.Float64, network.Float32} {
				all = append(all, m.regression(shape, precision))
				all = append(all, m.classes(shape, precision)...)
			}
		}
	}
	return slices.DeleteFunc(all, func(p Problem) bool { return p.Problem == nil })
}

func (m maker) draw(shape [3]int) (x, y *mat.Dense) {
	n, d, p := shape[0], shape[1], shape[2]
	x, y = mat.NewDense(n, d, nil), mat.NewDense(n, p, nil)
	m.fill(rand.New(rand.NewPCG(uint64(n), uint64(100*d+p))), x, y)
	return x, y
}

func (m maker) regression(shape [3]int, precision network.Precision) Problem {
	x, y := m.draw(shape)
	set, err := dataset.New(x, y)
	what := fmt.Sprintf("%s/n=%d,d=%d,p=%d,%v", m.name, shape[0], shape[1], shape[2], precision)
	return m.problem(what, set, err, precision)
}

// classes returns the same inputs with classes drawn at random: one, two and
// as many as the shape has outputs and more.
func (m maker) classes(shape [3]int, precision network.Precision) []Problem {
	var all []Problem
	for _, k := range []int{1, 2, shape[2] + 2} {
		if k == 1 && shape[0] > 20 {
			continue
		}
		x, y := m.draw(shape)
		rng := rand.New(rand.NewPCG(uint64(k), 99))
		class, names := make([]int, shape[0]), make([]string, k)
		for c := range names {
			names[c] = fmt.Sprintf("class %d", c)
		}
		chosen := map[string]int{} // equal rows have equal classes
		for i := range class {
			key := fmt.Sprint(x.RawRowView(i), y.RawRowView(i))
			if c, seen := chosen[key]; seen {
				class[i] = c
				continue
			}
			if class[i] = rng.IntN(k); m.class != nil {
				class[i] = m.class(rng, x.RawRowView(i), k)
			}
			chosen[key] = class[i]
		}
		set, err := dataset.NewClasses(x, class, names)
		what := fmt.Sprintf("%s/n=%d,d=%d,k=%d,%v", m.name, shape[0], shape[1], k, precision)
		p := m.problem(what, set, err, precision)
		p.Affine, p.Clustered = k == 1, k == 2 && m.class != nil
		all = append(all, p)
	}
	return all
}

// problem finishes a problem; rows that become one in float32 with different
// targets make it none.
func (m maker) problem(name string, set *dataset.Set, err error, precision network.Precision) Problem {
	if err == nil && precision == network.Float32 {
		set, err = set.Rounded()
	}
	if err != nil {
		return Problem{}
	}
	p := &construct.Problem{Set: set, Precision: precision, Seed: 1}
	return Problem{Problem: p, Name: name, Affine: m.affine, Grid: m.grid, Scattered: m.scattered, Hard: m.hard || precision == network.Float32}
}
