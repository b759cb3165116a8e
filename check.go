package hinge

import (
	"encoding/hex"
	"fmt"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// Check proves anew, row by row, that net hits the targets of set. It trusts
// nothing that the network says of itself but its tolerance, and that only when
// tolerance is 0. Rows of the file that were merged into an equal one count
// with it.
func Check(net *network.Network, set *dataset.Set, tolerance float64) (*report.Check, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	if err := fits(net, set.D()); err != nil {
		return nil, err
	}
	if net.Outputs() != set.P() {
		return nil, fmt.Errorf("the network has %d outputs, the table asks for %d", net.Outputs(), set.P())
	}
	if tolerance == 0 {
		tolerance = ToleranceOf(net)
	}
	if tolerance == 0 {
		tolerance = construct.DefaultTolerance(net.Precision)
	}
	if net.Precision == network.Float32 {
		// Rows that clash only in float32 stay as they are: then one of them is missed.
		if rounded, err := set.Rounded(); err == nil {
			set = rounded
		}
	}
	cert, err := certify.Certify(net, set, certify.Options{Tolerance: tolerance})
	if err != nil {
		return nil, err
	}
	c := &report.Check{
		Source: set.Source, Task: string(set.Schema.Task), Precision: net.Precision.String(), Tolerance: tolerance,
		Rows: set.N() + len(set.Merged), Missed: report.Misses(cert, set.Merged),
		MaxError: cert.MaxError, MinMargin: cert.MinMargin, Certificate: cert,
		Stored: stored(net, cert.Network, cert.Data), Notes: append([]string{}, set.Notes...),
	}
	c.Hit = c.Rows - len(c.Missed)
	return c, nil
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
	n, d := x.Dims()
	if err := fits(net, d); err != nil {
		return nil, err
	}
	answer := &report.Predictions{Precision: net.Precision.String(), Notes: []string{}}
	schema := SchemaOf(net)
	var classes []string
	switch {
	case schema == nil:
		for j := 1; j <= net.Outputs(); j++ {
			answer.Columns = append(answer.Columns, fmt.Sprintf("y%d", j))
		}
	case schema.Task == dataset.Classification:
		classes, answer.Columns, answer.Classes = schema.Classes, schema.Classes, true
	default:
		answer.Columns = schema.Targets
	}
	out := net.Eval(x)
	for i := 0; i < n; i++ {
		row := report.Prediction{Row: i + 1, Outputs: out.RawRowView(i)}
		if classes != nil {
			row.Class = classes[report.Winner(row.Outputs)]
		}
		answer.Rows = append(answer.Rows, row)
	}
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
	plan := &report.Plan{
		Data: report.NewData(p.Set), Precision: p.Precision.String(), Tolerance: p.Tolerance, Goal: string(p.Goal),
		Constructions: construct.Plan(p),
	}
	c, err := construct.Choose(p)
	if err != nil {
		plan.Why = err.Error()
		return plan, nil
	}
	plan.Choice, plan.Why = c.Name, (&Options{}).why(p, "")
	return plan, nil
}

// Info tells the shapes, the schema and the certificate of a network.
func Info(net *network.Network) *report.Info {
	sum := net.Digest()
	digest := hex.EncodeToString(sum[:])
	info := &report.Info{
		Precision: net.Precision.String(), Inputs: net.Inputs(), Outputs: net.Outputs(),
		HiddenLayers: len(net.HiddenLayers()), Units: net.Units(), Parameters: net.Parameters(),
		Layers: report.Layers(net), Construction: net.Meta[MetaConstruction], Seed: net.Meta[MetaSeed],
		Schema: SchemaOf(net), Certificate: CertificateOf(net), Network: digest, Meta: map[string]string{},
	}
	info.Stored = stored(net, digest, "")
	for key, value := range net.Meta {
		if !strings.HasPrefix(key, "hinge.") {
			info.Meta[key] = value
		}
	}
	return info
}

// Page draws a build as one HTML file, with the plan of all constructions
// beside it.
func Page(r *Result, opts Options) (*report.Page, error) {
	opts.Progress = nil
	plan, err := Plan(r.Set, opts)
	if err != nil {
		return nil, err
	}
	return report.NewPage(r.Report, plan, r.Network, r.Set), nil
}
