package blas

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
)

// EnginesVariable is the environment variable that chooses the engine: "auto"
// (the default: OpenBLAS when the machine has it), "openblas" (an error when it
// has not) or "gonum".
const EnginesVariable = "HINGE_BLAS"

// How to install OpenBLAS, as told by [Hint].
const installHint = "apt-get install libopenblas0-pthread"

// hintFlops is the size of a job from which the engine matters: 2e11 floating
// point operations take 20 s with gonum's kernels on two cores.
const hintFlops = 2e11

var (
	useOnce sync.Once
	engine  = "gonum"
	useErr  error
	threads func(n int32)

	hintOnce   sync.Once
	hintMu     sync.Mutex
	hintWriter io.Writer = os.Stderr
)

// Use chooses the engine, once per process: it loads OpenBLAS from the machine
// and registers it for all of gonum, as [EnginesVariable] says. Later calls
// return what the first one found. The error is non-nil only when the variable
// asks for what cannot be had; gonum's kernels then stay in place.
//
// Call it before any product runs: it changes gonum's engine under the feet of
// one that is running.
func Use() (name string, err error) {
	useOnce.Do(func() { useErr = choose(os.Getenv(EnginesVariable)) })
	return engine, useErr
}

func choose(wish string) error {
	switch wish {
	case "", "auto", "openblas":
	case "gonum":
		return nil
	default:
		return fmt.Errorf("%s is %q: use auto, openblas or gonum", EnginesVariable, wish)
	}
	lib, err := loadOpenBLAS()
	if err != nil {
		if wish == "openblas" {
			return fmt.Errorf("%s is openblas, but it cannot be loaded (%w); to install it: %s", EnginesVariable, err, installHint)
		}
		return nil
	}
	blas64.Use(engine64{k: lib.f64})
	blas32.Use(engine32{k: lib.f32})
	engine, threads = "openblas", lib.threads
	if lib.config != "" {
		engine = lib.config
	}
	Threads(runtime.GOMAXPROCS(0))
	return nil
}

// Engine names the engine in use: "gonum", or OpenBLAS with its version and
// kernels ("OpenBLAS 0.3.21 ... SapphireRapids").
func Engine() string { return engine }

// Fast reports whether OpenBLAS is in use.
func Fast() bool { return threads != nil }

// Threads sets how many threads OpenBLAS uses; gonum's kernels follow
// GOMAXPROCS and ignore it.
func Threads(n int) {
	if threads != nil {
		threads(int32(max(1, n)))
	}
}

// single counts the calls of [OneThread] under way.
var single struct {
	sync.Mutex
	calls int
}

// OneThread runs f with OpenBLAS on one thread a call. Workers that share the
// processors among themselves want that: OpenBLAS's own threads wait for each
// other by spinning, and take the time from what the workers do in between.
func OneThread(f func()) {
	change := func(by int) {
		single.Lock()
		defer single.Unlock()
		before := single.calls
		single.calls += by
		switch {
		case before == 0:
			Threads(1)
		case single.calls == 0:
			Threads(runtime.GOMAXPROCS(0))
		}
	}
	change(1)
	defer change(-1)
	f()
}

// Hint says, once per process, that a job of the given number of floating point
// operations would run much faster with OpenBLAS, and how to install it. It
// says nothing when OpenBLAS is in use, when gonum was asked for by name, or
// when the job is small.
func Hint(flops float64) {
	if flops < hintFlops || Fast() || os.Getenv(EnginesVariable) == "gonum" {
		return
	}
	hintOnce.Do(func() {
		hintMu.Lock()
		defer hintMu.Unlock()
		fmt.Fprintf(hintWriter, "hinge: this takes %.0e floating point operations; with OpenBLAS it would run about ten times faster (%s)\n", flops, installHint)
	})
}

// SetHintWriter sets where [Hint] writes; the default is standard error, and
// io.Discard silences it.
func SetHintWriter(w io.Writer) {
	hintMu.Lock()
	defer hintMu.Unlock()
	hintWriter = w
}
