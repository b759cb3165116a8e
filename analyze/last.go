package analyze

import (
	"errors"
	"fmt"
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
	v, err := within(j, func() (v vectors, err error) {
		if v.weights, err = headWeights(j.net, y.Layer); err != nil {
			return v, nil
		}
		if v.svd, err = j.last.SVD(); err == nil {
			v.space = space(j.last, v.svd, v.weights)
			return v, nil
		}
		v.sketched, v.space = true, wideSpace(j.last, v.weights)
		v.svd, err = j.last.SketchedSVD()
		return v, err
	})
	if errors.Is(err, errStopped) {
		return err
	}
	if v.weights == nil {
		y.Notes = append(y.Notes, "The space of output layers and the memorised rows are not computed: the output weights take too much to write out.")
		return nil
	}
	y.Space = v.space
	if y.Space == nil {
		y.Notes = append(y.Notes, "The space of output layers with these values is not computed. "+wayOut(j.last))
	} else if v.sketched {
		y.Notes = append(y.Notes, "The sparsest output layer shown is the one on the essential units; no sparser one was looked for. "+wayOut(j.last))
	}
	if err != nil {
		y.Notes = append(y.Notes, "Nor are the rows that it has memorised: even a sketch takes too much.")
		return nil
	}
	return j.memorise(y, v, hit)
}

// vectors are what the output layer is judged with: its weights, and the singular
// vectors of [Phi 1], exact or of a sketch.
type vectors struct {
	weights  *mat.Dense
	svd      *phi.Decomposed
	space    *Space
	sketched bool
}

// memorise adds the rows that the output layer knows by heart, and the units
// that rows lean on.
func (j *job) memorise(y *Last, v vectors, hit []bool) error {
	if err := j.step(shareMemorised, "output layer: memorised rows"); err != nil {
		return err
	}
	if len(v.svd.Sigma) == 0 {
		return nil
	}
	draft := *y
	done, err := within(j, func() (*Last, error) {
		w := scoresOf(j.last, v.svd, j.elements())
		draft.judge(w, j.set, v.sketched)
		draft.Memorised = memorised(w, j.set, hit)
		if v.sketched {
			draft.Memorised.Directions = w.r
			draft.Notes = append(draft.Notes, fmt.Sprintf("The memorised rows are those of least squares on the %d leading directions of a random sketch of [Φ 1], not on all %d.", w.r, len(v.svd.V.RawMatrix().Data)/w.r))
		}
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
// above what the closed form rounds, and when no direction was left out.
func (y *Last) judge(w *scores, set *dataset.Set, sketched bool) {
	if y.Solutions != phi.UnknownClass {
		return
	}
	fit := &Last{Tolerance: y.Tolerance}
	fit.misses(newLeaveOneOut(w, set).leastSquares(), set)
	worst := 0.0
	for _, m := range fit.Missed {
		worst = max(worst, m.By)
	}
	switch {
	case fit.MissedAll == 0:
		y.Solutions = phi.Specific
	case !sketched && !set.IsClasses() && worst > farAbove*y.Tolerance:
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
	if float64(m)*float64(linear.Parameters()) > headWork {
		return nil, phi.ErrTooLarge
	}
	weights := mat.NewDense(m+1, p, nil)
	for from := 0; from < m; from += headRows {
		to := min(from+headRows, m)
		unit := mat.NewDense(to-from, m, nil)
		for u := from; u < to; u++ {
			unit.Set(u-from, u, 1)
		}
		weights.Slice(from, to, 0, p).(*mat.Dense).Copy(linear.Forward(unit))
	}
	weights.SetRow(m, full.Forward(mat.NewDense(1, m, nil)).RawRowView(0))
	return weights, nil
}

// headWork bounds the operations spent on writing out the output weights,
// headRows the units whose weights are written out at once.
const headWork, headRows = 1e12, 256
