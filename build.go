package hinge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// autoTries is how many constructions Build tries at most when the choice is
// its own and the certificate of the first does not hold.
const autoTries = 3

// Build builds a network for set and certifies it. When the choice of the
// construction is free and the first one's certificate does not hold, the next
// best ones are tried.
//
// It returns a [*construct.NameError] or [*construct.UnfitError] when nothing
// can be built, a [*dataset.ConflictError] when rows with different targets
// become equal in float32, and an [*UncertifiedError], together with the
// result, when there is no certificate.
func Build(set *dataset.Set, opts Options) (*Result, error) {
	p, err := opts.problem(set)
	if err != nil {
		return nil, err
	}
	opts.stage("choosing a construction")
	name := opts.Construction
	var trials []construct.Trial
	if opts.auto() {
		c, measured, err := construct.ChooseMeasured(p)
		if err != nil {
			return nil, err
		}
		name, trials = c.Name, measured
	}
	first, firstErr := buildOne(p, name, opts)
	if firstErr == nil && first.Certificate.Holds {
		first.Report.Why, first.Report.Trials = opts.why(construct.TrialsText(trials)), trials
		return first.finish(opts)
	}
	var cert *certify.Certificate
	if firstErr == nil {
		cert = first.Certificate
	}
	gaveUp := report.WhyNot(name, cert, firstErr)
	opts.stage(gaveUp + "; planning the others")
	plan := construct.Plan(p)
	if opts.auto() {
		others := slices.DeleteFunc(construct.Following(p, plan), func(next string) bool { return next == name })
		for _, next := range others[:min(len(others), autoTries-1)] {
			r, err := buildOne(p, next, opts)
			if err == nil && r.Certificate.Holds {
				r.Report.Why = opts.why(gaveUp)
				return r.finish(opts)
			}
		}
	}
	if firstErr != nil {
		return nil, firstErr
	}
	first.Report.Why, first.Report.Advice = opts.why(""), report.Advice(p, plan, name, first.Certificate)
	if _, err := first.finish(opts); err != nil {
		return nil, err
	}
	return first, &UncertifiedError{name, first.Certificate, first.Report.Advice}
}

func (o *Options) auto() bool { return o.Construction == "" || o.Construction == construct.Auto }

// why says how the construction came to be chosen.
func (o *Options) why(instead string) string {
	if !o.auto() {
		return report.ByName
	}
	return report.Why(cmp.Or(o.Goal, construct.Fit), instead)
}

// problem turns set and options into what constructions are asked for.
func (o *Options) problem(set *dataset.Set) (*construct.Problem, error) {
	if _, err := blas.Use(); err != nil {
		return nil, err
	}
	if !(o.Tolerance >= 0 && o.Tolerance < 1) {
		return nil, fmt.Errorf("the tolerance is %v: use a fraction of the target's range between 0 and 1", o.Tolerance)
	}
	if o.Precision == network.Float32 {
		rounded, err := set.Rounded()
		if err != nil {
			return nil, err
		}
		set = rounded
	}
	return &construct.Problem{
		Set: set, Precision: o.Precision, Seed: o.Seed,
		Tolerance: cmp.Or(o.Tolerance, construct.DefaultTolerance(o.Precision)), Goal: cmp.Or(o.Goal, construct.Fit),
	}, nil
}

// buildOne builds and certifies one construction.
func buildOne(p *construct.Problem, name string, opts Options) (*Result, error) {
	opts.stage("building " + name)
	start := time.Now()
	net, err := construct.BuildNamed(p, name)
	if err != nil && !opts.auto() {
		net, err = buildLoose(p, name, err)
	}
	if err != nil {
		return nil, err
	}
	return certified(p, name, net, time.Since(start), opts)
}

// certified certifies a network that took so long to build, written out if that
// is wanted, and begins its report.
func certified(p *construct.Problem, name string, net *network.Network, built time.Duration, opts Options) (*Result, error) {
	if opts.Dense {
		net = net.Dense()
	}
	opts.stage("certifying")
	start := time.Now()
	cert, err := certify.Certify(net, p.Set, certify.Options{Tolerance: p.Tolerance})
	if err != nil {
		return nil, &DefectError{fmt.Errorf("construction %s made a network that does not fit its data: %w", name, err)}
	}
	r := &Result{Network: net, Set: p.Set, Certificate: cert}
	r.Report = report.NewBuild(p, name, net, cert)
	r.Report.Dense = opts.Dense
	r.Report.Seconds.Build, r.Report.Seconds.Certify = built.Seconds(), time.Since(start).Seconds()
	return r, nil
}

// buildLoose builds a construction that refused the tolerance for the least
// tolerance, in steps of ten, that it accepts: what it reaches is then proved
// and told. When it refuses all of them, the error is the first refusal.
func buildLoose(p *construct.Problem, name string, refusal error) (*network.Network, error) {
	var unfit *construct.UnfitError
	if !errors.As(refusal, &unfit) {
		return nil, refusal
	}
	loose := *p
	for loose.Tolerance *= 10; loose.Tolerance < 1e3; loose.Tolerance *= 10 {
		if net, err := construct.BuildNamed(&loose, name); err == nil {
			return net, nil
		}
	}
	return nil, refusal
}

// finish looks at the interpolation matrix and writes the notes into the
// network.
func (r *Result) finish(opts Options) (*Result, error) {
	opts.stage("reading the interpolation matrix")
	facts, err := report.DescribePhi(r.Network, r.Set)
	if err != nil {
		return nil, &DefectError{err}
	}
	r.Report.Phi = facts
	if err := report.WriteMeta(r.Network, r.Set, r.Report); err != nil {
		return nil, &DefectError{err}
	}
	return r, nil
}
