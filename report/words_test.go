package report

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBoundsAreRoundedOutwards: what is written of a bound is a bound too.
func TestBoundsAreRoundedOutwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Pow(10, rapid.Float64Range(-300, 300).Draw(t, "exponent"))
		if rapid.Bool().Draw(t, "negative") {
			v = -v
		}
		up, down := read(t, atMost(v)), read(t, atLeast(v))
		if up < v || down > v {
			t.Fatalf("%v is written as at most %v, at least %v", v, up, down)
		}
		if wide := math.Abs(up-down) / math.Abs(v); wide > 0.2 {
			t.Fatalf("%v is written as at most %v, at least %v: %v apart", v, up, down, wide)
		}
	})
}

func read(t *rapid.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestExactReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		if got := read(t, exact(v)); got != v {
			t.Fatalf("%v is written %s", v, exact(v))
		}
	})
	if got := exact(1e-6); got != "1e-6" {
		t.Errorf("exact(1e-6) = %s", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 20433: "20,433", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
	if several(1, "row", "rows") != "1 row" || several(2, "row", "rows") != "2 rows" {
		t.Error("several")
	}
}

func TestNumberOfWhatIsNoNumber(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64} {
		if got := number(v); got != "unbounded" {
			t.Errorf("number(%v) = %s", v, got)
		}
		atMost(v) // must end
	}
}

func TestRoundUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Pow(10, rapid.Float64Range(-20, 2).Draw(t, "exponent"))
		up := roundUp(v)
		if up < v || up > 1.11*v || len(exact(up)) > 8 {
			t.Fatalf("roundUp(%v) = %v", v, up)
		}
	})
}

func TestTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e6, 1e6).Draw(t, "lo")
		wide := math.Pow(10, rapid.Float64Range(-3, 8).Draw(t, "wide"))
		at := ticks(lo, lo+wide, 5)
		if len(at) < 2 || len(at) > 12 {
			t.Fatalf("%d ticks in [%v, %v]", len(at), lo, lo+wide)
		}
		for _, v := range at {
			if v < lo-wide*1e-9 || v > lo+wide*(1+1e-9) {
				t.Fatalf("tick %v outside [%v, %v]", v, lo, lo+wide)
			}
			if text := tickText(v); strings.HasPrefix(text, "-0") && v == 0 {
				t.Fatalf("tick %v reads %s", v, text)
			}
		}
	})
	if got := ticks(1, 1, 5); got != nil {
		t.Errorf("ticks of no range: %v", got)
	}
	if got := ticks(0, math.Inf(1), 5); got != nil {
		t.Errorf("ticks of an infinite range: %v", got)
	}
}

func TestListedAndClip(t *testing.T) {
	if got := listed([]string{"a", "b", "c"}, 2); got != "a, b and 1 more" {
		t.Errorf("listed: %s", got)
	}
	if got := clip("ångström", 4); got != "ång…" {
		t.Errorf("clip: %s", got)
	}
}
