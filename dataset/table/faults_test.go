package table

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"hinge/dataset"
)

// rows returns a table of n good rows of three numbers under the header a,b,y,
// with the given rows (from 1) replaced.
func rows(n int, replace map[int]string) string {
	var b strings.Builder
	b.WriteString("a,b,y\n")
	for i := 1; i <= n; i++ {
		line, ok := replace[i]
		if !ok {
			line = fmt.Sprintf("%d,%d.5,%d", i, i%7, i*i)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Every way for a table to be bad: the kind of the error, where it is, how many
// there are, and what the message must say.
func TestBadTables(t *testing.T) {
	const late = 3000 // past the sample that the columns' types are guessed from
	for _, c := range []struct {
		name, file, text string
		opts             Options
		kind             error
		row, count       int
		column           string
		says             []string
	}{
		{name: "empty", text: "", kind: ErrEmpty},
		{name: "blank", text: "\r\n\n  \n", kind: ErrEmpty},
		{name: "header only", text: "a,b,y\n", kind: ErrNoRows},
		{name: "header only, told", text: "1,2,3\n", opts: Options{Header: "yes"}, kind: ErrNoRows},
		{name: "one row", text: "a,b,y\n1,2,3\n", kind: ErrOneRow},
		{name: "one row, no header", text: "1,2,3\n", kind: ErrOneRow},
		{name: "one column", text: "a\n1\n2\n", kind: ErrNoFeatures, says: []string{"delimiter"}},
		{name: "short row", text: rows(late, map[int]string{late - 5: "1,2"}), kind: ErrRagged, row: late - 5, count: 1, says: []string{"2 cells instead of 3"}},
		{name: "long row", text: rows(40, map[int]string{7: "1,2,3,4"}), kind: ErrRagged, row: 7, count: 1, says: []string{"4 cells instead of 3"}},
		{name: "ragged rows", text: rows(400, map[int]string{7: "1,2,3,4", 8: "1", 20: "1,2", 30: "1,2", 31: "1,2", 40: "1,,2,,"}), kind: ErrRagged, row: 7, count: 6, says: []string{"row 8: 1 cells", "and 1 more"}},
		{name: "text", text: rows(late, map[int]string{2: "1,high,3", late: "x,1,2"}), kind: ErrNotNumber, row: 2, count: 2, column: "b", says: []string{`"high"`, `row 3000, column a: "x"`}},
		{name: "texts", text: rows(late, map[int]string{2500: "oops,2,3"}), kind: ErrNotNumber, row: 2500, count: 1, column: "a", says: []string{`"oops"`, "--"}},
		{name: "text target", text: rows(50, map[int]string{9: "1,2,y"}), opts: Options{Task: "regression"}, kind: ErrNotNumber, row: 9, count: 1, column: "y"},
		{name: "inf", text: rows(late, map[int]string{12: "1,inf,3", late: "-Infinity,1,2"}), kind: ErrNotFinite, row: 12, count: 2, column: "b"},
		{name: "overflow", text: rows(20, map[int]string{12: "1,2,1e999"}), kind: ErrNotFinite, row: 12, count: 1, column: "y"},
		{name: "NaN", text: rows(20, map[int]string{12: "1,NaN,3"}), kind: ErrMissing, row: 12, count: 1, column: "b", says: []string{"--missing"}},
		{name: "missing", text: rows(late, map[int]string{3: "1,,3", 4: "NA,2,?", 5: "n/a,2,3", 6: "1,NULL,3", late: "1,2,None"}), kind: ErrMissing, row: 3, count: 6, column: "b", says: []string{"and 1 more"}},
		{name: "all missing", text: "a,b,y\n1,,2\n2,,3\n,1,3\n", opts: Options{Missing: "drop"}, kind: ErrNoRows},
		{name: "constant target", text: "a,y\n1,5\n2,5\n3,5.0\n", kind: ErrConstant, column: "y", count: 1, says: []string{"5"}},
		{name: "one class", text: "a,y\n1,yes\n2,yes\n3,yes\n", kind: ErrConstant, column: "y", count: 1, says: []string{"yes"}},
		{name: "unknown column", text: rows(5, nil), opts: Options{Target: []string{"Z"}}, kind: ErrColumn, says: []string{`"a", "b", "y"`}},
		{name: "near column", text: "alpha,beta\n1,2\n2,3\n", opts: Options{Drop: []string{"alhpa"}}, kind: ErrColumn, says: []string{`did you mean "alpha"`}},
		{name: "index", text: rows(5, nil), opts: Options{Target: []string{"4"}}, kind: ErrColumn, says: []string{"1 to 3"}},
		{name: "option", text: rows(5, nil), opts: Options{Missing: "dorp"}, kind: ErrOption, says: []string{"missing", `did you mean "drop"`}},
		{name: "target and feature", text: rows(5, nil), opts: Options{Target: []string{"a"}, Features: []string{"1", "b"}}, kind: ErrOption},
		{name: "two targets of classes", text: rows(5, nil), opts: Options{Target: []string{"a", "b"}, Task: "classification"}, kind: ErrOption},
		{name: "names as target", text: "a,who\n" + people(60), kind: ErrLevels, column: "who", count: 1},
		{name: "names as feature", text: "who,a\n" + people2(150), opts: Options{Features: []string{"who"}}, kind: ErrLevels, column: "who", count: 1},
		{name: "thousands", text: "a,b,y\n1,\"1,234\",3\n4,\"5,100.5\",6\n7,900,2\n8,\"12,000\",1\n", kind: ErrNotNumber, row: 1, count: 3, column: "b", says: []string{`row 4, column b: "12,000"`, `1,234 is 1234`, "--text", "--sql"}},
		{name: "thousands among numbers", text: rows(40, map[int]string{9: `1,"1,234",3`}), kind: ErrNotNumber, row: 9, count: 1, column: "b", says: []string{"1,234 is 1234"}},
		{name: "thousands as target", text: "a,y\n1,\"1,234\"\n2,\"2,500\"\n3,\"3,750\"\n", kind: ErrNotNumber, row: 1, count: 3, column: "y", says: []string{"--task classification"}},
		{name: "thousands of the Swiss", text: "a;y\n1;1'234'567.5\n2;2'500\n3;3'750\n", kind: ErrNotNumber, row: 1, count: 3, column: "y", says: []string{"1'234'567.5 is 1234567.5"}},
		{name: "comment first", text: "# made by hand\na,b,y\n1,2,3\n4,5,6\n7,8,1\n", kind: ErrRagged, row: 1, count: 4, says: []string{"comments", "grep -v"}},
		{name: "comment within", text: rows(20, map[int]string{9: "# a note"}), kind: ErrRagged, row: 9, count: 1, says: []string{"comments", "grep -v"}},
		{name: "comment of three cells", text: rows(20, map[int]string{9: "# a, note, here"}), kind: ErrNotNumber, row: 9, count: 3, column: "a", says: []string{"comments", "grep -v"}},
		{name: "too many classes", text: rows(17000, nil), opts: Options{Task: "classification"}, kind: ErrClasses, column: "y", count: 1, says: []string{"more than 15790 classes in 17000 rows", "--task regression"}},
		{name: "too many texts", text: "a,who\n" + people(17000), opts: Options{Task: "classification"}, kind: ErrClasses, column: "who", count: 1, says: []string{"more than 15790 classes in 17000 rows"}},
		{name: "open quote", text: rows(2500, map[int]string{2400: `1,"2,3`}), kind: ErrFormat, row: 2400, count: 1, says: []string{"quote"}},
		{name: "all quote", text: "\"a,b\n1,2\n", kind: ErrFormat, row: 1, count: 1, says: []string{"quote"}},
		{name: "json", file: "a.json", text: `[{"a": 1, "b": `, kind: ErrFormat},
		{name: "nested json", file: "a.json", text: `[{"a": [1, 2], "b": 1}, {"a": [1], "b": 2}]`, kind: ErrFormat, column: "a", count: 1},
		{name: "sql", text: rows(5, nil), opts: Options{SQL: "SELEC a FROM data"}, kind: ErrFormat},
		{name: "sql twice", text: rows(5, nil), opts: Options{SQL: "SELECT 1; DROP VIEW data"}, kind: ErrFormat},
		{name: "cut gzip", file: "a.csv.gz", text: zipped(rows(5000, nil))[:9000], kind: ErrFormat},
		{name: "no gzip", file: "a.csv.gz", text: "\x1f\x8bnothing", kind: ErrFormat},
		{name: "cut npy", file: "a.npy", text: npyFile("<f8", "False", "(1000000, 1000)", "12345678"), kind: ErrFormat, says: []string{"ends in row 1"}},
		{name: "records npy", file: "a.npy", text: npyFile("<c16", "False", "(1, 2)", "12345678"), kind: ErrFormat, says: []string{"c16"}},
		{name: "header npy", file: "a.npy", text: "\x93NUMPY\x02\x00\xff\xff\xff\xff{", kind: ErrFormat},
		{name: "cut idx", file: "a.idx", text: "\x00\x00\x08\x03\xff\xff\xff\xff\x00\x00\x00\x02\x00\x00\x00\x02\x01\x02\x03\x04\x05", kind: ErrFormat, says: []string{"ends in row 2"}},
		{name: "huge idx", file: "a.idx", text: "\x00\x00\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", kind: ErrFormat},
		{name: "empty idx", file: "a.idx", text: "\x00\x00\x08\x02\x00\x00\x00\x00\x00\x00\x00\x02", kind: ErrNoRows},
		{name: "npz", file: "a.npz", text: "PK\x03\x04 and no more", kind: ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := c.file
			if file == "" {
				file = "bad.csv"
			}
			path := put(t, file, c.text)
			_, err := Read(path, c.opts)
			var e *Error
			if !errors.Is(err, c.kind) || !errors.As(err, &e) {
				t.Fatalf("error %v, want the kind %q", err, c.kind)
			}
			if e.Row() != c.row || e.Column() != c.column || e.Count != c.count {
				t.Errorf("row %d, column %q, %d in all; want row %d, column %q, %d", e.Row(), e.Column(), e.Count, c.row, c.column, c.count)
			}
			if c.kind != ErrOption && !strings.Contains(err.Error(), path) {
				t.Errorf("the message does not name %s: %v", path, err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("the message does not say %q: %v", says, err)
				}
			}
		})
	}
}

// What the message about groups of digits tells to do works, and so do the ways
// to have them as texts.
func TestGroupedDigits(t *testing.T) {
	path := put(t, "grouped.csv", "a,b,y\n1,\"1,234\",3\n4,\"5,100.5\",6\n7,900,2\n8,\"12,000\",1\n")
	_, err := Read(path, Options{})
	_, query, found := strings.Cut(fmt.Sprint(err), `--sql "`)
	query, _, closed := strings.Cut(query, `"; `)
	if !found || !closed {
		t.Fatalf("no query in %v", err)
	}
	s, err := Read(path, Options{SQL: query})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1234, 5100.5, 900, 12000} {
		if got := s.X.At(i, 1); got != want {
			t.Errorf("row %d: %v, want %v", i+1, got, want)
		}
	}
	if s, err := Read(path, Options{Text: []string{"b"}}); err != nil || s.D() != 4 {
		t.Errorf("as texts: %v", err)
	}
	if s, err := Read(path, Options{Target: []string{"b"}, Task: "classification"}); err != nil || s.P() != 4 {
		t.Errorf("as classes: %v", err)
	}
}

// A network's schema can claim more classes than there is room for, too.
func TestTooManyClassesOfASchema(t *testing.T) {
	path := put(t, "good.csv", rows(20, nil))
	schema := dataset.Schema{Task: dataset.Classification, Targets: []string{"y"}, Columns: []dataset.Column{{Name: "a"}, {Name: "b"}}}
	schema.Classes = make([]string, maxIndicators/20+1)
	var e *Error
	if _, err := ReadWith(path, schema, Options{}); !errors.As(err, &e) || e.Err != ErrClasses || !strings.Contains(err.Error(), "13421773 classes in 20 rows") {
		t.Errorf("error %v", err)
	}
}

func people(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,person %d\n", i, i)
	}
	return b.String()
}

func people2(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "person %d,%d\n", i, i*i)
	}
	return b.String()
}

func TestBadSources(t *testing.T) {
	good := put(t, "good.csv", rows(5, nil))
	idx := put(t, "labels.idx", "\x00\x00\x08\x01\x00\x00\x00\x03\x01\x02\x03")
	for _, c := range []struct {
		source string
		kind   error
		says   string
	}{
		{filepath.Join(t.TempDir(), "no.csv"), fs.ErrNotExist, "no.csv"},
		{strings.Replace(good, "good", "goood", 1), fs.ErrNotExist, "did you mean"},
		{filepath.Join(t.TempDir(), "*.csv"), fs.ErrNotExist, "pattern"},
		{good + ",nowhere.csv", fs.ErrNotExist, "nowhere.csv"},
		{good + "," + idx, ErrShape, "5 rows of inputs but 3"},
		{"", ErrOption, "no table"},
	} {
		_, err := Read(c.source, Options{})
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%q: error %v, want %v saying %q", c.source, err, c.kind, c.says)
		}
	}
	if _, err := Read(filepath.Dir(good), Options{}); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder gives %v", err)
	}
}

// A network's schema meets tables that do not fit it.
func TestTablesThatDoNotFitASchema(t *testing.T) {
	built, err := Read(put(t, "built.csv", "size,colour,day,kind\n1,red,2020-01-01,a\n2,blue,2020-01-02,b\n3,green,2020-01-03,a\n4,red,2020-01-04,b\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		kind       error
		row        int
		column     string
		says       string
	}{
		{"level", "size,colour,day,kind\n1,red,2020-01-01,a\n2,pink,2020-01-02,b\n", ErrLevel, 2, "colour", `"blue", "green", "red"`},
		{"class", "size,colour,day,kind\n1,red,2020-01-01,a\n2,red,2020-01-02,c\n", ErrLevel, 2, "kind", `"a", "b"`},
		{"number", "size,colour,day,kind\n1,red,2020-01-01,a\nbig,red,2020-01-02,b\n", ErrNotNumber, 2, "size", `"big"`},
		{"day", "size,colour,day,kind\n1,red,2020-01-01,a\n2,red,someday,b\n", ErrNotNumber, 2, "day", `"someday"`},
		{"missing", "size,colour,day,kind\n1,red,2020-01-01,a\n,red,2020-01-02,b\n", ErrMissing, 2, "size", ""},
		{"column", "size,color,day,kind\n1,red,2020-01-01,a\n", ErrColumn, 0, "colour", `did it mean "color"`},
		{"target", "size,colour,day\n1,red,2020-01-01\n", ErrColumn, 0, "kind", "target"},
		{"width", "1,red\n2,blue\n", ErrShape, 0, "", "takes 3 columns"},
	} {
		_, err := ReadWith(put(t, "new.csv", c.text), built.Schema, Options{})
		var e *Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.kind)
			continue
		}
		if e.Row() != c.row || e.Column() != c.column || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: row %d, column %q: %v", c.name, e.Row(), e.Column(), err)
		}
	}
	if _, err := ReadWith("x.csv", dataset.Schema{}, Options{}); err == nil {
		t.Error("a schema without columns is taken")
	}
}
