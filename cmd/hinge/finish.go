package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/edit"
)

type finishVerb struct {
	net    netFlags
	data   dataFlags
	out    outputFlags
	scale  scaleFlag
	edited editedFlags
	opt    edit.FinishOptions
}

func finishCommand() *cobra.Command {
	var v finishVerb
	cmd := &cobra.Command{
		Use:   "finish NET DATA -o OUT",
		Short: "Make a trained network exact on DATA, however far training came",
		Long: `Make NET hit every row of DATA, and prove it: by solving its output layer anew
where the rank of its last hidden layer allows, by bumps and gates for the rows
that it gets wrong, or by a network beside it that makes up for what is missing;
whichever of them comes first and adds units only where it must.

The certificate is for NET's own arithmetic; --precision float64 widens it, which
changes no weight and often saves units.`,
		Example: `hinge finish half-trained.onnx train.csv -o exact.onnx
hinge finish mnist.onnx train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --scale 1/255 --precision float64 -o exact.onnx`,
		RunE: v.run,
	}
	v.net.register(cmd)
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	v.edited.register(cmd)
	flags := cmd.Flags()
	flags.Float64Var(&v.opt.Tolerance, "tolerance", 0, "regression: largest error, as a fraction of the target's range (default 1e-6, in float32 1e-5)")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random choices")
	return cmd
}

func (v *finishVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if cmd.Flags().Changed("tolerance") && !(v.opt.Tolerance > 0 && v.opt.Tolerance < 1) {
		return fmt.Errorf("--tolerance is %v: give a fraction of the target's range, above 0 and below 1", v.opt.Tolerance)
	}
	if err := v.edited.settle(); err != nil {
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
	if net, err = v.edited.inPrecision(net); err != nil {
		return err
	}
	p.stage("reading " + in.name)
	start := time.Now()
	set, own, err := v.data.rows(net, in, &v.scale)
	if err != nil {
		return err
	}
	if own {
		return withHint(fmt.Errorf("%s has no target columns: what should its rows give?", in.name), "name them with --target")
	}
	read := time.Since(start).Seconds()
	v.opt.Progress = p.stage
	start = time.Now()
	finished, r, err := hinge.Finish(net, set, v.opt)
	if err != nil {
		return editError(err)
	}
	r.Network, r.Source = args[0], in.name
	r.Seconds.Read, r.Seconds.Finish = read, time.Since(start).Seconds()
	if r.Test, err = v.edited.reach(net, finished, &v.data, &v.scale, p); err != nil {
		return err
	}
	return v.edited.write(cmd, &v.out, p, finished, r, &r.File, &r.Bytes)
}
