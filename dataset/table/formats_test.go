package table

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sbinet/npyio/npy"
	"github.com/sbinet/npyio/npz"
	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// put writes a file of the test's folder and returns its path.
func put(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// The same small table, written in many ways.
func TestWaysToWriteATable(t *testing.T) {
	plain := "size,colour,price\n1.5,red,10\n-2.25,blue,20\n3e2,red,30.5\n"
	semicolon := "size;colour;price\n1,5;red;10\n-2,25;blue;20\n300;red;30,5\n"
	for name, text := range map[string]string{
		"plain.csv":     plain,
		"crlf.csv":      strings.ReplaceAll(plain, "\n", "\r\n"),
		"bom.csv":       "\ufeff" + plain,
		"blank.csv":     "\n" + plain + "\n\n\n",
		"blankcrlf.csv": strings.ReplaceAll(plain, "\n", "\r\n") + "\r\n\r\n",
		"noend.csv":     strings.TrimSuffix(plain, "\n"),
		"gz.csv.gz":     zipped(plain),
		"gz.csv":        zipped(plain),
		"tab.tsv":       strings.ReplaceAll(plain, ",", "\t"),
		"pipe.txt":      strings.ReplaceAll(plain, ",", "|"),
		"space.txt":     strings.ReplaceAll(plain, ",", " "),
		"spaced.csv":    strings.ReplaceAll(plain, ",", ", "),
		"comma.csv":     semicolon,
		"quoted.csv":    "\"size\",\"colour\",\"price\"\n\"1.5\",\"red\",\"10\"\n\"-2.25\",\"blue\",\"20\"\n\"3e2\",\"red\",\"30.5\"\n",
		"mixed.csv":     strings.Replace(plain, "\n", "\r\n", 2),
		"cr.csv":        strings.ReplaceAll(plain, "\n", "\r"),
		"comma_end.csv": strings.ReplaceAll(plain, "\n", ",\n"),
		"nul.csv":       "si\x00ze,colour,price\n" + plain[strings.Index(plain, "\n")+1:],
		"utf16.csv":     utf16LE(plain),
		"rows.json":     `[{"size":1.5,"colour":"red","price":10},{"size":-2.25,"colour":"blue","price":20},{"size":300,"colour":"red","price":30.5}]`,
		"lines.jsonl":   "{\"size\":1.5,\"colour\":\"red\",\"price\":10}\n{\"size\":-2.25,\"colour\":\"blue\",\"price\":20}\n{\"size\":300,\"colour\":\"red\",\"price\":30.5}\n",
		"it's [1].csv":  plain,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(put(t, name, text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			// "blue" is the reference level: it reads as 0
			wantX := mat.NewDense(3, 2, []float64{1.5, 1, -2.25, 0, 300, 1})
			wantY := mat.NewDense(3, 1, []float64{10, 20, 30.5})
			if !mat.Equal(s.X, wantX) || !mat.Equal(s.Y, wantY) {
				t.Errorf("X = %v, Y = %v", mat.Formatted(s.X), mat.Formatted(s.Y))
			}
			if got := s.Schema.InputNames(); !slices.Equal(got, []string{"size", "colour=red"}) && name != "nul.csv" {
				t.Errorf("inputs %q", got)
			}
			if !slices.Equal(s.Rows, []int{1, 2, 3}) {
				t.Errorf("rows %v", s.Rows)
			}
		})
	}
}

func TestQuotingAndEncodings(t *testing.T) {
	path := put(t, "q.csv", "name,a,y\n\"x, \"\"y\"\"\nz\",1,2\n\"x, \"\"y\"\"\nz\",2,3\nplain,3,5\n")
	s, err := Read(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"plain", "x, \"y\"\nz"}; !slices.Equal(s.Schema.Columns[0].Levels, want) {
		t.Errorf("levels %q, want %q", s.Schema.Columns[0].Levels, want)
	}
	s, err = Read(put(t, "latin.csv", "ort,a,y\nK\xf6ln,1,2\nBonn,2,3\nK\xf6ln,3,5\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"Bonn", "Köln"}; !slices.Equal(s.Schema.Columns[0].Levels, want) {
		t.Errorf("Latin-1 levels %q, want %q", s.Schema.Columns[0].Levels, want)
	}
}

// Numbers are read as strconv.ParseFloat reads them, bit for bit, on the fast
// path (DOUBLE) and on the slow one (text).
func TestNumbersAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{"0", "-0", "5e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740993",
		"0.1", ".5", "5.", "1e23", "8.5e22", "179769313486231570000", "123456789012345678901234567890", "7.2057594037927933e16", "1E+05", "-1.e-3", "0.500000000000000166533453693773481063544750213623046875"}
	for len(texts) < 20000 {
		v := math.Float64frombits(r.Uint64())
		if v-v != 0 {
			continue
		}
		switch len(texts) % 4 {
		case 0:
			texts = append(texts, strconv.FormatFloat(v, 'g', -1, 64))
		case 1:
			texts = append(texts, strconv.FormatFloat(v, 'e', 25, 64))
		case 2: // halfway between two numbers, nearly
			texts = append(texts, fmt.Sprintf("%d.%d", r.Uint64()>>1, r.Uint64()>>1))
		case 3:
			texts = append(texts, strconv.FormatFloat(r.NormFloat64(), 'f', 17, 64))
		}
	}
	for _, slow := range []bool{false, true} {
		var lines strings.Builder
		lines.WriteString("x,y\n")
		for i, text := range texts {
			fmt.Fprintf(&lines, "%s,%d\n", text, i)
		}
		if slow { // a text past the sample makes the fast path fail
			lines.WriteString("word,0\n")
		}
		f, err := readSource(put(t, "exact.csv", lines.String()), &Options{})
		if err != nil {
			t.Fatal(err)
		}
		if slow != (f.columns[0].words == 1) {
			t.Fatalf("slow is %v, but %d texts were found", slow, f.columns[0].words)
		}
		f.each(0, func(row int, cell float64) {
			if row >= len(texts) {
				return
			}
			want, _ := strconv.ParseFloat(texts[row], 64)
			if math.Float64bits(cell) != math.Float64bits(want) {
				t.Errorf("slow %v, row %d: %s read as %v, want %v", slow, row+1, texts[row], cell, want)
			}
		})
	}
}

// Rows keep the order of the file, whatever the threads do.
func TestRowsKeepTheirOrder(t *testing.T) {
	var b strings.Builder
	b.WriteString("x,y\n")
	const n = 300_000
	for i := range n {
		fmt.Fprintf(&b, "%d,%d\n", i, 2*i+1)
	}
	folder := t.TempDir()
	text := b.String()
	half := strings.Index(text, "\n150000,") + 1
	os.WriteFile(filepath.Join(folder, "a.csv"), []byte(text[:half]), 0o644)
	os.WriteFile(filepath.Join(folder, "b.csv.gz"), []byte(zipped("x,y\n"+text[half:])), 0o644)
	for _, source := range []string{put(t, "one.csv", text), filepath.Join(folder, "*")} {
		s, err := Read(source, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.N() != n {
			t.Fatalf("%s: %d rows", source, s.N())
		}
		for i := range n {
			if s.X.At(i, 0) != float64(i) || s.Y.At(i, 0) != float64(2*i+1) || s.Rows[i] != i+1 {
				t.Fatalf("%s: row %d is %v -> %v, numbered %d", source, i+1, s.X.At(i, 0), s.Y.At(i, 0), s.Rows[i])
			}
		}
		limited, err := Read(source, Options{Limit: 10})
		if err != nil || limited.N() != 10 || limited.X.At(9, 0) != 9 {
			t.Errorf("%s: limit 10 gives %v, %v", source, limited, err)
		}
	}
}

func TestParquetAndSQL(t *testing.T) {
	folder := t.TempDir()
	e, err := openEngine()
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	parquet := filepath.Join(folder, "t.parquet")
	query := "SELECT i::DOUBLE / 3 AS third, i::DECIMAL(12,3) / 10 AS tenth, i % 3 = 0 AS flag, DATE '2020-01-01' + i::INTEGER AS day, i * i AS y FROM range(1, 5001) r(i)"
	if err := e.run("COPY (" + query + ") TO " + quoteText(parquet) + " (FORMAT parquet)"); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() (*dataset.Set, error){
		"file":  func() (*dataset.Set, error) { return Read(parquet, Options{}) },
		"query": func() (*dataset.Set, error) { return Read("", Options{SQL: query + ";"}) },
		"view": func() (*dataset.Set, error) {
			return Read(parquet, Options{SQL: "SELECT * FROM data ORDER BY y"})
		},
	} {
		s, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range s.N() {
			k := float64(i + 1)
			want := []float64{k / 3, k / 10, 0, 18262 + k}
			if (i+1)%3 == 0 {
				want[2] = 1
			}
			if got := s.X.RawRowView(i); !slices.Equal(got, want) || s.Y.At(i, 0) != k*k {
				t.Fatalf("%s: row %d is %v -> %v, want %v", name, i+1, got, s.Y.At(i, 0), want)
			}
		}
	}
	s, err := Read(put(t, "in.csv", "b;a;n\n1;x;5\n2;y;NA\n3;x;7\n"), Options{SQL: "SELECT a, b, b * 2 AS twice FROM data ORDER BY b DESC"})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Y.RawMatrix().Data; !slices.Equal(got, []float64{6, 4, 2}) {
		t.Errorf("sql over a text table: targets %v", got)
	}
}

func TestNumPy(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, v any) string {
		t.Helper()
		path := filepath.Join(folder, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := npy.Write(f, v); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const n = 5000
	x, whole := mat.NewDense(n, 3, nil), mat.NewDense(n, 4, nil)
	labels, values := make([]int32, n), make([]float64, n)
	for i := range n {
		x.SetRow(i, []float64{float64(i), math.Sqrt(float64(i)), -1 / float64(i+1)})
		values[i] = math.Sin(float64(i))
		labels[i] = int32(i % 4)
		whole.SetRow(i, append(slices.Clone(x.RawRowView(i)), values[i]))
	}
	archive := filepath.Join(folder, "both.npz")
	if err := npz.Write(archive, map[string]any{"X": x, "y": values}); err != nil {
		t.Fatal(err)
	}
	px, pv, pl, pw := write("x.npy", x), write("v.npy", values), write("l.npy", labels), write("w.npy", whole)
	for source, classes := range map[string]int{px + "," + pv: 0, px + "," + pl: 4, archive: 0, pw: 0} {
		s, err := Read(source, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(s.X, x) || len(s.Schema.Classes) != classes {
			t.Errorf("%s: %d x %d, classes %q", source, s.N(), s.D(), s.Schema.Classes)
		}
		for i := range n {
			if classes == 0 && s.Y.At(i, 0) != values[i] || classes > 0 && s.Class[i] != int(labels[i]) {
				t.Fatalf("%s: row %d has target %v", source, i+1, s.Y.At(i, 0))
			}
		}
	}
}

// npyFile returns an NPY file of the bytes with the header NumPy would write.
func npyFile(descr, order, shape, data string) string {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + data
}

func TestNumPyTypes(t *testing.T) {
	for _, c := range []struct{ descr, order, shape, data string }{
		{"|u1", "False", "(3, 2)", "\x01\x02\x03\x04\x05\x06"},
		{"|i1", "True", "(3, 2)", "\x01\x03\x05\x02\x04\x06"},
		{"<i2", "False", "(3, 2)", "\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00"},
		{">u2", "False", "(3, 2L)", "\x00\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06"},
		{">f4", "False", "(3, 2)", "\x3f\x80\x00\x00\x40\x00\x00\x00\x40\x40\x00\x00\x40\x80\x00\x00\x40\xa0\x00\x00\x40\xc0\x00\x00"},
		{"<f2", "False", "(3, 1, 2)", "\x00\x3c\x00\x40\x00\x42\x00\x44\x00\x45\x00\x46"},
	} {
		s, err := Read(put(t, "a.npy", npyFile(c.descr, c.order, c.shape, c.data)), Options{})
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		if x, y := s.X.RawMatrix().Data, s.Y.RawMatrix().Data; !slices.Equal(x, []float64{1, 3, 5}) || !slices.Equal(y, []float64{2, 4, 6}) {
			t.Errorf("%v: X %v, Y %v", c, x, y)
		}
	}
}
