package main

import (
	"fmt"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/report"
)

// writer gathers the page and keeps the first error.
type writer struct {
	strings.Builder
	err error
}

// page returns the whole page.
func page() (string, error) {
	w := &writer{}
	w.text(`# An advantage of depth

This page is written by ` + "`go run ./bench/depth`" + `, and a test holds it to the byte. Every figure is computed
by that command from data that the project generates. Statements are marked **proved** (here), **literature** or
**measured** (on this page). ` + "`hinge plan --depth DATA`" + ` makes the tables of section 1 for your own data.

Words: *Phi* is the matrix of the last hidden layer's outputs on the rows; a solution is *universal* when [Phi 1] has rank n,
so that the same hidden layers serve any targets, and *specific* otherwise. Errors are bounds that a
certificate proves for any order of summation, as a fraction of the target's range; * marks those above the tolerance (1e-6 in
float64, 1e-5 in float32); for classes the columns hold the least margin. Figures are rounded to one or two digits.
`)
	for _, section := range []func(*writer){sameData, oneInput, sawtooth, counting, zigzags, narrows, packeds, manyOutputs} {
		if section(w); w.err != nil {
			return "", w.err
		}
	}
	return w.String(), nil
}

// text adds a paragraph.
func (w *writer) text(s string) {
	w.WriteString(strings.TrimSpace(s))
	w.WriteString("\n\n")
}

// table adds rows of cells, the first the head.
func (w *writer) table(rows [][]string) {
	for k, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if k == 0 {
			w.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	w.WriteString("\n")
}

// coarse writes a bound of an error or a condition, in so few digits that the
// machine does not show: one below 1, two above, rounded to the nearest.
func coarse(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.1:
		return shorten(strconv.FormatFloat(v, 'e', 0, 64))
	case v < 1:
		return strconv.FormatFloat(v, 'g', 1, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return shorten(strconv.FormatFloat(v, 'e', 1, 64))
}

// shorten takes the 0 out of e-07 and the + out of e+07.
func shorten(s string) string {
	return strings.NewReplacer("e-0", "e-", "e+0", "e", "e+", "e").Replace(s)
}

// spaced is n evenly spaced rows of one input with random targets.
func spaced(n, p int, seed uint64) *dataset.Set {
	set := dataset.RandomReal(n, 1, p, seed)
	x := mat.NewDense(n, 1, nil)
	for i := range n {
		x.Set(i, 0, float64(i)/float64(n))
	}
	even, err := dataset.New(x, set.Y)
	if err != nil {
		panic("depth: " + err.Error()) // distinct rows, finite numbers
	}
	even.Source = fmt.Sprintf("evenly spaced(n=%d, p=%d, seed=%d)", n, p, seed)
	return even
}

// problem asks for a set in a precision with its default tolerance.
func problem(set *dataset.Set, precision network.Precision) *construct.Problem {
	return &construct.Problem{Set: set, Precision: precision, Seed: 1, Tolerance: construct.DefaultTolerance(precision), Goal: construct.Fit}
}

// built builds and certifies.
func (w *writer) built(set *dataset.Set, precision network.Precision, name string) (*network.Network, *certify.Certificate) {
	if precision == network.Float32 {
		rounded, err := set.Rounded()
		if err != nil {
			w.err = err
			return nil, nil
		}
		set = rounded
	}
	p := problem(set, precision)
	net, err := construct.BuildNamed(p, name)
	if err == nil {
		var cert *certify.Certificate
		if cert, err = certify.Certify(net, set, certify.Options{Tolerance: p.Tolerance}); err == nil {
			return net, cert
		}
	}
	w.err = err
	return nil, nil
}

// compared are the constructions of the first section: shallow, then deep.
var compared = []string{
	"sorted", "sparsest", "slab", "features",
	"zigzag", "deep-slab", "deep-diagonal", "identity", "needles", "narrow", "packed",
}

func sameData(w *writer) {
	w.text(`## 1. The same data, shallow and deep`)
	for _, set := range []*dataset.Set{
		spaced(200, 1, 1), dataset.Friedman(200, 0.1, 1), dataset.RandomReal(200, 4, 1, 1), dataset.Spiral(200, 3, 0.05, 1),
	} {
		d := report.NewDepth(problem(set, network.Float64), compared...)
		w.text(fmt.Sprintf("### %s: %d rows x %d, %d outputs", d.Source, d.N, d.D, d.P))
		w.table(d.Table(coarse))
		for _, room := range d.Limits {
			fmt.Fprintf(w, "- counting, %s\n", room)
		}
		w.WriteString("\n")
	}
	w.text(`
What to see (**measured**). One hidden layer pays for few units with large terms that cancel: its conditions are those of a triangular
matrix, and float32 fails. In two layers one unit per row, or per block of rows, can be awake: Phi is an identity or block-diagonal, its
condition is 1 or small, and float32 keeps its full precision; identity returns every target bit for bit. The fewest units of all on one input are
zigzag's, about the root of the others'.`)
}

func counting(w *writer) {
	w.text(`## 4. When two layers need fewer units than one

Counting parameters, one hidden layer needs n/(d+1) - 1 units for real targets and two need 2 sqrt(n) - d + 1 (**proved**, ` + "`construct/limits.go`" + `). The
constructions reach twice and 1.41 times that: slab 2 n/(d+1), zigzag 2.83 sqrt(n). So slab is the smaller one where d + 1 > 0.71 sqrt(n), and the plan says on which
side a table lies. Rows and targets at random (evenly spaced for d = 1); units and bounds of the error are the plan's (**measured**).`)
	rows := [][]string{{"n", "d", "0.71 sqrt(n)", "slab", "expected error", "zigzag", "expected error", "least, one layer", "least, two layers"}}
	const n = 1000
	for _, d := range []int{1, 4, 10, 20, 25, 40} {
		p := problem(dataset.RandomReal(n, d, 1, 1), network.Float64)
		if d == 1 {
			p.Set = spaced(n, 1, 1)
		}
		units, errs := map[string]string{}, map[string]string{}
		for _, name := range []string{"slab", "zigzag"} {
			c, err := construct.Lookup(name)
			if err != nil {
				w.err = err
				return
			}
			size, err := c.Plan(p)
			if units[name], errs[name] = fmt.Sprint(size.Units), coarse(size.Error); err != nil {
				units[name], errs[name] = "refused", "-"
			}
		}
		rows = append(rows, []string{
			fmt.Sprint(n), fmt.Sprint(d), "22.5", units["slab"], errs["slab"], units["zigzag"], errs["zigzag"],
			fmt.Sprint(construct.LimitFor(p.Set, network.Float64, 1).Units), fmt.Sprint(construct.LimitFor(p.Set, network.Float64, 2).Units),
		})
	}
	w.table(rows)
}

func zigzags(w *writer) {
	w.text(`## 5. Zigzag: n real numbers in 2.83 sqrt(n) units

Evenly spaced rows, random targets. The error that a certificate proves for any order of summation grows like eps n^2.5, and the error of one evaluation stays far
below it (**measured**). Mirrored groups keep the bends of the first layer at a few times the steepest chord; walked the plain way, each has to take a unit through its
whole height within one gap.`)
	rows := [][]string{{"n", "units", "2.83 sqrt(n)", "least, two layers", "parameters", "certified", "one evaluation"}}
	for _, n := range []int{64, 256, 1024, 4096} {
		set := spaced(n, 1, 2)
		net, cert := w.built(set, network.Float64, "zigzag")
		if w.err != nil {
			return
		}
		rows = append(rows, []string{
			fmt.Sprint(n), fmt.Sprint(net.Units()), fmt.Sprintf("%.1f", 2.828*sqrt(n)), fmt.Sprint(construct.LimitFor(set, network.Float64, 2).Units),
			fmt.Sprint(net.Parameters()), coarse(cert.MaxError), coarse(worst(net, set)),
		})
	}
	w.table(rows)
}

func narrows(w *writer) {
	w.text(`## 6. Narrow: a layer per row, and no error that grows

Three units wide (**literature** for the width, Park et al. 2021). That depth multiplies errors is true of networks that pass rounded numbers on. This one
passes zeros and ones (**proved**, ` + "`construct/narrow.go`" + `), and its certificate does not depend on the depth (**measured**).`)
	rows := [][]string{{"n", "hidden layers", "widest", "units", "parameters", "certified in float64", "certified in float32"}}
	for _, n := range []int{10, 100, 1000} {
		set := spaced(n, 1, 3)
		net, cert := w.built(set, network.Float64, "narrow")
		_, cert32 := w.built(set, network.Float32, "narrow")
		if w.err != nil {
			return
		}
		widest := 0
		for _, l := range net.HiddenLayers() {
			widest = max(widest, net.Layers[l].Width())
		}
		rows = append(rows, []string{
			fmt.Sprint(n), fmt.Sprint(len(net.HiddenLayers())), fmt.Sprint(widest), fmt.Sprint(net.Units()), fmt.Sprint(net.Parameters()),
			coarse(cert.MaxError), coarse(cert32.MaxError),
		})
	}
	w.table(rows)
}

func packeds(w *writer) {
	w.text(`## 7. Packed: fewer numbers than rows

Integer labels of b bits at n rows take n b bits, and any network that stores them takes so many (**literature**, counting): in float64 at least n b/64 numbers. Omega(sqrt n)
numbers are needed at any depth whatever their precision (**literature**, Vardi, Yehudai, Shamir 2022, who reach that up to logarithms). Packed writes the labels of many rows
into one weight and takes it apart bit by bit, without a rounding (**proved**, ` + "`construct/packed.go`" + `). Labels of one bit at random; the certificate proves that every label comes back exactly.`)
	rows := [][]string{{"rows", "places", "bits of a weight", "hidden layers", "parameters", "parameters per row", "least, by bits"}}
	for _, n := range []int{500, 2000, 8000, 32000} {
		for _, even := range []bool{true, false} {
			if !even && n != 2000 && n != 32000 {
				continue
			}
			set, err := oneBit(n, even)
			if err != nil {
				w.err = err
				return
			}
			p := problem(set, network.Float64)
			net, err := construct.BuildNamed(p, "packed")
			if err == nil && n <= 2000 {
				err = provenExact(net, set)
			}
			if err != nil {
				w.err = err
				return
			}
			places := "evenly spaced"
			if !even {
				places = "at random"
			}
			rows = append(rows, []string{
				fmt.Sprint(n), places, fmt.Sprint((len(net.HiddenLayers()) - 5) / 2), fmt.Sprint(len(net.HiddenLayers())), fmt.Sprint(net.Parameters()),
				fmt.Sprintf("%.2f", float64(net.Parameters())/float64(n)), fmt.Sprint((n + 63) / 64),
			})
		}
	}
	w.table(rows)
	w.text(`Between 500 and 8000 rows the numbers grow like sqrt(n), and so do their bits; from then on a float64 weight is full. Places at random part only in narrow cells,
so that a word holds few rows: about one number per row remains.`)
}

func manyOutputs(w *writer) {
	w.text(`## 8. Many outputs

A universal hidden layer serves any number of outputs at no further unit (**proved**: one matrix, more right-hand sides). A specific one pays for each. Units for p outputs on the
same 300 rows of three inputs (planned, **measured**):`)
	entries := construct.Plan(&construct.Problem{Set: dataset.RandomReal(300, 3, 1, 1), Seed: 1, Tolerance: 1e-4})
	rows := [][]string{{"construction", "p = 1", "p = 3", "p = 10", "p = 50", "the next output costs"}}
	for _, e := range entries {
		if e.Outputs == nil || !e.Fits {
			continue
		}
		row := []string{e.Name}
		for _, at := range e.Outputs.At {
			row = append(row, fmt.Sprint(at.Units))
		}
		rows = append(rows, append(row, fmt.Sprintf("%d units", e.Outputs.PerOutput)))
	}
	w.table(rows)
	w.WriteString("Fewest units:\n\n")
	for _, c := range construct.Crossovers(entries) {
		fmt.Fprintf(w, "- %s\n", c)
	}
}
