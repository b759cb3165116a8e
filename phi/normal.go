package phi

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// This file brings a one-hidden-layer network
//
//	f(x) = sum_j a_j s(w_j.x + b_j) + c
//
// into its normalized form on the data. A unit counts by its cut: the rows it
// is awake on, against the others. On the data, with 1_A the indicator of the
// rows of A and x~ = (x, 1),
//
//	f(x_i) = U x~_i + sum over cuts A of 1_A(i) U_A x~_i,
//
// and the steps of docs/theory that lead there all keep f on the data:
//
//	a  each hyperplane is scaled to |w| = 1, its norm goes into the output weight
//	b  units with zero output weights, and c units asleep on all rows, are dropped
//	d  an antipodal unit is turned, by s(z) = s(-z) + z
//	e  units awake on all rows join the affine term U
//	   a cut is named by its side A without the first row, by
//	   1_B U_B = U_B - 1_A U_B for the complement B of A
//	f, g  units with one cut are added up: U_A
//	h  cuts are ordered by falling size: block lower triangular when nested
//
// Rows on a hyperplane (up to rounding) count as asleep; their output is zero
// either way. Cost: O(n m d).

// onPlane is the distance from a hyperplane, relative to the size of the terms
// |w_j x_j| and |b|, below which a row counts as on it: a thousand roundings.
const onPlane = 1e-13

// vanishing is the size of a cut's contribution, relative to the terms it is
// the sum of, below which the cut is dropped as zero output weight.
const vanishing = 1e-12

// Normal is the normalized form of a one-hidden-layer network on a Set.
type Normal struct {
	N, D, P int
	// Affine is U, (D+1) x P, the last row its constant.
	Affine *mat.Dense
	// Cuts are ordered by falling number of rows, then by rows.
	Cuts []Cut
	// Units is the number of hidden units of the network it came from, Dropped
	// those of them without any effect on the data, Folded those that became
	// affine.
	Units, Dropped, Folded int

	x     *mat.Dense // n x d
	scale float64    // largest |term| of f on the data
}

// Cut is the units that part the rows in one way.
type Cut struct {
	Rows   []int      // A: the rows on the side without row 0, ascending
	U      *mat.Dense // (D+1) x P: U_A
	Values *mat.Dense // len(Rows) x P: U_A x~ on those rows, what the cut adds to f
	Merged int        // units it stands for
	W      []float64  // D: a hyperplane of the cut, |W| = 1, W.x + B >= 0 on Rows, <= 0 on the others
	B      float64
	Single bool // all its units have this very hyperplane: one unit does

	size float64 // largest sum of |terms| of Values
}

// Normalize returns the normalized form of a network with at most one hidden
// layer on the Set. Layers without activation around it are folded in. It
// refuses deeper networks: their layers can be normalized one by one, with the
// previous layer's outputs as the data. A network too large for a few seconds
// or for 512 MiB is refused with a [*SizeError].
func Normalize(net *network.Network, set *dataset.Set) (*Normal, error) {
	plane, err := collapse(net)
	if err != nil {
		return nil, err
	}
	n, d := set.X.Dims()
	if d != net.Inputs() || n == 0 {
		return nil, fmt.Errorf("phi: data of %d rows x %d columns for a network of %d inputs", n, d, net.Inputs())
	}
	if work := float64(n) * float64(len(plane.b)) * float64(d+1); work > DefaultMaxWork {
		return nil, &SizeError{Rows: n, Units: len(plane.b), Work: work, Limit: DefaultMaxWork}
	}
	p := net.Outputs()
	f := &Normal{N: n, D: d, P: p, Affine: mat.NewDense(d+1, p, nil), Units: len(plane.b), x: set.X}
	for k, c := range plane.c {
		f.Affine.Set(d, k, c)
		f.scale = max(f.scale, math.Abs(c))
	}
	groups, err := f.group(plane)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if c, ok := f.cut(g); ok {
			f.Cuts = append(f.Cuts, c)
		} else {
			f.Dropped += len(g.members)
		}
	}
	sort.Slice(f.Cuts, func(a, b int) bool { return rowsBefore(f.Cuts[a].Rows, f.Cuts[b].Rows) })
	return f, nil
}

// rowsBefore orders row sets by falling size, then lexicographically.
func rowsBefore(a, b []int) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	for k := range a {
		if a[k] != b[k] {
			return a[k] < b[k]
		}
	}
	return false
}

// shallow is a network written as A^T s(W x + b) + c.
type shallow struct {
	w *mat.Dense // m x d; nil when m = 0
	b []float64
	a *mat.Dense // m x p
	c []float64
}

// collapse multiplies the affine layers around the only hidden layer out.
func collapse(net *network.Network) (*shallow, error) {
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("phi: %w", err)
	}
	hidden := net.HiddenLayers()
	if len(hidden) > 1 {
		return nil, fmt.Errorf("phi: a network with %d hidden layers (%v) has no normalized form here; one hidden layer has", len(hidden), hidden)
	}
	for _, l := range net.Layers {
		out, in := l.Map.Dims()
		if out*in > DefaultMaxElements*2 {
			return nil, fmt.Errorf("phi: a layer of %d x %d weights is too large to write out", out, in)
		}
	}
	dense := net.Dense()
	split := len(net.Layers)
	if len(hidden) == 1 {
		split = hidden[0] + 1
	}
	w, b := product(dense.Layers[:split])
	if len(hidden) == 0 {
		c := &shallow{c: b}
		c.foldAffine(w)
		return c, nil
	}
	a, c := product(dense.Layers[split:])
	if a == nil {
		return nil, fmt.Errorf("phi: the hidden layer is the output layer; nothing combines its units")
	}
	return &shallow{w: w, b: b, a: mat.DenseCopyOf(a.T()), c: c}, nil
}

// foldAffine writes the affine map x -> w x + c as pairs of units
// s(w x) - s(-w x), so that a network without hidden units needs no case of its
// own.
func (s *shallow) foldAffine(w *mat.Dense) {
	p, d := w.Dims()
	s.w, s.b, s.a = mat.NewDense(2*p, d, nil), make([]float64, 2*p), mat.NewDense(2*p, p, nil)
	for k := 0; k < p; k++ {
		for j := 0; j < d; j++ {
			s.w.Set(2*k, j, w.At(k, j))
			s.w.Set(2*k+1, j, -w.At(k, j))
		}
		s.a.Set(2*k, k, 1)
		s.a.Set(2*k+1, k, -1)
	}
}

// product returns the affine map (out x in, out) of a chain of dense layers,
// its activations left aside; nil for no layers.
func product(layers []network.Layer) (*mat.Dense, []float64) {
	var w *mat.Dense
	var b []float64
	for _, l := range layers {
		out, in := l.Map.Dims()
		m := mat.NewDense(out, in, l.Map.(*network.Dense).W)
		bias := make([]float64, out)
		copy(bias, l.Bias)
		if w != nil {
			var next mat.Dense
			next.Mul(m, w)
			moved := mat.NewVecDense(out, nil)
			moved.MulVec(m, mat.NewVecDense(in, b))
			for i := range bias {
				bias[i] += moved.AtVec(i)
			}
			m = &next
		}
		w, b = m, bias
	}
	return w, b
}

// At returns f on row i from the normalized form: P numbers.
func (f *Normal) At(i int) []float64 {
	y := make([]float64, f.P)
	f.addAffine(y, f.Affine, i)
	for _, c := range f.Cuts {
		if k := sort.SearchInts(c.Rows, i); k < len(c.Rows) && c.Rows[k] == i {
			for o, v := range c.Values.RawRowView(k) {
				y[o] += v
			}
		}
	}
	return y
}

// addAffine adds U x~_i to y.
func (f *Normal) addAffine(y []float64, u *mat.Dense, i int) {
	for o := range y {
		y[o] += u.At(f.D, o)
	}
	for j, v := range f.x.RawRowView(i) {
		for o, w := range u.RawRowView(j) {
			y[o] += w * v
		}
	}
}

// RowOrder returns the rows by rising number of cuts they lie in, ties by row.
// With the cuts in their order it makes the matrix of the cuts block lower
// triangular whenever the cuts are nested.
func (f *Normal) RowOrder() []int {
	count, order := make([]int, f.N), make([]int, f.N)
	for i := range order {
		order[i] = i
	}
	for _, c := range f.Cuts {
		for _, i := range c.Rows {
			count[i]++
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return count[order[a]] < count[order[b]] })
	return order
}

// String describes the normalized form in a few lines.
func (f *Normal) String() string {
	var b strings.Builder
	single := 0
	for _, c := range f.Cuts {
		if c.Single {
			single++
		}
	}
	fmt.Fprintf(&b, "normalized form on %d rows: an affine term and %d cuts (%d by a single unit)\n", f.N, len(f.Cuts), single)
	fmt.Fprintf(&b, "  from %d units: %d without effect on the data, %d awake on all rows\n", f.Units, f.Dropped, f.Folded)
	for k, c := range f.Cuts {
		if k == 5 {
			fmt.Fprintf(&b, "  ... and %d more\n", len(f.Cuts)-5)
			break
		}
		fmt.Fprintf(&b, "  cut %d: %d rows, %d units merged\n", k+1, len(c.Rows), c.Merged)
	}
	return b.String()
}
