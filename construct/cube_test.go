package construct_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/ort"
	"hinge/network"
	"hinge/onnx"
)

// colourTable is a smooth table of 33 x 33 x 33 colours, in float32.
func colourTable(t testing.TB) (gridTable, *network.Network) {
	t.Helper()
	const side = 33
	g := gridTable{y: mat.NewDense(side*side*side, 3, nil)}
	places := make([]float64, side)
	for k := range places {
		places[k] = float64(float32(float64(k) / (side - 1)))
	}
	g.place = [][]float64{places, places, places}
	x := mat.NewDense(side*side*side, 3, nil)
	for v := range side * side * side {
		r, gr, b := places[v/side/side], places[v/side%side], places[v%side]
		x.SetRow(v, []float64{r, gr, b})
		for o, c := range []float64{0.9*math.Pow(r, 0.8) + 0.1*gr*b, gr * gr, 0.1 + 0.8*math.Sqrt(b) + 0.1*math.Sin(5*r)} {
			g.y.Set(v, o, float64(float32(c)))
		}
	}
	set, err := dataset.New(x, g.y)
	if err != nil {
		t.Fatal(err)
	}
	g.set = set
	net, err := construct.BuildNamed(&construct.Problem{Set: set, Precision: network.Float32}, "grid")
	if err != nil {
		t.Fatal(err)
	}
	return g, net
}

// TestColourTable holds a colour table to all that is promised of it.
func TestColourTable(t *testing.T) {
	g, net := colourTable(t)
	model, err := onnx.Encode(net, onnx.Options{})
	if err != nil || len(model) > 8_000_000 {
		t.Errorf("a file of %d bytes (%v)", len(model), err)
	}
	back, err := onnx.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := network.FindGrid(back); !ok {
		t.Error("the grid is not found in the file")
	}
	if out, ok := back.EvalLocal(g.set.X); !ok || !mat.Equal(out, g.set.Y) {
		t.Error("vertices do not come back bit for bit")
	}
	x := g.around(20000, network.Float32)
	out, _ := back.EvalLocal(x)
	worst := 0.0
	for i := range 20000 {
		for o, want := range g.interpolate(x.RawRowView(i)) {
			worst = max(worst, math.Abs(out.At(i, o)-want))
		}
	}
	if worst > 1e-6 {
		t.Errorf("%.2g from tetrahedral interpolation", worst)
	}
	few := x.Slice(0, 60, 0, 3).(*mat.Dense)
	if !mat.Equal(net.Eval(few), out.Slice(0, 60, 0, 3)) {
		t.Error("box by box other numbers than layer by layer")
	}
	if _, err := ort.Find(); err == nil || ort.Required() {
		got := ort.Run(t, model, few, network.Float32)
		for i := range 60 {
			for o := range 3 {
				if d := math.Abs(got.At(i, o) - out.At(i, o)); d > 1e-6 {
					t.Fatalf("%.2g from ONNX Runtime", d)
				}
			}
		}
	}
	t.Logf("%d bytes, %.2g from tetrahedral interpolation", len(model), worst)
}

// TestColourTableIsCertified proves all 35,937 colours, bit for bit.
func TestColourTableIsCertified(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	g, net := colourTable(t)
	cert, err := certify.Certify(net, g.set, certify.Options{})
	if err != nil || !cert.Holds || cert.MaxError != 0 {
		t.Errorf("%v, holds %v, error %v", err, cert.Holds, cert.MaxError)
	}
}

func BenchmarkColours(b *testing.B) {
	g, net := colourTable(b)
	x := g.around(1<<20, network.Float32)
	b.Run("by boxes", func(b *testing.B) {
		for b.Loop() {
			net.EvalLocal(x)
		}
		b.ReportMetric(float64(b.N)*(1<<20)/b.Elapsed().Seconds(), "colours/s")
	})
	b.Run("by layers", func(b *testing.B) {
		few := x.Slice(0, 256, 0, 3)
		for b.Loop() {
			net.Eval(few)
		}
		b.ReportMetric(float64(b.N)*256/b.Elapsed().Seconds(), "colours/s")
	})
	b.Run("ONNX Runtime", func(b *testing.B) {
		if _, err := ort.Find(); err != nil {
			b.Skip(err)
		}
		model, err := onnx.Encode(net, onnx.Options{})
		if err != nil {
			b.Fatal(err)
		}
		few := x.Slice(0, 256, 0, 3).(*mat.Dense)
		for b.Loop() {
			ort.Run(b, model, few, network.Float32)
		}
		b.ReportMetric(float64(b.N)*256/b.Elapsed().Seconds(), "colours/s")
	})
}
