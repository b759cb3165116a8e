package train

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Init is how the weights are drawn. Biases start at 0 in every one.
type Init string

const (
	He         Init = "he"         // normal, variance 2/inputs: K. He et al. 2015
	HeUniform  Init = "he-uniform" // uniform, the same variance
	Glorot     Init = "glorot"     // uniform, variance 2/(inputs + units): X. Glorot, Y. Bengio 2010
	LeCun      Init = "lecun"      // normal, variance 1/inputs: Y. LeCun et al. 1998
	Orthogonal Init = "orthogonal" // orthonormal rows or columns, times sqrt 2: A. Saxe et al. 2014
)

// Inits lists all initialisations.
var Inits = []Init{He, HeUniform, Glorot, LeCun, Orthogonal}

func (k Init) known() bool {
	for _, other := range Inits {
		if k == other {
			return true
		}
	}
	return false
}

// fill draws the units x inputs weights w. The output layer, which no ReLU
// follows, needs half of He's variance, and the same holds for sqrt 2.
func (k Init) fill(w []float32, units, inputs int, last bool, rng *rand.Rand) {
	variance := 2 / float64(inputs)
	switch k {
	case Glorot:
		variance = 2 / float64(inputs+units)
	case LeCun:
		variance = 1 / float64(inputs)
	default:
		if last {
			variance /= 2
		}
	}
	switch k {
	case Orthogonal:
		orthogonal(w, units, inputs, math.Sqrt(variance*float64(inputs)), rng)
	case HeUniform, Glorot:
		reach := math.Sqrt(3 * variance)
		for i := range w {
			w[i] = float32(reach * (2*rng.Float64() - 1))
		}
	default:
		spread := math.Sqrt(variance)
		for i := range w {
			w[i] = float32(spread * rng.NormFloat64())
		}
	}
}

// orthogonal fills w with the orthonormal factor of a normal matrix, times
// gain: rows are orthonormal when there are at most as many as columns, else
// columns are.
func orthogonal(w []float32, units, inputs int, gain float64, rng *rand.Rand) {
	tall, wide := max(units, inputs), min(units, inputs)
	g := mat.NewDense(tall, wide, nil)
	for i := range tall {
		for j := range wide {
			g.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(g)
	var q, r mat.Dense
	qr.QTo(&q)
	qr.RTo(&r)
	for i := range units {
		for j := range inputs {
			a, b := i, j // entry of the tall factor
			if units < inputs {
				a, b = j, i
			}
			// The sign of R's diagonal makes the factor uniform (F. Mezzadri 2007).
			w[i*inputs+j] = float32(gain * q.At(a, b) * math.Copysign(1, r.At(b, b)))
		}
	}
}
