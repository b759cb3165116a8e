package hinge

import (
	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/edit"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// Repair gives every row of fix its targets, and proves that net keeps what
// opts.Preserve says on the rows of keep (n x d; nil for none), which keepRows
// numbers for messages. Errors are those of [edit.Repair].
func Repair(net *network.Network, fix *dataset.Set, keep *mat.Dense, keepRows []int, opts edit.Options) (*network.Network, *report.Repair, error) {
	if _, err := blas.Use(); err != nil {
		return nil, nil, err
	}
	made, err := edit.Repair(net, fix, keep, keepRows, opts)
	if err != nil {
		return nil, nil, err
	}
	made.Network.Meta = report.EditedMeta(net, "repair")
	return made.Network, report.NewRepair(net, fix, opts, made), nil
}

// Finish makes net exact on set and proves it. The certificate goes into the
// network's notes, and so does the schema of the rows unless it has one. Errors
// are those of [edit.Finish].
func Finish(net *network.Network, set *dataset.Set, opts edit.FinishOptions) (*network.Network, *report.Finish, error) {
	if _, err := blas.Use(); err != nil {
		return nil, nil, err
	}
	made, err := edit.Finish(net, set, opts)
	if err != nil {
		return nil, nil, err
	}
	made.Network.Meta = report.EditedMeta(net, "finish")
	if err := report.CertifiedMeta(made.Network, set, made.Certificate); err != nil {
		return nil, nil, &DefectError{err}
	}
	return made.Network, report.NewFinish(net, set, made), nil
}

// Prune returns net with fewer units and the same outputs, as opts.Preserve says,
// on the rows of x (n x d). Errors are those of [edit.Prune].
func Prune(net *network.Network, x *mat.Dense, opts edit.PruneOptions) (*network.Network, *report.Prune, error) {
	if _, err := blas.Use(); err != nil {
		return nil, nil, err
	}
	made, err := edit.Prune(net, x, opts)
	if err != nil {
		return nil, nil, err
	}
	made.Network.Meta = report.EditedMeta(net, "prune")
	n, _ := x.Dims()
	return made.Network, report.NewPrune(net, n, opts, made), nil
}

// Widened returns net as a float64 network: the same weights, in an arithmetic
// that rounds less.
func Widened(net *network.Network) *network.Network {
	wide := *net
	wide.Precision = network.Float64
	return &wide
}

// Reach tells how far an edit is felt on rows x (n x d); class, if not nil, is
// the right class of each.
func Reach(before, after *network.Network, x *mat.Dense, class []int) (*report.Reach, error) {
	if _, d := x.Dims(); fits(before, d) != nil {
		return nil, fits(before, d)
	}
	return report.NewReach(before, after, x, class), nil
}
