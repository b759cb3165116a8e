package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// writer writes files as torch.save does, with as many of the ways to say the
// same thing as the format has.
type writer struct {
	*rand.Rand
	pickle   bytes.Buffer
	storages [][]byte
	order    binary.AppendByteOrder
	memo     int
}

func newWriter(rng *rand.Rand) *writer {
	w := &writer{Rand: rng, order: binary.LittleEndian}
	if rng.IntN(4) == 0 {
		w.order = binary.BigEndian
	}
	w.pickle.WriteString("\x80\x02")
	return w
}

func (w *writer) op(s string) { w.pickle.WriteString(s) }

func (w *writer) text(s string) {
	if w.IntN(2) == 0 {
		w.op("X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s)
	} else {
		w.op("\x8c" + string([]byte{byte(len(s))}) + s)
	}
	switch w.memo++; w.IntN(3) {
	case 0:
		w.op("q" + string([]byte{byte(w.memo)}))
	case 1:
		w.op("r" + string(binary.LittleEndian.AppendUint32(nil, uint32(w.memo))))
	}
}

func (w *writer) number(n int) {
	switch {
	case n >= 0 && n < 256 && w.IntN(2) == 0:
		w.op("K" + string([]byte{byte(n)}))
	case n >= 0 && n < 1<<16 && w.IntN(2) == 0:
		w.op("M" + string(binary.LittleEndian.AppendUint16(nil, uint16(n))))
	case n == int(int32(n)) && w.IntN(2) == 0:
		w.op("J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))))
	default:
		w.op("\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n))))
	}
}

func (w *writer) global(module, name string) {
	if w.IntN(2) == 0 {
		w.op("c" + module + "\n" + name + "\n")
		return
	}
	w.text(module)
	w.text(name)
	w.op("\x93")
}

func (w *writer) numbers(v []int) {
	if len(v) == 2 && w.IntN(2) == 0 {
		w.number(v[0])
		w.number(v[1])
		w.op("\x86")
		return
	}
	w.op("(")
	for _, n := range v {
		w.number(n)
	}
	w.op("t")
}

// store adds a storage of the class and returns its key.
func (w *writer) store(class string, v []float64) int {
	var b []byte
	for _, x := range v {
		single := math.Float32bits(float32(x))
		switch class {
		case "DoubleStorage":
			b = w.order.AppendUint64(b, math.Float64bits(x))
		case "FloatStorage":
			b = w.order.AppendUint32(b, single)
		case "BFloat16Storage":
			b = w.order.AppendUint16(b, uint16(single>>16))
		case "HalfStorage": // near 1 and for 0
			b = w.order.AppendUint16(b, uint16(single>>16&0xc000|single>>13&0x3fff))
		case "LongStorage":
			b = w.order.AppendUint64(b, uint64(int64(x)))
		}
	}
	w.storages = append(w.storages, b)
	return len(w.storages) - 1
}

// tensor writes a view of a storage of n elements.
func (w *writer) tensor(class string, key, n, offset int, shape, strides []int) {
	parameter := w.IntN(4) == 0
	if parameter {
		w.global("torch._utils", "_rebuild_parameter")
		w.op("(")
	}
	w.global("torch._utils", "_rebuild_tensor_v2")
	w.op("((")
	w.text("storage")
	w.global("torch", class)
	w.text(fmt.Sprint(key))
	w.text("cpu")
	w.number(n)
	w.op("tQ")
	w.number(offset)
	w.numbers(shape)
	w.numbers(strides)
	w.op("\x89")
	w.global("collections", "OrderedDict")
	w.op(")RtR")
	if parameter {
		w.op("\x88")
		w.global("collections", "OrderedDict")
		w.op(")RtR")
	}
}

// begin and end write a dict around what stands between them.
func (w *writer) begin() {
	if w.IntN(2) == 0 {
		w.op("}(")
		return
	}
	w.global("collections", "OrderedDict")
	w.op(")R(")
}

func (w *writer) end() { w.op("u") }

// metadata sets what torch notes of its modules, which is no tensor.
func (w *writer) metadata() {
	w.op("}")
	w.text("_metadata")
	w.op("}sb")
}

// parts returns the parts of the archive.
func (w *writer) parts() map[string][]byte {
	parts := map[string][]byte{"data.pkl": append(w.pickle.Bytes(), '.'), "version": []byte("3\n")}
	if w.order == binary.AppendByteOrder(binary.BigEndian) {
		parts["byteorder"] = []byte("big")
	} else if w.IntN(2) == 0 {
		parts["byteorder"] = []byte("little")
	}
	for i, b := range w.storages {
		parts[fmt.Sprintf("data/%d", i)] = b
	}
	return parts
}

// archiveOf zips parts, stored or compressed.
func archiveOf(root string, parts map[string][]byte, method uint16) []byte {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		b := parts[name]
		f := &zip.FileHeader{Name: root + name, Method: method}
		if method == zip.Store {
			f.CRC32, f.CompressedSize64, f.UncompressedSize64 = crc32.ChecksumIEEE(b), uint64(len(b)), uint64(len(b))
			to, err := z.CreateRaw(f)
			if err != nil {
				panic(err)
			}
			to.Write(b)
			continue
		}
		to, err := z.CreateHeader(f)
		if err != nil {
			panic(err)
		}
		to.Write(b)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return file.Bytes()
}

func (w *writer) file() []byte { return archiveOf("net/", w.parts(), zip.Store) }
