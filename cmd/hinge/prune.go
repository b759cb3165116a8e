package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/edit"
)

type pruneVerb struct {
	subject subjectFlags
	out     outputFlags
	edited  editedFlags
	how     string
	opt     edit.PruneOptions
}

func pruneCommand() *cobra.Command {
	var v pruneVerb
	cmd := &cobra.Command{
		Use:   "prune NET DATA -o OUT",
		Short: "Fewer units, the same outputs on DATA, proved",
		Long: `Remove the units of NET that DATA shows to be dead, copies of others or spanned by
others, re-solving the weights behind them, layer by layer; then prove how far any
output can have moved on any row. --preserve decisions goes further: as few units as
keep the largest output of every row. --preserve bits removes dead units only.

Only the inputs of DATA are looked at. Off its rows the result is another function:
--test says how much of one.`,
		Example: `hinge prune model.onnx train.csv -o smaller.onnx
hinge prune mnist.onnx train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --preserve decisions --precision float64 -o small.onnx`,
		RunE: v.run,
	}
	v.subject.register(cmd)
	v.out.register(cmd)
	v.edited.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&v.how, "preserve", string(edit.Values), "values (within --tolerance), decisions, or bits")
	flags.Float64Var(&v.opt.Tolerance, "tolerance", 0, "how far an output may move, as a fraction of its range (default 1e-9, in float32 1e-5)")
	flags.BoolVar(&v.opt.Layers, "merge-layers", false, "merge layers whose units are awake on every row with the next one")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random choices")
	return cmd
}

func (v *pruneVerb) run(cmd *cobra.Command, args []string) (err error) {
	p := v.out.begin()
	defer p.end()
	if err := checkFraction(cmd, "tolerance", v.opt.Tolerance, "an output's range"); err != nil {
		return err
	}
	if v.opt.Preserve, err = edit.ParsePreserve(v.how); err != nil {
		return fmt.Errorf("--preserve: %w", err)
	}
	if err := v.edited.settle(); err != nil {
		return err
	}
	s, err := v.subject.load(args, p, v.edited.inPrecision)
	if err != nil {
		return err
	}
	v.opt.Progress = p.stage
	start := time.Now()
	pruned, r, err := hinge.Prune(s.net, s.set.X, v.opt)
	if err != nil {
		return editError(err)
	}
	r.Network, r.Source = args[0], s.source
	r.Seconds.Read, r.Seconds.Prune = s.read, time.Since(start).Seconds()
	if r.Test, err = v.edited.reach(s.net, pruned, &v.subject.data, &v.subject.scale, p); err != nil {
		return err
	}
	return v.edited.write(cmd, &v.out, p, pruned, r, &r.File, &r.Bytes)
}
