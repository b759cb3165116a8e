package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hinge"
	"hinge/internal/blas"
	"hinge/internal/wholefile"
	"hinge/report"
)

// outputFlags say how a verb speaks.
type outputFlags struct {
	json    bool
	quiet   bool
	verbose bool
}

func (f *outputFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.json, "json", false, "print the result as JSON")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors")
	cmd.Flags().BoolVar(&f.verbose, "verbose", false, "log the stages on standard error")
}

// print writes a result to standard output: as JSON, as text, or not at all.
func (f *outputFlags) print(cmd *cobra.Command, v interface{ Text() string }) error {
	if f.json {
		return report.WriteJSON(cmd.OutOrStdout(), v)
	}
	if f.quiet {
		return nil
	}
	_, err := io.WriteString(cmd.OutOrStdout(), v.Text())
	return err
}

// progressDelay is how long work goes on before progress is shown at all.
const progressDelay = time.Second

// progress shows on standard error what is being done: as log lines when asked
// for, else as a bar, if that is a terminal and the work takes longer than
// progressDelay; as a spinner while nobody can say how much there is to do.
type progress struct {
	shown bool // on a terminal
	log   *slog.Logger
	mu    sync.Mutex
	text  string
	part  float64 // of the work that is done; below 0 when that is not known
	stop  chan struct{}
	done  sync.WaitGroup
}

// begin starts progress; end must be called before results are printed.
func (f *outputFlags) begin() *progress {
	p := &progress{stop: make(chan struct{}), part: -1}
	if f.verbose {
		p.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		return p
	}
	if f.quiet {
		blas.SetHintWriter(io.Discard)
	}
	if !f.quiet && term.IsTerminal(int(os.Stderr.Fd())) {
		p.shown = true
		p.done.Go(p.spin)
	}
	return p
}

// stage names what begins now.
func (p *progress) stage(name string) { p.share(name, -1) }

// share names what is being done, and how much of the work is, from 0 to 1.
func (p *progress) share(name string, done float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != nil && name != p.text {
		p.log.Info(name)
	}
	p.text, p.part = name, done
}

// show says where the present stage is and how much of it is done, often and
// on the terminal only: it is not logged, and the text is made only when someone
// sees it.
func (p *progress) show(done float64, text func() string) {
	if p.log != nil || !p.shown {
		return
	}
	p.mu.Lock()
	p.text, p.part = text(), done
	p.mu.Unlock()
}

func (p *progress) spin() {
	select {
	case <-p.stop:
		return
	case <-time.After(progressDelay):
	}
	var bar *progressbar.ProgressBar
	known := false
	for {
		p.mu.Lock()
		text, part := p.text, p.part
		p.mu.Unlock()
		if bar == nil || known != (part >= 0) {
			if bar != nil {
				bar.Finish()
			}
			known = part >= 0
			bar = newBar(known)
		}
		bar.Describe(text)
		if known {
			bar.Set(int(part * barSteps))
		} else {
			bar.Add(1)
		}
		select {
		case <-p.stop:
			bar.Finish()
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// barSteps is how finely a bar is divided.
const barSteps = 1000

// newBar returns a bar, or a spinner where the amount of work is not known.
func newBar(known bool) *progressbar.ProgressBar {
	steps := -1
	if known {
		steps = barSteps
	}
	return progressbar.NewOptions(steps, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSpinnerType(14), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true), progressbar.OptionSetPredictTime(false))
}

// end clears the progress line. It may be called twice.
func (p *progress) end() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	p.done.Wait()
}

// canWrite finds out before long work whether the folder of an output file is
// there.
func canWrite(path string) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return withHint(fmt.Errorf("cannot write %s: there is no folder %s", path, folder), "make it first: mkdir -p %s", folder)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("cannot write %s: it is a folder", path)
	}
	return nil
}

// outputs are files that appear together or not at all.
type outputs []*wholefile.File

func (o *outputs) add(path string, write func(w io.Writer) error) error {
	f, err := wholefile.Prepare(path, write)
	if err == nil {
		*o = append(*o, f)
	}
	return err
}

// network prepares the file of a network and notes its size and the time.
func (o *outputs) network(path string, r *hinge.Result) error {
	start := time.Now()
	if err := o.add(path, func(w io.Writer) error { return hinge.Write(w, r.Network) }); err != nil {
		return err
	}
	r.Report.Seconds.Write = time.Since(start).Seconds()
	r.Report.File, r.Report.Bytes = path, (*o)[len(*o)-1].Size()
	return nil
}

// page prepares the HTML page of a build.
func (o *outputs) page(path string, r *hinge.Result, opts hinge.Options) error {
	if opts.Progress != nil {
		opts.Progress("drawing " + path)
	}
	page, err := hinge.Page(r, opts)
	if err != nil {
		return err
	}
	return o.add(path, page.WriteHTML)
}

func (o *outputs) commit() error {
	for _, f := range *o {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	return nil
}

func (o *outputs) discard() {
	for _, f := range *o {
		f.Discard()
	}
}
