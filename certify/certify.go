package certify

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync"

	"hinge/dataset"
	"hinge/internal/parallel"
	"hinge/network"
)

// batchElements bounds the balls held per layer and processor at a time: 512 Ki
// of them, 8 MiB, are enough rows for fast products of matrices.
const batchElements = 1 << 19

// Certify proves, row by row, that every evaluation of net in its precision
// hits the targets of set, and returns the certificate. The inputs are rounded
// to the precision first, as a runtime is fed. It returns an error only when
// network and set do not fit each other or the network is malformed; a proof
// that fails is a certificate that does not hold and lists the rows.
//
// Cost: two products of matrices per dense layer, the centres in float64 and the
// radii, as a rule, in float32: 1.5 forward passes and a little. Where a
// layer of gates follows projections (see [network.FindAwake]) only the gates
// that can be awake on a row are looked at, O((n + units) log n) for n rows.
func Certify(net *network.Network, set *dataset.Set, opts Options) (*Certificate, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if d, p := net.Inputs(), net.Outputs(); d != set.D() || p != set.P() {
		return nil, fmt.Errorf("certify: the network maps %d inputs to %d outputs, the data %d to %d", d, p, set.D(), set.P())
	}
	v := newVerdict(net, set, opts)
	p := newProof(net, set.X)
	p.each(set.N(), v.judge)
	return v.certificate(p.method()), nil
}

// CertifyFed proves that every evaluation of net hits the targets of set when it
// is fed, for each row, any values of the enclosure: those that another network
// computes in front of it. The rows of set are those of the enclosure, in order;
// its inputs are not looked at. Errors are those of [Certify].
func CertifyFed(net *network.Network, fed *Enclosure, set *dataset.Set, opts Options) (*Certificate, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	n, d := fed.Centre.Dims()
	if n != set.N() || d != net.Inputs() || net.Outputs() != set.P() {
		return nil, fmt.Errorf("certify: %d rows of %d numbers and %d targets for a network from %d to %d", n, d, set.P(), net.Inputs(), net.Outputs())
	}
	v := newVerdict(net, set, opts)
	p := newProofAround(net, fed.Centre, fed.Radius)
	p.each(n, v.judge)
	return v.certificate(p.method()), nil
}

// A verdict gathers the rows' bounds into a certificate.
type verdict struct {
	net    *network.Network
	set    *dataset.Set
	ranges []float64

	mu   sync.Mutex
	cert Certificate
}

func newVerdict(net *network.Network, set *dataset.Set, opts Options) *verdict {
	v := &verdict{net: net, set: set, ranges: opts.Range}
	if len(v.ranges) != set.P() {
		v.ranges = set.Range()
	}
	v.cert = Certificate{
		Arithmetic: net.Precision.String() + ", any order of summation, with or without fused multiply-add",
		Task:       string(set.Schema.Task),
		Rows:       set.N(),
		Missed:     []Miss{},
	}
	if !set.IsClasses() {
		v.cert.Tolerance = opts.tolerance(net.Precision)
	} else {
		v.cert.MinMargin = math.MaxFloat64
	}
	return v
}

func (o Options) tolerance(p network.Precision) float64 {
	switch {
	case o.Tolerance > 0:
		return o.Tolerance
	case p == network.Float32:
		return 1e-5
	}
	return 1e-6
}

// judge adds the rows from, from+1, ... with the given output balls. Calls may
// run at the same time.
func (v *verdict) judge(from int, out batch) {
	bounds := make([]float64, out.c.Rows)
	parallel.Each(len(bounds), func(r int) {
		if v.set.IsClasses() {
			bounds[r] = margin(out, r, v.set.Class[from+r])
		} else {
			bounds[r] = v.distance(out, r, from+r)
		}
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	for r, bound := range bounds {
		hit := bound > 0
		if v.set.IsClasses() {
			v.cert.MinMargin = lower(v.cert.MinMargin, bound)
		} else {
			hit = bound <= v.cert.Tolerance
			v.cert.MaxError = higher(v.cert.MaxError, bound)
		}
		if hit {
			v.cert.Hit++
			continue
		}
		v.cert.Missed = append(v.cert.Missed, v.miss(out, r, from+r, bound))
	}
}

// higher and lower are max and min that keep a NaN from passing for a number.
func higher(a, b float64) float64 {
	if b <= a {
		return a
	}
	return b
}

func lower(a, b float64) float64 {
	if b >= a {
		return a
	}
	return b
}

// distance bounds |f(x_i) - y_i| over the outputs of row r, as a fraction of
// each target's range.
func (v *verdict) distance(out batch, r, i int) float64 {
	worst := 0.0
	for j, y := range v.set.Y.RawRowView(i) {
		z := out.at(r, j)
		d := math.Abs(z.c-y) + z.e
		if z.e > 0 || z.c != y {
			d *= slack
		}
		worst = higher(worst, d/v.ranges[j])
	}
	if math.IsNaN(worst) {
		return math.Inf(1)
	}
	return worst
}

// margin bounds from below by how much the output of the class wins on row r.
// A single class always wins, by a margin of 1.
func margin(out batch, r, class int) float64 {
	if out.c.Cols == 1 {
		return 1
	}
	own := out.at(r, class)
	least := math.Inf(1)
	for j := 0; j < out.c.Cols; j++ {
		if j == class {
			continue
		}
		z := out.at(r, j)
		gap, doubt := own.c-z.c, own.e+z.e
		m := gap - doubt
		if doubt > 0 {
			m -= 0x1p-50 * (math.Abs(own.c) + math.Abs(z.c) + doubt) // the roundings of m itself
		}
		least = lower(least, m)
	}
	if math.IsNaN(least) {
		return math.Inf(-1)
	}
	return least
}

func (v *verdict) miss(out batch, r, i int, bound float64) Miss {
	m := Miss{Row: v.set.Rows[i], Bound: finite(bound)}
	for j := 0; j < out.c.Cols; j++ {
		m.Out = append(m.Out, finite(out.at(r, j).c))
	}
	if !v.set.IsClasses() {
		m.Want, m.Got = append([]float64(nil), v.set.Y.RawRowView(i)...), m.Out
		return m
	}
	best := 0
	for j, c := range m.Out {
		if c > m.Out[best] {
			best = j
		}
	}
	m.Want, m.Got = v.set.Schema.Classes[v.set.Class[i]], v.set.Schema.Classes[best]
	return m
}

// finite replaces what JSON cannot hold.
func finite(x float64) float64 {
	switch {
	case math.IsNaN(x), math.IsInf(x, 1):
		return math.MaxFloat64
	case math.IsInf(x, -1):
		return -math.MaxFloat64
	}
	return x
}

func (v *verdict) certificate(method string) *Certificate {
	c := v.cert
	slices.SortFunc(c.Missed, func(a, b Miss) int { return cmp.Compare(a.Row, b.Row) })
	c.Holds = c.Hit == c.Rows
	c.MaxError, c.MinMargin = finite(c.MaxError), finite(c.MinMargin)
	c.Method = method
	netDigest, setDigest := v.net.Digest(), v.set.Digest()
	c.Network, c.Data = hex.EncodeToString(netDigest[:]), hex.EncodeToString(setDigest[:])
	return &c
}
