// Package constructtest is the conformance suite of constructions.
//
// For most uses, call [Run] from a test with a construction of
// [construct.Catalogue]. It builds networks for some hundreds of small, awkward
// problems and checks all that a construction promises. [Cases] returns the
// networks, for tests of what comes after: certificates, files, runtimes.
package constructtest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Case is a network that a construction built for a problem of the suite.
type Case struct {
	Problem
	Net *network.Network
}

// Cases returns the networks that c builds for the problems it does not refuse.
func Cases(c *construct.Construction) []Case {
	var built []Case
	for _, p := range Problems() {
		if net, err := c.Construct(p.Problem); err == nil {
			built = append(built, Case{p, net})
		}
	}
	return built
}

// Run checks c on every problem, and then calls each hook for every network
// built: what the caller adds to the suite, such as that a runtime gives the
// same.
func Run(t *testing.T, c *construct.Construction, hooks ...func(t *testing.T, c Case)) {
	refused, problems := 0, Problems()
	for _, p := range problems {
		t.Run(p.Name, func(t *testing.T) {
			net, err := Check(c, p)
			if err != nil {
				t.Error(err)
			}
			if net == nil {
				refused++
				return
			}
			for _, hook := range hooks {
				hook(t, Case{p, net})
			}
		})
	}
	t.Logf("%s built %d of %d networks", c.Name, len(problems)-refused, len(problems))
	if refused == len(problems) {
		t.Errorf("%s refuses every problem", c.Name)
	}
}

// MayRefuse reports whether a construction may refuse a problem. In float64
// every problem not marked Hard must be served, except that
//
//   - affine is for Affine problems;
//   - patch is for classes that a base gets mostly right;
//   - cover and slab-classes are for classes;
//   - collapse is for classes that come off the rest one after the other: only a
//     single class is sure to;
//   - packed is for integer targets and classes, whose bits it packs;
//   - grid is for rows that form a Grid;
//   - delaunay is for Scattered points in two or three inputs.
func MayRefuse(name string, p Problem) bool {
	switch name {
	case "affine":
		return !p.Affine || p.Hard
	case "cover", "slab-classes":
		return p.Hard || !p.Set.IsClasses()
	case "collapse":
		return p.Hard || !p.Set.IsClasses() || !p.Affine
	case "packed":
		return p.Hard || !integers(p.Set)
	case "patch":
		return p.Hard || !p.Set.IsClasses() || !p.Affine && !p.Clustered
	case "grid":
		return p.Hard || !p.Grid
	case "delaunay":
		return p.Hard || !p.Scattered
	}
	return p.Hard
}

// Check builds one network and returns it, nil when the construction refuses,
// with all faults found, joined.
func Check(c *construct.Construction, p Problem) (*network.Network, error) {
	before := p.Set.Digest()
	size, planErr := c.Plan(p.Problem)
	net, err := c.Construct(p.Problem)
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if p.Set.Digest() != before {
		fault("the rows of the problem were changed")
	}
	for _, refusal := range []error{planErr, err} {
		if refusal != nil {
			faults = append(faults, checkRefusal(c.Name, refusal))
		}
	}
	if err != nil {
		if !MayRefuse(c.Name, p) {
			fault("must not be refused, but: %w", err)
		}
		if planErr == nil && !size.Estimated && size.Error <= allowed(p)/2 {
			fault("planned with an error of %.2g, but not built: %w", size.Error, err)
		}
		return nil, errors.Join(faults...)
	}
	if planErr != nil {
		fault("built, but the plan refuses: %w", planErr)
	} else {
		faults = append(faults, checkSize(size, net))
	}
	faults = append(faults, checkShape(p, net), checkRepeats(c, p, net))
	if len(faults) > 0 && errors.Join(faults...) != nil {
		return net, errors.Join(faults...)
	}
	return net, errors.Join(checkRows(p, net), checkOffTheRows(p, net), checkCertificate(p, net))
}

// checkRefusal wants a reason and an advice.
func checkRefusal(name string, err error) error {
	var unfit *construct.UnfitError
	switch {
	case !errors.As(err, &unfit):
		return fmt.Errorf("refused by a %T, not by an UnfitError: %w", err, err)
	case unfit.Reason == "" || unfit.Advice == "":
		return fmt.Errorf("refused without a reason or advice: %w", err)
	case unfit.Construction != name:
		return fmt.Errorf("the refusal of %s names %s", name, unfit.Construction)
	}
	return nil
}

func checkSize(size construct.Size, net *network.Network) error {
	if size.Estimated {
		return nil
	}
	if size.Units != net.Units() || size.Parameters != net.Parameters() || size.HiddenLayers != len(net.HiddenLayers()) {
		return fmt.Errorf("planned %d hidden layers, %d units, %d parameters; built %d, %d, %d",
			size.HiddenLayers, size.Units, size.Parameters, len(net.HiddenLayers()), net.Units(), net.Parameters())
	}
	return nil
}

func checkShape(p Problem, net *network.Network) error {
	if err := net.Validate(); err != nil {
		return err
	}
	if net.Precision != p.Precision || net.Inputs() != p.Set.D() || net.Outputs() != p.Set.P() {
		return fmt.Errorf("a %v network from %d inputs to %d outputs for a %v problem from %d to %d",
			net.Precision, net.Inputs(), net.Outputs(), p.Precision, p.Set.D(), p.Set.P())
	}
	return nil
}

func checkRepeats(c *construct.Construction, p Problem, net *network.Network) error {
	again, err := c.Construct(p.Problem)
	if err != nil {
		return fmt.Errorf("built once, refused the second time: %w", err)
	}
	if again.Digest() != net.Digest() {
		return errors.New("the same seed gave two different networks")
	}
	return nil
}

// checkRows evaluates the network on all rows in its own precision.
func checkRows(p Problem, net *network.Network) error {
	out := net.Eval(p.Set.X)
	ranges := p.Set.Range()
	for i := range p.Set.N() {
		got, want := out.RawRowView(i), p.Set.Y.RawRowView(i)
		for o, v := range got {
			if p.Set.IsClasses() {
				if own := p.Set.Class[i]; o != own && !(got[own] > v) {
					return fmt.Errorf("row %d of class %d is won by class %d: outputs %v", i, own, o, got)
				}
				continue
			}
			if miss := math.Abs(v-want[o]) / ranges[o]; !(miss <= allowed(p)) {
				return fmt.Errorf("row %d, output %d: got %v, want %v, off by %.2g of the range", i, o, v, want[o], miss)
			}
		}
	}
	return nil
}

func allowed(p Problem) float64 {
	switch {
	case p.Set.IsClasses():
		return 0.5
	case p.Tolerance > 0:
		return p.Tolerance
	}
	return construct.DefaultTolerance(p.Precision)
}

// checkOffTheRows wants numbers between and around the rows.
func checkOffTheRows(p Problem, net *network.Network) error {
	n, d := p.Set.X.Dims()
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			here, next := p.Set.X.At(i, j), p.Set.X.At((i+1)%n, j)
			x.Set(i, j, p.Precision.Round(here+1.5*(next-here)))
		}
	}
	for i, v := range net.Eval(x).RawMatrix().Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("output %d beside the rows is %v", i, v)
		}
	}
	return nil
}

func checkCertificate(p Problem, net *network.Network) error {
	cert, err := certify.Certify(net, p.Set, certify.Options{Tolerance: p.Tolerance})
	if err != nil {
		return err
	}
	if !cert.Holds {
		return fmt.Errorf("the certificate does not hold: %d of %d rows, error %.2g of %.2g, margin %.2g",
			cert.Hit, cert.Rows, cert.MaxError, cert.Tolerance, cert.MinMargin)
	}
	return nil
}

// integers reports whether all targets are whole numbers, as indicators of
// classes are.
func integers(set *dataset.Set) bool {
	for _, v := range set.Y.RawMatrix().Data {
		if v != math.Trunc(v) {
			return false
		}
	}
	return true
}
