// Command hinge builds ReLU networks that reproduce a table, and proves that
// they do.
//
// For most uses, run "hinge demo" and follow the commands it prints.
//
// A verb is a file here and a script in testdata/script. Exit codes: 0 yes or
// done, 1 the answer is no, 2 bad usage or bad input, 3 a defect of hinge
// itself, 130 interrupted.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
)

const about = `hinge turns a table into a ReLU network that reproduces every row, with a proof
that it does, by linear algebra instead of training.

Start with:  hinge demo

DATA is a CSV, TSV, JSON or Parquet file (each may be gzipped), an NPY or NPZ
file, a .cube colour table, a glob, or a pair of files "inputs,targets" (NPY or
IDX). The target is the last column unless --target names another. NET is an
.onnx file, of hinge or of another tool, or an .nnet, .safetensors or .pt file.

Exit codes: 0 yes or done, 1 the answer is no, 2 bad usage or bad input,
3 a defect of hinge itself.`

func main() { os.Exit(guarded(os.Stderr, run)) }

// run is the whole command; it returns the exit code.
func run() int {
	endOnSignal()
	err := fang.Execute(context.Background(), rootCommand(), fang.WithVersion(version()), fang.WithoutManpage(),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) { reportError(w, err) }))
	return exitCode(err)
}

// guarded runs the command and turns a panic into the report of a defect.
func guarded(stderr io.Writer, run func() int) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			cleanUp()
			code = reportPanic(stderr, fault, debug.Stack())
		}
	}()
	return run()
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hinge",
		Short: "ReLU networks by linear algebra, with certificates",
		Long:  about,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	cobra.EnableCommandSorting = false
	for _, g := range []struct {
		id, title string
		verbs     []*cobra.Command
	}{
		{"start", "start here", []*cobra.Command{demoCommand()}},
		{"table", "make a network from a table", []*cobra.Command{planCommand(), buildCommand(), encodeCommand(), trainCommand()}},
		{"use", "use a network", []*cobra.Command{checkCommand(), predictCommand(), infoCommand()}},
		{"read", "see what a network does on its rows", []*cobra.Command{analyzeCommand(), compareCommand(), normalizeCommand()}},
		{"edit", "change a trained network, with proof of what stays", []*cobra.Command{repairCommand(), finishCommand(), pruneCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, verb := range g.verbs {
			verb.GroupID = g.id
			root.AddCommand(verb)
		}
	}
	root.SetHelpCommandGroupID("start")
	return root
}

// version is the module's version where the binary was installed as one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "built from source"
	}
	return info.Main.Version
}

// onInterrupt, if set, is what the first interrupt does instead of ending the
// process: a verb that has something to show for its work so far.
var onInterrupt atomic.Pointer[func()]

// endOnSignal ends the process on an interrupt, leaving no half-written file.
func endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		if finish := onInterrupt.Swap(nil); finish != nil && s == os.Interrupt {
			fmt.Fprintln(os.Stderr, "\nhinge: stopping; once more to stop at once")
			(*finish)()
			s = <-signals
		}
		cleanUp()
		fmt.Fprintln(os.Stderr, "\nhinge: stopped")
		if s == syscall.SIGTERM {
			os.Exit(143)
		}
		os.Exit(130)
	}()
}
