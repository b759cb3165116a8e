package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Why a cell cannot be encoded, for errors.Is.
var (
	ErrMissing   = errors.New("missing cell")
	ErrNotNumber = errors.New("not a number")
	ErrNotFinite = errors.New("not a finite number")
	ErrNotMoment = errors.New("not a date or time of the column's kind")
	ErrLevel     = errors.New("unknown text")
	ErrCells     = errors.New("wrong number of cells")
)

// A CellError is a cell of a raw table that the schema cannot encode.
type CellError struct {
	Source string
	Row    int // from 1; 0 when the caller counts
	Column string
	Cell   string
	Known  []string // the known levels or classes, for ErrLevel
	Err    error
}

func (e *CellError) Error() string {
	var where []string
	if e.Row > 0 {
		where = append(where, fmt.Sprintf("row %d", e.Row))
	}
	if e.Column != "" {
		where = append(where, "column "+e.Column)
	}
	message := fmt.Sprintf("%s%s: %v: %q", prefix(e.Source), strings.Join(where, ", "), e.Err, e.Cell)
	if e.Known != nil {
		message += "; known are " + KnownList(e.Known)
	}
	return message
}

// Unwrap returns the reason.
func (e *CellError) Unwrap() error { return e.Err }

// KnownList returns the texts, quoted, with commas between; of more than ten the first ten.
func KnownList(texts []string) string {
	var quoted []string
	for i, t := range texts {
		if i == 10 {
			return strings.Join(quoted, ", ") + fmt.Sprintf(" and %d more", len(texts)-10)
		}
		quoted = append(quoted, fmt.Sprintf("%q", t))
	}
	return strings.Join(quoted, ", ")
}

// Encode turns the cells of one raw row, one per feature column in order, into
// the network's inputs dst (as many as [Schema.InputNames]). It returns a
// [*CellError] for the first cell that cannot be encoded.
//
// It serves single rows; package dataset/table encodes whole tables.
func (s *Schema) Encode(dst []float64, cells []string) error {
	if len(cells) != len(s.Columns) {
		return &CellError{Cell: fmt.Sprintf("%d cells for %d columns", len(cells), len(s.Columns)), Err: ErrCells}
	}
	for j := range s.Columns {
		width := s.Columns[j].Inputs()
		if len(dst) < width {
			return &CellError{Cell: fmt.Sprintf("room for too few inputs; the schema has %d", len(s.InputNames())), Err: ErrCells}
		}
		if err := s.Columns[j].Encode(dst[:width], cells[j]); err != nil {
			return err
		}
		dst = dst[width:]
	}
	return nil
}

// Encode turns one cell into the column's inputs dst (Inputs() of them), or
// returns a [*CellError]:
//
//	number   the number
//	text     an indicator per level but the first; all zeros for the first
//	moment   one number; see [Moment]
//	missing  only with an Indicator, which is then 1: Fill, or all zeros for a text
func (c *Column) Encode(dst []float64, cell string) error {
	clear(dst)
	fault := func(err error) error {
		return &CellError{Column: c.Name, Cell: cell, Err: err}
	}
	switch {
	case IsMissing(cell):
		if !c.Indicator {
			return fault(ErrMissing)
		}
		c.EncodeMissing(dst)
		return nil
	case c.Levels != nil:
		level := slices.Index(c.Levels, LevelText(cell))
		if level < 0 {
			return &CellError{Column: c.Name, Cell: cell, Known: c.Levels, Err: ErrLevel}
		}
		if level > 0 {
			dst[level-1] = 1
		}
		return nil
	case c.Moment != "":
		value, ok := c.Moment.Parse(strings.TrimSpace(cell))
		if !ok {
			return fault(ErrNotMoment)
		}
		dst[0] = value
		return nil
	}
	value, ok := ParseNumber(cell)
	switch {
	case !ok:
		return fault(ErrNotNumber)
	case math.IsInf(value, 0):
		return fault(ErrNotFinite)
	}
	dst[0] = value
	return nil
}

// EncodeMissing writes the inputs dst of a missing cell; the column has an Indicator.
func (c *Column) EncodeMissing(dst []float64) {
	clear(dst)
	if c.Levels == nil {
		dst[0] = c.Fill
	}
	dst[len(dst)-1] = 1
}

// ClassIndex returns the index of the class that a target cell names.
func (s *Schema) ClassIndex(cell string) (int, error) {
	if i := slices.Index(s.Classes, LevelText(cell)); i >= 0 {
		return i, nil
	}
	column := ""
	if len(s.Targets) > 0 {
		column = s.Targets[0]
	}
	return 0, &CellError{Column: column, Cell: cell, Known: s.Classes, Err: ErrLevel}
}
