package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hinge"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/internal/wholefile"
	"hinge/report"
)

// The demonstration's table: Franke's function, two peaks and a dip over the
// unit square, at so many random points.
const (
	demoRows = 400
	demoSeed = 7
)

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
	Next []string `json:"next"`
}

// Text tells the build, then what to try.
func (r *demoResult) Text() string {
	return r.Build.Text() + "\nNext, try:\n\n  " + strings.Join(r.Next, "\n  ") + "\n"
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
	opts := hinge.Options{Progress: p.stage}
	r, err := hinge.Build(set, opts)
	if err != nil {
		return &hinge.DefectError{Err: err}
	}
	r.Report.Seconds.Read = read
	var out outputs
	defer out.discard()
	if err := errors.Join(out.network(file, r), out.page(page, r, opts)); err != nil {
		return err
	}
	if err := out.commit(); err != nil {
		return err
	}
	p.end()
	return v.out.print(cmd, &demoResult{r.Report, nextCommands(data, file, page, filepath.Join(v.dir, "bits.onnx"))})
}

func nextCommands(data, file, page, bits string) []string {
	return []string{
		fmt.Sprintf("hinge check %s %s      # proves again that every row is hit; %s shows it", file, data, page),
		fmt.Sprintf("hinge plan %s --precision float32  # what every construction would cost", data),
		fmt.Sprintf("hinge build %s --for bits --precision float32 -o %s  # every value back bit for bit", data, bits),
	}
}

// writeDemoTable writes the table as CSV. Numbers are written so that they read
// back as themselves.
func writeDemoTable(w io.Writer) error {
	set := dataset.Franke(demoRows, 0, demoSeed)
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "east,north,height")
	for i := range set.N() {
		fmt.Fprintf(b, "%v,%v,%v\n", set.X.At(i, 0), set.X.At(i, 1), set.Y.At(i, 0))
	}
	return b.Flush()
}
