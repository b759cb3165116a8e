// Package dataset holds tables of numbers to be reproduced: inputs, targets,
// and the schema that leads from a raw table to them.
//
// For most uses, read a file with package dataset/table, or make a Set from
// numbers with [New] (regression) or [NewClasses] (classification).
//
// A Set is a function on its rows: equal inputs have equal targets, and no
// input stands twice. New reports what breaks that as typed errors that name
// rows; [Clean] keeps, averages or drops such rows as told. [Moons], [Friedman]
// and their like generate Sets; [Set.Split] holds rows back for testing.
package dataset

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/digest"
)

// Task is what the targets are.
type Task string

const (
	Regression     Task = "regression"     // p real targets; hit when all are within the tolerance
	Classification Task = "classification" // one of p classes; hit when the right output wins
)

// Set is n rows of d inputs with their targets.
type Set struct {
	X     *mat.Dense // n x d, encoded inputs, unscaled: what the network is fed
	Y     *mat.Dense // n x p targets; for classes the indicator of the class (1 and 0)
	Class []int      // n class indices into Schema.Classes; nil for regression

	Rows   []int    // n; the row of the file each row comes from, the first data row is 1
	Merged []Merge  // rows of the file left out because an equal row is present
	Notes  []string // what reading and cleaning did to the table, for the report, one sentence each
	Schema Schema   // how raw rows become X
	Source string   // the file, glob or generator, for messages
}

// Merge says that a row of the file is represented by another one.
type Merge struct {
	Row  int `json:"row"`  // the row left out
	Into int `json:"into"` // the equal row that stands for it
}

// Schema says how rows of a raw table become inputs, and outputs become
// answers. It travels inside exported files as JSON.
type Schema struct {
	Task    Task     `json:"task"`
	Columns []Column `json:"columns"`           // the raw feature columns, in order
	Targets []string `json:"targets,omitempty"` // names of the target columns
	Classes []string `json:"classes,omitempty"` // names of the classes, in the order of the outputs
}

// Column is one raw feature column and its encoding.
type Column struct {
	Name string `json:"name"`
	// Levels are the texts of a categorical column in the order of its
	// indicator inputs. The first level is the reference: it has no input of
	// its own and reads as all zeros. Nil for a numeric column.
	Levels []string `json:"levels,omitempty"`
	// Moment is the kind of a column of ISO dates or times, which read as one
	// number; "" for all other columns.
	Moment Moment `json:"moment,omitempty"`
	// Indicator says that a further input tells whether the cell is missing;
	// a missing number then reads as Fill.
	Indicator bool    `json:"indicator,omitempty"`
	Fill      float64 `json:"fill,omitempty"`
}

// Inputs returns the number of inputs the column is encoded as.
func (c *Column) Inputs() int {
	width := 1
	if c.Levels != nil {
		width = max(len(c.Levels)-1, 0)
	}
	if c.Indicator {
		width++
	}
	return width
}

// InputNames returns the name of every input, in order: the column's own name,
// name=level for indicators of a text column, name? for missing indicators.
func (s *Schema) InputNames() []string {
	var names []string
	for _, c := range s.Columns {
		if c.Levels == nil {
			names = append(names, c.Name)
		} else {
			for _, level := range c.Levels[min(1, len(c.Levels)):] {
				names = append(names, c.Name+"="+level)
			}
		}
		if c.Indicator {
			names = append(names, c.Name+"?")
		}
	}
	return names
}

// N returns the number of rows.
func (s *Set) N() int { n, _ := s.X.Dims(); return n }

// D returns the number of inputs.
func (s *Set) D() int { _, d := s.X.Dims(); return d }

// P returns the number of outputs: the targets, or the classes.
func (s *Set) P() int { _, p := s.Y.Dims(); return p }

// IsClasses reports whether the targets are classes.
func (s *Set) IsClasses() bool { return s.Class != nil }

// Range returns, for each of the p targets, max - min over the rows, or 1
// where the target is constant: the unit of regression tolerances.
func (s *Set) Range() []float64 {
	n, p := s.Y.Dims()
	ranges := make([]float64, p)
	for j := range ranges {
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := 0; i < n; i++ {
			lo, hi = min(lo, s.Y.At(i, j)), max(hi, s.Y.At(i, j))
		}
		ranges[j] = hi - lo
		if ranges[j] == 0 {
			ranges[j] = 1
		}
	}
	return ranges
}

// Rounded returns the Set as a float32 runtime would be fed it: every input and
// target rounded to float32. Rows that become equal are merged or reported as
// by [New]; more than 2^24 classes are a [*ClassesError].
func (s *Set) Rounded() (*Set, error) {
	if err := s.checkClasses32(); err != nil {
		return nil, err
	}
	round := func(m *mat.Dense) *mat.Dense {
		r := mat.DenseCopyOf(m)
		r.Apply(func(_, _ int, v float64) float64 { return float64(float32(v)) }, r)
		return r
	}
	r := *s
	r.X, r.Y = round(s.X), round(s.Y)
	return r.clean(ConflictsError, "in float32")
}

// Digest returns the SHA-256 of the inputs and targets, bit by bit, in order.
func (s *Set) Digest() [32]byte {
	d := digest.New()
	for _, m := range []*mat.Dense{s.X, s.Y} {
		rows, cols := m.Dims()
		d.Number(uint64(rows))
		d.Number(uint64(cols))
		for i := 0; i < rows; i++ {
			d.Floats(m.RawRowView(i))
		}
	}
	d.Text(string(s.Schema.Task))
	return d.Sum()
}

// New returns the regression Set of the rows of x (n x d) with targets y
// (n x p). Rows equal in inputs and targets are merged. It returns a
// [*ValueError] for a number that is not finite, a [*ConflictError] for equal
// inputs with different targets, and a [*SizeError] when there are no rows or x
// and y have different numbers of them.
func New(x, y *mat.Dense) (*Set, error) {
	s := &Set{X: x, Y: y, Schema: Schema{Task: Regression}}
	n, p := y.Dims()
	if err := s.checkSize(n); err != nil {
		return nil, err
	}
	s.Schema.Targets = numbered("y", p)
	return s.finish()
}

// NewClasses returns the classification Set of the rows of x (n x d) with
// class indices class (n), 0 <= class[i] < len(classes). Errors as for [New],
// and a [*ClassError] for an index outside that range.
func NewClasses(x *mat.Dense, class []int, classes []string) (*Set, error) {
	s := &Set{X: x, Class: class, Schema: Schema{Task: Classification, Targets: []string{"class"}, Classes: classes}}
	if err := s.checkSize(len(class)); err != nil {
		return nil, err
	}
	for i, c := range class {
		if c < 0 || c >= len(classes) {
			return nil, &ClassError{Row: i + 1, Class: c, Classes: len(classes)}
		}
	}
	s.Y = Indicators(class, len(classes))
	return s.finish()
}

// Indicators returns the n x k matrix with a 1 in row i, column class[i], and 0
// elsewhere: the targets of a classification.
func Indicators(class []int, k int) *mat.Dense {
	y := mat.NewDense(len(class), k, nil)
	for i, c := range class {
		y.Set(i, c, 1)
	}
	return y
}

// finish names the inputs and rows of a Set made from bare numbers, and cleans it.
func (s *Set) finish() (*Set, error) {
	n, d := s.X.Dims()
	for _, name := range numbered("x", d) {
		s.Schema.Columns = append(s.Schema.Columns, Column{Name: name})
	}
	s.Rows = make([]int, n)
	for i := range s.Rows {
		s.Rows[i] = i + 1
	}
	return Clean(s, ConflictsError)
}

func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return names
}
