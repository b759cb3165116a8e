package table

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of problems with a table, for errors.Is.
var (
	ErrMissing    = errors.New("missing cell")
	ErrNotNumber  = errors.New("not a number")
	ErrNotFinite  = errors.New("not a finite number")
	ErrRagged     = errors.New("wrong number of cells")
	ErrLevel      = errors.New("unknown text")
	ErrLevels     = errors.New("too many different texts")
	ErrClasses    = errors.New("too many classes")
	ErrColumn     = errors.New("no such column")
	ErrShape      = errors.New("wrong number of columns")
	ErrEmpty      = errors.New("the file is empty")
	ErrNoRows     = errors.New("no data rows")
	ErrOneRow     = errors.New("only one data row")
	ErrConstant   = errors.New("constant target")
	ErrNoFeatures = errors.New("no feature columns")
	ErrOption     = errors.New("bad option")
	ErrFormat     = errors.New("broken file")
)

// A Cell is one place in a table and what was found there.
type Cell struct {
	Row    int    // from 1: the first data row; 0: the whole column
	Column string // "": the whole row
	Found  string // the cell's text, or what was found instead
}

// An Error is all problems of one kind with a table.
type Error struct {
	Source string // the file, or the option's name for ErrOption
	Cells  []Cell // the first five; empty when the table as a whole is at fault
	Count  int    // of all of them
	Detail string // what was found, "" when the cells say it
	Hint   string // what to do
	Err    error  // the kind; see errors.Is
}

// listed is how many problems of a kind an Error lists.
const listed = 5

func (e *Error) Error() string {
	var b strings.Builder
	if e.Source != "" && e.Err == ErrOption {
		b.WriteString("--" + e.Source + ": ")
	} else if e.Source != "" {
		b.WriteString(e.Source + ": ")
	}
	b.WriteString(e.Err.Error())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Count > 1 {
		fmt.Fprintf(&b, " (%d in all)", e.Count)
	}
	for _, c := range e.Cells {
		b.WriteString("\n  " + c.String())
	}
	if e.Count > len(e.Cells) && len(e.Cells) > 0 {
		fmt.Fprintf(&b, "\n  ... and %d more", e.Count-len(e.Cells))
	}
	if e.Hint != "" {
		b.WriteString("\n" + e.Hint)
	}
	return b.String()
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Err }

// Row returns the first faulty row, from 1, or 0.
func (e *Error) Row() int {
	if len(e.Cells) == 0 {
		return 0
	}
	return e.Cells[0].Row
}

// Column returns the first faulty column, or "".
func (e *Error) Column() string {
	if len(e.Cells) == 0 {
		return ""
	}
	return e.Cells[0].Column
}

func (c Cell) String() string {
	var parts []string
	if c.Row > 0 {
		parts = append(parts, fmt.Sprintf("row %d", c.Row))
	}
	if c.Column != "" {
		parts = append(parts, "column "+c.Column)
	}
	where := strings.Join(parts, ", ")
	if c.Found == "" {
		return where
	}
	return where + ": " + c.Found
}

// add counts a faulty cell and keeps the first five.
func (e *Error) add(row int, column, found string) {
	e.Count++
	if len(e.Cells) < listed {
		e.Cells = append(e.Cells, Cell{row, column, found})
	}
}
