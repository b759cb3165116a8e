package report

import (
	"fmt"
	"strconv"
	"strings"

	"hinge/certify"
	"hinge/dataset"
)

// missesListed is how many missed rows the text lists; JSON lists all.
const missesListed = 20

// Check is the outcome of checking a network on the rows of a table.
type Check struct {
	Network   string  `json:"network"` // the file
	Source    string  `json:"source"`
	Task      string  `json:"task"`
	Precision string  `json:"precision"`
	Tolerance float64 `json:"tolerance"`
	Rows      int     `json:"rows"` // rows of the file, those merged into an equal one included
	Hit       int     `json:"hit"`
	Missed    []Miss  `json:"missed"`
	MaxError  float64 `json:"max_error"`
	MinMargin float64 `json:"min_margin"`
	// Certificate is proved anew on these rows; it trusts nothing in the file.
	Certificate *certify.Certificate `json:"certificate"`
	// Stored says how the certificate inside the file relates to the network
	// and the rows: see the Stored... constants.
	Stored  string   `json:"stored"`
	Notes   []string `json:"notes"`
	Seconds struct {
		Read    float64 `json:"read"`
		Certify float64 `json:"certify"`
	} `json:"seconds"`
}

// What became of the certificate inside a file.
const (
	StoredNone    = "none"          // the file carries none
	StoredRefused = "not certified" // the file says itself that it is not certified
	StoredChanged = "changed"       // the network is not the one that was certified
	StoredOther   = "other data"    // the network is, but the rows are others
	StoredSame    = "same"          // network and rows are those of the certificate
	StoredIntact  = "intact"        // the network is that of the certificate; no rows are at hand
)

// StoredText says it in words.
func StoredText(stored string) string {
	switch stored {
	case StoredNone:
		return "the file carries no certificate"
	case StoredRefused:
		return "the file says of itself that it is not certified"
	case StoredChanged:
		return "THE NETWORK WAS CHANGED after it was certified: the certificate inside the file is of another network"
	case StoredIntact:
		return "the file's own certificate is of this network"
	case StoredOther:
		return "the file's own certificate is of this network, but of other rows"
	}
	return "the file's own certificate is of this network and these rows"
}

// Miss is a row that is not hit.
type Miss struct {
	Row  int `json:"row"`
	Want any `json:"want"`
	Got  any `json:"got"`
}

// Misses lists the rows of the file that a certificate could not prove, those
// merged into such a row included, by row.
func Misses(c *certify.Certificate, merged []dataset.Merge) []Miss {
	same := make(map[int][]int)
	for _, m := range merged {
		same[m.Into] = append(same[m.Into], m.Row)
	}
	misses := []Miss{}
	for _, m := range c.Missed {
		misses = append(misses, Miss{Row: m.Row, Want: m.Want, Got: m.Got})
		for _, row := range same[m.Row] {
			misses = append(misses, Miss{Row: row, Want: m.Want, Got: m.Got})
		}
	}
	sortByRow(misses)
	return misses
}

// Text tells the verdict, then every problem up to missesListed, then the count.
func (c *Check) Text() string {
	var f facts
	verdict := "yes: every row is hit"
	if len(c.Missed) > 0 {
		verdict = "NO: " + several(len(c.Missed), "row is", "rows are") + " not hit"
	}
	f.add(c.Network, "")
	f.b.Reset()
	f.add("hit", "%s of %s; %s", count(c.Hit), several(c.Rows, "row", "rows"), boundText(c.Certificate))
	f.add("", "in %s", c.Certificate.Arithmetic)
	f.add("file", "%s", StoredText(c.Stored))
	for i, note := range c.Notes {
		f.add([]string{"note", ""}[min(i, 1)], "%s", note)
	}
	f.add("time", "read %s, certify %s", seconds(c.Seconds.Read), seconds(c.Seconds.Certify))
	if len(c.Missed) > 0 {
		f.b.WriteByte('\n')
		rows := [][]string{{"row", "want", "got"}}
		for _, m := range c.Missed[:min(len(c.Missed), missesListed)] {
			rows = append(rows, []string{strconv.Itoa(m.Row), valueText(m.Want), valueText(m.Got)})
		}
		f.grid(rows)
		if more := len(c.Missed) - missesListed; more > 0 {
			fmt.Fprintf(&f.b, "... and %s\n", several(more, "more row", "more rows"))
		}
		f.b.WriteByte('\n')
	}
	f.add("answer", "%s", verdict)
	return f.String()
}

// valueText writes a target or an output: a class, a number or several.
func valueText(v any) string {
	switch v := v.(type) {
	case float64:
		return exact(v)
	case []float64:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = exact(x)
		}
		return listed(parts, 6)
	case string:
		return v
	}
	return strings.TrimSpace(fmt.Sprint(v))
}
