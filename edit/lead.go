package edit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/certify"
	"hinge/internal/blas"
	"hinge/internal/fixed"
	"hinge/network"
)

// The least change of the output layer under which every row has its class by a
// lead.
//
// The rows enter the layer as h~ = (h, 1). Wanted is the D (p x (d+1)) that moves
// the outputs of all n rows least, sum_i |D h~_i|^2, under
//
//	(D_c - D_j) . h~_i  >=  t_i - (f_ic - f_ij)      for every row i, its class c and every j,
//
// t_i being the lead that row i shall have: the margin for rows to fix, for rows to
// keep a part of it, or what they have if that is less. With the Cholesky factor
// of the mean of h~ h~' = L L', the change is D = E L^-1 for the E of least length that
// does it for the rows L^-1 h~, which have no direction in common: what is right
// for the rows to fix hardly moves the others, and the search is short. The dual has one variable
// l >= 0 per inequality, and E is the sum of l (e_c - e_j) h~_i'. Hildreth's method
// (1957) sets one l after the other to what makes its inequality tight, which is
// twice a product with h~_i; it converges to the least D when there is one. Of the
// n (p-1) inequalities only those are taken up that some D on the way violates, few
// of 60,000 rows: cutting planes.
//
// Two rows that are equal in h and want different classes rule D out; that is
// looked for first. Otherwise there may be no D all the same, the dual then grows
// without bound, and the search ends when its work is spent.
type leader struct {
	h      *mat.Dense           // n x (d+1), the rows L^-1 h~
	l      blas.Matrix[float64] // lower triangular
	class  []int
	f      *mat.Dense // n x p: the outputs as they are
	lead   []float64  // n: t_i
	slack  []float64  // n: how much of it may be missing at the end
	square []float64  // n: |h~_i|^2
	d      *mat.Dense // p x (d+1): E
	cuts   []cut
	have   map[[2]int]bool
	work   float64
}

// A cut is an inequality that was taken up.
type cut struct {
	row, other int
	dual       float64
}

const (
	// leadWork is how many products the search may cost: a second or two.
	leadWork = 1.5e9
	// leadReached and keptReached are the parts of its lead that a row to fix and
	// a row to keep must have at the end.
	leadReached = 0.8
	keptReached = 0.4
	// leadPasses is how often at most the cuts are gone through between two looks
	// at all rows, and leadCuts how many are taken up at one look.
	leadPasses = 60
	leadCuts   = 3000
	// keptShare is the lead left to a row to keep, as a part of the margin of rows
	// to fix; what rounding may cost comes on top, times roundingRoom.
	keptShare    = 0.1
	roundingRoom = 4
)

// lead returns the network with the last layer changed so.
func (r *repair) lead(last int) (*network.Network, error) {
	if r.net.Layers[last].Act != network.Identity {
		return nil, errNotAffine
	}
	l, err := r.newLeader(last)
	if err != nil {
		return nil, err
	}
	if err := l.search(); err != nil {
		return nil, err
	}
	was, err := asDense(r.net.Layers[last].Map)
	if err != nil {
		return nil, err
	}
	net := *r.net
	net.Layers = slices.Clone(r.net.Layers)
	w, bias := network.NewDense(was.Out, was.In, slices.Clone(was.W)), make([]float64, was.Out)
	copy(bias, net.Layers[last].Bias)
	d := l.change()
	for o := range was.Out {
		fixed.Axpy(w.Row(o), 1, d.RawRowView(o)[:was.In])
		bias[o] += d.At(o, was.In)
	}
	net.Layers[last].Map, net.Layers[last].Bias = w, bias
	net.Round()
	return &net, nil
}

// newLeader sets up the inequalities.
func (r *repair) newLeader(last int) (*leader, error) {
	wide := *r.net
	wide.Precision = network.Float64
	h := r.x
	if last > 0 {
		h = wide.Activations(r.x, last-1)
	}
	all := make([]int, r.rows())
	l := &leader{class: make([]int, len(all)), lead: make([]float64, len(all)), slack: make([]float64, len(all)), square: make([]float64, len(all)), have: map[[2]int]bool{}}
	for i := range all {
		all[i], l.class[i] = i, r.decision(i)
	}
	if err := r.tellApart(h, l.class); err != nil {
		return nil, err
	}
	before, err := r.before()
	if err != nil {
		return nil, err
	}
	l.h, l.f = homogeneous(h, all), wide.Forward(r.x)
	_, width := l.h.Dims()
	l.d = mat.NewDense(r.net.Outputs(), width, nil)
	if err := l.whiten(); err != nil {
		return nil, err
	}
	return l, l.leads(r, before)
}

// leads settles the lead that every row shall have, and how much of it may be
// missing. It fails when rounding may decide a row to keep as it is.
func (l *leader) leads(r *repair, before *certify.Enclosure) error {
	close := 0
	for i := range l.lead {
		row := l.h.RawRowView(i)
		l.square[i] = fixed.Dot(row, row)
		radius := 0.0
		for j := range r.net.Outputs() {
			radius = max(radius, before.Bound(i, j))
		}
		own := margin(l.f.RawRowView(i), l.class[i])
		room := 2 * radius * roundingRoom
		switch {
		case i < r.k && slices.Contains(r.wrong, i):
			l.lead[i] = r.made.Margin/leadReached + room
			l.slack[i] = (1 - leadReached) * l.lead[i]
		case !(own > 2*radius):
			close++
		default:
			l.lead[i] = min(keptShare*r.made.Margin+room, own)
			l.slack[i] = min((1-keptReached)*l.lead[i], own-2*radius)
		}
	}
	if close > 0 {
		return fmt.Errorf("%d rows to keep are so close to call that rounding in %v may decide them: only gates leave those as they are", close, r.net.Precision)
	}
	return nil
}

// whiteRidge is added to the diagonal of the mean of h~ h~', relative to its mean:
// directions that the rows hardly have are not worth more than that.
const whiteRidge = 1e-6

// whiten replaces the rows h~ by L^-1 h~.
func (l *leader) whiten() error {
	raw := l.h.RawMatrix()
	h := blas.Matrix[float64]{Data: raw.Data, Rows: raw.Rows, Cols: raw.Cols, Stride: raw.Stride}
	l.l = blas.Gram(h)
	trace := 0.0
	for j := range l.l.Rows {
		fixed.Scale(l.l.Row(j), 1/float64(h.Rows))
		trace += l.l.Row(j)[j]
	}
	for j := range l.l.Rows {
		l.l.Row(j)[j] += whiteRidge * trace / float64(h.Cols)
	}
	if !blas.Cholesky(l.l) {
		return errors.New("the Gram matrix of the last hidden layer's outputs cannot be factored")
	}
	blas.SolveRight(l.l, h)
	return nil
}

// change returns D = E L^-1, by substitution from the last column on.
func (l *leader) change() *mat.Dense {
	d := mat.DenseCopyOf(l.d)
	p, width := d.Dims()
	for o := range p {
		row := d.RawRowView(o)
		for j := width - 1; j >= 0; j-- {
			row[j] /= l.l.Row(j)[j]
			fixed.Axpy(row[:j], -row[j], l.l.Row(j)[:j])
		}
	}
	return d
}

// tellApart names the rows to fix that are equal in h to a row of another class.
func (r *repair) tellApart(h *mat.Dense, class []int) error {
	first := make(map[uint64]int, rowCount(h))
	var rows []int
	for i, k := range keysOf(h) {
		j, ok := first[k]
		if !ok {
			first[k] = i
			continue
		}
		if class[i] != class[j] && slices.Equal(h.RawRowView(i), h.RawRowView(j)) && j < r.k {
			rows = append(rows, r.fix.Rows[j])
		}
	}
	if len(rows) > 0 {
		return &ImpossibleError{Reason: "the last hidden layer makes these rows equal to others of another class", Rows: slices.Compact(rows)}
	}
	return nil
}

// search finds the change, or gives up.
func (l *leader) search() error {
	for {
		found, lacking := l.violated()
		if lacking == 0 {
			return nil
		}
		l.cuts = append(l.cuts, found...)
		if l.work > leadWork {
			return fmt.Errorf("no change of its weights was found under which all rows have their classes; %d lack it after %.0g operations, with %d inequalities", lacking, l.work, len(l.cuts))
		}
		if err := l.tighten(); err != nil {
			return err
		}
	}
}

// violated returns the inequalities to be taken up, the worst first, and how many
// rows have not enough of a lead.
func (l *leader) violated() (found []cut, lacking int) {
	var f mat.Dense
	f.Mul(l.h, l.d.T())
	f.Add(&f, l.f)
	n, p := f.Dims()
	_, width := l.h.Dims()
	l.work += float64(n * p * width / 8) // a product of matrices is so much faster
	type violation struct {
		cut
		by float64
	}
	var list []violation
	for i := range n {
		row, c := f.RawRowView(i), l.class[i]
		lacks := false
		for j, v := range row {
			if j == c {
				continue
			}
			by := l.lead[i] - (row[c] - v)
			if by > l.slack[i] {
				lacks = true
				if !l.have[[2]int{i, j}] {
					list = append(list, violation{cut{row: i, other: j}, by})
				}
			}
		}
		if lacks {
			lacking++
		}
	}
	slices.SortStableFunc(list, func(a, b violation) int { return cmp.Compare(b.by, a.by) })
	for _, v := range list[:min(len(list), leadCuts)] {
		l.have[[2]int{v.row, v.other}] = true
		found = append(found, v.cut)
	}
	return found, lacking
}

// tighten goes through the cuts until none is violated by much.
func (l *leader) tighten() error {
	_, width := l.h.Dims()
	for range leadPasses {
		worst := 0.0
		for k := range l.cuts {
			u := &l.cuts[k]
			h, c := l.h.RawRowView(u.row), l.class[u.row]
			up, down := l.d.RawRowView(c), l.d.RawRowView(u.other)
			lead := l.f.At(u.row, c) - l.f.At(u.row, u.other) + fixed.Dot(h, up) - fixed.Dot(h, down)
			lack := l.lead[u.row] - lead
			step := max(lack/(2*l.square[u.row]), -u.dual)
			if step == 0 {
				continue
			}
			u.dual += step
			fixed.Axpy(up, step, h)
			fixed.Axpy(down, -step, h)
			worst = max(worst, lack/l.slack[u.row])
		}
		l.work += float64(4 * width * len(l.cuts))
		if worst < 0.5 || l.work > leadWork {
			break
		}
	}
	for _, v := range l.d.RawMatrix().Data {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("the search for the weights of the output layer ran out of numbers")
		}
	}
	return nil
}
