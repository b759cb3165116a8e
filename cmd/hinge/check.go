package main

import (
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset/table"
)

type checkVerb struct {
	net       netFlags
	data      dataFlags
	out       outputFlags
	scale     scaleFlag
	tolerance float64
}

func checkCommand() *cobra.Command {
	var v checkVerb
	cmd := &cobra.Command{
		Use:   "check NET DATA",
		Short: "Is every row hit? Lists the rows that are not",
		Long: `Prove anew that NET hits every row of DATA. The table is read through the schema
inside the file, so it may be the raw table; for a network that hinge did not
build, the feature columns in order are the inputs.

Exit code 0 if and only if every row is proved to be hit.`,
		Example: `hinge check housing.onnx housing.csv
hinge check model.onnx rows.csv --target 5 --json`,
		RunE: v.run,
	}
	v.net.register(cmd)
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	cmd.Flags().Float64Var(&v.tolerance, "tolerance", 0, "regression: largest error, as a fraction of the target's range (default: that of the file)")
	return cmd
}

func (v *checkVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if err := checkFraction(cmd, "tolerance", v.tolerance, "the target's range"); err != nil {
		return err
	}
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
	start := time.Now()
	schema, err := v.data.schema(net, in)
	if err != nil {
		return err
	}
	set, err := table.ReadWith(in.path, schema, v.data.Options)
	if err != nil {
		return in.named(err)
	}
	v.scale.apply(set.X)
	read := time.Since(start).Seconds()
	p.stage("certifying")
	start = time.Now()
	check, err := hinge.Check(net, set, v.tolerance)
	if err != nil {
		return err
	}
	check.Network, check.Source = args[0], in.name
	check.Seconds.Read, check.Seconds.Certify = read, time.Since(start).Seconds()
	p.end()
	if err := v.out.print(cmd, check); err != nil {
		return err
	}
	if check.Hit < check.Rows {
		return &answerNo{}
	}
	return nil
}
