// Package train trains dense ReLU networks by gradient descent, in float32 on
// the engine of package blas, and looks at them through their interpolation
// matrices while they learn.
//
// For most uses, call [Run] with a Set and [Options] whose zero value works: it
// returns a network.Network that takes raw inputs, like those of package
// construct, and the History of its epochs. [Options.Trace] adds what Phi is
// like after each epoch; [Options.Checkpoint] makes the run survive its process.
//
// The same options and data give the same bytes on one engine and processor,
// whatever the number of threads, and whether or not the run was cut off and
// resumed in between.
package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
)

// Options of [Run]. The zero value works.
type Options struct {
	Hidden    []int     // units of the hidden layers; nil means one of [DefaultHidden]
	Epochs    int       // passes over the rows; 0 means [DefaultEpochs]
	Batch     int       // rows of a step; 0 means [DefaultBatch]
	Optimizer Optimizer // default [Adam]
	Rate      float64   // learning rate at the start; 0 means [Optimizer.DefaultRate]
	Momentum  float64   // of SGD, 0 <= Momentum < 1
	Decay     float64   // weight decay, decoupled: every step keeps 1 - rate*Decay of each weight; biases do not decay
	Schedule  Schedule  // of the rate; default [Constant]
	Init      Init      // of the weights; default [He]
	Seed      uint64    // of the weights and of the order of the rows
	Threads   int       // 0 means all processors; the result does not depend on it

	Test *dataset.Set // rows to measure after each epoch, never learnt from

	// Trace looks at the interpolation matrix before the first epoch and after
	// each one.
	Trace bool
	// TraceRows is how many rows, evenly spread, the trace looks at; 0 means
	// [DefaultTraceRows].
	TraceRows int

	// Checkpoint, if not "", is a file that is written about every Every, and
	// that the run continues from when it is there.
	Checkpoint string
	Every      time.Duration // 0 means [DefaultEvery]

	// Cost, if not nil, is asked after each epoch what it would take to make
	// the network exact on the rows now. Nil means [Estimate].
	Cost func(net *network.Network, set *dataset.Set, now *Measure) (*Cost, error)
	// Stop, if not nil, is asked after each epoch whether to end the training:
	// finishing may be cheaper than another epoch. The training rows have then been
	// counted exactly in e, and e.Cost is there.
	Stop func(e *Epoch, net *network.Network) bool
	// Progress, if not nil, is told where the run is, about every batch.
	Progress func(epoch, epochs int, done, loss float64)
}

// Defaults of [Options].
const (
	DefaultHidden    = 256
	DefaultEpochs    = 10
	DefaultBatch     = 128
	DefaultEvery     = 30 * time.Second
	DefaultTraceRows = 2000
)

// Bounds of [Options]: more is a slip, not a wish.
const (
	maxLayers = 64
	maxUnits  = 1 << 20
	maxEpochs = 1 << 20
	maxWeight = 1 << 30 // parameters in all
)

// An OptionError names an option that cannot be served, and what could.
type OptionError struct{ Option, Reason string }

func (e *OptionError) Error() string { return "train: " + e.Option + ": " + e.Reason }

// A DivergedError says that the loss stopped being a number.
type DivergedError struct {
	Epoch, Step int
	Rate        float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("train: the loss is not finite any more in epoch %d, step %d; a learning rate below %v may help", e.Epoch, e.Step, e.Rate)
}

// settled returns the options with defaults filled in, or an [*OptionError].
func (o Options) settled() (Options, error) {
	if len(o.Hidden) == 0 {
		o.Hidden = []int{DefaultHidden}
	}
	fill := func(v *int, by int) {
		if *v == 0 {
			*v = by
		}
	}
	fill(&o.Epochs, DefaultEpochs)
	fill(&o.Batch, DefaultBatch)
	fill(&o.TraceRows, DefaultTraceRows)
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Optimizer == "" {
		o.Optimizer = Adam
	}
	if o.Rate == 0 {
		o.Rate = o.Optimizer.DefaultRate()
	}
	if o.Schedule == "" {
		o.Schedule = Constant
	}
	if o.Init == "" {
		o.Init = He
	}
	if o.Cost == nil {
		o.Cost = Estimate
	}
	return o, o.check()
}

// Check returns an [*OptionError] for the first option that is out of its range.
func (o Options) Check() error {
	_, err := o.settled()
	return err
}

// check finds the first option out of its range, defaults filled in.
func (o *Options) check() error {
	if len(o.Hidden) > maxLayers {
		return &OptionError{"hidden", fmt.Sprintf("%d layers; at most %d", len(o.Hidden), maxLayers)}
	}
	for _, h := range o.Hidden {
		if h < 1 || h > maxUnits {
			return &OptionError{"hidden", fmt.Sprintf("a layer of %d units; give between 1 and %d", h, maxUnits)}
		}
	}
	for _, c := range []struct {
		name  string
		wrong bool
		want  string
	}{
		{"epochs", o.Epochs < 1 || o.Epochs > maxEpochs, fmt.Sprintf("between 1 and %d", maxEpochs)},
		{"batch", o.Batch < 1 || o.Batch > maxUnits, fmt.Sprintf("between 1 and %d", maxUnits)},
		{"rate", !(o.Rate > 0) || math.IsInf(o.Rate, 0), "above 0"},
		{"momentum", !(o.Momentum >= 0 && o.Momentum < 1), "at least 0 and below 1"},
		{"momentum", o.Momentum > 0 && o.Optimizer == Adam, "for sgd only: adam has its own"},
		{"decay", !(o.Decay >= 0 && o.Decay*o.Rate < 1), "at least 0, and below 1/rate"},
		{"threads", o.Threads < 0, "0 (all) or more"},
		{"trace rows", o.TraceRows < 1, "1 or more"},
		{"every", o.Every < 0, "more than no time"},
		{"optimizer", o.Optimizer != Adam && o.Optimizer != SGD, "adam or sgd"},
		{"schedule", o.Schedule != Constant && o.Schedule != Cosine, "constant or cosine"},
		{"init", !o.Init.known(), "he, he-uniform, glorot, lecun or orthogonal"},
	} {
		if c.wrong {
			return &OptionError{c.name, "must be " + c.want}
		}
	}
	return nil
}

// Epoch is what was measured of one pass over the rows. Epoch 0 is the network
// before training.
type Epoch struct {
	Epoch int `json:"epoch"`
	// Loss is the mean loss of the rows, each as its step met it: cross-entropy
	// in nats, or half the squared error in standard deviations of the targets.
	Loss float64 `json:"loss"`
	// Missed counts, for classes, the rows that were wrong when their step met
	// them; for regression it is -1.
	Missed int `json:"missed_on_the_way"`
	// Wrong is the number of rows that the network misses at the end of the
	// epoch, and Residual, for regression, |f(X)-Y| / |Y - mean Y|; nil when they were
	// not measured.
	Wrong    *int     `json:"wrong,omitempty"`
	Residual *float64 `json:"relative_residual,omitempty"`
	// Test is, on the test rows, the part that is right (classes) or the
	// coefficient of determination R2 (regression).
	Test    *float64 `json:"test,omitempty"`
	Seconds float64  `json:"seconds"` // of the pass itself, without measuring
	Trace   *Trace   `json:"trace,omitempty"`
	Cost    *Cost    `json:"cost,omitempty"`
}

// Why a run ended, in [Result.Stopped].
const (
	StoppedDone      = "done"        // all epochs
	StoppedByWish    = "finish"      // Options.Stop said so
	StoppedInterrupt = "interrupted" // the context ended
)

// Result is what [Run] made.
type Result struct {
	Network *network.Network // float32, takes raw inputs
	Options Options          // with the defaults filled in
	History []Epoch
	Steps   int    // optimiser steps in all
	Stopped string // one of StoppedDone, StoppedByWish, StoppedInterrupt
	Resumed int    // epoch that a checkpoint was taken up in; 0 for a run from the start
	Final   *Measure
	Engine  string  // of the products
	Seconds float64 // training and measuring, of this process
}

// Run trains a network on set, whose numbers are rounded to float32 for it.
//
// It returns an [*OptionError], a [*CheckpointError] when a checkpoint is there
// but is not of this run, and a [*DivergedError]. When ctx ends, the run stops after
// the current step, writes its checkpoint, and returns what there is.
func Run(ctx context.Context, set *dataset.Set, opt Options) (*Result, error) {
	start := time.Now()
	opt, err := opt.settled()
	if err != nil {
		return nil, err
	}
	r, err := newRun(set, opt)
	if err != nil {
		return nil, err
	}
	resumed, err := r.resume()
	if err != nil {
		return nil, err
	}
	var stopped string
	blas.OneThread(func() { stopped, err = r.epochs(ctx) })
	if err != nil {
		return nil, err
	}
	result := &Result{Network: r.network(), Options: opt, History: r.history, Steps: r.steps, Stopped: stopped,
		Resumed: resumed, Engine: blas.Engine()}
	result.Final = Score(result.Network, set)
	result.Seconds = time.Since(start).Seconds()
	return result, nil
}
