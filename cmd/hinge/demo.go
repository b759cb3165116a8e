package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/construct"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/internal/wholefile"
	"hinge/report"
)

// The demonstration's table: three interleaved spiral arms in the plane, a class
// each. No straight line tells them apart, and the picture shows at a glance
// what the network does between the rows.
const (
	demoRows  = 300
	demoNoise = 0.05
	demoSeed  = 1
)

var demoArms = []string{"A", "B", "C"}

type demoVerb struct {
	out outputFlags
	dir string
}

func demoCommand() *cobra.Command {
	var v demoVerb
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "A built-in set: network, certificate, report, and what to try next",
		Long: `Make a small table, build a network that reproduces every row of it, prove that
it does, and draw the report. Needs no file and no network connection. Writes
demo.csv, demo.onnx and report.html.`,
		Args: cobra.NoArgs,
		RunE: v.run,
	}
	v.out.register(cmd)
	cmd.Flags().StringVar(&v.dir, "dir", ".", "the folder to write to")
	return cmd
}

// demoResult is a build, and the commands to try after it.
type demoResult struct {
	*report.Build
	Page string   `json:"page"`
	Next []string `json:"next"`
}

// Text tells the build, then what to try.
func (r *demoResult) Text() string {
	return r.Build.Text() + "page         " + r.Page + ": open it in a browser\n\nNext, try:\n\n  " + strings.Join(r.Next, "\n  ") + "\n"
}

func (v *demoVerb) run(cmd *cobra.Command, _ []string) error {
	p := v.out.begin()
	defer p.end()
	data, file, page := filepath.Join(v.dir, "demo.csv"), filepath.Join(v.dir, "demo.onnx"), filepath.Join(v.dir, "report.html")
	if err := canWrite(data); err != nil {
		return err
	}
	if err := wholefile.Write(data, writeDemoTable); err != nil {
		return err
	}
	p.stage("reading " + data)
	start := time.Now()
	set, err := table.Read(data, table.Options{})
	if err != nil {
		return err
	}
	read := time.Since(start).Seconds()
	opts := hinge.Options{Goal: construct.Generalize, Progress: p.stage}
	r, err := hinge.Build(set, opts)
	if err != nil {
		return &hinge.DefectError{Err: err}
	}
	r.Report.Seconds.Read = read
	r.Report.Command = commandLine([]string{"hinge", "build", data, "--for", string(opts.Goal), "-o", file})
	var out outputs
	defer out.discard()
	if err := errors.Join(out.network(file, r), out.page(page, r, opts)); err != nil {
		return err
	}
	if err := out.commit(); err != nil {
		return err
	}
	p.end()
	return v.out.print(cmd, &demoResult{r.Report, page, nextCommands(data, file, filepath.Join(v.dir, "bits.onnx"))})
}

func nextCommands(data, file, bits string) []string {
	program := programName(os.Args[0])
	return []string{
		fmt.Sprintf("%s check %s %s", program, file, data),
		fmt.Sprintf("%s plan %s", program, data),
		fmt.Sprintf("%s build %s --for bits --precision float32 -o %s", program, data, bits),
	}
}

// programName returns how the user starts the command: by its path, by its name,
// or through go run, which builds into a folder of its own.
func programName(arg0 string) string {
	if strings.Contains(filepath.ToSlash(arg0), "/go-build") {
		return "go run ./cmd/hinge"
	}
	return arg0
}

// writeDemoTable writes the table as CSV. Numbers are written so that they read
// back as themselves.
func writeDemoTable(w io.Writer) error {
	set := dataset.Spiral(demoRows, len(demoArms), demoNoise, demoSeed)
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "east,north,arm")
	for i := range set.N() {
		fmt.Fprintf(b, "%v,%v,%s\n", set.X.At(i, 0), set.X.At(i, 1), demoArms[set.Class[i]])
	}
	return b.Flush()
}
