package analyze

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/phi"
)

// matrix returns h as an interpolation matrix.
func matrix(t *testing.T, h *mat.Dense) *phi.Matrix {
	t.Helper()
	p, err := phi.New(h, phi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestScatterByHand(t *testing.T) {
	// Two classes on a line at 0 +- 1 and 10 +- 1: S_w = 1, S_b = 25, D = 1/25.
	set, err := dataset.NewClasses(mat.NewDense(4, 1, []float64{-1, 1, 9, 11}), []int{0, 0, 1, 1}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	c := classFacts(matrix(t, set.X), set)
	if c.Scatter == nil || math.Abs(*c.Scatter-1.0/25) > 1e-12 || c.Directions != 1 {
		t.Errorf("D = %v along %d directions, want 0.04 along 1", *c.Scatter, c.Directions)
	}
	// Equal means: there is nothing to divide by.
	same, err := dataset.NewClasses(mat.NewDense(4, 1, []float64{-1, 1, -2, 2}), []int{0, 0, 1, 1}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if c := classFacts(matrix(t, same.X), same); c.Scatter != nil || c.Directions != 0 {
		t.Errorf("equal means: D = %v", *c.Scatter)
	}
}

// The scatter ratio must be the trace that its definition says.
func TestScatterByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	n, m, k := 200, 6, 4
	h := random(rng, n, m)
	class := make([]int, n)
	for i := range class {
		class[i] = i % k
		h.Set(i, class[i], h.At(i, class[i])+3)
	}
	set := &dataset.Set{X: h, Y: mat.NewDense(n, k, nil), Class: class}
	within, between := mat.NewDense(m, m, nil), mat.NewDense(m, m, nil)
	mean, means := mat.NewVecDense(m, nil), make([]*mat.VecDense, k)
	for c := range means {
		means[c] = mat.NewVecDense(m, nil)
	}
	for i := range n {
		mean.AddScaledVec(mean, 1/float64(n), h.RowView(i))
		means[class[i]].AddScaledVec(means[class[i]], float64(k)/float64(n), h.RowView(i))
	}
	outer := func(sum *mat.Dense, a mat.Vector, b *mat.VecDense, weight float64) {
		var d mat.VecDense
		d.SubVec(a, b)
		sum.RankOne(sum, weight, &d, &d)
	}
	for i := range n {
		outer(within, h.RowView(i), means[class[i]], 1/float64(n))
	}
	for c := range k {
		outer(between, means[c], mean, 1/float64(k))
	}
	var svd mat.SVD
	svd.Factorize(between, mat.SVDFull)
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	want := 0.0
	for r, s := range svd.Values(nil)[:k-1] { // Tr(S_w V s^-1 U^T)
		var moved mat.VecDense
		moved.MulVec(within, v.ColView(r))
		want += mat.Dot(u.ColView(r), &moved) / s
	}
	got := classFacts(matrix(t, h), set)
	if got.Directions != k-1 || math.Abs(*got.Scatter/want-1) > 1e-10 {
		t.Errorf("D = %v along %d directions, the definition gives %v along %d", *got.Scatter, got.Directions, want, k-1)
	}
}

func TestPurityAndClashes(t *testing.T) {
	// Unit 0 is awake on class a alone, unit 1 on three of a and one of b, unit 2
	// on no row. Rows 3 and 5 are equal though of different classes.
	h := mat.NewDense(6, 3, []float64{
		1, 2, 0,
		2, 1, 0,
		0, 5, 0,
		0, 4, 0,
		0, 0, 0,
		0, 5, 0})
	set := &dataset.Set{X: h, Y: mat.NewDense(6, 2, nil), Class: []int{0, 0, 0, 1, 1, 1}, Rows: []int{1, 2, 3, 4, 5, 6}}
	c := classFacts(matrix(t, h), set)
	if !slices.Equal(c.UnitClass, []int{0, 0, -1}) || c.UnitPurity[0] != 1 || c.UnitPurity[1] != 0.6 || c.PureUnits != 1 {
		t.Errorf("units of class %v, purity %v, %d pure", c.UnitClass, c.UnitPurity, c.PureUnits)
	}
	if got := clashes(matrix(t, h), set); got.Rows != 2 || !slices.Equal(got.Example, []int{3, 6}) {
		t.Errorf("clashes %+v, want rows 3 and 6", got)
	}
	set.Class[5] = 0
	if got := clashes(matrix(t, h), set); got.Rows != 0 || len(got.Example) != 0 {
		t.Errorf("clashes %+v between rows of one class", got)
	}
}

// The plane must hold as much of the variance as the two leading singular
// values say.
func TestPlaneIsTheLeadingOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	h := withSpectrum(rng, 300, []float64{5, 4, 2, 1, 1, 0.5})
	set := &dataset.Set{X: h, Y: mat.NewDense(300, 1, nil)}
	p := plane(h, set, 1)
	c := mat.DenseCopyOf(h)
	centre(c)
	var svd mat.SVD
	svd.Factorize(c, mat.SVDNone)
	s := svd.Values(nil)
	total := mat.Norm(c, 2)
	for k := range 2 {
		if want := s[k] * s[k] / total / total; math.Abs(p.Share[k]-want) > 1e-3 {
			t.Errorf("direction %d holds %v of the variance, want %v", k+1, p.Share[k], want)
		}
	}
	if len(p.X) != 300 || p.Of != 300 {
		t.Errorf("%d of 300 rows drawn", len(p.X))
	}
	if plane(mat.NewDense(3, 2, []float64{1, 1, 1, 1, 1, 1}), &dataset.Set{X: h, Y: mat.NewDense(3, 1, nil)}, 1) != nil {
		t.Error("rows that are all equal have no leading direction")
	}
}
