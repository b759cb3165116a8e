package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	shellBlock  = regexp.MustCompile("(?s)```sh\n(.*?)```")
	verbExample = regexp.MustCompile("(?m)\\| `(\\./hinge [^`]*)` \\|$")
	printed     = regexp.MustCompile(`^printf '([^']*)' > (\S+)$`)
)

// Every command that README.md shows runs, in the order of the page, in a folder
// that is empty at first: the tour, then the examples of the verbs.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	for _, cell := range verbExample.FindAllStringSubmatch(string(text), -1) {
		lines = append(lines, cell[1])
	}
	var script, files strings.Builder
	shown := 0
	for _, line := range lines {
		if file := printed.FindStringSubmatch(line); file != nil {
			fmt.Fprintf(&files, "-- %s --\n%s", file[2], strings.ReplaceAll(file[1], `\n`, "\n"))
			continue
		}
		command, own := strings.CutPrefix(line, "./hinge ")
		if !own { // of Go, or of the tests
			continue
		}
		shown++
		command, _, _ = strings.Cut(command, " | ")
		want := "0"
		if strings.HasPrefix(command, "compare arms.onnx trained.onnx") {
			want = "1" // two different functions: the page says so
		}
		fmt.Fprintf(&script, "exit %s hinge %s\n", want, command)
	}
	if verbs := len(rootCommand().Commands()); shown < verbs {
		t.Fatalf("the page shows %d commands, there are %d verbs", shown, verbs)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "readme.txtar"), []byte(script.String()+files.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  folder,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exit": cmdExit},
	})
}
