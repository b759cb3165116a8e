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
// that many numbers of 8 bytes.
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
	t.schema.Classes = t.levels(j, false)
	k := len(t.schema.Classes)
	if k == 1 {
		return t.constant([]string{c.name}, t.schema.Classes[0])
	}
	if t.opts.Task != "classification" && k > manyTexts && 2*k > t.count {
		return &Error{Source: t.frame.source, Err: ErrLevels, Count: 1, Cells: []Cell{{Column: c.name, Found: fmt.Sprintf("%d different texts in %d rows", k, t.count)}},
			Hint: "is it the target? name another with --target; if each text is a class, say --task classification"}
	}
	if k > maxIndicators/t.count {
		return &Error{Source: t.frame.source, Err: ErrLevels, Count: 1, Cells: []Cell{{Column: c.name, Found: fmt.Sprintf("%d classes in %d rows", k, t.count)}},
			Hint: "that needs an output for every class; as numbers, say --task regression"}
	}
	return nil
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
