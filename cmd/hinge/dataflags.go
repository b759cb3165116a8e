package main

import (
	"errors"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/network"
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
	flags.StringSliceVar(&f.Classes, "classes", nil, "keep only the rows of these classes: 1,8")
	flags.StringVar(&f.Missing, "missing", "error", "missing cells: error, drop (the row), indicator (a further input)")
	flags.StringVar(&f.Conflicts, "conflicts", "", "equal features with different targets: error, first, mean, majority, drop")
	flags.StringVar(&f.SQL, "sql", "", "a DuckDB query whose result is the table; DATA is the view named data")
	flags.IntVar(&f.Limit, "limit", 0, "read at most this many rows, from the top")
	flags.StringVar(&f.Delimiter, "delimiter", "auto", "auto, tab, space or a single character")
	flags.StringVar(&f.Decimal, "decimal", "auto", "decimal mark: auto, . or ,")
	flags.IntVar(&f.MaxLevels, "max-levels", 0, "most different texts of a text column (default 100)")
}

// open returns DATA out of the arguments after the first skip ones. It may be
// absent when --sql names the files itself.
func (f *dataFlags) open(args []string, skip int) (*input, error) {
	if f.Limit < 0 {
		return nil, errors.New("--limit is negative: give the number of rows to read")
	}
	switch {
	case len(args) == skip+1 && args[skip] != "":
		return openInput(args[skip])
	case len(args) == skip && f.SQL != "":
		return openInput("")
	case len(args) <= skip+1:
		return nil, withHint(errors.New("no DATA given"), "name a file: see --help for what it may be, or run hinge demo for an example")
	}
	return nil, withHint(errors.New("too many arguments"), "put a glob in quotes: 'part-*.csv'")
}

// read reads DATA to build from.
func (f *dataFlags) read(in *input) (*dataset.Set, error) {
	set, err := table.Read(in.path, f.Options)
	if err != nil {
		return nil, in.named(err)
	}
	set.Source = in.name
	return set, nil
}

// schema returns the schema inside the network, or one made for DATA's columns
// when it carries none.
func (f *dataFlags) schema(net *network.Network, in *input) (dataset.Schema, error) {
	if s := hinge.SchemaOf(net); s != nil {
		return *s, nil
	}
	s, err := table.SchemaFor(in.path, net.Inputs(), net.Outputs(), f.Options)
	return s, in.named(err)
}
