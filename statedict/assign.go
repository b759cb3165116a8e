package statedict

import (
	"cmp"
	"fmt"
	"slices"

	"hinge/network"
)

// Which matrix is which layer?
//
// The text of layers gives every step its sizes, and perhaps its tensors' name.
// Unnamed steps take the parts that no step names, in one of these ways:
//
//  1. in the order of the file, where that is the order of the model's parts;
//  2. in the order of the names, numbers by value;
//  3. by shape, where each step has exactly one part that fits.
//
// The first way that fits is taken, but when 1 and 2 both fit and differ, nothing
// in the file decides between two different functions, and the question goes back
// to the user. That can happen only where several parts have one shape.

// search finds the parts of a chain.
type search struct {
	parts  []*part
	orders [][]*part
}

// assign returns the part of every step.
func (s *search) assign(c *chain) ([]*part, error) {
	fitting, err := s.fitting(c)
	if err != nil {
		return nil, err
	}
	if len(fitting) > 1 {
		return nil, s.ask("the file's order and the order of the names differ, and both fit")
	}
	return fitting[0], nil
}

// fitting returns the different choices of parts that the ways above leave: at
// least one, or an error.
func (s *search) fitting(c *chain) ([][]*part, error) {
	named, free, err := s.named(c)
	if err != nil {
		return nil, err
	}
	if unnamed := len(c.steps) - len(named); unnamed > 0 && unnamed != len(free) {
		return nil, &LayersError{c.text, fmt.Sprintf("it has %s, and the file %s: %s", counted(len(c.steps), "map", "maps"), counted(len(s.parts), "matrix", "matrices"), listed(texts(s.parts)))}
	}
	var fitting [][]*part
	var misfit error
	for _, order := range s.orders {
		var chosen []*part
		rest := slices.DeleteFunc(slices.Clone(order), func(p *part) bool { return !slices.Contains(free, p) })
		for i := range c.steps {
			p := named[i]
			if p == nil {
				p, rest = rest[0], rest[1:]
			}
			chosen = append(chosen, p)
		}
		if err := c.check(chosen); err != nil {
			misfit = cmp.Or(misfit, err)
		} else if len(fitting) == 0 || !slices.Equal(fitting[0], chosen) {
			fitting = append(fitting, chosen)
		}
	}
	if len(fitting) > 0 {
		return fitting, nil
	}
	if chosen := c.byShape(named, free); chosen != nil {
		return [][]*part{chosen}, nil
	}
	return nil, misfit
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// named returns the parts of the steps with a name, and the other parts.
func (s *search) named(c *chain) (named map[int]*part, free []*part, err error) {
	named = map[int]*part{}
	free = slices.Clone(s.parts)
	for i, step := range c.steps {
		if step.name == "" {
			continue
		}
		k := slices.IndexFunc(free, func(p *part) bool { return p.name == step.name })
		if k < 0 {
			return nil, nil, &LayersError{c.text, fmt.Sprintf("there is no matrix %s.weight, or it is named twice; the file holds %s", step.name, listed(texts(s.parts)))}
		}
		named[i] = free[k]
		free = slices.Delete(free, k, k+1)
	}
	return named, free, nil
}

// check says which step does not fit the part chosen for it.
func (c *chain) check(chosen []*part) error {
	in := c.inputs
	for i, s := range c.steps {
		p := chosen[i]
		if !p.fits(s.width, in, s.transposed) {
			reason := fmt.Sprintf("map %d has %d inputs and %d outputs, which %v is not", i+1, in, s.width, p)
			switch {
			case p.fits(s.width, in, !s.transposed) && s.transposed:
				reason += ": leave off the T"
			case p.fits(s.width, in, !s.transposed):
				reason += fmt.Sprintf(": it is stored the other way round, so write %dT", s.width)
			case p.bias != nil:
				reason += ", with a bias of " + shapeText(p.bias.Shape)
			}
			return &LayersError{c.text, reason}
		}
		in = s.width
	}
	return nil
}

// byShape returns the only part that fits each step, or nil.
func (c *chain) byShape(named map[int]*part, free []*part) []*part {
	var chosen []*part
	in := c.inputs
	for i, s := range c.steps {
		var found []*part
		for _, p := range free {
			if named[i] == nil && p.fits(s.width, in, s.transposed) {
				found = append(found, p)
			}
		}
		if p := named[i]; p != nil && p.fits(s.width, in, s.transposed) {
			found = []*part{p}
		}
		if len(found) != 1 || slices.Contains(chosen, found[0]) {
			return nil
		}
		chosen = append(chosen, found[0])
		in = s.width
	}
	return chosen
}

// ask returns the question, with an example that fits the file if there is one:
// in an order that the names give, either way round, or else in one that the
// sizes give.
func (s *search) ask(open string) error {
	e := &AskError{Open: open, Weights: texts(s.parts)}
	type reading struct {
		order  []*part
		turned bool
	}
	var readings []reading
	for _, order := range s.orders {
		readings = append(readings, reading{order, false}, reading{order, true})
	}
	readings = append(readings, reading{follow(s.parts, false), false}, reading{follow(s.parts, true), true})
	for _, r := range readings {
		c := link(r.order, r.turned)
		if c == nil {
			continue
		}
		// Named only where the sizes would not lead to these very parts.
		if got, err := s.fitting(c); err != nil || len(got) > 1 || !slices.Equal(got[0], r.order) {
			for i := range c.steps {
				c.steps[i].name = r.order[i].name
			}
		}
		e.Example = c.String()
		break
	}
	return e
}

func texts(parts []*part) []string {
	var v []string
	for _, p := range parts {
		v = append(v, p.String())
	}
	return v
}

// link returns the chain of the parts in this order, a ReLU between each two, or
// nil when they do not follow each other.
func link(order []*part, turned bool) *chain {
	if len(order) == 0 {
		return nil
	}
	_, in := order[0].dims(turned)
	c := &chain{inputs: in}
	for i, p := range order {
		out, _ := p.dims(turned)
		if !p.fits(out, in, turned) {
			return nil
		}
		s := step{width: out, transposed: turned}
		if i < len(order)-1 {
			s.act = network.ReLU
		}
		c.steps = append(c.steps, s)
		in = out
	}
	return c
}

// follow orders the parts by their sizes alone: each takes what the one before
// gives. It returns nil where that leaves a choice.
func follow(parts []*part, turned bool) []*part {
	var order []*part
	rest := slices.Clone(parts)
	takes := func(p *part, from []*part) bool { // does p take what one of them gives?
		_, in := p.dims(turned)
		return slices.ContainsFunc(from, func(q *part) bool { out, _ := q.dims(turned); return q != p && out == in })
	}
	for len(rest) > 0 {
		var next []*part
		for _, p := range rest {
			if len(order) == 0 && !takes(p, rest) || len(order) > 0 && takes(p, order[len(order)-1:]) {
				next = append(next, p)
			}
		}
		if len(next) != 1 {
			return nil
		}
		order = append(order, next[0])
		rest = slices.DeleteFunc(rest, func(p *part) bool { return p == next[0] })
	}
	return order
}
