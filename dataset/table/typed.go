package table

import (
	"fmt"
	"slices"
	"strings"
)

// typedRelation is the SQL relation of JSON or Parquet files.
func typedRelation(files []string, kind format) string {
	var paths []string
	for _, file := range files {
		paths = append(paths, quoteText(literalPath(file)))
	}
	reader := map[format]string{formatJSON: "read_json_auto", formatParquet: "read_parquet"}[kind]
	extra := ""
	if kind == formatJSON {
		extra = ", sample_size = -1" // a column's type from all rows, not from the first 20480
	}
	return fmt.Sprintf("%s([%s]%s)", reader, strings.Join(paths, ", "), extra)
}

// readSQL reads the result of a query. Files named as the source are the view data.
func readSQL(f *frame, files []string, formats []format, opts *Options) error {
	e, err := openEngine()
	if err != nil {
		return err
	}
	defer e.close()
	if len(files) > 0 {
		if err := defineData(e, files, formats, opts); err != nil {
			return err
		}
	}
	if f.source == "" {
		f.source = "sql"
	}
	query := strings.TrimRight(strings.TrimSpace(opts.SQL), "; \t\r\n")
	return readTyped(f, e, "("+query+"\n)", opts)
}

// defineData makes the files the view data.
func defineData(e *engine, files []string, formats []format, opts *Options) error {
	relation := ""
	switch formats[0] {
	case formatText:
		var dialects []*dialect
		for _, file := range files {
			d, err := sniff(file, opts)
			if err != nil {
				return err
			}
			dialects = append(dialects, d)
		}
		if err := sameColumns(files, dialects); err != nil {
			return err
		}
		relation = textRelation(files, dialects, dialects[0].double)
	case formatJSON, formatParquet:
		relation = typedRelation(files, formats[0])
	default:
		return &Error{Source: "sql", Err: ErrOption, Detail: fmt.Sprintf("sql reads no %s files", formats[0])}
	}
	if err := e.run("CREATE VIEW data AS SELECT * FROM " + relation); err != nil {
		return &Error{Source: files[0], Err: ErrFormat, Detail: firstLine(err.Error())}
	}
	return nil
}

// numberTypes are the types of DuckDB whose values are read as DOUBLE. A
// DECIMAL goes through its text, because DuckDB's cast divides by a power of ten and may
// miss the nearest float64.
var numberTypes = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE"}

// textTypes are the types that are read by their texts.
var textTypes = []string{"VARCHAR", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "UUID", "ENUM", "DECIMAL", "JSON"}

// readTyped reads a relation whose columns have types.
func readTyped(f *frame, e *engine, relation string, opts *Options) error {
	described, err := e.texts("DESCRIBE SELECT * FROM "+relation, 2)
	if err != nil {
		return &Error{Source: f.source, Err: ErrFormat, Detail: firstLine(err.Error())}
	}
	var given, casts []string
	double := make([]bool, len(described))
	for j, d := range described {
		given = append(given, d[0])
		kind, _, _ := strings.Cut(d[1], "(")
		target := "VARCHAR"
		double[j] = slices.Contains(numberTypes, kind)
		switch {
		case double[j]:
			target = "DOUBLE"
		case strings.HasSuffix(d[1], "]") || !slices.Contains(textTypes, kind):
			return &Error{Source: f.source, Err: ErrFormat, Cells: []Cell{{Column: d[0], Found: "its type is " + d[1]}}, Count: 1,
				Hint: "a column must hold numbers, texts, dates, times or true/false; --sql can take it apart"}
		}
		casts = append(casts, fmt.Sprintf("CAST(%s AS %s)", quoteName(d[0]), target))
	}
	for _, name := range columnNames(given, len(given)) {
		f.columns = append(f.columns, &column{name: name})
	}
	f.headed = true
	if err := e.load(f, "SELECT "+strings.Join(casts, ", ")+" FROM "+relation+limit(opts), double, false); err != nil {
		return &Error{Source: f.source, Err: ErrFormat, Detail: firstLine(err.Error())}
	}
	return nil
}
