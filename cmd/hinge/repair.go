package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"

	"hinge"
	"hinge/dataset"
	"hinge/edit"
	"hinge/network"
	"hinge/report"
)

// fixWrong is the --fix that means the rows of --keep that the network misses.
const fixWrong = "wrong"

type repairVerb struct {
	net    netFlags
	data   dataFlags
	out    outputFlags
	scale  scaleFlag
	edited editedFlags
	fix    string
	keep   string
	most   int
	how    string
	method string
	force  bool
	opt    edit.Options
}

func repairCommand() *cobra.Command {
	var v repairVerb
	cmd := &cobra.Command{
		Use:   "repair NET --fix ROWS --keep DATA -o OUT",
		Short: "Correct named rows; prove that no other given row moved",
		Long: `Give every row of --fix the outputs that stand in its target columns, while every
row of --keep keeps what NET says there: every bit of it, its values within a
proved bound, or only its decision, as --preserve says. --fix wrong means the rows
of --keep that NET misses.

--preserve bits adds gates, units that are proved to be exactly 0 on the kept rows.
--preserve values changes weights of the output layer or of a hidden layer where the
rank of the kept rows allows, and adds gates otherwise. --preserve decisions changes
the output layer, or adds bumps or gates, whichever are fewer units. --method forces
one of them.

The fixed rows are certified in NET's own arithmetic. Contradictory wishes are named
by row, and nothing is written. --test tells how far the change is felt on rows that
the repair did not see.`,
		Example: `hinge repair model.onnx --fix complaints.csv --keep regression-suite.csv -o fixed.onnx
hinge repair mnist.onnx --fix wrong --keep train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --scale 1/255 -o fixed.onnx`,
		Args: cobra.MaximumNArgs(1),
		RunE: v.run,
	}
	v.net.register(cmd)
	v.data.register(cmd)
	v.out.register(cmd)
	v.scale.register(cmd)
	v.edited.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&v.fix, "fix", "", "the rows to fix, with the outputs they should have; or wrong")
	flags.StringVar(&v.keep, "keep", "", "the rows whose outputs must not move")
	flags.IntVar(&v.most, "most", 0, "fix at most this many rows, from the top")
	flags.StringVar(&v.how, "preserve", string(edit.Bits), "of the kept rows: bits, values or decisions")
	flags.BoolVar(&v.force, "force", false, "write the network though it is not certified")
	flags.StringVar(&v.method, "method", string(edit.Auto), "auto, output, inner, bumps or gates")
	flags.Float64Var(&v.opt.KeepTolerance, "keep-tolerance", 0, "values: how far an output of a kept row may move, as a fraction of its range (default 1e-9, in float32 1e-5)")
	flags.Float64Var(&v.opt.Margin, "margin", 0, "classes: by how much the wanted class shall win (default: a tenth of what is usual)")
	flags.Float64Var(&v.opt.Tolerance, "tolerance", 0, "numbers: largest error at a fixed row, as a fraction of the range of the wanted values")
	flags.Uint64Var(&v.opt.Seed, "seed", 0, "seed of random choices")
	return cmd
}

func (v *repairVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	if err := v.settle(cmd); err != nil {
		return err
	}
	net, err := v.net.network(args)
	if err != nil {
		return err
	}
	if net, err = v.edited.inPrecision(net); err != nil {
		return err
	}
	start := time.Now()
	w, err := v.wishes(net, p)
	if err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	p.stage("repairing " + args[0])
	v.opt.Progress = p.stage
	start = time.Now()
	repaired, r, err := hinge.Repair(net, w.fix, w.keep, w.keepRows, v.opt)
	if err != nil {
		return editError(err)
	}
	r.Network, r.FixSource, r.Source = args[0], w.fixName, w.keepName
	r.Seconds.Read, r.Seconds.Repair = read, time.Since(start).Seconds()
	if r.Test, err = v.edited.reach(net, repaired, &v.data, &v.scale, p); err != nil {
		return err
	}
	if no := v.refuse(r, net); no != nil && !v.force {
		p.end()
		if err := v.out.print(cmd, r); err != nil {
			return err
		}
		return no
	}
	return v.edited.write(cmd, &v.out, p, repaired, r, &r.File, &r.Bytes)
}

// settle checks the flags.
func (v *repairVerb) settle(cmd *cobra.Command) (err error) {
	if v.fix == "" {
		return withHint(errors.New("no --fix given"), "name a table of rows with the outputs they should have, or --fix wrong")
	}
	if v.fix == fixWrong && v.keep == "" {
		return withHint(errors.New("--fix wrong needs --keep"), "name the table whose missed rows are to be fixed")
	}
	if v.most < 0 {
		return errors.New("--most is negative: give the number of rows to fix")
	}
	if v.opt.Margin < 0 || v.opt.Margin-v.opt.Margin != 0 {
		return fmt.Errorf("--margin is %v: give a number that is not negative", v.opt.Margin)
	}
	if err := checkFraction(cmd, "tolerance", v.opt.Tolerance, "the range"); err != nil {
		return err
	}
	if err := checkFraction(cmd, "keep-tolerance", v.opt.KeepTolerance, "the range"); err != nil {
		return err
	}
	if v.opt.Preserve, err = edit.ParsePreserve(v.how); err != nil {
		return fmt.Errorf("--preserve: %w", err)
	}
	if v.opt.Method, err = edit.ParseMethod(v.method); err != nil {
		return fmt.Errorf("--method: %w", err)
	}
	return v.edited.settle()
}

// refuse returns what is not proved, nil when all is.
func (v *repairVerb) refuse(r *report.Repair, net *network.Network) error {
	switch {
	case !r.Certificate.Holds:
		return withHint(&answerNo{"the fixed rows are not certified; nothing is written"}, "%s", v.loosen(r, net))
	case !r.Keep.Holds && v.opt.Preserve == edit.Decisions:
		return withHint(&answerNo{"not every decision of the rows to keep is proved to be the same; nothing is written"}, "--method auto or gates; --force writes the network as it is")
	case !r.Keep.Holds:
		return withHint(&answerNo{"the rows to keep may move farther than is allowed; nothing is written"}, "--keep-tolerance %.1e would hold, and so would --method gates; --force writes the network as it is", 1.1*r.Keep.Fraction)
	}
	return nil
}

// loosen says what would make the certificate hold.
func (v *repairVerb) loosen(r *report.Repair, net *network.Network) string {
	text := "--force writes the network as it is"
	if r.Task != string(dataset.Classification) {
		text = fmt.Sprintf("--tolerance %.1e would hold; %s", 1.1*r.Certificate.MaxError, text)
	}
	if net.Precision == network.Float32 {
		text = "--precision float64 rounds less; " + text
	}
	return text
}

// wishes are the rows of a repair.
type wishes struct {
	fix               *dataset.Set
	keep              *mat.Dense
	keepRows          []int
	fixName, keepName string
}

// wishes reads the rows to fix and to keep.
func (v *repairVerb) wishes(net *network.Network, p *progress) (*wishes, error) {
	w := &wishes{keepName: "no table"}
	var kept *dataset.Set
	own := false
	if v.keep != "" {
		in, err := openInput(v.keep)
		if err != nil {
			return nil, err
		}
		defer in.done()
		p.stage("reading " + in.name)
		if kept, own, err = v.data.rows(net, in, &v.scale); err != nil {
			return nil, err
		}
		w.keepName, w.keep, w.keepRows = in.name, kept.X, kept.Rows
	}
	if v.fix == fixWrong {
		if own {
			return nil, withHint(errors.New(w.keepName+" has no targets, so none of its rows is wrong"), "name the rows to fix with --fix rows.csv")
		}
		return w, v.missed(net, kept, w)
	}
	in, err := openInput(v.fix)
	if err != nil {
		return nil, err
	}
	defer in.done()
	p.stage("reading " + in.name)
	if w.fix, own, err = v.data.rows(net, in, &v.scale); err != nil {
		return nil, err
	}
	if own {
		return nil, withHint(errors.New(in.name+" has no target columns: what should its rows give?"), "add the wanted outputs as the last columns, or name them with --target")
	}
	w.fixName = in.name
	if v.most > 0 && v.most < w.fix.N() {
		w.fix = w.fix.Select(upTo(v.most))
	}
	return w, nil
}

func upTo(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// missed splits the rows to keep into those that the network misses and the
// others.
func (v *repairVerb) missed(net *network.Network, kept *dataset.Set, w *wishes) error {
	check, err := hinge.Check(net, kept, v.opt.Tolerance)
	if err != nil {
		return err
	}
	missed := make(map[int]bool, len(check.Missed))
	for _, m := range check.Missed {
		missed[m.Row] = true
	}
	var fix, keep []int
	for i, row := range kept.Rows {
		if missed[row] && (v.most == 0 || len(fix) < v.most) {
			fix = append(fix, i)
		} else {
			keep = append(keep, i)
		}
	}
	if len(fix) == 0 {
		return &answerNo{"every row is hit already: there is nothing to fix"}
	}
	w.fix, w.fixName = kept.Select(fix), "the rows that were missed"
	w.keep, w.keepRows = nil, nil
	if len(keep) > 0 {
		rest := kept.Select(keep)
		w.keep, w.keepRows = rest.X, rest.Rows
	}
	return nil
}

// editError turns what an edit refuses into an answer.
func editError(err error) error {
	var impossible *edit.ImpossibleError
	if errors.As(err, &impossible) {
		return &answerNo{err.Error()}
	}
	return err
}

// editedFlags are those of every verb that writes a changed network.
type editedFlags struct {
	output    string
	precision string
	test      string
}

func (f *editedFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the .onnx file to write")
	flags.StringVar(&f.precision, "precision", "", "float64 widens NET's arithmetic (default: as NET is)")
	flags.StringVar(&f.test, "test", "", "rows that were not part of it: how many change there")
}

func (f *editedFlags) settle() error {
	if f.output == "" {
		return withHint(errors.New("no output file"), "name it with -o edited.onnx")
	}
	return canWrite(f.output)
}

// inPrecision returns net in the precision asked for.
func (f *editedFlags) inPrecision(net *network.Network) (*network.Network, error) {
	if f.precision == "" {
		return net, nil
	}
	precision, err := network.ParsePrecision(f.precision)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--precision: %w", err)
	case precision == network.Float32 && net.Precision == network.Float64:
		return nil, withHint(errors.New("--precision float32 would round the weights of a float64 network, and so change it everywhere"), "leave it off")
	case precision == network.Float64:
		return hinge.Widened(net), nil
	}
	return net, nil
}

// reach tells how far the edit is felt on the test rows, if there are any.
func (f *editedFlags) reach(before, after *network.Network, data *dataFlags, scale *scaleFlag, p *progress) (*report.Reach, error) {
	if f.test == "" {
		return nil, nil
	}
	in, err := openInput(f.test)
	if err != nil {
		return nil, err
	}
	defer in.done()
	p.stage("reading " + in.name)
	set, _, err := data.rows(before, in, scale)
	if err != nil {
		return nil, err
	}
	r, err := hinge.Reach(before, after, set.X, set.Class)
	if err != nil {
		return nil, err
	}
	r.Source = in.name
	return r, nil
}

// write writes the network and prints the report, which learns the file's name
// and size.
func (f *editedFlags) write(cmd *cobra.Command, out *outputFlags, p *progress, net *network.Network, r interface{ Text() string }, file *string, bytes *int64) error {
	var files outputs
	defer func() { files.discard() }()
	if err := files.add(f.output, func(w io.Writer) error { return hinge.Write(w, net) }); err != nil {
		return err
	}
	*file, *bytes = f.output, files[0].Size()
	p.end()
	if err := files.commit(); err != nil {
		return err
	}
	return out.print(cmd, r)
}
