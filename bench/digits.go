package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type digitsPeer struct {
	Units        int
	Errors       int
	TestAccuracy float64 `json:"test_accuracy"`
}

// digits: all 60,000 labels of MNIST.
func (b *bench) digits() error {
	train, ok := b.file("mnist/train-images-idx3-ubyte.gz")
	if !ok {
		b.printf("\n## MNIST\n\nskipped: %s is not there\n", train)
		return nil
	}
	labels, _ := b.file("mnist/train-labels-idx1-ubyte.gz")
	test, _ := b.file("mnist/t10k-images-idx3-ubyte.gz")
	testLabels, _ := b.file("mnist/t10k-labels-idx1-ubyte.gz")
	b.printf("\n## MNIST: 60,000 labels, none wrong\n")
	var rows []row
	for _, goal := range []string{"size", "generalize"} {
		net := filepath.Join(b.tmp, goal+".onnx")
		var r buildReport
		o, err := b.build(&r, train+","+labels, "--for", goal, "-o", net)
		if err != nil {
			return err
		}
		accuracy, err := b.accuracy(net, test+","+testLabels)
		if err != nil {
			return err
		}
		rows = append(rows, row{"hinge --for " + goal, o, fmt.Sprintf("%s, %d units, %d parameters, certified: %d of %d, test accuracy %.4f",
			r.Construction, r.Units, r.Parameters, r.Certificate.Hit, r.Certificate.Rows, accuracy)})
	}
	for _, name := range []string{"pytorch-adam", "sklearn-adam"} {
		var p digitsPeer
		if o, ok := b.peer(&p, "digits.py", name, train, labels, test, testLabels); ok {
			rows = append(rows, row{name, o, fmt.Sprintf("%d units, %d errors left, test accuracy %.4f", p.Units, p.Errors, p.TestAccuracy)})
		}
	}
	b.table("what it gives", rows)
	return nil
}

// accuracy checks a network on rows it was not built from.
func (b *bench) accuracy(net, data string, more ...string) (float64, error) {
	o, err := b.process(b.hinge, append([]string{"check", "--json", "-q", net, data}, more...)...)
	if err != nil && o.code != 1 {
		return 0, err
	}
	var r struct{ Rows, Hit int }
	if err := json.Unmarshal(o.stdout, &r); err != nil {
		return 0, err
	}
	return float64(r.Hit) / float64(r.Rows), nil
}

// bits: a million rows come back bit for bit.
func (b *bench) bits() error {
	const n, d = 1_000_000, 20
	file := filepath.Join(b.tmp, "million.csv")
	if err := writeMillion(file, n, d); err != nil {
		return err
	}
	var r buildReport
	o, err := b.build(&r, file, "--for", "bits", "-o", filepath.Join(b.tmp, "million.onnx"))
	if err != nil {
		return err
	}
	s := r.Seconds
	numbers := float64(n*(d+1)*8) / (1 << 20)
	b.printf("\n## Bit for bit: %d generated rows x %d columns, float64\n", n, d)
	b.table("what it gives", []row{{"hinge --for bits", o, fmt.Sprintf("%s, %d units, error %v, certified: %v", r.Construction, r.Units, r.Certificate.MaxError, r.Certificate.Holds)}})
	b.printf("\nread %.1f s, build %.1f s, certify %.1f s, write %.1f s: building and certifying take %.1f x the reading; peak memory is %.1f x the numbers' own %.0f MB.\n",
		s.Read, s.Build, s.Certify, s.Write, (s.Build+s.Certify)/s.Read, o.peakMB/numbers, numbers)
	return nil
}

// ratio is two Go benchmarks of one package whose quotient says how far a part
// is from what it cannot do without.
type ratio struct{ pkg, part, floor, words string }

var ratios = []ratio{
	{"./certify", "Forward", "BareProducts", "forward pass of a dense network / the same products in the engine alone"},
	{"./certify", "Balls", "BareProducts", "certificate of a dense network / one product per layer in the engine alone, float64"},
	{"./certify", "Balls", "BareBalls", "certificate of a dense network / its two products per layer in the engine alone, float64 and float32"},
	{"./construct", "Sorted/inputs=1", "SortProjections/inputs=1", "build of `sorted`, 10^6 rows of one input / sorting them"},
	{"./construct", "Identity/inputs=1", "SortProjections/inputs=1", "build of `identity`, 10^6 rows of one input / sorting them"},
	{"./construct", "Sorted/inputs=20", "SortProjections/inputs=20", "build of `sorted`, 10^6 x 20 / projecting and sorting the rows"},
	{"./construct", "Identity/inputs=20", "SortProjections/inputs=20", "build of `identity`, 10^6 x 20 / projecting and sorting the rows"},
}

// ratioRuns is how many times the two benchmarks of a ratio run, in turns.
const ratioRuns = 5

// parts: Go benchmarks beside the work they cannot avoid.
func (b *bench) parts() error {
	b.printf("\n## The parts\n\nTimes of two benchmarks run in turns, %d times; the quotients' median, least and largest.\n\n| part / floor | median | least | largest |\n|---|---|---|---|\n", ratioRuns)
	for _, r := range ratios {
		quotients, err := b.quotients(r)
		if err != nil {
			return err
		}
		b.printf("| %s | %.2f | %.2f | %.2f |\n", r.words, median(quotients), slices.Min(quotients), slices.Max(quotients))
	}
	return nil
}

func (b *bench) quotients(r ratio) ([]float64, error) {
	binary := filepath.Join(b.tmp, filepath.Base(r.pkg)+".test")
	if text, err := exec.Command("go", "test", "-c", "-o", binary, r.pkg).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c: %w\n%s", err, text)
	}
	var quotients []float64
	for range ratioRuns {
		floor, err := benchmark(binary, r.floor)
		if err != nil {
			return nil, err
		}
		part, err := benchmark(binary, r.part)
		if err != nil {
			return nil, err
		}
		quotients = append(quotients, part/floor)
	}
	return quotients, nil
}

var benchLine = regexp.MustCompile(`(?m)^Benchmark\S*\s+\d+\s+([0-9.]+) ns/op`)

// benchmark returns the nanoseconds of one Go benchmark, the better of two runs:
// the first one warms up.
func benchmark(binary, name string) (float64, error) {
	pattern := "^Benchmark" + strings.ReplaceAll(name, "/", "$/^") + "$"
	text, err := exec.Command(binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", "2x", "-test.count", "2").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, text)
	}
	best := math.Inf(1)
	for _, m := range benchLine.FindAllSubmatch(text, -1) {
		t, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, err
		}
		best = min(best, t)
	}
	if math.IsInf(best, 1) {
		return 0, fmt.Errorf("no benchmark %s:\n%s", name, text)
	}
	return best, nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
