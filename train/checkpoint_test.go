package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hinge/dataset"
)

// childVariable makes the test binary the process that is killed.
const childVariable = "HINGE_TRAIN_CHILD"

func killedSet() *dataset.Set { return dataset.Friedman(3000, 0.1, 4) }

func killedOptions() Options {
	return Options{Hidden: []int{60, 40}, Epochs: 25, Batch: 32, Seed: 9, Schedule: Cosine, Test: dataset.Friedman(200, 0, 5)}
}

// child trains with a checkpoint every few milliseconds and writes the digest of
// what it gets.
func child(folder string) int {
	opt := killedOptions()
	opt.Checkpoint, opt.Every = filepath.Join(folder, "run.ckpt"), 3*time.Millisecond
	r, err := Run(context.Background(), killedSet(), opt)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.WriteFile(filepath.Join(folder, "done"), fmt.Appendf(nil, "%x %v", r.Network.Digest(), losses(r)), 0o666); err != nil {
		return 1
	}
	return 0
}

// losses are the figures of a history that do not depend on the clock.
func losses(r *Result) []float64 {
	var v []float64
	for _, e := range r.History {
		v = append(v, e.Loss, *e.Test)
	}
	return v
}

// TestKilled kills a training with SIGKILL at random moments and takes it up
// again, until it gets to its end: the network has the bytes of one that ran
// through.
func TestKilled(t *testing.T) {
	whole := mustRun(t, killedSet(), killedOptions())
	want := fmt.Sprintf("%x %v", whole.Network.Digest(), losses(whole))
	folder := t.TempDir()
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	kills, takenUp := 0, 0
	for attempt := 0; ; attempt++ {
		if _, err := os.Stat(filepath.Join(folder, "run.ckpt")); err == nil {
			takenUp++
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"="+folder)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		patience := time.Duration(15+rng.IntN(70)) * time.Millisecond
		if attempt >= 25 {
			patience = time.Minute
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("attempt %d: %v\n%s", attempt, err, stderr.Bytes())
			}
			got, err := os.ReadFile(filepath.Join(folder, "done"))
			if err != nil || string(got) != want {
				t.Fatalf("after %d kills the network is another one:\n%s, want\n%s (%v)", kills, got, want, err)
			}
			if takenUp == 0 {
				t.Skip("no kill hit a run with a checkpoint")
			}
			checkTidy(t, folder)
			t.Logf("%d kills, %d times taken up", kills, takenUp)
			return
		case <-time.After(patience):
			cmd.Process.Kill()
			<-done
			kills++
		}
	}
}

// checkTidy fails when files of killed writes are left.
func checkTidy(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tmp") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestInterruptedRuns stops a run after every number of steps in turn.
func TestInterruptedRuns(t *testing.T) {
	set := manyClasses(t, 50, 4, 3)
	for _, opt := range []Options{
		{Hidden: []int{12}, Epochs: 3, Batch: 20},
		{Hidden: []int{12, 7}, Epochs: 2, Batch: 16, Optimizer: SGD, Momentum: 0.8},
		{Hidden: []int{5}, Epochs: 2, Batch: 50, Optimizer: SGD},
	} {
		whole := mustRun(t, set, opt)
		path := filepath.Join(t.TempDir(), "run.ckpt")
		stops := 0
		for {
			ctx, cancel := context.WithCancel(context.Background())
			steps := 0
			part := opt
			part.Checkpoint = path
			part.Progress = func(int, int, float64, float64) {
				if steps++; steps == 1+stops%3 {
					cancel()
				}
			}
			r, err := Run(ctx, set, part)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if r.Stopped == StoppedDone {
				if r.Network.Digest() != whole.Network.Digest() || r.Steps != whole.Steps || len(r.History) != len(whole.History) {
					t.Errorf("after %d stops: %d steps and another network than %d steps in one go", stops, r.Steps, whole.Steps)
				}
				for k := range r.History {
					if r.History[k].Loss != whole.History[k].Loss || r.History[k].Missed != whole.History[k].Missed {
						t.Errorf("epoch %d after stops: %+v, in one go %+v", k+1, r.History[k], whole.History[k])
					}
				}
				break
			}
			if stops++; stops > 100 {
				t.Fatal("the run does not come to its end")
			}
		}
		if stops == 0 {
			t.Error("the run was never stopped: nothing is tested")
		}
	}
}

// TestLonger checks that a run at a constant rate can be prolonged, and one
// along a cosine cannot.
func TestLonger(t *testing.T) {
	set, path := dataset.Moons(60, 0.1, 2), filepath.Join(t.TempDir(), "run.ckpt")
	opt := Options{Hidden: []int{8}, Epochs: 2, Checkpoint: path}
	mustRun(t, set, opt)
	opt.Epochs = 5
	long := mustRun(t, set, opt)
	if long.Resumed != 3 || len(long.History) != 5 {
		t.Errorf("resumed in epoch %d, %d epochs", long.Resumed, len(long.History))
	}
	if whole := mustRun(t, set, Options{Hidden: []int{8}, Epochs: 5}); whole.Network.Digest() != long.Network.Digest() {
		t.Error("a prolonged run is another one")
	}
	opt.Epochs = 4
	expectRefusal(t, set, opt, "the number of epochs was 5 and is now 4")
}

func expectRefusal(t *testing.T, set *dataset.Set, opt Options, reason string) {
	t.Helper()
	before, err := os.ReadFile(opt.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var refused *CheckpointError
	if _, err := Run(context.Background(), set, opt); !errors.As(err, &refused) || !strings.Contains(err.Error(), reason) {
		t.Errorf("the error is %v, want %q", err, reason)
	}
	if after, err := os.ReadFile(opt.Checkpoint); err != nil || !bytes.Equal(before, after) {
		t.Error("the refused checkpoint was changed")
	}
}

// TestRefusedCheckpoints checks every way in which a file may be of another run
// or broken.
func TestRefusedCheckpoints(t *testing.T) {
	set, path := dataset.Moons(60, 0.1, 2), filepath.Join(t.TempDir(), "run.ckpt")
	opt := Options{Hidden: []int{8}, Epochs: 2, Checkpoint: path, Schedule: Cosine}
	mustRun(t, set, opt)
	other := func(change func(o *Options)) Options {
		o := opt
		change(&o)
		return o
	}
	expectRefusal(t, dataset.Moons(60, 0.1, 3), opt, "the rows are others")
	expectRefusal(t, set, other(func(o *Options) { o.Hidden = []int{9} }), "the layers was [2 8 2] and is now [2 9 2]")
	expectRefusal(t, set, other(func(o *Options) { o.Seed = 1 }), "the seed was 0")
	expectRefusal(t, set, other(func(o *Options) { o.Rate = 2e-3 }), "the rate was 0.001")
	expectRefusal(t, set, other(func(o *Options) { o.Epochs = 3 }), "the number of epochs")
	expectRefusal(t, set, other(func(o *Options) { o.Optimizer = SGD }), "the optimizer was adam")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"empty":      {nil, "no checkpoint of hinge"},
		"foreign":    {[]byte("PK\x03\x04 something else altogether"), "no checkpoint of hinge"},
		"cut off":    {good[:len(good)-1], "its digest does not fit"},
		"only magic": {good[:12], "it is cut off"},
		"one bit":    {flipped(good, len(good)/2), "its digest does not fit"},
		"version":    {resealed(good, func(b []byte) []byte { b[8] = 9; return b }), "it is of version 9"},
		"header":     {resealed(good, func(b []byte) []byte { binary.LittleEndian.PutUint32(b[12:], 1<<31); return b }), "longer than the file"},
		"json":       {resealed(good, func(b []byte) []byte { b[16] = '!'; return b }), "its header cannot be read"},
		"floats":     {resealed(good, func(b []byte) []byte { return append(b, 0, 0, 0, 0) }), "bytes of weights"},
		"position":   {reheaded(t, good, func(h *checkpointHeader) { h.Epoch = 1; h.At = -1 }), "which the run does not have"},
		"beyond":     {reheaded(t, good, func(h *checkpointHeader) { h.Epoch = 3 }), "which the run does not have"},
	} {
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { expectRefusal(t, set, opt, c.reason) })
	}
}

func flipped(data []byte, at int) []byte {
	c := bytes.Clone(data)
	c[at] ^= 4
	return c
}

// resealed changes the body of a checkpoint and gives it a digest that fits.
func resealed(data []byte, change func(body []byte) []byte) []byte {
	body := change(bytes.Clone(data[:len(data)-sha256.Size]))
	sum := sha256.Sum256(body)
	return append(body, sum[:]...)
}

// reheaded changes the header of a checkpoint.
func reheaded(t testing.TB, data []byte, change func(h *checkpointHeader)) []byte {
	t.Helper()
	header, floats, reason := parseCheckpoint(data)
	if reason != "" {
		t.Fatal(reason)
	}
	change(header)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return resealed(data, func(body []byte) []byte {
		head := binary.LittleEndian.AppendUint32(bytes.Clone(body[:12]), uint32(len(text)))
		return append(append(head, text...), floats...)
	})
}

// FuzzCheckpoint feeds the reader hostile files: those as they come, and those
// with a digest that fits, so that what is behind it is reached.
func FuzzCheckpoint(f *testing.F) {
	set, path := dataset.Moons(20, 0.1, 2), filepath.Join(f.TempDir(), "run.ckpt")
	opt := Options{Hidden: []int{3}, Epochs: 2, Threads: 1, Checkpoint: path}
	mustRun(f, set, opt)
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:len(good)-sha256.Size])
	f.Add([]byte(checkpointMagic))
	f.Add(resealed(good, func(b []byte) []byte { return b[:len(b)-8] }))
	settled, err := opt.settled()
	if err != nil {
		f.Fatal(err)
	}
	settled.Checkpoint = ""
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		for _, data := range [][]byte{body, append(bytes.Clone(body), sum[:]...)} {
			header, floats, reason := parseCheckpoint(data)
			if reason != "" {
				continue
			}
			r, err := newRun(set, settled)
			if err != nil {
				t.Fatal(err)
			}
			if r.takeUp(header, floats) != "" {
				continue
			}
			if r.epoch < 0 || r.epoch > 2 || r.steps != r.epoch*r.perEpoch+r.at {
				t.Fatalf("taken up at step %d of epoch %d, %d in all", r.at, r.epoch, r.steps)
			}
			r.epochs(context.Background()) // may diverge, must not panic
		}
	})
}
