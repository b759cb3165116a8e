package table

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"hinge/dataset"
	"hinge/internal/shareddata"
)

// Facts of the real tables: rows, feature columns, repeated rows, groups of rows in
// conflict and the rows in them, missing cells and the rows that have one.
type facts struct {
	file                        string
	opts                        Options
	n, columns                  int
	merged, groups, inConflicts int
	missing, gaps               int
	task                        dataset.Task
}

var tables = []facts{
	{"california_housing.csv", Options{Target: []string{"median_house_value"}}, 20640, 9, 0, 0, 0, 207, 207, dataset.Regression},
	{"concrete.csv", Options{}, 1030, 8, 25, 9, 24, 0, 0, dataset.Regression},
	{"redwine.csv", Options{}, 1599, 11, 240, 0, 0, 0, 0, dataset.Regression},
	{"airfoil_centered.csv", Options{}, 1503, 5, 0, 0, 0, 0, 0, dataset.Regression},
	{"auto_mpg.csv", Options{Target: []string{"mpg"}}, 398, 6, 0, 0, 0, 2, 2, dataset.Regression},
	{"bike_day.csv", Options{}, 731, 15, 0, 0, 0, 0, 0, dataset.Regression},
	{"semicolon_synth_regression.csv", Options{}, 500, 11, 0, 0, 0, 0, 0, dataset.Regression},
	{"airquality_bom_missing-200.csv", Options{Target: []string{"C6H6(GT)"}}, 9357, 14, 0, 0, 0, 0, 0, dataset.Regression},
	{"iris_noheader.csv", Options{}, 150, 4, 3, 0, 0, 0, 0, dataset.Classification},
	{"penguins.csv", Options{Target: []string{"1"}}, 344, 7, 0, 0, 0, 19, 11, dataset.Classification},
	{"wisc_breast.csv", Options{Target: []string{"diagnosis"}}, 569, 31, 0, 0, 0, 0, 0, dataset.Classification},
	{"banknote_noheader_crlf.csv", Options{}, 1372, 4, 24, 0, 0, 0, 0, dataset.Classification},
	{"haberman_noheader.csv", Options{}, 306, 3, 17, 6, 12, 0, 0, dataset.Classification},
	{"oilspill_constcol.csv", Options{}, 937, 49, 0, 0, 0, 0, 0, dataset.Classification},
	{"creditapproval.csv", Options{}, 552, 15, 0, 0, 0, 41, 27, dataset.Classification},
	{"titanic_quoted.csv", Options{Target: []string{"Survived"}, Drop: []string{"Name", "Ticket"}, MaxLevels: 200, Features: nil}, 891, 8, 0, 0, 0, 179, 179, dataset.Classification},
	{"water_quality.csv", Options{}, 2011, 9, 0, 0, 0, 0, 0, dataset.Classification},
	{"spiral_2d_noheader.csv", Options{}, 194, 2, 0, 0, 0, 0, 0, dataset.Classification},
	{"moons_2d.csv", Options{}, 373, 2, 0, 0, 0, 0, 0, dataset.Classification},
}

func TestSharedTables(t *testing.T) {
	for _, want := range tables {
		t.Run(want.file, func(t *testing.T) {
			path := shareddata.File(t, "data", want.file)
			checkGaps(t, path, want)
			checkConflicts(t, path, want)

			opts := want.opts
			opts.Missing, opts.Conflicts = "drop", "first"
			s, err := Read(path, opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(s.Schema.Columns); got != want.columns {
				t.Errorf("%d feature columns, want %d", got, want.columns)
			}
			if s.Schema.Task != want.task {
				t.Errorf("task %s, want %s; notes %q", s.Schema.Task, want.task, s.Notes)
			}
			if s.N()+len(s.Merged) != want.n-want.gaps {
				t.Errorf("%d rows and %d merged, want %d in all", s.N(), len(s.Merged), want.n-want.gaps)
			}
			checkThrough(t, path, s)
		})
	}
}

// checkGaps compares what missing=error says with the facts.
func checkGaps(t *testing.T, path string, want facts) {
	_, err := Read(path, want.opts)
	var e *Error
	switch {
	case want.missing > 0 && (!errors.Is(err, ErrMissing) || !errors.As(err, &e)):
		t.Errorf("missing cells give %v", err)
	case want.missing > 0 && (e.Count != want.missing || len(e.Cells) != min(listed, want.missing) || e.Row() == 0 || e.Column() == ""):
		t.Errorf("%d missing cells, %d listed, want %d: %v", e.Count, len(e.Cells), want.missing, e)
	case want.missing == 0 && errors.Is(err, ErrMissing):
		t.Errorf("no cell is missing, but %v", err)
	}
}

// checkConflicts compares the conflicts reported, and what each policy makes of
// them, with the facts.
func checkConflicts(t *testing.T, path string, want facts) {
	opts := want.opts
	opts.Missing = "drop"
	s, err := Read(path, opts)
	var conflict *dataset.ConflictError
	if want.groups == 0 {
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Merged) != want.merged {
			t.Errorf("%d rows merged, want %d", len(s.Merged), want.merged)
		}
		return
	}
	if !errors.As(err, &conflict) {
		t.Fatalf("conflicts give %v", err)
	}
	rows := 0
	for _, g := range conflict.Groups {
		rows += len(g)
	}
	if len(conflict.Groups) != want.groups || rows != want.inConflicts {
		t.Errorf("%d groups of %d rows in conflict, want %d of %d", len(conflict.Groups), rows, want.groups, want.inConflicts)
	}
	for _, policy := range []string{"first", "mean", "majority", "drop"} {
		opts.Conflicts = policy
		s, err := Read(path, opts)
		if err != nil {
			t.Errorf("conflicts %s: %v", policy, err)
			continue
		}
		if policy == "drop" {
			if got := want.n - s.N() - len(s.Merged); got != want.inConflicts {
				t.Errorf("drop leaves %d rows out, want %d", got, want.inConflicts)
			}
		}
		words := "different targets"
		if policy == "mean" && want.task == dataset.Classification {
			words = "classes have no mean"
		}
		if !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.Contains(n, words) }) {
			t.Errorf("conflicts %s leave no note: %q", policy, s.Notes)
		}
	}
}

// checkThrough reads the table again through the schema that s got from it: the
// inputs and targets must be the same.
func checkThrough(t *testing.T, path string, s *dataset.Set) {
	t.Helper()
	again, err := ReadWith(path, s.Schema, Options{Missing: "drop", Conflicts: "first"})
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != s.Digest() || !slices.Equal(again.Rows, s.Rows) {
		t.Errorf("read through its own schema the table differs: %d x %d, rows %v...", again.N(), again.D(), again.Rows[:min(5, again.N())])
	}
	in, err := ReadInputs(path, s.Schema, Options{Missing: "drop"})
	if err != nil {
		t.Fatal(err)
	}
	at := make(map[int]int)
	for i, row := range in.Rows {
		at[row] = i
	}
	for i, row := range s.Rows {
		if !slices.Equal(in.X.RawRowView(at[row]), s.X.RawRowView(i)) {
			t.Fatalf("row %d: inputs %v for predicting, %v for building", row, in.X.RawRowView(at[row]), s.X.RawRowView(i))
		}
	}
}

// Columns that only name rows are spoken of.
func TestNotesOnColumnsThatNameRows(t *testing.T) {
	for file, want := range map[string][]string{
		"titanic_quoted.csv": {"Column Name is left out", "Column Ticket is left out", "Column Cabin is left out", "Column PassengerId holds a different"},
		"wisc_breast.csv":    {"Column id holds a different", "No target is named: the last column, dimension_worst"},
		"bike_day.csv":       {"Column instant holds a different", "Column dteday holds a date"},
	} {
		s, err := Read(shareddata.File(t, "data", file), Options{Missing: "drop"})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.HasPrefix(n, w) }) {
				t.Errorf("%s: no note begins with %q: %q", file, w, s.Notes)
			}
		}
	}
}

func TestMNIST(t *testing.T) {
	images := shareddata.File(t, "data", "mnist/t10k-images-idx3-ubyte.gz")
	s, err := Read(images+","+shareddata.File(t, "data", "mnist/t10k-labels-idx1-ubyte.gz"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.N() != 10000 || s.D() != 784 || s.P() != 10 || s.Schema.Task != dataset.Classification {
		t.Errorf("%d x %d, %d outputs, %s", s.N(), s.D(), s.P(), s.Schema.Task)
	}
	if lo, hi := slices.Min(s.X.RawMatrix().Data), slices.Max(s.X.RawMatrix().Data); lo != 0 || hi != 255 {
		t.Errorf("pixels from %v to %v, want 0 to 255", lo, hi)
	}
	if s.Class[0] != 7 || s.Class[1] != 2 || s.Class[9999] != 6 {
		t.Errorf("labels %d %d ... %d, want 7 2 ... 6", s.Class[0], s.Class[1], s.Class[9999])
	}
	in, err := ReadInputs(images, s.Schema, Options{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if !slices.Equal(in.X.RawRowView(i), s.X.RawRowView(i)) {
			t.Fatalf("picture %d differs without its labels", i+1)
		}
	}
}
