package onnx

import (
	"fmt"
	"math"

	"hinge/network"
)

// affine emits W x + b for a map of any kind, in pieces of the given widths, and
// says how.
func (e *emitter) affine(m network.Map, b burden, in wire, widths []int, base string) (wire, *mapRecord) {
	if carries(m) {
		switch m := m.(type) {
		case *network.Dense:
			return e.dense(m, b, in, widths, base)
		case *network.Stack:
			return e.stack(m, b, in, widths, base)
		case *network.Blocks:
			return e.blocks(m, b, in, widths, base)
		case *network.Sum:
			return e.sum(m, b, in, widths, base)
		}
	}
	h, record := e.linear(m, in, widths, base)
	e.addBias(h, b, base)
	return h, record
}

// linear emits W x for a map that has no dense part to carry a bias.
func (e *emitter) linear(m network.Map, in wire, widths []int, base string) (wire, *mapRecord) {
	switch m := m.(type) {
	case *network.Sparse:
		return e.sparse(m, in, widths, base)
	case *network.Diagonal:
		return e.elementwise(m, in, widths, base)
	case *network.Projected:
		if projectedForm(m) == formBroadcast {
			return e.broadcast(m, in, widths, base)
		}
		return e.gathered(m, in, widths, base)
	case *network.Stack:
		return e.stack(m, burden{}, in, widths, base)
	case *network.Blocks:
		return e.blocks(m, burden{}, in, widths, base)
	case *network.Sum:
		return e.sum(m, burden{}, in, widths, base)
	}
	e.err = fmt.Errorf("onnx: maps of type %T have no ONNX form", m)
	return wire{{"", 1}}, nil
}

// elementwise emits one Mul for each piece.
func (e *emitter) elementwise(m *network.Diagonal, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindElementwise}
	var pieces wire
	c := cursor{wire: in}
	from := 0
	for _, w := range widths {
		x := e.span(&c, from, from+w, base)
		weight := e.numbers(base+".scale", m.D[from:from+w], w)
		record.Weights = append(record.Weights, weight)
		pieces = append(pieces, e.node("Mul", base, w, x.name, weight))
		from += w
	}
	return pieces, record
}

// broadcast emits one matrix-vector product for each direction and one Mul,
// N x 1 times a vector, for each run of units along it.
func (e *emitter) broadcast(m *network.Projected, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindProjected, Form: formBroadcast}
	x := e.concat(in, base)
	t := make([]tensor, m.P.Out)
	for k := range t {
		direction := e.numbers(base+".direction", m.P.Row(k), m.P.In, 1)
		record.Weights = append(record.Weights, direction)
		t[k] = e.node("MatMul", base, 1, x.name, direction)
	}
	var parts wire
	for _, r := range runsOf(m, widths) {
		scale := e.numbers(base+".scale", m.Scale[r.from:r.to], r.to-r.from)
		record.Scales = append(record.Scales, scale)
		record.Pick = append(record.Pick, r.pick)
		parts = append(parts, e.node("Mul", base, r.to-r.from, t[r.pick].name, scale))
	}
	return e.regroup(parts, widths, base), record
}

// gathered emits the projections as one MatMul and, for each piece, a Gather of
// those that its units pick and a Mul.
func (e *emitter) gathered(m *network.Projected, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindProjected, Form: formGather}
	x := e.concat(in, base)
	directions := e.numbers(base+".directions", transpose(m.P.W, m.P.Out, m.P.In), m.P.In, m.P.Out)
	record.Weights = []string{directions}
	t := e.node("MatMul", base, m.P.Out, x.name, directions)
	var pieces wire
	from := 0
	for _, w := range widths {
		picked, index := e.gather(t, m.Pick[from:from+w], base)
		scale := e.numbers(base+".scale", m.Scale[from:from+w], w)
		record.Indices = append(record.Indices, index)
		record.Scales = append(record.Scales, scale)
		pieces = append(pieces, e.node("Mul", base, w, picked.name, scale))
		from += w
	}
	return pieces, record
}

// gather emits the columns of t that the indices name, one for each index.
func (e *emitter) gather(t tensor, indices []int32, base string) (picked tensor, index string) {
	index = e.indices(base+".index", indices)
	picked = e.node("Gather", base, len(indices), t.name, index)
	e.attribute(picked, "axis", 1)
	return picked, index
}

// sparse emits a sparse map either as a dense product, or slot by slot: slot s
// gathers the s-th nonzero's input of every row and scales it; rows that have
// fewer nonzeros take 0 times input 0. Both add terms that are 0, which no
// certificate minds: what is proved holds for sums of all terms in any order.
func (e *emitter) sparse(m *network.Sparse, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindSparse, Form: sparseForm(m), Zeros: storedZeros(m)}
	if record.Form == formMatMul {
		return e.matMul(denseOf(m), in, widths, base, &layerOrigin{}, record), record
	}
	record.In = m.In
	x := e.concat(in, base)
	var sum tensor
	for s := 0; s < max(longestRow(m), 1); s++ {
		column, value := slot(m, s)
		picked, index := e.gather(x, column, base)
		weight := e.numbers(base+".weight", value, m.Out)
		record.Indices = append(record.Indices, index)
		record.Weights = append(record.Weights, weight)
		term := e.node("Mul", base, m.Out, picked.name, weight)
		if s > 0 {
			term = e.node("Add", base, m.Out, sum.name, term.name)
		}
		sum = term
	}
	var pieces wire
	c := cursor{wire: wire{sum}}
	from := 0
	for _, w := range widths {
		pieces = append(pieces, e.span(&c, from, from+w, base))
		from += w
	}
	return pieces, record
}

// slot returns the column and the value of the s-th nonzero of every row, 0 and
// 0 for rows that have none.
func slot(m *network.Sparse, s int) (column []int32, value []float64) {
	column, value = make([]int32, m.Out), make([]float64, m.Out)
	for i := range column {
		seen := 0
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			if math.Float64bits(m.Val[k]) == 0 {
				continue
			}
			if seen == s {
				column[i], value[i] = m.Col[k], m.Val[k]
				break
			}
			seen++
		}
	}
	return column, value
}

// storedZeros returns the entries of m that are stored and yet +0, as row,
// column, row, column, ...: what its matrix does not show.
func storedZeros(m *network.Sparse) []int32 {
	var zeros []int32
	for i := 0; i < m.Out; i++ {
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			if math.Float64bits(m.Val[k]) == 0 {
				zeros = append(zeros, int32(i), m.Col[k])
			}
		}
	}
	return zeros
}

func denseOf(m *network.Sparse) *network.Dense {
	d := network.NewDense(m.Out, m.In, make([]float64, m.Out*m.In))
	for i := 0; i < m.Out; i++ {
		row := d.Row(i)
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			row[m.Col[k]] = m.Val[k]
		}
	}
	return d
}

// stack emits the maps one by one and joins their outputs where the pieces
// wanted are larger.
func (e *emitter) stack(m *network.Stack, b burden, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindStack}
	var parts wire
	row := 0
	for k, cut := range refine(widths, m.Maps) {
		out, _ := m.Maps[k].Dims()
		h, r := e.affine(m.Maps[k], b.slice(row, row+out), in, cut, fmt.Sprintf("%s.%d", base, k))
		parts = append(parts, h...)
		record.Maps = append(record.Maps, r)
		row += out
	}
	return e.regroup(parts, widths, base), record
}

// blocks emits the maps, each of its own part of the input, and joins their
// outputs where the pieces wanted are larger.
func (e *emitter) blocks(m *network.Blocks, b burden, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindBlocks}
	var parts wire
	c := cursor{wire: in}
	row, col := 0, 0
	for k, cut := range refine(widths, m.Maps) {
		out, width := m.Maps[k].Dims()
		name := fmt.Sprintf("%s.%d", base, k)
		h, r := e.affine(m.Maps[k], b.slice(row, row+out), e.own(&c, col, col+width, name), cut, name)
		parts = append(parts, h...)
		record.Maps = append(record.Maps, r)
		row, col = row+out, col+width
	}
	return e.regroup(parts, widths, base), record
}

// sum emits the maps, each of its own part of the input, and adds them piece by
// piece. The first one carries the bias; later ones that are 0 are left out.
func (e *emitter) sum(m *network.Sum, b burden, in wire, widths []int, base string) (wire, *mapRecord) {
	record := &mapRecord{Kind: kindSum}
	var total wire
	c := cursor{wire: in}
	from := 0
	for k, part := range m.Maps {
		_, width := part.Dims()
		if k > 0 && e.parts && isEmpty(part) {
			record.Maps = append(record.Maps, &mapRecord{Kind: kindSparse, Form: formNone, In: width})
			from += width
			continue
		}
		name := fmt.Sprintf("%s.%d", base, k)
		h, r := e.affine(part, b, e.own(&c, from, from+width, name), widths, name)
		record.Maps = append(record.Maps, r)
		for i, t := range h {
			if k > 0 {
				h[i] = e.node("Add", base, t.width, total[i].name, t.name)
			}
		}
		total, b = h, burden{}
		from += width
	}
	return total, record
}
