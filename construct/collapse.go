package construct

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/lp"
	"hinge/network"
)

// collapse, C8: one class per layer becomes a point.
//
// Chen and Ewald (arXiv 2405.07098) train nothing: a layer is a truncation map
// that is the identity on a cone and takes another cone to its tip, so that a
// class that a hyperplane separates from the others is collapsed, and the rest is
// left alone. It is enough that the classes come off one after the other: class
// c_1 is separable from all others, c_2 from those but c_1, and so on
// ("sequentially linearly separable", Ewald, arXiv 2504.18710).
//
// Their map W^+ (s(Wx+b) - b) needs a narrow cone where margins are small, and its
// condition is multiplied from layer to layer. Here the truncation is done by a gate
// instead. Let r be a row of the last class, and let the layer before hold
//
//	u = s(x - r),  v = s(r - x),  a = s(G(x)),     G >= 2 on the class, < 0 on the rest.
//
// Then s(u - C a), s(v - C a), with C above every entry, are u and v bit for bit
// where the gate sleeps, and exactly 0 on the class: it has become the point r.
// The map is the identity on the rest in floating point too; no error
// grows with depth. Since r belongs to the last class, all later hyperplanes
// leave collapsed rows on the side of the rest; and 1 - s(1 - a), carried along,
// says which class a row was of, exactly 0 or 1.
//
//	layer l     u, v (2d units), e_1..e_{l-1} (carried), a_l
//	layer k     e_1..e_{k-1}
//	output      1 - e_l for the l-th class, 1/2 for the last
//
// Which class comes off first does not matter: what is separable from some rows is
// separable from fewer. So the search is greedy, and when no class that is left
// is separable from the others, there is no order at all.
//
// Worked case: classes a b c of rows 0, 1 and 2, 3 on a line: a comes off
// left of 1/2, b left of 3/2, c stays.
//
// Cost: the search is k(k+1)/2 questions of separability at most; k hidden
// layers, about 2 d k units.
func init() {
	register(&Construction{
		Name:   "collapse",
		Title:  "one class per layer collapses to a point, where classes come off the rest one after the other",
		Source: "Chen, Ewald, arXiv 2405.07098; Ewald, arXiv 2504.18710; the truncation by a gate",
		Plan:   planCollapse,
		Build:  buildCollapse,
	})
}

func collapseUnfit(reason string) error {
	return &UnfitError{Construction: "collapse", Reason: reason, Advice: "slab-classes, deep-blocks and tree need no such order"}
}

const (
	// gateAwake is the least value of a gate on its class, gateDoubt the most that
	// rounding may do to it.
	gateAwake = 2
	gateDoubt = 0.25
	// collapseRows is the number of rows that a plan looks at, and that a witness is
	// sought among: rows that are inseparable stay so when others join them.
	collapseRows = 2000
	// witnessPatience bounds the time spent on the proof that a class is inseparable.
	witnessPatience = time.Second
)

// A stage is the hyperplane that takes a class off the rest: w.(x - r) + b is at
// least gateAwake on the class and at most -gateAwake on the classes still there.
type stage struct {
	class int
	w     []float64 // d, numbers of the precision
	b     float64
}

func planCollapse(p *Problem) (Size, error) {
	part := *p
	if n := p.Set.N(); n > collapseRows {
		rows := make([]int, collapseRows)
		for i := range rows {
			rows[i] = i * n / collapseRows
		}
		part.Set = p.Set.Select(rows)
	}
	net, err := buildCollapse(&part)
	if err != nil {
		return Size{}, err
	}
	size := sizeOf(net, 0)
	size.Estimated, size.WinsOnly = true, true
	return size, nil
}

func buildCollapse(p *Problem) (*network.Network, error) {
	if !p.Set.IsClasses() {
		return nil, &UnfitError{Construction: "collapse", Reason: notForNumbers, Advice: "use deep-slab"}
	}
	scale, x := inputLayer(p)
	c := &collapser{p: p, x: x}
	if err := c.order(); err != nil {
		return nil, err
	}
	if len(c.stages) == 0 {
		y := slices.Repeat([]float64{-1}, p.Set.P())
		y[c.last] = 1
		return constantNetwork(p.Precision, p.Set.D(), y), nil
	}
	return c.network(scale), nil
}

// collapser finds the order in which the classes come off.
type collapser struct {
	p      *Problem
	x      *mat.Dense
	ref    []float64 // r: a row of the last class
	last   int       // the class that stays
	stages []stage
}

// order finds the stages, or says why there are none.
func (c *collapser) order() error {
	left := map[int]bool{}
	for _, own := range c.p.Set.Class {
		left[own] = true
	}
	var planes []*mat.Dense
	for len(left) > 1 {
		class, plane := c.next(left)
		if plane == nil {
			return c.stuck(left)
		}
		delete(left, class)
		c.stages = append(c.stages, stage{class: class})
		planes = append(planes, plane)
	}
	for own := range left {
		c.last = own
	}
	c.ref = c.x.RawRowView(slices.Index(c.p.Set.Class, c.last))
	for l := range c.stages {
		if err := c.fix(l, planes[l]); err != nil {
			return err
		}
	}
	return nil
}

// rowsOfClasses returns the rows of the classes left, in order, and the problem of
// telling one class (0 there) from the other ones.
func (c *collapser) rowsOfClasses(left map[int]bool, class int) (rows []int, r *classRows) {
	part := oneAgainstRest(c.p, class)
	for i, own := range c.p.Set.Class {
		if left[own] {
			rows = append(rows, i)
		}
	}
	return rows, newClassRows(part, c.x, rows)
}

// next returns a class that is separable from the others left, and the scores
// that show it; nil when none is found.
func (c *collapser) next(left map[int]bool) (int, *mat.Dense) {
	for class := range c.p.Set.P() {
		if !left[class] {
			continue
		}
		rows, r := c.rowsOfClasses(left, class)
		_, m := r.phi.Dims()
		w := r.separate(0, len(rows), mat.NewDense(2, m, nil))
		if w == nil {
			continue
		}
		w = r.scaledToMargin(w, 0, len(rows))
		plane := mat.NewDense(1, m, nil)
		for j := range m {
			plane.Set(0, j, w.At(0, j)-w.At(1, j))
			if j < m-1 {
				plane.Set(0, j, plane.At(0, j)/r.scale[j])
			}
		}
		return class, plane
	}
	return -1, nil
}

// fix rounds the hyperplane of stage l, in terms of x - r, and checks that it
// keeps the classes apart by more than all roundings on the way.
func (c *collapser) fix(l int, plane *mat.Dense) error {
	d := len(c.ref)
	s := &c.stages[l]
	s.w = make([]float64, d)
	for j := range s.w {
		s.w[j] = c.p.Precision.Round(gateAwake * plane.At(0, j))
	}
	t, first := dot(plane.RawRowView(0)[:d], c.ref)
	first *= 2 * gateAwake // layer 1 has its gate on x itself: w.x and w.r are terms of it
	if l > 0 {
		first = 0
	}
	s.b = c.p.Precision.Round(gateAwake * (plane.At(0, d) + t))
	relative := float64(2*l+4) * termError(c.p.Precision, 2*d+6)
	later := map[int]bool{c.last: true}
	for _, other := range c.stages[l:] {
		later[other.class] = true
	}
	for i, own := range c.p.Set.Class {
		if !later[own] {
			continue
		}
		value, size := s.at(c.x.RawRowView(i), c.ref)
		if own != s.class {
			value = -value
		}
		if !(value >= gateAwake/2) || !(relative*(size+first) <= gateDoubt) {
			return collapseUnfit(fmt.Sprintf("class %q is separable from the rest, but rounding in %v may put row %d on the wrong side",
				c.p.Set.Schema.Classes[s.class], c.p.Precision, c.p.Set.Rows[i]))
		}
	}
	return nil
}

// at returns the value of the hyperplane at x, and the magnitudes of its terms.
func (s *stage) at(x, ref []float64) (value, size float64) {
	value, size = s.b, math.Abs(s.b)
	for j, w := range s.w {
		term := float64(w * (x[j] - ref[j]))
		value += term
		size += math.Abs(term)
	}
	return value, size
}

// stuck says that no class left comes off the others, with a witness where one is
// found: rows of the class and of the others whose hulls share a point.
func (c *collapser) stuck(left map[int]bool) error {
	names := c.p.Set.Schema.Classes
	for class := range c.p.Set.P() {
		if !left[class] {
			continue
		}
		rows, _ := c.rowsOfClasses(left, class)
		if len(rows) > collapseRows {
			step := len(rows) / collapseRows
			for k := range collapseRows {
				rows[k] = rows[k*step]
			}
			rows = rows[:collapseRows]
		}
		in := make([]bool, len(rows))
		for k, i := range rows {
			in[k] = c.p.Set.Class[i] == class
		}
		points, err := lp.NewPoints(rowsOf(c.x, rows))
		if err != nil {
			break
		}
		result := points.Separate(context.Background(), in, lp.Options{Patience: witnessPatience, Gap: 1})
		if result.Verdict != lp.Inseparable {
			break
		}
		var own, other []int
		for _, k := range result.Common.Rows {
			if row := c.p.Set.Rows[rows[k]]; in[k] {
				own = append(own, row)
			} else {
				other = append(other, row)
			}
		}
		return collapseUnfit(fmt.Sprintf("none of the %d classes left is linearly separable from the others; class %q is not, because a mean of its rows %s is also one of the others' rows %s",
			len(left), names[class], someRows(own), someRows(other)))
	}
	return collapseUnfit(fmt.Sprintf("none of the %d classes left was found to be linearly separable from the others", len(left)))
}

// someRows lists up to five rows.
func someRows(rows []int) string {
	slices.Sort(rows)
	if len(rows) > 5 {
		return fmt.Sprintf("%v and %d more", rows[:5], len(rows)-5)
	}
	return fmt.Sprint(rows)
}
