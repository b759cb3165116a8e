package analyze

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/blas"
	"hinge/internal/lp"
	"hinge/internal/shareddata"
	"hinge/onnx"
)

// verdicts asks about the rows of h.
func verdicts(ctx context.Context, h *mat.Dense, class []int, k int, patience time.Duration) []Separability {
	points, err := lp.NewPoints(h)
	return separability(ctx, points, err, class, k, patience, nil)
}

// prove checks a verdict from what is reported alone. A hyperplane in float64 is
// checked in rational arithmetic on rows that are near it, and on a sample;
// weights are rounded, so a common point is checked to 1e-9.
func prove(t testing.TB, h *mat.Dense, class []int, s Separability) {
	t.Helper()
	n, m := h.Dims()
	switch s.Verdict {
	case "separable":
		for i := range n {
			row := h.RawRowView(i)
			sum, size := s.B, math.Abs(s.B)
			for j, w := range s.W {
				sum += w * row[j]
				size += math.Abs(w * row[j])
			}
			if len(s.Exact) > 0 {
				continue
			}
			if i%1000 == 0 || math.Abs(sum) < 1e-9*size || (sum > 0) != (class[i] == s.Class) {
				exact := new(big.Rat).SetFloat64(s.B)
				for j, w := range s.W {
					x := new(big.Rat).SetFloat64(w)
					exact.Add(exact, x.Mul(x, new(big.Rat).SetFloat64(row[j])))
				}
				if exact.Sign() == 0 || (exact.Sign() > 0) != (class[i] == s.Class) {
					t.Errorf("class %d: row %d is on the wrong side, by %s", s.Class, i, exact.FloatString(20))
				}
			}
		}
	case "inseparable":
		sums := [2]float64{}
		difference := make([]float64, m)
		var scale float64
		for k, i := range s.Rows {
			side, sign := 0, 1.0
			if class[i] != s.Class {
				side, sign = 1, -1
			}
			sums[side] += s.Weights[k]
			for j, v := range h.RawRowView(i) {
				difference[j] += sign * s.Weights[k] * v
				scale = max(scale, math.Abs(v))
			}
		}
		if math.Abs(sums[0]-1) > 1e-9 || math.Abs(sums[1]-1) > 1e-9 {
			t.Errorf("class %d: weights sum to %v", s.Class, sums)
		}
		for j, v := range difference {
			if math.Abs(v) > 1e-9*scale {
				t.Errorf("class %d: the points differ by %v in column %d", s.Class, v, j)
			}
		}
	}
}

func TestSeparabilityOfIris(t *testing.T) {
	f, err := os.Open(shareddata.File(t, "data", "iris_noheader.csv"))
	if err != nil {
		t.Skip("no iris: ", err)
	}
	defer f.Close()
	var x []float64
	var class []int
	names := map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		cells := strings.Split(lines.Text(), ",")
		if len(cells) != 5 {
			continue
		}
		for _, c := range cells[:4] {
			v, err := strconv.ParseFloat(c, 64)
			if err != nil {
				t.Fatal(err)
			}
			x = append(x, v)
		}
		if _, known := names[cells[4]]; !known {
			names[cells[4]] = len(names)
		}
		class = append(class, names[cells[4]])
	}
	h := mat.NewDense(len(class), 4, x)
	out := verdicts(context.Background(), h, class, 3, 0)
	for c, want := range []string{"separable", "inseparable", "inseparable"} { // setosa alone
		if out[c].Verdict != want {
			t.Errorf("class %d: %s (%s), want %s", c, out[c].Verdict, out[c].Why, want)
		}
		prove(t, h, class, out[c])
	}
	t.Logf("setosa's margin is between %v and %v", *out[0].Lower, *out[0].Upper)
	if text, err := json.Marshal(out); err != nil || !strings.Contains(string(text), `"verdict":"inseparable"`) {
		t.Errorf("JSON %s, %v", text, err)
	}
}

// Two classes have one hyperplane between them, seen from both sides; it is
// turned round exactly also where it takes fractions to pass between them.
func TestSeparabilityOfTwoClasses(t *testing.T) {
	tenth, second := 0.1, 0.2
	third := tenth + second // rounded up: the first row of class 0 is just below the line of class 1
	h := mat.NewDense(4, 2, []float64{tenth, second, 0, 0, 0, third, third, 0})
	for name, class := range map[string][]int{"apart": {0, 0, 1, 1}, "crossed": {0, 1, 0, 1}, "one only": {0, 0, 0, 0}, "other only": {1, 1, 1, 1}} {
		out := verdicts(context.Background(), h, class, 2, time.Minute)
		for c, s := range out {
			if s.Class != c || s.Verdict == "unknown" {
				t.Errorf("%s: class %d: %+v", name, c, s)
			}
			prove(t, h, class, s)
			for i, k := range class {
				if s.Verdict != "separable" || len(s.Exact) == 0 {
					continue
				}
				value := fraction(t, s.Exact[2])
				for j, v := range h.RawRowView(i) {
					x := new(big.Rat).SetFloat64(v)
					value.Add(value, x.Mul(x, fraction(t, s.Exact[j])))
				}
				if value.Sign() == 0 || (value.Sign() > 0) != (k == c) {
					t.Errorf("%s: class %d: row %d has value %v", name, c, i, value)
				}
			}
		}
	}
}

func fraction(t *testing.T, text string) *big.Rat {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no fraction", text)
	}
	return x
}

func TestSeparabilityOfNothing(t *testing.T) {
	h := mat.NewDense(2, 1, []float64{1, math.NaN()})
	for _, s := range verdicts(context.Background(), h, []int{0, 1}, 2, 0) {
		if s.Verdict != "unknown" || !strings.Contains(s.Why, "row 1") {
			t.Errorf("NaN: %+v", s)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.Set(1, 0, 2)
	for _, s := range verdicts(ctx, h, []int{0, 1}, 2, 0) {
		if s.Verdict != "unknown" || s.Why == "" {
			t.Errorf("cancelled: %+v", s)
		}
	}
}

// Every verdict on every layer of an ACAS Xu network, its own advisories the
// classes: none may be missing.
func TestSeparabilityOfACAS(t *testing.T) {
	f, err := os.Open(shareddata.File(t, "nets", "acasxu_N_1_1_gemm.onnx"))
	if err != nil {
		t.Skip("no ACAS Xu network: ", err)
	}
	defer f.Close()
	net, err := onnx.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(3000, 5, nil)
	x.Apply(func(_, _ int, _ float64) float64 { return float64(float32(rng.Float64() - 0.5)) }, x)
	scores := net.Eval(x)
	class := make([]int, 3000)
	for i := range class {
		row := scores.RawRowView(i)
		for c, v := range row { // the advisory of the least cost
			if v < row[class[i]] {
				class[i] = c
			}
		}
	}
	for _, l := range net.HiddenLayers() {
		h := net.Activations(x, l)
		start := time.Now()
		out := verdicts(context.Background(), h, class, 5, 0)
		var words []string
		for _, s := range out {
			prove(t, h, class, s)
			if s.Verdict == "unknown" {
				t.Errorf("layer %d, class %d: unknown: %s", l, s.Class, s.Why)
			}
			words = append(words, s.Verdict)
		}
		t.Logf("layer %d: %v in %v", l, words, time.Since(start))
	}
}

// mnistLayers returns what each hidden layer of mnist_fc_256x2 puts out on the
// first rows of MNIST, and their labels.
func mnistLayers(t testing.TB, rows int) (layers []*mat.Dense, class []int) {
	t.Helper()
	images, labels := shareddata.MNIST(t, rows)
	rows = len(labels)
	x := mat.NewDense(rows, 784, nil)
	for i := range rows {
		class = append(class, int(labels[i]))
		for j := range 784 {
			x.Set(i, j, float64(float32(images[784*i+j])/255))
		}
	}
	f, err := os.Open(shareddata.File(t, "nets", "mnist_fc_256x2.onnx"))
	if err != nil {
		t.Skip("no network: ", err)
	}
	defer f.Close()
	net, err := onnx.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range net.HiddenLayers() {
		layers = append(layers, net.Activations(x, l))
	}
	return layers, class
}

func TestSeparabilityOfMNIST(t *testing.T) {
	rows, patience := 4000, 10*time.Second
	if os.Getenv("HINGE_MNIST") == "full" {
		rows, patience = 60000, time.Minute
	}
	_, _ = blas.Use()
	layers, class := mnistLayers(t, rows)
	for l, h := range layers {
		start := time.Now()
		out := verdicts(context.Background(), h, class, 10, patience)
		took := time.Since(start)
		if took > 2*patience {
			t.Errorf("hidden layer %d: %v, patience was %v", l+1, took, patience)
		}
		for _, s := range out {
			prove(t, h, class, s)
			var lower, upper float64
			if s.Lower != nil {
				lower = *s.Lower
			}
			if s.Upper != nil {
				upper = *s.Upper
			}
			t.Logf("hidden %d, digit %d: %s %s, margin %.3g to %.3g, %d rows, %d bits, %.2f s", l+1, s.Class, s.Verdict, s.Why, lower, upper, len(s.Rows), s.Bits, s.Seconds)
		}
		t.Logf("hidden %d: %v", l+1, took)
	}
}
