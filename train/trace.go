package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/lp"
	"hinge/network"
	"hinge/phi"
)

// Trace is what the hidden layers are like on the rows looked at, after an
// epoch. Everything in it is said of these rows only; ranks can only grow with
// more of them.
type Trace struct {
	Rows   int          `json:"rows"` // looked at, evenly spread over the data
	Layers []LayerTrace `json:"layers"`
	// Own is how the network does on these rows, Solved how it would do with the
	// output layer that least squares gives on the last hidden layer as it is: one
	// linear solve. For regression both are relative residuals |f(X)-Y| / |Y - mean Y|,
	// and no output layer has a smaller one than Solved; for classes they are the
	// number of rows that are wrong. Solved is nil where it was not computed.
	Own    float64  `json:"own"`
	Solved *float64 `json:"by_solve"`
	// Separable is the number of classes that a hyperplane parts from all
	// others in the last hidden layer, on these rows; Undecided those for which neither
	// was proved in the time given. Nil where that is not cheap, and for regression.
	Separable *int `json:"separable_classes,omitempty"`
	Undecided int  `json:"undecided_classes,omitempty"`
}

// LayerTrace is what the trace says of the interpolation matrix of one hidden
// layer. A nil number was not computed.
type LayerTrace struct {
	Units        int      `json:"units"`
	Rank         *int     `json:"rank"`           // of Phi
	RankWithBias *int     `json:"rank_with_bias"` // of [Phi 1]
	Condition    *float64 `json:"condition"`      // sigma_1 / sigma_rank
	SigmaLast    *float64 `json:"sigma_last"`     // the smallest that counts
	Kind         phi.Kind `json:"kind"`
	Class        string   `json:"solutions"` // universal, specific, none
	Density      float64  `json:"density"`
	Patterns     *int     `json:"patterns"` // different sets of awake units
	Dead         int      `json:"dead_units"`
	AlwaysOn     int      `json:"always_on_units"`
}

const (
	// separableWork bounds rows times units squared for the question of
	// separability after every epoch.
	separableWork = 1 << 24
	// separablePatience is the time for all classes.
	separablePatience = 300 * time.Millisecond
)

// look measures the network after an epoch, with the trace if asked for.
func (r *run) look(e *Epoch, now *Measure) error {
	e.Wrong, e.Residual = &now.Wrong, now.Residual
	net := r.network()
	var err error
	if e.Cost, err = r.opt.Cost(net, r.set, now); err != nil || !r.opt.Trace {
		return err
	}
	e.Trace, err = Look(net, sampled(r.set, r.opt.TraceRows))
	return err
}

// sampled returns at most most rows of a Set, evenly spread.
func sampled(set *dataset.Set, most int) *dataset.Set {
	n := set.N()
	if n <= most {
		return set
	}
	rows := make([]int, most)
	for k := range rows {
		rows[k] = k * n / most
	}
	return set.Select(rows)
}

// Look describes the hidden layers of a network on the rows of a Set.
func Look(net *network.Network, set *dataset.Set) (*Trace, error) {
	t := &Trace{Rows: set.N(), Own: misfit(net.Eval(set.X), set)}
	hidden := net.HiddenLayers()
	for k, l := range hidden {
		m, err := phi.Build(net, set.X, l, phi.Options{})
		var size *phi.SizeError
		if errors.As(err, &size) {
			t.Layers = append(t.Layers, LayerTrace{Units: net.Layers[l].Width(), Kind: phi.UnknownKind})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("train: the trace of layer %d: %w", l, err)
		}
		f := m.Facts(set)
		t.Layers = append(t.Layers, LayerTrace{Units: f.Units, Rank: f.Rank, RankWithBias: f.RankWithBias, Condition: f.Condition,
			SigmaLast: f.SigmaLast, Kind: f.Kind, Class: f.Class, Density: f.Density, Patterns: f.Patterns, Dead: f.Dead, AlwaysOn: f.AlwaysOn})
		if k == len(hidden)-1 {
			t.solve(m, set)
			t.separate(m, set)
		}
	}
	return t, nil
}

// solve puts the residual of the best output layer into t.
func (t *Trace) solve(m *phi.Matrix, set *dataset.Set) {
	s, err := m.Solve(set.Y, phi.SolveOptions{})
	if err != nil {
		return
	}
	var got mat.Dense
	n, p := set.Y.Dims()
	if dense := m.Dense(); dense != nil {
		got.Mul(dense, s.A)
	} else {
		return
	}
	for i := range n {
		for j := range p {
			got.Set(i, j, got.At(i, j)+s.C[j])
		}
	}
	if v := misfit(&got, set); !math.IsNaN(v) && !math.IsInf(v, 0) {
		t.Solved = &v
	}
}

// misfit is what [Trace.Own] says of the given outputs.
func misfit(got *mat.Dense, set *dataset.Set) float64 {
	if !set.IsClasses() {
		return relativeResidual(got, set.Y)
	}
	wrong := 0
	for i := range set.N() {
		if missed(got.RawRowView(i), set, i, nil) {
			wrong++
		}
	}
	return float64(wrong)
}

// separate asks which classes a hyperplane parts from all others.
func (t *Trace) separate(m *phi.Matrix, set *dataset.Set) {
	n, units := m.Dims()
	dense := m.Dense()
	if !set.IsClasses() || dense == nil || float64(n)*float64(units)*float64(units) > separableWork {
		return
	}
	points, err := lp.NewPoints(dense)
	if err != nil {
		return
	}
	separable, start := 0, time.Now()
	in := make([]bool, n)
	for c := range set.P() {
		for i, k := range set.Class {
			in[i] = k == c
		}
		left := separablePatience - time.Since(start)
		switch points.Separate(context.Background(), in, lp.Options{Patience: max(1, left/time.Duration(set.P()-c))}).Verdict {
		case lp.Separable:
			separable++
		case lp.Unknown:
			t.Undecided++
		}
	}
	t.Separable = &separable
}
