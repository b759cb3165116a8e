package hinge

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// Check proves anew, row by row, that net hits the targets of set. It trusts
// nothing that the network says of itself but the range of its targets, the unit
// of the tolerance, and, when tolerance is 0, its tolerance. Rows of the file that were merged into an equal one count
// with it.
func Check(net *network.Network, set *dataset.Set, tolerance float64) (*report.Check, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	if err := serves(net, set); err != nil {
		return nil, err
	}
	tolerance = cmp.Or(tolerance, report.ToleranceOf(net), construct.DefaultTolerance(net.Precision))
	if net.Precision == network.Float32 {
		// Rows that clash only in float32 stay as they are: then one of them is missed.
		if rounded, err := set.Rounded(); err == nil {
			set = rounded
		}
	}
	cert, err := certify.Certify(net, set, certify.Options{Tolerance: tolerance, Range: report.RangeOf(net)})
	if err != nil {
		return nil, err
	}
	c := &report.Check{
		Source: set.Source, Task: string(set.Schema.Task), Precision: net.Precision.String(), Tolerance: tolerance,
		Rows: set.N() + len(set.Merged), Missed: report.Misses(cert, set.Merged),
		MaxError: cert.MaxError, MinMargin: cert.MinMargin, Certificate: cert,
		Stored: report.Stored(net, cert.Network, cert.Data), Notes: slices.Concat([]string{}, net.Notes(), set.Notes),
	}
	c.Hit = c.Rows - len(c.Missed)
	return c, nil
}

// serves says in words when a network's inputs or outputs are not those of set.
func serves(net *network.Network, set *dataset.Set) error {
	if err := fits(net, set.D()); err != nil {
		return err
	}
	if net.Outputs() != set.P() {
		return fmt.Errorf("the network has %d outputs, the table asks for %d", net.Outputs(), set.P())
	}
	return nil
}

// fits says in words when rows of d inputs are not what the network takes.
func fits(net *network.Network, d int) error {
	if net.Inputs() == d {
		return nil
	}
	return fmt.Errorf("the network takes %d inputs, the table gives %d; choose columns with --features or --drop", net.Inputs(), d)
}

// Predict evaluates net, in its own precision, on the rows of x (n x d, encoded
// as the network's schema says). Row numbers in the answer run from 1.
func Predict(net *network.Network, x *mat.Dense) (*report.Predictions, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	_, d := x.Dims()
	if err := fits(net, d); err != nil {
		return nil, err
	}
	out, ok := net.EvalLocal(x) // the same numbers, where few units are awake
	if !ok {
		out = net.Eval(x)
	}
	answer := report.NewPredictions(net, out)
	answer.Notes = append(answer.Notes, net.Notes()...)
	return answer, nil
}

// Plan says what every construction of the catalogue would cost on set, without
// building any, and which one [Build] would choose.
func Plan(set *dataset.Set, opts Options) (*report.Plan, error) {
	p, err := opts.problem(set)
	if err != nil {
		return nil, err
	}
	opts.stage("planning")
	return report.NewPlan(p), nil
}

// Info tells the shapes, the schema and the certificate of a network.
func Info(net *network.Network) *report.Info { return report.NewInfo(net) }

// SchemaOf returns the schema that travels inside a network, or nil when it
// carries none that can be read.
func SchemaOf(net *network.Network) *dataset.Schema { return report.SchemaOf(net) }

// Page draws a build as one HTML file, with the plan of all constructions
// beside it unless the table is large.
func Page(r *Result, opts Options) (*report.Page, error) {
	p, err := opts.problem(r.Set)
	if err != nil {
		return nil, err
	}
	return report.NewPage(r.Report, p, r.Network), nil
}
