package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset/table"
	"hinge/report"
)

type predictVerb struct {
	data dataFlags
	out  outputFlags
}

func predictCommand() *cobra.Command {
	var v predictVerb
	cmd := &cobra.Command{
		Use:   "predict NET DATA",
		Short: "Answer row by row, as CSV",
		Long: `Evaluate NET on every row of DATA and print one CSV line per row: the outputs,
and the class where there is one. The table is read through the schema inside
the file; target columns may be there or not. Rows left out by --missing drop
give an empty line of cells, so that lines and rows stay side by side.`,
		Example: `hinge predict housing.onnx new.csv > prices.csv
cat new.csv | hinge predict housing.onnx /dev/stdin`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.out.register(cmd)
	return cmd
}

func (v *predictVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	path, source, err := v.data.netAndSource(args)
	if err != nil {
		return err
	}
	p.stage("reading " + path)
	net, err := hinge.Load(path)
	if err != nil {
		return err
	}
	schema, err := v.data.schema(net, source)
	if err != nil {
		return err
	}
	p.stage("reading " + source)
	in, err := table.ReadInputs(source, schema, v.data.Options)
	if err != nil {
		return err
	}
	p.stage("evaluating")
	answer, err := hinge.Predict(net, in.X)
	if err != nil {
		return err
	}
	answer.Place(in.Rows, in.Skipped)
	answer.Notes = append(answer.Notes, in.Notes...)
	p.end()
	if v.out.json {
		return report.WriteJSON(cmd.OutOrStdout(), answer)
	}
	if len(in.Skipped) > 0 && !v.out.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "hinge: %d rows have a missing cell; their lines are empty\n", len(in.Skipped))
	}
	return answer.WriteCSV(cmd.OutOrStdout())
}
