package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hinge/dataset"
)

// A column of a random table draws its cells.
type drawn struct {
	name string
	cell func(t *rapid.T) string
}

func drawColumns(t *rapid.T) []drawn {
	kinds := []func(t *rapid.T) string{
		func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(-1e6, 1e6).Draw(t, "real")) },
		func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(-9, 9).Draw(t, "whole")) },
		func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"red", "blue", "a,b", `say "hi"`, "Köln", "x;y"}).Draw(t, "text")
		},
		func(t *rapid.T) string { return fmt.Sprintf("2021-%02d-11", rapid.IntRange(1, 12).Draw(t, "month")) },
		func(t *rapid.T) string { return fmt.Sprintf("%02d:30:00", rapid.IntRange(0, 23).Draw(t, "hour")) },
		func(t *rapid.T) string {
			return fmt.Sprintf("2021-03-04T05:06:%02d", rapid.IntRange(0, 59).Draw(t, "second"))
		},
	}
	columns := []drawn{{"first", kinds[0]}}
	for j := range rapid.IntRange(0, 5).Draw(t, "columns") {
		columns = append(columns, drawn{fmt.Sprintf("name %d", j), rapid.SampledFrom(kinds).Draw(t, "kind")})
	}
	return columns
}

func quoted(cell string) string { return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"` }

// On random tables with missing cells: the inputs that Read makes are those
// that Schema.Encode makes of the same cells, row by row, also after the schema
// went through JSON; and those that ReadInputs makes.
func TestReadEncodesAsTheSchemaDoes(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		columns := drawColumns(t)
		n := rapid.IntRange(2, 40).Draw(t, "n")
		gaps := rapid.Bool().Draw(t, "gaps")
		cells := make([][]string, n)
		var b strings.Builder
		for _, c := range columns {
			b.WriteString(quoted(c.name) + ",")
		}
		b.WriteString("target\n")
		for i := range cells {
			for j, c := range columns {
				cell := c.cell(t)
				if gaps && i > 0 && rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
					cell = rapid.SampledFrom([]string{"", "NA", "?", " nan"}).Draw(t, "missing")
				}
				cells[i] = append(cells[i], cell)
				b.WriteString(quoted(cell))
				if j < len(columns) {
					b.WriteString(",")
				}
			}
			fmt.Fprintf(&b, "%v\n", float64(i)+0.25)
		}
		path := filepath.Join(folder, "t.csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Read(path, Options{Missing: "indicator", Conflicts: "first", Header: "yes", Delimiter: ","})
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		checkEncoded(t, path, s, cells, columns)
	})
}

func checkEncoded(t *rapid.T, path string, s *dataset.Set, cells [][]string, columns []drawn) {
	text, err := json.Marshal(s.Schema)
	if err != nil {
		t.Fatal(err)
	}
	var schema dataset.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	in, err := ReadInputs(path, schema, Options{Header: "yes", Delimiter: ","})
	if err != nil {
		t.Fatal(err)
	}
	encoded := make([]float64, s.D())
	for k, row := range s.Rows {
		var chosen []string
		for _, c := range schema.Columns {
			j := slices.IndexFunc(columns, func(d drawn) bool { return d.name == c.Name })
			chosen = append(chosen, cells[row-1][j])
		}
		if err := schema.Encode(encoded, chosen); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(encoded, s.X.RawRowView(k)) || !slices.Equal(encoded, in.X.RawRowView(row-1)) {
			t.Fatalf("row %d %q: Encode %v, Read %v, ReadInputs %v", row, chosen, encoded, s.X.RawRowView(k), in.X.RawRowView(row-1))
		}
		if s.Y.At(k, 0) != float64(row-1)+0.25 {
			t.Fatalf("row %d has target %v", row, s.Y.At(k, 0))
		}
	}
}

// Networks that hinge did not build: the schema comes from the table's shape.
func TestSchemaFor(t *testing.T) {
	path := put(t, "t.csv", "a,b,u,v\n1,2,0,1\n3,4,1,0\n5,6,1,1\n")
	bare := put(t, "bare.csv", "1,2\n3,4\n")
	for _, c := range []struct {
		source          string
		inputs, outputs int
		opts            Options
		columns         string
		targets         string
		task            dataset.Task
		fails           error
	}{
		{path, 2, 2, Options{}, "a,b", "u,v", dataset.Regression, nil},
		{path, 3, 1, Options{}, "a,b,u", "v", dataset.Regression, nil},
		{path, 3, 2, Options{}, "a,b,u", "v", dataset.Classification, nil},
		{path, 4, 1, Options{}, "a,b,u,v", "", dataset.Regression, nil},
		{path, 2, 1, Options{Target: []string{"a"}, Drop: []string{"b"}}, "u,v", "a", dataset.Regression, nil},
		{path, 2, 5, Options{Target: []string{"u"}, Features: []string{"b", "a"}}, "b,a", "u", dataset.Classification, nil},
		{bare, 2, 3, Options{Header: "no"}, "c1,c2", "", dataset.Regression, nil},
		{path, 7, 1, Options{}, "", "", "", ErrShape},
		{path, 2, 3, Options{Target: []string{"u", "v"}}, "", "", "", ErrShape},
	} {
		s, err := SchemaFor(c.source, c.inputs, c.outputs, c.opts)
		if c.fails != nil {
			if !errors.Is(err, c.fails) {
				t.Errorf("%d -> %d: error %v, want %v", c.inputs, c.outputs, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d -> %d: %v", c.inputs, c.outputs, err)
			continue
		}
		if got := strings.Join(s.InputNames(), ","); got != c.columns || strings.Join(s.Targets, ",") != c.targets || s.Task != c.task {
			t.Errorf("%d -> %d: columns %s, targets %v, %s", c.inputs, c.outputs, got, s.Targets, s.Task)
		}
		if in, err := ReadInputs(c.source, s, c.opts); err != nil || in.X.RawMatrix().Cols != c.inputs {
			t.Errorf("%d -> %d: %v", c.inputs, c.outputs, err)
		}
	}
	s, err := SchemaFor(path, 3, 2, Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ReadWith(path, s, Options{})
	if err != nil || !slices.Equal(set.Class, []int{1, 0, 1}) {
		t.Errorf("classes %v, %v", set, err)
	}
}

// A schema finds its columns by name wherever they stand, and by position where
// there are no names.
func TestColumnsAreFound(t *testing.T) {
	built, err := Read(put(t, "built.csv", "a,b,y\n1,2,10\n3,4,20.5\n5,5,30\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"moved":        "y,b,more,a\n10,2,x,1\n20.5,4,x,3\n30,5,x,5\n",
		"no header":    "1,2,10\n3,4,20.5\n5,5,30\n",
		"no target":    "b,a\n2,1\n4,3\n5,5\n",
		"bare numbers": "1,2\n3,4\n5,5\n",
	} {
		in, err := ReadInputs(put(t, "new.csv", text), built.Schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(in.X.RawMatrix().Data, built.X.RawMatrix().Data) {
			t.Errorf("%s: inputs %v", name, in.X.RawMatrix().Data)
		}
	}
}

// Rows in conflict stay in a check that is told nothing else, and the missing
// ones are named when predicting.
func TestCheckKeepsConflicts(t *testing.T) {
	path := put(t, "c.csv", "a,y\n1,1\n2,2\n1,1\n2,3\n5,9\n")
	schema := dataset.Schema{Task: dataset.Regression, Columns: []dataset.Column{{Name: "a"}}, Targets: []string{"y"}}
	s, err := ReadWith(path, schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Rows, []int{1, 2, 4, 5}) || len(s.Merged) != 1 || s.Merged[0] != (dataset.Merge{Row: 3, Into: 1}) {
		t.Errorf("rows %v, merged %v", s.Rows, s.Merged)
	}
	var conflict *dataset.ConflictError
	if _, err := ReadWith(path, schema, Options{Conflicts: "error"}); !errors.As(err, &conflict) {
		t.Errorf("conflicts error gives %v", err)
	}
	in, err := ReadInputs(put(t, "m.csv", "a\n1\nNA\n3\n\n"), schema, Options{Missing: "drop"})
	if err != nil || !slices.Equal(in.Rows, []int{1, 3}) || !slices.Equal(in.Skipped, []int{2}) {
		t.Errorf("%+v, %v", in, err)
	}
}

// What auto takes for classes.
func TestTaskRule(t *testing.T) {
	column := func(n int, cell func(i int) string) string {
		var b strings.Builder
		b.WriteString("a,y\n")
		for i := range n {
			fmt.Fprintf(&b, "%d,%s\n", i, cell(i))
		}
		return b.String()
	}
	for _, c := range []struct {
		name string
		n    int
		cell func(i int) string
		want dataset.Task
	}{
		{"0 and 1", 4, func(i int) string { return fmt.Sprint(i % 2) }, dataset.Classification},
		{"-1 and 1", 10, func(i int) string { return fmt.Sprint(i%2*2 - 1) }, dataset.Classification},
		{"too few rows", 3, func(i int) string { return fmt.Sprint(i % 2) }, dataset.Regression},
		{"1 to 3", 15, func(i int) string { return fmt.Sprint(i%3 + 1) }, dataset.Classification},
		{"3 to 8, as wine", 100, func(i int) string { return fmt.Sprint(i%6 + 3) }, dataset.Regression},
		{"0 to 20", 1000, func(i int) string { return fmt.Sprint(i % 21) }, dataset.Regression},
		{"a gap", 100, func(i int) string { return fmt.Sprint([]int{0, 1, 2, 4}[i%4]) }, dataset.Regression},
		{"halves", 100, func(i int) string { return fmt.Sprint(float64(i%3) / 2) }, dataset.Regression},
		{"texts", 10, func(i int) string { return []string{"x", "1"}[i%2] }, dataset.Classification},
	} {
		s, err := Read(put(t, "t.csv", column(c.n, c.cell)), Options{})
		if err != nil || s.Schema.Task != c.want {
			t.Errorf("%s: %v, %v; want %s", c.name, s, err, c.want)
		}
	}
}

func TestMissingIndicators(t *testing.T) {
	s, err := Read(put(t, "t.csv", "a,b,y\n1,x,1.5\n,y,2\n4,?,3\n5,x,\n"), Options{Missing: "indicator"})
	if !errors.Is(err, nil) {
		t.Fatal(err)
	}
	if names := s.Schema.InputNames(); !slices.Equal(names, []string{"a", "a?", "b=y", "b?"}) {
		t.Errorf("inputs %q", names)
	}
	want := []float64{1, 0, 0, 0, 2.5, 1, 1, 0, 4, 0, 0, 1}
	if !slices.Equal(s.X.RawMatrix().Data, want) || !slices.Equal(s.Rows, []int{1, 2, 3}) {
		t.Errorf("X %v of rows %v, want %v of rows 1 2 3: the row without a target is left out", s.X.RawMatrix().Data, s.Rows, want)
	}
	if math.IsNaN(s.Schema.Columns[0].Fill) {
		t.Error("the mean is NaN")
	}
}

func TestSeveralTargets(t *testing.T) {
	s, err := Read(put(t, "t.csv", "u,a,v,b\n0,1,5,2\n1,3,5,4\n0,5,5,6\n1,1,5,2.5\n"), Options{Target: []string{"v", "1"}, Drop: []string{"b"}, Conflicts: "mean"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Schema.Targets, []string{"v", "u"}) || s.Schema.Task != dataset.Regression || s.D() != 1 {
		t.Errorf("%+v", s.Schema)
	}
	if want := []float64{5, 0.5, 5, 1, 5, 0}; !slices.Equal(s.Y.RawMatrix().Data, want) {
		t.Errorf("targets %v, want %v", s.Y.RawMatrix().Data, want)
	}
	if !slices.Contains(s.Notes, "The target v is constant.") {
		t.Errorf("notes %q", s.Notes)
	}
}

// Text makes a column of numbers one of categories, in the order of the numbers.
func TestNumbersAsTexts(t *testing.T) {
	s, err := Read(put(t, "t.csv", "zip,x,y\n10,1,1.5\n9,2,2\n010,3,3\n3+,4,4\n"), Options{Text: []string{"zip"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"9", "10", "3+"}; !slices.Equal(s.Schema.Columns[0].Levels, want) {
		t.Errorf("levels %q, want %q", s.Schema.Columns[0].Levels, want)
	}
	if want := []float64{1, 0, 1, 0, 0, 2, 1, 0, 3, 0, 1, 4}; !slices.Equal(s.X.RawMatrix().Data, want) {
		t.Errorf("inputs %v, want %v", s.X.RawMatrix().Data, want)
	}
}
