package dataset

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var mixed = Schema{
	Task: Classification,
	Columns: []Column{
		{Name: "size"},
		{Name: "colour", Levels: []string{"1", "blue", "red"}, Indicator: true},
		{Name: "weight", Indicator: true, Fill: 2.5},
		{Name: "day", Moment: Date},
	},
	Targets: []string{"kind"},
	Classes: []string{"0", "yes"},
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		cells string
		want  []float64
	}{
		{"1.5|blue|3|1970-01-02", []float64{1.5, 1, 0, 0, 3, 0, 1}},
		{" -2 |red|NA|1969-12-31", []float64{-2, 0, 1, 0, 2.5, 1, -1}},
		{"1e3|01.0|0|2000-02-29", []float64{1000, 0, 0, 0, 0, 0, 11016}},
		{"0|?||2000-02-29", []float64{0, 0, 0, 1, 2.5, 1, 11016}},
	} {
		got := make([]float64, len(mixed.InputNames()))
		if err := mixed.Encode(got, strings.Split(c.cells, "|")); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s reads as %v, %v; want %v", c.cells, got, err, c.want)
		}
	}
	for _, c := range []struct {
		cells  string
		kind   error
		column string
		says   string
	}{
		{"x|blue|3|1970-01-02", ErrNotNumber, "size", `"x"`},
		{"0x10|blue|3|1970-01-02", ErrNotNumber, "size", "0x10"},
		{"|blue|3|1970-01-02", ErrMissing, "size", ""},
		{"1e999|blue|3|1970-01-02", ErrNotFinite, "size", "1e999"},
		{"1|pink|3|1970-01-02", ErrLevel, "colour", `"1", "blue", "red"`},
		{"1|red|3|1970-02-30", ErrNotMoment, "day", "1970-02-30"},
		{"1|red|3", ErrCells, "", "3 cells for 4"},
	} {
		err := mixed.Encode(make([]float64, 7), strings.Split(c.cells, "|"))
		var e *CellError
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.Column != c.column || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s gives %v, want %v in column %q", c.cells, err, c.kind, c.column)
		}
	}
	if err := mixed.Encode(make([]float64, 3), strings.Split("1|red|3|1970-01-02", "|")); !errors.Is(err, ErrCells) {
		t.Errorf("too few inputs give %v", err)
	}
	if i, err := mixed.ClassIndex(" 0.0"); i != 0 || err != nil {
		t.Errorf("class 0.0 is %d, %v", i, err)
	}
	if _, err := mixed.ClassIndex("no"); !errors.Is(err, ErrLevel) || !strings.Contains(err.Error(), "kind") {
		t.Errorf("class no gives %v", err)
	}
}

func TestSchemaThroughJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 8, -1)
		s := Schema{Task: Regression, Targets: []string{text.Draw(t, "target")}, Classes: rapid.SliceOfN(text, 1, 3).Draw(t, "classes")}
		for range rapid.IntRange(1, 4).Draw(t, "columns") {
			c := Column{Name: text.Draw(t, "name")}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				c.Levels = rapid.SliceOfN(text, 1, 4).Draw(t, "levels")
			case 1:
				c.Moment = rapid.SampledFrom([]Moment{Date, Clock, DateTime}).Draw(t, "moment")
			}
			c.Indicator = rapid.Bool().Draw(t, "indicator")
			if c.Indicator {
				c.Fill = rapid.Float64().Filter(func(v float64) bool { return v-v == 0 }).Draw(t, "fill")
			}
			s.Columns = append(s.Columns, c)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Schema
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("%+v became %+v through %s", s, again, b)
		}
	})
}

func TestParseNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		if v-v != 0 {
			return
		}
		for _, text := range []string{FormatNumber(v), strconv.FormatFloat(v, 'e', 30, 64), " " + strconv.FormatFloat(v, 'f', -1, 64) + " "} {
			if got, ok := ParseNumber(text); !ok || got != v {
				t.Fatalf("%q reads as %v, %v", text, got, ok)
			}
		}
	})
	for _, text := range []string{"", " ", "x", "1_000", "0x1p4", "1,5", "nan", "1 2", "--1", "e5", "1e", "é"} {
		if v, ok := ParseNumber(text); ok {
			t.Errorf("%q reads as %v", text, v)
		}
	}
	if v, ok := ParseNumber("-Inf"); !ok || !math.IsInf(v, -1) {
		t.Error("-Inf is not read")
	}
	for _, text := range []string{"", "  ", "NA", "na", "N/A", "NaN", "NULL", "None", "?", " ? "} {
		if !IsMissing(text) {
			t.Errorf("%q is not missing", text)
		}
	}
	for _, text := range []string{"-200", "0", "nano", "-", "missing"} {
		if IsMissing(text) {
			t.Errorf("%q is missing", text)
		}
	}
}

func TestMoments(t *testing.T) {
	for _, c := range []struct {
		kind Moment
		text string
		want float64
	}{
		{Date, "1970-01-01", 0}, {Date, "0001-01-01", -719162}, {Date, "2024-02-29", 19782},
		{Clock, "00:00", 0}, {Clock, "18:00:00", 64800}, {Clock, "00:00:01.5", 1.5},
		{DateTime, "1970-01-02 00:00:01", 86401}, {DateTime, "1970-01-01T00:01:00Z", 60}, {DateTime, "1969-12-31 23:59", -60},
	} {
		if got, ok := c.kind.Parse(c.text); !ok || got != c.want {
			t.Errorf("%s %s is %v, %v; want %v", c.kind, c.text, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		kind Moment
		text string
	}{{Date, "2023-02-29"}, {Date, "2023-1-1"}, {Clock, "24:00:00"}, {DateTime, "2023-01-01"}, {Date, "20230101"}, {"", "2023-01-01"}} {
		if v, ok := c.kind.Parse(c.text); ok {
			t.Errorf("%s %q is %v", c.kind, c.text, v)
		}
	}
}
