package encode

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// blobs returns n rows of d inputs in k overlapping classes; k = 0 for numbers.
func blobs(t *testing.T, n, d, k int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(10*d+k)))
	x := mat.NewDense(n, d, nil)
	class := make([]int, n)
	for i := range n {
		if k > 0 {
			class[i] = i % k
		}
		for j := range d {
			x.Set(i, j, math.Round(1e5*(rng.NormFloat64()+0.5*float64(class[i]*(j%2))))/8)
		}
	}
	var set *dataset.Set
	var err error
	if k > 0 {
		var names []string
		for c := range k {
			names = append(names, fmt.Sprint("class ", c))
		}
		set, err = dataset.NewClasses(x, class, names)
	} else {
		y := mat.NewDense(n, 1, nil)
		for i := range n {
			y.Set(i, 0, rng.NormFloat64())
		}
		set, err = dataset.New(x, y)
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func encoded(t *testing.T, set *dataset.Set, opts Options) *Code {
	t.Helper()
	c, err := Encode(context.Background(), set, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every row comes back bit for bit through both networks, codes are apart, and
// every class is cut off by the hyperplane that is told, for all sorts of shapes.
func TestEncodeAndBack(t *testing.T) {
	for _, shape := range []struct{ n, d, k, q int }{
		{300, 4, 3, 2}, {300, 4, 3, 1}, {300, 6, 10, 2}, {200, 5, 1, 2}, {200, 5, 2, 3}, {200, 3, 0, 1}, {150, 3, 0, 2}, {60, 1, 2, 2}, {7, 3, 2, 4}, {1, 2, 1, 2},
	} {
		for _, precision := range []network.Precision{network.Float64, network.Float32} {
			t.Run(fmt.Sprintf("%+v %v", shape, precision), func(t *testing.T) {
				c := encoded(t, blobs(t, shape.n, shape.d, shape.k), Options{Dims: shape.q, Precision: precision})
				if !c.Decoded.Holds || c.Decoded.MaxError != 0 {
					t.Errorf("%d of %d rows come back, error %g", c.Decoded.Hit, c.Decoded.Rows, c.Decoded.MaxError)
				}
				codes := c.Encoder.Eval(c.Set.X)
				if !mat.Equal(c.Decoder.Eval(codes), c.Set.X) {
					t.Error("evaluated, some rows do not come back")
				}
				checkWithin(t, c, codes)
				checkMargin(t, c, codes)
				checkCuts(t, c, codes)
			})
		}
	}
}

// checkWithin wants computed codes within their radius.
func checkWithin(t *testing.T, c *Code, codes *mat.Dense) {
	n, q := codes.Dims()
	for i := range n {
		for j := range q {
			if off := math.Abs(codes.At(i, j) - c.Codes.At(i, j)); off > c.Radius.At(i, j) {
				t.Fatalf("row %d: the code is off by %g, the radius is %g", i, off, c.Radius.At(i, j))
			}
		}
	}
}

// checkMargin wants no two computed codes closer than the margin says.
func checkMargin(t *testing.T, c *Code, codes *mat.Dense) {
	n, q := codes.Dims()
	if n < 2 {
		return
	}
	size := reach(c.Codes)
	least := math.Inf(1)
	for i := range n {
		for k := range i {
			sum := 0.0
			for j := range q {
				d := codes.At(i, j) - codes.At(k, j)
				sum += d * d
			}
			least = min(least, math.Sqrt(sum))
		}
	}
	if c.Own.Margin <= 0 || least < c.Own.Margin*size*(1-1e-12) {
		t.Errorf("two codes are %g apart, the margin says %g", least/size, c.Own.Margin)
	}
	if even := 0.25 * math.Pow(float64(n), -1/float64(q)) / float64(max(1, len(c.Own.Classes))); q < 3 && c.Own.Margin < even {
		t.Errorf("the margin is %g, a poor one for %d codes", c.Own.Margin, n)
	}
}

// checkCuts wants every class on one side of its hyperplane, the others on the
// other; of one number, each class in its interval, alone.
func checkCuts(t *testing.T, c *Code, codes *mat.Dense) {
	_, q := codes.Dims()
	for k, v := range c.Own.Classes {
		if v.Verdict != "separable" || !(v.Margin > 0) {
			t.Errorf("%s: %s by %g", v.Class, v.Verdict, v.Margin)
			continue
		}
		for i, own := range c.Set.Class {
			var in bool
			if q == 1 {
				in = codes.At(i, 0) >= v.Normal[0] && codes.At(i, 0) <= v.Normal[1]
			} else {
				at := 0.0
				for j, w := range v.Normal {
					at += w * codes.At(i, j)
				}
				in = at > v.Offset
			}
			if in != (own == k) {
				t.Fatalf("row %d of class %d is on the wrong side of class %d's cut", i, own, k)
			}
		}
	}
}

// The figures of PCA are those of a plain computation.
func TestPrincipalDirections(t *testing.T) {
	set := blobs(t, 200, 5, 3)
	p := principal(set.X, 2)
	left := 0.0 // of the variance
	var cov mat.SymDense
	centred := mat.DenseCopyOf(set.X)
	for i := range 200 {
		for j := range 5 {
			centred.Set(i, j, centred.At(i, j)-p.mean[j])
		}
	}
	cov.SymOuterK(1, centred.T())
	var eig mat.EigenSym
	if !eig.Factorize(&cov, false) {
		t.Fatal("no eigenvalues")
	}
	values := eig.Values(nil)
	for _, v := range values[:3] {
		left += v
	}
	if want := math.Sqrt(left / 1000); math.Abs(p.rmse(2)-want) > 1e-6*want {
		t.Errorf("the error of two directions is %g, eigenvalues say %g", p.rmse(2), want)
	}
}

// The least distance that the sweep finds is that of all pairs, less the radii.
func TestLeastDistance(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		n, q := 2+rng.IntN(30), 1+rng.IntN(3)
		h, radius := mat.NewDense(n, q, nil), mat.NewDense(n, q, nil)
		for k := range h.RawMatrix().Data {
			h.RawMatrix().Data[k], radius.RawMatrix().Data[k] = math.Round(8*rng.Float64()), 0.01*rng.Float64()
		}
		least := math.Inf(1)
		for i := range n {
			for k := range i {
				sum, doubt := 0.0, 0.0
				for j := range q {
					d, r := h.At(i, j)-h.At(k, j), radius.At(i, j)+radius.At(k, j)
					sum, doubt = sum+d*d, doubt+r*r
				}
				least = min(least, math.Sqrt(sum)-math.Sqrt(doubt))
			}
		}
		if got := leastDistance(h, radius); math.Abs(got-max(0, least)) > 1e-12 {
			t.Fatalf("%g instead of %g", got, max(0, least))
		}
	}
}

func TestEncodeSaysWhatCannotBe(t *testing.T) {
	if _, err := Encode(context.Background(), blobs(t, 10, 2, 2), Options{}); err == nil {
		t.Error("codes of no numbers are accepted")
	}
	if _, err := certify.CertifyFed(encoded(t, blobs(t, 10, 2, 2), Options{Dims: 2}).Decoder, &certify.Enclosure{Centre: mat.NewDense(3, 2, nil)}, blobs(t, 10, 2, 2), certify.Options{}); err == nil {
		t.Error("a certificate of 3 rows is made of 10")
	}
}
