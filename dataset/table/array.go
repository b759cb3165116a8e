package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// An array is a matrix of numbers in a binary file: its shape and type are
// known, its numbers are still to be read. NPY and IDX files are arrays.
type array struct {
	rows, cols int
	size       int                        // bytes of a number
	number     func(bytes []byte) float64 // of size bytes
	columns    bool                       // stored column after column (Fortran order)
	r          io.Reader                  // at the first number
}

// blockRows is how many rows of an array make a block of the frame.
const blockRows = 2048

// maxColumns bounds the columns that a header may claim: 2^20, a picture of 1024 x 1024.
const maxColumns = 1 << 20

// load reads the array into the frame, at most limit rows (0: all), block by block,
// so that a header that claims more than the file holds costs no memory.
func (a *array) load(f *frame, limit int) error {
	if a.columns && a.cols > 1 {
		return a.loadColumns(f, limit)
	}
	rows := a.rows
	if limit > 0 {
		rows = min(rows, limit)
	}
	step := max(1, min(blockRows, (1<<22)/(a.cols*a.size)))
	buffer := make([]byte, step*a.cols*a.size)
	for f.n < rows {
		k := min(step, rows-f.n)
		raw := buffer[:k*a.cols*a.size]
		if got, err := io.ReadFull(a.r, raw); err != nil {
			return a.short(f, f.n+got/(a.cols*a.size), err)
		}
		if f.n == 0 {
			f.number(a.cols)
		}
		b := newBlock(f.n, a.cols, k)
		for j, c := range f.columns {
			for i := range b.cells[j] {
				at := (i*a.cols + j) * a.size
				b.cells[j][i] = c.number(a.number(raw[at : at+a.size]))
			}
		}
		f.blocks = append(f.blocks, b)
		f.n += k
	}
	return nil
}

// number gives the frame as many columns, if it has none, and names them c1, c2, ...
func (f *frame) number(count int) {
	for len(f.columns) < count {
		f.columns = append(f.columns, new(column))
	}
	for j, name := range columnNames(nil, count) {
		f.columns[j].name = name
	}
}

// loadColumns reads an array that is stored column after column.
func (a *array) loadColumns(f *frame, limit int) error {
	buffer := make([]byte, blockRows*a.size)
	for j := range a.cols {
		c := new(column)
		for first, k := 0, 0; first < a.rows; first += blockRows {
			raw := buffer[:min(blockRows, a.rows-first)*a.size]
			if got, err := io.ReadFull(a.r, raw); err != nil {
				return a.short(f, first+got/a.size, err)
			}
			if j == 0 {
				f.blocks = append(f.blocks, block{first: first})
			}
			cells := make([]float64, len(raw)/a.size)
			for i := range cells {
				cells[i] = c.number(a.number(raw[i*a.size : (i+1)*a.size]))
			}
			f.blocks[k].cells = append(f.blocks[k].cells, cells)
			k++
		}
		f.columns = append(f.columns, c)
	}
	f.n = a.rows
	f.number(a.cols)
	if limit > 0 && limit < f.n {
		f.head(limit)
	}
	return nil
}

// head keeps the first n rows, and counts the cells anew.
func (f *frame) head(n int) {
	for _, c := range f.columns {
		c.numbers, c.missing, c.infinite = 0, 0, 0
	}
	var blocks []block
	for _, b := range f.blocks {
		if b.first >= n {
			break
		}
		kept := block{first: b.first, cells: b.slice(b.first, min(n, b.end()))}
		for j, c := range f.columns {
			for _, cell := range kept.cells[j] {
				c.number(cell)
			}
		}
		blocks = append(blocks, kept)
	}
	f.blocks, f.n = blocks, n
}

func newBlock(first, cols, rows int) block {
	b := block{first: first, cells: make([][]float64, cols)}
	backing := make([]float64, cols*rows)
	for j := range b.cells {
		b.cells[j] = backing[j*rows : (j+1)*rows : (j+1)*rows]
	}
	return b
}

// short is the error for a file that ends before its numbers do, after so many
// whole rows.
func (a *array) short(f *frame, rows int, err error) error {
	detail := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		detail = fmt.Sprintf("its header says %d rows of %d numbers, but the file ends in row %d", a.rows, a.cols, rows+1)
	}
	return &Error{Source: f.source, Err: ErrFormat, Detail: detail, Hint: "the file is cut off or not what its header says"}
}

// shape sets rows and columns from the sizes of all dimensions: the first is
// rows, the others together columns.
func (a *array) shape(dims []int) error {
	a.rows, a.cols = 1, 1
	for i, n := range dims {
		if n < 0 {
			return fmt.Errorf("a dimension of %d", n)
		}
		if i == 0 {
			a.rows = n
			continue
		}
		if n > 0 && a.cols > maxColumns/n {
			return fmt.Errorf("more than %d numbers a row", maxColumns)
		}
		a.cols *= n
	}
	if a.cols == 0 {
		return errors.New("rows without numbers")
	}
	return nil
}

// openFile opens a file, uncompressed. The caller closes it.
func openFile(file string) (io.Reader, io.Closer, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, nil, fileError(file, err)
	}
	r := bufio.NewReaderSize(opened, 1<<16)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			opened.Close()
			return nil, nil, &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
		}
		return bufio.NewReaderSize(unzipped, 1<<16), opened, nil
	}
	return r, opened, nil
}
