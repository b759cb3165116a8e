package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/analyze"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/network"
)

type analyzeVerb struct {
	subject  subjectFlags
	out      outputFlags
	html     string
	memory   string
	patience patienceFlag
	opt      analyze.Options
}

func analyzeCommand() *cobra.Command {
	var v analyzeVerb
	cmd := &cobra.Command{
		Use:   "analyze NET DATA",
		Short: "What did it memorise, and how? Layer by layer",
		Long: `Take NET apart on DATA through the interpolation matrix of every layer: dead,
always-on and duplicate units, density, activation patterns, rank and condition,
essential and free units, how far the classes are apart; then, for the output
layer: the rows it misses, the space of all output layers with the same values,
and the rows it has memorised, by leaving each one out.

The table is read through the schema inside the file; for a network that hinge
did not build, the feature columns in order are the inputs. How pixels or other
inputs were scaled is not guessed: say it with --scale. A table without targets is
analysed with the network's own answers in their place.

Ctrl-C ends the analysis and prints what is done so far, marked as incomplete; the
exit code is then 1.`,
		Example: `hinge analyze housing.onnx housing.csv --html report.html
hinge analyze mnist.onnx train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --scale 1/255`,
		RunE: v.run,
	}
	v.subject.register(cmd)
	v.out.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&v.html, "html", "", "write the report as one HTML file")
	flags.StringVar(&v.memory, "memory", "", "work space beside the table itself, such as 4GiB (default: half of the machine's)")
	flags.Float64Var(&v.opt.Work, "work", analyze.DefaultWork, "most operations for one factorization of a layer; larger ones are sketched, with their error")
	flags.Var(&v.patience, "patience", "most time for the separability of one layer, such as 30s; 0 leaves it out (default: all layers share "+analyze.DefaultPatience.String()+")")
	flags.IntSliceVar(&v.opt.Rows, "rows", nil, "rows whose units are to be named")
	flags.Float64Var(&v.opt.Tolerance, "tolerance", 0, "regression: largest error of a hit, as a fraction of the target's range")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random samples")
	return cmd
}

func (v *analyzeVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if err := v.settle(); err != nil {
		return err
	}
	s, err := v.subject.load(args, p, nil)
	if err != nil {
		return err
	}
	boundHeap(v.opt.Memory)
	ctx, stop := untilInterrupted()
	defer stop()
	v.opt.Progress = p.share
	start := time.Now()
	a, err := hinge.Analyze(ctx, s.net, s.set, v.opt)
	if err != nil {
		return err
	}
	a.Network, a.Source, a.OwnAnswers = args[0], s.source, s.own
	a.Seconds.Read, a.Seconds.Analyze = s.read, time.Since(start).Seconds()
	var files outputs
	defer func() { files.discard() }()
	if v.html != "" {
		p.stage("drawing " + v.html)
		if err := files.add(v.html, a.WriteHTML); err != nil {
			return err
		}
	}
	p.end()
	if err := v.out.print(cmd, a); err != nil {
		return err
	}
	if err := files.commit(); err != nil {
		return err
	}
	if !a.Complete {
		return &answerNo{"stopped before the end: the report is of what was done"}
	}
	return nil
}

// settle checks the flags and puts them into the options.
func (v *analyzeVerb) settle() (err error) {
	if v.opt.Memory, err = memoryBound(v.memory); err != nil {
		return err
	}
	if !(v.opt.Work > 0) {
		return fmt.Errorf("--work is %v: give a number of operations above 0, such as 1e12", v.opt.Work)
	}
	if v.opt.Tolerance < 0 || v.opt.Tolerance >= 1 {
		return fmt.Errorf("--tolerance is %v: give a fraction of the target's range, above 0 and below 1", v.opt.Tolerance)
	}
	v.opt.Patience = v.patience.options()
	if v.html != "" {
		if err := canWrite(v.html); err != nil {
			return err
		}
	}
	return nil
}

// patienceFlag is a duration that may be left open.
type patienceFlag struct {
	told bool
	time time.Duration
}

func (f *patienceFlag) Type() string { return "duration" }

func (f *patienceFlag) String() string {
	if !f.told {
		return ""
	}
	return f.time.String()
}

// Set reads a duration.
func (f *patienceFlag) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("give a time, such as 30s or 5m, or 0")
	}
	f.told, f.time = true, d
	return nil
}

// options returns the time as [analyze.Options] take it.
func (f *patienceFlag) options() time.Duration {
	if f.told && f.time == 0 {
		return -1
	}
	return f.time
}

// rows reads DATA for a network: with targets, or, when the table has none,
// with the network's own answers in their place.
func (f *dataFlags) rows(net *network.Network, in *input, scale *scaleFlag) (set *dataset.Set, own bool, err error) {
	schema, err := f.schema(net, in)
	if err != nil {
		return nil, false, err
	}
	if len(schema.Targets) == 0 {
		rows, err := table.ReadInputs(in.path, schema, f.Options)
		if err != nil {
			return nil, false, in.named(err)
		}
		scale.applyIn(rows.X, net.Precision)
		set, err := hinge.OwnAnswers(net, rows.X)
		if err != nil {
			return nil, false, err
		}
		set.Rows, set.Notes, set.Source = rows.Rows, append(set.Notes, rows.Notes...), in.name
		return set, true, nil
	}
	if set, err = table.ReadWith(in.path, schema, f.Options); err != nil {
		return nil, false, in.named(err)
	}
	scale.applyIn(set.X, net.Precision)
	set.Source = in.name
	return set, false, nil
}

// scaleFlag multiplies inputs: networks of pictures want 1/255, and their files
// do not say so.
type scaleFlag struct {
	text     string
	num, den float64
}

func (s *scaleFlag) register(cmd *cobra.Command) {
	s.num, s.den = 1, 1
	cmd.Flags().Var(s, "scale", "multiply all inputs by this number or fraction, such as 1/255")
}

func (s *scaleFlag) String() string { return s.text }
func (s *scaleFlag) Type() string   { return "factor" }

// Set reads a number or a fraction.
func (s *scaleFlag) Set(text string) error {
	top, bottom, fraction := strings.Cut(text, "/")
	num, err := strconv.ParseFloat(strings.TrimSpace(top), 64)
	den := 1.0
	if err == nil && fraction {
		den, err = strconv.ParseFloat(strings.TrimSpace(bottom), 64)
	}
	if q := num / den; err != nil || q == 0 || q-q != 0 {
		return errors.New("give a number or a fraction, such as 0.5 or 1/255")
	}
	s.text, s.num, s.den = text, num, den
	return nil
}

// inputRows is a matrix as far as scaling goes.
type inputRows interface {
	RawRowView(i int) []float64
	Dims() (int, int)
}

// apply scales x in place.
func (s *scaleFlag) apply(x inputRows) { s.applyIn(x, network.Float64) }

// applyIn scales x in place and rounds the products as a network of that
// precision does when it reads them.
func (s *scaleFlag) applyIn(x inputRows, precision network.Precision) {
	if s.text == "" {
		return
	}
	n, _ := x.Dims()
	for i := range n {
		row := x.RawRowView(i)
		for j, v := range row {
			row[j] = precision.Round(v * s.num / s.den)
		}
	}
}

// memoryBound reads a size such as 4GiB, 500MB or plain bytes; "" is half of
// the machine's memory.
func memoryBound(text string) (int64, error) {
	if text == "" {
		if total := machineMemory(); total > 0 {
			return total / 2, nil
		}
		return analyze.DefaultMemory, nil
	}
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if digits, ok := strings.CutSuffix(text, u.name); ok {
			if v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64); err == nil && v*u.size >= 1<<20 && v*u.size < 1<<62 {
				return int64(v * u.size), nil
			}
		}
	}
	return 0, fmt.Errorf("--memory %s: give a size of at least 1MiB, such as 4GiB or 500MB", text)
}

// boundHeap has garbage collected before the work space beside the table grows
// past so many bytes. Without it, garbage may take as much as what is in use.
func boundHeap(bytes int64) {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	debug.SetMemoryLimit(int64(now.HeapAlloc) + bytes)
}

// machineMemory returns the bytes of memory, or 0 where that cannot be told.
func machineMemory() int64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, 256))
	if err != nil {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscanf(string(head), "MemTotal: %d kB", &kib); err != nil {
		return 0
	}
	return kib << 10
}

// untilInterrupted returns a context that the first Ctrl-C ends, instead of the
// process; the second ends the process.
func untilInterrupted() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	f := func() { cancel() }
	onInterrupt.Store(&f)
	return ctx, func() { onInterrupt.Store(nil); cancel() }
}
