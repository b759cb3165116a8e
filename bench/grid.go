package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/onnx"
)

const (
	cubeSide    = 33
	manyColours = 2_000_000
	fewColours  = 500 // layer by layer, which touches every vertex for each
)

// grid: a colour table as a network, layer by layer and box by box.
func (b *bench) grid() error {
	b.printf("\n## A colour table of %d x %d x %d, float32\n", cubeSide, cubeSide, cubeSide)
	table, file := filepath.Join(b.tmp, "look.cube"), filepath.Join(b.tmp, "look.onnx")
	if err := writeLook(table); err != nil {
		return err
	}
	var r gridReport
	o, err := b.build(&r, table, "--construction", "grid", "--precision", "float32", "-o", file)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	net, err := onnx.ReadFile(file)
	if err != nil {
		return err
	}
	b.printf("\n%d vertices, %d units, %d parameters, file %.1f MB; built and certified in %.1f s: holds %v, error %v at the vertices.\n",
		r.N, r.Units, r.Parameters, float64(info.Size())/1e6, o.seconds, r.Certificate.Holds, r.Certificate.MaxError)
	b.printf("\n| evaluation | colours a second | largest difference |\n|---|---|---|\n")
	colours := randomColours(manyColours)
	start := time.Now()
	quick, ok := net.EvalLocal(colours)
	if !ok {
		return fmt.Errorf("%s is on no grid", file)
	}
	b.rate("hinge, box by box", manyColours, time.Since(start), "")
	few := colours.Slice(0, fewColours, 0, 3).(*mat.Dense)
	start = time.Now()
	plain := net.Eval(few)
	b.rate("hinge, layer by layer", fewColours, time.Since(start), fmt.Sprintf("%v to box by box", largestDifference(plain, quick)))
	return nil
}

// gridReport is what the section takes from hinge build --json.
type gridReport struct {
	N, Units, Parameters int
	Certificate          struct {
		Holds    bool
		MaxError float64 `json:"max_error"`
	}
	Seconds struct{ Build, Certify float64 }
}

func (b *bench) rate(who string, colours int, took time.Duration, difference string) {
	b.printf("| %s | %.2g | %s |\n", who, float64(colours)/took.Seconds(), difference)
}

func largestDifference(a, b *mat.Dense) float64 {
	worst := 0.0
	for i := range a.RawMatrix().Rows {
		for j, v := range a.RawRowView(i) {
			worst = max(worst, math.Abs(v-b.At(i, j)))
		}
	}
	return worst
}

// writeLook writes a colour table that turns and bends the colours a little.
func writeLook(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "TITLE \"bench\"\nLUT_3D_SIZE %d\n", cubeSide)
	for v := range cubeSide * cubeSide * cubeSide {
		red, green, blue := float64(v%cubeSide)/(cubeSide-1), float64(v/cubeSide%cubeSide)/(cubeSide-1), float64(v/cubeSide/cubeSide)/(cubeSide-1)
		fmt.Fprintf(w, "%.6f %.6f %.6f\n", 0.9*math.Pow(red, 0.8)+0.1*green*blue, 0.05+0.9*green*green-0.05*red*math.Sin(6*blue), 0.1+0.8*math.Sqrt(blue)+0.1*red*green)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func randomColours(n int) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 1))
	x := mat.NewDense(n, 3, nil)
	for i := range n {
		for j := range 3 {
			x.Set(i, j, float64(rng.Float32()))
		}
	}
	return x
}

const (
	scatteredPoints  = 100_000
	scatteredQueries = 20_000
)

// franke is Franke's test function (Franke 1979), on the unit square.
func franke(x, y float64) float64 {
	square := func(v float64) float64 { return v * v }
	return 0.75*math.Exp(-(square(9*x-2)+square(9*y-2))/4) + 0.75*math.Exp(-square(9*x+1)/49-(9*y+1)/10) +
		0.5*math.Exp(-(square(9*x-7)+square(9*y-3))/4) - 0.2*math.Exp(-square(9*x-4)-square(9*y-7))
}

// scatter: Franke's function on scattered points, beside SciPy.
func (b *bench) scatter() error {
	b.printf("\n## Scattered points: Franke's function on %d points, %d queries\n", scatteredPoints, scatteredQueries)
	points, queries := filepath.Join(b.tmp, "points.csv"), filepath.Join(b.tmp, "queries.csv")
	rng := rand.New(rand.NewPCG(2, 2))
	if _, err := writeFranke(points, scatteredPoints, 1, rng); err != nil {
		return err
	}
	truth, err := writeFranke(queries, scatteredQueries, 1.1, rng)
	if err != nil {
		return err
	}
	file, out := filepath.Join(b.tmp, "franke.onnx"), filepath.Join(b.tmp, "scipy.txt")
	var r gridReport
	built, err := b.build(&r, points, "--header", "no", "--construction", "delaunay", "-o", file)
	if err != nil {
		return err
	}
	x := mat.NewDense(len(truth), 2, nil)
	for i, q := range truth {
		x.SetRow(i, q[:2])
	}
	net, err := onnx.ReadFile(file)
	if err != nil {
		return err
	}
	start := time.Now()
	values, ok := net.EvalLocal(x)
	if !ok {
		return fmt.Errorf("%s has no local units", file)
	}
	took := time.Since(start).Seconds()
	var peer struct {
		RMSE       float64
		Missing    int
		Fit, Query float64
	}
	scipy, ok := b.peer(&peer, "scatter.py", points, queries, out)
	if !ok {
		return nil
	}
	rmse, difference, missing, err := compareFranke(values, truth, out)
	if err != nil {
		return err
	}
	b.printf("\nhinge: %d units, %d parameters; certificate holds %v, error %.1e of the range at the points. Largest difference to SciPy inside the hull: %.1e.\n",
		r.Units, r.Parameters, r.Certificate.Holds, r.Certificate.MaxError, difference)
	b.table("RMSE inside the hull; queries without a value; seconds", []row{
		{"hinge, delaunay", built, fmt.Sprintf("%.4g; %d; build %.1f, certify %.1f, queries %.1f", rmse, missing, r.Seconds.Build, r.Seconds.Certify, took)},
		{"SciPy LinearNDInterpolator", scipy, fmt.Sprintf("%.4g; %d; build %.1f, no certificate, queries %.2f", peer.RMSE, peer.Missing, peer.Fit, peer.Query)},
	})
	return nil
}

// writeFranke writes rows x, y, value with x and y in a square of the given
// width around the middle of the unit square.
func writeFranke(path string, n int, width float64, rng *rand.Rand) ([][3]float64, error) {
	rows := make([][3]float64, n)
	var text strings.Builder
	for i := range rows {
		x, y := 0.5+width*(rng.Float64()-0.5), 0.5+width*(rng.Float64()-0.5)
		rows[i] = [3]float64{x, y, franke(x, y)}
		fmt.Fprintf(&text, "%v,%v,%v\n", x, y, rows[i][2])
	}
	return rows, os.WriteFile(path, []byte(text.String()), 0o600)
}

// compareFranke compares hinge's values with the truth and with SciPy's, where
// SciPy has one, and counts those that are no numbers.
func compareFranke(values *mat.Dense, truth [][3]float64, file string) (rmse, difference float64, missing int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, 0, err
	}
	count := 0.0
	for i, line := range strings.Fields(string(text)) {
		scipy, err := strconv.ParseFloat(line, 64)
		if err != nil {
			return 0, 0, 0, err
		}
		v := values.At(i, 0)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			missing++
		}
		if math.IsNaN(scipy) {
			continue
		}
		count++
		rmse += (v - truth[i][2]) * (v - truth[i][2])
		difference = max(difference, math.Abs(v-scipy))
	}
	return math.Sqrt(rmse / count), difference, missing, nil
}
