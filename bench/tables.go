package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/dataset/table"
)

// row is one line of a comparison.
type row struct {
	who     string
	outcome outcome
	quality string
}

func (b *bench) table(quality string, rows []row) {
	b.printf("\n| who | wall s | peak MB | %s |\n|---|---|---|---|\n", quality)
	for _, r := range rows {
		b.printf("| %s | %.1f | %.0f | %s |\n", r.who, r.outcome.seconds, r.outcome.peakMB, r.quality)
	}
}

type regressionPeer struct {
	TrainError float64 `json:"train_error"`
	TestR2     float64 `json:"test_r2"`
}

// regression: every row of a real table, exactly.
func (b *bench) regression() error {
	path, ok := b.file("california_housing.csv")
	if !ok {
		b.printf("\n## Exact regression\n\nskipped: %s is not there\n", path)
		return nil
	}
	set, err := table.Read(path, table.Options{Target: []string{"median_house_value"}, Missing: "drop"})
	if err != nil {
		return err
	}
	b.printf("\n## Exact regression: California housing, %d rows x %d inputs\n", set.N(), set.D())
	common := []string{path, "--target", "median_house_value", "--missing", "drop", "-o", filepath.Join(b.tmp, "c.onnx")}
	var rows []row
	for _, c := range []struct {
		who  string
		args []string
	}{
		{"hinge, float64", []string{"--tolerance", "1e-9"}},
		{"hinge, float32", []string{"--precision", "float32"}},
		{"hinge, bit for bit, float32", []string{"--for", "bits", "--precision", "float32"}},
		{"hinge, shallow slab", []string{"--construction", "slab", "--force"}},
	} {
		var r buildReport
		o, err := b.build(&r, append(c.args, common...)...)
		if err != nil {
			return err
		}
		rows = append(rows, row{c.who, o, fmt.Sprintf("%s, %d units (%.2f x the limit), any-order error %.1e of the range, certified: %v",
			r.Construction, r.Units, r.Ratio, r.Certificate.MaxError, r.Certificate.Holds)})
	}
	file := filepath.Join(b.tmp, "all.npz")
	if err := writeNPZ(file, set); err != nil {
		return err
	}
	var p regressionPeer
	if o, ok := b.peer(&p, "regression.py", "scipy-rbf", file, file); ok {
		rows = append(rows, row{"SciPy RBFInterpolator, linear, dense", o, fmt.Sprintf("error %.1e of the range on 2,000 of its rows", p.TrainError)})
		b.table("what it gives", rows)
		b.printf("\nSciPy / hinge float64: %.0f x the time, %.0f x the memory.\n", o.seconds/rows[0].outcome.seconds, o.peakMB/rows[0].outcome.peakMB)
		return nil
	}
	b.table("what it gives", rows)
	return nil
}

// generalize: exact on 80 % of a real table, judged on the rest.
func (b *bench) generalize() error {
	path, ok := b.file("california_housing.csv")
	if !ok {
		b.printf("\n## Exact and good off the data\n\nskipped: %s is not there\n", path)
		return nil
	}
	train, test := filepath.Join(b.tmp, "train.csv"), filepath.Join(b.tmp, "test.csv")
	if err := splitLines(path, train, test); err != nil {
		return err
	}
	trainSet, testSet, err := readBoth(train, test)
	if err != nil {
		return err
	}
	b.printf("\n## Exact and good off the data: California housing, %d rows to fit, %d held out\n", trainSet.N(), testSet.N())
	net := filepath.Join(b.tmp, "g.onnx")
	var r buildReport
	o, err := b.build(&r, train, "--target", "median_house_value", "--missing", "drop", "--for", "generalize", "-o", net)
	if err != nil {
		return err
	}
	r2, err := b.testR2(net, test, testSet)
	if err != nil {
		return err
	}
	rows := []row{{"hinge --for generalize", o, fmt.Sprintf("%s, %d units, certified: %v, error %.1e, test R2 %.3f", r.Construction, r.Units, r.Certificate.Holds, r.Certificate.MaxError, r2)}}
	trainFile, testFile := filepath.Join(b.tmp, "train.npz"), filepath.Join(b.tmp, "test.npz")
	if err := writeNPZ(trainFile, trainSet); err != nil {
		return err
	}
	if err := writeNPZ(testFile, testSet); err != nil {
		return err
	}
	for _, name := range []string{"scipy-rbf", "knn-5", "sklearn-mlp"} {
		var p regressionPeer
		if o, ok := b.peer(&p, "regression.py", name, trainFile, testFile); ok {
			rows = append(rows, row{name, o, fmt.Sprintf("error %.1e on rows it was fitted to, test R2 %.3f", p.TrainError, p.TestR2)})
		}
	}
	b.table("what it gives", rows)
	return nil
}

func readBoth(train, test string) (*dataset.Set, *dataset.Set, error) {
	trainSet, err := table.Read(train, table.Options{Target: []string{"median_house_value"}, Missing: "drop"})
	if err != nil {
		return nil, nil, err
	}
	testSet, err := table.ReadWith(test, trainSet.Schema, table.Options{Missing: "drop"})
	return trainSet, testSet, err
}

// testR2 predicts the held-out rows and returns the coefficient of
// determination.
func (b *bench) testR2(net, test string, set *dataset.Set) (float64, error) {
	o, err := b.process(b.hinge, "predict", net, test, "--missing", "drop", "-q")
	if err != nil {
		return 0, err
	}
	records, err := csv.NewReader(strings.NewReader(string(o.stdout))).ReadAll()
	if err != nil {
		return 0, err
	}
	records = records[1:]
	if len(records) != set.N() {
		return 0, fmt.Errorf("predict gave %d rows for %d", len(records), set.N())
	}
	mean := mat.Sum(set.Y) / float64(set.N())
	residual, total := 0.0, 0.0
	for i, record := range records {
		got, err := strconv.ParseFloat(record[len(record)-1], 64)
		if err != nil {
			return 0, err
		}
		y := set.Y.At(i, 0)
		residual += (got - y) * (got - y)
		total += (y - mean) * (y - mean)
	}
	return 1 - residual/total, nil
}

// splitLines splits a CSV file's data rows 80 : 20 by a fixed seed.
func splitLines(path, train, test string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	header, rows := lines[0], lines[1:]
	rows[len(rows)-1] += "\n"
	rand.New(rand.NewPCG(1, 0)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	cut := len(rows) * 4 / 5
	if err := os.WriteFile(train, []byte(header+strings.Join(rows[:cut], "")), 0o644); err != nil {
		return err
	}
	return os.WriteFile(test, []byte(header+strings.Join(rows[cut:], "")), 0o644)
}

// writeNPZ writes X and the first target of a set for the Python peers.
func writeNPZ(path string, set *dataset.Set) error {
	y := make([]float64, set.N())
	for i := range y {
		y[i] = set.Y.At(i, 0)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := npz.NewWriter(f)
	if err := w.Write("X", set.X); err != nil {
		return err
	}
	if err := w.Write("y", y); err != nil {
		return err
	}
	return w.Close()
}

// writeMillion writes a table of n rows of d numbers and a target in (0, 1).
func writeMillion(path string, n, d int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(1, 1))
	line := []byte{}
	for j := range d {
		line = fmt.Appendf(line, "x%d,", j+1)
	}
	line = append(line, "y\n"...)
	for range n {
		w.Write(line)
		line = line[:0]
		for range d {
			line = append(strconv.AppendFloat(line, rng.NormFloat64(), 'g', -1, 64), ',')
		}
		line = append(strconv.AppendFloat(line, rng.Float64(), 'g', -1, 64), '\n')
	}
	w.Write(line)
	return w.Flush()
}
