package construct

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

func TestLimitOneHiddenLayer(t *testing.T) {
	for _, c := range []struct{ n, d, p, want int }{
		{1000, 10, 1, 90},   // ceil(1000/11) - 1 = 90
		{1001, 1, 1, 500},   // ceil(n/2) - 1
		{10, 20, 1, 0},      // affine
		{1000, 10, 10, 495}, // outputs cost their own weights
	} {
		got := LimitFor(randomSet(t, 1, c.n, c.d, c.p), network.Float64, 1)
		if got.Units != c.want {
			t.Errorf("n=%d d=%d p=%d: %d units, want %d", c.n, c.d, c.p, got.Units, c.want)
		}
		if got.Parameters != c.n*c.p+c.want {
			t.Errorf("n=%d d=%d p=%d: %d parameters", c.n, c.d, c.p, got.Parameters)
		}
	}
}

// The bisection against all splits.
func TestTwoLayerLimitByTrial(t *testing.T) {
	for _, n := range []int{1, 2, 5, 37, 400} {
		for _, d := range []int{1, 3, 30} {
			for _, p := range []int{1, 2, 7} {
				want := 0
				for ok := false; !ok; want++ {
					for d1 := 0; d1 <= want && !ok; d1++ {
						ok = d*d1+d1*(want-d1)+(want-d1+1)*p >= n*p
					}
					if ok {
						break
					}
				}
				if got := twoLayerLimit(n, d, p); got != want {
					t.Errorf("n=%d d=%d p=%d: %d units, by trial %d", n, d, p, got, want)
				}
			}
		}
	}
	if got := twoLayerLimit(4096, 1, 1); math.Abs(float64(got)-2*64) > 2 {
		t.Errorf("n=4096: %d units, about 2 sqrt(n) expected", got)
	}
}

func TestLimitOfClasses(t *testing.T) {
	set := classSet(t, 1, 640, 2, 4, 0.1)
	if got := LimitFor(set, network.Float64, 1); got.Parameters != 20 || got.Units != 0 {
		t.Errorf("640 rows of 4 classes: %+v, want 1280 bits in 20 numbers", got)
	}
	if got := LimitFor(set, network.Float32, 1); got.Parameters != 40 {
		t.Errorf("float32: %+v, want 40 numbers", got)
	}
}

// No construction may be below its limit.
func TestNoSizeBelowTheLimit(t *testing.T) {
	for _, e := range Plan(&Problem{Set: randomSet(t, 30, 90, 3, 2), Tolerance: 1e-3}) {
		if e.Fits && (e.Units < e.Limit.Units || e.Ratio < 1) {
			t.Errorf("%s has %d units and ratio %.3g; the limit is %d: the limit is wrong", e.Name, e.Units, e.Ratio, e.Limit.Units)
		}
	}
}

func TestLipschitz(t *testing.T) {
	set, err := dataset.New(mat.NewDense(4, 1, []float64{0, 1, 3, 4}), mat.NewDense(4, 1, []float64{0, 2, -4, -3}))
	if err != nil {
		t.Fatal(err)
	}
	if got := Lipschitz(set); got != 3 {
		t.Errorf("steepest chord is %v, want 3", got)
	}
	plane := randomSet(t, 31, 60, 3, 2)
	exact := 0.0
	for i := range plane.N() {
		for k := range i {
			exact = max(exact, euclid(plane.Y.RawRowView(i), plane.Y.RawRowView(k))/euclid(plane.X.RawRowView(i), plane.X.RawRowView(k)))
		}
	}
	if got := Lipschitz(plane); got > exact || got < exact/10 {
		t.Errorf("%v from neighbours, %v over all pairs", got, exact)
	}
}

// Integer targets are labels: L1, which is about generic targets, does not bind
// deep networks on them, and packed goes below it.
func TestLimitOfIntegers(t *testing.T) {
	set := integerSet(t, 4000, 1, 2, 0)
	limit := LimitFor(set, network.Float64, 100)
	if want := (4000 + 63) / 64; limit.Parameters != want || limit.Units != 0 {
		t.Errorf("%+v, want %d parameters", limit, want)
	}
	if l := LimitFor(set, network.Float64, 2); l.Units == 0 {
		t.Errorf("two hidden layers: %+v", l)
	}
	net, err := BuildNamed(&Problem{Set: set}, "packed")
	if err != nil {
		t.Fatal(err)
	}
	if got := net.Parameters(); got >= 4000 || got < limit.Parameters {
		t.Errorf("%d parameters for 4000 rows, the limit is %d", got, limit.Parameters)
	}
}
