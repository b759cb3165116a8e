package network

import (
	"fmt"
	"strings"
)

// A Map is the linear part of a layer: a matrix W with one row per output and
// one column per input. The concrete types say how it is stored, how many
// operations it takes, and which roundings its evaluation makes:
//
//	Dense      every entry stored
//	Sparse     the nonzero entries stored (compressed rows)
//	Diagonal   output i is D[i] times input i
//	Projected  a few projections of the input, each unit a multiple of one
//	Stack      maps of the same input, their outputs one after the other
//	Sum        maps of consecutive parts of the input, their outputs added
//	Blocks     maps of consecutive parts of the input, their outputs one after the other
//
// The set is closed: certificates and file formats know every case.
type Map interface {
	// Dims returns the numbers of outputs and of inputs.
	Dims() (out, in int)
	// Params returns how many numbers are stored.
	Params() int
	// String names the kind and what matters of its shape.
	String() string

	check() error
	entries(visit func(i, j int, w float64)) // every stored entry of W; repeated ones add up
}

// Dense is a full matrix, Out x In, row-major.
type Dense struct {
	Out, In int
	W       []float64
}

// NewDense returns the Out x In matrix with the row-major entries w, which it
// keeps. It panics when len(w) != out*in.
func NewDense(out, in int, w []float64) *Dense {
	if len(w) != out*in {
		panic(fmt.Sprintf("network: a dense map of %d x %d needs %d weights, not %d", out, in, out*in, len(w)))
	}
	return &Dense{Out: out, In: in, W: w}
}

// Row returns row i, sharing storage.
func (m *Dense) Row(i int) []float64 { return m.W[i*m.In : (i+1)*m.In] }

func (m *Dense) Dims() (out, in int) { return m.Out, m.In }
func (m *Dense) Params() int         { return len(m.W) }
func (m *Dense) String() string      { return "dense" }

func (m *Dense) check() error {
	if m.Out < 1 || m.In < 1 || len(m.W) != m.Out*m.In {
		return fmt.Errorf("dense map of %d x %d holds %d weights", m.Out, m.In, len(m.W))
	}
	return nil
}

func (m *Dense) entries(visit func(i, j int, w float64)) {
	for i := 0; i < m.Out; i++ {
		for j, w := range m.Row(i) {
			visit(i, j, w)
		}
	}
}

// Sparse is a matrix in compressed rows: the entries of row i are
// Val[RowPtr[i]:RowPtr[i+1]], in the columns Col[RowPtr[i]:RowPtr[i+1]],
// ascending and distinct within a row.
type Sparse struct {
	Out, In int
	RowPtr  []int
	Col     []int32
	Val     []float64
}

func (m *Sparse) Dims() (out, in int) { return m.Out, m.In }
func (m *Sparse) Params() int         { return len(m.Val) }
func (m *Sparse) String() string      { return fmt.Sprintf("sparse(%d nonzeros)", len(m.Val)) }

func (m *Sparse) check() error {
	if m.Out < 1 || m.In < 1 || len(m.RowPtr) != m.Out+1 || m.RowPtr[0] != 0 || len(m.Col) != len(m.Val) {
		return fmt.Errorf("sparse map of %d x %d is malformed", m.Out, m.In)
	}
	for i := 0; i < m.Out; i++ {
		if m.RowPtr[i] > m.RowPtr[i+1] || m.RowPtr[i+1] > len(m.Val) {
			return fmt.Errorf("sparse map: row %d is malformed", i)
		}
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			if c := int(m.Col[k]); c < 0 || c >= m.In || k > m.RowPtr[i] && m.Col[k-1] >= m.Col[k] {
				return fmt.Errorf("sparse map: row %d has its columns out of order or range", i)
			}
		}
	}
	if m.RowPtr[m.Out] != len(m.Val) {
		return fmt.Errorf("sparse map: entries beyond the last row")
	}
	return nil
}

func (m *Sparse) entries(visit func(i, j int, w float64)) {
	for i := 0; i < m.Out; i++ {
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			visit(i, int(m.Col[k]), m.Val[k])
		}
	}
}

// Diagonal multiplies input i by D[i].
type Diagonal struct{ D []float64 }

func (m *Diagonal) Dims() (out, in int) { return len(m.D), len(m.D) }
func (m *Diagonal) Params() int         { return len(m.D) }
func (m *Diagonal) String() string      { return "elementwise" }

func (m *Diagonal) check() error {
	if len(m.D) == 0 {
		return fmt.Errorf("elementwise map of no units")
	}
	return nil
}

func (m *Diagonal) entries(visit func(i, j int, w float64)) {
	for i, w := range m.D {
		visit(i, i, w)
	}
}

// Projected computes the q projections t = P x, rounds them, and gives output
// j the value Scale[j] * t[Pick[j]]. Its matrix has rank q and costs
// O(q*in + out). It is the first layer of every construction along directions.
type Projected struct {
	P     *Dense    // q x in: the directions
	Pick  []int32   // the projection each output uses
	Scale []float64 // and its factor
}

func (m *Projected) Dims() (out, in int) { return len(m.Pick), m.P.In }
func (m *Projected) Params() int         { return m.P.Params() + len(m.Scale) }
func (m *Projected) String() string      { return fmt.Sprintf("projected(rank %d)", m.P.Out) }

func (m *Projected) check() error {
	if err := m.P.check(); err != nil {
		return err
	}
	if len(m.Pick) == 0 || len(m.Pick) != len(m.Scale) {
		return fmt.Errorf("projected map picks %d and scales %d", len(m.Pick), len(m.Scale))
	}
	for j, k := range m.Pick {
		if k < 0 || int(k) >= m.P.Out {
			return fmt.Errorf("projected map: output %d picks projection %d of %d", j, k, m.P.Out)
		}
	}
	return nil
}

func (m *Projected) entries(visit func(i, j int, w float64)) {
	for i, k := range m.Pick {
		for j, u := range m.P.Row(int(k)) {
			visit(i, j, float64(m.Scale[i]*u))
		}
	}
}

// Stack applies maps to the same input and puts their outputs one after the
// other.
type Stack struct{ Maps []Map }

func (m *Stack) Dims() (out, in int) {
	for _, part := range m.Maps {
		o, i := part.Dims()
		out, in = out+o, i
	}
	return out, in
}

func (m *Stack) Params() int    { return paramsOf(m.Maps) }
func (m *Stack) String() string { return "stack(" + joinMaps(m.Maps) + ")" }

func (m *Stack) check() error {
	if len(m.Maps) == 0 {
		return fmt.Errorf("empty stack of maps")
	}
	_, in := m.Dims()
	for _, part := range m.Maps {
		if _, i := part.Dims(); i != in {
			return fmt.Errorf("stacked maps take %d and %d inputs", i, in)
		}
		if err := part.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Stack) entries(visit func(i, j int, w float64)) {
	at := 0
	for _, part := range m.Maps {
		part.entries(func(i, j int, w float64) { visit(at+i, j, w) })
		out, _ := part.Dims()
		at += out
	}
}

// Sum splits its input into consecutive parts, one per map, and adds the maps'
// outputs. The terms of all parts form one sum, in any order.
type Sum struct{ Maps []Map }

func (m *Sum) Dims() (out, in int) {
	for _, part := range m.Maps {
		o, i := part.Dims()
		out, in = o, in+i
	}
	return out, in
}

func (m *Sum) Params() int    { return paramsOf(m.Maps) }
func (m *Sum) String() string { return "sum(" + joinMaps(m.Maps) + ")" }

func (m *Sum) check() error {
	if len(m.Maps) == 0 {
		return fmt.Errorf("empty sum of maps")
	}
	out, _ := m.Dims()
	for _, part := range m.Maps {
		if o, _ := part.Dims(); o != out {
			return fmt.Errorf("added maps have %d and %d outputs", o, out)
		}
		if err := part.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Sum) entries(visit func(i, j int, w float64)) {
	at := 0
	for _, part := range m.Maps {
		part.entries(func(i, j int, w float64) { visit(i, at+j, w) })
		_, in := part.Dims()
		at += in
	}
}

// Blocks is a block-diagonal matrix: it splits its input into consecutive parts,
// one per map, and puts the maps' outputs one after the other. It lets one layer
// hold units that look at different parts of the layer before.
type Blocks struct{ Maps []Map }

func (m *Blocks) Dims() (out, in int) {
	for _, part := range m.Maps {
		o, i := part.Dims()
		out, in = out+o, in+i
	}
	return out, in
}

func (m *Blocks) Params() int    { return paramsOf(m.Maps) }
func (m *Blocks) String() string { return "blocks(" + joinMaps(m.Maps) + ")" }

func (m *Blocks) check() error {
	if len(m.Maps) == 0 {
		return fmt.Errorf("no blocks in a block-diagonal map")
	}
	for _, part := range m.Maps {
		if err := part.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m *Blocks) entries(visit func(i, j int, w float64)) {
	row, col := 0, 0
	for _, part := range m.Maps {
		part.entries(func(i, j int, w float64) { visit(row+i, col+j, w) })
		out, in := part.Dims()
		row, col = row+out, col+in
	}
}

// Weights calls visit with every stored array of weights of m, for reading or
// for changing in place.
func Weights(m Map, visit func(w []float64)) {
	switch m := m.(type) {
	case *Dense:
		visit(m.W)
	case *Sparse:
		visit(m.Val)
	case *Diagonal:
		visit(m.D)
	case *Projected:
		visit(m.P.W)
		visit(m.Scale)
	case *Stack:
		for _, part := range m.Maps {
			Weights(part, visit)
		}
	case *Sum:
		for _, part := range m.Maps {
			Weights(part, visit)
		}
	case *Blocks:
		for _, part := range m.Maps {
			Weights(part, visit)
		}
	}
}

func paramsOf(maps []Map) int {
	total := 0
	for _, part := range maps {
		total += part.Params()
	}
	return total
}

func joinMaps(maps []Map) string {
	names := make([]string, len(maps))
	for i, part := range maps {
		names[i] = part.String()
	}
	return strings.Join(names, ", ")
}
