package report

import (
	"fmt"
	"math"
	"strconv"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// goalWords say what the automatic choice looked for.
var goalWords = map[construct.Goal]string{
	construct.Fit:        "for the best fit: the most accurate construction that serves these rows",
	construct.SizeGoal:   "for size: the fewest hidden units whose error is allowed",
	construct.Speed:      "for speed: the fewest stored numbers, each one operation per row",
	construct.Generalize: "to generalize: exact on the data, and the best answers expected off it",
	construct.Bits:       "for bits: every stored value comes back bit for bit",
}

// Why says how a construction came to be chosen by the automatic choice for a
// goal; instead tells what was tried first, if anything.
func Why(goal construct.Goal, instead string) string {
	text := "chosen " + goalWords[goal]
	if instead != "" {
		text += "; " + instead
	}
	return text
}

// ByName is the reason of a choice that was the user's.
const ByName = "asked for by name"

// WhyNot says why a construction that was tried first was given up: err, or a
// certificate that does not hold.
func WhyNot(name string, c *certify.Certificate, err error) string {
	if err != nil {
		return fmt.Sprintf("%s was tried first: %v", name, err)
	}
	return fmt.Sprintf("%s was tried first, but only %s of %s could be proved", name, count(c.Hit), several(c.Rows, "row", "rows"))
}

// Advice lists what would hold where the certificate of the named construction
// does not: a tolerance (proved), the other precision and other constructions
// (expected).
func Advice(p *construct.Problem, plan []construct.Entry, name string, c *certify.Certificate) []string {
	var list []string
	if t := roundUp(c.MaxError); !p.Set.IsClasses() && t < 1 {
		list = append(list, fmt.Sprintf("--tolerance %s: the proof reaches that with this very network", exact(t)))
	}
	if p.Precision == network.Float32 {
		list = append(list, inFloat64(p, name)...)
	}
	for _, e := range plan {
		if e.Fits && e.Name != name {
			list = append(list, fmt.Sprintf("--construction %s: expected to reach %s with %s", e.Name, number(e.Error), several(e.Units, "unit", "units")))
		}
	}
	if list == nil {
		list = append(list, "nothing in the catalogue is expected to: hinge plan lists the reasons")
	}
	return list
}

// inFloat64 says whether the construction is expected to hold in float64.
func inFloat64(p *construct.Problem, name string) []string {
	c, err := construct.Lookup(name)
	if err != nil {
		return nil
	}
	q := *p
	q.Precision = network.Float64
	size, err := c.Plan(&q)
	if err != nil || size.Error > p.Tolerance {
		return nil
	}
	return []string{fmt.Sprintf("--precision float64: %s is expected to reach %s there", name, number(size.Error))}
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

// NewBuild gathers the figures of a network built for p by the named
// construction.
func NewBuild(p *construct.Problem, name string, net *network.Network, cert *certify.Certificate) *Build {
	hidden := len(net.HiddenLayers())
	size := construct.Size{HiddenLayers: hidden, Units: net.Units(), Parameters: net.Parameters()}
	limit := construct.LimitFor(p.Set, p.Precision, hidden)
	b := &Build{
		Data: NewData(p.Set), Construction: name, Goal: string(p.Goal),
		HiddenLayers: hidden, Units: size.Units, Parameters: size.Parameters,
		Limit: limit, Ratio: construct.Ratio(size, limit),
		Precision: p.Precision.String(), Tolerance: p.Tolerance,
		Certificate: cert, Advice: []string{}, Seed: p.Seed, Network: cert.Network,
	}
	if c, err := construct.Lookup(name); err == nil {
		b.Title = c.Title
	}
	return b
}

// DescribePhi reads the matrix of the last hidden layer, as far as that takes
// seconds. Without hidden units Phi has no column.
func DescribePhi(net *network.Network, set *dataset.Set) (*phi.Facts, error) {
	layer := net.LastHidden()
	if layer < 0 {
		none := 0
		return &phi.Facts{Layer: layer, Rows: set.N(), Kind: phi.Zero, Rank: &none}, nil
	}
	return phi.Describe(net, set, layer, phi.Options{Quick: true})
}
