package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hinge"
	"hinge/construct"
	"hinge/dataset"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&answerNo{}, 1},
		{errors.Join(nil, &answerNo{"no"}), 1},
		{&construct.UnfitError{Construction: "slab"}, 1},
		{errors.New("anything"), 2},
		{withHint(errors.New("anything"), "do this"), 2},
		{&hinge.FileError{Path: "x", Err: errors.New("y")}, 2},
		{&hinge.DefectError{Err: errors.New("z")}, 3},
		{fmt.Errorf("wrapped: %w", &hinge.DefectError{Err: errors.New("z")}), 3},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestPanicsAreDefects(t *testing.T) {
	var out bytes.Buffer
	if code := guarded(&out, func() int { panic("an index went astray") }); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	for _, want := range []string{"an index went astray", "fault of hinge", "goroutine"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if code := guarded(&out, func() int { return 1 }); code != 1 {
		t.Errorf("exit code %d without a panic, want 1", code)
	}
}

func TestErrorsShowTheirHint(t *testing.T) {
	var out bytes.Buffer
	reportError(&out, fmt.Errorf("outer: %w", withHint(errors.New("inner"), "first line\nsecond line")))
	if want := "hinge: outer: inner\n  first line\n  second line\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	reportError(&out, &answerNo{})
	if out.Len() > 0 {
		t.Errorf("a silent no says %q", out.String())
	}
	if withHint(nil, "x") != nil {
		t.Error("a hint makes an error out of nothing")
	}
}

// TestInterrupt stops the command while it waits for its table: exit code 130,
// and no temporary file.
func TestInterrupt(t *testing.T) {
	folder := t.TempDir()
	cmd := exec.Command("hinge", "build", "-", "-o", filepath.Join(folder, "net.onnx"))
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(in, "a,b\n1,2\n")
	for start := time.Now(); len(files(t, folder)) == 0; { // the copy of the pipe appears
		if time.Since(start) > 20*time.Second {
			cmd.Process.Kill()
			t.Fatal("the command does not read its input")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var failed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 130 {
		t.Errorf("ended with %v, want exit code 130", err)
	}
	if left := files(t, folder); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func files(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestBrokenPipe closes the reader of predict early, as head does: no message.
func TestBrokenPipe(t *testing.T) {
	folder := t.TempDir()
	r, err := hinge.Build(dataset.RandomReal(50, 2, 1, 1), hinge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net, data := filepath.Join(folder, "net.onnx"), filepath.Join(folder, "data.csv")
	if err := hinge.Save(net, r.Network); err != nil {
		t.Fatal(err)
	}
	rows := "x1,x2\n" + strings.Repeat("0.25,0.5\n0.125,0.75\n", 50000)
	if err := os.WriteFile(data, []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("hinge", "predict", net, data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReaderSize(out, 16).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	out.Close()
	cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && !status.Signaled() {
		t.Errorf("ended with %v, want the signal SIGPIPE", cmd.ProcessState)
	}
	if stderr.Len() > 0 {
		t.Errorf("says %q", stderr.String())
	}
}

func TestCommandLineReadsBack(t *testing.T) {
	args := []string{"plain", "two words", "it's", "$HOME", "", "a*b", "comma,separated", "--x=1"}
	out, err := exec.Command("sh", "-c", "printf '%s\\n' "+commandLine(args)).Output()
	if err != nil {
		t.Skip("no shell here")
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); strings.Join(got, "|") != strings.Join(args, "|") {
		t.Errorf("a shell reads %q, want %q", got, args)
	}
}
