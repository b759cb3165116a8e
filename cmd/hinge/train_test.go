package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hinge"
)

// TestInterruptedTraining sends an interrupt in the middle of a training, twice:
// it stops after the step, writes the network and the checkpoint, and exits 1; the
// same command takes the run up where it stood.
func TestInterruptedTraining(t *testing.T) {
	folder := t.TempDir()
	data, net, checkpoint := filepath.Join(folder, "rows.csv"), filepath.Join(folder, "net.onnx"), filepath.Join(folder, "run.ckpt")
	var table strings.Builder
	table.WriteString("a,b,y\n")
	for i := range 2000 {
		x, y := float64(i%50)/50, float64(i/50)/50
		fmt.Fprintf(&table, "%v,%v,%v\n", x, y, x*y)
	}
	if err := os.WriteFile(data, []byte(table.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	epochs := 0
	for attempt := range 2 {
		text, stderr := interrupted(t, "training", time.Second/2, "train", data, "-o", net, "--hidden", "64,64", "--epochs", "100000", "--checkpoint", checkpoint, "--json")
		var r struct {
			Stopped string
			Resumed int `json:"resumed_in_epoch"`
			History []struct{ Epoch int }
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if r.Stopped != "interrupted" || !strings.Contains(stderr, "the network is as far as it came") {
			t.Errorf("stopped: %s, says %q", r.Stopped, stderr)
		}
		if len(r.History) <= epochs || attempt == 0 && r.Resumed != 0 || attempt == 1 && r.Resumed != epochs+1 {
			t.Errorf("attempt %d: resumed in epoch %d, %d epochs; there were %d", attempt, r.Resumed, len(r.History), epochs)
		}
		epochs = len(r.History)
		if _, err := hinge.Load(net); err != nil {
			t.Error(err)
		}
		if err := os.Remove(net); err != nil {
			t.Error(err)
		}
	}
}
