package table

import (
	"fmt"
	"math"

	"hinge/dataset"
)

// Whole-valued targets are taken for classes when there are at most mostClasses
// of them, each in classShare rows on average (see [Read] for the whole rule).
const (
	mostClasses = 20
	classShare  = 5
)

// maxIndicators bounds rows times classes: the targets of a classification are
// that many numbers of 8 bytes, 2 GiB. As there are no more classes than rows, it
// leaves at most 2^14 classes when each has one row, far below the 2^24 up to
// which float32 tells whole numbers apart.
const maxIndicators = 1 << 28

// decide sets the task and, for classes, their names.
func (t *reading) decide() error {
	t.schema.Task = dataset.Regression
	for _, j := range t.targets {
		t.schema.Targets = append(t.schema.Targets, t.frame.columns[j].name)
	}
	c := t.frame.columns[t.targets[0]]
	switch {
	case len(t.targets) > 1 && t.opts.Task == "classification":
		return &Error{Source: "task", Err: ErrOption, Detail: "a classification has one target column", Hint: "give one target, or --task regression"}
	case len(t.targets) > 1 || t.opts.Task == "regression":
		return t.constantTarget()
	case t.opts.Task == "classification":
	case c.isText():
		if err := t.checkGrouped(t.targets[0], "if each is the name of a class, say --task classification"); err != nil {
			return err
		}
		t.note("The target %s holds texts: the task is classification.", c.name)
	case t.looksLikeClasses():
		t.note("The target %s holds a few whole numbers: the task is classification (--task regression overrides).", c.name)
	default:
		return t.constantTarget()
	}
	return t.classes()
}

// looksLikeClasses applies the rule of [Read] to a single numeric target.
func (t *reading) looksLikeClasses() bool {
	j := t.targets[0]
	if c := t.frame.columns[j]; c.words > 0 || c.infinite > 0 {
		return false
	}
	rows, whole := 0, true
	counts := make(map[float64]int)
	t.frame.each(j, func(row int, cell float64) {
		if !t.kept(row) || !whole {
			return
		}
		rows++
		counts[cell+0]++
		whole = cell == math.Trunc(cell) && len(counts) <= mostClasses
	})
	k := len(counts)
	switch {
	case !whole || k < 2:
		return false
	case k == 2:
		return rows >= 4
	}
	least := math.Inf(1)
	largest := math.Inf(-1)
	for v := range counts {
		least, largest = min(least, v), max(largest, v)
	}
	return (least == 0 || least == 1) && largest-least == float64(k-1) && rows >= classShare*k
}

// classes sets the task to classification and names the classes.
func (t *reading) classes() error {
	j := t.targets[0]
	c := t.frame.columns[j]
	t.schema.Task = dataset.Classification
	if most := maxIndicators / t.count; t.moreThan(j, most) {
		return t.tooManyClasses(fmt.Sprintf("more than %d classes", most))
	}
	t.schema.Classes = t.levels(j, false)
	k := len(t.schema.Classes)
	if k == 1 {
		return t.constant([]string{c.name}, t.schema.Classes[0])
	}
	if t.opts.Task != "classification" && k > manyTexts && 2*k > t.count {
		return &Error{Source: t.frame.source, Err: ErrLevels, Count: 1, Cells: []Cell{{Column: c.name, Found: fmt.Sprintf("%d different texts in %d rows", k, t.count)}},
			Hint: "is it the target? name another with --target; if each text is a class, say --task classification"}
	}
	return nil
}

// moreThan reports whether column j holds more than most different cells in the
// rows kept. It looks no further than that, however many rows there are.
func (t *reading) moreThan(j, most int) bool {
	seen := make(map[uint64]struct{})
	t.frame.each(j, func(row int, cell float64) {
		if len(seen) > most || !t.kept(row) {
			return
		}
		if cell == 0 {
			cell = 0 // and not -0
		}
		seen[math.Float64bits(cell)] = struct{}{} // a text has bits of its own
	})
	return len(seen) > most
}

// tooManyClasses is the error for more classes than there can be outputs for.
func (t *reading) tooManyClasses(found string) error {
	return &Error{Source: t.frame.source, Err: ErrClasses, Count: 1,
		Cells: []Cell{{Column: t.frame.columns[t.targets[0]].name, Found: fmt.Sprintf("%s in %d rows", found, t.count)}},
		Hint:  "a network has an output for every class, and rows times classes may be 2^28 at most (float32 ends at 2^24 classes whatever the rows): say --task regression if they are numbers, name another --target, or join rare classes"}
}

// constantTarget refuses a regression whose targets are all constant.
func (t *reading) constantTarget() error {
	var names []string
	value := ""
	for _, j := range t.targets {
		c := t.frame.columns[j]
		first, constant := math.NaN(), true
		t.frame.each(j, func(row int, cell float64) {
			if !t.kept(row) {
				return
			}
			if first != first {
				first = cell
			}
			constant = constant && cell == first
		})
		if constant {
			names, value = append(names, c.name), c.display(first)
		}
	}
	if len(names) == len(t.targets) {
		return t.constant(names, value)
	}
	for _, name := range names {
		t.note("The target %s is constant.", name)
	}
	return nil
}

func (t *reading) constant(names []string, value string) error {
	e := &Error{Source: t.frame.source, Err: ErrConstant, Hint: "nothing is to be learned from it; name another column with --target"}
	for _, name := range names {
		e.add(0, name, "every row holds "+value)
	}
	return e
}
