package table

import (
	"fmt"
	"slices"
	"strings"

	"hinge/dataset"
)

// A reading is a frame on its way to a data set: a schema, the columns it is
// about, and the rows that are kept.
type reading struct {
	frame    *frame
	opts     *Options
	schema   dataset.Schema
	given    bool   // the schema is a network's, not made from this table
	features []int  // the frame's column of every column of the schema
	targets  []int  // the frame's columns of the targets
	left     []bool // rows left out; nil: none
	count    int    // rows kept
}

func (t *reading) kept(row int) bool { return t.left == nil || !t.left[row] }

func (t *reading) note(format string, args ...any) {
	t.frame.notes = append(t.frame.notes, fmt.Sprintf(format, args...))
}

func read(source string, opts Options) (*dataset.Set, error) {
	f, err := readSource(source, &opts)
	if err != nil {
		return nil, err
	}
	r, err := f.assign(&opts)
	if err != nil {
		return nil, err
	}
	t := &reading{frame: f, opts: &opts, targets: r.targets}
	for _, step := range []func() error{
		func() error { return t.infer(r) },
		t.leaveOutMissing,
		t.keepClasses,
		t.checkRows,
		func() error { t.finishColumns(); return nil },
		t.decide,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	set, err := t.set()
	if err != nil {
		return nil, err
	}
	return dataset.Clean(set, dataset.Conflicts(opts.Conflicts))
}

func readWith(source string, schema dataset.Schema, opts Options) (*dataset.Set, error) {
	t, err := readThrough(source, schema, &opts, true)
	if err != nil {
		return nil, err
	}
	set, err := t.set()
	if err != nil {
		return nil, err
	}
	if opts.Conflicts == "" {
		return dataset.MergeEqual(set)
	}
	return dataset.Clean(set, dataset.Conflicts(opts.Conflicts))
}

func readInputs(source string, schema dataset.Schema, opts Options) (*Inputs, error) {
	t, err := readThrough(source, schema, &opts, false)
	if err != nil {
		return nil, err
	}
	t.targets = nil
	x, _, _, err := t.encode()
	if err != nil {
		return nil, err
	}
	in := &Inputs{X: x, Notes: t.frame.notes}
	for row := range t.frame.n {
		if t.kept(row) {
			in.Rows = append(in.Rows, row+1)
		} else {
			in.Skipped = append(in.Skipped, row+1)
		}
	}
	return in, nil
}

// readThrough reads a table whose schema is known, as far as the rows to keep.
func readThrough(source string, schema dataset.Schema, opts *Options, needTargets bool) (*reading, error) {
	f, err := readSource(source, opts)
	if err != nil {
		return nil, err
	}
	if len(schema.Columns) == 0 {
		return nil, &Error{Source: source, Err: ErrShape, Detail: "the network's schema names no columns"}
	}
	r, err := f.match(&schema, opts, needTargets)
	if err != nil {
		return nil, err
	}
	t := &reading{frame: f, opts: opts, schema: schema, given: true, features: r.features}
	if needTargets {
		t.targets = r.targets
	}
	if err := t.leaveOutMissing(); err != nil {
		return nil, err
	}
	if needTargets {
		if err := t.keepClasses(); err != nil {
			return nil, err
		}
	}
	if t.count == 0 {
		return nil, t.noRowsLeft()
	}
	return t, nil
}

// leaveOutMissing chooses the rows by the policy for missing cells.
func (t *reading) leaveOutMissing() error {
	t.count = t.frame.n
	e := &Error{Source: t.frame.source, Err: ErrMissing, Hint: "choose --missing drop (leave such rows out) or --missing indicator (an input tells that a cell is missing)"}
	var gaps []int // columns whose missing cells have no reading
	for k, j := range t.features {
		if t.frame.columns[j].missing > 0 && !t.schema.Columns[k].Indicator && !t.indicates() {
			gaps = append(gaps, j)
		}
	}
	for _, j := range t.targets {
		if t.frame.columns[j].missing > 0 {
			gaps = append(gaps, j)
		}
	}
	if len(gaps) == 0 {
		return nil
	}
	slices.Sort(gaps)
	rows := t.findGaps(gaps, e)
	if t.opts.missing() == "error" || t.opts.missing() == "indicator" && t.given {
		return e
	}
	t.reportGaps(gaps, rows)
	return nil
}

// indicates reports whether missing cells become indicators of a new schema.
func (t *reading) indicates() bool {
	return t.opts.missing() == "indicator" && !t.given
}

// findGaps marks the rows with a missing cell in the columns, lists the cells
// in e by row, and returns the first rows.
func (t *reading) findGaps(gaps []int, e *Error) (rows []int) {
	t.left = make([]bool, t.frame.n)
	for _, b := range t.frame.blocks {
		for i := range b.cells[gaps[0]] {
			for _, j := range gaps {
				if isMissing(b.cells[j][i]) {
					e.add(b.first+i+1, t.frame.columns[j].name, "")
					t.left[b.first+i] = true
				}
			}
			if t.left[b.first+i] {
				t.count--
				if len(rows) < listed {
					rows = append(rows, b.first+i+1)
				}
			}
		}
	}
	return rows
}

// reportGaps notes the rows that are left out for a missing cell.
func (t *reading) reportGaps(gaps, rows []int) {
	var columns []string
	for _, j := range gaps {
		c := t.frame.columns[j]
		columns = append(columns, fmt.Sprintf("%s %d", c.name, c.missing))
	}
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(rows), " ", ", "), "[]")
	if left := t.frame.n - t.count; left > len(rows) {
		text += ", ..."
	}
	t.note("%d of %d rows have a missing cell and are left out: rows %s (missing cells: %s).",
		t.frame.n-t.count, t.frame.n, text, strings.Join(columns, ", "))
}

// checkRows refuses a table of no row or one.
func (t *reading) checkRows() error {
	switch {
	case t.count == 0:
		return t.noRowsLeft()
	case t.count == 1:
		return &Error{Source: t.frame.source, Err: ErrOneRow, Hint: "a network of one row is a constant; give a table with at least two"}
	}
	return nil
}

func (t *reading) noRowsLeft() error {
	return &Error{Source: t.frame.source, Err: ErrNoRows, Detail: fmt.Sprintf("each of the %d rows has a missing cell", t.frame.n),
		Hint: "leave the columns with missing cells out, or choose --missing indicator"}
}

// set encodes the rows kept as a data set, not yet cleaned.
func (t *reading) set() (*dataset.Set, error) {
	if k := len(t.schema.Classes); k > maxIndicators/t.count && len(t.targets) > 0 {
		return nil, t.tooManyClasses(fmt.Sprintf("%d classes", k)) // of a network's schema: those of a table were counted before
	}
	x, y, class, err := t.encode()
	if err != nil {
		return nil, err
	}
	s := &dataset.Set{X: x, Y: y, Class: class, Source: t.frame.source, Schema: t.schema, Notes: t.frame.notes, Rows: make([]int, 0, t.count)}
	if class != nil {
		s.Y = dataset.Indicators(class, len(t.schema.Classes))
	}
	for row := range t.frame.n {
		if t.kept(row) {
			s.Rows = append(s.Rows, row+1)
		}
	}
	return s, nil
}

func schemaFor(source string, inputs, outputs int, opts Options) (dataset.Schema, error) {
	look := opts
	look.Limit = 1
	f, err := readSource(source, &look)
	if err != nil {
		return dataset.Schema{}, err
	}
	r := new(roles)
	if r.targets, err = f.pick("target", opts.Target); err != nil {
		return dataset.Schema{}, err
	}
	named, err := f.pick("features", opts.Features)
	if err != nil {
		return dataset.Schema{}, err
	}
	if len(r.targets) == 0 {
		r.targets = f.targets
	}
	dropped, err := f.pick("drop", opts.Drop)
	if err != nil {
		return dataset.Schema{}, err
	}
	free := named
	for j := range f.columns {
		if len(named) == 0 && !slices.Contains(r.targets, j) && !slices.Contains(dropped, j) {
			free = append(free, j)
		}
	}
	rest := len(free) - inputs
	if len(r.targets) == 0 && (rest == 1 || rest == outputs) {
		free, r.targets = free[:inputs], free[inputs:]
	}
	if len(free) != inputs || inputs < 1 {
		return dataset.Schema{}, &Error{Source: source, Err: ErrShape, Detail: fmt.Sprintf("the network takes %d inputs, the table has %d columns for them", inputs, len(free)),
			Hint: "choose the columns with --features, --target and --drop"}
	}
	return f.plainSchema(free, r.targets, outputs, &opts)
}

// plainSchema is the schema of numeric columns as they stand.
func (f *frame) plainSchema(features, targets []int, outputs int, opts *Options) (dataset.Schema, error) {
	s := dataset.Schema{Task: dataset.Regression}
	for _, j := range features {
		s.Columns = append(s.Columns, dataset.Column{Name: f.columns[j].name})
	}
	for _, j := range targets {
		s.Targets = append(s.Targets, f.columns[j].name)
	}
	classes := len(targets) == 1 && outputs > 1
	if len(targets) > 0 && len(targets) != outputs && !classes || classes && opts.Task == "regression" {
		return s, &Error{Source: f.source, Err: ErrShape, Detail: fmt.Sprintf("the network has %d outputs, the table %d target column(s)", outputs, len(targets)),
			Hint: "give a target column for every output, or one that holds the class, 0 to outputs - 1"}
	}
	if classes || opts.Task == "classification" && outputs > 1 {
		s.Task = dataset.Classification
		for c := range outputs {
			s.Classes = append(s.Classes, fmt.Sprint(c))
		}
	}
	return s, nil
}
