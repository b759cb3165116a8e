package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/internal/blas"
)

// cover: MNIST's ones against its eights, as in the paper of the construction, and
// all ten classes.
func (b *bench) cover() error {
	train, ok := b.file("mnist/train-images-idx3-ubyte.gz")
	if !ok {
		b.printf("\n## MNIST 1 against 8: covers and trees\n\nskipped: %s is not there\n", train)
		return nil
	}
	labels, _ := b.file("mnist/train-labels-idx1-ubyte.gz")
	test, _ := b.file("mnist/t10k-images-idx3-ubyte.gz")
	testLabels, _ := b.file("mnist/t10k-labels-idx1-ubyte.gz")
	b.printf("\n## MNIST 1 against 8: covers and trees\n\n")
	b.printf("The code of Dirksen, Finke and Genzel, with 500 hyperplanes: 673 units (published median), and errors left in the ReLU form.\n")
	if err := b.twoDigits(train+","+labels, test+","+testLabels); err != nil {
		return err
	}
	b.printf("\n## MNIST, ten classes: covers and trees\n\nTheir published smallest network of all ten classes has 12,291 units.\n")
	var rows []row
	for _, name := range []string{"cover", "tree"} {
		r, err := b.digitsBy(name, train+","+labels, test+","+testLabels)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	b.table("what it gives", rows)
	return nil
}

func (b *bench) digitsBy(name, train, test string, more ...string) (row, error) {
	net := filepath.Join(b.tmp, name+".onnx")
	var r buildReport
	o, err := b.build(&r, append([]string{train, "--construction", name, "-o", net}, more...)...)
	if err != nil {
		return row{}, err
	}
	accuracy, err := b.accuracy(net, test, more...)
	if err != nil {
		return row{}, err
	}
	return row{"hinge --construction " + name, o, fmt.Sprintf("%d units, %d parameters, certified: %d of %d by a margin of %.2g, test accuracy %.4f",
		r.Units, r.Parameters, r.Certificate.Hit, r.Certificate.Rows, r.Certificate.MinMargin, accuracy)}, nil
}

// twoDigits writes the table of 1 against 8. The command chooses how many
// hyperplanes to draw; given numbers of them are measured within this process.
func (b *bench) twoDigits(train, test string) error {
	var rows []row
	for _, name := range []string{"cover", "tree"} {
		r, err := b.digitsBy(name, train, test, "--classes", "1,8")
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	b.table("what it gives", rows)
	if _, err := blas.Use(); err != nil {
		return err
	}
	set, err := table.Read(train, table.Options{Classes: []string{"1", "8"}})
	if err != nil {
		return err
	}
	unseen, err := table.ReadWith(test, set.Schema, table.Options{Classes: []string{"1", "8"}})
	if err != nil {
		return err
	}
	b.printf("\n| hyperplanes | build s | certify s | units | margin | rows wrong | test accuracy |\n|---|---|---|---|---|---|---|\n")
	for _, opts := range []construct.CoverOptions{{Hyperplanes: 100}, {Hyperplanes: 500}, {Hyperplanes: 500, Gaussian: true}} {
		if err := b.coverWith(set, unseen, opts); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) coverWith(set, test *dataset.Set, opts construct.CoverOptions) error {
	start := time.Now()
	net, err := construct.Cover(&construct.Problem{Set: set}, opts)
	if err != nil {
		return err
	}
	built := time.Since(start).Seconds()
	start = time.Now()
	cert, err := certify.Certify(net, set, certify.Options{})
	if err != nil {
		return err
	}
	how := "between rows"
	if opts.Gaussian {
		how = "as in the paper"
	}
	b.printf("| %d, %s | %.1f | %.1f | %d | %.3g | %d | %.4f |\n", opts.Hyperplanes, how, built, time.Since(start).Seconds(), net.Units(),
		cert.MinMargin, cert.Rows-cert.Hit, share(net.Eval(test.X).RawMatrix().Data, test))
	return nil
}

// share returns the part of rows whose class has the greatest output.
func share(out []float64, set *dataset.Set) float64 {
	p, hit := set.P(), 0
	for i, class := range set.Class {
		best := 0
		for c, v := range out[i*p : (i+1)*p] {
			if v > out[i*p+best] {
				best = c
			}
		}
		if best == class {
			hit++
		}
	}
	return float64(hit) / float64(set.N())
}

type forestPeer struct {
	Leaves int
	Fit    float64 `json:"fit_seconds"`
}

// forest: random forests of 100 full trees, compiled.
func (b *bench) forest() error {
	housing, ok := b.file("california_housing.csv")
	if !ok {
		b.printf("\n## Forests\n\nskipped: %s is not there\n", housing)
		return nil
	}
	b.printf("\n## Forests of scikit-learn, compiled\n\nCalifornia housing, 8 features; 100 trees grown to the end. Checked against the predictions that scikit-learn wrote.\n")
	var rows []row
	for _, kind := range []string{"regressor", "classifier"} {
		trees, data := filepath.Join(b.tmp, kind+".json"), filepath.Join(b.tmp, kind+".csv")
		var p forestPeer
		o, ok := b.peer(&p, "forest.py", kind, housing, trees, data)
		if !ok {
			return nil
		}
		rows = append(rows, row{"scikit-learn " + kind, o, fmt.Sprintf("%d leaves, grown in %.1f s", p.Leaves, p.Fit)})
		for _, precision := range []string{"float64", "float32"} {
			r, err := b.compiled(trees, data, precision)
			if err != nil {
				return err
			}
			rows = append(rows, r)
		}
	}
	b.table("what it gives", rows)
	return nil
}

func (b *bench) compiled(trees, data, precision string) (row, error) {
	net := filepath.Join(b.tmp, "forest.onnx")
	var r buildReport
	o, err := b.build(&r, data, "--from-forest", trees, "--precision", precision, "-o", net)
	if err != nil {
		return row{}, err
	}
	agree, err := b.accuracy(net, data)
	if err != nil {
		return row{}, err
	}
	size := 0.0
	if info, err := os.Stat(net); err == nil {
		size = float64(info.Size()) / 1e6
	}
	proof := fmt.Sprintf("error at most %.2g of the range", r.Certificate.MaxError)
	if r.Certificate.MinMargin > 0 {
		proof = fmt.Sprintf("margin %.2g", r.Certificate.MinMargin)
	}
	return row{"hinge, " + precision, o, fmt.Sprintf("%d units, %d parameters, %.0f MB; built in %.1f s, certified in %.1f s: %d of %d rows, %s; %.4f of the rows as scikit-learn says",
		r.Units, r.Parameters, size, r.Seconds.Build, r.Seconds.Certify, r.Certificate.Hit, r.Certificate.Rows, proof, agree)}, nil
}
