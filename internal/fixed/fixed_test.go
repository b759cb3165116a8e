package fixed

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func vectors(t *rapid.T, rows, d int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = rapid.SliceOfN(rapid.Float64Range(-10, 10), d, d).Draw(t, "row")
	}
	return x
}

// A span holds its independent rows, its complement is orthogonal to all of
// them, and Interpolate takes the wanted values on them.
func TestSpanKeepsItsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 9).Draw(t, "d")
		rows := vectors(t, rapid.IntRange(1, 12).Draw(t, "rows"), d)
		var span Span
		var kept [][]float64
		var values []float64
		for i, x := range rows {
			if span.Add(x) {
				kept, values = append(kept, x), append(values, float64(i)-3)
			}
		}
		if span.Size() != len(kept) || len(kept) > d {
			t.Fatalf("%d rows of %d numbers span %d dimensions", len(kept), d, span.Size())
		}
		z := span.Complement(vectors(t, 1, d)[0])
		for _, x := range kept {
			if dot := Dot(z, x); math.Abs(dot) > 1e-10 {
				t.Fatalf("the complement's product with a row is %g", dot)
			}
		}
		if len(kept) == 0 {
			return
		}
		w := span.Interpolate(values)
		for i, x := range kept {
			if got := Dot(w, x); math.Abs(got-values[i]) > 1e-7*(1+math.Sqrt(Dot(w, w)*Dot(x, x))) {
				t.Fatalf("row %d: %g instead of %g", i, got, values[i])
			}
		}
	})
}

// A row that depends on the others is refused, and Shrink forgets the last rows.
func TestSpanRefusesDependentRows(t *testing.T) {
	var span Span
	if !span.Add([]float64{1, 0, 2}) || !span.Add([]float64{0, 3, 1}) {
		t.Fatal("independent rows are refused")
	}
	if span.Add([]float64{2, -3, 3}) {
		t.Error("2a - b is taken as independent of a and b")
	}
	span.Shrink(1)
	if span.Size() != 1 || !span.Add([]float64{2, -3, 3}) {
		t.Error("after b is forgotten, 2a - b is independent of a")
	}
}

func TestNormalizeRefusesZero(t *testing.T) {
	v := []float64{3, 4}
	if !Normalize(v) || math.Abs(v[0]-0.6) > 1e-15 || math.Abs(v[1]-0.8) > 1e-15 {
		t.Errorf("(3, 4) has the direction %v", v)
	}
	if Normalize(make([]float64, 3)) || Normalize([]float64{math.NaN()}) {
		t.Error("zero or NaN has a direction")
	}
}
