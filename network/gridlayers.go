package network

// The layers of a network on a rectangular grid; see Grid for the formulas.

// Layers returns the layers up to the hats: scale, ramps, cells, maxima, hats.
func (g *Grid) Layers() []Layer {
	return append([]Layer{{Map: &Diagonal{D: g.Scale}, Name: "scale"}, g.ramps()}, g.hats()...)
}

// ramps returns the layer of the ramps, axis by axis: those to the right of all
// places but the last, then those to the left of all but the first.
func (g *Grid) ramps() Layer {
	q, inputs := len(g.Input), len(g.Scale)
	m := &Projected{P: NewDense(q, inputs, make([]float64, q*inputs))}
	var bias []float64
	for a, places := range g.Place {
		m.P.Row(a)[g.Input[a]] = 1
		for _, side := range []float64{1, -1} {
			from, to := 0, len(places)-1
			if side < 0 {
				from, to = 1, len(places)
			}
			for _, v := range places[from:to] {
				m.Pick, m.Scale = append(m.Pick, int32(a)), append(m.Scale, side)
				bias = append(bias, -side*v)
			}
		}
	}
	return Layer{Map: m, Bias: bias, Act: ReLU, Name: "ramps"}
}

// sparseRows builds a Sparse map row by row.
type sparseRows struct {
	ptr []int
	col []int32
	val []float64
}

// add adds a row of up to two entries; a unit of -1 is no entry.
func (r *sparseRows) add(u int32, wu float64, v int32, wv float64) {
	if len(r.ptr) == 0 {
		r.ptr = []int{0}
	}
	if u > v {
		u, wu, v, wv = v, wv, u, wu
	}
	if u >= 0 {
		r.col, r.val = append(r.col, u), append(r.val, wu)
	}
	if v >= 0 {
		r.col, r.val = append(r.col, v), append(r.val, wv)
	}
	r.ptr = append(r.ptr, len(r.col))
}

func (r *sparseRows) rows() int { return max(0, len(r.ptr)-1) }

func (r *sparseRows) sparse(in int) *Sparse {
	return &Sparse{Out: r.rows(), In: in, RowPtr: r.ptr, Col: r.col, Val: r.val}
}

// gridStage is where the numbers of the layer before stand.
type gridStage struct {
	width  int
	prefix [2][]int32   // M_m of every vertex of the first m axes, right and left
	axis   [2][][]int32 // u of every place of the axes still to come
	// After an excess layer: how many units it passed on, which stand before the
	// q, and the places of its axis.
	passed, places int
}

// firstStage returns where the ramps of each place are; the first axis is the
// first prefix.
func (g *Grid) firstStage() gridStage {
	var st gridStage
	for _, places := range g.Place {
		for side := range 2 {
			units := make([]int32, len(places))
			for k := range units {
				units[k] = -1
				if outer := k == len(places)-1; side == 0 && !outer || side == 1 && k > 0 {
					units[k] = int32(st.width)
					st.width++
				}
			}
			st.axis[side] = append(st.axis[side], units)
		}
	}
	for side := range 2 {
		st.prefix[side], st.axis[side] = st.axis[side][0], st.axis[side][1:]
	}
	return st
}

// hats returns the layers from the ramps to the hats.
func (g *Grid) hats() []Layer {
	var slope []float64
	for _, s := range g.Slope {
		slope = append(append(slope, s...), s...)
	}
	st := g.firstStage()
	if len(g.Place) == 1 { // only one of the two ramps is ever awake: one rounding each
		var hat sparseRows
		for k, right := range st.prefix[0] {
			left := st.prefix[1][k]
			hat.add(right, -slopeOf(slope, right), left, -slopeOf(slope, left))
		}
		return []Layer{{Map: hat.sparse(st.width), Bias: ones(hat.rows()), Act: ReLU, Name: "hats"}}
	}
	layers := []Layer{{Map: &Diagonal{D: slope}, Act: ReLU, Name: "cells"}}
	for m := 1; m < len(g.Place)-1; m++ {
		var excess, largest Layer
		excess, st = st.excess()
		largest, st = st.largest()
		layers = append(layers, excess, largest)
	}
	excess, st := st.excess()
	return append(layers, excess, st.hat())
}

func slopeOf(v []float64, i int32) float64 {
	if i < 0 {
		return 0
	}
	return v[i]
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// excess returns the layer of q = s(u - M) for all vertices of one more axis.
// It passes on the M and the axes after that; the q of the right side follow,
// then those of the left side, in the order of the vertices.
func (st gridStage) excess() (Layer, gridStage) {
	next := gridStage{places: len(st.axis[0][0])}
	var pass, excess sparseRows
	for side := range 2 {
		next.prefix[side] = copyUnits(&pass, st.prefix[side])
		for _, units := range st.axis[side][1:] {
			next.axis[side] = append(next.axis[side], copyUnits(&pass, units))
		}
		for _, m := range st.prefix[side] {
			for _, u := range st.axis[side][0] {
				excess.add(u, 1, m, -1)
			}
		}
	}
	next.passed = pass.rows()
	next.width = pass.rows() + excess.rows()
	maps := []Map{pass.sparse(st.width), excess.sparse(st.width)}
	return Layer{Map: &Stack{Maps: maps}, Act: ReLU, Name: "excess"}, next
}

// copyUnits adds a row that copies each of the units, and returns the copies.
func copyUnits(rows *sparseRows, units []int32) []int32 {
	copies := make([]int32, len(units))
	for k, u := range units {
		copies[k] = -1
		if u >= 0 {
			copies[k] = int32(rows.rows())
			rows.add(u, 1, -1, 0)
		}
	}
	return copies
}

// largest returns the layer of M + q after an excess layer.
func (st gridStage) largest() (Layer, gridStage) {
	var next gridStage
	var rows sparseRows
	q := int32(st.passed)
	for side := range 2 {
		for _, m := range st.prefix[side] {
			for range st.places {
				next.prefix[side] = append(next.prefix[side], int32(rows.rows()))
				rows.add(m, 1, q, 1)
				q++
			}
		}
		for _, units := range st.axis[side] {
			next.axis[side] = append(next.axis[side], copyUnits(&rows, units))
		}
	}
	next.width = rows.rows()
	return Layer{Map: rows.sparse(st.width), Act: ReLU, Name: "largest"}, next
}

// hat returns the layer of s(1 - M - q - M' - q') after the last excess layer.
func (st gridStage) hat() Layer {
	var rows sparseRows
	for i, right := range st.prefix[0] {
		for range st.places {
			rows.add(right, -1, st.prefix[1][i], -1)
		}
	}
	n := rows.rows()
	minus := func() *Diagonal {
		d := ones(n)
		for i := range d {
			d[i] = -1
		}
		return &Diagonal{D: d}
	}
	sum := &Sum{Maps: []Map{rows.sparse(st.passed), minus(), minus()}}
	return Layer{Map: sum, Bias: ones(n), Act: ReLU, Name: "hats"}
}
