package construct

import (
	"fmt"
	"slices"
)

// Many outputs. Hidden layers whose matrix has rank n are universal: any further
// target is one more right-hand side and no further hidden unit. Hidden layers
// made for their targets are fewer units, and pay for every output. So for each
// data set there is a number of outputs from which the universal ones are smaller,
// and it is found by counting.

// Outputs says how the hidden units of a construction depend on the number p of
// outputs, on the same rows. Of a planned size it is an estimate where that is one.
type Outputs struct {
	// Shared says that further outputs cost no hidden unit.
	Shared bool `json:"shared"`
	// PerOutput is how many hidden units the next output costs.
	PerOutput int       `json:"per_output"`
	At        []UnitsAt `json:"at"`
	units     func(p int) int
}

// UnitsAt is a number of hidden units for a number of outputs.
type UnitsAt struct {
	Outputs int `json:"outputs"`
	Units   int `json:"units"`
}

// outputCounts are the numbers of outputs that plans list.
var outputCounts = []int{1, 3, 10, 50}

// outputsOf returns how the units of a construction of the given size depend on
// the number of outputs; nil for classes, whose number is no choice, and where
// the targets decide and not their number.
func outputsOf(name string, p *Problem, size Size) *Outputs {
	if p.Set.IsClasses() || size.Units == 0 {
		return nil
	}
	units := unitsByOutputs(name, p, size)
	if units == nil {
		return nil
	}
	have := p.Set.P()
	o := &Outputs{units: units, PerOutput: units(have+1) - units(have)}
	o.Shared = o.PerOutput == 0
	counts := append(slices.Clone(outputCounts), have)
	slices.Sort(counts)
	for _, c := range slices.Compact(counts) {
		o.At = append(o.At, UnitsAt{c, units(c)})
	}
	return o
}

// unitsByOutputs returns the hidden units as a function of the number of outputs.
func unitsByOutputs(name string, p *Problem, size Size) func(int) int {
	n, d, have := p.Set.N(), p.Set.D(), p.Set.P()
	switch name {
	case "sorted", "features", "identity", "sphere", "deep-diagonal", "grid":
		return func(int) int { return size.Units }
	case "sparsest": // bends at fewer points for one output only; see sparsest.go
		return func(q int) int {
			if q <= have {
				return size.Units
			}
			return max(size.Units, n-1)
		}
	case "slab": // (p+1)(K-1) + p
		cuts := float64(size.Units-have) / float64(have+1)
		return func(q int) int { return int(cuts*float64(q+1)+0.5) + q }
	case "deep-slab": // width + 2K + K p
		width := passOnWidth(d, have, size)
		k := float64(size.Units-width) / float64(2+have)
		return func(q int) int { return width + int(k*float64(2+q)+0.5) }
	case "zigzag":
		return func(q int) int {
			if q == have {
				return size.Units
			}
			groups, points := zigzagShape(n, q)
			return 2*(groups-1) + 1 + q*points
		}
	case "narrow": // 2R - 2 + p
		runs := (size.Units + 2 + 2*have) / (2 + have)
		return func(q int) int { return 2*runs - 2 + q*(runs-2) }
	}
	return nil
}

// passOnWidth returns how many units of deep-slab pass the inputs on: d or 2d,
// whichever explains its parameters better.
func passOnWidth(d, p int, size Size) int {
	miss := func(width int) int {
		k := (size.Units - width) / (2 + p)
		params := 3*d + 2*width + 4*k + k*p*(width+4) + p
		return max(params-size.Parameters, size.Parameters-params)
	}
	if miss(2*d) < miss(d) {
		return 2 * d
	}
	return d
}

// A Crossover says which construction has the fewest hidden units for From to To
// outputs; To is 0 for the last, which holds for any number.
type Crossover struct {
	Name  string `json:"name"`
	From  int    `json:"from"`
	To    int    `json:"to,omitempty"`
	Units int    `json:"units"` // at From
	// Shared says that the units stay the same from From to To.
	Shared bool `json:"shared"`
}

func (c Crossover) String() string {
	outputs := fmt.Sprintf("%d to %d outputs", c.From, c.To)
	switch {
	case c.To == 0:
		outputs = fmt.Sprintf("from %d outputs on", c.From)
	case c.To == c.From:
		outputs = fmt.Sprintf("%d outputs", c.From)
		if c.From == 1 {
			outputs = "1 output"
		}
	}
	how := fmt.Sprintf("%d units at %d", c.Units, c.From)
	if c.Shared {
		how = fmt.Sprintf("%d units, shared by all", c.Units)
	}
	return fmt.Sprintf("%s: %s (%s)", outputs, c.Name, how)
}

// maxOutputs is how far crossovers are looked for.
const maxOutputs = 1000

// Crossovers returns, by ascending number of outputs, which of the entries that
// fit has the fewest hidden units: the plan of any number of outputs on the same
// rows. Entries whose units the number of outputs does not tell are left out; of
// equals the first is named.
func Crossovers(entries []Entry) []Crossover {
	var list []Crossover
	for q := 1; q <= maxOutputs; q++ {
		var best *Entry
		least := 0
		for i := range entries {
			e := &entries[i]
			if !e.Fits || e.Outputs == nil {
				continue
			}
			if u := e.Outputs.units(q); best == nil || u < least {
				best, least = e, u
			}
		}
		if best == nil {
			return nil
		}
		if k := len(list) - 1; k >= 0 && list[k].Name == best.Name {
			list[k].To, list[k].Shared = q, list[k].Shared && least == list[k].Units
			continue
		}
		list = append(list, Crossover{Name: best.Name, From: q, To: q, Units: least, Shared: best.Outputs.Shared})
	}
	list[len(list)-1].To = 0
	return list
}
