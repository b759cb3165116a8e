package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// count writes a whole number with separators: 20,433.
func count(n int) string {
	s := strconv.Itoa(n)
	from := len(s) - 3
	first := 0
	if n < 0 {
		first = 1
	}
	for ; from > first; from -= 3 {
		s = s[:from] + "," + s[from:]
	}
	return s
}

// several writes a count with its noun: "1 row", "2,000 rows".
func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// number writes a figure with three significant digits, in plain notation where
// that is short.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case math.IsInf(v, 0) || math.IsNaN(v) || math.Abs(v) >= math.MaxFloat64:
		return "unbounded"
	}
	if a := math.Abs(v); a >= 1e-3 && a < 1e6 {
		digits := max(0, 2-int(math.Floor(math.Log10(a))))
		text := strconv.FormatFloat(v, 'f', digits, 64)
		if digits > 0 {
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
		return text
	}
	return short(strconv.FormatFloat(v, 'e', 1, 64))
}

// atMost writes an upper bound like number, rounded up; atLeast a lower bound,
// rounded down: what is written is proved as well.
func atMost(v float64) string  { return number(toward(v, math.Inf(1))) }
func atLeast(v float64) string { return number(toward(v, math.Inf(-1))) }

// toward returns a number near v that number writes as a bound of v: no smaller
// when way is +Inf, no larger when it is -Inf.
func toward(v, way float64) float64 {
	digits := 2
	if strings.Contains(number(v), "e") {
		digits = 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-float64(digits))
	near := v
	for range 100 { // ten units where the logarithm falls short of a whole number
		written, err := strconv.ParseFloat(number(near), 64)
		if err != nil || v == 0 || way > 0 && written >= v || way < 0 && written <= v {
			break
		}
		near += math.Copysign(unit, way)
	}
	return near
}

// exact writes a figure so that it reads back as itself, as short as that goes.
func exact(v float64) string { return short(strconv.FormatFloat(v, 'g', -1, 64)) }

// short drops the leading zero of an exponent: 1e-6, not 1e-06.
func short(s string) string {
	return strings.Replace(strings.Replace(s, "e-0", "e-", 1), "e+0", "e", 1)
}

// fileSize writes a file's size.
func fileSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

// seconds writes a duration.
func seconds(s float64) string {
	switch {
	case s > 0 && s < 0.0005:
		return "<1 ms"
	case s < 0.0995:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 99.5:
		return strconv.FormatFloat(s, 'g', 2, 64) + " s"
	}
	return fmt.Sprintf("%.0f s", s)
}

// ratio writes a factor: "3.3x".
func ratio(v float64) string { return number(v) + "x" }

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// listed joins the first few of the items: "3, 7, 9 and 12 more".
func listed(items []string, most int) string {
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(items[:most], ", "), count(len(items)-most))
}

// facts writes lines of a name and what is to be said, the names in one column.
type facts struct{ b strings.Builder }

const factWidth = 13

// add writes a line; an empty name continues the one above.
func (f *facts) add(name, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&f.b, "%-*s %s\n", factWidth-1, name, line)
		name = ""
	}
}

// grid writes rows of cells in aligned columns.
func (f *facts) grid(rows [][]string) {
	w := tabwriter.NewWriter(&f.b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

func (f *facts) String() string { return f.b.String() }
