package table

import (
	"fmt"
	"regexp"
	"slices"

	"hinge/dataset"
)

// roles is which columns of a frame are inputs and which targets.
type roles struct {
	features []int
	targets  []int
	asked    bool // the features were named by the user
}

// assign finds the roles that the options give.
func (f *frame) assign(opts *Options) (*roles, error) {
	dropped, err := f.pick("drop", opts.Drop)
	if err != nil {
		return nil, err
	}
	r := &roles{asked: len(opts.Features) > 0}
	if r.targets, err = f.pick("target", opts.Target); err != nil {
		return nil, err
	}
	if len(r.targets) == 0 {
		r.targets = f.defaultTargets(dropped)
		if f.targets == nil && len(r.targets) == 1 {
			f.notes = append(f.notes, fmt.Sprintf("No target is named: the last column, %s, is taken.", f.columns[r.targets[0]].name))
		}
	}
	if r.features, err = f.pick("features", opts.Features); err != nil {
		return nil, err
	}
	if !r.asked {
		for j := range f.columns {
			if !slices.Contains(r.targets, j) && !slices.Contains(dropped, j) {
				r.features = append(r.features, j)
			}
		}
	}
	for _, j := range r.features {
		if slices.Contains(r.targets, j) {
			return nil, &Error{Source: "features", Err: ErrOption, Detail: fmt.Sprintf("column %s is a target too", f.columns[j].name)}
		}
	}
	if len(r.features) == 0 || len(r.targets) == 0 {
		return nil, f.noFeatures("it has no columns beside the targets")
	}
	return r, nil
}

func (f *frame) noFeatures(detail string) error {
	hint := "give a table with at least one input column and one target column"
	if len(f.columns) == 1 {
		hint += "; only one column was found: is the delimiter right?"
	}
	return &Error{Source: f.source, Err: ErrNoFeatures, Detail: detail, Hint: hint}
}

// defaultTargets is the targets that the format names, or else the last column
// that is not dropped and not empty, as one is after a comma at each row's end.
func (f *frame) defaultTargets(dropped []int) []int {
	if f.targets != nil {
		return f.targets
	}
	for j := len(f.columns) - 1; j >= 0; j-- {
		if c := f.columns[j]; !slices.Contains(dropped, j) && c.numbers+c.words > 0 {
			return []int{j}
		}
	}
	return nil
}

// positional are the names that columns without a name of their own have.
var positional = regexp.MustCompile(`^[cxy][0-9]*$`)

// match finds the columns of a schema in the frame: by name; or, where the
// table or the schema has no names, by position. Targets may be missing unless
// they are needed.
func (f *frame) match(schema *dataset.Schema, opts *Options, needTargets bool) (*roles, error) {
	r := new(roles)
	var err error
	if r.targets, err = f.pick("target", opts.Target); err != nil {
		return nil, err
	}
	if len(r.targets) == 0 {
		r.targets = f.named(schema.Targets)
	}
	var names []string
	nameless := !f.headed
	for _, c := range schema.Columns {
		names = append(names, c.Name)
		nameless = nameless || positional.MatchString(c.Name)
	}
	r.features = f.named(names)
	if r.features == nil && nameless {
		err = f.byPosition(r, schema, opts)
	} else if r.features == nil {
		err = f.lacking(names)
	}
	if err != nil {
		return nil, err
	}
	if len(r.targets) == 0 && len(f.targets) == len(schema.Targets) {
		r.targets = f.targets
	}
	if needTargets && (len(r.targets) == 0 || len(r.targets) != len(schema.Targets)) {
		e := f.lacking(schema.Targets).(*Error)
		e.Hint = "name the target column(s) of this table with --target"
		return nil, e
	}
	return r, nil
}

// named returns the columns with the names, or nil if one is not there.
func (f *frame) named(names []string) []int {
	var columns []int
	for _, name := range names {
		j := f.find(name)
		if j < 0 {
			return nil
		}
		columns = append(columns, j)
	}
	return columns
}

// lacking is the error for columns of the schema that the table does not have.
func (f *frame) lacking(names []string) error {
	e := &Error{Source: f.source, Err: ErrColumn, Hint: "the network needs these columns; the table has " + dataset.KnownList(f.names())}
	for _, name := range names {
		if f.find(name) < 0 {
			found := "not in the table"
			if near := nearest(name, f.names()); near != "" {
				found = fmt.Sprintf("not in the table; did it mean %q?", near)
			}
			e.add(0, name, found)
		}
	}
	return e
}

// byPosition takes the columns that have no other role as the schema's, in
// order; those after them as targets.
func (f *frame) byPosition(r *roles, schema *dataset.Schema, opts *Options) error {
	dropped, err := f.pick("drop", opts.Drop)
	if err != nil {
		return err
	}
	if len(opts.Target) == 0 { // names by position say nothing when the inputs are not found by theirs
		r.targets = f.targets
	}
	var free []int
	for j := range f.columns {
		if !slices.Contains(dropped, j) && !slices.Contains(r.targets, j) {
			free = append(free, j)
		}
	}
	d, p := len(schema.Columns), len(schema.Targets)
	switch {
	case len(free) == d:
	case len(free) == d+p && len(r.targets) == 0:
		r.targets = free[d:]
	default:
		return &Error{Source: f.source, Err: ErrShape, Detail: fmt.Sprintf("the network takes %d columns, the table has %d", d, len(free)),
			Hint: "give the columns in the network's order, alone or followed by the targets; --drop leaves columns out"}
	}
	r.features = free[:d]
	f.notes = append(f.notes, fmt.Sprintf("The columns are matched with the network's inputs by position: %s is %s.",
		f.columns[r.features[0]].name, schema.Columns[0].Name))
	return nil
}
