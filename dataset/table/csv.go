package table

import (
	"fmt"
	"slices"
	"strings"

	"hinge/dataset"
)

// readText reads delimited text files, the rows of all one after the other,
// through DuckDB.
//
// DuckDB is told everything and finds out nothing, so that it reads what the
// dialect says. Columns that looked numeric are read as DOUBLE, whose parser rounds to the
// nearest float64 as strconv.ParseFloat does and is three times as fast as
// handing each cell over as text. Where a cell of such a column turns out not to
// be a number, or DuckDB refuses the file (rows of different lengths, mixed line
// ends), the scanner reads the table again, cell by cell: then what is at fault
// is known by row and column.
func readText(f *frame, e *engine, files []string, opts *Options) error {
	dialects := make([]*dialect, len(files))
	for i, file := range files {
		d, err := sniff(file, opts)
		if err != nil {
			return err
		}
		dialects[i] = d
		if err := sameColumns(files, dialects[:i+1]); err != nil {
			return err
		}
		for j := range d.double {
			dialects[0].double[j] = dialects[0].double[j] && d.double[j]
		}
	}
	d := dialects[0]
	f.headed = d.header
	var err error
	if len(d.names) > 1 { // in a table of one column DuckDB takes a blank line for a row
		err = loadText(f, e, files, dialects, opts)
	}
	if len(d.names) == 1 || err != nil || f.hasInfinite(d.double) {
		if err := scanText(f, files, dialects, opts); err != nil {
			return err
		}
	}
	f.noteDialect(d)
	return nil
}

// hasInfinite reports whether a column that was read as numbers holds an
// infinite one, whose text the scanner will tell apart from a missing cell's.
func (f *frame) hasInfinite(double []bool) bool {
	for j, c := range f.columns {
		if double[j] && c.infinite > 0 {
			return true
		}
	}
	return false
}

// loadText fills the frame from text files through DuckDB.
func loadText(f *frame, e *engine, files []string, dialects []*dialect, opts *Options) error {
	d := dialects[0]
	f.start(d.names)
	return e.load(f, "SELECT * FROM "+textRelation(files, dialects, d.double)+limit(opts), d.double, d.comma)
}

// start empties the frame and gives it columns.
func (f *frame) start(names []string) {
	f.columns, f.blocks, f.n = nil, nil, 0
	for _, name := range names {
		f.columns = append(f.columns, &column{name: name})
	}
}

// sameColumns checks the last file read against the first.
func sameColumns(files []string, dialects []*dialect) error {
	last := len(dialects) - 1
	first, d := dialects[0], dialects[last]
	if slices.Equal(first.names, d.names) && first.header == d.header {
		return nil
	}
	return &Error{Source: files[last], Err: ErrShape,
		Detail: fmt.Sprintf("its columns are %s, those of %s %s", dataset.KnownList(d.names), files[0], dataset.KnownList(first.names)),
		Hint:   "the files of one table must have the same columns in the same order"}
}

// textRelation is the SQL relation of text files: the rows of files of one dialect
// by one read_csv, and files of different dialects one after the other.
func textRelation(files []string, dialects []*dialect, double []bool) string {
	var parts []string
	for start := 0; start < len(files); {
		end := start + 1
		for end < len(files) && dialects[end].like(dialects[start]) {
			end++
		}
		parts = append(parts, readCSV(files[start:end], dialects[start], double))
		start = end
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(SELECT * FROM " + strings.Join(parts, " UNION ALL SELECT * FROM ") + ")"
}

// like reports whether one read_csv can read both.
func (d *dialect) like(o *dialect) bool {
	return d.skip == o.skip && d.delimiter == o.delimiter && d.gzip == o.gzip && d.encoding == o.encoding
}

// defaultLine is the longest row, in bytes, that DuckDB is told to expect. It
// makes room for 16 such rows a buffer: with 16 MB instead of 2 MB, reading a table of
// 160 MB of numbers takes 540 MB instead of 370.
const defaultLine = 2 << 20

func readCSV(files []string, d *dialect, double []bool) string {
	var paths, columns, missing []string
	for _, file := range files {
		paths = append(paths, quoteText(literalPath(file)))
	}
	for j, name := range d.names {
		kind := "VARCHAR"
		if double[j] {
			kind = "DOUBLE"
		}
		columns = append(columns, quoteText(name)+": '"+kind+"'")
	}
	for _, m := range dataset.MissingCells {
		missing = append(missing, quoteText(m))
		if upper := strings.ToUpper(m); upper != m {
			missing = append(missing, quoteText(upper), quoteText(strings.ToUpper(m[:1])+m[1:]))
		}
	}
	missing = append(missing, "'NaN'")
	compression := "none"
	if d.gzip {
		compression = "gzip"
	}
	return fmt.Sprintf(`read_csv([%s], auto_detect = false, header = %v, skip = %d, delim = %s, quote = '"', escape = '"', comment = '',`+
		` columns = {%s}, nullstr = [%s], compression = '%s', encoding = '%s', max_line_size = %d, strict_mode = true)`,
		strings.Join(paths, ", "), d.header, d.skip, quoteText(string(d.delimiter)), strings.Join(columns, ", "), strings.Join(missing, ", "), compression, d.encoding, max(defaultLine, 4*d.longest))
}

// literalPath escapes what DuckDB would take for a pattern in a path.
func literalPath(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

func limit(opts *Options) string {
	if opts.Limit > 0 {
		return fmt.Sprintf(" LIMIT %d", opts.Limit)
	}
	return ""
}

// noteDialect says what was found out and may be wrong.
func (f *frame) noteDialect(d *dialect) {
	if !d.header {
		f.notes = append(f.notes, fmt.Sprintf("The file has no header: its columns are named c1 to c%d.", len(d.names)))
	}
	if d.comma {
		f.notes = append(f.notes, "Numbers are written with a decimal comma.")
	}
	if d.encoding != "utf-8" {
		f.notes = append(f.notes, "The file is read as "+d.encoding+", not UTF-8.")
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
