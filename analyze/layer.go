package analyze

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/network"
	"hinge/phi"
)

// Layer is what one layer puts out on the rows. The embedded facts are those of
// its interpolation matrix; Layer -1 is the inputs.
type Layer struct {
	Name string `json:"name"`
	*phi.Facts
	Spectrum []float64 `json:"spectrum"` // singular values of Phi, descending; empty when not computed
	// SpectrumError is nil when Spectrum is complete. Else Spectrum holds the
	// leading singular values from a random sketch, s_j, and the true ones are
	// between s_j and sqrt(s_j^2 + e^2), all further ones below e, e being this
	// field; but for a probability of 10^-10.
	SpectrumError *float64 `json:"spectrum_error"`
	// RankSure is false when singular values lie within a factor [sureFactor] of
	// the tolerance, on either side: the rank then cannot be known from numbers
	// that are rounded like these. RankRange holds the ranks that are possible.
	RankSure  bool    `json:"rank_sure"`
	RankRange [2]int  `json:"rank_range"`
	Noise     float64 `json:"noise"` // measured rounding of Phi, relative, in the Frobenius norm; 0 for float64

	DeadUnits     []int     `json:"dead_list"` // units from 0
	AlwaysOnUnits []int     `json:"always_on_list"`
	Duplicates    [][]int   `json:"duplicates"` // groups of units that put out positive multiples of each other
	Essential     []int     `json:"essential"`  // a basis of the units, beside the bias; nil when not computed
	Free          []int     `json:"free"`       // the others
	RowDensity    Histogram `json:"row_density"`
	UnitDensity   Histogram `json:"unit_density"`
	Classes       *Classes  `json:"classes"` // nil for regression
	Clash         Clash     `json:"clash"`   // rows that need different outputs and cannot have them
	// Separability has an entry per class; its Rows are rows of the file.
	// Nil for regression, and where it was left out.
	Separability []Separability `json:"separability"`
	Plane        *Plane         `json:"plane"`
	Image        *Image         `json:"-"`
	Sample       int            `json:"sample"` // rows that Separability, Plane and Image are about
	Cost         phi.Cost       `json:"cost"`   // estimated
	Seconds      float64        `json:"seconds"`
}

// sureFactor is the distance of a singular value from the tolerance, as a
// factor, within which the rank counts as unsure.
const sureFactor = 4

// noiseRows is how many rows the rounding of a float32 layer is measured on.
const noiseRows = 512

// noiseFactor is the tolerance of the rank of a float32 layer in units of the
// measured rounding of its outputs. Singular values move by at most the norm of
// the rounding (Weyl 1912), which its Frobenius norm bounds; the rest is for the
// rows that were not measured.
const noiseFactor = 2

// layer analyses layer l, the k-th of the report.
func (j *job) layer(k, l int) error {
	name := "inputs"
	if k > 0 {
		name = fmt.Sprintf("hidden %d", k)
	}
	rows, m := j.set.N(), j.set.D()
	if l >= 0 {
		m = j.net.Layers[l].Width()
	}
	j.meter.width = float64(m)
	start := time.Now()
	if err := j.step(shareOutputs, "%s: outputs on all rows", name); err != nil {
		return err
	}
	layer := Layer{Name: name}
	noise, err := within(j, func() (float64, error) { return j.noise(l), nil })
	if err != nil {
		return err
	}
	layer.Noise = noise
	opt := phi.Options{MaxElements: j.elements(), MaxWork: 1e13, Tolerance: float64(max(rows, m)) * 0x1p-52, Below: j.last,
		MaxFactor: cmp.Or(j.opt.Work, DefaultWork)}
	if noise > 0 {
		opt.Tolerance = max(noiseFactor*noise, opt.Tolerance)
	}
	p, err := within(j, func() (*phi.Matrix, error) { return phi.Build(j.net, j.set.X, l, opt) })
	if err != nil {
		return err
	}
	layer.count(p, l)
	layer.Cost = p.Cost()
	if err = j.ranked(&layer, p, k == len(j.hidden)); err == nil {
		err = j.sorted(&layer, p)
	}
	layer.Seconds = time.Since(start).Seconds()
	j.out.Layers = append(j.out.Layers, layer)
	j.last = p
	return err
}

// ranked adds what takes a factorization.
func (j *job) ranked(y *Layer, p *phi.Matrix, last bool) error {
	if err := j.step(shareRank, "%s: rank and kind", y.Name); err != nil {
		return err
	}
	draft := *y
	got, err := within(j, func() (*Layer, error) {
		draft.describe(p, j.set, last)
		return &draft, nil
	})
	if err != nil {
		return err
	}
	*y = *got
	return nil
}

// sorted adds to y how far the layer has sorted the classes: what needs the
// outputs themselves.
func (j *job) sorted(y *Layer, p *phi.Matrix) error {
	if err := j.step(shareClasses, "%s: classes", y.Name); err != nil {
		return err
	}
	type numbers struct {
		layer Layer
		h     *mat.Dense
		set   *dataset.Set
	}
	draft := *y
	got, err := within(j, func() (numbers, error) {
		h, set := j.numbers(&draft, p)
		return numbers{draft, h, set}, nil
	})
	if err != nil {
		return err
	}
	*y = got.layer
	if err := j.step(shareSeparability, "%s: separability", y.Name); err != nil || !got.set.IsClasses() || j.opt.Patience < 0 {
		return err
	}
	return j.separate(y, got.h, got.set)
}

// noise measures how far the outputs of layer l are from those of exact
// arithmetic (float64 stands in for it), relative to the largest singular value
// of a sample of the rows. It is 0 for the inputs, and for float64.
func (j *job) noise(l int) float64 {
	if l < 0 || j.net.Precision != network.Float32 {
		return 0
	}
	x := pick(j.set.X, sampleRows(j.set.N(), min(noiseRows, max(8, j.elements()/(8*j.net.Layers[l].Width()))), j.opt.Seed))
	fine := &network.Network{Layers: j.net.Layers, Precision: network.Float64}
	a, b := j.net.Activations(x, l), fine.Activations(rounded(x), l)
	size := largestSingular(a)
	if size == 0 {
		return 0
	}
	b.Sub(a, b)
	return mat.Norm(b, 2) / size
}

// rounded returns x as a float32 network reads it.
func rounded(x *mat.Dense) *mat.Dense {
	n, d := x.Dims()
	out := mat.NewDense(n, d, nil)
	parallel.Each(n, func(i int) {
		to := out.RawRowView(i)
		for k, v := range x.RawRowView(i) {
			to[k] = float64(float32(v))
		}
	})
	return out
}

// largestSingular estimates the largest singular value by power iteration.
func largestSingular(a *mat.Dense) float64 {
	n, m := a.Dims()
	v, u := mat.NewVecDense(m, nil), mat.NewVecDense(n, nil)
	for i := range m {
		v.SetVec(i, 1)
	}
	size := 0.0
	for range 20 { // entries of one sign: the first step is nearly there
		norm := mat.Norm(v, 2)
		if norm == 0 {
			return 0
		}
		v.ScaleVec(1/norm, v)
		u.MulVec(a, v)
		size = mat.Norm(u, 2)
		v.MulVec(a.T(), u)
	}
	return size
}

// solveElements is the size of matrix up to which a further factorization, for
// least squares, takes less than a second.
const solveElements = 1 << 21

// count takes over what was counted while the matrix was built.
func (y *Layer) count(p *phi.Matrix, l int) {
	n, m := p.Dims()
	y.Facts = p.Counts()
	y.Layer = l
	stats := p.Stats()
	y.DeadUnits, y.AlwaysOnUnits = list(stats.Dead), list(stats.AlwaysOn)
	y.Duplicates = stats.Parallel
	if y.Duplicates == nil {
		y.Duplicates = [][]int{}
	}
	y.RowDensity, y.UnitDensity = histogram(stats.PerRow, m), histogram(stats.PerUnit, n)
	y.Spectrum, y.RankRange = []float64{}, [2]int{y.RankLower, y.RankUpper}
}

// describe reads the matrix: everything that needs no targets, and the class of
// solutions when it is the last hidden layer.
func (y *Layer) describe(p *phi.Matrix, set *dataset.Set, last bool) {
	n, m := p.Dims()
	if !last || n*m > solveElements {
		set = nil // a large one is judged with the scores of its rows, see [Last.judge]
	}
	l := y.Layer
	y.Facts = p.Facts(set)
	y.Layer = l
	y.Spectrum = finite(p.SingularValues(false))
	if len(y.Spectrum) == 0 {
		y.sketch(p)
	}
	y.decide(n, m)
	if essential, free, err := p.Essential(); err == nil {
		y.Essential, y.Free = list(essential), list(free)
	}
}

// sketch takes the leading singular values from a random sketch, where these are
// all there is.
func (y *Layer) sketch(p *phi.Matrix) {
	s, err := p.Sketch(false)
	if err != nil {
		y.Notes = append(y.Notes, "Singular values and essential units are not computed: "+wayOut(p))
		return
	}
	y.Spectrum, y.SpectrumError = s.Sigma, &s.Error
	y.Notes = append(y.Notes, fmt.Sprintf("The %d leading singular values are from a random sketch: squares are too small by at most (%.3g)^2, and every further one is at most %.3g (but for a probability of %.0e). Essential units are not computed. %s",
		len(s.Sigma), s.Error, s.Error, s.Failure, wayOut(p)))
}

// wayOut says how to have a matrix taken apart that is too large.
func wayOut(p *phi.Matrix) string {
	n, m := p.Dims()
	c := p.Cost()
	return fmt.Sprintf("To take %d x %d numbers apart exactly takes %.1e operations: --work %.0e and --memory %.0fGiB allow it.",
		n, m, c.Exact, 1.05*c.Exact, math.Ceil(aliveAtMost*gibibytes(c.ExactBytes)))
}

func gibibytes(bytes int64) float64 { return float64(bytes) / (1 << 30) }

func list(v []int) []int {
	if v == nil {
		return []int{}
	}
	return v
}

func finite(v []float64) []float64 {
	for _, s := range v {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return []float64{}
		}
	}
	if v == nil {
		return []float64{}
	}
	return v
}

// decide says how sure the rank is.
func (y *Layer) decide(n, m int) {
	y.RankRange = [2]int{y.RankLower, y.RankUpper}
	y.RankSure = y.RankLower == y.RankUpper
	if len(y.Spectrum) == 0 || y.Tolerance == nil {
		return
	}
	if y.SpectrumError != nil && y.Rank != nil && len(y.Spectrum) < *y.Rank {
		// The rank is from elsewhere: its own two singular values decide.
		if y.SigmaLast == nil || *y.SigmaLast > sureFactor**y.Tolerance && *y.SigmaNext < *y.Tolerance/sureFactor {
			return
		}
	}
	lower, upper := 0, 0
	for _, s := range y.Spectrum {
		if s > sureFactor**y.Tolerance {
			lower++
		}
		if math.Hypot(s, y.spectrumError()) > *y.Tolerance/sureFactor {
			upper++
		}
	}
	if y.spectrumError() > *y.Tolerance/sureFactor {
		upper = min(n, m)
	}
	y.RankRange = [2]int{lower, upper}
	y.RankSure = lower == upper
}

// spectrumError is 0 for a complete spectrum.
func (y *Layer) spectrumError() float64 {
	if y.SpectrumError == nil {
		return 0
	}
	return *y.SpectrumError
}

// Histogram is a distribution of fractions between 0 and 1: the number of rows
// (or units) per bin, and quantiles.
type Histogram struct {
	Bins   []int   `json:"bins"` // [0, 1] in equal parts; 1 belongs to the last
	Mean   float64 `json:"mean"`
	Least  float64 `json:"least"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

const histogramBins = 20

// histogram bins counts out of a total.
func histogram(counts []int, of int) Histogram {
	h := Histogram{Bins: make([]int, histogramBins)}
	if len(counts) == 0 || of == 0 {
		return h
	}
	perCount := make([]int, of+1) // counting sort: quantiles for free
	for _, c := range counts {
		perCount[c]++
		h.Bins[min(c*histogramBins/of, histogramBins-1)]++
		h.Mean += float64(c) / float64(of) / float64(len(counts))
	}
	seen := 0
	h.Least, h.Median = -1, -1
	for c, k := range perCount {
		if k == 0 {
			continue
		}
		seen += k
		at := float64(c) / float64(of)
		if h.Least < 0 {
			h.Least = at
		}
		if h.Median < 0 && 2*seen >= len(counts) {
			h.Median = at
		}
		h.Most = at
	}
	return h
}
