package dataset

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// A ValueError is a cell that is no finite number.
type ValueError struct {
	Source string // the file, if known
	Row    int    // from 1
	Column string
	Value  float64
	Where  string // "" or the arithmetic in which the number is not finite
}

func (e *ValueError) Error() string {
	where := ""
	if e.Where != "" {
		where = " " + e.Where
	}
	return fmt.Sprintf("%srow %d, column %s: %v is not a finite number%s", prefix(e.Source), e.Row, e.Column, e.Value, where)
}

// A SizeError is a Set without rows, or with different numbers of inputs and targets.
type SizeError struct {
	Source string
	X, Y   int // rows of inputs, rows of targets
}

func (e *SizeError) Error() string {
	if e.X == e.Y {
		return prefix(e.Source) + "no data rows: there is nothing to reproduce"
	}
	return fmt.Sprintf("%s%d rows of inputs but %d rows of targets", prefix(e.Source), e.X, e.Y)
}

// A ClassError is a class index that names no class.
type ClassError struct {
	Row     int // from 1
	Class   int // the index
	Classes int // how many classes there are
}

func (e *ClassError) Error() string {
	return fmt.Sprintf("row %d: class %d is not one of the %d classes, which are numbered from 0", e.Row, e.Class, e.Classes)
}

// mostClasses32 is how many classes a float32 problem may have: the whole numbers
// up to 2^24 are those that float32 tells apart, so a class beyond has no number
// there.
const mostClasses32 = 1 << 24

// A ClassesError is more classes than an arithmetic tells apart.
type ClassesError struct {
	Source  string
	Target  string // the column
	Classes int
}

func (e *ClassesError) Error() string {
	return fmt.Sprintf("%scolumn %s: %d classes, but float32 tells no more than %d whole numbers apart; use float64, or join rare classes",
		prefix(e.Source), e.Target, e.Classes, mostClasses32)
}

func (s *Set) checkClasses32() error {
	if k := len(s.Schema.Classes); k > mostClasses32 {
		return &ClassesError{Source: s.Source, Target: strings.Join(s.Schema.Targets, ", "), Classes: k}
	}
	return nil
}

func (s *Set) checkSize(targets int) error {
	n, _ := s.X.Dims()
	if n == 0 || n != targets {
		return &SizeError{Source: s.Source, X: n, Y: targets}
	}
	return nil
}

// A ConflictError is rows with equal inputs and different targets: no function
// reproduces them.
type ConflictError struct {
	Source string
	Where  string  // "" or the arithmetic in which the rows became equal
	Groups [][]int // rows of the file, a group per input, groups by first row
}

func (e *ConflictError) Error() string {
	var b strings.Builder
	equal := "equal features"
	if e.Where != "" {
		equal += " " + e.Where
	}
	subject := fmt.Sprintf("%d groups of rows", len(e.Groups))
	if len(e.Groups) == 1 {
		subject = "rows"
	}
	fmt.Fprintf(&b, "%s%s with %s have different targets:", prefix(e.Source), subject, equal)
	for i, g := range e.Groups {
		if i == listed {
			fmt.Fprintf(&b, "\n  ... and %d more groups", len(e.Groups)-listed)
			break
		}
		fmt.Fprintf(&b, "\n  rows %s", rowList(g))
	}
	b.WriteString("\nno function reproduces them; choose --conflicts first, mean, majority or drop")
	return b.String()
}

func prefix(source string) string {
	if source == "" {
		return ""
	}
	return source + ": "
}

// listed is how many problems of a kind a message lists.
const listed = 5

// rowList returns the rows as "3, 17, 20"; of more than ten the first ten.
func rowList(rows []int) string {
	var b strings.Builder
	for i, r := range rows {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(rows)-10)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, r)
	}
	return b.String()
}

func (s *Set) fileRows(rows []int) []int {
	file := make([]int, len(rows))
	for k, i := range rows {
		file[k] = s.Rows[i]
	}
	return file
}

// Select returns the Set of the given rows (indices from 0), in that order,
// with the same schema and notes.
func (s *Set) Select(rows []int) *Set {
	r := *s
	r.X, r.Y = selectRows(s.X, rows), selectRows(s.Y, rows)
	r.Rows = s.fileRows(rows)
	if s.Class != nil {
		r.Class = make([]int, len(rows))
		for k, i := range rows {
			r.Class[k] = s.Class[i]
		}
	}
	return &r
}

func selectRows(m *mat.Dense, rows []int) *mat.Dense {
	_, cols := m.Dims()
	if len(rows) == 0 {
		return &mat.Dense{}
	}
	r := mat.NewDense(len(rows), cols, nil)
	for k, i := range rows {
		copy(r.RawRowView(k), m.RawRowView(i))
	}
	return r
}

// checkFinite reports the first number that is not finite; where names the
// arithmetic, if any.
func (s *Set) checkFinite(where string) error {
	names := s.Schema.InputNames()
	check := func(m *mat.Dense, name func(j int) string) error {
		n, _ := m.Dims()
		for i := 0; i < n; i++ {
			for j, v := range m.RawRowView(i) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &ValueError{Source: s.Source, Row: s.Rows[i], Column: name(j), Value: v, Where: where}
				}
			}
		}
		return nil
	}
	if err := check(s.X, func(j int) string { return names[j] }); err != nil {
		return err
	}
	return check(s.Y, func(j int) string {
		if j < len(s.Schema.Targets) {
			return s.Schema.Targets[j]
		}
		return fmt.Sprintf("target %d", j+1)
	})
}
