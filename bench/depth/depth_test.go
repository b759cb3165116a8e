package main

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

var update = flag.Bool("update", false, "write docs/depth.md anew")

// The page in docs is what the command writes, to the byte.
func TestPageIsReproduced(t *testing.T) {
	const file = "../../docs/depth.md"
	got, err := page()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	lines, before := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for k, line := range lines {
		if k >= len(before) || line != before[k] {
			t.Fatalf("line %d differs; `go test ./bench/depth -update` writes the page anew\nnow    %s\nbefore %s", k+1, line, before[min(k, len(before)-1)])
		}
	}
	t.Fatal("the page is shorter than it was")
}

// No layer of n units on n points of a line that is not singular has fewer nonzeros
// than the bound, whatever its knots: tried at random, and the split reaches it.
func TestNoMatrixBeatsTheBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 2; n <= 8; n++ {
		bound, regular := int64((n+1)*(n+1)/4), 0
		for range 400 {
			sign, knot := make([]float64, n), make([]float64, n)
			for j := range n {
				sign[j] = 1
				if knot[j] = float64(rng.IntN(n)) - 0.5 + rng.Float64(); rng.IntN(2) == 0 {
					sign[j] = -1
				}
			}
			nonzeros, rank, _, err := matrixOf(line(sign, knot), n)
			if err != nil {
				continue // all units asleep
			}
			if rank < n {
				continue
			}
			if regular++; nonzeros < bound {
				t.Errorf("n=%d: %d nonzeros, the bound is %d: signs %v, knots %v", n, nonzeros, bound, sign, knot)
			}
		}
		nonzeros, rank, _, err := matrixOf(medianSplit(n), n)
		if err != nil || rank != n || nonzeros != bound {
			t.Errorf("n=%d: the split has rank %d and %d nonzeros, the bound is %d (%v)", n, rank, nonzeros, bound, err)
		}
		if n < 6 && regular == 0 {
			t.Errorf("n=%d: no matrix of full rank among those tried", n)
		}
	}
}

// k folds make 2^k pieces: the values between the points are on straight lines,
// and the slopes alternate.
func TestFoldsMakeTeeth(t *testing.T) {
	for k := 1; k <= 9; k++ {
		pieces := 1 << k
		x := mat.NewDense(4*pieces+1, 1, nil)
		for i := range 4*pieces + 1 {
			x.Set(i, 0, float64(i)/float64(4*pieces))
		}
		f := folds(k).Forward(x)
		for i := range 4*pieces + 1 {
			want := math.Abs(math.Mod(float64(i)/4+1, 2) - 1)
			if math.Abs(f.At(i, 0)-want) > 1e-9 {
				t.Fatalf("k=%d: f(%v) = %v, want %v", k, x.At(i, 0), f.At(i, 0), want)
			}
		}
	}
}
