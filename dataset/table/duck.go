package table

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// engine is a DuckDB database in memory, for one table. It is used through its C
// interface, a vector of 2048 cells at a time: through database/sql every cell
// would be boxed, and results held whole.
type engine struct {
	db   duckdb.Database
	conn duckdb.Connection
	temp string // where it may spill
}

// openEngine starts the database. No extension is fetched or loaded from
// elsewhere, and what it spills goes to a directory that close removes.
func openEngine() (*engine, error) {
	e := new(engine)
	if duckdb.Open("", &e.db) != duckdb.StateSuccess {
		return nil, fmt.Errorf("duckdb: cannot open a database in memory")
	}
	if duckdb.Connect(e.db, &e.conn) != duckdb.StateSuccess {
		duckdb.Close(&e.db)
		return nil, fmt.Errorf("duckdb: cannot connect to the database in memory")
	}
	e.temp = filepath.Join(os.TempDir(), fmt.Sprintf("hinge-%d-%p", os.Getpid(), e))
	for _, set := range []string{
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET preserve_insertion_order = true",
		"SET temp_directory = " + quoteText(e.temp),
	} {
		if err := e.run(set); err != nil {
			e.close()
			return nil, err
		}
	}
	return e, nil
}

func (e *engine) close() {
	duckdb.Disconnect(&e.conn)
	duckdb.Close(&e.db)
	os.RemoveAll(e.temp)
}

// run executes a statement that has no result of interest.
func (e *engine) run(statement string) error {
	return e.query(statement, nil)
}

// An engineError is DuckDB's own message.
type engineError struct{ message string }

func (e *engineError) Error() string { return e.message }

// query streams the result of a statement, vector by vector, to sink, if there
// is one. What sink is given is valid until it returns.
func (e *engine) query(statement string, sink func(chunk) error) error {
	var prepared duckdb.PreparedStatement
	state := duckdb.Prepare(e.conn, statement, &prepared)
	defer duckdb.DestroyPrepare(&prepared)
	if state != duckdb.StateSuccess {
		return &engineError{duckdb.PrepareError(prepared)}
	}
	var result duckdb.Result
	// marked deprecated, but its replacement holds the whole result
	state = duckdb.ExecutePreparedStreaming(prepared, &result)
	defer duckdb.DestroyResult(&result)
	if state != duckdb.StateSuccess {
		return &engineError{duckdb.ResultError(&result)}
	}
	for {
		c := chunk{data: duckdb.FetchChunk(result)}
		if c.data.Ptr == nil {
			break
		}
		c.rows = int(duckdb.DataChunkGetSize(c.data))
		var err error
		if sink != nil && c.rows > 0 {
			err = sink(c)
		}
		duckdb.DestroyDataChunk(&c.data)
		if err != nil {
			return err
		}
	}
	if message := duckdb.ResultError(&result); message != "" {
		return &engineError{message}
	}
	return nil
}

// A chunk is some rows of a result, at most 2048.
type chunk struct {
	data duckdb.DataChunk
	rows int
}

// A vector is one column of a chunk.
type vector struct {
	data  unsafe.Pointer
	valid unsafe.Pointer // a bit per row, or nil when all are there
	rows  int
}

func (c chunk) column(j int) vector {
	v := duckdb.DataChunkGetVector(c.data, duckdb.IdxT(j))
	return vector{data: duckdb.VectorGetData(v), valid: duckdb.VectorGetValidity(v), rows: c.rows}
}

// null reports whether row i is NULL.
func (v vector) null(i int) bool {
	if v.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(v.valid, i/64*8))
	return word>>(i%64)&1 == 0
}

// doubles returns the numbers of a DOUBLE column; those of NULL rows are arbitrary.
func (v vector) doubles() []float64 {
	return unsafe.Slice((*float64)(v.data), v.rows)
}

// text returns row i of a VARCHAR column, borrowed from the chunk. DuckDB's
// string_t is 16 bytes: a length, then up to 12 bytes in place, or 4 bytes of
// prefix and a pointer.
func (v vector) text(i int) string {
	const size, inlined, prefix = 16, 12, 4
	at := unsafe.Add(v.data, i*size)
	length := *(*uint32)(at)
	if length <= inlined {
		return unsafe.String((*byte)(unsafe.Add(at, 4)), length)
	}
	return unsafe.String(*(**byte)(unsafe.Add(at, 4+prefix)), length)
}

// texts returns the whole result of a small query, all its columns VARCHAR.
func (e *engine) texts(statement string, columns int) (rows [][]string, err error) {
	err = e.query(statement, func(c chunk) error {
		for i := range c.rows {
			row := make([]string, columns)
			for j := range row {
				if v := c.column(j); !v.null(i) {
					row[j] = strings.Clone(v.text(i))
				}
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// quoteText returns s as a SQL string, quoteName as a SQL name.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// load streams the result of a statement into the frame, whose columns are
// there already: DOUBLE where double says so, VARCHAR elsewhere.
func (e *engine) load(f *frame, statement string, double []bool, comma bool) error {
	return e.query(statement, func(c chunk) error {
		b := block{first: f.n, cells: make([][]float64, len(f.columns))}
		backing := make([]float64, len(f.columns)*c.rows)
		for j, column := range f.columns {
			b.cells[j] = backing[j*c.rows : (j+1)*c.rows : (j+1)*c.rows]
			switch v := c.column(j); {
			case double[j]:
				column.takeDoubles(b.cells[j], v)
			case comma:
				column.takeTexts(b.cells[j], v, column.commaText)
			default:
				column.takeTexts(b.cells[j], v, column.text)
			}
		}
		f.blocks = append(f.blocks, b)
		f.n += c.rows
		return nil
	})
}

func (c *column) takeDoubles(dst []float64, v vector) {
	for i, number := range v.doubles() {
		if v.null(i) {
			number = missingCell
		}
		dst[i] = c.number(number)
	}
}

func (c *column) takeTexts(dst []float64, v vector, cell func(string) float64) {
	for i := range dst {
		if v.null(i) {
			dst[i] = c.number(missingCell)
		} else {
			dst[i] = cell(v.text(i))
		}
	}
}
