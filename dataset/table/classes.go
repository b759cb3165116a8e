package table

import (
	"fmt"
	"strings"

	"hinge/dataset"
)

// keepClasses leaves out the rows whose target is none of Options.Classes. It is
// an error when one of them does not occur, or when there are several targets.
func (t *reading) keepClasses() error {
	if len(t.opts.Classes) == 0 {
		return nil
	}
	if len(t.targets) != 1 {
		return &Error{Source: "classes", Err: ErrOption, Detail: strings.Join(t.opts.Classes, ","), Hint: "classes are of one target column; name it with --target"}
	}
	if t.opts.Task == "" || t.opts.Task == "auto" {
		t.opts.Task = "classification"
	}
	wanted := make(map[string]int)
	for _, name := range t.opts.Classes {
		if v, ok := dataset.ParseNumber(name); ok {
			name = dataset.FormatNumber(v)
		}
		wanted[name] = 0
	}
	known := t.levels(t.targets[0], false)
	c := t.frame.columns[t.targets[0]]
	left := make([]bool, t.frame.n)
	t.count = 0
	t.frame.each(t.targets[0], func(row int, cell float64) {
		name := dataset.FormatNumber(cell)
		if code, ok := wordOf(cell); ok {
			name = c.texts[code]
		}
		_, in := wanted[name]
		if left[row] = !in || !t.kept(row); !left[row] {
			wanted[name]++
			t.count++
		}
	})
	for name, rows := range wanted {
		if rows == 0 && !t.given {
			return &Error{Source: "classes", Err: ErrOption, Detail: fmt.Sprintf("no row of column %s is %q", c.name, name), Hint: "known are " + dataset.KnownList(known)}
		}
	}
	t.left = left
	t.note("%d of %d rows are of the classes %s; the others are left out.", t.count, t.frame.n, strings.Join(t.opts.Classes, ", "))
	return nil
}
