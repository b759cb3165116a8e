package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/edit"
	"hinge/network"
	"hinge/train"
)

type trainVerb struct {
	data  dataFlags
	out   outputFlags
	opt   train.Options
	test  string
	file  string
	html  string
	names struct{ optimizer, schedule, init, precision string }

	finish    bool
	precision network.Precision
}

func trainCommand() *cobra.Command {
	var v trainVerb
	cmd := &cobra.Command{
		Use:   "train DATA -o net.onnx",
		Short: "Train a network by gradient descent, and watch its interpolation matrix",
		Long: `Train a dense ReLU network on DATA by gradient descent in float32 and write it as
an .onnx file that takes the raw table, like those of hinge build. Nothing is
promised of any row, and the file has no certificate.

With --trace, the interpolation matrix of every hidden layer is looked at after each
epoch: rank, condition, kind, density, patterns, and what it would cost to make
every row right now.

With --checkpoint the run can be killed at any moment: the same command takes it
up again and ends with the same file. Ctrl-C stops after the current step and
writes the network as far as it came, with exit code 1.

With --finish, the network is then made exact on every row, with a certificate, as
by hinge finish. At a constant learning rate the training stops as soon as that is
estimated to be cheaper than another epoch; with --schedule cosine it runs to its end.
--precision float64 widens the arithmetic of the finished network, which changes no
weight and often saves units.

The same seed gives the same file on one engine and processor.`,
		Example: `hinge train housing.csv --target price --hidden 128,128 --epochs 50 -o housing.onnx --trace --html r.html
hinge train images.gz,labels.gz --test t10k.gz,t10k-labels.gz --checkpoint run.ckpt -o digits.onnx
hinge train images.gz,labels.gz --schedule cosine --finish --precision float64 -o exact.onnx`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.out.register(cmd)
	v.register(cmd)
	return cmd
}

func (v *trainVerb) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&v.file, "output", "o", "", "the .onnx file to write")
	flags.StringVar(&v.html, "html", "", "write the report as one HTML file")
	flags.StringVar(&v.test, "test", "", "a table of the same columns: measured after each epoch, never learnt from")
	flags.IntSliceVar(&v.opt.Hidden, "hidden", []int{train.DefaultHidden}, "units of the hidden layers: 256 or 256,128")
	flags.IntVar(&v.opt.Epochs, "epochs", train.DefaultEpochs, "passes over the rows")
	flags.IntVar(&v.opt.Batch, "batch", train.DefaultBatch, "rows of a step")
	flags.StringVar(&v.names.optimizer, "optimizer", string(train.Adam), "adam or sgd")
	flags.Float64Var(&v.opt.Rate, "lr", 0, "learning rate (default 0.001 for adam, 0.1 for sgd)")
	flags.Float64Var(&v.opt.Momentum, "momentum", 0, "momentum of sgd, below 1")
	flags.Float64Var(&v.opt.Decay, "decay", 0, "weight decay, decoupled")
	flags.StringVar(&v.names.schedule, "schedule", string(train.Constant), "learning rate over the run: constant or cosine")
	flags.StringVar(&v.names.init, "init", string(train.He), "initial weights: he, he-uniform, glorot, lecun, orthogonal")
	flags.BoolVar(&v.finish, "finish", false, "then make every row right, with a certificate")
	flags.StringVar(&v.names.precision, "precision", network.Float32.String(), "arithmetic of the finished network: float32 or float64")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of the weights and of the order of the rows; the same seed gives the same file")
	flags.IntVar(&v.opt.Threads, "threads", 0, "processors to use (default: all)")
	flags.BoolVar(&v.opt.Trace, "trace", false, "look at the interpolation matrix after each epoch")
	flags.IntVar(&v.opt.TraceRows, "trace-rows", train.DefaultTraceRows, "how many rows the trace looks at")
	flags.StringVar(&v.opt.Checkpoint, "checkpoint", "", "a file that the run can be taken up from, by the same command")
	flags.Var((*secondsFlag)(&v.opt.Every), "every", "seconds between checkpoints (default 30)")
}

// secondsFlag is a time given as plain seconds or with a unit: 30, 0.5, 2m.
type secondsFlag time.Duration

func (s *secondsFlag) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

func (s *secondsFlag) Type() string { return "seconds" }

// Set reads a time above 0.
func (s *secondsFlag) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err != nil || d <= 0 {
		return errors.New("give seconds above 0, such as 30 or 0.5, or a time such as 2m")
	}
	*s = secondsFlag(d)
	return nil
}

func (v *trainVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if err := v.settle(cmd); err != nil {
		return err
	}
	in, err := v.data.open(args, 0)
	if err != nil {
		return err
	}
	defer in.done()
	p.stage("reading " + in.name)
	start := time.Now()
	set, err := v.data.read(in)
	if err != nil {
		return err
	}
	if v.opt.Test, err = v.testRows(set); err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	t, err := v.train(set, p)
	if err != nil {
		return err
	}
	t.Report.Seconds.Read, t.Report.Command = read, commandLine(append([]string{"hinge"}, os.Args[1:]...))
	if err := v.write(t); err != nil {
		return err
	}
	p.end()
	if err := v.out.print(cmd, t.Report); err != nil {
		return err
	}
	if t.Report.Stopped == train.StoppedInterrupt {
		return &answerNo{"stopped before the end: the network is as far as it came"}
	}
	return nil
}

// train trains, and finishes where asked for.
func (v *trainVerb) train(set *dataset.Set, p *progress) (*hinge.Trained, error) {
	ctx, stop := untilInterrupted()
	defer stop()
	v.opt.Progress = func(epoch, epochs int, done, loss float64) {
		p.show((float64(epoch-1)+done)/float64(epochs), func() string { return fmt.Sprintf("epoch %d of %d, loss %.4g", epoch, epochs, loss) })
	}
	if v.finish && v.opt.Schedule == train.Constant {
		v.opt.Stop = func(e *train.Epoch, net *network.Network) bool { return e.Cost.CheaperThanEpoch(net, set.N()) }
	}
	p.stage("training")
	t, err := hinge.Train(ctx, set, v.opt)
	if err != nil {
		return nil, hintTrain(err)
	}
	if v.finish && t.Report.Stopped != train.StoppedInterrupt {
		stop() // from here on an interrupt ends the process: there is no half-finished network
		if err := t.Finish(v.precision, v.opt.Test, edit.FinishOptions{Seed: v.opt.Seed, Progress: p.stage}); err != nil {
			return nil, editError(err)
		}
	}
	return t, nil
}

// settle checks the flags, so that a slip is told before DATA is read.
func (v *trainVerb) settle(cmd *cobra.Command) error {
	v.opt.Optimizer, v.opt.Schedule, v.opt.Init = train.Optimizer(v.names.optimizer), train.Schedule(v.names.schedule), train.Init(v.names.init)
	if err := v.opt.Check(); err != nil {
		return err
	}
	var err error
	if v.precision, err = network.ParsePrecision(v.names.precision); err != nil {
		return fmt.Errorf("--precision: %w", err)
	}
	if cmd.Flags().Changed("precision") && !v.finish {
		return withHint(errors.New("--precision is for the finished network; training is in float32"), "--finish")
	}
	for _, name := range []string{"lr", "epochs", "batch"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "0" {
			return fmt.Errorf("--%s is 0: give a number above 0", name)
		}
	}
	if cmd.Flags().Changed("every") && v.opt.Checkpoint == "" {
		return withHint(errors.New("--every says how often to write a checkpoint, but there is none"), "--checkpoint run.ckpt")
	}
	if cmd.Flags().Changed("trace-rows") && !v.opt.Trace {
		return withHint(errors.New("--trace-rows is for a trace, but none is asked for"), "--trace")
	}
	if v.file == "" {
		return withHint(errors.New("no output file given"), "say where the network goes: -o net.onnx")
	}
	for _, path := range []string{v.file, v.html, v.opt.Checkpoint} {
		if path == "" {
			continue
		}
		if err := canWrite(path); err != nil {
			return err
		}
	}
	return nil
}

// testRows reads the test table through the schema of the training rows.
func (v *trainVerb) testRows(set *dataset.Set) (*dataset.Set, error) {
	if v.test == "" {
		return nil, nil
	}
	options := v.data.Options
	options.Limit, options.SQL = 0, ""
	test, err := table.ReadWith(v.test, set.Schema, options)
	if err != nil {
		return nil, err
	}
	test.Source = v.test
	return test, nil
}

// write writes the network and the page, both or none.
func (v *trainVerb) write(t *hinge.Trained) error {
	var out outputs
	defer func() { out.discard() }()
	start := time.Now()
	if err := out.add(v.file, func(w io.Writer) error { return hinge.Write(w, t.Network) }); err != nil {
		return err
	}
	t.Report.Seconds.Write = time.Since(start).Seconds()
	t.Report.File, t.Report.Bytes = v.file, out[len(out)-1].Size()
	if v.html != "" {
		if err := out.add(v.html, t.Report.WriteHTML); err != nil {
			return err
		}
	}
	return out.commit()
}

// hintTrain adds what to do.
func hintTrain(err error) error {
	var diverged *train.DivergedError
	if errors.As(err, &diverged) {
		return withHint(err, "--lr %v", diverged.Rate/10)
	}
	return err
}
