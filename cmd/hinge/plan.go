package main

import (
	"github.com/spf13/cobra"

	"hinge"
)

type planVerb struct {
	data  dataFlags
	build buildFlags
	out   outputFlags
	depth bool
}

func planCommand() *cobra.Command {
	var v planVerb
	cmd := &cobra.Command{
		Use:   "plan DATA",
		Short: "What every construction would cost, before building",
		Long: `List every construction of the catalogue with its size on DATA, the least that
counting allows, and the accuracy to expect. An arrow marks the choice of auto.
Where the targets are numbers, the last lines say which construction has the fewest
units for any number of outputs.

With --depth, build shallow and deep networks of the same data, a sample of it where
it is large, and show them side by side: units, parameters, the nonzeros and the
condition of the interpolation matrix, and what is certified in float64 and float32.`,
		Example: `hinge plan housing.csv --target price
hinge plan housing.csv --target price --precision float32 --for bits
hinge plan housing.csv --target price --depth`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.build.register(cmd)
	v.out.register(cmd)
	cmd.Flags().BoolVar(&v.depth, "depth", false, "build shallow and deep networks and compare them")
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
	if v.depth {
		depth, err := hinge.PlanDepth(set, opts)
		if err != nil {
			return err
		}
		p.end()
		return v.out.print(cmd, depth)
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
