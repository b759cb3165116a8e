package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/construct"
	"hinge/network"
	"hinge/report"
)

// buildFlags say what network is wanted.
type buildFlags struct {
	construction, goal, precision string
	tolerance                     float64
	seed                          uint64
	dense                         bool
}

func (f *buildFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.construction, "construction", construct.Auto, "auto, or a name that hinge plan lists")
	flags.StringVar(&f.goal, "for", string(construct.Fit), "what auto optimises: fit, size, speed, generalize, bits")
	flags.StringVar(&f.precision, "precision", network.Float64.String(), "arithmetic of the network: float64, float32")
	flags.Float64Var(&f.tolerance, "tolerance", 0, "regression: largest error, as a fraction of the target's range (default 1e-6, float32 1e-5)")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of every random choice; the same seed gives the same file")
	flags.BoolVar(&f.dense, "dense", false, "write every layer as a full matrix (Gemm), for tools that know no other")
}

// options checks the flags, so that a slip is told before DATA is read.
func (f *buildFlags) options(cmd *cobra.Command, p *progress) (hinge.Options, error) {
	o := hinge.Options{Construction: f.construction, Tolerance: f.tolerance, Seed: f.seed, Dense: f.dense, Progress: p.stage}
	var err error
	if o.Goal, err = construct.ParseGoal(f.goal); err != nil {
		return o, fmt.Errorf("--for: %w", err)
	}
	if o.Precision, err = network.ParsePrecision(f.precision); err != nil {
		return o, fmt.Errorf("--precision: %w", err)
	}
	if f.construction != "" && f.construction != construct.Auto {
		if _, err := construct.Lookup(f.construction); err != nil {
			return o, fmt.Errorf("--construction: %w", err)
		}
	}
	if cmd.Flags().Changed("tolerance") && !(f.tolerance > 0 && f.tolerance < 1) {
		return o, fmt.Errorf("--tolerance is %v: give a fraction of the target's range, above 0 and below 1", f.tolerance)
	}
	return o, nil
}

type buildVerb struct {
	data  dataFlags
	build buildFlags
	out   outputFlags
	file  string
	html  string
	force bool

	forest string // a file of trees to compile, instead of a construction
}

func buildCommand() *cobra.Command {
	var v buildVerb
	cmd := &cobra.Command{
		Use:   "build DATA -o net.onnx",
		Short: "Build a certified network from a table",
		Long: `Build a network that reproduces every row of DATA, prove that it does, and write
it as an .onnx file that any runtime takes. The file accepts the raw table's
encoded columns; the encoding travels inside it, so that hinge check and hinge
predict take the table itself.

--for says what matters when the construction is chosen: fit (the most accurate),
size (the fewest units), speed (the fewest stored numbers), generalize (good answers
off the rows too), bits (every stored value bit for bit). hinge plan lists them all.

With --from-forest, compile a forest of XGBoost or scikit-learn instead.

Without a proof for every row, nothing is written and the exit code is 1.`,
		Example: `hinge build housing.csv --target price -o housing.onnx --html housing.html
hinge build housing.csv --target price --for bits --precision float32 -o housing.onnx
hinge build train-images.gz,train-labels.gz --for size -o digits.onnx
hinge build housing.csv --from-forest forest.json -o forest.onnx`,
		RunE: v.run,
	}
	v.data.register(cmd)
	v.build.register(cmd)
	v.out.register(cmd)
	cmd.Flags().StringVarP(&v.file, "output", "o", "", "the .onnx file to write")
	cmd.Flags().StringVar(&v.html, "html", "", "write the report as one HTML file")
	cmd.Flags().StringVar(&v.forest, "from-forest", "", "compile this forest (XGBoost's JSON, or scikit-learn's: see docs/forests.md); DATA are the rows it must agree on")
	cmd.Flags().BoolVar(&v.force, "force", false, "write the file even without a certificate; it then says so")
	return cmd
}

func (v *buildVerb) run(cmd *cobra.Command, args []string) error {
	p := v.out.begin()
	defer p.end()
	opts, err := v.build.options(cmd, p)
	if err != nil {
		return err
	}
	if err := v.checkOutputs(); err != nil {
		return err
	}
	in, err := v.data.open(args, 0)
	if err != nil {
		return err
	}
	defer in.done()
	start := time.Now()
	build, err := v.prepare(cmd, in, opts, p)
	if err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	r, err := build()
	var uncertified *hinge.UncertifiedError
	if err != nil && !errors.As(err, &uncertified) {
		p.end()
		return v.refused(cmd, err)
	}
	r.Report.Seconds.Read, r.Report.Command = read, commandLine(append([]string{"hinge"}, os.Args[1:]...))
	if err := v.write(r, opts, uncertified == nil || v.force); err != nil {
		return err
	}
	p.end()
	return errors.Join(v.out.print(cmd, r.Report), v.verdict(uncertified))
}

// refused passes err on; when no construction serves, --json has the reasons on
// standard output too.
func (v *buildVerb) refused(cmd *cobra.Command, err error) error {
	var unfit *construct.UnfitError
	if v.out.json && errors.As(err, &unfit) {
		return errors.Join(report.WriteJSON(cmd.OutOrStdout(), unfit), err)
	}
	return err
}

// prepare reads DATA, and the forest if there is one, and returns what builds.
func (v *buildVerb) prepare(cmd *cobra.Command, in *input, opts hinge.Options, p *progress) (func() (*hinge.Result, error), error) {
	if v.forest != "" {
		return v.prepareForest(cmd, in, opts, p)
	}
	p.stage("reading " + in.name)
	set, err := v.data.read(in)
	return func() (*hinge.Result, error) { return hinge.Build(set, opts) }, err
}

// verdict is the answer no for a network without a certificate.
func (v *buildVerb) verdict(uncertified *hinge.UncertifiedError) error {
	if uncertified == nil {
		return nil
	}
	text := uncertified.Error() + "; nothing was written (--force writes it all the same)"
	if v.force {
		text = uncertified.Error() + "; the file says that it is not certified"
	}
	return &answerNo{text}
}

func (v *buildVerb) checkOutputs() error {
	if v.file == "" {
		return withHint(errors.New("no output file given"), "say where the network goes: -o net.onnx")
	}
	if err := canWrite(v.file); err != nil || v.html == "" {
		return err
	}
	return canWrite(v.html)
}

// write writes the network, if it is to be kept, and the page, both or none.
func (v *buildVerb) write(r *hinge.Result, opts hinge.Options, keep bool) error {
	var out outputs
	defer out.discard()
	if keep {
		if err := out.network(v.file, r); err != nil {
			return err
		}
	}
	if v.html != "" {
		if err := out.page(v.html, r, opts); err != nil {
			return err
		}
	}
	return out.commit()
}

// commandLine writes arguments so that a shell reads them back.
func commandLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\*?[]{}()$&;|<>`!#~") {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
