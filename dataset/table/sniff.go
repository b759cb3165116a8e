package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"hinge/dataset"
)

// A dialect is how a text table is written.
type dialect struct {
	delimiter byte
	comma     bool   // decimal comma
	header    bool   // the first row holds names
	gzip      bool   // the file is compressed
	encoding  string // as DuckDB names it: utf-8, latin-1 or utf-16

	skip    int // blank lines before the first row
	longest int // bytes of the longest row looked at

	names  []string // of the columns
	double []bool   // columns that hold only numbers and missing cells, as far as was looked
	rows   int      // data rows looked at
}

// sampleBytes is how much of a file is looked at to find its dialect, and
// sampleRows how many rows of that. DuckDB's own sniffer looks at 20480 rows; ours finds
// decimal commas, and a column it takes for numbers wrongly costs only a second reading.
const (
	sampleBytes = 1 << 20
	sampleRows  = 2000
)

// readSample returns the beginning of a file as UTF-8 and whether that is all of it.
func readSample(path string, d *dialect) (sample []byte, whole bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	r, err := d.open(bufio.NewReader(file))
	if err != nil {
		return nil, false, err
	}
	for size := int64(sampleBytes); ; size *= 2 {
		more, err := io.ReadAll(io.LimitReader(r, size-int64(len(sample))))
		if err != nil {
			return nil, false, &Error{Source: path, Err: ErrFormat, Detail: err.Error()}
		}
		sample = append(sample, more...)
		whole = int64(len(sample)) < size
		if whole || size >= maxRow || bytes.Count(sample, []byte("\n")) > 2 {
			break
		}
	}
	sample = d.decode(sample, whole)
	leading := true
	for line := range bytes.Lines(sample) {
		leading = leading && len(bytes.TrimRight(line, "\r\n")) == 0
		if leading {
			d.skip++
		}
		d.longest = max(d.longest, len(line))
	}
	return sample, whole, nil
}

// open returns the text of a file, uncompressed, and notes the compression.
func (d *dialect) open(r *bufio.Reader) (io.Reader, error) {
	magic, _ := r.Peek(2)
	if d.gzip = bytes.Equal(magic, []byte{0x1f, 0x8b}); d.gzip {
		return gzip.NewReader(r)
	}
	return r, nil
}

// decode finds the encoding of a sample and returns it as UTF-8 without a byte
// order mark. What is not UTF-8 is taken for Latin-1.
func (d *dialect) decode(sample []byte, whole bool) []byte {
	d.encoding = "utf-8"
	if bytes.HasPrefix(sample, []byte{0xff, 0xfe}) {
		d.encoding = "utf-16"
		var units []uint16
		for i := 2; i+1 < len(sample); i += 2 {
			units = append(units, uint16(sample[i])|uint16(sample[i+1])<<8)
		}
		return []byte(string(utf16.Decode(units)))
	}
	sample = bytes.TrimPrefix(sample, []byte("\ufeff"))
	checked := sample
	if !whole { // the last character may be cut
		checked = checked[:max(0, bytes.LastIndexByte(checked, '\n'))]
	}
	if utf8.Valid(checked) {
		return sample
	}
	d.encoding = "latin-1"
	var b []byte
	for _, c := range sample {
		b = utf8.AppendRune(b, rune(c))
	}
	return b
}

// delimiters are the candidates, in the order in which they win ties. The
// comma comes late: where numbers have decimal commas it divides rows evenly too.
var delimiters = []byte{'\t', ';', '|', ',', ' '}

// sniff finds the dialect of a text table, as far as opts does not tell it.
func sniff(path string, opts *Options) (*dialect, error) {
	d := new(dialect)
	sample, whole, err := readSample(path, d)
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, fileError(path, err)
	}
	if len(bytes.TrimSpace(sample)) == 0 {
		return nil, &Error{Source: path, Err: ErrEmpty}
	}
	d.delimiter = opts.delimiter()
	if d.delimiter == 0 {
		d.delimiter = findDelimiter(sample, whole)
	}
	records := splitSample(sample, whole, d.delimiter)
	if len(records) == 0 {
		return nil, &Error{Source: path, Err: ErrFormat, Cells: []Cell{{Row: 1, Found: "its end is not found"}}, Count: 1, Hint: "is a quote not closed?"}
	}
	d.comma = opts.Decimal == "," || opts.Decimal != "." && findComma(records, d.delimiter)
	d.header = opts.Header == "yes" || opts.Header != "no" && d.findHeader(records)
	var given []string
	width := len(records[0])
	if d.header {
		given, records = records[0], records[1:]
	}
	d.names = columnNames(given, width)
	d.rows = len(records)
	d.double = make([]bool, width)
	for j := range d.double {
		d.double[j] = !d.comma && d.isNumeric(records, j)
	}
	return d, nil
}

// splitSample returns the rows of a sample as far as they are whole: none when
// the first does not end.
func splitSample(sample []byte, whole bool, delimiter byte) [][]string {
	scanner := newScanner(bytes.NewReader(sample), delimiter)
	var records [][]string
	for len(records) < sampleRows {
		cells, err := scanner.next()
		if err != nil {
			if !whole && len(records) > 1 {
				records = records[:len(records)-1]
			}
			break
		}
		records = append(records, append([]string(nil), cells...))
	}
	return records
}

// findDelimiter returns the first of the delimiters that parts at least 99 in
// 100 rows into the same number of cells, more than one; failing that the one
// that parts most rows so; and a comma when none parts any.
func findDelimiter(sample []byte, whole bool) byte {
	const even = 0.99
	best, share := byte(','), 0.0
	for _, delimiter := range delimiters {
		count := make(map[int]int)
		records := splitSample(sample, whole, delimiter)
		most := 0
		for _, r := range records {
			if len(r) > 1 {
				count[len(r)]++
				most = max(most, count[len(r)])
			}
		}
		s := float64(most) / float64(max(1, len(records)))
		if s >= even {
			return delimiter
		}
		if s > share {
			best, share = delimiter, s
		}
	}
	return best
}

// findComma reports whether numbers are written with decimal commas: there are
// cells of digits with one comma, and none that is a number with a point.
func findComma(records [][]string, delimiter byte) bool {
	if delimiter == ',' {
		return false // quoted 1,234 may be a thousand
	}
	commas := 0
	for _, r := range records {
		for _, cell := range r {
			_, number := dataset.ParseNumber(cell)
			if number && strings.ContainsRune(cell, '.') {
				return false
			}
			if !number && isCommaNumber(cell) {
				commas++
			}
		}
	}
	return commas > 0
}

func isCommaNumber(cell string) bool {
	if strings.Count(cell, ",") != 1 || strings.ContainsRune(cell, '.') {
		return false
	}
	_, ok := dataset.ParseNumber(strings.Replace(cell, ",", ".", 1))
	return ok
}

// isNumber reports whether a cell is a number of the dialect.
func (d *dialect) isNumber(cell string) bool {
	_, ok := dataset.ParseNumber(cell)
	return ok || d.comma && isCommaNumber(cell)
}

// isNumeric reports whether column j holds a number, and else only missing cells.
func (d *dialect) isNumeric(records [][]string, j int) bool {
	numbers := 0
	for _, r := range records {
		if j >= len(r) || dataset.IsMissing(r[j]) {
			continue
		}
		if !d.isNumber(r[j]) {
			return false
		}
		numbers++
	}
	return numbers > 0
}

// findHeader reports whether the first row holds names. Columns of numbers vote:
// for a header where the first cell is a text, against it where it is a number. When none
// votes, the first row is a header if its cells are different, none is empty, and none
// occurs again in its column.
func (d *dialect) findHeader(records [][]string) bool {
	first, rest := records[0], records[1:]
	if len(rest) == 0 {
		for _, cell := range first {
			if d.isNumber(cell) {
				return false
			}
		}
		return true
	}
	votes := 0
	for j, cell := range first {
		switch {
		case !d.isNumeric(rest, j) || dataset.IsMissing(cell):
		case d.isNumber(cell):
			votes--
		default:
			votes++
		}
	}
	if votes != 0 {
		return votes > 0
	}
	seen := make(map[string]bool)
	for j, cell := range first {
		if cell == "" || seen[cell] || d.isNumber(cell) {
			return false
		}
		seen[cell] = true
		for _, r := range rest {
			if j < len(r) && r[j] == cell {
				return false
			}
		}
	}
	return true
}
