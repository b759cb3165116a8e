package main

import (
	"github.com/spf13/cobra"

	"hinge"
)

type planVerb struct {
	data  dataFlags
	build buildFlags
	out   outputFlags
}

func planCommand() *cobra.Command {
	var v planVerb
	cmd := &cobra.Command{
		Use:   "plan DATA",
		Short: "What every construction would cost, before building",
		Long: `List every construction of the catalogue with its size on DATA, the least that
counting allows, and the accuracy to expect. An arrow marks the choice of auto.`,
		Example: `hinge plan housing.csv --target price
hinge plan housing.csv --target price --precision float32 --for bits`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.build.register(cmd)
	v.out.register(cmd)
	return cmd
}

func (v *planVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	opts, err := v.build.options(cmd, p)
	if err != nil {
		return err
	}
	in, err := v.data.open(args, 0)
	if err != nil {
		return err
	}
	defer in.done()
	p.stage("reading " + in.name)
	set, err := v.data.read(in)
	if err != nil {
		return err
	}
	plan, err := hinge.Plan(set, opts)
	if err != nil {
		return err
	}
	p.end()
	if err := v.out.print(cmd, plan); err != nil {
		return err
	}
	if plan.Choice == "" {
		return &answerNo{}
	}
	return nil
}
