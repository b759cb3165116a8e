package report

import (
	"encoding/xml"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// hyperplanes returns a network whose hidden units are max(w.x + b, 0) for the
// rows (w, b) of planes, and whose output is their sum.
func hyperplanes(d int, planes ...[]float64) *network.Network {
	m := len(planes)
	w, bias, ones := make([]float64, 0, m*d), make([]float64, m), make([]float64, m)
	for i, p := range planes {
		w, bias[i], ones[i] = append(w, p[:d]...), p[d], 1
	}
	return &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(m, d, w), Bias: bias, Act: network.ReLU},
		{Map: network.NewDense(1, m, ones)},
	}}
}

func TestZeroLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) float64 { return rapid.Float64Range(-3, 3).Draw(t, name) }
		a, b, c := draw("a"), draw("b"), draw("c")
		u0, v0, u1, v1, ok := zeroLine(a, b, c)
		corners := []float64{a, a + b, a + c, a + b + c}
		crosses := false
		for _, z := range corners {
			crosses = crosses || (z > 0) != (corners[0] > 0)
		}
		if !ok {
			for _, z := range corners {
				if crosses && math.Abs(z) > 1e-6 && (z > 0) != (corners[0] > 0) && math.Abs(corners[0]) > 1e-6 {
					t.Fatalf("%v + %v u + %v v crosses the square, but no line was found", a, b, c)
				}
			}
			return
		}
		for _, p := range [][2]float64{{u0, v0}, {u1, v1}} {
			if math.Abs(a+b*p[0]+c*p[1]) > 1e-9 {
				t.Fatalf("(%v, %v) is not on the line", p[0], p[1])
			}
			if p[0] < 0 || p[0] > 1 || p[1] < 0 || p[1] > 1 {
				t.Fatalf("(%v, %v) is outside the square", p[0], p[1])
			}
		}
	})
}

func TestPlaneLinesAreThoseInside(t *testing.T) {
	net := hyperplanes(2,
		[]float64{1, 0, -0.5},                       // x = 0.5: inside
		[]float64{-2, 0, 1},                         // the same line from the other side: once
		[]float64{0, 1, -7},                         // y = 7: outside
		[]float64{1, 1, -1}, []float64{1, 1, -0.25}, // two diagonals
		[]float64{0, 0, 1}, // no line at all
	)
	c := newCanvas(420, 0, 1, 0, 1)
	drawn, inside := planeLines(c, net, 0)
	if drawn != 3 || inside != 3 {
		t.Errorf("%d lines drawn of %d, want 3 of 3", drawn, inside)
	}
}

func TestAxisCutsAreTheKnots(t *testing.T) {
	net := hyperplanes(1, []float64{1, -2}, []float64{-3, 3}, []float64{2, -10}, []float64{1, -2}, []float64{0, 1})
	got := axisCuts(net, 0, []float64{0}, []float64{4})
	if len(got) != 2 || math.Abs(got[0]-1) > 1e-12 || math.Abs(got[1]-2) > 1e-12 {
		t.Errorf("cuts at %v, want 1 and 2", got)
	}
}

// TestDirectionCuts: along a projected layer the cuts are the thresholds of the
// units that look along the first direction.
func TestDirectionCuts(t *testing.T) {
	p := &network.Projected{P: network.NewDense(2, 3, []float64{1, 2, -1, 0, 1, 1}), Pick: []int32{0, 1, 0}, Scale: []float64{1, 1, -2}}
	net := &network.Network{Layers: []network.Layer{
		{Map: p, Bias: []float64{-0.25, 9, 1}, Act: network.ReLU},
		{Map: network.NewDense(1, 3, []float64{1, 1, 1})},
	}}
	set := dataset.RandomReal(50, 3, 1, 1)
	dir := directionOf(net, set)
	mean := 0.0 // of u.x
	for j, w := range p.P.Row(0) {
		mean += w * dir.mean[j]
	}
	got := dir.cuts(net, set, 0, -5, 5)
	want := []float64{0.25 - mean, 0.5 - mean}
	if len(got) != 2 || math.Abs(got[0]-want[0]) > 1e-9 || math.Abs(got[1]-want[1]) > 1e-9 {
		t.Errorf("cuts at %v, want %v", got, want)
	}
}

func TestSeriatePutsADiagonalBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	n := 40
	rows, cols := rng.Perm(n), rng.Perm(n)
	phi := mat.NewDense(n, n, nil)
	for i := range n { // a bidiagonal matrix, shuffled
		phi.Set(rows[i], cols[i], 1)
		if i+1 < n {
			phi.Set(rows[i], cols[i+1], 0.5)
		}
	}
	before := mat.Sum(phi)
	out := seriate(phi)
	if after := mat.Sum(out); after != before {
		t.Errorf("ink %v became %v", before, after)
	}
	for i := range n {
		ink := 0.0
		for j := range n {
			ink += out.At(i, j)
		}
		if ink == 0 {
			t.Errorf("row %d lost its ink", i)
		}
	}
}

func TestGatherKeepsTheLargest(t *testing.T) {
	phi := mat.NewDense(2, 5, []float64{0, 1, 0, 0, 2, 3, 0, 0, 0, 0})
	got := gather(phi, 2)
	if want := mat.NewDense(2, 2, []float64{1, 2, 3, 0}); !mat.Equal(got, want) {
		t.Errorf("gathered %v", mat.Formatted(got))
	}
}

// TestFiguresOfEveryShape draws every kind of figure and reads the SVG back.
func TestFiguresOfEveryShape(t *testing.T) {
	constant := mat.NewDense(5, 3, []float64{1, 0, 2, 1, 0, 3, 1, 0, 4, 1, 0, 5, 1, 0, 7})
	withConstants, err := dataset.New(constant, mat.NewDense(5, 1, []float64{1, 3, 2, 5, 4}))
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]*dataset.Set{
		"one input": dataset.RandomReal(30, 1, 1, 1), "one input, three targets": dataset.RandomReal(30, 1, 3, 1),
		"one input, classes": dataset.RandomClasses(30, 1, 3, 1), "plane": dataset.Franke(60, 0, 1),
		"plane of classes": dataset.Moons(60, 0.1, 1), "many inputs": dataset.Friedman(80, 0, 1),
		"many inputs, 12 classes": dataset.RandomClasses(90, 5, 12, 1), "more rows than lines": dataset.RandomReal(900, 4, 1, 1),
		"two rows": dataset.RandomReal(2, 2, 1, 1), "constant columns": withConstants,
	}
	for name, set := range sets {
		for _, c := range []string{"sorted", "deep-slab", "features", "identity"} {
			net, err := construct.BuildNamed(&construct.Problem{Set: set}, c)
			if err != nil {
				continue // the construction does not serve this set
			}
			cuts, phi := Cuts(net, set), PhiPicture(net, set)
			if cuts == nil || phi == nil {
				t.Errorf("%s, %s: a figure is missing", name, c)
				continue
			}
			for _, figure := range []*Picture{cuts, phi} {
				readSVG(t, name+", "+c, string(figure.SVG))
			}
		}
	}
}

// rasterData matches the bytes of a picture, in which any letters may stand.
var rasterData = regexp.MustCompile(`base64,[A-Za-z0-9+/=]*`)

// readSVG fails when the text is not well-formed or holds a number that is none.
func readSVG(t *testing.T, name, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader("<div>" + text + "</div>"))
	for {
		_, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Errorf("%s: the SVG is broken: %v", name, err)
			return
		}
	}
	drawn := rasterData.ReplaceAllString(text, "")
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(drawn, bad) {
			t.Errorf("%s: the SVG holds %s", name, bad)
		}
	}
}

func TestAffineNetworksHaveNoFigures(t *testing.T) {
	net := &network.Network{Layers: []network.Layer{{Map: network.NewDense(1, 2, []float64{1, 2})}}}
	set := dataset.RandomReal(10, 2, 1, 1)
	if Cuts(net, set) != nil || PhiPicture(net, set) != nil {
		t.Error("a figure without hidden units")
	}
}
