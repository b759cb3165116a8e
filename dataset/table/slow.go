package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// errStop ends a scan early.
var errStop = errors.New("enough rows")

// scanText fills the frame from text files by the scanner: slower than DuckDB,
// but it takes any mixture of line ends, keeps the text of every cell, and names
// every row that has too many or too few.
func scanText(f *frame, files []string, dialects []*dialect, opts *Options) error {
	names := dialects[0].names
	f.start(names)
	for i, file := range files {
		ragged := &Error{Source: file, Err: ErrRagged}
		rows := 0
		err := dialects[i].scan(file, func(cells []string) error {
			rows++
			cells = withoutEnd(cells, len(names))
			if len(cells) != len(names) {
				if ragged.Count == 0 {
					ragged.Hint = raggedHint(names, cells)
				}
				ragged.add(f.n+rows, "", fmt.Sprintf("%d cells instead of %d", len(cells), len(names)))
			} else if ragged.Count == 0 {
				f.append(cells, f.n+rows-1, dialects[i].comma)
			}
			if f.n+rows == opts.Limit {
				return errStop
			}
			return nil
		})
		f.n += rows
		switch {
		case ragged.Count > 0:
			return ragged
		case err == errStop:
			return nil
		case err != nil:
			return &Error{Source: file, Err: ErrFormat, Cells: []Cell{{Row: f.n + 1}}, Count: 1, Detail: err.Error()}
		}
	}
	return nil
}

// withoutEnd leaves out an empty cell after the last column: a delimiter at the
// row's end, which DuckDB passes over too.
func withoutEnd(cells []string, width int) []string {
	if len(cells) == width+1 && cells[width] == "" {
		return cells[:width]
	}
	return cells
}

// append adds a row, number row from 0, to the frame's last block or a new one.
func (f *frame) append(cells []string, row int, comma bool) {
	if row%blockRows == 0 || len(f.blocks) == 0 {
		f.blocks = append(f.blocks, block{first: row, cells: make([][]float64, len(cells))})
	}
	b := &f.blocks[len(f.blocks)-1]
	for j, cell := range cells {
		if comma {
			b.cells[j] = append(b.cells[j], f.columns[j].commaText(cell))
		} else {
			b.cells[j] = append(b.cells[j], f.columns[j].text(cell))
		}
	}
}

// scan calls visit with the cells of every data row of a file, in UTF-8, until
// it returns an error. The cells are valid until it returns.
func (d *dialect) scan(file string, visit func(cells []string) error) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	r, err := d.open(bufio.NewReaderSize(opened, 1<<16))
	if err != nil {
		return err
	}
	if d.encoding == "utf-16" {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		r = bytes.NewReader(new(dialect).decode(text, true))
	}
	s := newScanner(r, d.delimiter)
	if mark, _ := s.r.Peek(3); string(mark) == "\ufeff" {
		s.r.Discard(len(mark))
	}
	for header := d.header; ; header = false {
		cells, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && !header {
			d.toUTF8(cells)
			err = visit(cells)
		}
		if err != nil {
			return err
		}
	}
}

// toUTF8 turns cells that were read as Latin-1 into UTF-8.
func (d *dialect) toUTF8(cells []string) {
	if d.encoding != "latin-1" {
		return
	}
	for j, cell := range cells {
		var b []byte
		for i := range len(cell) {
			b = utf8.AppendRune(b, rune(cell[i]))
		}
		cells[j] = string(b)
	}
}
