package table_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hinge/dataset/table"
)

func writeCube(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "look.cube")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// smallCube is a table of 2 x 2 x 2 colours: out = 1 - in, red fastest.
const smallCube = "# made by hand\nTITLE \"negative\"\nDOMAIN_MIN 0 -1 0\nDOMAIN_MAX 1.0 1 4\n\nLUT_3D_SIZE 2\n" +
	"1 2 1\n0 2 1\n1 0 1\n0 0 1\n1 2 -3\n0 2 -3\n1 0 -3\n0 0 -3\n"

func TestCubeOfThreeDimensions(t *testing.T) {
	set, err := table.Read(writeCube(t, smallCube), table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.N() != 8 || set.D() != 3 || set.P() != 3 {
		t.Fatalf("%d rows, %d inputs, %d targets", set.N(), set.D(), set.P())
	}
	for i := range 8 {
		want := []float64{float64(i & 1), float64(i>>1&1)*2 - 1, float64(i>>2&1) * 4}
		for k, v := range want {
			if set.X.At(i, k) != v || set.Y.At(i, k) != 1-v {
				t.Errorf("row %d: %v -> %v", i+1, set.X.RawRowView(i), set.Y.RawRowView(i))
			}
		}
	}
	if !strings.Contains(strings.Join(set.Notes, " "), "negative") {
		t.Errorf("the title is lost: %q", set.Notes)
	}
}

func TestCubeOfOneDimension(t *testing.T) {
	set, err := table.Read(writeCube(t, "LUT_1D_SIZE 3\n0 0 0\n0.5\t0.25 0.1\n1 1 1\n"), table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.N() != 3 || set.D() != 1 || set.P() != 3 || set.X.At(1, 0) != 0.5 || set.Y.At(1, 1) != 0.25 {
		t.Errorf("%v -> %v", set.X, set.Y)
	}
}

// Every error names the line.
func TestBrokenCubes(t *testing.T) {
	for text, want := range map[string]string{
		"LUT_3D_SIZE 1\n":                                  "line 1",
		"LUT_3D_SIZE x\n":                                  "line 1",
		"LUT_3D_SIZE 100000\n":                             "line 1",
		"0 0 0\n":                                          "line 1: a colour before",
		"TITLE \"a\"\nSIZE 3\n":                            "line 2: the keyword \"SIZE\"",
		"LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n":                   "line 2",
		"LUT_3D_SIZE 2\nLUT_1D_SIZE 2\n":                   "line 2",
		"LUT_1D_SIZE 2\n0 0\n":                             "line 2: 2 numbers, not 3",
		"LUT_1D_SIZE 2\n0 0 zero\n":                        "line 2: \"zero\"",
		"LUT_1D_SIZE 2\n0 0 nan\n":                         "line 2: \"nan\"",
		"LUT_1D_SIZE 2\n0 0 0\n":                           "line 3: the file ends after 1 of 2",
		"LUT_1D_SIZE 2\n0 0 0\n1 1 1\n2 2 2\n":             "line 4: more than the 2",
		"LUT_1D_SIZE 2\n0 0 0\nDOMAIN_MIN 0 0 0\n":         "line 3: DOMAIN_MIN after",
		"DOMAIN_MIN 0 0\nLUT_1D_SIZE 2\n":                  "line 1",
		"DOMAIN_MIN 2 2 2\nLUT_1D_SIZE 2\n0 0 0\n1 1 1\n":  "domain",
		"DOMAIN_MIN 0 0 -1\nLUT_1D_SIZE 2\n0 0 0\n1 1 1\n": "different domains",
		"# nothing\n":                                      "line 2",
	} {
		_, err := table.Read(writeCube(t, text), table.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzCube(f *testing.F) {
	for _, text := range []string{smallCube, "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "LUT_3D_INPUT_RANGE 0 1\nLUT_3D_SIZE 2\n", "LUT_3D_SIZE 256\n", "\ufeffTITLE\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := table.Read(writeCube(t, text), table.Options{})
		if err != nil {
			if fmt.Sprint(err) == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		if set.P() < 1 || set.P() > 3 || set.N() < 2 {
			t.Errorf("%d rows, %d targets", set.N(), set.P())
		}
	})
}
