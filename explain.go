package hinge

import (
	"fmt"
	"math"
	"strconv"

	"hinge/certify"
	"hinge/construct"
	"hinge/network"
	"hinge/report"
)

// goalWords say what the automatic choice looked for.
var goalWords = map[construct.Goal]string{
	construct.Fit:        "for the best fit: the most accurate construction that serves these rows",
	construct.SizeGoal:   "for size: the fewest hidden units whose error is allowed",
	construct.Speed:      "for speed: the fewest stored numbers, each one operation per row",
	construct.Generalize: "to generalize: smooth off the data, corrected on it",
	construct.Bits:       "for bits: every stored value comes back bit for bit",
}

// why says how the construction came to be chosen; instead tells what was tried
// first, if anything.
func (o *Options) why(p *construct.Problem, instead string) string {
	if !o.auto() {
		return "asked for by name"
	}
	text := "chosen " + goalWords[p.Goal]
	if instead != "" {
		text += "; " + instead
	}
	return text
}

// whyNot says why a construction that was tried first was given up.
func whyNot(name string, r *Result, err error) string {
	if err != nil {
		return fmt.Sprintf("%s was tried first: %v", name, err)
	}
	return fmt.Sprintf("%s was tried first, but only %d of %d rows could be proved", name, r.Certificate.Hit, r.Certificate.Rows)
}

// advice lists what would hold where r does not: a tolerance (proved), the other
// precision and other constructions (expected).
func advice(p *construct.Problem, plan []construct.Entry, r *Result) []string {
	var list []string
	c := r.Certificate
	if t := roundUp(c.MaxError); !p.Set.IsClasses() && t < 1 {
		list = append(list, fmt.Sprintf("--tolerance %s: the proof reaches that with this very network", strconv.FormatFloat(t, 'g', -1, 64)))
	}
	name := r.Report.Construction
	if p.Precision == network.Float32 {
		q := *p
		q.Precision = network.Float64
		if c, err := construct.Lookup(name); err == nil && p.Tolerance == construct.DefaultTolerance(p.Precision) {
			if size, err := c.Plan(&q); err == nil && size.Error <= p.Tolerance {
				list = append(list, fmt.Sprintf("--precision float64: %s is expected to reach %.1g there", name, size.Error))
			}
		}
	}
	for _, e := range plan {
		if e.Fits && e.Name != name {
			list = append(list, fmt.Sprintf("--construction %s: expected to reach %.1g with %d units", e.Name, e.Error, e.Units))
		}
	}
	if list == nil {
		list = append(list, "nothing in the catalogue is expected to: plan lists the reasons")
	}
	return list
}

// roundUp returns x rounded up to two significant digits.
func roundUp(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return x
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	up, err := strconv.ParseFloat(strconv.FormatFloat(math.Ceil(x/unit)*unit, 'g', 2, 64), 64)
	if err != nil || up < x {
		return math.Nextafter(math.Ceil(x/unit)*unit, math.Inf(1))
	}
	return up
}

// newReport gathers the figures of a build.
func newReport(p *construct.Problem, name string, opts Options, net *network.Network, cert *certify.Certificate) *report.Build {
	hidden := len(net.HiddenLayers())
	size := construct.Size{HiddenLayers: hidden, Units: net.Units(), Parameters: net.Parameters()}
	limit := construct.LimitFor(p.Set, p.Precision, hidden)
	b := &report.Build{
		Data: report.NewData(p.Set), Construction: name, Goal: string(p.Goal),
		HiddenLayers: hidden, Units: size.Units, Parameters: size.Parameters,
		Limit: limit, Ratio: construct.Ratio(size, limit),
		Precision: p.Precision.String(), Tolerance: p.Tolerance, Dense: opts.Dense,
		Certificate: cert, Advice: []string{}, Seed: p.Seed, Network: cert.Network,
	}
	if c, err := construct.Lookup(name); err == nil {
		b.Title = c.Title
	}
	return b
}
