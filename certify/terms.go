package certify

import (
	"fmt"

	"hinge/network"
)

// fanIn bounds the number of terms of any unit of m.
func fanIn(m network.Map) int {
	switch m := m.(type) {
	case *network.Diagonal:
		return 1
	case *network.Projected:
		return 1
	case *network.Sparse:
		most := 0
		for i := 0; i < m.Out; i++ {
			most = max(most, m.RowPtr[i+1]-m.RowPtr[i])
		}
		return most
	case *network.Sum:
		total := 0
		for _, part := range m.Maps {
			total += fanIn(part)
		}
		return total
	case *network.Stack:
		return widest(m.Maps)
	case *network.Blocks:
		return widest(m.Maps)
	}
	_, in := m.Dims()
	return in
}

func widest(maps []network.Map) int {
	most := 0
	for _, part := range maps {
		most = max(most, fanIn(part))
	}
	return most
}

// walkable reports whether the units of m are plain sums of weights times
// inputs, as eachTerm and columns need. A Projected map is not: it rounds its
// projections first.
func walkable(m network.Map) bool {
	switch m := m.(type) {
	case *network.Dense, *network.Sparse, *network.Diagonal:
		return true
	case *network.Sum:
		return allWalkable(m.Maps)
	case *network.Stack:
		return allWalkable(m.Maps)
	case *network.Blocks:
		return allWalkable(m.Maps)
	}
	return false
}

func allWalkable(maps []network.Map) bool {
	for _, part := range maps {
		if !walkable(part) {
			return false
		}
	}
	return true
}

// eachTerm calls visit with the inputs and weights of unit i of a walkable map.
func eachTerm(m network.Map, i int, visit func(j int, w float64)) {
	switch m := m.(type) {
	case *network.Dense:
		for j, w := range m.Row(i) {
			visit(j, w)
		}
	case *network.Sparse:
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			visit(int(m.Col[k]), m.Val[k])
		}
	case *network.Diagonal:
		visit(i, m.D[i])
	case *network.Sum:
		at := 0
		for _, part := range m.Maps {
			eachTerm(part, i, func(j int, w float64) { visit(at+j, w) })
			_, in := part.Dims()
			at += in
		}
	case *network.Stack:
		row := 0
		for _, part := range m.Maps {
			height, _ := part.Dims()
			if i < row+height {
				eachTerm(part, i-row, visit)
				return
			}
			row += height
		}
	case *network.Blocks:
		row, col := 0, 0
		for _, part := range m.Maps {
			height, width := part.Dims()
			if i < row+height {
				eachTerm(part, i-row, func(j int, w float64) { visit(col+j, w) })
				return
			}
			row, col = row+height, col+width
		}
	default:
		panic(fmt.Sprintf("certify: the terms of a %T are not plain", m))
	}
}

// columns gives access to a walkable map by input.
type columns struct {
	m     network.Map
	parts []columns // of a Sum, a Stack or Blocks
	// A Sparse map, transposed.
	ptr []int
	row []int32
	val []float64
}

func newColumns(m network.Map) columns {
	c := columns{m: m}
	switch m := m.(type) {
	case *network.Sparse:
		c.transpose(m)
	case *network.Sum:
		for _, part := range m.Maps {
			c.parts = append(c.parts, newColumns(part))
		}
	case *network.Stack:
		for _, part := range m.Maps {
			c.parts = append(c.parts, newColumns(part))
		}
	case *network.Blocks:
		for _, part := range m.Maps {
			c.parts = append(c.parts, newColumns(part))
		}
	}
	return c
}

func (c *columns) transpose(m *network.Sparse) {
	c.ptr = make([]int, m.In+1)
	for _, j := range m.Col {
		c.ptr[j+1]++
	}
	for j := 0; j < m.In; j++ {
		c.ptr[j+1] += c.ptr[j]
	}
	c.row, c.val = make([]int32, len(m.Col)), make([]float64, len(m.Col))
	next := append([]int(nil), c.ptr...)
	for i := 0; i < m.Out; i++ {
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			at := next[m.Col[k]]
			c.row[at], c.val[at] = int32(i), m.Val[k]
			next[m.Col[k]]++
		}
	}
}

// each calls visit with the units and weights of input j.
func (c *columns) each(j int, visit func(i int, w float64)) {
	switch m := c.m.(type) {
	case *network.Dense:
		for i := 0; i < m.Out; i++ {
			visit(i, m.W[i*m.In+j])
		}
	case *network.Sparse:
		for k := c.ptr[j]; k < c.ptr[j+1]; k++ {
			visit(int(c.row[k]), c.val[k])
		}
	case *network.Diagonal:
		visit(j, m.D[j])
	case *network.Sum:
		for p := range c.parts {
			_, in := c.parts[p].m.Dims()
			if j < in {
				c.parts[p].each(j, visit)
				return
			}
			j -= in
		}
	case *network.Stack:
		row := 0
		for p := range c.parts {
			height, _ := c.parts[p].m.Dims()
			c.parts[p].each(j, func(i int, w float64) { visit(row+i, w) })
			row += height
		}
	case *network.Blocks:
		row := 0
		for p := range c.parts {
			height, in := c.parts[p].m.Dims()
			if j < in {
				c.parts[p].each(j, func(i int, w float64) { visit(row+i, w) })
				return
			}
			j, row = j-in, row+height
		}
	}
}
