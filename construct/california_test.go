package construct

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// california returns the California housing table (20,433 rows without missing
// cells, 8 numbers and 4 indicators of the place, the first level being the
// reference) or skips the test.
func california(t testing.TB) *dataset.Set {
	t.Helper()
	file, err := os.Open(filepath.Join(sharedFolder(t), "data", "california_housing.csv"))
	if err != nil {
		t.Skip("no shared data: ", err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var x, y []float64
	levels := map[string]int{}
	var names []string
	for _, r := range records[1:] {
		levels[r[9]] = 0
	}
	for name := range levels {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		levels[name] = i
	}
	for _, r := range records[1:] {
		var row []float64
		for _, cell := range r[:9] {
			if v, err := strconv.ParseFloat(cell, 64); err == nil {
				row = append(row, v)
			}
		}
		if len(row) < 9 {
			continue
		}
		place := make([]float64, len(names)-1)
		if k := levels[r[9]]; k > 0 {
			place[k-1] = 1
		}
		x, y = append(append(x, row[:8]...), place...), append(y, row[8])
	}
	s, err := dataset.New(mat.NewDense(len(y), len(x)/len(y), x), mat.NewDense(len(y), 1, y))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sharedFolder finds the folder of test data beside the repository.
func sharedFolder(t testing.TB) string {
	if folder := os.Getenv("HINGE_SHARED"); folder != "" {
		return folder
	}
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "..", "shared")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Skip("no go.mod above the test")
		}
		folder = parent
	}
}

// split returns four fifths of the rows and the rest, drawn by the seed.
func split(s *dataset.Set, seed uint64) (train, test *dataset.Set) {
	rows := rand.New(rand.NewPCG(seed, 0)).Perm(s.N())
	cut := s.N() * 4 / 5
	return s.Select(rows[:cut]), s.Select(rows[cut:])
}

// worstError returns the largest |f(x)-y| as a fraction of the target's range.
func worstError(out *mat.Dense, s *dataset.Set) float64 {
	worst := 0.0
	for k, unit := range s.Range() {
		for i := range s.N() {
			worst = max(worst, math.Abs(out.At(i, k)-s.Y.At(i, k))/unit)
		}
	}
	return worst
}
