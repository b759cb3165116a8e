// Command tally reads the JSON that go test -json prints, shows what a person
// wants to see of it, and adds the numbers of tests passed, failed and skipped
// as one line to a file.
//
//	go test -json ./... | tally FILE
//
// It shows a line for each package, the whole output of tests that failed, and
// the reasons of tests that were skipped. Its exit code is 1 when any test
// failed, or when no test ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string

	ImportPath string // of build output, which has no Package
}

// counts of tests; subtests count like tests.
type counts struct{ passed, failed, skipped int }

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ... | tally FILE")
		os.Exit(2)
	}
	c := read(os.Stdin, os.Stdout)
	f, err := os.OpenFile(os.Args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, c.passed, c.failed, c.skipped)
		f.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(2)
	}
	if c.failed > 0 || c.passed == 0 {
		os.Exit(1)
	}
}

// read counts the events of r and shows on w what matters of them.
func read(r io.Reader, w io.Writer) counts {
	var c counts
	output := map[[2]string][]string{} // by package and test, until its verdict
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(w, lines.Text()) // not of go test: of the go command itself
			continue
		}
		key := [2]string{e.Package, e.Test}
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "fail", "skip":
			c.add(w, e, output[key])
			delete(output, key)
		}
	}
	return c
}

// add counts the verdict of a test or of a package and shows its output.
func (c *counts) add(w io.Writer, e event, output []string) {
	text := strings.Join(output, "")
	switch {
	case e.Test == "" && e.Action == "fail":
		fmt.Fprint(w, text)
		if c.failed == 0 { // a package may fail without any test of it failing
			c.failed++
		}
	case e.Test == "" && e.Action == "pass":
		fmt.Fprintln(w, lastLine(text))
	case e.Test == "":
	case e.Action == "pass":
		c.passed++
	case e.Action == "fail":
		c.failed++
		fmt.Fprintf(w, "%s %s\n%s", e.Package, e.Test, text)
	case e.Action == "skip":
		c.skipped++
		fmt.Fprintf(w, "skipped: %s %s: %s\n", e.Package, e.Test, skipReason(output))
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// skipReason returns what a skipped test gave as its reason.
func skipReason(output []string) string {
	for _, line := range output {
		if !strings.HasPrefix(strings.TrimSpace(line), "---") && !strings.HasPrefix(line, "===") {
			return strings.TrimSpace(line)
		}
	}
	return "no reason given"
}
