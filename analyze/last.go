package analyze

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
	"hinge/phi"
)

// Last is what the last hidden layer serves, and what the output layer does
// with it.
type Last struct {
	Layer int `json:"layer"` // index of the last hidden layer, -1 for the inputs
	// Solutions is universal, specific, none or "not computed".
	Solutions string `json:"solutions"`
	// Reachable is the dimension of the targets that these hidden layers serve,
	// per output: rank [Phi 1], of n. Nil when not computed.
	Reachable *int `json:"reachable"`
	// FurtherLabels is how many further rows, at most, could be given any labels
	// by the output layer alone while every present output stays: m+1 minus the
	// rank. Rows that fall into the span of the present ones cannot.
	FurtherLabels *int `json:"further_labels"`

	Tolerance float64 `json:"tolerance"` // of a hit in regression, as a fraction of the range
	Hit       int     `json:"hit"`
	Missed    []Miss  `json:"missed"` // the first [missesListed] rows, by row
	MissedAll int     `json:"missed_rows"`

	Space     *Space     `json:"space"`     // nil when not computed
	Memorised *Memorised `json:"memorised"` // nil when not computed
	Leaning   []Leaning  `json:"leaning"`
	Notes     []string   `json:"notes"`
}

// Miss is a row whose answer is wrong, by one evaluation in the network's own
// precision; no proof.
type Miss struct {
	Row  int     `json:"row"`  // of the file
	Want string  `json:"want"` // a class, or empty
	Got  string  `json:"got"`
	By   float64 `json:"by"` // margin lost (classes) or error as a fraction of the range
}

// missesListed bounds the missed rows that an analysis lists.
const missesListed = 1000

// tooWide says why parts of the analysis are missing.
const tooWide = "The space of output layers and the memorised rows are not computed: the last hidden layer is too wide for a singular value decomposition in reasonable time."

// head analyses the output layer on the last hidden one.
func (j *job) head() error {
	if err := j.step(shareMisses, "output layer: rows it misses"); err != nil {
		return err
	}
	y := &j.out.Layers[len(j.out.Layers)-1]
	last := &Last{Layer: y.Layer, Solutions: y.Class, Tolerance: j.opt.Tolerance, Missed: []Miss{}, Leaning: []Leaning{}, Notes: []string{}}
	if last.Tolerance <= 0 {
		last.Tolerance = 1e-6
		if j.net.Precision == network.Float32 {
			last.Tolerance = 1e-5
		}
	}
	last.Reachable, last.FurtherLabels = y.RankWithBias, y.Affine
	outputs, err := within(j, func() (*mat.Dense, error) { return j.outputs(), nil })
	if err != nil {
		return err
	}
	hit := last.misses(outputs, j.set)
	if last.Solutions == phi.UnknownClass && last.MissedAll == 0 {
		last.Solutions = phi.Specific // the network itself is the witness
	}
	j.out.Last = last
	return j.solutions(last, hit)
}

// outputs evaluates the network on all rows, from the last hidden layer on when
// its numbers are held.
func (j *job) outputs() *mat.Dense {
	h, layer := j.last.Dense(), j.out.Layers[len(j.out.Layers)-1].Layer
	if h == nil || j.last.Form() != phi.DenseForm {
		return j.net.Eval(j.set.X)
	}
	rest := &network.Network{Layers: j.net.Layers[layer+1:], Precision: j.net.Precision}
	return rest.Eval(h)
}

// solutions adds what takes the singular vectors of the last hidden layer.
func (j *job) solutions(y *Last, hit []bool) error {
	if err := j.step(shareSpace, "output layer: all weights with these values"); err != nil {
		return err
	}
	type vectors struct {
		weights *mat.Dense
		svd     *phi.Decomposed
		space   *Space
	}
	v, err := within(j, func() (v vectors, err error) {
		if v.weights, err = headWeights(j.net, y.Layer); err != nil {
			return v, err
		}
		if v.svd, err = j.last.SVD(); err != nil {
			return v, err
		}
		v.space = space(j.last, v.svd, v.weights)
		return v, nil
	})
	if errors.Is(err, errStopped) {
		return err
	}
	if err != nil {
		y.Notes = append(y.Notes, tooWide)
		return nil
	}
	y.Space = v.space
	if err := j.step(shareMemorised, "output layer: memorised rows"); err != nil {
		return err
	}
	if len(v.svd.Sigma) == 0 {
		return nil
	}
	draft := *y
	done, err := within(j, func() (*Last, error) {
		scores := scoresOf(j.last, v.svd, j.numbersOf)
		draft.judge(v.svd, j.set, scores)
		draft.Memorised = memorised(v.svd, j.set, hit, scores)
		draft.lean(j, v.weights)
		return &draft, nil
	})
	if err != nil {
		return err
	}
	j.out.Last = done
	return nil
}

// judge says of a large matrix whether its solutions are specific or none, by
// least squares. For classes least squares may fail where other outputs with the same winners exist; then
// nothing is said. Residuals of regression count as none only when they are far
// above what the closed form rounds.
func (y *Last) judge(svd *phi.Decomposed, set *dataset.Set, scores *mat.Dense) {
	if y.Solutions != phi.UnknownClass {
		return
	}
	fit := &Last{Tolerance: y.Tolerance}
	fit.misses(newLeaveOneOut(svd, set, scores).leastSquares(), set)
	worst := 0.0
	for _, m := range fit.Missed {
		worst = max(worst, m.By)
	}
	switch {
	case fit.MissedAll == 0:
		y.Solutions = phi.Specific
	case !set.IsClasses() && worst > farAbove*y.Tolerance:
		y.Solutions = phi.None
	}
}

// farAbove is the factor over the tolerance from which a residual excludes a
// solution.
const farAbove = 100

// misses fills in which rows are missed and returns which are hit.
func (y *Last) misses(outputs *mat.Dense, set *dataset.Set) []bool {
	hit := make([]bool, set.N())
	ranges := set.Range()
	for i := range hit {
		by := 0.0 // above 0: missed
		row := outputs.RawRowView(i)
		got := 0
		if set.IsClasses() {
			got = runnerUp(row, set.Class[i])
			by = row[got] - row[set.Class[i]]
			hit[i] = by < 0
		} else {
			for o, v := range row {
				by = max(by, math.Abs(v-set.Y.At(i, o))/ranges[o])
			}
			hit[i] = by <= y.Tolerance
		}
		if hit[i] {
			y.Hit++
			continue
		}
		y.MissedAll++
		if len(y.Missed) < missesListed {
			m := Miss{Row: rowOf(set, i), By: by}
			if set.IsClasses() {
				m.Want, m.Got = className(set, set.Class[i]), className(set, got)
			}
			y.Missed = append(y.Missed, m)
		}
	}
	return hit
}

// runnerUp returns the largest of the outputs other than class.
func runnerUp(row []float64, class int) int {
	best := -1
	for o, v := range row {
		if o != class && (best < 0 || v > row[best]) {
			best = o
		}
	}
	return max(best, 0)
}

func className(set *dataset.Set, class int) string {
	if class < len(set.Schema.Classes) {
		return set.Schema.Classes[class]
	}
	return ""
}

// headWeights returns [A; c], (m+1) x p: the affine map from the outputs of
// layer l to the outputs of the network, a ReLU at the very end left aside.
func headWeights(net *network.Network, l int) (*mat.Dense, error) {
	full := &network.Network{Precision: network.Float64}
	linear := &network.Network{Precision: network.Float64}
	for _, layer := range net.Layers[l+1:] {
		full.Layers = append(full.Layers, network.Layer{Map: layer.Map, Bias: layer.Bias})
		linear.Layers = append(linear.Layers, network.Layer{Map: layer.Map})
	}
	m, p := full.Inputs(), full.Outputs()
	if m > headUnits {
		return nil, phi.ErrTooLarge
	}
	weights := mat.NewDense(m+1, p, nil)
	unit := mat.NewDense(m, m, nil)
	for u := range m {
		unit.Set(u, u, 1)
	}
	weights.Slice(0, m, 0, p).(*mat.Dense).Copy(linear.Forward(unit))
	weights.SetRow(m, full.Forward(mat.NewDense(1, m, nil)).RawRowView(0))
	return weights, nil
}

// headUnits bounds the units whose output weights are written out.
const headUnits = 8192

// numbersOf calls f with the outputs of the last hidden layer on consecutive
// blocks of rows.
func (j *job) numbersOf(f func(from int, h *mat.Dense)) {
	n, m := j.last.Dims()
	if h := j.last.Dense(); h != nil {
		for from := 0; from < n; from += blockRows {
			f(from, h.Slice(from, min(from+blockRows, n), 0, m).(*mat.Dense))
		}
		return
	}
	layer := j.out.Last.Layer
	for from := 0; from < n; from += blockRows {
		to := min(from+blockRows, n)
		x := j.set.X.Slice(from, to, 0, j.set.D()).(*mat.Dense)
		if layer < 0 {
			f(from, x)
		} else {
			f(from, j.net.Activations(x, layer))
		}
	}
}

// blockRows is how many rows are worked on at once.
const blockRows = 4096
