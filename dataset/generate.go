package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// The generators make Sets without a file: for tests, demonstrations and
// benches. Each takes a seed, draws from PCG, and gives the same numbers on
// every machine: results of sines and exponentials, whose last bit is the
// machine's affair, are rounded to multiples of 2^-32. Sizes below 1 count as 1.

// Moons returns two interleaved half circles in the plane, n points in all, with
// normal noise of the given standard deviation: scikit-learn's make_moons.
func Moons(n int, noise float64, seed uint64) *Set {
	return planar(fmt.Sprintf("moons(n=%d, noise=%v, seed=%d)", n, noise, seed), n, 2, noise, seed,
		func(r *rand.Rand, class int) (x, y float64) {
			a := math.Pi * r.Float64()
			if class == 0 {
				return math.Cos(a), math.Sin(a)
			}
			return 1 - math.Cos(a), 0.5 - math.Sin(a)
		})
}

// Spiral returns n points on the given number of interleaved spiral arms of one
// and a half turns, a class per arm, with normal noise.
func Spiral(n, arms int, noise float64, seed uint64) *Set {
	arms = max(arms, 1)
	return planar(fmt.Sprintf("spiral(n=%d, arms=%d, noise=%v, seed=%d)", n, arms, noise, seed), n, arms, noise, seed,
		func(r *rand.Rand, class int) (x, y float64) {
			t := math.Sqrt(r.Float64()) // even along the arm
			a := 3*math.Pi*t + 2*math.Pi*float64(class)/float64(arms)
			return 4 * t * math.Cos(a), 4 * t * math.Sin(a)
		})
}

// planar draws n noisy points of the plane, the classes in turn.
func planar(name string, n, classes int, noise float64, seed uint64, point func(*rand.Rand, int) (x, y float64)) *Set {
	n = max(n, 1)
	r := generator(seed)
	x, class := mat.NewDense(n, 2, nil), make([]int, n)
	for i := range n {
		class[i] = i % classes
		a, b := point(r, class[i])
		x.SetRow(i, []float64{steady(a + noise*r.NormFloat64()), steady(b + noise*r.NormFloat64())})
	}
	return generated(name, x, nil, class, classes)
}

// Friedman returns n rows of 10 inputs, uniform in [0, 1), and the target
//
//	10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + noise
//
// of J. Friedman, Multivariate adaptive regression splines, Ann. Statist. 19 (1991),
// 1-67: the last five inputs do not matter.
func Friedman(n int, noise float64, seed uint64) *Set {
	return scalar(fmt.Sprintf("friedman(n=%d, noise=%v, seed=%d)", n, noise, seed), n, 10, noise, seed, func(x []float64) float64 {
		return 10*math.Sin(math.Pi*x[0]*x[1]) + 20*(x[2]-0.5)*(x[2]-0.5) + 10*x[3] + 5*x[4]
	})
}

// Franke returns n points, uniform in the unit square, and the values there of
// Franke's function, two peaks and a dip: R. Franke, A critical comparison of
// some methods for interpolation of scattered data, NPS-53-79-003 (1979).
func Franke(n int, noise float64, seed uint64) *Set {
	return scalar(fmt.Sprintf("franke(n=%d, noise=%v, seed=%d)", n, noise, seed), n, 2, noise, seed, func(v []float64) float64 {
		x, y := 9*v[0], 9*v[1]
		return 0.75*math.Exp(-((x-2)*(x-2)+(y-2)*(y-2))/4) +
			0.75*math.Exp(-(x+1)*(x+1)/49-(y+1)/10) +
			0.5*math.Exp(-((x-7)*(x-7)+(y-3)*(y-3))/4) -
			0.2*math.Exp(-(x-4)*(x-4)-(y-7)*(y-7))
	})
}

// scalar draws n points, uniform in [0, 1)^d, and the values of f there with noise.
func scalar(name string, n, d int, noise float64, seed uint64, f func([]float64) float64) *Set {
	n = max(n, 1)
	r := generator(seed)
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, 1, nil)
	for i := range n {
		row := x.RawRowView(i)
		for j := range row {
			row[j] = r.Float64()
		}
		y.Set(i, 0, steady(f(row)+noise*r.NormFloat64()))
	}
	return generated(name, x, y, nil, 0)
}

// RandomReal returns n rows of d inputs and p targets, all independent and
// uniform in [-1, 1): nothing to learn, all to be stored.
func RandomReal(n, d, p int, seed uint64) *Set {
	r := generator(seed)
	x, y := uniform(r, n, d), uniform(r, n, p)
	return generated(fmt.Sprintf("random(n=%d, d=%d, p=%d, seed=%d)", n, d, p, seed), x, y, nil, 0)
}

// RandomClasses returns n rows of d inputs, uniform in [-1, 1), with random
// labels of k classes, each about as frequent: row i is of class i mod k for a random
// order of the rows.
func RandomClasses(n, d, k int, seed uint64) *Set {
	r := generator(seed)
	x := uniform(r, n, d)
	n, k = max(n, 1), max(k, 1)
	class := make([]int, n)
	for i, at := range r.Perm(n) {
		class[at] = i % k
	}
	return generated(fmt.Sprintf("random classes(n=%d, d=%d, k=%d, seed=%d)", n, d, k, seed), x, nil, class, k)
}

// Parity returns the 2^d corners of the unit cube, 1 <= d <= 20, with the
// parity of their ones as class: XOR and its kin.
func Parity(d int) *Set {
	d = max(1, min(d, 20))
	n := 1 << d
	x, class := mat.NewDense(n, d, nil), make([]int, n)
	for i := range n {
		for j := range d {
			bit := i >> j & 1
			x.Set(i, j, float64(bit))
			class[i] ^= bit
		}
	}
	return generated(fmt.Sprintf("parity(d=%d)", d), x, nil, class, 2)
}

func uniform(r *rand.Rand, n, d int) *mat.Dense {
	x := mat.NewDense(max(n, 1), max(d, 1), nil)
	x.Apply(func(_, _ int, _ float64) float64 { return 2*r.Float64() - 1 }, x)
	return x
}

// steady rounds v to a multiple of 2^-32.
func steady(v float64) float64 { return math.Round(v*(1<<32)) / (1 << 32) }

// generated makes the Set of generated numbers. Rows that happen to have equal
// inputs (one dimension, many rows) are resolved by the first.
func generated(name string, x, y *mat.Dense, class []int, classes int) *Set {
	s := &Set{X: x, Y: y, Source: name}
	n, d := x.Dims()
	for _, column := range numbered("x", d) {
		s.Schema.Columns = append(s.Schema.Columns, Column{Name: column})
	}
	s.Rows = make([]int, n)
	for i := range s.Rows {
		s.Rows[i] = i + 1
	}
	if class == nil {
		_, p := y.Dims()
		s.Schema.Task, s.Schema.Targets = Regression, numbered("y", p)
	} else {
		s.Schema.Task, s.Schema.Targets, s.Schema.Classes = Classification, []string{"class"}, make([]string, classes)
		for c := range s.Schema.Classes {
			s.Schema.Classes[c] = fmt.Sprint(c)
		}
		s.Class, s.Y = class, Indicators(class, classes)
	}
	clean, err := Clean(s, ConflictsFirst)
	if err != nil {
		panic("dataset: " + err.Error()) // noise that is not finite
	}
	return clean
}
