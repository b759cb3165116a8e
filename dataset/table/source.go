package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// A format is what a file holds, found by its first bytes, and by its name where
// text may be several things.
type format string

const (
	formatText    format = "text" // delimited text
	formatJSON    format = "JSON"
	formatParquet format = "Parquet"
	formatNPY     format = "NPY"
	formatNPZ     format = "NPZ"
	formatIDX     format = "IDX"
	formatCube    format = "cube"
)

// readSource reads whatever source names as a raw table.
func readSource(source string, opts *Options) (*frame, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	f := &frame{source: source}
	files, pair, err := expand(source)
	if err != nil && !(opts.SQL != "" && source == "") {
		return nil, err
	}
	formats := make([]format, len(files))
	for i, file := range files {
		if formats[i], err = detect(file); err != nil {
			return nil, err
		}
	}
	switch {
	case pair:
		err = readPair(f, files, formats, opts)
	case opts.SQL != "":
		err = readSQL(f, files, formats, opts)
	default:
		err = readFiles(f, files, formats, opts)
	}
	if err != nil {
		return nil, err
	}
	if f.n == 0 {
		return nil, &Error{Source: source, Err: ErrNoRows, Detail: "there is a header and nothing else", Hint: "give a table with at least two data rows"}
	}
	return f, nil
}

// expand returns the files that source stands for: one, those of a glob in the
// order of their names, or the two of a pair "inputs,targets".
func expand(source string) (files []string, pair bool, err error) {
	if source == "" {
		return nil, false, &Error{Err: ErrOption, Detail: "no table is named", Hint: "give a file, a glob, or inputs,targets"}
	}
	if _, err := os.Stat(source); err == nil {
		return []string{source}, false, nil
	}
	if strings.ContainsAny(source, "*?[") {
		files, err = filepath.Glob(source)
		if err != nil {
			return nil, false, &Error{Source: source, Err: ErrFormat, Detail: "broken glob: " + err.Error()}
		}
		sort.Strings(files)
		if len(files) > 0 {
			return files, false, nil
		}
		return nil, false, &Error{Source: source, Err: fs.ErrNotExist, Hint: "no file matches the pattern"}
	}
	if inputs, targets, ok := strings.Cut(source, ","); ok {
		for _, file := range []string{inputs, targets} {
			if _, err := os.Stat(file); err != nil {
				return nil, false, fileError(file, err)
			}
		}
		return []string{inputs, targets}, true, nil
	}
	_, err = os.Stat(source)
	return nil, false, fileError(source, err)
}

// fileError is the message for a file that cannot be opened or read.
func fileError(file string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	e := &Error{Source: file, Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Hint = "check the name; it is looked for from the current folder"
		if near := nearest(filepath.Base(file), folderOf(file)); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", filepath.Join(filepath.Dir(file), near))
		}
	}
	return e
}

// folderOf returns the names beside a file, at most 1000.
func folderOf(file string) []string {
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(1000)
	return names
}

// detect finds the format of a file by its first bytes, looking into gzip.
func detect(file string) (format, error) {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return "", &Error{Source: file, Err: errors.New("is a folder"), Hint: fmt.Sprintf("for its files, give a glob such as %q", filepath.Join(file, "*.csv"))}
	}
	opened, err := os.Open(file)
	if err != nil {
		return "", fileError(file, err)
	}
	defer opened.Close()
	r := bufio.NewReader(opened)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return "", &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
		}
		r = bufio.NewReader(unzipped)
	}
	head, err := r.Peek(256)
	if err != nil && err != io.EOF {
		return "", &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
	}
	return formatOf(file, head), nil
}

func formatOf(file string, head []byte) format {
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return formatParquet
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return formatNPY
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formatNPZ
	case len(head) >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14 && head[3] > 0:
		return formatIDX
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	name := strings.TrimSuffix(strings.ToLower(file), ".gz")
	if strings.HasSuffix(name, ".cube") {
		return formatCube
	}
	for _, suffix := range []string{".json", ".jsonl", ".ndjson"} {
		if strings.HasSuffix(name, suffix) {
			return formatJSON
		}
	}
	if bytes.HasPrefix(text, []byte("{\"")) || bytes.HasPrefix(text, []byte("[{")) {
		return formatJSON
	}
	return formatText
}

// readFiles reads files of one format as one table.
func readFiles(f *frame, files []string, formats []format, opts *Options) error {
	for i := range formats {
		if formats[i] != formats[0] {
			return &Error{Source: files[i], Err: ErrFormat, Detail: fmt.Sprintf("it is %s, but %s is %s", formats[i], files[0], formats[0])}
		}
	}
	if len(files) > 1 {
		f.notes = append(f.notes, fmt.Sprintf("The table is %d files, in the order of their names; its rows are numbered through all of them.", len(files)))
	}
	switch formats[0] {
	case formatText, formatJSON, formatParquet:
		e, err := openEngine()
		if err != nil {
			return err
		}
		defer e.close()
		if formats[0] == formatText {
			return readText(f, e, files, opts)
		}
		return readTyped(f, e, typedRelation(files, formats[0]), opts)
	}
	if len(files) > 1 {
		return &Error{Source: f.source, Err: ErrFormat, Detail: fmt.Sprintf("%d files of format %s", len(files), formats[0]), Hint: "give one file, or inputs,targets"}
	}
	switch formats[0] {
	case formatNPY:
		return readNPY(f, files[0], opts)
	case formatNPZ:
		return readNPZ(f, files[0], opts)
	case formatCube:
		return readCube(f, files[0], opts)
	}
	return readIDX(f, files[0], opts)
}

// readPair reads the inputs from one file and the targets from another.
func readPair(f *frame, files []string, formats []format, opts *Options) error {
	parts := [2]*frame{{source: files[0]}, {source: files[1]}}
	for i, part := range parts {
		if err := readFiles(part, files[i:i+1], formats[i:i+1], opts); err != nil {
			return err
		}
	}
	return f.join(parts[0], parts[1])
}

// join makes f of the columns of inputs and targets, side by side.
func (f *frame) join(inputs, targets *frame) error {
	if inputs.n != targets.n {
		return &Error{Source: f.source, Err: ErrShape, Detail: fmt.Sprintf("%d rows of inputs but %d rows of targets", inputs.n, targets.n),
			Hint: "the two files must have the same number of rows"}
	}
	f.n, f.headed = inputs.n, inputs.headed
	f.columns = inputs.columns
	f.notes = append(f.notes, inputs.notes...)
	taken := make(map[string]bool)
	for _, c := range f.columns {
		taken[strings.ToLower(c.name)] = true
	}
	for j, c := range targets.columns {
		name := c.name
		if !targets.headed {
			name = "y"
			if len(targets.columns) > 1 {
				name = fmt.Sprintf("y%d", j+1)
			}
		}
		c.name = freshName(name, len(f.columns), taken)
		taken[strings.ToLower(c.name)] = true
		f.targets = append(f.targets, len(f.columns))
		f.columns = append(f.columns, c)
	}
	f.blocks = beside(inputs.blocks, targets.blocks)
	return nil
}

// beside puts the columns of a and b, which have the same rows, side by side; the
// blocks of the result end where those of either end.
func beside(a, b []block) []block {
	var blocks []block
	i, j, at := 0, 0, 0
	for i < len(a) && j < len(b) {
		endA, endB := a[i].end(), b[j].end()
		end := min(endA, endB)
		joined := block{first: at}
		joined.cells = append(a[i].slice(at, end), b[j].slice(at, end)...)
		blocks = append(blocks, joined)
		at = end
		if end == endA {
			i++
		}
		if end == endB {
			j++
		}
	}
	return blocks
}

// end returns the index after the block's last row.
func (b block) end() int {
	if len(b.cells) == 0 {
		return b.first
	}
	return b.first + len(b.cells[0])
}

// slice returns the columns' cells of rows from to to.
func (b block) slice(from, to int) [][]float64 {
	cells := make([][]float64, len(b.cells))
	for j, c := range b.cells {
		cells[j] = c[from-b.first : to-b.first]
	}
	return cells
}
