package table

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// NPY and NPZ are NumPy's formats. They are read here, not with npyio: that
// one panics on a broken header, and makes room for as many numbers as a header claims.

// maxHeader bounds the header of an NPY file; NumPy's are 64 to 256 bytes.
const maxHeader = 1 << 16

func readNPY(f *frame, file string, opts *Options) error {
	r, closer, err := openFile(file)
	if err != nil {
		return err
	}
	defer closer.Close()
	a, err := npyHeader(r)
	if err != nil {
		return &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
	}
	return a.load(f, opts.Limit)
}

// readNPZ reads an NPZ file: the arrays X and y (or x, data, inputs; Y, target,
// targets, labels) as inputs and targets, or the only array as a table.
func readNPZ(f *frame, file string, opts *Options) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return &Error{Source: file, Err: ErrFormat, Detail: err.Error()}
	}
	defer z.Close()
	entries := make(map[string]*zip.File)
	var names []string
	for _, entry := range z.File {
		name := strings.TrimSuffix(filepath.Base(entry.Name), ".npy")
		entries[name] = entry
		names = append(names, name)
	}
	sort.Strings(names)
	first := func(candidates ...string) *zip.File {
		for _, c := range candidates {
			if entries[c] != nil {
				return entries[c]
			}
		}
		return nil
	}
	inputs := first("X", "x", "data", "inputs", "x_train", "X_train")
	targets := first("y", "Y", "target", "targets", "labels", "y_train")
	switch {
	case len(names) == 1:
		return readEntry(f, z.File[0], opts)
	case inputs == nil || targets == nil:
		return &Error{Source: file, Err: ErrFormat, Detail: fmt.Sprintf("its arrays are %s", strings.Join(names, ", ")), Hint: "name the arrays of an NPZ file X and y"}
	}
	x, y := &frame{source: file + ":" + inputs.Name}, &frame{source: file + ":" + targets.Name}
	if err := readEntry(x, inputs, opts); err != nil {
		return err
	}
	if err := readEntry(y, targets, opts); err != nil {
		return err
	}
	return f.join(x, y)
}

func readEntry(f *frame, entry *zip.File, opts *Options) error {
	r, err := entry.Open()
	if err == nil {
		defer r.Close()
		var a *array
		if a, err = npyHeader(r); err == nil {
			return a.load(f, opts.Limit)
		}
	}
	return &Error{Source: f.source, Err: ErrFormat, Detail: err.Error()}
}

// The entries of an NPY header, a Python dictionary such as
// {'descr': '<f8', 'fortran_order': False, 'shape': (1000, 20), }.
var (
	npyDescr = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyOrder = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape'\s*:\s*\(([0-9,\sL]*)\)`)
)

// npyHeader reads the header of an NPY file, versions 1 to 3:
// numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func npyHeader(r io.Reader) (*array, error) {
	var magic [8]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || string(magic[:6]) != "\x93NUMPY" {
		return nil, errors.New("no NPY file begins so")
	}
	length := make([]byte, 2)
	if magic[6] >= 2 {
		length = make([]byte, 4)
	}
	if magic[6] < 1 || magic[6] > 3 {
		return nil, fmt.Errorf("version %d of NPY", magic[6])
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, errors.New("the file ends in its header")
	}
	size := uint32(length[0]) | uint32(length[1])<<8
	if len(length) == 4 {
		size = binary.LittleEndian.Uint32(length)
	}
	if size > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes", size)
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("the file ends in its header")
	}
	return parseNPY(string(header), r)
}

func parseNPY(header string, r io.Reader) (*array, error) {
	descr, order, shape := npyDescr.FindStringSubmatch(header), npyOrder.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if order == nil || shape == nil {
		return nil, errors.New("a header without fortran_order and shape")
	}
	if descr == nil {
		return nil, errors.New("an array of records, not of numbers")
	}
	a := &array{r: r, columns: order[1] == "True"}
	if err := a.setType(descr[1]); err != nil {
		return nil, err
	}
	var dims []int
	for _, text := range strings.Split(shape[1], ",") {
		text = strings.TrimSuffix(strings.TrimSpace(text), "L")
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("a dimension of %s", text)
		}
		dims = append(dims, n)
	}
	if a.columns && len(dims) > 2 {
		return nil, errors.New("an array of more than two dimensions in Fortran order; save it with numpy.ascontiguousarray")
	}
	return a, a.shape(dims)
}

// setType sets how a number is read from NumPy's name of its type.
func (a *array) setType(descr string) error {
	if len(descr) < 2 {
		return fmt.Errorf("the type %q", descr)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	readers := map[string]func([]byte) float64{
		"f8": func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) },
		"f4": func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) },
		"f2": func(b []byte) float64 { return halfFloat(order.Uint16(b)) },
		"i8": func(b []byte) float64 { return float64(int64(order.Uint64(b))) },
		"i4": func(b []byte) float64 { return float64(int32(order.Uint32(b))) },
		"i2": func(b []byte) float64 { return float64(int16(order.Uint16(b))) },
		"i1": func(b []byte) float64 { return float64(int8(b[0])) },
		"u8": func(b []byte) float64 { return float64(order.Uint64(b)) },
		"u4": func(b []byte) float64 { return float64(order.Uint32(b)) },
		"u2": func(b []byte) float64 { return float64(order.Uint16(b)) },
		"u1": func(b []byte) float64 { return float64(b[0]) },
		"b1": func(b []byte) float64 { return float64(b[0] & 1) },
	}
	kind := strings.TrimLeft(descr, "<>|=")
	a.number = readers[kind]
	if a.number == nil {
		return fmt.Errorf("numbers of type %q; save them as float64", descr)
	}
	a.size = int(kind[1] - '0')
	return nil
}

// halfFloat returns the number of IEEE binary16 bits.
func halfFloat(b uint16) float64 {
	sign := 1.0
	if b>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(b>>10&0x1f), float64(b&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}
