package construct

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// The choice by rows held out.
//
// Many constructions are exact on every given row of any number of classes, with
// a margin: patch, tree, cover, slab-classes, deep-blocks. In two or three inputs
// targets are exact on a smooth base with needles, and on a triangulation. They
// differ in size and in what they answer off the rows. For size, plans are
// compared. For answers off the rows there is no plan: they are measured. Each
// candidate is built on four fifths of a sample of the rows, drawn by the seed, and
// answers the last fifth; the best one is then built on all rows. (Hold-out, as in
// any textbook; the sample is small, so differences of a percent mean little, and
// where two are equal the one listed first is taken.)
//
// The contest is bounded by work and never by the clock, so that the same seed
// gives the same network on any machine under any load: the sample has at most
// contestNumbers numbers, and a candidate whose work grows faster than them (see
// contestWork) is measured only where that is little.

const (
	// contestNumbers bounds rows times inputs of the sample: seconds of work.
	contestNumbers = 2.5e6
	contestRows    = 4000
	// contestLeast is the number of rows below which nothing is measured: a fifth
	// of them would say nothing.
	contestLeast = 60
	// contestShare is the part of the sample that candidates are built on.
	contestShare = 0.8
	// contestFlops bounds the work of a candidate whose work is estimated: about
	// three seconds.
	contestFlops = 2.5e9
	// contestClear is what a candidate's squared error must be, as a part of that of
	// one listed before it, to be the better one. The candidates of regression differ
	// a hundredfold in size.
	contestClear = 0.9
)

// contestWork estimates the multiplications of building a candidate on n rows of
// d inputs and k classes, where they are more than a number of passes over the rows.
var contestWork = map[string]func(n, d, k float64) float64{
	// The LQ factorization of n rows and the 4n + k units that hold them.
	"features": func(n, d, k float64) float64 { return n * n * (2*n + d + k) },
	// Trials with twice as many hyperplanes each time, up to n, on all rows and on half of them.
	"cover": func(n, _, _ float64) float64 { return 4 * coverPool * n * n },
}

// piecewiseRows is the most rows for which a triangulation competes, by the
// number of inputs that vary: beyond, its file is above some 100 MB.
var piecewiseRows = map[int]int{1: 1 << 20, 2: 20000, 3: 4000}

// A Trial is what one candidate did in the contest of [ChooseMeasured].
type Trial struct {
	Name     string  `json:"name"`
	Built    int     `json:"built"`              // rows it was built on
	Rows     int     `json:"rows"`               // rows held out
	Hit      int     `json:"hit,omitempty"`      // of them, answered right; of classes
	Accuracy float64 `json:"accuracy,omitempty"` // Hit / Rows; of classes
	R2       float64 `json:"r2,omitempty"`       // of regression: the mean over the targets
	Refusal  string  `json:"refusal,omitempty"`  // why it was not measured

	miss float64 // of regression: 1 - R2
}

// better says that t did better than u, which is listed before it.
func (t *Trial) better(u *Trial) bool {
	return t.Hit > u.Hit || t.miss < contestClear*u.miss
}

// contest measures the named constructions, in order.
func contest(names []string, p *Problem) []Trial {
	built, out := contestSample(p)
	part := *p
	part.Set = p.Set.Select(built)
	held := p.Set.Select(out)
	var trials []Trial
	for _, name := range names {
		c, err := Lookup(name)
		if err != nil {
			continue // not in this catalogue
		}
		t := Trial{Name: c.Name, Built: len(built), Rows: len(out)}
		var net *network.Network
		if t.Refusal = tooMuchWork(name, &part); t.Refusal == "" {
			if net, err = c.Construct(&part); err != nil {
				t.Refusal = err.Error()
			}
		}
		if t.Refusal == "" {
			t.score(net.Eval(held.X), p, held.Class, held.Y)
		}
		trials = append(trials, t)
	}
	return trials
}

// contestSample draws the rows that candidates are built on, and those held out.
func contestSample(p *Problem) (built, out []int) {
	n := p.Set.N()
	count := min(n, contestRows, max(2*contestLeast, int(contestNumbers/float64(p.Set.D()))))
	sample := rand.New(rand.NewPCG(p.Seed, 0xc0e7)).Perm(n)[:count]
	at := int(contestShare * float64(count))
	return slices.Sorted(slices.Values(sample[:at])), slices.Sorted(slices.Values(sample[at:]))
}

// tooMuchWork says why a candidate is not measured on these rows, or "".
func tooMuchWork(name string, p *Problem) string {
	estimate, known := contestWork[name]
	if !known {
		return ""
	}
	if work := estimate(float64(p.Set.N()), float64(p.Set.D()), float64(p.Set.P())); work > contestFlops {
		return fmt.Sprintf("measuring it takes about %.1g multiplications, and at most %.1g are spent", work, contestFlops)
	}
	return ""
}

// score compares the answers f (rows x p) with the classes or targets of rows held out.
func (t *Trial) score(f *mat.Dense, p *Problem, class []int, y *mat.Dense) {
	if p.Set.IsClasses() {
		for i, c := range class {
			if rowMargin(f.RawRowView(i), c) > 0 {
				t.Hit++
			}
		}
		t.Accuracy = float64(t.Hit) / float64(t.Rows)
		return
	}
	n, outputs := y.Dims()
	for k := range outputs {
		mean := mat.Sum(y.ColView(k)) / float64(n)
		miss, all := 0.0, 0.0
		for i := range n {
			v := y.At(i, k)
			miss += float64((f.At(i, k) - v) * (f.At(i, k) - v))
			all += float64((v - mean) * (v - mean))
		}
		if all == 0 {
			all = 1
		}
		t.miss += miss / all / float64(outputs)
	}
	if math.IsNaN(t.miss) {
		t.miss = math.Inf(1)
	}
	t.R2 = 1 - t.miss
}

// measured parts the names marked by a leading ? from the rest, and puts them
// first in the order of a contest.
func measured(names []string, p *Problem) ([]string, []Trial) {
	var marked, rest []string
	for _, name := range names {
		if bare, is := strings.CutPrefix(name, "?"); is {
			marked = append(marked, bare)
		} else {
			rest = append(rest, name)
		}
	}
	if !p.Set.IsClasses() {
		marked = piecewise(marked, p)
	}
	if len(marked) < 2 || p.Set.N() < contestLeast {
		return append(marked, rest...), nil
	}
	trials := contest(marked, p)
	order := make([]*Trial, 0, len(trials)) // the best first
	var last []string
	for i := range trials {
		t := &trials[i]
		if t.Refusal != "" {
			last = append(last, t.Name)
			continue
		}
		at := len(order)
		for at > 0 && t.better(order[at-1]) {
			at--
		}
		order = slices.Insert(order, at, t)
	}
	var first []string
	for _, t := range order {
		if t.Name == "delaunay" {
			first = append(first, "grid") // the same kind of function with fewer units, where it serves
		}
		first = append(first, t.Name)
	}
	return slices.Concat(first, rest, last), trials
}

// piecewise leaves of the candidates of regression those that fit the number of
// inputs that vary: linear between neighbours on a line (sorted), in the plane and
// in space (delaunay).
func piecewise(names []string, p *Problem) []string {
	inputs := len(varyingColumns(p.Set.X))
	fits := p.Set.N() <= piecewiseRows[inputs]
	return slices.DeleteFunc(names, func(name string) bool {
		return name == "sorted" && !(fits && inputs == 1) || name == "delaunay" && !(fits && inputs > 1)
	})
}

// TrialsText says what a contest measured, in a sentence; empty without one.
func TrialsText(trials []Trial) string {
	var parts []string
	rows, built, what := 0, 0, ""
	for _, t := range trials {
		switch {
		case t.Refusal != "":
			continue
		case t.R2 != 0:
			parts, what = append(parts, fmt.Sprintf("%s %.4f", t.Name, t.R2)), "R2 "
		default:
			parts = append(parts, fmt.Sprintf("%s %.3f", t.Name, t.Accuracy))
		}
		rows, built = t.Rows, t.Built
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("measured on %d rows held out, built on %d others: %s%s", rows, built, what, strings.Join(parts, ", "))
}
