package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hinge"
	"hinge/network"
)

// TestInterruptedAnalysis sends an interrupt in the middle of a stage: the
// analysis made so far comes, as text, JSON and page, marked as incomplete,
// with exit code 1.
func TestInterruptedAnalysis(t *testing.T) {
	folder := t.TempDir()
	net, data := slowCase(t, folder)
	text, _ := interrupted(t, "inputs: rank", 0, "analyze", net, data)
	if !strings.Contains(text, "INCOMPLETE   stopped during inputs: rank") || !strings.Contains(text, "density") {
		t.Errorf("the text of a stopped analysis:\n%s", text)
	}
	page := filepath.Join(folder, "page.html")
	text, stderr := interrupted(t, "inputs: separability", time.Second, "analyze", net, data, "--json", "--html", page, "--patience", "5m")
	var a struct {
		Complete bool
		Stopped  string
		Layers   []struct {
			Name         string
			Rank         *int
			Separability []struct{ Verdict, Why string }
		}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if a.Complete || a.Stopped != "during inputs: separability" || len(a.Layers) != 1 || a.Layers[0].Rank == nil || len(a.Layers[0].Separability) != 3 {
		t.Errorf("JSON of a stopped analysis: %+v", a)
	}
	if !strings.Contains(stderr, "stopped before the end: the report is of what was done") {
		t.Errorf("says %q", stderr)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "Stopped during inputs: separability") || !strings.Contains(string(html), "Singular spectrum") {
		t.Errorf("the page of a stopped analysis: %v", err)
	}
}

// slowCase writes a network and a table whose classes, drawn at random, take
// seconds to decide.
func slowCase(t *testing.T, folder string) (net, data string) {
	t.Helper()
	const n, d = 8000, 600
	rng := rand.New(rand.NewPCG(1, 1))
	weights := make([]float64, 3*d)
	for i := range weights {
		weights[i] = rng.NormFloat64()
	}
	net, data = filepath.Join(folder, "net.onnx"), filepath.Join(folder, "data.csv")
	if err := hinge.Save(net, &network.Network{Layers: []network.Layer{{Map: network.NewDense(3, d, weights)}}}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for j := range d {
		fmt.Fprintf(&b, "x%d,", j)
	}
	b.WriteString("class\n")
	for range n {
		for range d {
			fmt.Fprintf(&b, "%d,", rng.IntN(1000))
		}
		fmt.Fprintf(&b, "%d\n", rng.IntN(3))
	}
	if err := os.WriteFile(data, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return net, data
}

// interrupted runs the command, interrupts it a while after its log names the
// stage, and returns what it wrote. It must end soon, with exit code 1.
func interrupted(t *testing.T, stage string, after time.Duration, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("hinge", append(args, "--verbose")...)
	var out, log bytes.Buffer
	cmd.Stdout = &out
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	var sent time.Time
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if sent.IsZero() && strings.Contains(lines.Text(), stage) {
			time.Sleep(after)
			sent = time.Now()
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	var failed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &failed) || failed.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit code 1\n%s", err, &log)
	}
	if took := time.Since(sent); sent.IsZero() || took > 5*time.Second {
		t.Errorf("ended %v after the interrupt\n%s", took, &log)
	}
	return out.String(), log.String()
}
