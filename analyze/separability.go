package analyze

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/internal/lp"
	"hinge/internal/parallel"
)

// Separability is whether a hyperplane has all rows of one class on one side and
// all other rows on the other, in the space of a layer's outputs: what a single
// unit of the next layer could tell. The verdict carries its proof, which was
// verified without rounding; see package internal/lp.
type Separability struct {
	Class   int    `json:"class"`
	Verdict string `json:"verdict"` // separable, inseparable or unknown
	// The margin, the largest distance that all rows can have to one separating
	// hyperplane, is proven to lie between Lower and Upper, in units of the
	// layer's outputs; 0 when inseparable. Upper is nil when no bound is known,
	// and both are nil for a class with no rows or with all.
	Lower *float64 `json:"margin_lower"`
	Upper *float64 `json:"margin_upper"`
	// When separable: W.h + B > 0 on the class and < 0 on all other rows, exactly.
	W []float64 `json:"w,omitempty"`
	B float64   `json:"b,omitempty"`
	// Exact holds W and B as fractions where float64 numbers are too coarse to
	// pass between the two sides.
	Exact []string `json:"exact,omitempty"`
	// When inseparable: the rows Rows of the class, each times its weight, sum to
	// the same point as those of the other classes; the weights of either sum to
	// 1. Weights are rounded here; Bits is the length of their exact denominator.
	// Rows count from 0 in the matrix asked about.
	Rows    []int     `json:"rows,omitempty"`
	Weights []float64 `json:"weights,omitempty"`
	Bits    int       `json:"denominator_bits,omitempty"`
	Why     string    `json:"why,omitempty"` // when unknown: what stood in the way
	Seconds float64   `json:"seconds"`
}

// separate asks which classes a hyperplane can part from all others in h, the
// outputs of layer y on the rows of set. When the context ends, the verdicts and
// bounds found so far stay.
func (j *job) separate(y *Layer, h *mat.Dense, set *dataset.Set) error {
	began := time.Now()
	_, m := h.Dims()
	points, err := within(j, func() (*lp.Points, error) { return lp.NewPoints(h) })
	if errors.Is(err, errStopped) {
		return err
	}
	found := separability(j.ctx, points, err, set.Class, set.P(), j.patience(m), j.tell)
	for k := range found {
		for i, row := range found[k].Rows {
			found[k].Rows[i] = rowOf(set, row)
		}
	}
	y.Separability = found
	j.spent += time.Since(began)
	if j.ctx.Err() != nil {
		return j.stoppedDuring()
	}
	return nil
}

// patience returns the time for the separability of the present layer, of width
// m. By default the layers share DefaultPatience, one half of it equally and the
// other by the squares of their widths, and later ones get what earlier ones
// leave: on dense data the time of a verdict grows with the third power of the
// width, but narrow layers spend most on pricing the rows.
func (j *job) patience(m int) time.Duration {
	if j.opt.Patience > 0 {
		return j.opt.Patience
	}
	own := float64(m) * float64(m)
	rest, layers := own, 1.0
	for _, l := range j.hidden[len(j.out.Layers):] {
		w := float64(j.net.Layers[l].Width())
		rest += w * w
		layers++
	}
	return max(time.Duration((1/layers+own/rest)/2*float64(DefaultPatience-j.spent)), time.Second)
}

// separability asks for each of the k classes whether its rows are linearly
// separable from all others; class[i] is the class of row i of the points, which
// could not be prepared when err is not nil. As many classes as there are
// processors are worked on at once. patience is for all of them together, and
// what one leaves is shared by those that begin later; 0 means no bound but
// ctx's. A class that is not decided in its time is unknown, with the bounds
// found. tell, if not nil, is told what part of the classes is done.
func separability(ctx context.Context, points *lp.Points, err error, class []int, k int, patience time.Duration, tell func(float64)) []Separability {
	out := make([]Separability, k)
	if err != nil {
		for c := range out {
			out[c] = Separability{Class: c, Verdict: string(lp.Unknown), Why: err.Error()}
		}
		return out
	}
	asked := k
	if k == 2 {
		asked = 1 // the other one is its mirror image
	}
	var mu sync.Mutex
	started, done, start := 0, 0, time.Now()
	workers := float64(min(runtime.GOMAXPROCS(0), asked))
	parallel.Batches(asked, 1, func() func(from, to int) {
		return func(c, _ int) {
			opt := lp.Options{}
			mu.Lock()
			if patience > 0 {
				rounds := max(1, float64(asked-started)/workers)
				opt.Patience = max(1, time.Duration(float64(patience-time.Since(start))/rounds))
			}
			started++
			mu.Unlock()
			out[c].ask(ctx, points, class, c, opt)
			mu.Lock()
			defer mu.Unlock()
			if done++; tell != nil {
				tell(float64(done) / float64(asked))
			}
		}
	})
	if k == 2 {
		out[1] = out[0].opposite()
	}
	return out
}

// ask decides about class c.
func (s *Separability) ask(ctx context.Context, points *lp.Points, class []int, c int, opt lp.Options) {
	s.Class = c
	if ctx.Err() != nil {
		s.Verdict, s.Why = string(lp.Unknown), stoppedWhy
		return
	}
	began := time.Now()
	in := make([]bool, len(class))
	for i, v := range class {
		in[i] = v == c
	}
	s.fill(points.Separate(ctx, in, opt))
	if s.Verdict == string(lp.Unknown) && ctx.Err() != nil {
		s.Why = stoppedWhy
	}
	s.Seconds = time.Since(began).Seconds()
}

// OutOfTime is said of classes that were not decided in the time given.
const OutOfTime = lp.OutOfTime

// stoppedWhy is said of classes that were not decided when the analysis was
// stopped.
const stoppedWhy = "stopped"

// fill takes over what lp found.
func (s *Separability) fill(r lp.Result) {
	s.Verdict, s.Why = string(r.Verdict), r.Why
	if !math.IsInf(r.Lower, 0) {
		s.Lower = &r.Lower
		if !math.IsInf(r.Upper, 0) {
			s.Upper = &r.Upper
		}
	}
	if r.Plane != nil {
		s.W, s.B = r.Plane.W, r.Plane.B
		for _, v := range r.Plane.Exact {
			s.Exact = append(s.Exact, v.RatString())
		}
	}
	if r.Common != nil {
		s.Rows, s.Weights, s.Bits = r.Common.Rows, r.Common.Weights(), r.Common.Den.BitLen()
	}
}

// opposite is the same answer for the other of two classes: hyperplanes turned
// round, common points as they are.
func (s Separability) opposite() Separability {
	s.Class, s.Seconds = 1, 0
	s.W = append([]float64(nil), s.W...)
	for j := range s.W {
		s.W[j] = -s.W[j]
	}
	s.B = -s.B
	exact := s.Exact
	s.Exact = nil
	for _, v := range exact {
		if v[0] == '-' {
			v = v[1:]
		} else if v != "0" {
			v = "-" + v
		}
		s.Exact = append(s.Exact, v)
	}
	return s
}
