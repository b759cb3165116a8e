package statedict

import (
	"encoding/binary"
	"math"

	"hinge/network"
)

// Float is a floating-point format as it lies in a file.
type Float struct {
	Name      string
	Size      int               // bytes of an element
	Precision network.Precision // the coarsest that holds every element exactly
	At        func(b []byte, order binary.ByteOrder) float64
}

// The formats that hold weights. Each element of the narrow ones is a float32.
var (
	F64 = &Float{"F64", 8, network.Float64, func(b []byte, order binary.ByteOrder) float64 {
		return math.Float64frombits(order.Uint64(b))
	}}
	F32 = &Float{"F32", 4, network.Float32, func(b []byte, order binary.ByteOrder) float64 {
		return float64(math.Float32frombits(order.Uint32(b)))
	}}
	// BF16 is the upper half of a binary32.
	BF16 = &Float{"BF16", 2, network.Float32, func(b []byte, order binary.ByteOrder) float64 {
		return float64(math.Float32frombits(uint32(order.Uint16(b)) << 16))
	}}
	// F16 is IEEE binary16.
	F16 = &Float{"F16", 2, network.Float32, func(b []byte, order binary.ByteOrder) float64 {
		return half(order.Uint16(b))
	}}
)

// half returns the value of a binary16: sign, 5 bits of exponent with bias 15,
// 10 bits of fraction.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var v float64
	switch {
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	case exponent == 0: // subnormal: no hidden bit
		v = math.Ldexp(fraction, -24)
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		v = -v
	}
	return v
}

// Elements returns the number of elements of a shape, and false when a size is
// negative or the number exceeds most.
func Elements(shape []int, most int) (n int, ok bool) {
	empty := false
	for _, s := range shape {
		if s < 0 {
			return 0, false
		}
		empty = empty || s == 0
	}
	if empty {
		return 0, true
	}
	n = 1
	for _, s := range shape {
		if n > most/s {
			return 0, false
		}
		n *= s
	}
	return n, n <= most
}
