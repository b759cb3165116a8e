package table

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fuzzRead reads data as a file of the given name: no panic, no more memory than a
// multiple of the file's size, and rows that add up.
func fuzzRead(t *testing.T, name string, data []byte) {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := Read(path, Options{Missing: "drop", Conflicts: "first"})
	runtime.ReadMemStats(&after)
	const fixed, perByte = 64 << 20, 1 << 12
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(fixed+perByte*len(data)) {
		t.Errorf("%d bytes of file took %d bytes of memory", len(data), grown)
	}
	if err != nil {
		if err.Error() == "" {
			t.Error("an error without a message")
		}
		return
	}
	if len(s.Rows) != s.N() || !slices.IsSorted(s.Rows) || s.N() < 1 || s.Rows[0] < 1 {
		t.Errorf("%d rows numbered %v", s.N(), s.Rows)
	}
	for _, v := range append(slices.Clone(s.X.RawMatrix().Data), s.Y.RawMatrix().Data...) {
		if v-v != 0 {
			t.Fatalf("the number %v got through", v)
		}
	}
}

func FuzzIDX(f *testing.F) {
	f.Add([]byte("\x00\x00\x08\x02\x00\x00\x00\x03\x00\x00\x00\x02\x01\x02\x03\x04\x05\x06"))
	f.Add([]byte("\x00\x00\x0d\x01\x00\x00\x00\x01\x3f\x80\x00\x00"))
	f.Add([]byte("\x00\x00\x0e\x03\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x00\x08\x04\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if formatOf("", data) == formatIDX {
			fuzzRead(t, "a.idx", data)
		}
	})
}

func FuzzNPY(f *testing.F) {
	f.Add([]byte(npyFile("<f8", "False", "(1, 2)", strings.Repeat("\x00", 16))))
	f.Add([]byte(npyFile("|u1", "True", "(3, 2)", "\x01\x03\x05\x02\x04\x06")))
	f.Add([]byte(npyFile(">i4", "True", "(99999999, 1048576)", "\x01")))
	f.Add([]byte("\x93NUMPY\x03\x00\x10\x00\x00\x00{'descr': '<f8',"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if formatOf("", data) == formatNPY {
			fuzzRead(t, "a.npy", data)
		}
	})
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"a,b,y\n1,2,3\n4,5,7\n", "1;2,5;3\r\n4;5,5;x\r\n", "\ufeff\"a\",\"b\"\n\"1\"\"\",2\n", "a\tb\n1\tNA\n2\t1e999\n",
		"\n\na,a\n,\n2020-01-01,1\n", "a,b\n\"x\ny\",1\nz,2\n", "\xff\xfea\x00,\x00b\x00\n\x00", "k\xf6ln,1\nbonn,2\n", "a,b\n1_0,0x1p4\n+1,.5\n-0,5.\n",
		"a,b\r1,2\r3,4\r", "a,b\n1,2\r\n3,4\n", "\"a,b\n1,2\n", "a b\n1 2\n3 5\n", "\x00,\x00\n1,2\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 && formatOf("a.csv", data) == formatText {
			fuzzRead(t, "a.csv", data)
		}
	})
}

// The scanner and DuckDB must agree on what a row is: as many rows, as many cells.
func FuzzScannerAgreesWithDuckDB(f *testing.F) {
	f.Add("1,2\n3,4\n")
	f.Add("\"a\nb\",\"c\"\"d\"\r\ne,f\r\n")
	f.Add("a,b\n\n\nc,d")
	f.Add("00\n,")
	f.Add(",\n\n")
	f.Add("a,b\n1,2,\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 || strings.ContainsAny(text, "\x00\r") || len(text) < 2 || text[:2] == "\xff\xfe" || text[:2] == "\x1f\x8b" {
			return
		}
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		opts := &Options{Header: "no", Delimiter: ","}
		frame := &frame{source: path}
		e, err := openEngine()
		if err != nil {
			t.Fatal(err)
		}
		defer e.close()
		d, err := sniff(path, opts)
		if err != nil || len(d.names) == 1 || loadText(frame, e, []string{path}, []*dialect{d}, opts) != nil {
			return
		}
		rows := 0
		if err := d.scan(path, func(cells []string) error {
			rows++
			cells = withoutEnd(cells, len(frame.columns))
			if len(cells) != len(frame.columns) {
				t.Errorf("row %d has %d cells by the scanner, %d by DuckDB", rows, len(cells), len(frame.columns))
			}
			return nil
		}); err == nil && rows != frame.n {
			t.Errorf("%d rows by the scanner, %d by DuckDB", rows, frame.n)
		}
	})
}
