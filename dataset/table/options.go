package table

import (
	"fmt"
	"slices"

	"hinge/dataset"
)

// defaultMaxLevels is the largest number of texts that a column is one-hot
// encoded for. Past it a column mostly names rows (titanic's cabins: 147 in
// 204 rows that have one) and each of its inputs serves one row or two; columns that
// describe rows have fewer (the 50 states, 2-letter codes of countries at most).
const defaultMaxLevels = 100

// check refuses values that no option has.
func (o *Options) check() error {
	for _, c := range []struct {
		name, value string
		known       []string
	}{
		{"header", o.Header, []string{"auto", "yes", "no"}},
		{"task", o.Task, []string{"auto", "regression", "classification"}},
		{"missing", o.Missing, []string{"error", "drop", "indicator"}},
		{"conflicts", o.Conflicts, []string{"error", "first", "mean", "majority", "drop"}},
		{"decimal", o.Decimal, []string{"auto", ".", ","}},
	} {
		if c.value == "" || slices.Contains(c.known, c.value) {
			continue
		}
		e := &Error{Source: c.name, Err: ErrOption, Detail: fmt.Sprintf("%q", c.value), Hint: "known are " + dataset.KnownList(c.known)}
		if near := nearest(c.value, c.known); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return e
	}
	if o.delimiter() == 0 && o.Delimiter != "" && o.Delimiter != "auto" {
		return &Error{Source: "delimiter", Err: ErrOption, Detail: fmt.Sprintf("%q", o.Delimiter), Hint: "give auto, tab, space, or one ASCII character that is no letter, digit, quote or line end"}
	}
	if o.Limit < 0 || o.MaxLevels < 0 {
		return &Error{Source: "limit", Err: ErrOption, Detail: "a negative number", Hint: "give 0 for no limit"}
	}
	return nil
}

// delimiter returns the delimiter told, or 0.
func (o *Options) delimiter() byte {
	switch o.Delimiter {
	case "tab", `\t`:
		return '\t'
	case "space":
		return ' '
	}
	if len(o.Delimiter) != 1 {
		return 0
	}
	c := o.Delimiter[0]
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	if letter || c >= '0' && c <= '9' || c == '"' || c == '\n' || c == '\r' || c >= 0x80 || c == 0 {
		return 0
	}
	return c
}

func (o *Options) maxLevels() int {
	if o.MaxLevels == 0 {
		return defaultMaxLevels
	}
	return o.MaxLevels
}

// missing returns the policy for missing cells.
func (o *Options) missing() string {
	if o.Missing == "" {
		return "error"
	}
	return o.Missing
}
