package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
)

func TestMain(m *testing.M) {
	name, err := Use()
	fmt.Fprintln(os.Stderr, "engine:", name, err)
	os.Exit(m.Run())
}

// loaded returns OpenBLAS's engines whatever HINGE_BLAS says.
func loaded(t testing.TB) *library {
	lib, err := loadOpenBLAS()
	if err != nil {
		t.Skip("no OpenBLAS: ", err)
	}
	return lib
}

func random[T Float](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(rng.NormFloat64())
	}
	return v
}

// agree compares two results of k-term sums.
func agree[T Float](t *testing.T, what string, got, want []T, k int) {
	t.Helper()
	eps := 0x1p-53
	if _, single := any(T(0)).(float32); single {
		eps = 0x1p-24
	}
	for i := range want {
		scale := 1 + math.Abs(float64(want[i]))
		if diff := math.Abs(float64(got[i] - want[i])); !(diff <= 200*eps*math.Sqrt(float64(k+1))*scale*4) {
			t.Fatalf("%s: element %d is %v, gonum has %v", what, i, got[i], want[i])
		}
	}
}

var (
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans}
	triangles  = []blas.Uplo{blas.Upper, blas.Lower}
	sides      = []blas.Side{blas.Left, blas.Right}
)

// TestEnginesAgree runs every overridden kernel on random shapes, options and
// strides, on both engines.
func TestEnginesAgree(t *testing.T) {
	lib := loaded(t)
	t.Run("float64", func(t *testing.T) {
		ref := gonum.Implementation{}
		e := engine64{k: lib.f64}
		compareEngines(t, calls[float64]{e.Dgemm, e.Dsymm, e.Dsyrk, e.Dsyr2k, e.Dtrmm, e.Dtrsm, e.Dgemv, e.Dger},
			calls[float64]{ref.Dgemm, ref.Dsymm, ref.Dsyrk, ref.Dsyr2k, ref.Dtrmm, ref.Dtrsm, ref.Dgemv, ref.Dger})
	})
	t.Run("float32", func(t *testing.T) {
		ref := gonum.Implementation{}
		e := engine32{k: lib.f32}
		compareEngines(t, calls[float32]{e.Sgemm, e.Ssymm, e.Ssyrk, e.Ssyr2k, e.Strmm, e.Strsm, e.Sgemv, e.Sger},
			calls[float32]{ref.Sgemm, ref.Ssymm, ref.Ssyrk, ref.Ssyr2k, ref.Strmm, ref.Strsm, ref.Sgemv, ref.Sger})
	})
}

type calls[T Float] struct {
	gemm       func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	symm       func(s blas.Side, ul blas.Uplo, m, n int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	syrk       func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, beta T, c []T, ldc int)
	syr2k      func(ul blas.Uplo, t blas.Transpose, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	trmm, trsm func(s blas.Side, ul blas.Uplo, t blas.Transpose, d blas.Diag, m, n int, alpha T, a []T, lda int, b []T, ldb int)
	gemv       func(t blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
	ger        func(m, n int, alpha T, x []T, incX int, y []T, incY int, a []T, lda int)
}

func compareEngines[T Float](t *testing.T, fast, ref calls[T]) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := 0; trial < 40; trial++ {
		m, n, k := 1+rng.IntN(150), 1+rng.IntN(150), 1+rng.IntN(150)
		pad := rng.IntN(3)
		tA, tB := transposes[rng.IntN(2)], transposes[rng.IntN(2)]
		side, ul := sides[rng.IntN(2)], triangles[rng.IntN(2)]
		big := max(m, n, k) + pad
		a, b := random[T](rng, big*big), random[T](rng, big*big)
		tri := wellConditioned[T](rng, big)
		c := random[T](rng, big*big)
		alpha, beta := T(rng.NormFloat64()), T(rng.IntN(3))/2
		both := func(what string, depth int, run func(e calls[T], out []T)) {
			got, want := append([]T(nil), c...), append([]T(nil), c...)
			run(fast, got)
			run(ref, want)
			agree(t, fmt.Sprintf("trial %d: %s(%c %c %c %c, m=%d n=%d k=%d, stride %d)", trial, what, tA, tB, side, ul, m, n, k, big), got, want, depth)
		}
		both("gemm", k, func(e calls[T], out []T) { e.gemm(tA, tB, m, n, k, alpha, a, big, b, big, beta, out, big) })
		both("symm", big, func(e calls[T], out []T) { e.symm(side, ul, m, n, alpha, a, big, b, big, beta, out, big) })
		both("syrk", k, func(e calls[T], out []T) { e.syrk(ul, tA, n, k, alpha, a, big, beta, out, big) })
		both("syr2k", k, func(e calls[T], out []T) { e.syr2k(ul, tA, n, k, alpha, a, big, b, big, beta, out, big) })
		both("trmm", big, func(e calls[T], out []T) { e.trmm(side, ul, tA, blas.NonUnit, m, n, alpha, a, big, out, big) })
		both("trmm unit", big, func(e calls[T], out []T) { e.trmm(side, ul, tA, blas.Unit, m, n, alpha, a, big, out, big) })
		both("trsm", big, func(e calls[T], out []T) { e.trsm(side, ul, tA, blas.NonUnit, m, n, alpha, tri, big, out, big) })
		both("gemv", big, func(e calls[T], out []T) { e.gemv(tA, m, n, alpha, a, big, b, 1+pad, beta, out, 1+pad) })
		both("ger", 1, func(e calls[T], out []T) { e.ger(m, n, alpha, a, 1+pad, b, 2, out, big) })
	}
}

// wellConditioned returns a square matrix both triangles of which are
// diagonally dominant.
func wellConditioned[T Float](rng *rand.Rand, n int) []T {
	a := random[T](rng, n*n)
	for i := range a {
		a[i] /= T(4 * n)
	}
	for i := 0; i < n; i++ {
		a[i*n+i] = 1 + T(rng.Float64())
	}
	return a
}

// TestBadArguments checks that calls out of order reach gonum's own panics.
func TestBadArguments(t *testing.T) {
	e := engine64{k: loaded(t).f64}
	ref := gonum.Implementation{}
	a := make([]float64, 100*100)
	for name, call := range map[string]func(e blas.Float64Level3){
		"short c": func(e blas.Float64Level3) {
			e.Dgemm(blas.NoTrans, blas.NoTrans, 100, 100, 100, 1, a, 100, a, 100, 0, a[:50], 100)
		},
		"bad stride": func(e blas.Float64Level3) {
			e.Dgemm(blas.NoTrans, blas.NoTrans, 100, 100, 100, 1, a, 99, a, 100, 0, a, 100)
		},
		"bad transpose": func(e blas.Float64Level3) { e.Dgemm('x', blas.NoTrans, 100, 100, 100, 1, a, 100, a, 100, 0, a, 100) },
		"negative":      func(e blas.Float64Level3) { e.Dsyrk(blas.Upper, blas.Trans, -1, 100, 1, a, 100, 0, a, 100) },
	} {
		caught := func(e blas.Float64Level3) (r any) {
			defer func() { r = recover() }()
			call(e)
			return nil
		}
		got, want := caught(e), caught(ref)
		if got == nil || got != want {
			t.Errorf("%s: panic %v, gonum's is %v", name, got, want)
		}
	}
}

func testGram[T Float](t *testing.T, tol float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, dims := range [][2]int{{1, 1}, {7, 3}, {400, 300}, {900, 517}} {
		n, d := dims[0], dims[1]
		x := Matrix[T]{random[T](rng, n*(d+2)), n, d, d + 2}
		g := Gram(x)
		for trial := 0; trial < 200; trial++ {
			i, j := rng.IntN(d), rng.IntN(d)
			want := 0.0
			for r := 0; r < n; r++ {
				want += float64(x.Row(r)[i]) * float64(x.Row(r)[j])
			}
			if got := float64(g.Row(i)[j]); math.Abs(got-want) > tol*float64(n) {
				t.Fatalf("n=%d d=%d: Gram[%d][%d] = %v, want %v", n, d, i, j, got, want)
			}
		}
		for i := 0; i < d; i++ {
			g.Row(i)[i] += T(n)
		}
		solveAndCheck(t, g, rng, tol)
	}
}

func solveAndCheck[T Float](t *testing.T, g Matrix[T], rng *rand.Rand, tol float64) {
	d, p := g.Rows, 3
	want := Matrix[T]{random[T](rng, d*p), d, p, p}
	b := NewMatrix[T](d, p)
	MulAdd(b, g, want)
	for i := 0; i < d; i++ { // the upper triangle must not be read
		for j := i + 1; j < d; j++ {
			g.Row(i)[j] = T(math.NaN())
		}
	}
	if !Cholesky(g) {
		t.Fatalf("d=%d: not positive definite", d)
	}
	for i := 0; i < d; i++ { // whole diagonal blocks are written; clear them for trsm's sake
		for j := i + 1; j < d; j++ {
			g.Row(i)[j] = T(math.NaN())
		}
	}
	CholeskySolve(g, b)
	for i := range b.Data {
		if math.Abs(float64(b.Data[i]-want.Data[i])) > 100*tol {
			t.Fatalf("d=%d: solution %v, want %v", d, b.Data[i], want.Data[i])
		}
	}
}

func TestGramAndCholesky(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testGram[float64](t, 1e-13) })
	t.Run("float32", func(t *testing.T) { testGram[float32](t, 1e-5) })
	bad := Matrix[float64]{[]float64{1, 2, 2, 1}, 2, 2, 2}
	if Cholesky(bad) {
		t.Error("an indefinite matrix passed as positive definite")
	}
}

func TestChoose(t *testing.T) {
	if err := choose("magic"); err == nil || !strings.Contains(err.Error(), "magic") {
		t.Errorf("an unknown engine gave %v", err)
	}
	if err := choose("gonum"); err != nil {
		t.Error(err)
	}
	if Fast() != (Engine() != "gonum") {
		t.Errorf("engine %q, fast %v", Engine(), Fast())
	}
}

func TestHint(t *testing.T) {
	var b strings.Builder
	SetHintWriter(&b)
	defer SetHintWriter(os.Stderr)
	Hint(1)
	if b.Len() > 0 {
		t.Errorf("a small job gave the hint %q", b.String())
	}
	Hint(1e13)
	Hint(1e13)
	want := 1
	if Fast() || os.Getenv(EnginesVariable) == "gonum" {
		want = 0
	}
	if got := strings.Count(b.String(), installHint); got != want {
		t.Errorf("%d hints, want %d: %q", got, want, b.String())
	}
}

func benchGemm[T Float](b *testing.B, n int) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := Matrix[T]{random[T](rng, n*n), n, n, n}, Matrix[T]{random[T](rng, n*n), n, n, n}
	z := NewMatrix[T](n, n)
	for b.Loop() {
		MulAdd(z, x, y)
	}
	b.ReportMetric(2*float64(n)*float64(n)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkGemm64(b *testing.B) {
	for _, n := range []int{32, 64, 500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchGemm[float64](b, n) })
	}
}

func BenchmarkGemm32(b *testing.B) {
	for _, n := range []int{32, 64, 500, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchGemm[float32](b, n) })
	}
}

func BenchmarkGram32(b *testing.B) {
	n, d := 4000, 2000
	x := Matrix[float32]{random[float32](rand.New(rand.NewPCG(1, 1)), n*d), n, d, d}
	for b.Loop() {
		Gram(x)
	}
	b.ReportMetric(float64(n)*float64(d)*float64(d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "useful-GFLOP/s")
}

func BenchmarkCholesky32(b *testing.B) {
	d := 2000
	x := Matrix[float32]{random[float32](rand.New(rand.NewPCG(1, 1)), 2*d*d), 2 * d, d, d}
	g := Gram(x)
	for b.Loop() {
		a := Matrix[float32]{append([]float32(nil), g.Data...), d, d, d}
		if !Cholesky(a) {
			b.Fatal("not positive definite")
		}
	}
	b.ReportMetric(float64(d)*float64(d)*float64(d)/3*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkGemv64(b *testing.B) {
	n := 2000
	rng := rand.New(rand.NewPCG(1, 1))
	a, x, y := random[float64](rng, n*n), random[float64](rng, n), make([]float64, n)
	for b.Loop() {
		blas64.Implementation().Dgemv(blas.NoTrans, n, n, 1, a, n, x, 1, 0, y, 1)
	}
}

// SolveRight undoes a product with L^T, over several blocks, row by row backward
// stably: the residual is small beside |X| |L|, though L is ill-conditioned.
func TestSolveRight(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, d := range []int{1, 5, solveBlock, solveBlock + 1, 3*solveBlock + 7} {
		l := NewMatrix[float64](d, d)
		for i := range d {
			for j := range i {
				l.Row(i)[j] = rng.NormFloat64() / float64(d)
			}
			l.Row(i)[i] = math.Pow(1e-10, float64(i)/float64(d)) // condition 1e10
		}
		const n = 37
		b := Matrix[float64]{Data: random[float64](rng, n*d), Rows: n, Cols: d, Stride: d}
		x := Matrix[float64]{Data: append([]float64(nil), b.Data...), Rows: n, Cols: d, Stride: d}
		SolveRight(l, x)
		back := NewMatrix[float64](n, d)
		MulTrans(back, x, l)
		for i := range n {
			for j := range d {
				size := 0.0
				for k, v := range x.Row(i)[:j+1] {
					size += math.Abs(v * l.Row(j)[k])
				}
				if e := math.Abs(back.Row(i)[j] - b.Row(i)[j]); e > 8*float64(d)*0x1p-53*size {
					t.Fatalf("d = %d: entry (%d, %d) is off by %g of %g", d, i, j, e, size)
				}
			}
		}
	}
}
