package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/edit"
)

type finishVerb struct {
	subject subjectFlags
	out     outputFlags
	edited  editedFlags
	opt     edit.FinishOptions
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
	v.subject.register(cmd)
	v.out.register(cmd)
	v.edited.register(cmd)
	flags := cmd.Flags()
	flags.Float64Var(&v.opt.Tolerance, "tolerance", 0, "regression: largest error, as a fraction of the target's range (default 1e-6, in float32 1e-5)")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random choices")
	return cmd
}

func (v *finishVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if err := checkFraction(cmd, "tolerance", v.opt.Tolerance, "the target's range"); err != nil {
		return err
	}
	if err := v.edited.settle(); err != nil {
		return err
	}
	s, err := v.subject.load(args, p, v.edited.inPrecision)
	if err != nil {
		return err
	}
	if s.own {
		return withHint(fmt.Errorf("%s has no target columns: what should its rows give?", s.source), "name them with --target")
	}
	v.opt.Progress = p.stage
	start := time.Now()
	finished, r, err := hinge.Finish(s.net, s.set, v.opt)
	if err != nil {
		return editError(err)
	}
	r.Network, r.Source = args[0], s.source
	r.Seconds.Read, r.Seconds.Finish = s.read, time.Since(start).Seconds()
	if r.Test, err = v.edited.reach(s.net, finished, &v.subject.data, &v.subject.scale, p); err != nil {
		return err
	}
	return v.edited.write(cmd, &v.out, p, finished, r, &r.File, &r.Bytes)
}
