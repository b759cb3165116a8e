package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// run is the state of a training.
type run struct {
	opt    Options
	set    *dataset.Set
	table  *table
	test   *table // inputs and targets of the test rows, in the units of table
	layers []*layer
	batch  *batch

	perEpoch int // steps
	steps    int // done, in all
	epoch    int // epochs done
	at       int // steps done of the epoch under way
	loss     float64
	missed   int
	seconds  float64 // spent on the epoch under way
	history  []Epoch
	saved    time.Time
	digest   [32]byte // of set
}

// streams of random numbers: what is drawn depends on the seed and on this, so
// that every draw can be repeated without its predecessors.
const (
	weightStream  = 0x6261722d31
	shuffleStream = 0x6261722d32
)

func newRun(set *dataset.Set, opt Options) (*run, error) {
	if set == nil || set.N() == 0 {
		return nil, errors.New("train: the set has no rows")
	}
	if test := opt.Test; test != nil && (test.D() != set.D() || test.P() != set.P() || test.IsClasses() != set.IsClasses()) {
		return nil, &OptionError{"test", fmt.Sprintf("rows of %d inputs and %d outputs; the training rows have %d and %d", test.D(), test.P(), set.D(), set.P())}
	}
	r := &run{opt: opt, set: set, table: newTable(set), saved: time.Now()}
	if r.table.d == 0 {
		return nil, errors.New("train: every input is constant: there is nothing to learn from")
	}
	r.opt.Batch = min(opt.Batch, set.N())
	r.perEpoch = blocks(set.N(), r.opt.Batch)
	if opt.Test != nil {
		r.test = r.table.like(opt.Test)
	}
	if err := r.draw(); err != nil {
		return nil, err
	}
	r.batch = newBatch(r.layers, r.opt.Batch)
	if opt.Checkpoint != "" {
		r.digest = set.Digest()
	}
	return r, nil
}

// like returns the rows of another Set in the units of t.
func (t *table) like(set *dataset.Set) *table {
	other := *t
	other.n = set.N()
	other.x = other.inputs(set)
	if set.IsClasses() {
		other.classes = classesOf(set)
	} else {
		other.y = other.targets(set)
	}
	return &other
}

// draw makes the layers and draws their weights.
func (r *run) draw() error {
	widths := append(append([]int{r.table.d}, r.opt.Hidden...), r.table.p)
	total := 0
	for l := range len(widths) - 1 {
		total += widths[l] * widths[l+1]
		if total > maxWeight {
			return &OptionError{"hidden", fmt.Sprintf("more than %d weights", maxWeight)}
		}
	}
	rng := rand.New(rand.NewPCG(r.opt.Seed, weightStream))
	for l := range len(widths) - 1 {
		y := newLayer(widths[l+1], widths[l], &r.opt)
		r.opt.Init.fill(y.w, y.units, y.inputs, l == len(widths)-2, rng)
		r.layers = append(r.layers, y)
	}
	return nil
}

// epochs runs what is left of the training.
func (r *run) epochs(ctx context.Context) (stopped string, err error) {
	if r.opt.Trace && len(r.history) == 0 && r.steps == 0 {
		loss := r.measure(r.table)
		e := &Epoch{Loss: loss.Loss, Missed: loss.Wrong}
		if err := r.look(e, loss); err != nil {
			return "", err
		}
		r.history = append(r.history, *e)
	}
	for r.epoch < r.opt.Epochs {
		if err := r.pass(ctx); err != nil {
			return "", err
		}
		if r.at < r.perEpoch {
			return StoppedInterrupt, r.save()
		}
		stop, err := r.endEpoch()
		if err != nil {
			return "", err
		}
		if stop {
			return StoppedByWish, r.save()
		}
	}
	return StoppedDone, r.save()
}

// pass runs the steps of an epoch until it is done or ctx ends.
func (r *run) pass(ctx context.Context) error {
	threads := r.opt.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	crew := newCrew(threads)
	defer func() { crew.dismiss() }()
	order := rand.New(rand.NewPCG(r.opt.Seed, shuffleStream+uint64(r.epoch)<<32)).Perm(r.table.n)
	rows := func(k int) []int {
		from, to := block(k, len(order), r.opt.Batch)
		return order[min(from, len(order)):max(to, min(from, len(order)))]
	}
	r.gather(r.batch.next, rows(r.at), 0, len(rows(r.at)))
	start := time.Now()
	for r.at < r.perEpoch && ctx.Err() == nil {
		now := rows(r.at)
		r.step(crew, now, rows(r.at+1))
		r.at++
		sum := 0.0
		for i := range now {
			sum += r.batch.losses[i]
			if r.batch.missed[i] {
				r.missed++
			}
		}
		if r.loss += sum; math.IsNaN(r.loss) || math.IsInf(r.loss, 0) {
			return &DivergedError{Epoch: r.epoch + 1, Step: r.at, Rate: r.opt.Rate}
		}
		if r.opt.Progress != nil {
			r.opt.Progress(r.epoch+1, r.opt.Epochs, float64(r.at)/float64(r.perEpoch), sum/float64(len(now)))
		}
		if r.opt.Checkpoint != "" && r.at < r.perEpoch && time.Since(r.saved) >= r.opt.Every {
			r.seconds += time.Since(start).Seconds()
			if err := r.save(); err != nil {
				return err
			}
			start = time.Now()
		}
	}
	r.seconds += time.Since(start).Seconds()
	return nil
}

// endEpoch measures the network after an epoch, and says whether to stop.
func (r *run) endEpoch() (stop bool, err error) {
	e := &Epoch{Epoch: r.epoch + 1, Loss: r.loss / float64(r.table.n), Missed: r.missed, Seconds: r.seconds}
	if r.table.classes == nil {
		e.Missed = -1
	}
	r.epoch, r.at, r.loss, r.missed, r.seconds = r.epoch+1, 0, 0, 0, 0
	if r.test != nil {
		m := r.measure(r.test)
		e.Test = &m.Score
	}
	if r.opt.Trace || r.opt.Stop != nil {
		if err := r.look(e, r.measure(r.table)); err != nil {
			return false, err
		}
	}
	r.history = append(r.history, *e)
	if r.opt.Stop != nil && r.epoch < r.opt.Epochs && r.opt.Stop(e, r.network()) {
		return true, nil
	}
	if r.opt.Checkpoint != "" && time.Since(r.saved) >= r.opt.Every {
		return false, r.save()
	}
	return false, nil
}

// network writes the layers as a chain that takes raw inputs and puts out raw
// targets: the scaling layer first, the weights of constant inputs 0, the
// output layer multiplied by the targets' deviation.
func (r *run) network() *network.Network {
	t, d := r.table, len(r.table.scale.Bias)
	net := &network.Network{Precision: network.Float32, Layers: []network.Layer{t.scale}}
	for l, y := range r.layers {
		w, b := widen(y.w), widen(y.b)
		inputs := y.inputs
		if l == 0 && t.d < d {
			w, inputs = spreadColumns(w, y.units, t.columns, d), d
		}
		name, act := fmt.Sprintf("hidden%d", l+1), network.ReLU
		if l == len(r.layers)-1 {
			name, act = "output", network.Identity
			for j := range t.center {
				for i := range inputs {
					w[j*inputs+i] *= t.spread[j]
				}
				b[j] = b[j]*t.spread[j] + t.center[j]
			}
		}
		net.Layers = append(net.Layers, network.Layer{Map: network.NewDense(y.units, inputs, w), Bias: b, Act: act, Name: name})
	}
	net.Round()
	return net
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// spreadColumns puts the columns of w (units x len(columns)) to their places
// among d, zeros elsewhere.
func spreadColumns(w []float64, units int, columns []int, d int) []float64 {
	wide := make([]float64, units*d)
	for i := range units {
		for k, j := range columns {
			wide[i*d+j] = w[i*len(columns)+k]
		}
	}
	return wide
}

// relativeResidual returns |got - Y| / |Y - mean Y| over all entries.
func relativeResidual(got, y *mat.Dense) float64 {
	n, p := y.Dims()
	residual, total := 0.0, 0.0
	for j := range p {
		mean := 0.0
		for i := range n {
			mean += y.At(i, j) / float64(n)
		}
		for i := range n {
			a, b := got.At(i, j)-y.At(i, j), y.At(i, j)-mean
			residual, total = residual+float64(a*a), total+float64(b*b)
		}
	}
	if total == 0 {
		total = 1
	}
	return math.Sqrt(residual / total)
}
