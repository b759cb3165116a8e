package table

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"hinge/dataset"
)

// freshName returns a name for column j that is not taken in any case of its letters.
func freshName(name string, j int, taken map[string]bool) string {
	if name == "" {
		name = fmt.Sprintf("c%d", j+1)
	}
	for k, base := 2, name; taken[strings.ToLower(name)]; k++ {
		name = fmt.Sprintf("%s_%d", base, k)
	}
	return name
}

// names returns the names of all columns.
func (f *frame) names() []string {
	names := make([]string, len(f.columns))
	for j, c := range f.columns {
		names[j] = c.name
	}
	return names
}

// pick returns the columns that names or indices from 1 stand for. A name goes
// before an index. option is the one the texts come from, for messages.
func (f *frame) pick(option string, wanted []string) ([]int, error) {
	var columns []int
	seen := make(map[int]bool)
	for _, w := range wanted {
		w = strings.TrimSpace(w)
		j := f.find(w)
		if index, err := strconv.Atoi(w); j < 0 && err == nil && index >= 1 && index <= len(f.columns) {
			j = index - 1
		}
		if j < 0 {
			return nil, f.noColumn(option, w)
		}
		if seen[j] {
			return nil, &Error{Source: option, Err: ErrOption, Detail: fmt.Sprintf("column %s is named twice", f.columns[j].name)}
		}
		seen[j] = true
		columns = append(columns, j)
	}
	return columns, nil
}

// noColumn is the error for a column that is not there, with the nearest name.
func (f *frame) noColumn(option, wanted string) error {
	e := &Error{Source: f.source, Err: ErrColumn, Detail: fmt.Sprintf("--%s %q", option, wanted)}
	names := f.names()
	if near := nearest(wanted, names); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else {
		e.Hint = "the columns are " + dataset.KnownList(names)
	}
	if _, err := strconv.Atoi(wanted); err == nil {
		e.Hint = fmt.Sprintf("indices go from 1 to %d", len(names))
	}
	return e
}

// nearest returns the name at the least edit distance from wanted, case aside,
// if that is at most a third of its length, and "" otherwise.
func nearest(wanted string, names []string) string {
	best, least := "", len(wanted)/3+1
	ordered := append([]string(nil), names...)
	sort.Strings(ordered)
	for _, name := range ordered {
		if d := editDistance(strings.ToLower(wanted), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// editDistance is the least number of letters put in, left out, replaced or
// swapped with their neighbour (optimal string alignment), by the row-by-row recurrence.
func editDistance(a, b string) int {
	older, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j-1]+cost, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, last, row = last, row, older
	}
	return last[len(b)]
}
