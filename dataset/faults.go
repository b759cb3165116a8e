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
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%srow %d, column %s: %v is not a finite number", prefix(e.Source), e.Row, e.Column, e.Value)
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
	fmt.Fprintf(&b, "%s%d groups of rows have %s but different targets:", prefix(e.Source), len(e.Groups), equal)
	for i, g := range e.Groups {
		if i == 5 {
			fmt.Fprintf(&b, "\n  ... and %d more groups", len(e.Groups)-5)
			break
		}
		fmt.Fprintf(&b, "\n  rows %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(g), " ", ", "), "[]"))
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

// normalize checks that all numbers are finite, merges equal rows and reports
// conflicts.
func (s *Set) normalize(where string) error {
	if err := s.checkFinite(); err != nil {
		return err
	}
	groups := s.equalInputs()
	if len(groups) == 0 {
		return nil
	}
	conflict := &ConflictError{Source: s.Source, Where: where}
	drop := make(map[int]bool)
	for _, g := range groups {
		same := true
		for _, i := range g[1:] {
			same = same && equalRows(s.Y.RawRowView(g[0]), s.Y.RawRowView(i))
		}
		if !same {
			conflict.Groups = append(conflict.Groups, s.fileRows(g))
			continue
		}
		for _, i := range g[1:] {
			drop[i] = true
			s.Merged = append(s.Merged, Merge{Row: s.Rows[i], Into: s.Rows[g[0]]})
		}
	}
	if len(conflict.Groups) > 0 {
		return conflict
	}
	var keep []int
	for i := range s.Rows {
		if !drop[i] {
			keep = append(keep, i)
		}
	}
	*s = *s.Select(keep)
	return nil
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
	r := mat.NewDense(len(rows), cols, nil)
	for k, i := range rows {
		copy(r.RawRowView(k), m.RawRowView(i))
	}
	return r
}

func (s *Set) checkFinite() error {
	names := s.Schema.InputNames()
	check := func(m *mat.Dense, name func(j int) string) error {
		n, _ := m.Dims()
		for i := 0; i < n; i++ {
			for j, v := range m.RawRowView(i) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return &ValueError{Source: s.Source, Row: s.Rows[i], Column: name(j), Value: v}
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

// equalInputs returns the groups of two or more rows with equal inputs, each
// in ascending order, the groups ordered by first row. O(n d) expected.
func (s *Set) equalInputs() [][]int {
	n := s.N()
	first := make(map[uint64][]int, n) // hash -> indices into groups
	var groups [][]int
	for i := 0; i < n; i++ {
		row := s.X.RawRowView(i)
		h := hashRow(row)
		found := false
		for _, g := range first[h] {
			if equalRows(s.X.RawRowView(groups[g][0]), row) {
				groups[g] = append(groups[g], i)
				found = true
				break
			}
		}
		if !found {
			first[h] = append(first[h], len(groups))
			groups = append(groups, []int{i})
		}
	}
	var many [][]int
	for _, g := range groups {
		if len(g) > 1 {
			many = append(many, g)
		}
	}
	return many
}

// hashRow is FNV-1a over the numbers' bits, with -0 as 0.
func hashRow(row []float64) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range row {
		bits := math.Float64bits(v + 0)
		if v == 0 {
			bits = 0
		}
		for s := 0; s < 64; s += 16 {
			h = (h ^ (bits >> s & 0xffff)) * 1099511628211
		}
	}
	return h
}

func equalRows(a, b []float64) bool {
	for j, v := range a {
		if v != b[j] {
			return false
		}
	}
	return true
}
