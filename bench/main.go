// Command bench measures hinge beside what users would pick instead, on the
// same rows in one run, and writes the results as Markdown. Every figure of the
// README comes from here.
//
// Each contestant is a process of its own, one after the other; wall seconds
// and peak memory are those of the whole process, reading the file included.
// The Python peers need Debian's python3-numpy, python3-scipy, python3-sklearn
// and python3-torch; a peer that is not there is skipped with a word. The real
// tables (see the flag -data) are not shipped; sections whose files are not
// there are skipped as well.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A bench is one run of the whole comparison.
type bench struct {
	data   string // folder of the real tables
	tmp    string // folder for everything made on the way
	hinge  string // the hinge binary
	python string
	out    bytes.Buffer
}

// sections in the order in which they are run and written.
var sections = []struct {
	name string
	run  func(*bench) error
}{
	{"regression", (*bench).regression},
	{"generalize", (*bench).generalize},
	{"digits", (*bench).digits},
	{"cover", (*bench).cover},
	{"forest", (*bench).forest},
	{"bits", (*bench).bits},
	{"analyze", (*bench).analysis},
	{"train", (*bench).train},
	{"edit", (*bench).edit},
	{"memorised", (*bench).memorised},
	{"grid", (*bench).grid},
	{"scatter", (*bench).scatter},
	{"parts", (*bench).parts},
}

func main() {
	data := flag.String("data", "../shared/data", "folder of the real tables")
	only := flag.String("only", "", "sections to run, separated by commas: regression, generalize, digits, cover, forest, bits, analyze, train, edit, memorised, parts, grid, scatter; the others keep what the file says of them")
	out := flag.String("o", "bench/RESULTS.md", "file to write")
	flag.Parse()
	if err := run(*data, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(data, only, out string) error {
	tmp, err := os.MkdirTemp("", "hinge-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	b := &bench{data: data, tmp: tmp, hinge: filepath.Join(tmp, "hinge"), python: "/usr/bin/python3"}
	if text, err := exec.Command("go", "build", "-o", b.hinge, "./cmd/hinge").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	b.head()
	for _, s := range sections {
		if only != "" && !slices.Contains(strings.Split(only, ","), s.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "bench:", s.name)
		if err := s.run(b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	text := b.out.String()
	if before, err := os.ReadFile(out); err == nil && only != "" {
		text = merge(string(before), text)
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

func (b *bench) head() {
	b.printf("# Results\n\nWritten by `bench/run` on %s: %s, %d processors, %s.\n", time.Now().UTC().Format("2006-01-02"), cpuName(), runtime.NumCPU(), runtime.Version())
	b.printf("Wall seconds and peak memory are those of whole processes, reading the file included; one run each, one after the other.\n")
	b.printf("Machines are noisy: trust ratios of ten, not of one and a half.\n")
}

func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				return strings.Trim(name, "\t :\n")
			}
		}
	}
	return runtime.GOARCH
}

func (b *bench) printf(format string, args ...any) { fmt.Fprintf(&b.out, format, args...) }

// file returns a path in the folder of real tables, and whether it is there.
func (b *bench) file(name string) (string, bool) {
	path := filepath.Join(b.data, name)
	_, err := os.Stat(path)
	return path, err == nil
}

// outcome is one finished process.
type outcome struct {
	seconds float64
	peakMB  float64
	stdout  []byte
	code    int
}

// process runs a command to its end and measures it.
func (b *bench) process(name string, args ...string) (outcome, error) {
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	o := outcome{seconds: time.Since(start).Seconds(), stdout: stdout.Bytes()}
	if cmd.ProcessState != nil {
		o.code = cmd.ProcessState.ExitCode()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			o.peakMB = float64(usage.Maxrss) / 1024
		}
	}
	if err != nil {
		return o, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.Bytes())
	}
	return o, nil
}

// build runs hinge build and decodes its report into r. A network without a
// certificate (exit code 1) has a report too.
func (b *bench) build(r any, args ...string) (outcome, error) {
	o, err := b.process(b.hinge, append([]string{"build", "--json", "-q"}, args...)...)
	if err != nil && o.code != 1 {
		return o, err
	}
	return o, json.Unmarshal(o.stdout, r)
}

// buildReport is what the tables take from hinge build --json.
type buildReport struct {
	Construction string
	N, D, P      int
	Units        int
	Parameters   int
	Limit        struct{ Units float64 }
	Ratio        float64
	Tolerance    float64
	Certificate  struct {
		Holds     bool
		MaxError  float64 `json:"max_error"`
		MinMargin float64 `json:"min_margin"`
		Hit, Rows int
	}
	Seconds struct{ Read, Build, Certify, Write float64 }
}

// peer runs a Python peer and decodes its line of JSON into r. A peer whose
// modules are missing is reported and left out.
func (b *bench) peer(r any, script string, args ...string) (outcome, bool) {
	o, err := b.process(b.python, append([]string{filepath.Join("bench", "peers", script)}, args...)...)
	if err == nil {
		err = json.Unmarshal(o.stdout, r)
	}
	if err != nil {
		reason := strings.TrimSpace(err.Error())
		if i := strings.LastIndexByte(reason, '\n'); i >= 0 {
			reason = reason[i+1:]
		}
		b.printf("\n%s: skipped (%s)\n", args[0], reason)
		return o, false
	}
	return o, true
}
