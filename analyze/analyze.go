// Package analyze takes a ReLU network apart on a table: what every layer puts
// out on the rows, what the last one can and cannot serve, and which rows the
// output layer has memorised.
//
// For most uses, call [Network] with a network and a Set: it returns an
// [Analysis], which package report turns into text, JSON and a page. [Compare]
// tells how far two networks are the same on a table, and [Normalize] writes a
// network in its normalized form.
//
// Everything rests on one object per layer, its interpolation matrix
// ([phi.Matrix]), and everything said is said on the given rows only. What does
// not fit the memory is worked on by blocks of rows; only separability and the
// pictures are then of a random sample, and the layer's Sample field says of how
// many rows. What costs more than [Options.Work] is seen through a random sketch,
// with its error.
//
// Cost per layer of m units on n rows: one evaluation of the layer from the one
// below, 3 n m^2 operations for the R factor that rank, spectrum, basis and hat
// matrix share, about 5 m^3 for its singular values, and O(n m) for everything
// else; the layer's Cost field says how much. Memory: two matrices of n x m, or
// blocks of rows where these are too large.
package analyze

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Options of [Network]. The zero value works.
type Options struct {
	// Memory bounds the bytes of work space beside the table itself: blocks of
	// rows are as large as it allows; 0 means [DefaultMemory].
	Memory int64
	// Work is the most operations spent on one factorization of a layer; layers
	// that take more are sketched. 0 means [DefaultWork].
	Work float64
	// Patience is the most time spent on the separability of one layer; 0 means
	// that all layers share [DefaultPatience], a negative one leaves separability
	// out.
	Patience time.Duration
	// Tolerance is the largest error of a row that counts as hit in regression,
	// as a fraction of each target's range; 0 means 1e-5 for float32 networks
	// and 1e-6 for float64.
	Tolerance float64
	// Rows of the file whose units are to be named.
	Rows []int
	// Seed of the samples.
	Seed uint64
	// Progress, if not nil, is told what is being done, and how much of all is
	// done, from 0 to 1: an estimate by the sizes of the layers.
	Progress func(stage string, done float64)
}

// Defaults of [Options]. DefaultPatience is for all layers together: twice what
// deciding every class of MNIST's 60,000 rows takes on two cores, in the space
// of its 784 inputs and in two layers of 256 units.
//
// DefaultWork takes apart 60,000 rows of 2,000 units in about 20 s on two cores
// with OpenBLAS, measured: 7 s for the R factor, 3 s for the singular values, 9 s
// with their vectors.
const (
	DefaultMemory   = 4 << 30
	DefaultWork     = 1e12
	DefaultPatience = 90 * time.Second
)

// An Analysis is everything found about a network on a table.
type Analysis struct {
	Precision string  `json:"precision"`
	Rows      int     `json:"rows"`
	Inputs    int     `json:"inputs"`
	Outputs   int     `json:"outputs"`
	Units     int     `json:"units"`
	Depth     int     `json:"hidden_layers"`
	Layers    []Layer `json:"layers"` // the inputs, then every hidden layer
	Last      *Last   `json:"last"`   // nil when the analysis ended before
	// Complete is false when the analysis was stopped; Stopped then says where.
	Complete bool     `json:"complete"`
	Stopped  string   `json:"stopped,omitempty"`
	Notes    []string `json:"network_notes"`
}

// job is one run of [Network].
type job struct {
	ctx    context.Context
	net    *network.Network
	set    *dataset.Set
	opt    Options
	out    *Analysis
	hidden []int // layers with a ReLU that another layer reads
	meter  meter
	spent  time.Duration // on separability
	last   *phi.Matrix
}

// Network analyses net on set. Inputs must be as the network takes them; for rows
// without targets give the network's own outputs as Y.
//
// When ctx ends early, in the middle of a step too, the analysis made so far comes
// back, with Complete false and no error; see [job.within] for what then goes on
// in the background. Errors: rows that do not fit the network, and outputs that
// are not finite.
func Network(ctx context.Context, net *network.Network, set *dataset.Set, opt Options) (*Analysis, error) {
	if err := fitsRows(net, set); err != nil {
		return nil, err
	}
	if n, p := set.Y.Dims(); n != set.N() || p != net.Outputs() {
		return nil, fmt.Errorf("analyze: targets of %d x %d for %d rows and a network of %d outputs", n, p, set.N(), net.Outputs())
	}
	set = asRead(net, set)
	j := &job{ctx: ctx, net: net, set: set, opt: opt, hidden: innerLayers(net)}
	j.out = &Analysis{Precision: net.Precision.String(), Rows: set.N(), Inputs: set.D(), Outputs: net.Outputs(), Units: net.Units(), Depth: len(j.hidden), Notes: []string{}}
	j.meter = newMeter(net, j.hidden)
	err := j.run()
	if errors.Is(err, errStopped) {
		return j.out, nil
	}
	j.out.Complete = err == nil
	return j.out, err
}

// asRead returns the set with the inputs that the network reads: rounded to
// float32 where it computes in that. Nothing is copied when they are so already.
func asRead(net *network.Network, set *dataset.Set) *dataset.Set {
	if net.Precision != network.Float32 {
		return set
	}
	for i := range set.N() {
		if slices.ContainsFunc(set.X.RawRowView(i), func(v float64) bool { return v != float64(float32(v)) }) {
			read := *set
			read.X = rounded(set.X)
			return &read
		}
	}
	return set
}

// innerLayers returns the hidden layers that feed another layer. A ReLU on the
// output reads the answer, it is no hidden layer.
func innerLayers(net *network.Network) []int {
	return slices.DeleteFunc(net.HiddenLayers(), func(l int) bool { return l == len(net.Layers)-1 })
}

func (j *job) run() error {
	if n := len(j.net.Layers); j.net.Layers[n-1].Act == network.ReLU {
		j.out.Notes = append(j.out.Notes, "The outputs pass through a ReLU; the output layer is read before it.")
	}
	for k, l := range append([]int{-1}, j.hidden...) {
		if err := j.layer(k, l); err != nil {
			return err
		}
	}
	return j.head()
}

// elements returns how many numbers a matrix of outputs may hold. With it are
// alive at most the outputs of the layer below, and the nonzeros with their
// places, by rows and by units: as much as five of it.
func (j *job) elements() int {
	memory := j.opt.Memory
	if memory <= 0 {
		memory = DefaultMemory
	}
	const size = 8
	return int(max(memory/aliveAtMost/size, 1<<16))
}

// aliveAtMost is the bytes that are alive with a matrix of outputs, in units of
// its own.
const aliveAtMost = 5

// sampleRows returns count of n rows, ascending, chosen at random by the seed;
// all of them when count >= n.
func sampleRows(n, count int, seed uint64) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	if count >= n {
		return rows
	}
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	for i := range count { // Fisher and Yates, as far as needed
		k := i + rng.IntN(n-i)
		rows[i], rows[k] = rows[k], rows[i]
	}
	rows = rows[:count]
	slices.Sort(rows)
	return rows
}

// pick returns the given rows of x.
func pick(x *mat.Dense, rows []int) *mat.Dense {
	n, d := x.Dims()
	if len(rows) == n {
		return x
	}
	out := mat.NewDense(len(rows), d, nil)
	for k, i := range rows {
		out.SetRow(k, x.RawRowView(i))
	}
	return out
}
