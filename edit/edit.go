// Package edit changes trained networks by linear algebra on their
// interpolation matrices, and proves what did not change.
//
// For most uses, call [Repair], which gives named rows what they should have
// while every other given row keeps what it had, and [Finish], which makes a
// network exact on a whole Set.
//
// An edit never trusts itself: what it returns is certified anew, on the
// network as it will be stored, by package certify.
package edit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Preserve says what an edit must leave alone on the rows to be kept.
type Preserve string

const (
	Bits      Preserve = "bits"      // every output, bit for bit: added units are proved to be exactly 0
	Values    Preserve = "values"    // every output, within a certified bound
	Decisions Preserve = "decisions" // the class that wins
)

// ParsePreserve returns the Preserve of that name; "" is [Bits].
func ParsePreserve(name string) (Preserve, error) {
	switch p := Preserve(name); p {
	case Bits, Values, Decisions:
		return p, nil
	case "":
		return Bits, nil
	}
	return "", fmt.Errorf("unknown %q: use bits, values or decisions", name)
}

// A ShapeError says that rows and network do not fit each other.
type ShapeError struct {
	Rows      string // which rows
	What      string // "inputs" or "outputs"
	Got, Want int    // of the rows, of the network
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s have %d %s, the network has %d", e.Rows, e.Got, e.What, e.Want)
}

// An OverlapError says that rows to be fixed are rows to be kept, too, and that
// the wish for them is another one.
type OverlapError struct {
	Pairs [][2]int // the row among those to fix, the row among those to keep; as numbered in their files
}

func (e *OverlapError) Error() string {
	var pairs []string
	for _, p := range e.Pairs[:min(len(e.Pairs), listed)] {
		pairs = append(pairs, fmt.Sprintf("%d (row %d to keep)", p[0], p[1]))
	}
	if len(e.Pairs) > listed {
		pairs = append(pairs, fmt.Sprintf("and %d more", len(e.Pairs)-listed))
	}
	if len(e.Pairs) == 1 {
		return fmt.Sprintf("a row to fix has the inputs of a row to keep, where the network says something else: row %s", pairs[0])
	}
	return fmt.Sprintf("%d rows to fix have the inputs of rows to keep, where the network says something else: rows %s", len(e.Pairs), strings.Join(pairs, ", "))
}

// listed is how many rows a message names.
const listed = 5

// An ImpossibleError says that the method cannot do what is asked, and for
// which rows.
type ImpossibleError struct {
	Reason string
	Advice string
	Rows   []int // as numbered in the file; empty when it is not a matter of rows
}

func (e *ImpossibleError) Error() string {
	s := e.Reason
	if len(e.Rows) > 0 {
		s += ": " + plural(len(e.Rows), "row ", "rows ") + rowList(e.Rows)
	}
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// rowList names the first rows of a list, in order.
func rowList(rows []int) string {
	rows = slices.Sorted(slices.Values(rows))
	var names []string
	for _, r := range rows[:min(len(rows), listed)] {
		names = append(names, strconv.Itoa(r))
	}
	if len(rows) > listed {
		names = append(names, fmt.Sprintf("and %d more", len(rows)-listed))
	}
	return strings.Join(names, ", ")
}
