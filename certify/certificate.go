// Package certify proves that a network reproduces a data set in floating
// point.
//
// For most uses, call [Certify] with a network and a Set. The certificate it
// returns covers every evaluation in the stated arithmetic: products and sums
// rounded to nearest, in any order of summation, with or without fused
// multiply-add. It sees only the network and the Set, never how the network
// was built.
package certify

// Certificate is the outcome of a proof. It holds iff every row is hit for
// every evaluation that the arithmetic allows.
type Certificate struct {
	Holds      bool    `json:"holds"`
	Arithmetic string  `json:"arithmetic"` // "float64, any order of summation"
	Method     string  `json:"method"`     // how the bound was found, in words
	Task       string  `json:"task"`
	Rows       int     `json:"rows"`      // rows proved or refused
	Hit        int     `json:"hit"`       // rows proved to be hit
	Tolerance  float64 `json:"tolerance"` // regression: largest error allowed, fraction of the target's range
	// MaxError bounds |f(x)-y| over all rows and outputs as a fraction of the
	// target's range (regression; 0 proves that every value comes back bit for
	// bit).
	MaxError float64 `json:"max_error"`
	// MinMargin is a lower bound of f_class(x) - max of the other outputs over
	// all rows (classification; positive when it holds).
	MinMargin float64 `json:"min_margin"`
	Missed    []Miss  `json:"missed"`  // rows that could not be proved, in order
	Network   string  `json:"network"` // SHA-256 of the network, hex
	Data      string  `json:"data"`    // SHA-256 of the Set, hex
}

// Miss is a row that is not hit, or that cannot be proved to be.
type Miss struct {
	Row   int       `json:"row"`   // as numbered in the file, from 1
	Want  any       `json:"want"`  // targets, or the class
	Got   any       `json:"got"`   // outputs, or the class that wins
	Bound float64   `json:"bound"` // regression: bound of the error, fraction of the range; classes: lower bound of the margin
	Out   []float64 `json:"out,omitempty"`
}

// Options of [Certify]. The zero value certifies in the network's own
// precision with its default tolerance.
type Options struct {
	// Tolerance of regression targets as a fraction of their range; 0 means
	// 1e-6 in float64 and 1e-5 in float32.
	Tolerance float64
	// Range is the unit of errors and tolerance, for each target; nil means the
	// Set's own [dataset.Set.Range]. A network that is checked on some of its
	// rows keeps the range of all of them.
	Range []float64
}
