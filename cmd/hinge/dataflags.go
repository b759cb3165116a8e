package main

import (
	"errors"

	"github.com/spf13/cobra"

	"hinge/dataset/table"
)

// dataFlags are the flags that say how DATA is read, the same for every verb.
type dataFlags struct{ table.Options }

func (f *dataFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.Target, "target", nil, "target columns: names, or numbers from 1 (default: the last column)")
	flags.StringSliceVar(&f.Features, "features", nil, "feature columns (default: all others)")
	flags.StringSliceVar(&f.Drop, "drop", nil, "columns to leave out")
	flags.StringSliceVar(&f.Text, "text", nil, "numeric feature columns to read as categories")
	flags.StringVar(&f.Header, "header", "auto", "is the first line a header: auto, yes, no")
	flags.StringVar(&f.Task, "task", "auto", "auto, regression, classification")
	flags.StringVar(&f.Missing, "missing", "error", "missing cells: error, drop (the row), indicator (a further input)")
	flags.StringVar(&f.Conflicts, "conflicts", "", "equal features with different targets: error, first, mean, majority, drop")
	flags.StringVar(&f.SQL, "sql", "", "a DuckDB query whose result is the table; DATA is the view named data")
	flags.IntVar(&f.Limit, "limit", 0, "read at most this many rows, from the top")
	flags.StringVar(&f.Delimiter, "delimiter", "auto", "auto, tab, space or a single character")
	flags.StringVar(&f.Decimal, "decimal", "auto", "decimal mark: auto, . or ,")
	flags.IntVar(&f.MaxLevels, "max-levels", 0, "most different texts of a text column (default 100)")
}

// source returns DATA out of the arguments after the first skip ones. It may be
// absent when --sql names the files itself.
func (f *dataFlags) source(args []string, skip int) (string, error) {
	if f.Limit < 0 {
		return "", errors.New("--limit is negative: give the number of rows to read")
	}
	switch {
	case len(args) == skip+1 && args[skip] != "":
		return args[skip], nil
	case len(args) == skip && f.SQL != "":
		return "", nil
	case len(args) <= skip+1:
		return "", withHint(errors.New("no DATA given"), "name a file: see --help for what it may be, or run hinge demo for an example")
	}
	return "", withHint(errors.New("too many arguments"), "put a glob in quotes: 'part-*.csv'")
}

// netAndSource splits the arguments of verbs that take a network and DATA.
func (f *dataFlags) netAndSource(args []string) (net, source string, err error) {
	if len(args) == 0 || args[0] == "" {
		return "", "", withHint(errors.New("no network given"), "name an .onnx file, then DATA")
	}
	source, err = f.source(args, 1)
	return args[0], source, err
}
