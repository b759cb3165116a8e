package train

import "math"

// leastGradient is the part of a row's gradient that is treated as none: far
// below what float32 resolves beside any other row's, and far above the subnormal
// numbers that products of such parts would be.
const leastGradient = 1e-12

// crossEntropy returns -log softmax(out)[class] in nats and whether another
// class is as large, and puts scale times the gradient by out into delta:
// softmax(out) minus the indicator of the class.
func crossEntropy(delta, out []float32, class int, scale float32) (loss float64, missed bool) {
	most := out[0]
	for _, v := range out {
		if v > most {
			most = v
		}
	}
	sum := 0.0
	for j, v := range out {
		e := math.Exp(float64(v - most))
		sum += e
		delta[j] = float32(e)
		missed = missed || v >= out[class] && j != class
	}
	loss = math.Log(sum) - float64(out[class]-most)
	factor := 1 / float32(sum)
	for j := range delta {
		p := delta[j] * factor
		if p < leastGradient {
			p = 0
		}
		if j == class {
			p = -float32((sum - math.Exp(float64(out[class]-most))) / sum) // 1 - p loses no digits this way
			if p > -leastGradient {
				p = 0
			}
		}
		delta[j] = scale * p
	}
	return loss, missed
}

// squaredError returns half the squared distance and puts scale times its
// gradient by out into delta.
func squaredError(delta, out, want []float32, scale float32) float64 {
	sum := 0.0
	for j, v := range out {
		r := v - want[j]
		sum += float64(r) * float64(r)
		if r < leastGradient && r > -leastGradient {
			r = 0
		}
		delta[j] = scale * r
	}
	return sum / 2
}
