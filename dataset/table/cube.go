package table

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// A .cube file is a colour table: for every place of a grid of inputs (three
// axes, or one curve for each channel) the colour that it becomes. Its text is
// that of Adobe, Cube LUT Specification 1.0 (2013):
//
//	TITLE "warm"            optional
//	DOMAIN_MIN 0 0 0        optional: the input at the first place
//	DOMAIN_MAX 1 1 1        and at the last
//	LUT_3D_SIZE 33          33 x 33 x 33 lines of three numbers follow, red fastest
//	# a comment
//
// It is read as a table of the columns r, g, b and the targets r_out, g_out,
// b_out. A table of one dimension (LUT_1D_SIZE) maps each channel for
// itself: it becomes rows with the columns in and the same targets, and needs equal domains.
// LUT_3D_INPUT_RANGE and LUT_1D_INPUT_RANGE, which some programs write, stand for a domain
// that is the same for all channels.

// The largest tables of the specification.
const (
	maxCube  = 256
	maxCurve = 65536
)

// cubeTable is a colour table as far as it is read.
type cubeTable struct {
	size     int
	curve    bool // LUT_1D_SIZE
	lo, hi   [3]float64
	title    string
	colours  [][3]float64
	line     int
	settings map[string]bool // keywords seen
}

// lineError is what is wrong with a line.
type lineError struct {
	line   int
	detail string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.detail) }

func (c *cubeTable) fault(format string, args ...any) error {
	return &lineError{c.line, fmt.Sprintf(format, args...)}
}

// readCube reads a .cube file.
func readCube(f *frame, file string, opts *Options) error {
	r, closer, err := openFile(file)
	if err != nil {
		return err
	}
	defer closer.Close()
	c, err := parseCube(r)
	if err != nil {
		return &Error{Source: file, Err: ErrFormat, Detail: err.Error(), Hint: "a .cube file has LUT_3D_SIZE n or LUT_1D_SIZE n, and then a line of three numbers for each place"}
	}
	c.fill(f)
	if c.title != "" {
		f.notes = append(f.notes, fmt.Sprintf("The colour table is called %q.", c.title))
	}
	if opts.Limit > 0 && opts.Limit < f.n {
		f.head(opts.Limit)
	}
	return nil
}

// parseCube reads the text of a .cube file.
func parseCube(r io.Reader) (*cubeTable, error) {
	c := &cubeTable{hi: [3]float64{1, 1, 1}, settings: map[string]bool{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		c.line++
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || text[0] == '#' {
			continue
		}
		if err := c.take(text); err != nil {
			return nil, err
		}
	}
	c.line++
	switch err := lines.Err(); {
	case err != nil:
		return nil, c.fault("%v", err)
	case c.size == 0:
		return nil, c.fault("the file ends without LUT_3D_SIZE or LUT_1D_SIZE")
	case len(c.colours) < c.places():
		return nil, c.fault("the file ends after %d of %d colours", len(c.colours), c.places())
	}
	for k := range 3 {
		if !(c.lo[k] < c.hi[k]) {
			return nil, c.fault("the domain of channel %d is from %v to %v", k+1, c.lo[k], c.hi[k])
		}
		if c.curve && (c.lo[k] != c.lo[0] || c.hi[k] != c.hi[0]) {
			return nil, c.fault("a table of one dimension with different domains of its channels")
		}
	}
	return c, nil
}

// places returns how many colours the table has.
func (c *cubeTable) places() int {
	if c.curve {
		return c.size
	}
	return c.size * c.size * c.size
}

// take reads one line that is no comment.
func (c *cubeTable) take(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	if tab := strings.IndexByte(word, '\t'); tab >= 0 {
		word, rest = text[:tab], text[tab+1:]
	}
	if first := word[0]; first >= 'A' && first <= 'Z' {
		return c.setting(word, strings.TrimSpace(rest))
	}
	if c.size == 0 {
		return c.fault("a colour before LUT_3D_SIZE or LUT_1D_SIZE")
	}
	if len(c.colours) == c.places() {
		return c.fault("more than the %d colours of the table", c.places())
	}
	colour, err := c.numbers(text, 3)
	if err != nil {
		return err
	}
	c.colours = append(c.colours, [3]float64(colour))
	return nil
}

// setting reads a line with a keyword.
func (c *cubeTable) setting(word, rest string) error {
	if len(c.colours) > 0 {
		return c.fault("%s after the first colour", word)
	}
	if c.settings[word] {
		return c.fault("%s for the second time", word)
	}
	c.settings[word] = true
	switch word {
	case "TITLE":
		c.title = strings.Trim(rest, `"`)
		return nil
	case "LUT_3D_SIZE":
		return c.setSize(rest, maxCube, false)
	case "LUT_1D_SIZE":
		return c.setSize(rest, maxCurve, true)
	case "DOMAIN_MIN", "DOMAIN_MAX":
		ends, err := c.numbers(rest, 3)
		if err == nil && word == "DOMAIN_MIN" {
			c.lo = [3]float64(ends)
		} else if err == nil {
			c.hi = [3]float64(ends)
		}
		return err
	case "LUT_3D_INPUT_RANGE", "LUT_1D_INPUT_RANGE":
		ends, err := c.numbers(rest, 2)
		if err == nil {
			c.lo, c.hi = [3]float64{ends[0], ends[0], ends[0]}, [3]float64{ends[1], ends[1], ends[1]}
		}
		return err
	}
	return c.fault("the keyword %q is none of a .cube file", word)
}

func (c *cubeTable) setSize(text string, most int, curve bool) error {
	if c.size > 0 {
		return c.fault("a second size: tables of one and of three dimensions in one file are not read")
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < 2 || size > most {
		return c.fault("the size is %q, not a number from 2 to %d", text, most)
	}
	c.size, c.curve = size, curve
	return nil
}

// numbers reads so many finite numbers.
func (c *cubeTable) numbers(text string, count int) ([]float64, error) {
	fields := strings.Fields(text)
	if len(fields) != count {
		return nil, c.fault("%d numbers, not %d", len(fields), count)
	}
	v := make([]float64, count)
	for k, field := range fields {
		x, err := strconv.ParseFloat(field, 64)
		if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
			return nil, c.fault("%q is not a finite number", field)
		}
		v[k] = x
	}
	return v, nil
}

// fill makes the frame of the table.
func (c *cubeTable) fill(f *frame) {
	names := []string{"r", "g", "b", "r_out", "g_out", "b_out"}
	if c.curve {
		names = []string{"in", "r_out", "g_out", "b_out"}
	}
	inputs := len(names) - 3
	for _, name := range names {
		f.columns = append(f.columns, &column{name: name})
	}
	f.headed = true
	for k := range 3 {
		f.targets = append(f.targets, inputs+k)
	}
	f.n = len(c.colours)
	b := newBlock(0, len(names), f.n)
	for i, colour := range c.colours {
		rest := i
		for k := range inputs { // red fastest
			b.cells[k][i] = f.columns[k].number(c.place(k, rest%c.size))
			rest /= c.size
		}
		for k, v := range colour {
			b.cells[inputs+k][i] = f.columns[inputs+k].number(v)
		}
	}
	f.blocks = []block{b}
}

// place returns the input of the i-th place of channel k; both ends are exact.
func (c *cubeTable) place(k, i int) float64 {
	if i == c.size-1 {
		return c.hi[k]
	}
	return c.lo[k] + float64(i)*(c.hi[k]-c.lo[k])/float64(c.size-1)
}
