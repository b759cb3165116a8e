package construct

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The choice among classifiers.
//
// Many constructions are exact on every given row of any number of classes, with
// a margin: patch, tree, cover, slab-classes, deep-blocks. They differ in size and
// in what they answer off the rows. For size, plans are compared. For answers off
// the rows there is no plan: they are measured. Each candidate is built on four
// fifths of a sample of the rows, drawn by the seed, and answers the last fifth;
// the one with the most right answers is then built on all rows. (Hold-out, as in
// any textbook; the sample is small, so differences of a percent mean little, and
// where two are equal the one listed first is taken.)

const (
	// contestNumbers bounds rows times inputs of the sample: seconds of work.
	contestNumbers = 2.5e6
	contestRows    = 4000
	// contestLeast is the number of rows below which nothing is measured: a fifth
	// of them would say nothing.
	contestLeast = 60
	// contestShare is the part of the sample that candidates are built on.
	contestShare = 0.8
	// contestTime ends a contest: who has not been measured by then is not.
	contestTime = 40 * time.Second
)

// A Trial is what one candidate did in the contest of [ChooseMeasured].
type Trial struct {
	Name     string  `json:"name"`
	Built    int     `json:"built"` // rows it was built on
	Rows     int     `json:"rows"`  // rows held out
	Hit      int     `json:"hit"`   // of them, answered right
	Accuracy float64 `json:"accuracy"`
	Refusal  string  `json:"refusal,omitempty"` // why it was not measured
}

// contest measures the named constructions, in order.
func contest(names []string, p *Problem) []Trial {
	n := p.Set.N()
	count := min(n, contestRows, max(2*contestLeast, int(contestNumbers/float64(p.Set.D()))))
	sample := rand.New(rand.NewPCG(p.Seed, 0xc0e7)).Perm(n)[:count]
	at := int(contestShare * float64(count))
	built, held := slices.Sorted(slices.Values(sample[:at])), slices.Sorted(slices.Values(sample[at:]))
	part := *p
	part.Set = p.Set.Select(built)
	out := p.Set.Select(held)
	var trials []Trial
	for begin := time.Now(); len(names) > 0; names = names[1:] {
		c, err := Lookup(names[0])
		if err != nil {
			continue // not in this catalogue
		}
		t := Trial{Name: c.Name, Built: len(built), Rows: len(held)}
		if time.Since(begin) > contestTime {
			t.Refusal = "the contest took too long"
			trials = append(trials, t)
			continue
		}
		net, err := c.Construct(&part)
		if err != nil {
			t.Refusal = err.Error()
			trials = append(trials, t)
			continue
		}
		y := net.Eval(out.X)
		for i, class := range out.Class {
			if rowMargin(y.RawRowView(i), class) > 0 {
				t.Hit++
			}
		}
		t.Accuracy = float64(t.Hit) / float64(t.Rows)
		trials = append(trials, t)
	}
	return trials
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
	if len(marked) == 0 || p.Set.N() < contestLeast {
		return append(marked, rest...), nil
	}
	trials := contest(marked, p)
	order := slices.Clone(trials)
	slices.SortStableFunc(order, func(a, b Trial) int { return b.Hit - a.Hit })
	var first, last []string
	for _, t := range order {
		if t.Refusal == "" {
			first = append(first, t.Name)
		} else {
			last = append(last, t.Name)
		}
	}
	return slices.Concat(first, rest, last), trials
}

// TrialsText says what a contest measured, in a sentence; empty without one.
func TrialsText(trials []Trial) string {
	var parts []string
	rows, built := 0, 0
	for _, t := range trials {
		if t.Refusal == "" {
			parts = append(parts, fmt.Sprintf("%s %.3f", t.Name, t.Accuracy))
			rows, built = t.Rows, t.Built
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("measured on %d rows held out, built on %d others: %s", rows, built, strings.Join(parts, ", "))
}
