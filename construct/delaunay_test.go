package construct_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/delaunay"
	"hinge/network"
)

// scattered returns random rows with random targets in a table of its own.
func scattered(t testing.TB, seed uint64, n, d, p int, precision network.Precision) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 17))
	x, y := mat.NewDense(n, d, nil), mat.NewDense(n, p, nil)
	x.Apply(func(_, j int, _ float64) float64 { return precision.Round(float64(j) + rng.NormFloat64()) }, x)
	y.Apply(func(int, int, float64) float64 { return precision.Round(rng.NormFloat64()) }, y)
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// barycentric interpolates by looking for the simplex that holds q among all.
func barycentric(tri *delaunay.Triangulation, y *mat.Dense, q []float64) ([]float64, bool) {
	d := len(q)
	var out []float64
	tri.Simplices(func(v []int32) {
		a, b := mat.NewDense(d, d, nil), mat.NewVecDense(d, nil)
		last := tri.Point(v[d])
		for k := range d {
			for j := range d {
				a.Set(j, k, tri.Point(v[k])[j]-last[j])
			}
			b.SetVec(k, q[k]-last[k])
		}
		var w mat.VecDense
		if err := w.SolveVec(a, b); err != nil && !errors.As(err, new(mat.Condition)) {
			return
		}
		weights, rest := make([]float64, d+1), 1.0
		for k := range d {
			weights[k] = w.AtVec(k)
			rest -= weights[k]
		}
		weights[d] = rest
		for _, weight := range weights {
			if weight < 0 {
				return
			}
		}
		_, p := y.Dims()
		out = make([]float64, p)
		for k, weight := range weights {
			for j := range out {
				out[j] += weight * y.At(int(v[k]), j)
			}
		}
	})
	return out, out != nil
}

func TestDelaunayIsTheInterpolant(t *testing.T) {
	for _, precision := range []network.Precision{network.Float64, network.Float32} {
		for seed, shape := range [][3]int{{4, 2, 1}, {40, 2, 2}, {250, 2, 1}, {5, 3, 1}, {60, 3, 2}} {
			n, d, p := shape[0], shape[1], shape[2]
			set := scattered(t, uint64(seed), n, d, p, precision)
			net, err := construct.BuildNamed(&construct.Problem{Set: set, Precision: precision}, "delaunay")
			if err != nil {
				t.Fatal(shape, err)
			}
			identity := net.Activations(set.X, net.LastHidden())
			for i := range n {
				for v := range n {
					if want := map[bool]float64{true: 1}[i == v]; identity.At(i, v) != want {
						t.Fatalf("%v %v: hat %d is %v at row %d", precision, shape, v, identity.At(i, v), i)
					}
				}
			}
			checkBetween(t, set, net)
		}
	}
}

// checkBetween compares with barycentric interpolation inside the hull, and
// wants numbers between the extreme targets everywhere.
func checkBetween(t *testing.T, set *dataset.Set, net *network.Network) {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 4))
	d := set.D()
	tri, err := delaunay.New(set.X.RawMatrix().Data, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 150
	x := mat.NewDense(rows, d, nil)
	x.Apply(func(_, j int, _ float64) float64 { return net.Precision.Round(float64(j) + 1.5*rng.NormFloat64()) }, x)
	x.SetRow(0, []float64{1e6, -1e6, 3e6}[:d])
	out := net.Eval(x)
	if quick, ok := net.EvalLocal(x); !ok || !mat.Equal(quick, out) {
		t.Errorf("%d rows in %d inputs: found by their boxes, the outputs are others than the network's (%v)", set.N(), d, ok)
	}
	tolerance := map[network.Precision]float64{network.Float64: 1e-8, network.Float32: 0.05}[net.Precision]
	for i := range rows {
		want, inside := barycentric(tri, set.Y, x.RawRowView(i))
		for j, got := range out.RawRowView(i) {
			column := mat.Col(nil, j, set.Y)
			lo, hi := column[0], column[0]
			for _, v := range column {
				lo, hi = min(lo, v), max(hi, v)
			}
			if !(got >= lo-tolerance && got <= hi+tolerance) {
				t.Errorf("%v at %v, the targets are from %v to %v", got, x.RawRowView(i), lo, hi)
			}
			if inside && math.Abs(got-want[j]) > tolerance {
				t.Errorf("%v, %d rows: %v at %v, barycentric interpolation gives %v", net.Precision, set.N(), got, x.RawRowView(i), want[j])
			}
		}
	}
}

// Points in special position: the rows come back all the same.
func TestDelaunayOfSpecialPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for name, x := range map[string]*mat.Dense{
		"squares": mat.NewDense(49, 2, nil), "cubes": mat.NewDense(64, 3, nil), "circle": mat.NewDense(40, 2, nil), "in a plane of four inputs": mat.NewDense(30, 4, nil),
	} {
		n, _ := x.Dims()
		x.Apply(func(i, j int, _ float64) float64 {
			switch name {
			case "squares":
				return float64([]int{i % 7, i / 7}[j])
			case "cubes":
				return float64([]int{i % 4, i / 4 % 4, i / 16}[j])
			case "circle":
				return []float64{math.Cos(float64(i)), math.Sin(float64(i))}[j]
			}
			return []float64{rng.Float64(), 5, rng.Float64(), -2}[j]
		}, x)
		y := mat.NewDense(n, 1, nil)
		y.Apply(func(int, int, float64) float64 { return rng.Float64() }, y)
		set, err := dataset.New(x, y)
		if err != nil {
			t.Fatal(err)
		}
		net, err := construct.BuildNamed(&construct.Problem{Set: set}, "delaunay")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cert, err := certify.Certify(net, set, certify.Options{Tolerance: 1e-14})
		if err != nil || !cert.Holds {
			t.Errorf("%s: %v, %+v", name, err, cert)
		}
	}
}

func TestDelaunayRefuses(t *testing.T) {
	line := scattered(t, 1, 10, 2, 1, network.Float64)
	for i := range 10 {
		line.X.Set(i, 1, 3*line.X.At(i, 0))
	}
	for name, set := range map[string]*dataset.Set{
		"a line": line, "one input": scattered(t, 1, 10, 1, 1, network.Float64), "four inputs": scattered(t, 1, 30, 4, 1, network.Float64),
	} {
		_, err := construct.BuildNamed(&construct.Problem{Set: set}, "delaunay")
		var unfit *construct.UnfitError
		if !errors.As(err, &unfit) || unfit.Advice == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
