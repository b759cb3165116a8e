package constructtest_test

import (
	"strings"
	"testing"

	"hinge/construct"
	"hinge/constructtest"
	"hinge/network"
)

// problem returns a regression problem in float64 that no construction but
// affine and patch may refuse.
func problem(t *testing.T) constructtest.Problem {
	t.Helper()
	for _, p := range constructtest.Problems() {
		if !p.Set.IsClasses() && !p.Hard && !p.Affine && p.Set.N() > 10 {
			return p
		}
	}
	t.Fatal("no such problem")
	return constructtest.Problem{}
}

// sound is the construction that the faults are made from.
func sound(t *testing.T) construct.Construction {
	t.Helper()
	c, err := construct.Lookup("sorted")
	if err != nil {
		t.Fatal(err)
	}
	return *c
}

// The suite must notice each promise that a construction breaks.
func TestCheckNoticesFaults(t *testing.T) {
	calls := 0
	faults := map[string]struct {
		spoil func(c *construct.Construction, p *construct.Problem) (*network.Network, error)
		want  string
	}{
		"a weight off by a little": {func(c *construct.Construction, p *construct.Problem) (*network.Network, error) {
			net, err := c.Build(p)
			net.Layers[2].Bias[0] += 1e-4
			return net, err
		}, "off by"},
		"rows changed": {func(c *construct.Construction, p *construct.Problem) (*network.Network, error) {
			p.Set.X.Set(0, 0, p.Set.X.At(0, 0)+1e-9)
			return c.Build(p)
		}, "were changed"},
		"another network each time": {func(c *construct.Construction, p *construct.Problem) (*network.Network, error) {
			net, err := c.Build(p)
			calls++
			net.Layers[2].Bias[0] += float64(calls) * 1e-15
			return net, err
		}, "two different networks"},
		"one unit more than planned": {func(c *construct.Construction, p *construct.Problem) (*network.Network, error) {
			net, err := c.Build(p)
			hidden := net.Layers[1].Map.(*network.Projected)
			hidden.Pick, hidden.Scale = append(hidden.Pick, 0), append(hidden.Scale, 0)
			net.Layers[1].Bias = append(net.Layers[1].Bias, 0)
			out := net.Layers[2].Map.(*network.Dense)
			wide := network.NewDense(out.Out, out.In+1, make([]float64, out.Out*(out.In+1)))
			for i := range out.Out {
				copy(wide.Row(i), out.Row(i))
			}
			net.Layers[2].Map = wide
			return net, err
		}, "planned"},
		"refusal without advice": {func(*construct.Construction, *construct.Problem) (*network.Network, error) {
			return nil, &construct.UnfitError{Construction: "sorted", Reason: "no"}
		}, "without a reason or advice"},
		"refusal of what must be served": {func(*construct.Construction, *construct.Problem) (*network.Network, error) {
			return nil, &construct.UnfitError{Construction: "sorted", Reason: "no", Advice: "none"}
		}, "must not be refused"},
	}
	for name, fault := range faults {
		good := sound(t)
		bad := good
		bad.Build = func(p *construct.Problem) (*network.Network, error) { return fault.spoil(&good, p) }
		_, err := constructtest.Check(&bad, problem(t))
		if err == nil || !strings.Contains(err.Error(), fault.want) {
			t.Errorf("%s: got %v, want %q", name, err, fault.want)
		}
	}
	good := sound(t)
	if net, err := constructtest.Check(&good, problem(t)); net == nil || err != nil {
		t.Errorf("a sound construction: %v", err)
	}
}

// Cases returns the networks that are built, each with its problem.
func TestCases(t *testing.T) {
	c := sound(t)
	c.Plan = func(*construct.Problem) (construct.Size, error) {
		return construct.Size{Estimated: true}, nil // so that refusing is no fault
	}
	c.Build = func(p *construct.Problem) (*network.Network, error) {
		if p.Set.N() > 1 || p.Precision == network.Float32 {
			return nil, &construct.UnfitError{Construction: "affine", Reason: "this is a test", Advice: "none"}
		}
		good := sound(t)
		return good.Build(p)
	}
	c.Name = "affine"
	cases := constructtest.Cases(&c)
	if len(cases) == 0 {
		t.Fatal("no case")
	}
	for _, built := range cases {
		if built.Net.Inputs() != built.Set.D() || built.Set.N() != 1 {
			t.Errorf("%s: network and problem do not belong together", built.Name)
		}
	}
}

// The suite is the same every time, and has what its text promises.
func TestProblems(t *testing.T) {
	first, second := constructtest.Problems(), constructtest.Problems()
	if len(first) != len(second) {
		t.Fatalf("%d and then %d problems", len(first), len(second))
	}
	names, classes := map[string]bool{}, map[int]bool{}
	merged, clustered := 0, 0
	for i, p := range first {
		if p.Set.Digest() != second[i].Set.Digest() {
			t.Errorf("%s differs from one call to the next", p.Name)
		}
		if names[p.Name] {
			t.Errorf("two problems are called %s", p.Name)
		}
		names[p.Name] = true
		merged += len(p.Set.Merged)
		if p.Set.IsClasses() {
			classes[p.Set.P()] = true
		}
		if p.Clustered {
			clustered++
		}
	}
	if merged == 0 || clustered == 0 || !classes[1] || !classes[2] || !classes[3] {
		t.Errorf("merged rows: %d, clustered: %d, numbers of classes: %v", merged, clustered, classes)
	}
}
