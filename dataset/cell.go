package dataset

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Moment is a kind of date or time that reads as one number.
type Moment string

const (
	Date     Moment = "date"     // yyyy-mm-dd: days since 1970-01-01
	Clock    Moment = "time"     // hh:mm[:ss[.fff]]: seconds since midnight
	DateTime Moment = "datetime" // both, with T or a space between and Z or no zone: seconds since 1970-01-01 00:00 UTC
)

// layouts are the texts of each kind of moment, as package time has them.
// Fractions of a second are accepted after the seconds of any of them.
var layouts = map[Moment][]string{
	Date:     {"2006-01-02"},
	Clock:    {"15:04:05", "15:04"},
	DateTime: {"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z", "2006-01-02 15:04", "2006-01-02T15:04"},
}

// Parse returns the number that the text of a moment reads as.
func (m Moment) Parse(cell string) (value float64, ok bool) {
	if len(cell) < len("15:04") || cell[0] < '0' || cell[0] > '9' {
		return 0, false
	}
	for _, layout := range layouts[m] {
		t, err := time.Parse(layout, cell)
		if err != nil {
			continue
		}
		switch m {
		case Date:
			return float64(t.Unix() / (24 * 60 * 60)), true
		case Clock:
			return float64(t.Hour()*3600+t.Minute()*60+t.Second()) + float64(t.Nanosecond())/1e9, true
		}
		return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
	}
	return 0, false
}

// MissingCells are the texts, in lower case, of a cell that holds nothing.
var MissingCells = []string{"", "na", "n/a", "nan", "null", "none", "?"}

// IsMissing reports whether a cell's text says that nothing is there: empty,
// NA, N/A, NaN, null, none or "?", in any case, spaces around it ignored.
func IsMissing(cell string) bool {
	cell = strings.TrimSpace(cell)
	if len(cell) > len("null") {
		return false
	}
	for _, m := range MissingCells {
		if len(m) == len(cell) && strings.EqualFold(m, cell) {
			return true
		}
	}
	return false
}

// ParseNumber returns the float64 nearest to a decimal number, as
// strconv.ParseFloat does, spaces around it ignored. Of words it knows inf and
// infinity, signed or not; numbers past the range of float64 are infinite too.
// It takes no hexadecimal numbers and no digit separators.
func ParseNumber(cell string) (value float64, ok bool) {
	for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '\t') {
		cell = cell[1:]
	}
	for len(cell) > 0 && (cell[len(cell)-1] == ' ' || cell[len(cell)-1] == '\t') {
		cell = cell[:len(cell)-1]
	}
	if len(cell) == 0 {
		return 0, false
	}
	switch c := cell[0]; {
	case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'i', c == 'I':
	default:
		return 0, false
	}
	for i := 0; i < len(cell); i++ {
		if cell[i] == '_' || cell[i] == 'x' || cell[i] == 'X' {
			return 0, false
		}
	}
	value, err := strconv.ParseFloat(cell, 64)
	if err != nil && !math.IsInf(value, 0) {
		return 0, false
	}
	return value, !math.IsNaN(value)
}

// LevelText returns a cell as the name of a level or class: without the spaces
// around it, and a number in its shortest form, so that 1, 1.0 and 01 are one level.
func LevelText(cell string) string {
	cell = strings.TrimSpace(cell)
	if v, ok := ParseNumber(cell); ok {
		return FormatNumber(v)
	}
	return cell
}

// FormatNumber returns the shortest decimal text that reads as v again.
func FormatNumber(v float64) string {
	if v == 0 {
		return "0"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
