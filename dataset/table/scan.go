package table

import (
	"bufio"
	"errors"
	"io"
)

// A scanner parts delimited text into rows of cells: RFC 4180, with any line
// end, blank lines left out, and quotes inside an unquoted cell taken as they
// are. It finds the dialect of a file and names the rows at fault; the bulk of a table is
// read by DuckDB.
type scanner struct {
	r         *bufio.Reader
	delimiter byte
	cells     []string
	cell      []byte
	quoted    bool // the current cell began with a quote
	any       bool // the current row has a character
}

// maxRow is the longest row, in bytes, that a scanner takes; DuckDB's limit is 2 MB.
const maxRow = 32 << 20

var (
	errLongRow   = errors.New("a row is longer than 32 MB; is a quote not closed?")
	errOpenQuote = errors.New("a quote is opened in this row and never closed")
)

func newScanner(r io.Reader, delimiter byte) *scanner {
	return &scanner{r: bufio.NewReader(r), delimiter: delimiter}
}

// next returns the cells of the next row, valid until the next call, or io.EOF.
func (s *scanner) next() ([]string, error) {
	s.cells, s.cell, s.quoted, s.any = s.cells[:0], s.cell[:0], false, false
	inside := false // between quotes
	for size := 0; ; size++ {
		c, err := s.r.ReadByte()
		if err != nil {
			if err == io.EOF && inside {
				return nil, errOpenQuote
			}
			if err == io.EOF && s.any {
				s.endCell()
				return s.cells, nil
			}
			return nil, err
		}
		switch {
		case size > maxRow:
			return nil, errLongRow
		case inside && c != '"':
			s.cell = append(s.cell, c)
		case c == '"':
			inside = s.quote(inside)
		case c == s.delimiter:
			s.endCell()
			s.any = true
		case c == '\n' || c == '\r':
			if s.any {
				s.endCell()
				return s.cells, nil
			}
		default:
			s.cell = append(s.cell, c)
			s.any = true
		}
	}
}

// quote takes a quote and reports whether what follows is between quotes.
func (s *scanner) quote(inside bool) bool {
	s.any = true
	switch {
	case inside:
		if next, _ := s.r.Peek(1); len(next) == 1 && next[0] == '"' {
			s.r.ReadByte()
			s.cell = append(s.cell, '"')
			return true
		}
		return false
	case len(s.cell) == 0 && !s.quoted:
		s.quoted = true
		return true
	}
	s.cell = append(s.cell, '"')
	return false
}

func (s *scanner) endCell() {
	s.cells = append(s.cells, string(s.cell))
	s.cell, s.quoted = s.cell[:0], false
}
