package table

import (
	"math"
	"strings"

	"hinge/dataset"
)

// A frame is a raw table as it was read: named columns of cells, no roles, no
// encoding.
//
// Cells are held as float64, 8 bytes each, in blocks of rows, so that a million
// rows of 20 numbers take 160 MB and are turned into inputs block by block. A
// cell that is no number is a NaN: the quiet NaN for a missing cell, and a NaN whose
// payload is an index into the column's distinct texts for a text.
type frame struct {
	source  string
	columns []*column
	blocks  []block
	n       int   // rows
	headed  bool  // the names come from the file
	targets []int // the columns that the format says are targets; nil: it does not say
	notes   []string
}

// A block is some consecutive rows, column by column.
type block struct {
	first int         // index of the first row, from 0
	cells [][]float64 // column, row in the block
}

// A column is the name of a column, its texts, and counts of its cells.
type column struct {
	name  string
	texts []string          // distinct texts, in order of appearance
	codes map[string]uint32 // text -> index into texts

	numbers, missing, infinite, words int // cells of each kind; infinite ones are numbers too
}

// wordTag marks, in the upper half of a NaN's bits, that the lower half is the
// index of a text.
const wordTag = 0x7ff80001

// missingCell is a NaN without the tag.
var missingCell = math.NaN()

// wordOf returns the index of the text that a cell stands for.
func wordOf(cell float64) (code uint32, ok bool) {
	b := math.Float64bits(cell)
	return uint32(b), b>>32 == wordTag
}

// isMissing reports whether a cell is a NaN that stands for no text.
func isMissing(cell float64) bool {
	return cell != cell && math.Float64bits(cell)>>32 != wordTag
}

// text returns the cell for a piece of text and counts it. The text may be borrowed.
func (c *column) text(s string) float64 {
	if v, ok := dataset.ParseNumber(s); ok {
		return c.number(v)
	}
	if dataset.IsMissing(s) {
		c.missing++
		return missingCell
	}
	c.words++
	code, known := c.codes[s]
	if !known {
		trimmed := strings.ToValidUTF8(strings.TrimSpace(s), "\ufffd")
		code, known = c.codes[trimmed]
		if !known {
			code = uint32(len(c.texts))
			trimmed = strings.Clone(trimmed)
			c.texts = append(c.texts, trimmed)
			if c.codes == nil {
				c.codes = make(map[string]uint32)
			}
			c.codes[trimmed] = code
		}
	}
	return math.Float64frombits(wordTag<<32 | uint64(code))
}

// number returns the cell for a number and counts it. NaN counts as missing.
func (c *column) number(v float64) float64 {
	switch {
	case v != v:
		c.missing++
		return missingCell
	case math.IsInf(v, 0):
		c.infinite++
	}
	c.numbers++
	return v
}

// commaText is text for a table with decimal commas.
func (c *column) commaText(s string) float64 {
	if i := strings.IndexByte(s, ','); i >= 0 && strings.IndexByte(s, '.') < 0 {
		if v, ok := dataset.ParseNumber(s[:i] + "." + s[i+1:]); ok {
			return c.number(v)
		}
	}
	return c.text(s)
}

// display returns a cell as a message shows it.
func (c *column) display(cell float64) string {
	if code, ok := wordOf(cell); ok {
		return quoteCell(c.texts[code])
	}
	if isMissing(cell) {
		return "nothing"
	}
	return dataset.FormatNumber(cell)
}

// quoteCell quotes a text, of a long one the beginning.
func quoteCell(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return `"` + s + `"`
}

// each calls f with every row index, from 0, and cell of column j.
func (f *frame) each(j int, visit func(row int, cell float64)) {
	for _, b := range f.blocks {
		for i, cell := range b.cells[j] {
			visit(b.first+i, cell)
		}
	}
}

// find returns the index of the column with the name, or -1.
func (f *frame) find(name string) int {
	for j, c := range f.columns {
		if c.name == name {
			return j
		}
	}
	return -1
}

// columnNames returns names for the columns: the ones given, without control characters and spaces around, where they are not empty and
// not yet taken, and otherwise c1, c2, ... by position.
func columnNames(given []string, count int) []string {
	names := make([]string, count)
	taken := make(map[string]bool)
	for j := range names {
		if j < len(given) {
			names[j] = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(given[j], "\ufffd"), func(r rune) bool { return r < ' ' }), " ")
			names[j] = strings.TrimSpace(names[j])
		}
		if names[j] == "" || taken[strings.ToLower(names[j])] {
			names[j] = freshName(names[j], j, taken)
		}
		taken[strings.ToLower(names[j])] = true
	}
	return names
}
