package construct

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"hinge/internal/spell"
	"hinge/network"
)

// MetaConstruction is the key of [network.Network.Meta] that holds the name of
// the construction a network was built by.
const MetaConstruction = "hinge.construction"

// Auto is the name that stands for the choice of [Choose].
const Auto = "auto"

// An Entry is what the plan says of one construction for one problem.
type Entry struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Source string `json:"source"`
	// Fits says that the construction serves the problem and that its error is
	// allowed; otherwise Reason and Advice say what is in the way.
	Fits   bool   `json:"fits"`
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`

	HiddenLayers int  `json:"hidden_layers"`
	Units        int  `json:"units"`
	Parameters   int  `json:"parameters"`
	Estimated    bool `json:"estimated,omitempty"`
	// Error is the error to expect, as a fraction of the target's range (for
	// classes, of the distance between right and wrong); 0 is bit for bit.
	Error float64 `json:"error"`
	// WinsOnly says that only the largest output means something; see [Size].
	WinsOnly bool `json:"wins_only,omitempty"`

	Limit Limit   `json:"limit"`
	Ratio float64 `json:"ratio"` // to the limit; see [Ratio]

	// Outputs says what other numbers of outputs would cost on the same rows;
	// absent for classes and where counting cannot tell.
	Outputs *Outputs `json:"outputs,omitempty"`
	// Note is what else there is to know about the size.
	Note string `json:"note,omitempty"`
}

// Plan lists what every construction of the catalogue would make of the
// problem, in the order of the catalogue, without keeping any network.
func Plan(p *Problem) []Entry {
	q := planning(p)
	entries := make([]Entry, len(Catalogue))
	for i, c := range Catalogue {
		entries[i] = planned(c, q)
	}
	return entries
}

// planning returns the problem with its defaults, and with room for what
// constructions find out for each other.
func planning(p *Problem) *Problem {
	q := withDefaults(p)
	q.known = newFindings(q)
	return q
}

// planned asks one construction; the problem has its defaults filled in.
func planned(c *Construction, p *Problem) Entry {
	e := Entry{Name: c.Name, Title: c.Title, Source: c.Source}
	size, err := c.Plan(p)
	if err != nil {
		var unfit *UnfitError
		if e.Reason = err.Error(); errors.As(err, &unfit) {
			e.Reason, e.Advice = unfit.Reason, unfit.Advice
		}
		return e
	}
	e.HiddenLayers, e.Units, e.Parameters = size.HiddenLayers, size.Units, size.Parameters
	e.Estimated, e.Error, e.WinsOnly = size.Estimated, size.Error, size.WinsOnly
	e.Limit = LimitFor(p.Set, p.Precision, size.HiddenLayers)
	e.Ratio = Ratio(size, e.Limit)
	e.Outputs, e.Note = outputsOf(c.Name, p, size), size.Note
	err = refuseInaccurate(c.Name, p, size.Error)
	if e.Fits = err == nil; !e.Fits {
		var unfit *UnfitError
		errors.As(err, &unfit)
		e.Reason, e.Advice = unfit.Reason, unfit.Advice
	}
	return e
}

// Ratio returns how many times the limit a size is: in units where the limit
// speaks of units, else in parameters. A limit of 0 counts as 1.
func Ratio(s Size, l Limit) float64 {
	if l.Units > 0 {
		return float64(s.Units) / float64(l.Units)
	}
	return float64(s.Parameters) / float64(max(1, l.Parameters))
}

// Build builds the network that [Choose] chooses for the problem.
func Build(p *Problem) (*network.Network, error) {
	return BuildNamed(p, Auto)
}

// BuildNamed builds the network of the named construction; "" and "auto" mean
// the choice of [Choose]. It returns a [*NameError] for an unknown name and an
// [*UnfitError] when the construction cannot serve the problem. The network's
// weights are numbers of its precision, and its Meta names the construction.
func BuildNamed(p *Problem, name string) (*network.Network, error) {
	q := withDefaults(p)
	var c *Construction
	var err error
	if name == "" || name == Auto {
		c, err = Choose(q)
	} else {
		c, err = Lookup(name)
	}
	if err != nil {
		return nil, err
	}
	return c.Construct(q)
}

// Construct is [BuildNamed] for one construction, in the catalogue or not.
func (c *Construction) Construct(problem *Problem) (*network.Network, error) {
	p := withDefaults(problem)
	net, err := c.Build(p)
	if err != nil {
		return nil, err
	}
	net.Precision = p.Precision
	net.Round()
	if err := net.Validate(); err != nil {
		return nil, &UnfitError{
			Construction: c.Name,
			Reason:       fmt.Sprintf("the numbers of this problem leave the range of %v: %v", p.Precision, err),
			Advice:       "bring inputs and targets nearer to 1" + orFloat64(p),
		}
	}
	if net.Meta == nil {
		net.Meta = map[string]string{}
	}
	net.Meta[MetaConstruction] = c.Name
	return net, nil
}

// withDefaults returns the problem with tolerance and goal filled in.
func withDefaults(p *Problem) *Problem {
	q := *p
	if q.Tolerance == 0 {
		q.Tolerance = DefaultTolerance(q.Precision)
	}
	q.Goal = cmp.Or(q.Goal, Fit)
	return &q
}

// A NameError is a name that no construction has.
type NameError struct {
	Name    string
	Nearest string // the name that was probably meant, or ""
}

func (e *NameError) Error() string {
	s := fmt.Sprintf("no construction is called %q", e.Name)
	if e.Nearest != "" {
		return s + fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return s + "; there are " + strings.Join(Names(), ", ")
}

// Names returns the names of the catalogue, in order.
func Names() []string {
	names := make([]string, len(Catalogue))
	for i, c := range Catalogue {
		names[i] = c.Name
	}
	return names
}

// Lookup returns the construction of that name, or a [*NameError].
func Lookup(name string) (*Construction, error) {
	for _, c := range Catalogue {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, &NameError{Name: name, Nearest: spell.Nearest(name, append(Names(), Auto))}
}

// ParseGoal returns the goal of that name; "" is Fit.
func ParseGoal(name string) (Goal, error) {
	goals := []Goal{Fit, SizeGoal, Speed, Generalize, Bits}
	names := make([]string, len(goals))
	for i, g := range goals {
		if names[i] = string(g); name == names[i] {
			return g, nil
		}
	}
	if name == "" {
		return Fit, nil
	}
	hint := "use " + strings.Join(names, ", ")
	if near := spell.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return "", fmt.Errorf("unknown goal %q; %s", name, hint)
}

// preferences is what Choose tries for a goal, the best first. A name marked
// by a leading + is compared by size with the others marked so, and the
// smallest is taken; of names marked by a leading ? the one that answers best on
// rows held out (see [ChooseMeasured]), once those before them do not fit; the rest
// are taken in order. packed and narrow do not compete for speed: they store few
// numbers, in a hundred layers and more, each of which takes a call.
var preferences = map[Goal]struct{ regression, classes []string }{
	Fit: {
		regression: []string{"affine", "deep-slab", "needles", "identity", "slab", "sorted", "features"},
		classes:    []string{"affine", "patch", "slab-classes", "tree", "identity", "deep-slab", "sorted", "slab", "features"},
	},
	SizeGoal: {
		regression: []string{"affine", "+sparsest", "+slab", "+deep-slab", "+zigzag", "+packed", "+narrow", "+sorted", "+features", "identity", "needles"},
		classes:    []string{"affine", "+patch", "+tree", "+cover", "+slab-classes", "+deep-blocks", "+sparsest", "+slab", "+zigzag", "+packed", "+narrow", "+collapse", "sorted", "identity", "deep-slab", "features"},
	},
	Speed: {
		regression: []string{"affine", "+sparsest", "+sorted", "+slab", "+deep-slab", "+zigzag", "+identity", "features", "needles"},
		classes:    []string{"affine", "+sparsest", "+patch", "+tree", "+slab-classes", "+deep-blocks", "+sorted", "+slab", "+deep-slab", "+zigzag", "+identity", "features"},
	},
	Generalize: {
		regression: []string{"affine", "?needles", "?sorted", "?delaunay", "deep-slab", "features", "slab", "identity", "sorted"},
		classes:    []string{"?patch", "?features", "?cover", "?slab-classes", "?deep-blocks", "?tree", "affine", "identity", "deep-slab", "sorted"},
	},
	Bits: {
		regression: []string{"identity", "packed", "tree"},
		classes:    []string{"identity", "tree"},
	},
}

// Choose returns the construction that serves the problem's goal best:
//
//	fit         no hidden unit if the targets are affine; else the most accurate: deep-slab, for classes patch or identity
//	size        the fewest hidden units whose error is allowed
//	speed       the fewest stored numbers, each of which is one operation per row
//	generalize  affine if the targets are; else what answers rows held out best: a smooth base that is exact at the rows (needles), with up to three inputs a piecewise linear function; for classes every exact classifier
//	bits        identity; packed or tree where rows are too close for it
//
// Where that one does not fit, the next in line is asked. When none fits, the
// error is an [*UnfitError] that gives the reason of each.
func Choose(p *Problem) (*Construction, error) {
	c, _, err := ChooseMeasured(p)
	return c, err
}

// ChooseMeasured is [Choose], and tells what was measured for it: for goal
// generalize, how each candidate, built on a part of the rows, answers rows held out
// (see [Trial]). Nil where nothing was measured.
func ChooseMeasured(p *Problem) (*Construction, []Trial, error) {
	q := planning(p)
	return choose(q, func(c *Construction) Entry { return planned(c, q) })
}

// ChooseFrom is [Choose] for a problem that [Plan] has planned already; it asks
// no construction again.
func ChooseFrom(p *Problem, plan []Entry) (*Construction, error) {
	q := planning(p)
	c, _, err := choose(q, func(c *Construction) Entry {
		if i := slices.IndexFunc(plan, func(e Entry) bool { return e.Name == c.Name }); i >= 0 {
			return plan[i]
		}
		return planned(c, q)
	})
	return c, err
}

// choose is [Choose] with the problem's defaults filled in and ask in place of
// planned.
func choose(q *Problem, ask func(c *Construction) Entry) (*Construction, []Trial, error) {
	prefer, known := preferences[q.Goal]
	if !known {
		_, err := ParseGoal(string(q.Goal))
		return nil, nil, err
	}
	names := prefer.regression
	if q.Set.IsClasses() {
		names = prefer.classes
	}
	lead := max(0, slices.IndexFunc(names, func(name string) bool { return name[0] == '?' }))
	best, refusals := firstOf(names[:lead], q, ask)
	var trials []Trial
	if best == nil {
		var more []string
		names, trials = measured(names[lead:], q)
		best, more = firstOf(names, q, ask)
		refusals = append(refusals, more...)
	}
	if best == nil {
		return nil, trials, &UnfitError{
			Construction: Auto,
			Reason:       fmt.Sprintf("no construction serves %q here:\n  %s", q.Goal, strings.Join(refusals, "\n  ")),
			Advice:       "a larger tolerance, float64 or another goal may",
		}
	}
	return best, trials, nil
}

// Following returns the names of the entries that fit, in the order in which the
// problem's goal prefers them; what it compares by size stands by size. Names
// that the goal does not list, memories that say nothing off the rows among
// them, are left out. Nothing is asked again, and nothing is measured.
func Following(p *Problem, plan []Entry) []string {
	q := planning(p)
	prefer := preferences[q.Goal]
	names := prefer.regression
	if q.Set.IsClasses() {
		names = prefer.classes
	}
	var order []Entry
	from := 0 // where the run of compared entries began
	for _, marked := range names {
		name, compared := strings.CutPrefix(marked, "+")
		if !compared {
			from = len(order)
		}
		i := slices.IndexFunc(plan, func(e Entry) bool { return e.Name == strings.TrimPrefix(name, "?") })
		if i < 0 || !plan[i].Fits {
			continue
		}
		at := len(order)
		for compared && at > from && order[at-1].size(q) > plan[i].size(q) {
			at--
		}
		order = slices.Insert(order, at, plan[i])
		if !compared {
			from = len(order)
		}
	}
	fit := make([]string, len(order))
	for i, e := range order {
		fit[i] = e.Name
	}
	return fit
}

// size returns what the goal compares entries by.
func (e *Entry) size(p *Problem) int {
	if p.Goal == Speed {
		return e.Parameters
	}
	return e.Units
}

// firstOf returns the first of the names that fits, or the smallest where names
// are compared; nil and the reasons of all when none fits.
func firstOf(names []string, p *Problem, ask func(c *Construction) Entry) (best *Construction, refusals []string) {
	least := math.MaxInt
	for _, marked := range names {
		name, compared := strings.CutPrefix(marked, "+")
		if best != nil && !compared {
			break
		}
		c, err := Lookup(name)
		if err != nil {
			continue // not in this catalogue
		}
		e := ask(c)
		size := e.size(p)
		switch {
		case !e.Fits:
			refusals = append(refusals, name+": "+e.Reason)
		case p.Goal == Bits && (e.Error != 0 || e.WinsOnly):
			refusals = append(refusals, name+": its outputs are not the stored values bit for bit")
		case !compared:
			return c, nil
		case size < least:
			best, least = c, size
		}
	}
	return best, refusals
}
