package construct

import (
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"hinge/internal/blas"
	"hinge/network"
)

// r2 returns the share of the variance of y (first column) that f explains.
func r2(f, y *mat.Dense) float64 {
	want := mat.Col(nil, 0, y)
	miss := 0.0
	for i, v := range want {
		miss += (f.At(i, 0) - v) * (f.At(i, 0) - v)
	}
	return 1 - miss/(stat.Variance(want, nil)*float64(len(want)-1))
}

func TestNeedlesCalifornia(t *testing.T) {
	blas.Use()
	train, test := split(california(t), 1)
	for _, prec := range []network.Precision{network.Float64, network.Float32} {
		start := time.Now()
		p := &Problem{Set: train, Precision: prec}
		if prec == network.Float32 {
			p.Set, _ = train.Rounded()
		}
		net, err := buildNeedles(p)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v %v: train error %.3g, test R2 %.4f\n%v", blas.Engine(), time.Since(start), worstError(net.Eval(p.Set.X), p.Set), r2(net.Eval(test.X), test.Y), net)
	}
}
