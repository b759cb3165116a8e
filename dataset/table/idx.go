package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// readIDX reads an IDX file, as MNIST comes in: the rows are the first
// dimension, the numbers of all others stand in one row, as they are (0..255 for bytes).
func readIDX(f *frame, file string, opts *Options) error {
	r, closer, err := openFile(file)
	if err != nil {
		return err
	}
	defer closer.Close()
	a, err := idxHeader(r)
	if err != nil {
		return &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
	}
	return a.load(f, opts.Limit)
}

// idxHeader reads the header of an IDX file (LeCun, Cortes, Burges, The MNIST
// database): two zero bytes, the type, the number of dimensions, and their sizes,
// all big-endian.
func idxHeader(r io.Reader) (*array, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, errors.New("the file ends in its header")
	}
	a := &array{r: r}
	big := binary.BigEndian
	switch magic[2] {
	case 0x08:
		a.size, a.number = 1, func(b []byte) float64 { return float64(b[0]) }
	case 0x09:
		a.size, a.number = 1, func(b []byte) float64 { return float64(int8(b[0])) }
	case 0x0b:
		a.size, a.number = 2, func(b []byte) float64 { return float64(int16(big.Uint16(b))) }
	case 0x0c:
		a.size, a.number = 4, func(b []byte) float64 { return float64(int32(big.Uint32(b))) }
	case 0x0d:
		a.size, a.number = 4, func(b []byte) float64 { return float64(math.Float32frombits(big.Uint32(b))) }
	case 0x0e:
		a.size, a.number = 8, func(b []byte) float64 { return math.Float64frombits(big.Uint64(b)) }
	default:
		return nil, fmt.Errorf("no IDX type is %#02x", magic[2])
	}
	if magic[0] != 0 || magic[1] != 0 || magic[3] == 0 || magic[3] > 8 {
		return nil, fmt.Errorf("no IDX file of 1 to 8 dimensions begins with % x", magic)
	}
	dims := make([]int, magic[3])
	for i := range dims {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return nil, errors.New("the file ends in its header")
		}
		dims[i] = int(big.Uint32(size[:]))
	}
	return a, a.shape(dims)
}
