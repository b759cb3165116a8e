package hinge

import (
	"context"

	"gonum.org/v1/gonum/mat"

	"hinge/analyze"
	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// Analyze takes net apart on set: what every layer puts out, what the last one
// can serve, and which rows the output layer has memorised. When ctx ends early
// the part that is done comes back.
func Analyze(ctx context.Context, net *network.Network, set *dataset.Set, opt analyze.Options) (*report.Analysis, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	if err := serves(net, set); err != nil {
		return nil, err
	}
	a, err := analyze.Network(ctx, net, set, opt)
	if err != nil {
		return nil, err
	}
	a.Notes = append(a.Notes, net.Notes()...)
	return report.NewAnalysis(set, a), nil
}

// OwnAnswers returns the rows of x (n x d) as a Set whose targets are the
// network's own outputs: for analysing a network on rows without targets.
func OwnAnswers(net *network.Network, x *mat.Dense) (*dataset.Set, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	n, d := x.Dims()
	if err := fits(net, d); err != nil {
		return nil, err
	}
	set := &dataset.Set{X: x, Y: net.Eval(x), Schema: dataset.Schema{Task: dataset.Regression}}
	for i := range n {
		set.Rows = append(set.Rows, i+1)
	}
	return set, nil
}

// Compare tells how far a and b are the same function, and the same solution, on
// the inputs of set. A tolerance of 0 is the default of [analyze.Compare].
func Compare(a, b *network.Network, set *dataset.Set, tolerance float64) (*report.Comparison, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	for _, net := range []*network.Network{a, b} {
		if err := fits(net, set.D()); err != nil {
			return nil, err
		}
	}
	c, err := analyze.Compare(a, b, set, tolerance)
	if err != nil {
		return nil, err
	}
	return &report.Comparison{Comparison: c, Source: set.Source}, nil
}

// Normalize returns net in its normalized form on the rows of set: the same
// outputs there, up to rounding, from units that matter there. The schema of net
// goes with it, its certificate does not.
func Normalize(net *network.Network, set *dataset.Set) (*network.Network, *report.Normalization, error) {
	if _, err := blas.Use(); err != nil {
		return nil, nil, err
	}
	if err := fits(net, set.D()); err != nil {
		return nil, nil, err
	}
	out, n, err := analyze.Normalize(net, set)
	if err != nil {
		return nil, nil, err
	}
	out.Meta = map[string]string{report.MetaConstruction: "normalized form"}
	for _, key := range []string{report.MetaSchema, report.MetaRange, report.MetaTolerance} {
		if text, ok := net.Meta[key]; ok {
			out.Meta[key] = text
		}
	}
	return out, &report.Normalization{Normalization: n, Source: set.Source}, nil
}
