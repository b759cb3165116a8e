package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// naiveGroups is equalInputs by comparing every row with every other.
func naiveGroups(x *mat.Dense) [][]int {
	n, _ := x.Dims()
	var groups [][]int
	done := make([]bool, n)
	for i := range n {
		group := []int{i}
		for k := i + 1; k < n; k++ {
			if !done[k] && equalRows(x.RawRowView(i), x.RawRowView(k)) {
				done[k] = true
				group = append(group, k)
			}
		}
		if len(group) > 1 && !done[i] {
			groups = append(groups, group)
		}
	}
	return groups
}

func drawSet(t *rapid.T) *Set {
	n, d, p := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 3).Draw(t, "d"), rapid.IntRange(1, 2).Draw(t, "p")
	few := rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.5, 1e300, -1e300, 5e-324})
	s := &Set{X: mat.NewDense(n, d, nil), Y: mat.NewDense(n, p, nil), Schema: Schema{Task: Regression}}
	for _, m := range []*mat.Dense{s.X, s.Y} {
		m.Apply(func(_, _ int, _ float64) float64 { return few.Draw(t, "v") }, m)
	}
	for i := range n {
		s.Rows = append(s.Rows, 2*i+1)
	}
	s.Schema.Columns = make([]Column, d)
	return s
}

func TestEqualInputs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSet(t)
		got, want := s.equalInputs(), naiveGroups(s.X)
		if !slices.EqualFunc(got, want, func(a, b []int) bool { return slices.Equal(a, b) }) {
			t.Fatalf("groups %v, want %v", got, want)
		}
	})
}

// Whatever the policy, the cleaned Set is a function on its rows, keeps the
// order of the file, leaves the given Set as it was, and accounts for every row.
func TestCleanMakesAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSet(t)
		before := s.Digest()
		groups := naiveGroups(s.X)
		for _, policy := range []Conflicts{ConflictsFirst, ConflictsMean, ConflictsMajority, ConflictsDrop} {
			c, err := Clean(s, policy)
			var size *SizeError
			if policy == ConflictsDrop && errors.As(err, &size) {
				continue // nothing was left
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(c.equalInputs()) > 0 || !slices.IsSorted(c.Rows) && policy != ConflictsMajority {
				t.Fatalf("%s: rows %v, equal %v", policy, c.Rows, c.equalInputs())
			}
			inGroups := 0
			for _, g := range groups {
				inGroups += len(g) - 1
			}
			if policy != ConflictsDrop && c.N() != s.N()-inGroups || c.N()+len(c.Merged) > s.N() {
				t.Fatalf("%s: %d rows and %d merged of %d, with %d repeated", policy, c.N(), len(c.Merged), s.N(), inGroups)
			}
			for _, m := range c.Merged {
				if !equalRows(s.X.RawRowView(m.Row/2), s.X.RawRowView(m.Into/2)) || m.Row == m.Into {
					t.Fatalf("%s: %v merges different rows", policy, m)
				}
			}
		}
		if s.Digest() != before {
			t.Fatal("Clean changed the Set it was given")
		}
	})
}

// The mean of classes is the most frequent class, the first seen on ties, as
// the majority is, and the note says why.
func TestMeanOfClasses(t *testing.T) {
	class := []int{0, 2, 1, 2, 0, 1, 1}
	s := &Set{X: mat.NewDense(7, 1, []float64{1, 1, 2, 1, 2, 3, 4}), Y: Indicators(class, 3), Class: class, Rows: []int{1, 2, 3, 4, 5, 6, 7},
		Schema: Schema{Task: Classification, Columns: []Column{{Name: "x"}}, Classes: []string{"a", "b", "c"}}}
	mean, err := Clean(s, ConflictsMean)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(mean.Rows, []int{2, 3, 6, 7}) || !slices.Equal(mean.Class, []int{2, 1, 1, 1}) {
		t.Errorf("rows %v, classes %v", mean.Rows, mean.Class)
	}
	if len(mean.Notes) != 1 || !strings.Contains(mean.Notes[0], "classes have no mean") || !strings.Contains(mean.Notes[0], "rows 1, 2, 4; 3, 5") {
		t.Errorf("notes %q", mean.Notes)
	}
	if majority, err := Clean(s, ConflictsMajority); err != nil || majority.Digest() != mean.Digest() {
		t.Errorf("the majority differs: %v, %v", majority.Rows, err)
	}
	var policy *PolicyError
	if _, err := Clean(s, "average"); !errors.As(err, &policy) || !strings.Contains(err.Error(), "average") {
		t.Errorf("an unknown policy gives %v", err)
	}
}

// More classes than float32 has consecutive whole numbers are refused there.
func TestClassesOfFloat32(t *testing.T) {
	s, err := NewClasses(mat.NewDense(2, 1, []float64{1, 2}), []int{0, 1}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	s.Source, s.Schema.Targets = "t.csv", []string{"id"}
	if _, err := s.Rounded(); err != nil {
		t.Errorf("two classes give %v", err)
	}
	s.Schema.Classes = make([]string, 1<<24) // never written to, so they cost nothing
	if err := s.checkClasses32(); err != nil {
		t.Errorf("2^24 classes give %v", err)
	}
	s.Schema.Classes = make([]string, 1<<24+1)
	var classes *ClassesError
	if _, err := s.Rounded(); !errors.As(err, &classes) || !strings.HasPrefix(err.Error(), "t.csv: column id: 16777217 classes") {
		t.Errorf("2^24 + 1 classes give %v", err)
	}
}

func TestPolicies(t *testing.T) {
	x := mat.NewDense(7, 1, []float64{1, 2, 1, 2, 1, 3, 3})
	y := mat.NewDense(7, 1, []float64{10, 5, 40, 5, 40, 7, 8})
	for policy, want := range map[Conflicts]struct {
		rows []int
		y    []float64
	}{
		ConflictsFirst:    {[]int{1, 2, 6}, []float64{10, 5, 7}},
		ConflictsMean:     {[]int{1, 2, 6}, []float64{30, 5, 7.5}},
		ConflictsMajority: {[]int{2, 3, 6}, []float64{5, 40, 7}},
		ConflictsDrop:     {[]int{2}, []float64{5}},
	} {
		s := &Set{X: x, Y: y, Rows: []int{1, 2, 3, 4, 5, 6, 7}, Schema: Schema{Task: Regression, Columns: []Column{{Name: "x"}}}}
		c, err := Clean(s, policy)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Rows, want.rows) || !slices.EqualFunc(c.Y.RawMatrix().Data, want.y, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%s: rows %v, targets %v; want %v", policy, c.Rows, c.Y.RawMatrix().Data, want)
		}
		if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "rows 1, 3, 5; 6, 7") {
			t.Errorf("%s: notes %q do not name the rows", policy, c.Notes)
		}
	}
	_, err := New(x, y)
	var conflict *ConflictError
	if !errors.As(err, &conflict) || fmt.Sprint(conflict.Groups) != "[[1 3 5] [6 7]]" {
		t.Errorf("New gives %v", err)
	}
	kept, err := MergeEqual(&Set{X: x, Y: y, Rows: []int{1, 2, 3, 4, 5, 6, 7}, Schema: Schema{Columns: []Column{{Name: "x"}}}})
	if err != nil || !slices.Equal(kept.Rows, []int{1, 2, 3, 6, 7}) {
		t.Errorf("MergeEqual keeps %v, %v", kept, err)
	}
}

func TestBadSets(t *testing.T) {
	one := mat.NewDense(2, 1, []float64{1, 2})
	var size *SizeError
	if _, err := New(&mat.Dense{}, &mat.Dense{}); !errors.As(err, &size) || !strings.Contains(err.Error(), "no data rows") {
		t.Errorf("no rows give %v", err)
	}
	if _, err := New(one, mat.NewDense(3, 1, nil)); !errors.As(err, &size) || size.X != 2 || size.Y != 3 {
		t.Errorf("2 and 3 rows give %v", err)
	}
	var class *ClassError
	if _, err := NewClasses(one, []int{0, 2}, []string{"a", "b"}); !errors.As(err, &class) || class.Row != 2 {
		t.Errorf("class 2 of 2 gives %v", err)
	}
	var value *ValueError
	if _, err := New(one, mat.NewDense(2, 1, []float64{0, math.Inf(-1)})); !errors.As(err, &value) || value.Row != 2 || value.Column != "y1" {
		t.Errorf("an infinite target gives %v", err)
	}
	big, err := New(mat.NewDense(2, 1, []float64{1, 1e39}), one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := big.Rounded(); !errors.As(err, &value) || value.Where != "in float32" {
		t.Errorf("1e39 in float32 gives %v", err)
	}
	near, err := New(mat.NewDense(2, 1, []float64{1, 1 + 1e-12}), one)
	if err != nil {
		t.Fatal(err)
	}
	var conflict *ConflictError
	if _, err := near.Rounded(); !errors.As(err, &conflict) || conflict.Where != "in float32" {
		t.Errorf("rows equal in float32 give %v", err)
	}
}

func TestSplit(t *testing.T) {
	s := RandomReal(101, 2, 1, 1)
	train, test, err := s.Split(0.8, 7)
	if err != nil {
		t.Fatal(err)
	}
	rows := append(slices.Clone(train.Rows), test.Rows...)
	slices.Sort(rows)
	if train.N() != 81 || !slices.Equal(rows, s.Rows) || !slices.IsSorted(train.Rows) || !slices.IsSorted(test.Rows) {
		t.Errorf("parts of %d and %d rows, together %v", train.N(), test.N(), rows)
	}
	again, _, _ := s.Split(0.8, 7)
	other, _, _ := s.Split(0.8, 8)
	if again.Digest() != train.Digest() || other.Digest() == train.Digest() {
		t.Error("the seed does not decide the split")
	}
	for _, fraction := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := s.Split(fraction, 1); err == nil {
			t.Errorf("fraction %v is taken", fraction)
		}
	}
}

func TestGenerators(t *testing.T) {
	for name, c := range map[string]struct {
		generate func(seed uint64) *Set
		n, d, p  int
	}{
		"moons":    {func(s uint64) *Set { return Moons(200, 0.1, s) }, 200, 2, 2},
		"spiral":   {func(s uint64) *Set { return Spiral(300, 3, 0.02, s) }, 300, 2, 3},
		"friedman": {func(s uint64) *Set { return Friedman(100, 1, s) }, 100, 10, 1},
		"franke":   {func(s uint64) *Set { return Franke(100, 0, s) }, 100, 2, 1},
		"real":     {func(s uint64) *Set { return RandomReal(50, 3, 4, s) }, 50, 3, 4},
		"classes":  {func(s uint64) *Set { return RandomClasses(50, 3, 4, s) }, 50, 3, 4},
	} {
		s := c.generate(3)
		if s.N() != c.n || s.D() != c.d || s.P() != c.p || len(s.Schema.InputNames()) != c.d || s.Source == "" {
			t.Errorf("%s: %d x %d -> %d from %q", name, s.N(), s.D(), s.P(), s.Source)
		}
		if c.generate(3).Digest() != s.Digest() || c.generate(4).Digest() == s.Digest() {
			t.Errorf("%s: the seed does not decide the numbers", name)
		}
	}
	if p := Parity(3); p.N() != 8 || p.Class[0b110] != 0 || p.Class[0b111] != 1 {
		t.Errorf("parity of three bits: %v", p.Class)
	}
	// Franke's function at its published maximum is about 1.22
	peak := slices.Max(Franke(20000, 0, 1).Y.RawMatrix().Data)
	if peak < 1.2 || peak > 1.23 {
		t.Errorf("Franke's function rises to %v", peak)
	}
	if s := RandomReal(0, 0, 0, 1); s.N() != 1 || s.D() != 1 || s.P() != 1 {
		t.Errorf("size 0 gives %d x %d -> %d", s.N(), s.D(), s.P())
	}
}

func BenchmarkClean(b *testing.B) {
	s := RandomReal(1_000_000, 20, 1, 1)
	b.SetBytes(int64(8 * len(s.X.RawMatrix().Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Clean(s, ConflictsError); err != nil {
			b.Fatal(err)
		}
	}
}
