// Package delaunay triangulates points in the plane and in space.
//
// For most uses, call [New]; [Triangulation.Enclose] then adds far points around
// the hull, without touching the triangulation inside it.
//
// Points are inserted one by one (Bowyer 1981, Watson 1981): the simplices whose
// circumscribed sphere contains the new point are taken out, and the hole is
// filled with simplices from its walls to the point. The outside of the hull is covered by
// simplices with one vertex at infinity, so that the hull needs no other treatment.
//
//	   ______              ______
//	  /\    /\            /|    /\        the circles of the two triangles in
//	 /  \ x/  \    ->    / | x /  \       the middle contain x: four new ones
//	/____\/____\        /____\/____\      fill the quadrilateral
//
// Predicates are exact (see predicates.go), so every step does what it does in exact
// arithmetic, for points in any position. No simplex is ever flat: a point in the plane of a wall is
// inside the sphere on one side of the wall iff it is inside that on the other, since both spheres
// meet the plane in the same circle; then both are taken out and the wall with them.
//
// The points are inserted in random rounds of doubling size, each along a
// space-filling curve (Amenta, Choi, Rote 2003), so that the next point is near the last one
// and few simplices are made in vain: about O(n log n) for points all over the plane or space.
package delaunay

import (
	"errors"
	"math/rand/v2"
	"slices"
)

// Infinity is the vertex at infinity.
const Infinity = int32(-1)

// ErrFlat says that all points are on one line or in one plane.
var ErrFlat = errors.New("delaunay: all points are on a line or in a plane")

// Triangulation is a Delaunay triangulation in d = 2 or 3 dimensions.
type Triangulation struct {
	d      int
	x      []float64 // points, row-major
	finest int       // see finestBit

	vertex    []int32 // d+1 per simplex; one of them may be Infinity
	neighbour []int32 // d+1 per simplex: the one beyond the face opposite to the vertex
	dead      []bool
	free      []int32 // simplices to use again
	last      int32   // a simplex made by the last insertion
	placing   bool    // spheres do not matter: see Enclose

	// Of one insertion.
	mark    []int32 // insertion at which a simplex was found in conflict or not
	inside  []bool
	round   int32
	queued  []int32            // insertion at which a simplex was taken out
	found   []int32            // those taken out
	ridges  map[[2]int32]int32 // of new simplices: face waiting for its other side
	Doubles [][2]int32         // equal points: the later one, which is not a vertex, and the earlier one
}

// New triangulates n points given row by row; d is 2 or 3. It returns [ErrFlat]
// when they span nothing. Points equal to one before them are left out and
// listed in Doubles.
func New(x []float64, d int, seed uint64) (*Triangulation, error) {
	t := &Triangulation{d: d, x: slices.Clone(x), finest: finestBit(x), ridges: map[[2]int32]int32{}}
	order := insertionOrder(x, d, rand.New(rand.NewPCG(seed, 0x7de1)))
	first := t.firstSimplex(order)
	if first == nil {
		return nil, ErrFlat
	}
	t.start(first)
	for _, p := range order {
		if !slices.Contains(first, p) {
			t.insert(p)
		}
	}
	return t, nil
}

// point returns the coordinates of a vertex.
func (t *Triangulation) point(v int32) []float64 {
	return t.x[int(v)*t.d : (int(v)+1)*t.d]
}

// Point returns the coordinates of a point, those of Enclose after the others.
func (t *Triangulation) Point(v int32) []float64 { return t.point(v) }

// Simplices calls visit with the d+1 vertices of every simplex, those with
// a vertex at infinity left out. They are positively oriented.
func (t *Triangulation) Simplices(visit func(v []int32)) {
	for s := range t.dead {
		if v := t.of(int32(s)); !t.dead[s] && !slices.Contains(v, Infinity) {
			visit(v)
		}
	}
}

// of returns the vertices of simplex s.
func (t *Triangulation) of(s int32) []int32 {
	k := t.d + 1
	return t.vertex[int(s)*k : (int(s)+1)*k]
}

func (t *Triangulation) beside(s int32) []int32 {
	k := t.d + 1
	return t.neighbour[int(s)*k : (int(s)+1)*k]
}

// firstSimplex returns d+1 points that span all dimensions, positively
// oriented, or nil.
func (t *Triangulation) firstSimplex(order []int32) []int32 {
	var v []int32
	for _, p := range order {
		if t.spans(append(v, p)) {
			v = append(v, p)
		}
		if len(v) == t.d+1 {
			if t.orient(v) < 0 {
				v[0], v[1] = v[1], v[0]
			}
			return v
		}
	}
	return nil
}

// spans reports whether the points are affinely independent.
func (t *Triangulation) spans(v []int32) bool {
	switch len(v) {
	case 1:
		return true
	case 2:
		return !slices.Equal(t.point(v[0]), t.point(v[1]))
	case t.d + 1:
		return t.orient(v) != 0
	}
	// Three points in space are on a line iff they are in each projection.
	for skip := range 3 {
		var flat []float64
		for _, u := range v {
			for j, c := range t.point(u) {
				if j != skip {
					flat = append(flat, c)
				}
			}
		}
		plane := &Triangulation{d: 2, x: flat, finest: finestBit(flat)}
		if plane.orient([]int32{0, 1, 2}) != 0 {
			return true
		}
	}
	return false
}

// start makes the first simplex and those at infinity around it.
func (t *Triangulation) start(v []int32) {
	t.add(v)
	for i := range v {
		outer := slices.Clone(v)
		outer[i] = Infinity
		a, b := (i+1)%len(v), (i+2)%len(v)
		outer[a], outer[b] = outer[b], outer[a]
		t.add(outer)
	}
	for s := range t.dead { // any two of these few simplices share a face
		for i, u := range t.of(int32(s)) {
			for o := range t.dead {
				if o != s && !slices.Contains(t.of(int32(o)), u) {
					t.beside(int32(s))[i] = int32(o)
				}
			}
		}
	}
}

// add makes a simplex and returns its index.
func (t *Triangulation) add(v []int32) int32 {
	if n := len(t.free); n > 0 {
		s := t.free[n-1]
		t.free = t.free[:n-1]
		copy(t.of(s), v)
		t.dead[s], t.mark[s], t.queued[s] = false, 0, 0
		return s
	}
	t.vertex = append(t.vertex, v...)
	t.neighbour = append(t.neighbour, v...)
	t.dead, t.mark, t.inside, t.queued = append(t.dead, false), append(t.mark, 0), append(t.inside, false), append(t.queued, 0)
	return int32(len(t.dead) - 1)
}

// conflict reports whether simplex s must go when p is inserted.
func (t *Triangulation) conflict(s, p int32) bool {
	if t.mark[s] != t.round {
		t.mark[s], t.inside[s] = t.round, t.conflicts(s, p)
	}
	return t.inside[s]
}

func (t *Triangulation) conflicts(s, p int32) bool {
	v := t.of(s)
	i := slices.Index(v, Infinity)
	if i < 0 {
		return !t.placing && t.inSphere(v, p) > 0
	}
	switch t.side(s, i, p) {
	case 1:
		return true
	case 0: // in the plane of the face: its circle is that of the sphere on the other side
		return !t.placing && t.conflict(t.beside(s)[i], p)
	}
	return false
}

// side returns the orientation of s with p instead of its vertex i.
func (t *Triangulation) side(s int32, i int, p int32) int {
	var v [4]int32
	copy(v[:], t.of(s))
	v[i] = p
	return t.orient(v[:t.d+1])
}

// locate returns a simplex in conflict with p, by walking towards it from the
// last one made; or an equal vertex.
func (t *Triangulation) locate(p int32) (s, equal int32) {
	s = t.last
	if i := slices.Index(t.of(s), Infinity); i >= 0 {
		s = t.beside(s)[i]
	}
walk:
	for {
		for i := range t.d + 1 {
			if t.side(s, i, p) < 0 {
				s = t.beside(s)[i]
				if slices.Contains(t.of(s), Infinity) {
					return s, Infinity
				}
				continue walk
			}
		}
		for _, v := range t.of(s) {
			if slices.Equal(t.point(v), t.point(p)) {
				return s, v
			}
		}
		return s, Infinity
	}
}

// insert adds point p.
func (t *Triangulation) insert(p int32) {
	s, equal := t.locate(p)
	if equal != Infinity {
		t.Doubles = append(t.Doubles, [2]int32{p, equal})
		return
	}
	t.open(s, p)
}

// open takes out the simplices in conflict with p, of which s is one, and fills
// the hole.
func (t *Triangulation) open(s, p int32) {
	t.round++
	t.conflict(s, p)
	t.found = append(t.found[:0], s)
	clear(t.ridges)
	t.queued[s] = t.round
	for k := 0; k < len(t.found); k++ {
		for _, o := range t.beside(t.found[k]) {
			if t.queued[o] != t.round && t.conflict(o, p) {
				t.queued[o] = t.round
				t.found = append(t.found, o)
			}
		}
	}
	for _, s := range t.found {
		for i := range t.d + 1 {
			if o := t.beside(s)[i]; t.queued[o] != t.round {
				t.wall(s, i, o, p)
			}
		}
	}
	for _, s := range t.found {
		t.dead[s] = true
		t.free = append(t.free, s)
	}
}

// wall makes the simplex from the face i of s, with o beyond it, to p.
func (t *Triangulation) wall(s int32, i int, o, p int32) {
	var buffer [4]int32
	v := append(buffer[:0], t.of(s)...)
	v[i] = p
	made := t.add(v)
	t.beside(made)[i] = o
	for k, back := range t.beside(o) {
		if back == s && !slices.Contains(v, t.of(o)[k]) {
			t.beside(o)[k] = made
		}
	}
	for k := range v {
		if k == i {
			continue
		}
		key := ridge(v, k, i)
		other, waiting := t.ridges[key]
		if !waiting {
			t.ridges[key] = made*int32(t.d+1) + int32(k)
			continue
		}
		t.neighbour[int(made)*(t.d+1)+k] = other / int32(t.d+1)
		t.neighbour[other] = made
	}
	t.last = made
}

// ridge names the face of v without the vertices k and i.
func ridge(v []int32, k, i int) [2]int32 {
	key := [2]int32{Infinity - 1, Infinity - 1}
	n := 0
	for j, u := range v {
		if j != k && j != i {
			key[n] = u
			n++
		}
	}
	if n == 2 && key[0] > key[1] {
		key[0], key[1] = key[1], key[0]
	}
	return key
}

// Enclose adds points outside the hull, one after the other, each joined to all faces of
// the hull that it sees: a triangulation of the larger hull that keeps all simplices
// of the smaller one. It is Delaunay in the smaller one only. It returns the new vertices.
func (t *Triangulation) Enclose(points [][]float64) []int32 {
	t.placing = true
	var made []int32
	for _, x := range points {
		p := int32(len(t.x) / t.d)
		t.x = append(t.x, x...)
		t.finest = min(t.finest, finestBit(x))
		for s := range t.dead {
			if i := slices.Index(t.of(int32(s)), Infinity); !t.dead[s] && i >= 0 && t.side(int32(s), i, p) > 0 {
				t.open(int32(s), p)
				break
			}
		}
		made = append(made, p)
	}
	t.placing = false
	return made
}
