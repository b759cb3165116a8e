// Command training writes docs/training.md: what training is like seen through
// the interpolation matrix. Every figure of that page comes from here.
//
// It uses generated data and the engine written in Go only, so that the page is the
// same on every amd64 machine, to the digits that are printed; a test writes it
// anew and compares.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"hinge/dataset"
	"hinge/network"
	"hinge/train"
)

func main() {
	out := flag.String("o", "docs/training.md", "file to write")
	flag.Parse()
	text, err := page()
	if err == nil {
		err = os.WriteFile(*out, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "training:", err)
		os.Exit(1)
	}
}

// page writes the whole page.
func page() ([]byte, error) {
	var w bytes.Buffer
	w.WriteString(opening)
	for _, section := range []func(w *bytes.Buffer) error{initialisations, whileTraining, outputLayer, doubleDescent} {
		if err := section(&w); err != nil {
			return nil, err
		}
	}
	w.WriteString(closing)
	return w.Bytes(), nil
}

const opening = `# Training, seen through the interpolation matrix

Written by ` + "`go run ./bench/training`" + `; a test of that command compares. Data are generated, seeds are fixed, products are computed by the engine written in Go.
Statements are marked **[P]** proved here, **[L]** stated in the literature, **[N]** measured here. Medians are over the seeds that each table names.

Φ is what the units of the last hidden layer put out on the n rows: n rows by m units. The network hits its targets Y exactly iff [Φ 1][A; c] = Y, A and c being
the output layer. Training moves Φ; the output layer is a linear system. ` + "`hinge train --trace`" + ` shows all that follows for data of your own.
`

const closing = `
## What follows for practice

- Do not train the output layer to its end: one solve does at once the best that training it alone could ever do. **[P]** What epochs are for is Φ.
- Full rank [Φ 1] = n is had by width, not by training. With few inputs do not start with zero biases. **[N]**
- Never stop at m = n: go well above it, or stay well below it, or add a ridge term. **[N]**
`

// rows of the experiments: the function of Friedman, ten inputs of which five matter.
const rows = 200

// median of some numbers.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// figure writes a number with two significant digits, powers of ten beyond a
// thousand and below a hundredth.
func figure(v float64) string {
	a := math.Abs(v)
	if a == 0 || a >= 0.01 && a < 1000 {
		s := strconv.FormatFloat(v, 'g', 2, 64)
		if strings.Contains(s, "e") {
			s = strconv.FormatFloat(v, 'f', 0, 64)
		}
		return s
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}

// table writes a Markdown table.
func table(w *bytes.Buffer, head []string, lines [][]string) {
	fmt.Fprintf(w, "\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, line := range lines {
		fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | "))
	}
}

// looks runs a training and returns the trace, on every row, after the epochs
// asked for, which ascend from 0.
func looks(set *dataset.Set, o train.Options, at []int) (map[int]*train.Trace, error) {
	set, err := set.Rounded()
	if err != nil {
		return nil, err
	}
	traces := map[int]*train.Trace{}
	if traces[0], err = fresh(set, o); err != nil {
		return nil, err
	}
	o.Epochs = at[len(at)-1] + 1 // Stop is not asked after the last
	var failed error
	o.Stop = func(e *train.Epoch, net *network.Network) bool {
		if slices.Contains(at, e.Epoch) {
			traces[e.Epoch], failed = train.Look(net, set)
		}
		return failed != nil || e.Epoch == at[len(at)-1]
	}
	if _, err := train.Run(context.Background(), set, o); err != nil {
		return nil, err
	}
	return traces, failed
}

// fresh returns the trace of a network before training.
func fresh(set *dataset.Set, o train.Options) (*train.Trace, error) {
	// A rate this small moves no weight.
	o.Epochs, o.Batch, o.Rate = 1, set.N(), 1e-30
	r, err := train.Run(context.Background(), set, o)
	if err != nil {
		return nil, err
	}
	return train.Look(r.Network, set)
}
