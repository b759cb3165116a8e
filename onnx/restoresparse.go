package onnx

import (
	"fmt"
	"math"
	"slices"

	"hinge/network"
)

// An entry of a sparse map while it is put together.
type entry struct {
	row, col int32
	value    float64
}

// sparse makes a sparse map from its tensors: their nonzero numbers, and the
// zeros that the description adds.
func (l *loader) sparse(r *mapRecord) (network.Map, error) {
	var entries []entry
	m := &network.Sparse{}
	var err error
	if r.Form == formGather {
		m.In = r.In
		m.Out, entries, err = l.slots(r)
	} else {
		var dense *network.Dense
		if dense, err = l.matrix(r.Weights, true); err == nil {
			m.Out, m.In, entries = dense.Out, dense.In, nonzeros(dense)
		}
	}
	if err != nil {
		return nil, err
	}
	if m.In < 0 || m.In > maxFile || len(r.Zeros)%2 != 0 {
		return nil, fmt.Errorf("a sparse map of %d inputs and %d places of zeros", m.In, len(r.Zeros))
	}
	for i := 0; i < len(r.Zeros); i += 2 {
		entries = append(entries, entry{row: r.Zeros[i], col: r.Zeros[i+1]})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.row != b.row {
			return int(a.row) - int(b.row)
		}
		return int(a.col) - int(b.col)
	})
	if err := fill(m, entries); err != nil {
		return nil, err
	}
	if form := sparseForm(m); form != r.Form {
		return nil, fmt.Errorf("a sparse map is stored in the form %q and would be written in the form %q", r.Form, form)
	}
	return m, nil
}

// slots returns the nonzeros of a map stored slot by slot.
func (l *loader) slots(r *mapRecord) (out int, entries []entry, err error) {
	if len(r.Indices) != len(r.Weights) {
		return 0, nil, fmt.Errorf("a sparse map has %d tensors of columns and %d of weights", len(r.Indices), len(r.Weights))
	}
	for s := range r.Weights {
		column, err := l.indices(r.Indices[s : s+1])
		if err != nil {
			return 0, nil, err
		}
		value, err := l.vector(r.Weights[s : s+1])
		if err != nil {
			return 0, nil, err
		}
		if s > 0 && len(column) != out || len(column) != len(value) {
			return 0, nil, fmt.Errorf("a sparse map has slots of different lengths")
		}
		out = len(column)
		for i, v := range value {
			if math.Float64bits(v) != 0 {
				entries = append(entries, entry{int32(i), column[i], v})
			}
		}
	}
	return out, entries, nil
}

func nonzeros(m *network.Dense) []entry {
	var entries []entry
	for i := 0; i < m.Out; i++ {
		for j, v := range m.Row(i) {
			if math.Float64bits(v) != 0 {
				entries = append(entries, entry{int32(i), int32(j), v})
			}
		}
	}
	return entries
}

// fill sets the rows of m from entries in order of rows and columns. What is
// out of range or doubled is left for the map's own check.
func fill(m *network.Sparse, entries []entry) error {
	m.RowPtr = make([]int, m.Out+1)
	for _, e := range entries {
		if e.row < 0 || int(e.row) >= m.Out {
			return fmt.Errorf("a sparse map of %d rows has an entry in row %d", m.Out, e.row)
		}
		m.RowPtr[e.row+1]++
		m.Col, m.Val = append(m.Col, e.col), append(m.Val, e.value)
	}
	for i := range m.Out {
		m.RowPtr[i+1] += m.RowPtr[i]
	}
	return nil
}
