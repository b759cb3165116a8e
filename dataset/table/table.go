// Package table reads files into data sets.
//
// For most uses, call [Read]: it takes a file (CSV, TSV, JSON, Parquet, any of
// them gzipped, NPY, NPZ, IDX), a glob, or a pair "inputs,targets" of NPY or
// IDX files, and returns the [dataset.Set] that a network is built from. What
// it decided (header, task, encodings, rows left out) stands in Set.Notes.
//
// A network that was built from a table carries the [dataset.Schema] of it.
// [ReadWith] reads a table through that schema for checking, [ReadInputs] for
// predicting (targets may be absent). For a network without a schema
// [SchemaFor] makes one from the table's columns, in order.
//
// All problems with a table come back as an [*Error], or as a
// [*dataset.ConflictError], which name rows and columns.
package table

import (
	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// Options say how a table is read. The zero value works; text values are the
// command's flags as typed, and a value that is not listed is an [*Error].
type Options struct {
	Target   []string // target columns: names, or indices from 1; default the last column
	Features []string // feature columns: names, or indices from 1; default every other column
	Drop     []string // columns left out: names, or indices from 1
	Text     []string // feature columns read as categories although their cells are numbers

	Header    string // auto (default), yes, no
	Task      string // auto (default), regression, classification; see [Read]
	Missing   string // error (default), drop, indicator; see [Read]
	Conflicts string // error (default), first, mean, majority, drop; see [dataset.Conflicts]

	// SQL is a DuckDB query whose result is the table. The source, if there is
	// one, is the view named data; files are reached by their quoted names.
	SQL   string
	Limit int // at most this many data rows, from the top; 0: all

	// Classes, if not nil, are the only classes of the target whose rows are kept.
	Classes []string

	Delimiter string // auto (default), tab, space, or a single character
	Decimal   string // auto (default), "." or ","

	// MaxLevels is the largest number of different texts that a text column
	// is one-hot encoded for; default 100. Columns with more are left out with
	// a note, or are an error where Features names them.
	MaxLevels int
}

// Inputs is a table read through a schema without its targets.
type Inputs struct {
	X       *mat.Dense // n x d, encoded, unscaled: what the network is fed
	Rows    []int      // n; the data row, from 1, that each row comes from
	Skipped []int      // data rows left out because a cell is missing
	Notes   []string   // what reading did, one sentence each
}

// Read reads source as a data set to build a network from.
//
// Header: without one the columns are named c1, c2, ...
//
// Task auto: classification when the single target is text or true/false, when
// it takes exactly two whole values in at least four rows, or when its values
// are 0..k-1 or 1..k, all present, k <= 20, in at least 5 k rows; otherwise
// regression. Several targets are always a regression.
//
// Missing: a cell is missing when it is empty or NA, N/A, NaN, null, none or
// "?" (any case). error refuses them; drop leaves out the rows that have one in
// a used column; indicator adds an input that is 1 where the cell is missing,
// and reads a missing number as the column's mean. Rows with a missing target are
// left out under drop and indicator.
//
// Text columns are one-hot encoded; ISO dates and times become numbers (see
// [dataset.Moment]). A text column is left out, with a note, when it has more
// than MaxLevels different texts, or more than 20 of which most occur once: it
// names rows rather than describing them. Naming it in Features keeps it, or is an
// error past MaxLevels. A column without any cell is left out.
//
// A column with more numbers than texts, and at most 5 cells or one in ten of
// texts, is a column of numbers with faults: an error that names the cells. Options.Text
// makes it a text column.
//
// A table with one row, and one whose targets are all constant, are errors.
func Read(source string, opts Options) (*dataset.Set, error) { return read(source, opts) }

// ReadWith reads source through the schema of a network, with targets, to check
// the network on it. Columns are found by name, or by position when the table
// has no header. Equal rows are merged as by [Read]. Rows with equal inputs and
// different targets are kept as they stand when opts.Conflicts is empty (a
// network can hit only one of them), and resolved as told otherwise. A text or class that the schema does
// not know is an error that lists the known ones. Features, Text, Task and MaxLevels
// of opts are the schema's affair and not looked at; Target is needed only where the
// target columns have other names than the schema says.
func ReadWith(source string, schema dataset.Schema, opts Options) (*dataset.Set, error) {
	return readWith(source, schema, opts)
}

// ReadInputs reads source through the schema of a network, without targets, to
// predict them: one row for every data row, in order, nothing merged. Target
// columns may be there or not. Rows with a missing cell that the
// schema has no indicator for are an error, or go to Inputs.Skipped with
// opts.Missing = "drop".
func ReadInputs(source string, schema dataset.Schema, opts Options) (*Inputs, error) {
	return readInputs(source, schema, opts)
}

// SchemaFor returns a schema for a network that carries none, with the given
// numbers of inputs and outputs: the feature columns of source in order are the
// inputs, as numbers. The targets are those of opts.Target; without it, the
// columns after the inputs: none (then only [ReadInputs] works), one, or one per
// output. One target column for several outputs holds the class, 0..outputs-1.
func SchemaFor(source string, inputs, outputs int, opts Options) (dataset.Schema, error) {
	return schemaFor(source, inputs, outputs, opts)
}
