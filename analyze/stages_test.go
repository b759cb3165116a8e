package analyze

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hinge/dataset"
	"hinge/internal/lp"
	"hinge/network"
)

// An analysis that takes seconds ends soon after its context, in whichever stage
// it is, and keeps what was finished.
func TestStopInsideStages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rng := rand.New(rand.NewPCG(4, 4))
	const n, m = 3000, 200
	x := random(rng, n, m)
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(m, m, random(rng, m, m).RawMatrix().Data), Bias: make([]float64, m), Act: network.ReLU},
		{Map: network.NewDense(3, m, random(rng, 3, m).RawMatrix().Data)}}}
	class := make([]int, n)
	for i := range class {
		class[i] = rng.IntN(3)
	}
	set, err := dataset.NewClasses(x, class, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"inputs: rank", "inputs: separability", "hidden 1: rank", "hidden 1: separability", "output layer: all"} {
		ctx, cancel := context.WithCancel(context.Background())
		var at time.Time
		a, err := Network(ctx, net, set, Options{Patience: 200 * time.Millisecond, Progress: func(now string, _ float64) {
			if strings.HasPrefix(now, stage) && at.IsZero() {
				at = time.Now()
				time.AfterFunc(5*time.Millisecond, cancel)
			}
		}})
		took := time.Since(at)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if a.Complete || a.Stopped == "" {
			t.Errorf("%s: not stopped", stage) // the stage takes far longer than 5 ms
		}
		if took > time.Second {
			t.Errorf("%s: stopped %v after the context ended", stage, took)
		}
		if want := map[bool]int{true: 1, false: 2}[strings.HasPrefix(stage, "inputs")]; len(a.Layers) != want {
			t.Errorf("%s: %d layers, want %d", stage, len(a.Layers), want)
		} else if y := a.Layers[want-1]; y.Facts == nil || y.Units != m {
			t.Errorf("%s: the last layer has no counts", stage)
		}
		t.Logf("stopped %s, %v after the start of the stage", a.Stopped, took)
	}
}

// What is abandoned must not write into the answer: the race detector watches.
func TestAbandonedWorkKeepsApart(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	j := &job{ctx: ctx, out: &Analysis{}}
	free, ended := make(chan bool), make(chan bool)
	layer := Layer{Name: "before"}
	_, err := within(j, func() (*Layer, error) {
		defer close(ended)
		draft := layer
		cancel()
		<-free
		draft.Name = "after"
		return &draft, nil
	})
	close(free)
	<-ended
	if err != errStopped || layer.Name != "before" || !strings.HasPrefix(j.out.Stopped, "during") {
		t.Errorf("%v, %q, stopped %q", err, layer.Name, j.out.Stopped)
	}
}

// A panic inside a stage is a panic of the analysis.
func TestFaultInsideStage(t *testing.T) {
	defer func() {
		if recover() != "fault" {
			t.Error("the panic got lost")
		}
	}()
	within(&job{ctx: context.Background(), out: &Analysis{}}, func() (int, error) { panic("fault") })
}

// By default layers share the time, half of it by the squares of their widths,
// and never have more than all of it.
func TestPatienceIsShared(t *testing.T) {
	net := &network.Network{Layers: []network.Layer{
		{Map: network.NewDense(20, 10, make([]float64, 200)), Act: network.ReLU},
		{Map: network.NewDense(30, 20, make([]float64, 600)), Act: network.ReLU},
		{Map: network.NewDense(1, 30, make([]float64, 30))}}}
	j := &job{net: net, hidden: []int{0, 1}, out: &Analysis{}}
	if got, want := j.patience(10), DefaultPatience/6+DefaultPatience*50/1400; got.Round(time.Second) != want.Round(time.Second) {
		t.Errorf("inputs: %v, want %v", got, want)
	}
	j.out.Layers, j.spent = make([]Layer, 2), DefaultPatience/2
	if got, want := j.patience(30), DefaultPatience/2; got != want {
		t.Errorf("last layer: %v, want all that is left, %v", got, want)
	}
	j.spent = 2 * DefaultPatience
	if got := j.patience(30); got != time.Second {
		t.Errorf("all spent: %v, want a second", got)
	}
	j.opt.Patience = 7 * time.Second
	if got := j.patience(30); got != 7*time.Second {
		t.Errorf("told 7 s: %v", got)
	}
}

// What is not decided keeps proven bounds, and says why it is open.
func TestUndecidedHasBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	h := random(rng, 4000, 400)
	class := make([]int, 4000)
	for i := range class {
		class[i] = rng.IntN(3)
	}
	points, err := lp.NewPoints(h)
	if err != nil {
		t.Fatal(err)
	}
	parts := []float64{}
	for _, s := range separability(context.Background(), points, nil, class, 3, 300*time.Millisecond, func(p float64) { parts = append(parts, p) }) {
		if s.Verdict != string(lp.Unknown) {
			continue // a fast machine
		}
		if s.Upper == nil || *s.Upper <= 0 || s.Lower == nil || *s.Lower != 0 || s.Why != "patience ran out" {
			t.Errorf("class %d: %+v", s.Class, s)
		}
	}
	if len(parts) != 3 || parts[2] != 1 {
		t.Errorf("told the parts %v", parts)
	}
}
