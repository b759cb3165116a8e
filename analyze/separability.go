package analyze

import (
	"context"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"hinge/internal/lp"
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

// separability asks for each of the k classes whether its rows are linearly
// separable from all others in h (n x m); class[i] is the class of row i.
// patience is for all classes together, and what one leaves is shared by the
// next; 0 means no bound but ctx's. A class that is not decided in its time is
// unknown, with the bounds found. h is not changed.
func separability(ctx context.Context, h *mat.Dense, class []int, k int, patience time.Duration) []Separability {
	out := make([]Separability, k)
	start := time.Now()
	points, err := lp.NewPoints(h)
	for c := range out {
		out[c].Class = c
		if err != nil {
			out[c].Verdict, out[c].Why = string(lp.Unknown), err.Error()
			continue
		}
		if c == 1 && k == 2 {
			out[1] = out[0].opposite()
			continue
		}
		began := time.Now()
		opt := lp.Options{}
		if patience > 0 {
			opt.Patience = max(1, (patience-time.Since(start))/time.Duration(k-c))
		}
		in := make([]bool, len(class))
		for i, v := range class {
			in[i] = v == c
		}
		out[c].fill(points.Separate(ctx, in, opt))
		out[c].Seconds = time.Since(began).Seconds()
	}
	return out
}

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
