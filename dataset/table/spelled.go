package table

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Numbers and lines that people read at a glance and a table does not hold:
// groups of digits, and lines that begin with #. Reading on would make texts of
// the numbers, and an input of every one of them, without a word; so they are
// refused, with what to do.

// grouped are numbers whose digits stand in groups of three.
var grouped = regexp.MustCompile(`^[+-]?\d{1,3}([,' \x{a0}\x{202f}]\d{3})+(\.\d+)?$`)

// isGrouped reports whether all texts of the column are such numbers.
func (c *column) isGrouped() bool {
	return c.words > 0 && !slices.ContainsFunc(c.texts, func(text string) bool { return !grouped.MatchString(text) })
}

// checkGrouped refuses text column j when its texts are numbers in groups of
// digits; orElse says what reads them as texts.
func (t *reading) checkGrouped(j int, orElse string) error {
	c := t.frame.columns[j]
	if !c.isText() || !c.isGrouped() {
		return nil
	}
	e := &Error{Source: t.frame.source, Err: ErrNotNumber, Hint: groupedHint(c.name, c.texts[0]) + "; " + orElse}
	t.frame.each(j, func(row int, cell float64) {
		if _, word := wordOf(cell); word {
			e.add(row+1, c.name, c.display(cell))
		}
	})
	return e
}

// groupedHint says what to do about a number in groups of digits.
func groupedHint(name, found string) string {
	separator := strings.Trim(found, "+-.0123456789")
	separator = string([]rune(separator)[:1])
	return fmt.Sprintf(`take the separators out of the numbers (%s is %s), for instance with --sql "SELECT * REPLACE (CAST(replace(%s, '%s', '') AS DOUBLE) AS %s) FROM data"`,
		found, strings.ReplaceAll(found, separator, ""), quoteName(name), strings.ReplaceAll(separator, "'", "''"), quoteName(name))
}

// numberHint is what to do about a text among the numbers of the named column.
func numberHint(name, text, otherwise string) string {
	switch {
	case grouped.MatchString(text):
		return groupedHint(name, text)
	case strings.HasPrefix(text, "#"):
		return commentHint
	}
	return otherwise
}

// commentHint is what to do about lines that begin with #.
const commentHint = "lines that begin with # are rows like all others in a table: take such comments out, for instance with  grep -v '^#' FILE | hinge ... -"

// raggedHint is what to do about rows of another number of cells than the first
// row, whose cells are names.
func raggedHint(names, cells []string) string {
	if strings.HasPrefix(names[0], "#") || len(cells) > 0 && strings.HasPrefix(cells[0], "#") {
		return commentHint
	}
	return fmt.Sprintf("every row must have %d cells, as the first one has", len(names))
}
