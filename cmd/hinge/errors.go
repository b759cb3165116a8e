package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"hinge"
	"hinge/construct"
	"hinge/nnet"
	"hinge/onnx"
	"hinge/safetensors"
	"hinge/torch"
)

// Exit codes.
const (
	exitNo     = 1 // the answer is no
	exitUsage  = 2 // bad usage or bad input
	exitDefect = 3 // a fault of hinge itself
)

// answerNo ends a verb whose answer is no. An empty text says nothing more than
// the verb said already.
type answerNo struct{ text string }

func (e *answerNo) Error() string { return e.text }

// hinted is an error with what to do about it.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// withHint adds what to do to an error; nil stays nil.
func withHint(err error, hint string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(hint, args...)}
}

func exitCode(err error) int {
	var no *answerNo
	var unfit *construct.UnfitError
	var defect *hinge.DefectError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &no), errors.As(err, &unfit):
		return exitNo
	case errors.As(err, &defect):
		return exitDefect
	}
	return exitUsage
}

// reportError writes what went wrong, what to do, and nothing else.
func reportError(w io.Writer, err error) {
	text := err.Error()
	if text == "" {
		return
	}
	fmt.Fprintf(w, "hinge: %s\n", text)
	hint := remedy(err)
	var h *hinted
	if errors.As(err, &h) {
		hint = h.hint
	}
	if hint != "" {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(hint, "\n", "\n  "))
	}
	var defect *hinge.DefectError
	if errors.As(err, &defect) {
		fmt.Fprintln(w, "  this is a fault of hinge, not of your input: please report it with the command line")
	}
}

// remedy says what to do about errors whose makers know only what they found.
func remedy(err error) string {
	var (
		format      *onnx.FormatError
		nnetFormat  *nnet.FormatError
		tensors     *safetensors.FormatError
		torchFormat *torch.FormatError
	)
	switch {
	case errors.As(err, &format), errors.As(err, &nnetFormat), errors.As(err, &tensors), errors.As(err, &torchFormat):
		return "the file is damaged or not what it should be: write or fetch it anew, or check that it is the file you mean"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EDQUOT):
		return "make room, or name a file elsewhere; nothing was left behind"
	}
	return ""
}

// reportPanic writes a defect with its stack and returns its exit code.
func reportPanic(w io.Writer, fault any, stack []byte) int {
	fmt.Fprintf(w, "hinge: defect: %v\n  this is a fault of hinge, not of your input: please report it with the command line and these lines\n\n%s", fault, stack)
	return exitDefect
}
