package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/forest"
)

// prepareForest reads a forest and the rows it must agree on.
func (v *buildVerb) prepareForest(cmd *cobra.Command, in *input, opts hinge.Options, p *progress) (func() (*hinge.Result, error), error) {
	for _, flag := range []string{"construction", "for"} {
		if cmd.Flags().Changed(flag) {
			return nil, fmt.Errorf("--%s and --from-forest exclude each other: a forest is compiled as it is", flag)
		}
	}
	p.stage("reading " + v.forest)
	f, err := readForest(v.forest)
	if err != nil {
		return nil, err
	}
	p.stage("reading " + in.name)
	set, err := v.data.rowsFor(f, in)
	return func() (*hinge.Result, error) { return hinge.BuildForest(f, set, opts) }, err
}

// readForest reads the file of a forest.
func readForest(name string) (*forest.Forest, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := forest.Read(data)
	var broken *forest.FormatError
	switch {
	case errors.As(err, &broken):
		return nil, withHint(fmt.Errorf("%s: %w", name, err), "give what XGBoost's save_model wrote to a .json file, or a forest of scikit-learn written as docs/forests.md says")
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// rowsFor reads the rows of DATA for a forest: its columns as they stand when they
// are as many numbers as the forest has features, else encoded as for a network.
// Targets do not matter, and equal rows may have different ones.
func (f *dataFlags) rowsFor(trees *forest.Forest, in *input) (*dataset.Set, error) {
	if set, err := f.plainRows(trees, in); err == nil {
		return set, nil
	}
	loose := *f
	if loose.Conflicts == "" {
		loose.Conflicts = string(dataset.ConflictsFirst)
	}
	return loose.read(in)
}

func (f *dataFlags) plainRows(trees *forest.Forest, in *input) (*dataset.Set, error) {
	schema, err := table.SchemaFor(in.path, trees.Features, trees.Outputs, f.Options)
	if err != nil {
		return nil, err
	}
	rows, err := table.ReadInputs(in.path, schema, f.Options)
	if err != nil {
		return nil, err
	}
	n, _ := rows.X.Dims()
	return &dataset.Set{X: rows.X, Y: mat.NewDense(n, 1, nil), Rows: rows.Rows, Notes: rows.Notes, Schema: schema, Source: in.name}, nil
}
