package analyze

import (
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// Plane is a sample of the rows in the plane of the two leading principal
// directions of a layer's outputs.
type Plane struct {
	Rows  []int      `json:"rows"` // of the file
	X     []float64  `json:"x"`
	Y     []float64  `json:"y"`
	Class []int      `json:"class,omitempty"`
	Value []float64  `json:"value,omitempty"` // the first target, in regression
	Share [2]float64 `json:"share"`           // of the variance of the sample, along each
	Of    int        `json:"directions_from"` // rows the directions were found on
}

// planeRows is how many rows the directions are found on, planeShown how many
// are drawn.
const planeRows, planeShown = 4096, 1200

// planeSteps of subspace iteration: directions in a picture need two digits.
const planeSteps = 40

// plane finds the two leading principal directions of h (n x m) by subspace
// iteration on the covariance of a sample of its rows.
func plane(h *mat.Dense, set *dataset.Set, seed uint64) *Plane {
	n, m := h.Dims()
	rows := sampleRows(n, planeRows, seed+1)
	c := mat.DenseCopyOf(pick(h, rows))
	centre(c)
	total := mat.Norm(c, 2)
	if total == 0 {
		return nil
	}
	width := min(4, m) // two more than needed: the first two then converge fast
	q := mat.NewDense(m, width, nil)
	for a := range m {
		for b := range width {
			q.Set(a, b, float64((a*7+b*13+a*b*5)%17)-8)
		}
	}
	iterate(c, q)
	var along mat.Dense
	var svd mat.SVD
	along.Mul(c, q)
	if !svd.Factorize(&along, mat.SVDThin) {
		return nil
	}
	var u mat.Dense
	svd.UTo(&u)
	s := svd.Values(nil)
	p := &Plane{Of: len(rows)}
	for k := range min(2, width) {
		p.Share[k] = s[k] * s[k] / total / total
	}
	for _, k := range sampleRows(len(rows), planeShown, seed+2) {
		i := rows[k]
		p.Rows = append(p.Rows, rowOf(set, i))
		p.X = append(p.X, u.At(k, 0)*s[0])
		y := 0.0
		if width > 1 {
			y = u.At(k, 1) * s[1]
		}
		p.Y = append(p.Y, y)
		if set.IsClasses() {
			p.Class = append(p.Class, set.Class[i])
		} else {
			p.Value = append(p.Value, set.Y.At(i, 0))
		}
	}
	return p
}

// iterate turns the few columns of q towards the leading principal directions
// of the centred c: by its Gram matrix when that is the smaller of the two.
func iterate(c, q *mat.Dense) {
	n, m := c.Dims()
	var gram, along, next mat.Dense
	if m < n {
		gram.Mul(c.T(), c)
	}
	for range planeSteps {
		if m < n {
			next.Mul(&gram, q)
		} else {
			along.Mul(c, q)
			next.Mul(c.T(), &along)
		}
		q.Copy(&next)
		if !orthonormal(q) {
			return
		}
	}
}

// centre subtracts the mean of every column.
func centre(c *mat.Dense) {
	n, m := c.Dims()
	mean := make([]float64, m)
	for i := range n {
		for j, v := range c.RawRowView(i) {
			mean[j] += v / float64(n)
		}
	}
	for i := range n {
		row := c.RawRowView(i)
		for j := range row {
			row[j] -= mean[j]
		}
	}
}

// orthonormal makes the few columns of q an orthonormal set, by Gram and Schmidt
// twice over. Columns that depend on the others become zero; it reports false
// when all have vanished.
func orthonormal(q *mat.Dense) bool {
	n, m := q.Dims()
	columns := make([]*mat.VecDense, m)
	left := 0
	for k := range columns {
		columns[k] = mat.NewVecDense(n, mat.Col(nil, k, q))
		size := mat.Norm(columns[k], 2)
		for range 2 {
			for _, before := range columns[:k] {
				columns[k].AddScaledVec(columns[k], -mat.Dot(before, columns[k]), before)
			}
		}
		if rest := mat.Norm(columns[k], 2); rest > 1e-12*size {
			columns[k].ScaleVec(1/rest, columns[k])
			left++
		} else {
			columns[k].Zero()
		}
		q.SetCol(k, columns[k].RawVector().Data)
	}
	return left > 0
}

// Image is a sample of Phi, for a picture: rows by class or target, units by the
// class they are mostly awake on, both then by how often they are awake.
type Image struct {
	Rows, Units         int       // of the picture
	AllRows, AllUnits   int       // of the matrix
	Ink                 []float64 // Rows x Units, in [0, 1]: the share of the unit's largest value
	RowClass, UnitClass []int     // -1: none
}

const imageRows, imageUnits = 300, 480

// imageOf samples h.
func imageOf(h *mat.Dense, set *dataset.Set, seed uint64) *Image {
	n, m := h.Dims()
	rows := sampleRows(n, imageRows, seed+3)
	units := sampleRows(m, imageUnits, seed+4)
	g := &Image{Rows: len(rows), Units: len(units), AllRows: n, AllUnits: m}
	sub := mat.NewDense(len(rows), len(units), nil)
	for a, i := range rows {
		row := h.RawRowView(i)
		for b, u := range units {
			sub.Set(a, b, row[u])
		}
	}
	rowOrder, unitOrder := g.order(sub, rows, set)
	top := make([]float64, len(units))
	for b := range top {
		for a := range rows {
			top[b] = max(top[b], abs(sub.At(a, b)))
		}
	}
	for _, a := range rowOrder {
		for _, b := range unitOrder {
			ink := 0.0
			if top[b] > 0 {
				ink = abs(sub.At(a, b)) / top[b]
			}
			g.Ink = append(g.Ink, ink)
		}
	}
	return g
}

func abs(v float64) float64 { return max(v, -v) }

// order sorts the rows by class (or target) and the units by the class they
// are awake on most.
func (g *Image) order(sub *mat.Dense, rows []int, set *dataset.Set) (rowOrder, unitOrder []int) {
	key := make([]float64, g.Rows) // class and activity, or target
	class := make([]int, g.Rows)
	for a, i := range rows {
		class[a] = -1
		if set.IsClasses() {
			class[a] = set.Class[i]
			key[a] = float64(class[a])
		} else {
			key[a] = set.Y.At(i, 0)
		}
	}
	rowOrder = ordered(key)
	place := make([]float64, g.Rows)
	for at, a := range rowOrder {
		place[a] = float64(at)
		g.RowClass = append(g.RowClass, class[a])
	}
	// A unit stands where the rows are that it is awake on: blocks of classes
	// then lie along the diagonal.
	middle := make([]float64, g.Units)
	for b := range middle {
		sum, weight := 0.0, 0.0
		for a := range g.Rows {
			if v := abs(sub.At(a, b)); v > 0 {
				sum, weight = sum+place[a]*v, weight+v
			}
		}
		middle[b] = float64(g.Rows) // asleep on all rows: last
		if weight > 0 {
			middle[b] = sum / weight
		}
	}
	return rowOrder, ordered(middle)
}

// ordered returns the indices of key by ascending value.
func ordered(key []float64) []int {
	order := make([]int, len(key))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case key[a] < key[b]:
			return -1
		case key[a] > key[b]:
			return 1
		}
		return 0
	})
	return order
}
