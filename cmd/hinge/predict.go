package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset/table"
	"hinge/report"
)

type predictVerb struct {
	net   netFlags
	data  dataFlags
	out   outputFlags
	scale scaleFlag
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
	v.net.register(cmd)
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	return cmd
}

func (v *predictVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	in, err := v.data.open(args, 1)
	if err != nil {
		return err
	}
	defer in.done()
	net, err := v.net.network(args)
	if err != nil {
		return err
	}
	p.stage("reading " + in.name)
	schema, err := v.data.schema(net, in)
	if err != nil {
		return err
	}
	rows, err := table.ReadInputs(in.path, schema, v.data.Options)
	if err != nil {
		return in.named(err)
	}
	v.scale.apply(rows.X)
	p.stage("evaluating")
	answer, err := hinge.Predict(net, rows.X)
	if err != nil {
		return err
	}
	answer.Place(rows.Rows, rows.Skipped)
	answer.Notes = append(answer.Notes, rows.Notes...)
	p.end()
	if v.out.json {
		return report.WriteJSON(cmd.OutOrStdout(), answer)
	}
	if len(rows.Skipped) > 0 && !v.out.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "hinge: %d rows have a missing cell; their lines are empty\n", len(rows.Skipped))
	}
	return answer.WriteCSV(cmd.OutOrStdout())
}
