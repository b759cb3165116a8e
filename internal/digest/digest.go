// Package digest computes SHA-256 digests of numbers, bit by bit.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
)

// Digest is a running SHA-256 of numbers. Make one with [New].
type Digest struct {
	h   hash.Hash
	buf []byte
}

// New returns an empty digest.
func New() *Digest { return &Digest{h: sha256.New(), buf: make([]byte, 0, 1<<16)} }

// Number adds one integer.
func (d *Digest) Number(v uint64) {
	if len(d.buf)+8 > cap(d.buf) {
		d.flush()
	}
	d.buf = binary.LittleEndian.AppendUint64(d.buf, v)
}

// Text adds a string, with its length.
func (d *Digest) Text(s string) {
	d.Number(uint64(len(s)))
	d.flush()
	d.h.Write([]byte(s))
}

// Floats adds numbers by their bits, so that 0 and -0 differ, with their count.
func (d *Digest) Floats(v []float64) {
	d.Number(uint64(len(v)))
	for _, x := range v {
		d.Number(math.Float64bits(x))
	}
}

// Sum returns the digest of all that was added.
func (d *Digest) Sum() [32]byte {
	d.flush()
	return [32]byte(d.h.Sum(nil))
}

func (d *Digest) flush() {
	d.h.Write(d.buf)
	d.buf = d.buf[:0]
}
