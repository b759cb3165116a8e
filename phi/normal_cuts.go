package phi

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"gonum.org/v1/gonum/mat"
)

// sameDirection is the largest difference of two unit normals (and of their
// offsets, relative to the data) that count as one hyperplane.
const sameDirection = 1e-9

// member is one unit turned to face its cut's side without row 0.
type member struct {
	w []float64
	b float64
	a []float64 // P output weights
}

// cutGroup is the units of one cut.
type cutGroup struct {
	rows    []int
	members []member
}

// heldRows bounds the numbers of rows of all cuts together: 512 MiB.
const heldRows = 1 << 26

// group turns every unit, adds what that leaves to the affine term, and
// gathers the units by cut.
func (f *Normal) group(net *shallow) ([]*cutGroup, error) {
	seed := maphash.MakeSeed()
	index := make(map[uint64][]*cutGroup)
	var groups []*cutGroup
	z, held := make([]float64, f.N), 0
	for u := range net.b {
		m := member{w: append([]float64(nil), net.w.RawRowView(u)...), b: net.b[u], a: append([]float64(nil), net.a.RawRowView(u)...)}
		rows, ok := f.place(&m, z)
		if !ok {
			continue
		}
		h := hashRows(seed, rows)
		g := findGroup(index[h], rows)
		if g == nil {
			if held += len(rows) * (1 + f.P); held > heldRows {
				return nil, &SizeError{Rows: f.N, Units: len(net.b), Work: float64(held), Limit: heldRows}
			}
			g = &cutGroup{rows: append([]int(nil), rows...)}
			index[h] = append(index[h], g)
			groups = append(groups, g)
		}
		g.members = append(g.members, m)
	}
	return groups, nil
}

// place turns a unit and returns the rows of its cut, on the side without row
// 0. Units that part no rows are counted and put where they belong; ok is then
// false.
func (f *Normal) place(m *member, z []float64) (rows []int, ok bool) {
	if !m.scaleToUnit() {
		if m.b > 0 { // a constant
			f.addToAffine(*m)
			f.Folded++
		} else {
			f.Dropped++
		}
		return nil, false
	}
	if m.turn() {
		f.addToAffine(m.negated())
	}
	rows, asleep := f.side(*m, z)
	switch {
	case m.silent() || len(rows) == 0:
		f.Dropped++
		return nil, false
	case asleep == 0:
		f.addToAffine(*m)
		f.Folded++
		return nil, false
	case rows[0] == 0: // name the cut by its other side
		f.addToAffine(*m)
		*m = m.flipped()
		rows = complement(rows, f.N)
	}
	return rows, true
}

// scaleToUnit divides the hyperplane by |w| and multiplies the output weights
// by it; false when w is zero.
func (m *member) scaleToUnit() bool {
	size := norm(m.w)
	if size == 0 {
		return false
	}
	for j := range m.w {
		m.w[j] /= size
	}
	m.b /= size
	for o := range m.a {
		m.a[o] *= size
	}
	return true
}

// turn makes the first of the largest components of w positive, replacing
// s(z) by s(-z); true when it did, and then a z is missing.
func (m *member) turn() bool {
	largest := 0.0
	for _, v := range m.w {
		largest = max(largest, math.Abs(v))
	}
	for _, v := range m.w {
		if math.Abs(v) >= (1-1e-6)*largest {
			if v > 0 {
				return false
			}
			break
		}
	}
	for j := range m.w {
		m.w[j] = -m.w[j]
	}
	m.b = -m.b
	return true
}

// negated returns the affine term that turn leaves: with z the old
// pre-activation, a z = (-a)(-z).
func (m *member) negated() member {
	n := member{w: m.w, b: m.b, a: make([]float64, len(m.a))}
	for o, v := range m.a {
		n.a[o] = -v
	}
	return n
}

// flipped returns the unit that with the affine term a z gives a s(z): it is
// a s(-z).
func (m *member) flipped() member {
	n := member{w: make([]float64, len(m.w)), b: -m.b, a: m.a}
	for j, v := range m.w {
		n.w[j] = -v
	}
	return n
}

func (m *member) silent() bool {
	for _, v := range m.a {
		if v != 0 {
			return false
		}
	}
	return true
}

// addToAffine adds a (w.x + b) to the affine term.
func (f *Normal) addToAffine(m member) {
	addOuter(f.Affine, m)
}

func addOuter(u *mat.Dense, m member) {
	d := len(m.w)
	for o, a := range m.a {
		for j, v := range m.w {
			u.Set(j, o, u.At(j, o)+a*v)
		}
		u.Set(d, o, u.At(d, o)+a*m.b)
	}
}

// side evaluates the unit on all rows into z: those it is awake on, and the
// number it is surely asleep on (the rest lie on the hyperplane).
func (f *Normal) side(m member, z []float64) (rows []int, asleep int) {
	output := 0.0
	for _, a := range m.a {
		output = max(output, math.Abs(a))
	}
	for i := range z {
		sum, size := m.b, math.Abs(m.b)
		for j, v := range f.x.RawRowView(i) {
			term := m.w[j] * v
			sum += term
			size += math.Abs(term)
		}
		z[i] = sum
		switch {
		case sum > onPlane*size:
			rows = append(rows, i)
		case sum < -onPlane*size:
			asleep++
		}
		f.scale = max(f.scale, output*math.Abs(sum))
	}
	return rows, asleep
}

func complement(rows []int, n int) []int {
	other := make([]int, 0, n-len(rows))
	at := 0
	for i := 0; i < n; i++ {
		if at < len(rows) && rows[at] == i {
			at++
		} else {
			other = append(other, i)
		}
	}
	return other
}

func hashRows(seed maphash.Seed, rows []int) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var b [4]byte
	for _, i := range rows {
		binary.LittleEndian.PutUint32(b[:], uint32(i))
		h.Write(b[:])
	}
	return h.Sum64()
}

func findGroup(groups []*cutGroup, rows []int) *cutGroup {
	for _, g := range groups {
		if equalInts(g.rows, rows) {
			return g
		}
	}
	return nil
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return true
}

// cut adds up the units of a group; ok is false when they cancel.
func (f *Normal) cut(g *cutGroup) (c Cut, ok bool) {
	c = Cut{Rows: g.rows, U: mat.NewDense(f.D+1, f.P, nil), Values: mat.NewDense(len(g.rows), f.P, nil), Merged: len(g.members)}
	largest := 0.0
	for k, i := range g.rows {
		sizes := make([]float64, f.P)
		for _, m := range g.members {
			z, x := m.b, f.x.RawRowView(i)
			for j, v := range x {
				z += m.w[j] * v
			}
			for o, a := range m.a {
				c.Values.Set(k, o, c.Values.At(k, o)+a*max(z, 0))
				sizes[o] += math.Abs(a * z)
			}
		}
		for o, s := range sizes {
			c.size = max(c.size, s)
			largest = max(largest, math.Abs(c.Values.At(k, o)))
		}
	}
	for _, m := range g.members {
		addOuter(c.U, m)
	}
	c.W, c.B = g.members[0].w, g.members[0].b
	c.Single = f.oneHyperplane(g)
	return c, largest > vanishing*c.size
}

// oneHyperplane reports whether all members have the first one's hyperplane.
func (f *Normal) oneHyperplane(g *cutGroup) bool {
	first := g.members[0]
	reach := math.Abs(first.b)
	for _, i := range g.rows {
		for j, v := range f.x.RawRowView(i) {
			reach = max(reach, math.Abs(first.w[j]*v))
		}
	}
	for _, m := range g.members[1:] {
		if math.Abs(m.b-first.b) > sameDirection*reach {
			return false
		}
		for j, v := range m.w {
			if math.Abs(v-first.w[j]) > sameDirection {
				return false
			}
		}
	}
	return true
}
