package edit

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
	"hinge/phi"
)

// The least change of one layer's weights that gives rows their values and
// leaves other rows alone.
//
// Let row i enter the layer as h_i, h~ = (h, 1), and let J_i (p x m) be how its
// outputs depend on the layer's m pre-activations while no unit behind them
// wakes up or falls asleep. A change D (m x (d+1)) of the weights and biases moves
// the outputs of row i by J_i D h~_i. Wanted is the D of least length with
//
//	J_i D h~_i = r_i  on the rows to fix,    D h~_i = 0  on the rows to keep.
//
// With u_i the part of h~_i that is orthogonal to all rows to keep, the solutions
// of least length are D = sum_i J_i' l_i u_i' (any other part of D is orthogonal to
// every equation), and the l_i solve the symmetric system
//
//	sum_j (u_i . u_j) J_i J_j' l_j = r_i.
//
// For the output layer J is the identity: D solves [Phi 1] D' = R in the affine
// space of M7, and it exists for all R iff the u_i are independent, that is, iff
// every row to fix adds 1 to the rank of [Phi 1] of the rows to keep. The rows to
// keep stay where they are in that layer, so no unit of theirs changes sides; those
// of the rows to fix may, and then J is taken anew: Newton's method, which is
// exact in one step when no side changes.
//
// With few rows the second condition is more than is needed, since the outputs may
// stay though the layer's do not. Then the rows to keep are taken as rows to fix
// with r = 0 (Whole), and u_i = h~_i.
//
// Cost: a factorization of the rows to keep, n d^2, and one of a matrix of the
// fixed values, (kp)^3/3, per step.
type layerSolve struct {
	r    *repair
	at   int
	net  *network.Network // float64, every layer from at on dense
	h    *mat.Dense       // all rows x d: what enters the layer
	list []int            // the rows with equations
	want *mat.Dense       // their outputs
	u    *mat.Dense       // list x (d+1)
	rank int              // of the rows to keep, of d+1; -1 when it was not needed
	free int              // how many of the rows to fix are independent of them
	// allowed is how far each output may be off, of rows to fix and of rows to keep.
	allowed [2][]float64
}

const (
	// mostEquations is the largest system that is factored: a second.
	mostEquations = 3000
	// newtonSteps is how often J is taken anew.
	newtonSteps = 40
	// smallestPart is the least part of a step that is tried, leastGain what a step
	// must gain at least of what it promises.
	smallestPart = 1.0 / 64
	leastGain    = 0.1
	// gramRidge is added to the diagonal of the system, relative to its mean: it
	// makes dependent equations solvable where they agree, and Newton's method
	// takes away what it distorts.
	gramRidge = 1e-13
	// reached is the part of the tolerance that is taken for a solution, so that
	// rounding to the network's numbers still fits.
	reached = 0.05
)

// newLayerSolve sets up the equations of layer at for the wanted outputs (rows to
// change x p).
func (r *repair) newLayerSolve(at int, wanted *mat.Dense, whole bool) (*layerSolve, error) {
	s := &layerSolve{r: r, at: at, list: slices.Clone(r.wrong), rank: -1}
	wide := *r.net
	wide.Precision, wide.Layers = network.Float64, slices.Clone(r.net.Layers)
	for l := at; l < len(wide.Layers); l++ {
		d, err := asDense(wide.Layers[l].Map)
		if err != nil {
			return nil, err
		}
		wide.Layers[l].Map = d
	}
	s.net = &wide
	s.h = r.x
	if at > 0 {
		s.h = wide.Activations(r.x, at-1)
	}
	others := r.others(r.wrong)
	s.want = wanted
	if whole {
		s.list = slices.Concat(s.list, others)
		s.want = mat.NewDense(len(s.list), r.fix.P(), nil)
		s.want.Copy(wanted)
		for k, i := range others {
			s.want.SetRow(len(r.wrong)+k, r.out.RawRowView(i))
		}
	}
	s.u = homogeneous(s.h, s.list)
	if whole || len(others) == 0 {
		return s, nil
	}
	return s, s.project(others)
}

// homogeneous returns the given rows of h with a 1 behind each.
func homogeneous(h *mat.Dense, rows []int) *mat.Dense {
	_, d := h.Dims()
	u := mat.NewDense(len(rows), d+1, nil)
	for k, i := range rows {
		copy(u.RawRowView(k), h.RawRowView(i))
		u.Set(k, d, 1)
	}
	return u
}

// project takes the part of every row to fix that is orthogonal to the rows to
// keep.
func (s *layerSolve) project(others []int) error {
	_, d := s.h.Dims()
	kept := mat.NewDense(len(others), d, nil)
	for k, i := range others {
		kept.SetRow(k, s.h.RawRowView(i))
	}
	m, err := phi.New(kept, phiOptions(0))
	if err != nil {
		return err
	}
	if essential, _, err := m.Essential(); err == nil && len(essential) == d { // the cheaper question first
		return s.fullRank(d + 1)
	}
	null, err := m.NullSpace()
	if err != nil {
		return err
	}
	if null == nil {
		return s.fullRank(d + 1)
	}
	_, q := null.Dims()
	s.rank = d + 1 - q
	var z mat.Dense
	z.Mul(s.u, null)
	s.free = rankOf(&z, s.u)
	s.u.Mul(&z, null.T())
	return nil
}

func (s *layerSolve) fullRank(width int) error {
	return fmt.Errorf("the rows to keep have rank %d there, all that there is: no weight can change without moving one of them", width)
}

// rankOf returns the numerical rank of z, relative to the rows it was made of.
func rankOf(z, of *mat.Dense) int {
	var svd mat.SVD
	if !svd.Factorize(z, mat.SVDNone) {
		return 0
	}
	rank, least := 0, projectionNoise*mat.Norm(of, 2)
	for _, v := range svd.Values(nil) {
		if v > least {
			rank++
		}
	}
	return rank
}

// projectionNoise is what rounding leaves of a row that lies in the span of the
// rows to keep.
const projectionNoise = 1e-10

// solve returns the network with the layer changed, rounded to the precision.
func (s *layerSolve) solve() (*network.Network, error) {
	if s.rank >= 0 && s.free == 0 {
		return nil, fmt.Errorf("every row to fix is a combination of rows to keep there (rank %d)", s.rank)
	}
	x := s.r.selected(s.list)
	missing := s.missing(s.net, x)
	off := s.off(missing)
	for range newtonSteps {
		if off <= reached/100 {
			break
		}
		change, err := s.step(x, missing)
		if err != nil {
			return nil, err
		}
		next, rest := s.shorten(x, change, missing)
		if next == nil {
			break
		}
		s.net, missing = next, rest
		off = s.off(missing)
	}
	if !(off <= reached) {
		return nil, s.unsolved()
	}
	made := *s.r.net
	made.Layers = slices.Clone(s.r.net.Layers)
	layer := s.net.Layers[s.at]
	d := layer.Map.(*network.Dense)
	made.Layers[s.at].Map, made.Layers[s.at].Bias = network.NewDense(d.Out, d.In, slices.Clone(d.W)), slices.Clone(layer.Bias)
	made.Round()
	return &made, nil
}

// shorten goes along a change as far as the rows then lack less: past the point
// where units change sides, the whole of it may lead away. It returns nil when
// even a small part does.
func (s *layerSolve) shorten(x, change, missing *mat.Dense) (next *network.Network, rest *mat.Dense) {
	for part := 1.0; part >= smallestPart; part /= 2 {
		next = s.changed(change, part)
		if rest = s.missing(next, x); mat.Norm(rest, 2) < (1-part*leastGain)*mat.Norm(missing, 2) {
			return next, rest
		}
	}
	return nil, nil
}

func (s *layerSolve) unsolved() error {
	if s.rank >= 0 {
		return fmt.Errorf("the rows to keep have rank %d there and the rows to fix add %d, too few or with units that change sides", s.rank, s.free)
	}
	return errors.New("the equations have no solution, or units change sides again and again")
}

// missing returns what the rows lack of their outputs with net.
func (s *layerSolve) missing(net *network.Network, x *mat.Dense) *mat.Dense {
	var missing mat.Dense
	missing.Sub(s.want, net.Forward(x))
	return &missing
}

// off returns the most that is missing, in units of what is allowed.
func (s *layerSolve) off(missing *mat.Dense) float64 {
	most := 0.0
	for i := range s.list {
		allowed := s.allowed[0]
		if i >= len(s.r.wrong) {
			allowed = s.allowed[1]
		}
		for j, v := range missing.RawRowView(i) {
			if off := math.Abs(v) / allowed[j]; !(off <= most) {
				most = off
			}
		}
	}
	return most
}

// step returns the change of one step of Newton's method, m x (d+1).
func (s *layerSolve) step(x, missing *mat.Dense) (*mat.Dense, error) {
	k, p := missing.Dims()
	j := s.slopes(x)
	var uu mat.Dense
	uu.Mul(s.u, s.u.T())
	var v *mat.Dense // k x m: how the pre-activations shall move, as multiples of the u
	var err error
	if j == nil {
		v, err = solveRidged(&uu, missing)
	} else {
		var jj mat.Dense
		jj.Mul(j, j.T())
		for a := range k * p {
			row := jj.RawRowView(a)
			for b := range row {
				row[b] *= uu.At(a/p, b/p)
			}
		}
		var l *mat.Dense
		if l, err = solveRidged(&jj, mat.NewDense(k*p, 1, slices.Clone(missing.RawMatrix().Data))); err == nil {
			v = s.combine(j, l)
		}
	}
	if err != nil {
		return nil, err
	}
	var change mat.Dense
	change.Mul(v.T(), s.u)
	return &change, nil
}

// combine returns J_i' l_i for every row, k x m.
func (s *layerSolve) combine(j, l *mat.Dense) *mat.Dense {
	kp, m := j.Dims()
	k := len(s.list)
	p := kp / k
	v := mat.NewDense(k, m, nil)
	for i := range k {
		var row mat.Dense
		row.Mul(l.Slice(i*p, (i+1)*p, 0, 1).T(), j.Slice(i*p, (i+1)*p, 0, m))
		v.SetRow(i, row.RawRowView(0))
	}
	return v
}

// changed returns the network with a part of a change of the layer.
func (s *layerSolve) changed(change *mat.Dense, part float64) *network.Network {
	next := *s.net
	next.Layers = slices.Clone(s.net.Layers)
	layer := &next.Layers[s.at]
	was := layer.Map.(*network.Dense)
	w, bias := network.NewDense(was.Out, was.In, slices.Clone(was.W)), make([]float64, was.Out)
	copy(bias, layer.Bias)
	for o := range was.Out {
		row := change.RawRowView(o)
		for i := range w.Row(o) {
			w.Row(o)[i] += part * row[i]
		}
		bias[o] += part * row[was.In]
	}
	layer.Map, layer.Bias = w, bias
	return &next
}

// slopes returns the J_i, one below the other, kp x m; nil when all are the
// identity.
func (s *layerSolve) slopes(x *mat.Dense) *mat.Dense {
	last := len(s.net.Layers) - 1
	if s.at == last && s.net.Layers[last].Act == network.Identity {
		return nil
	}
	p := s.net.Outputs()
	j := mat.NewDense(len(s.list)*p, p, nil)
	for a := range len(s.list) * p {
		j.Set(a, a%p, 1)
	}
	for l := last; ; l-- {
		if s.net.Layers[l].Act == network.ReLU {
			z := s.net.PreActivations(x, l)
			for a := range rowCount(j) {
				row := j.RawRowView(a)
				for u := range row {
					if !(z.At(a/p, u) > 0) {
						row[u] = 0
					}
				}
			}
		}
		if l == s.at {
			return j
		}
		d := s.net.Layers[l].Map.(*network.Dense)
		var next mat.Dense
		next.Mul(j, mat.NewDense(d.Out, d.In, d.W))
		j = &next
	}
}

// solveRidged solves a symmetric positive semidefinite system.
func solveRidged(g, b *mat.Dense) (*mat.Dense, error) {
	n, _ := g.Dims()
	sym := mat.NewSymDense(n, nil)
	trace := 0.0
	for i := range n {
		trace += g.At(i, i)
		for j := i; j < n; j++ {
			sym.SetSym(i, j, g.At(i, j))
		}
	}
	for ridge := gramRidge; ridge < 1e-6; ridge *= 10 {
		for i := range n {
			sym.SetSym(i, i, g.At(i, i)+ridge*trace/float64(n))
		}
		var chol mat.Cholesky
		if !chol.Factorize(sym) {
			continue
		}
		var x mat.Dense
		if err := chol.SolveTo(&x, b); err != nil {
			var poor mat.Condition
			if !errors.As(err, &poor) {
				return nil, err
			}
		}
		return &x, nil
	}
	return nil, errors.New("nothing in the layer moves the outputs of the rows to fix")
}

// selected returns the given rows.
func (r *repair) selected(rows []int) *mat.Dense {
	x := mat.NewDense(len(rows), r.net.Inputs(), nil)
	for k, i := range rows {
		x.SetRow(k, r.x.RawRowView(i))
	}
	return x
}
