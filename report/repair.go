package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/dataset"
	"hinge/edit"
	"hinge/network"
)

// repairsListed is how many repaired rows the text shows; JSON holds all.
const repairsListed = 10

// Repair is what a repair did.
type Repair struct {
	Network   string `json:"network"` // the file
	FixSource string `json:"fix_source"`
	Source    string `json:"source"` // of the rows to keep
	File      string `json:"file,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"`
	Task      string `json:"task"`
	Precision string `json:"precision"`
	Preserve  string `json:"preserve"`
	Method    string `json:"method"`
	// Tried lists what would not do, with the reason, in order.
	Tried []string `json:"tried"`

	Rows    []Repaired `json:"rows"`    // every row that was to be fixed
	Already int        `json:"already"` // how many of them were right before
	// Margin is by how much a wanted class was made to win, for classes.
	Margin float64     `json:"margin,omitempty"`
	Units  int         `json:"units"` // hidden units before
	Added  int         `json:"added"`
	Copied int         `json:"copied,omitempty"` // units of a layer that copies the last hidden one
	Change edit.Change `json:"change"`           // of the weights that were there
	Gates  []edit.Gate `json:"gates"`

	// Freedom bounds by how much two runs of the network as it was may differ on
	// a fixed row, as a fraction of the range of the wanted values.
	Freedom     float64              `json:"freedom,omitempty"`
	Certificate *certify.Certificate `json:"certificate"` // of the fixed rows
	Keep        edit.Kept            `json:"keep"`
	Test        *Reach               `json:"test,omitempty"`
	Notes       []string             `json:"notes"`
	Seconds     struct {
		Read   float64 `json:"read"`
		Repair float64 `json:"repair"`
	} `json:"seconds"`
}

// Repaired is one row before and after.
type Repaired struct {
	Row    int `json:"row"`
	Want   any `json:"want"`
	Before any `json:"before"`
	After  any `json:"after"`
	// Lead is by how much the wanted class wins afterwards, for classes; Error the
	// largest error as a fraction of the range of the wanted values, for numbers.
	Lead  float64 `json:"lead,omitempty"`
	Error float64 `json:"error,omitempty"`
}

// Reach is how far an edit is felt on rows that it did not see.
type Reach struct {
	Source  string `json:"source"`
	Rows    int    `json:"rows"`
	Moved   int    `json:"moved"`   // rows with some output changed
	Changed int    `json:"changed"` // rows with another largest output
	// Before and After are the parts of the rows whose class is right, where the
	// rows have classes.
	Before *float64 `json:"accuracy_before,omitempty"`
	After  *float64 `json:"accuracy_after,omitempty"`
}

// NewRepair reports a repair of net for the rows of fix.
func NewRepair(net *network.Network, fix *dataset.Set, opts edit.Options, r *edit.Repaired) *Repair {
	report := &Repair{
		Task: string(fix.Schema.Task), Precision: net.Precision.String(), Preserve: string(cmp.Or(opts.Preserve, edit.Bits)), Method: string(r.Method),
		Tried: listOf(r.Tried), Freedom: r.Freedom,
		Already: len(r.Already), Margin: r.Margin, Units: net.Units(), Added: r.Added, Copied: r.Copied, Change: r.Change, Gates: listOf(r.Gates),
		Certificate: r.Fix, Keep: r.Keep, Notes: listOf(net.Notes(), fix.Notes),
	}
	before, after := net.Eval(fix.X), r.Network.Eval(fix.X)
	ranges := fix.Range()
	for i, row := range fix.Rows {
		b, a := before.RawRowView(i), after.RawRowView(i)
		if fix.IsClasses() {
			c, names := fix.Class[i], fix.Schema.Classes
			report.Rows = append(report.Rows, Repaired{Row: row, Want: names[c], Before: names[winner(b)], After: names[winner(a)], Lead: lead(a, c)})
			continue
		}
		want, worst := fix.Y.RawRowView(i), 0.0
		for j, v := range a {
			worst = max(worst, math.Abs(v-want[j])/ranges[j])
		}
		report.Rows = append(report.Rows, Repaired{Row: row, Want: slices.Clone(want), Before: slices.Clone(b), After: slices.Clone(a), Error: worst})
	}
	return report
}

// NewReach compares two networks on rows x; class, if not nil, is the right
// class of each.
func NewReach(before, after *network.Network, x *mat.Dense, class []int) *Reach {
	a, b := before.Eval(x), after.Eval(x)
	n, _ := x.Dims()
	r := &Reach{Rows: n}
	right := [2]int{}
	for i := range n {
		was, is := a.RawRowView(i), b.RawRowView(i)
		if !slices.Equal(was, is) {
			r.Moved++
		}
		if winner(was) != winner(is) {
			r.Changed++
		}
		if class != nil {
			right[0] += btoi(winner(was) == class[i])
			right[1] += btoi(winner(is) == class[i])
		}
	}
	if class != nil {
		was, is := float64(right[0])/float64(n), float64(right[1])/float64(n)
		r.Before, r.After = &was, &is
	}
	return r
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lead returns by how much output c exceeds the others.
func lead(out []float64, c int) float64 {
	least := math.MaxFloat64
	for j, v := range out {
		if j != c {
			least = min(least, out[c]-v)
		}
	}
	return least
}

// Text tells what was fixed, what was kept, at what cost, and how far it is felt.
func (r *Repair) Text() string {
	var f facts
	f.add("fix", "%s of %s: %s", count(len(r.Rows)), r.FixSource, r.fixText())
	f.add("keep", "%s", r.keepText())
	f.add("units", "%s", r.unitsText())
	if len(r.Gates) > 0 {
		f.add("reach", "%s", r.reachText())
	} else if r.Method != string(edit.None) {
		f.add("reach", "%s", map[bool]string{
			true:  "each bump is felt near a hyperplane of what enters the last hidden layer; --test counts rows there",
			false: "a changed weight is felt everywhere; --test counts the rows whose decision changed",
		}[r.Method == string(edit.Bumps)])
	}
	for _, t := range r.Tried {
		f.add("tried", "%s", t)
	}
	if r.Test != nil {
		f.add("test", "%s", r.Test.text())
	}
	for _, n := range r.Notes {
		f.add("note", "%s", n)
	}
	if r.File != "" {
		f.add("written", "%s, %s, in %s", r.File, fileSize(r.Bytes), seconds(r.Seconds.Read+r.Seconds.Repair))
	}
	f.b.WriteByte('\n')
	f.grid(r.table())
	if more := len(r.Rows) - repairsListed; more > 0 {
		f.add("", "and %s more", several(more, "row", "rows"))
	}
	return f.String()
}

func (r *Repair) fixText() string {
	text := fmt.Sprintf("%s hit, certified in %s", several(r.Certificate.Hit, "row is", "rows are"), r.Certificate.Arithmetic)
	if !r.Certificate.Holds {
		text = fmt.Sprintf("only %s proved to be hit in %s", several(r.Certificate.Hit, "row is", "rows are"), r.Certificate.Arithmetic)
	}
	if r.Task == string(dataset.Classification) {
		text += "; the wanted class wins by at least " + atLeast(r.Certificate.MinMargin)
	} else {
		worst := 0.0
		for _, row := range r.Rows {
			worst = max(worst, row.Error)
		}
		text += fmt.Sprintf("; the error is %s of the range as computed here, and at most %s", atMost(worst), atMost(r.Certificate.MaxError))
		if r.Freedom > r.Certificate.MaxError/4 {
			text += fmt.Sprintf("\n(two runs of the network as it was may differ by %s there: its own rounding leaves no more to promise)", atMost(r.Freedom))
		}
	}
	if r.Already > 0 {
		text += fmt.Sprintf("\n%s right before", several(r.Already, "row was", "rows were"))
	}
	return text
}

func (r *Repair) keepText() string {
	rows := several(r.Keep.Rows, "row", "rows")
	switch {
	case r.Keep.Rows == 0:
		return "no rows were named"
	case r.Keep.Same == r.Keep.Rows && r.Method == string(edit.None):
		return fmt.Sprintf("%s of %s: nothing changed", rows, r.Source)
	case r.Keep.Same == r.Keep.Rows:
		return fmt.Sprintf("%s of %s: every output is the same, bit for bit\n(what was added is proved to be exactly 0 there, in any order of summation)", rows, r.Source)
	case r.Preserve != string(edit.Decisions):
		return fmt.Sprintf("%s of %s: every output is proved to be within %s (%s of its range) of one that the network could give before%s",
			rows, r.Source, atMost(r.Keep.Beyond), atMost(r.Keep.Fraction), r.movedText())
	case r.Keep.Decided == r.Keep.Rows:
		return fmt.Sprintf("%s of %s: the class that wins is proved to be the same on every row%s", rows, r.Source, r.movedText())
	}
	return fmt.Sprintf("%s of %s: the class that wins is proved to be the same on only %s%s", rows, r.Source, several(r.Keep.Decided, "row", "rows"), r.movedText())
}

func (r *Repair) movedText() string {
	return fmt.Sprintf("\n(outputs of two runs, one before and one after, differ by at most %s)", atMost(r.Keep.Moved))
}

// layerName names a hidden layer of the change, or the output layer.
func (r *Repair) layerName() string {
	if r.Method == string(edit.Output) {
		return "the output layer"
	}
	return fmt.Sprintf("hidden layer %d", r.Change.Layer)
}

func (r *Repair) unitsText() string {
	text := count(r.Units)
	if r.Added+r.Copied == 0 {
		text += ", none added"
	} else {
		text += " -> " + count(r.Units+r.Added+r.Copied)
	}
	switch {
	case len(r.Gates) > 0:
		text += fmt.Sprintf(": %s of %s in all", several(len(r.Gates), "gate", "gates"), several(r.Added, "unit", "units"))
	case r.Method == string(edit.Bumps):
		text += fmt.Sprintf(": %s of bumps in the last hidden layer", several(r.Added, "unit", "units"))
	}
	if r.Copied > 0 {
		text += fmt.Sprintf(", and a layer of %s that copies the last hidden one, for the gates to end in", several(r.Copied, "unit", "units"))
	}
	if r.Change.Weights == 0 {
		return text + "; no weight that was there changed"
	}
	return text + fmt.Sprintf("; %s of %s changed, by %s of their length", several(r.Change.Weights, "weight", "weights"), r.layerName(), number(r.Change.Relative))
}

func (r *Repair) reachText() string {
	widest, slabs := 0.0, 0
	for _, g := range r.Gates {
		product := 1.0
		for _, w := range g.Reach {
			product *= min(1, w)
			slabs++
		}
		widest = max(widest, product)
	}
	return fmt.Sprintf("a gate is open where %s at once; the slabs of the widest gate take in about %s of the space near the data",
		several(slabs/len(r.Gates), "slab is entered", "slabs are entered"), number(widest))
}

func (r *Reach) text() string {
	text := fmt.Sprintf("%s: %s of %s moved, %s decided otherwise", r.Source, count(r.Moved), several(r.Rows, "row", "rows"), several(r.Changed, "is", "are"))
	if r.Before != nil {
		text += fmt.Sprintf("; accuracy %.4f -> %.4f", *r.Before, *r.After)
	}
	return text
}

// table shows the first repaired rows, before and after.
func (r *Repair) table() [][]string {
	head := []string{"row", "wanted", "before", "after", "error"}
	if r.Task == string(dataset.Classification) {
		head[4] = "wins by"
	}
	rows := [][]string{head}
	for _, x := range r.Rows[:min(len(r.Rows), repairsListed)] {
		last := number(x.Error)
		if r.Task == string(dataset.Classification) {
			last = number(x.Lead)
		}
		rows = append(rows, []string{fmt.Sprint(x.Row), answerText(x.Want), answerText(x.Before), answerText(x.After), last})
	}
	return rows
}

// answerText writes a class or the first few of several numbers.
func answerText(v any) string {
	values, ok := v.([]float64)
	if !ok {
		return fmt.Sprint(v)
	}
	var items []string
	for _, x := range values {
		items = append(items, number(x))
	}
	return listed(items, 5)
}
