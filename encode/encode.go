// Package encode builds encoders and decoders: networks that take every row of a
// table to a code of a few numbers, and back, with proofs.
//
// For most uses, call [Encode]. On the data the encoder is bijective, with a margin
// between any two codes, and disentangled: every class can be cut off from the
// others by a hyperplane in the code. The decoder gives back every input of every
// row bit for bit, from any code that a runtime can compute for it.
//
// How: the codes are chosen first (layout.go), so that the least distance between
// two of them is large and classes lie at the corners of a convex polygon; the
// encoder is a construction for these targets, certified; the decoder a lookup
// network whose plateaus are wide enough for every rounding of the encoder.
//
// Nothing is said of rows that are not in the table: there the encoder is
// piecewise linear, and the decoder mostly 0.
package encode

import (
	"context"
	"fmt"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Options of [Encode]. The zero value works but for Dims.
type Options struct {
	Dims      int               // q, the numbers of a code: 1 or more
	Precision network.Precision // of both networks
	Seed      uint64
	// Patience bounds the time for each verdict on the codes that PCA makes; 0
	// means [DefaultPatience].
	Patience time.Duration
	// Progress, if not nil, is told the name of each stage as it begins.
	Progress func(stage string)
}

// DefaultPatience is the time for one class's separability in the codes of PCA.
const DefaultPatience = 2 * time.Second

// Code is an encoder with its decoder and what is proved of them on the data.
type Code struct {
	Encoder, Decoder *network.Network
	Set              *dataset.Set // the rows, rounded for float32
	// Codes are n x q. A runtime computes numbers within Radius of them, whatever
	// its order of summation.
	Codes, Radius *mat.Dense
	Construction  string // of the encoder
	// Own is what is proved of these codes, PCA of the projections on the q leading
	// principal directions of the inputs.
	Own, PCA Quality
	// Decoded certifies that the decoder returns every input of every row from any
	// of its codes: its error is 0 when all come back bit for bit.
	Decoded *certify.Certificate

	coded *certify.Enclosure // the codes as any runtime computes them
}

// Quality is what codes are worth.
type Quality struct {
	Codes *mat.Dense // n x q
	// Margin is a lower bound of the least distance between the codes of two rows,
	// over the largest distance from their mean: 0 means that two rows share one.
	Margin float64
	// Stretch is a lower bound of the least |h_i - h_j| / |x_i - x_j| over all pairs,
	// both measured in units of the largest distance from the mean; NaN when there
	// are too many pairs to look at.
	Stretch float64
	Classes []ClassVerdict // empty for regression
	// RMSE is the root mean square error of the reconstruction, in units of the
	// inputs: of the decoder, an upper bound (0: bit for bit); of the q principal
	// directions, what it is.
	RMSE float64
}

// ClassVerdict says whether one class can be cut off from the others by a
// hyperplane in the code, and by how much.
type ClassVerdict struct {
	Class   string  `json:"class"`
	Verdict string  `json:"verdict"` // separable, inseparable or unknown
	Margin  float64 `json:"margin"`  // least proved distance of a code from the hyperplane, over the largest from the mean
	// Normal and Offset are the hyperplane w.h = b, the class on the side where w.h is
	// larger; empty unless separable.
	Normal []float64 `json:"normal,omitempty"`
	Offset float64   `json:"offset,omitempty"`
}

// Separable counts the classes that are proved to be separable.
func (q *Quality) Separable() int {
	count := 0
	for _, c := range q.Classes {
		if c.Verdict == "separable" {
			count++
		}
	}
	return count
}

// Encode builds an encoder of the rows of set to opts.Dims numbers, and its
// decoder. The targets of set, if they are classes, are what is disentangled.
//
// It returns a [*construct.UnfitError] when the rows cannot be told apart in the
// precision, and a [*dataset.ConflictError] when float32 makes equal rows of
// different ones.
func Encode(ctx context.Context, set *dataset.Set, opts Options) (*Code, error) {
	if opts.Dims < 1 {
		return nil, fmt.Errorf("encode: codes of %d numbers: use 1 or more", opts.Dims)
	}
	if opts.Precision == network.Float32 {
		rounded, err := set.Rounded()
		if err != nil {
			return nil, err
		}
		set = rounded
	}
	if opts.Patience == 0 {
		opts.Patience = DefaultPatience
	}
	stage := func(name string) {
		if opts.Progress != nil {
			opts.Progress(name)
		}
	}
	stage("principal directions")
	pca := principal(set.X, max(opts.Dims, 2))
	c := &Code{Set: set}
	layout := place(set, pca, opts.Dims)
	var err error
	for _, share := range stepShares {
		stage("building the encoder")
		if err = c.encoder(layout, share, opts); err != nil {
			continue
		}
		stage("building the decoder")
		if err = c.decoder(opts); err == nil && c.Decoded.Holds {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	stage("measuring the codes")
	c.measure(layout)
	stage("measuring the codes of PCA")
	return c, c.compare(ctx, pca, opts)
}

// encoder builds the network that takes every row to its place, or within a share
// of a step of it, and encloses what it computes.
func (c *Code) encoder(l *layout, share float64, opts Options) error {
	target := *c.Set
	target.Y, target.Class = l.codes, nil
	target.Schema.Task, target.Schema.Classes, target.Schema.Targets = dataset.Regression, nil, CodeNames(opts.Dims)
	p := &construct.Problem{Set: &target, Precision: opts.Precision, Seed: opts.Seed, Tolerance: l.tolerance(share)}
	var err error
	for _, c.Construction = range []string{"affine", "deep-slab", construct.Auto} {
		if c.Encoder, err = construct.BuildNamed(p, c.Construction); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	c.Construction = c.Encoder.Meta[construct.MetaConstruction]
	e, err := certify.Enclose(c.Encoder, c.Set.X, len(c.Encoder.Layers))
	if err != nil {
		return err
	}
	c.Codes, c.Radius, c.coded = e.Centre, e.Radius, e
	return nil
}

// CodeNames names the numbers of a code.
func CodeNames(q int) []string {
	names := make([]string, q)
	for k := range names {
		names[k] = fmt.Sprintf("code%d", k+1)
	}
	return names
}

// decoder builds the lookup network of the codes and certifies it for every
// value that the encoder can put out.
func (c *Code) decoder(opts Options) error {
	back := &dataset.Set{X: c.Codes, Y: c.Set.X, Rows: c.Set.Rows, Source: c.Set.Source}
	back.Schema.Task, back.Schema.Targets = dataset.Regression, c.Set.Schema.InputNames()
	for _, name := range CodeNames(opts.Dims) {
		back.Schema.Columns = append(back.Schema.Columns, dataset.Column{Name: name})
	}
	n, q := c.Codes.Dims()
	around := make([]float64, n)
	for i := range n {
		for j := range q {
			around[i] = max(around[i], c.Radius.At(i, j))
		}
	}
	var err error
	c.Decoder, err = construct.LookupFed(&construct.Problem{Set: back, Precision: opts.Precision, Seed: opts.Seed}, around)
	if err != nil {
		return err
	}
	c.Decoded, err = certify.CertifyFed(c.Decoder, c.coded, back, certify.Options{})
	return err
}
