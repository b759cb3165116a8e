package torch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The machine of pickles, less everything that could do harm.
//
// A pickle is a list of one-byte instructions with operands for a machine with a
// stack and a memo (a numbered store, so that objects can be shared):
//
//	} ( X"fc.bias" ... u .     push {}, push a mark, push a key and a value,
//	                           set all items above the mark, stop: {"fc.bias": ...}
//
// GLOBAL pushes a Python function or class by name, REDUCE calls it: here the
// names are looked up in a fixed list, and everything on the list is a few lines
// of this package (rebuild.go). Instructions that no state dict needs are refused
// by number. Values are shared, never copied, and each instruction makes one at
// most, so memory is bounded by the program's length.
//
// The instructions are those of Python's Lib/pickletools.py, protocols 0 to 5.

type (
	machine struct {
		*archive
		code     []byte
		at       int // of the next instruction
		stack    []any
		memo     map[uint64]any
		elements int // of all tensors made so far
		stopped  bool
	}
	mark   struct{}
	none   struct{}
	global string // module and name
	tuple  []any
	list   struct{ items []any }
	dict   struct {
		keys, values []any
		index        map[any]int // of keys
	}
)

// instructions are what each byte does. The numbers of some say how many bytes
// their operand's length or value has.
var instructions = map[byte]func(m *machine) error{
	0x80: func(m *machine) error { _, err := m.take(1); return err }, // PROTO
	0x95: func(m *machine) error { _, err := m.take(8); return err }, // FRAME
	'.':  func(m *machine) error { m.stopped = true; return nil },

	'N':  func(m *machine) error { return m.push(none{}) },
	0x88: func(m *machine) error { return m.push(true) },
	0x89: func(m *machine) error { return m.push(false) },
	'K':  func(m *machine) error { return m.unsigned(1) },
	'M':  func(m *machine) error { return m.unsigned(2) },
	'J':  (*machine).int32,
	0x8a: (*machine).long,
	'G':  (*machine).float,
	'U':  func(m *machine) error { return m.text(1) }, // SHORT_BINSTRING, Python 2
	'T':  func(m *machine) error { return m.text(4) },
	0x8c: func(m *machine) error { return m.text(1) },
	'X':  func(m *machine) error { return m.text(4) },
	0x8d: func(m *machine) error { return m.text(8) },

	'(':  func(m *machine) error { return m.push(mark{}) },
	')':  func(m *machine) error { return m.push(tuple(nil)) },
	't':  func(m *machine) error { items, err := m.toMark(); return m.pushIf(tuple(items), err) },
	0x85: func(m *machine) error { items, err := m.pop(1); return m.pushIf(tuple(items), err) },
	0x86: func(m *machine) error { items, err := m.pop(2); return m.pushIf(tuple(items), err) },
	0x87: func(m *machine) error { items, err := m.pop(3); return m.pushIf(tuple(items), err) },
	']':  func(m *machine) error { return m.push(&list{}) },
	'a':  func(m *machine) error { items, err := m.pop(1); return m.extend(items, err) },
	'e':  func(m *machine) error { items, err := m.toMark(); return m.extend(items, err) },
	'}':  func(m *machine) error { return m.push(&dict{}) },
	's':  func(m *machine) error { items, err := m.pop(2); return m.setItems(items, err) },
	'u':  func(m *machine) error { items, err := m.toMark(); return m.setItems(items, err) },

	'q':  func(m *machine) error { return m.put(1) },
	'r':  func(m *machine) error { return m.put(4) },
	0x94: func(m *machine) error { return m.remember(uint64(len(m.memo))) },
	'h':  func(m *machine) error { return m.get(1) },
	'j':  func(m *machine) error { return m.get(4) },

	'c':  (*machine).global,
	0x93: (*machine).stackGlobal,
	'R':  (*machine).reduce,
	'b':  (*machine).build,
	'Q':  (*machine).persistent,
}

// run runs the program and returns what it leaves.
func (m *machine) run() (any, error) {
	m.memo = map[uint64]any{}
	for !m.stopped {
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		do := instructions[op[0]]
		if do == nil {
			return nil, &UnsupportedError{"data.pkl", fmt.Sprintf("instruction %#02x at byte %d, which no state dict needs; %s", op[0], m.at-1, saveStateDict)}
		}
		if err := do(m); err != nil {
			return nil, err
		}
	}
	v, err := m.pop(1)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

func (m *machine) fault(format string, args ...any) error {
	return &FormatError{"data.pkl", fmt.Sprintf(format, args...) + fmt.Sprintf(" (at byte %d of %d)", m.at, len(m.code))}
}

// take returns the next n bytes of the program.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.code)-m.at) {
		return nil, m.fault("the program ends within an instruction")
	}
	b := m.code[m.at : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

// number returns the next n <= 8 bytes as a little-endian number.
func (m *machine) number(n uint64) (uint64, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var whole [8]byte
	copy(whole[:], b)
	return binary.LittleEndian.Uint64(whole[:]), nil
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pushIf(v any, err error) error {
	if err != nil {
		return err
	}
	return m.push(v)
}

// pop takes n values off the stack. They are the caller's to keep.
func (m *machine) pop(n int) ([]any, error) {
	k := len(m.stack) - n
	if k < 0 {
		return nil, m.fault("the stack holds %d values where %d are needed", len(m.stack), n)
	}
	v := append([]any(nil), m.stack[k:]...)
	for _, x := range v {
		if _, is := x.(mark); is {
			return nil, m.fault("a mark stands where a value is needed")
		}
	}
	m.stack = m.stack[:k]
	return v, nil
}

// toMark takes everything above the last mark off the stack, and the mark.
func (m *machine) toMark() ([]any, error) {
	for k := len(m.stack) - 1; k >= 0; k-- {
		if _, is := m.stack[k].(mark); is {
			v := append([]any(nil), m.stack[k+1:]...)
			m.stack = m.stack[:k]
			return v, nil
		}
	}
	return nil, m.fault("no mark on the stack")
}

func (m *machine) unsigned(n uint64) error {
	v, err := m.number(n)
	return m.pushIf(int64(v), err)
}

func (m *machine) int32() error {
	v, err := m.number(4)
	return m.pushIf(int64(int32(v)), err)
}

// long reads a two's complement number. Those beyond 8 bytes count nothing that
// a file could hold.
func (m *machine) long() error {
	n, err := m.number(1)
	if err != nil {
		return err
	}
	if n > 8 {
		return m.fault("a number of %d bytes", n)
	}
	v, err := m.number(n)
	if n > 0 {
		v = uint64(int64(v<<(64-8*n)) >> (64 - 8*n))
	}
	return m.pushIf(int64(v), err)
}

func (m *machine) float() error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}

func (m *machine) text(n uint64) error {
	size, err := m.number(n)
	if err != nil {
		return err
	}
	b, err := m.take(size)
	return m.pushIf(string(b), err)
}

func (m *machine) put(n uint64) error {
	i, err := m.number(n)
	if err != nil {
		return err
	}
	return m.remember(i)
}

func (m *machine) remember(i uint64) error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	m.memo[i] = v[0]
	return m.push(v[0])
}

func (m *machine) get(n uint64) error {
	i, err := m.number(n)
	if err != nil {
		return err
	}
	v, ok := m.memo[i]
	if !ok {
		return m.fault("nothing is remembered as number %d", i)
	}
	return m.push(v)
}
