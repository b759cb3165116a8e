package delaunay

import (
	"math"
	"math/big"
)

// The two predicates, for d = 2 and 3, as signs of determinants.
//
//	orient(p_0 .. p_d)     > 0 iff the simplex is positively oriented
//	inSphere(p_0 .. p_d, q) > 0 iff q is strictly inside the sphere through a
//	                        positively oriented simplex
//
// Each is computed in float64 with the error bound of Shewchuk (Adaptive
// Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates, 1997,
// stage A), doubled so that fused operations do no harm. When the bound leaves the sign
// open, it is computed again in integers, without any error.

const (
	roundoff     = 0x1p-53
	orientBound2 = 2 * (3 + 16*roundoff) * roundoff
	orientBound3 = 2 * (7 + 56*roundoff) * roundoff
	sphereBound2 = 2 * (10 + 96*roundoff) * roundoff
	sphereBound3 = 2 * (16 + 224*roundoff) * roundoff
)

// sign returns the sign of det if its error is below bound, else 0 and false.
func sign(det, bound float64) (int, bool) {
	switch {
	case det > bound:
		return 1, true
	case det < -bound:
		return -1, true
	}
	return 0, false
}

func (t *Triangulation) orient(v []int32) int {
	p, q := t.point(v[0]), t.point(v[1])
	r := t.point(v[2])
	if t.d == 2 {
		left, right := (p[0]-r[0])*(q[1]-r[1]), (p[1]-r[1])*(q[0]-r[0])
		if s, ok := sign(left-right, orientBound2*(math.Abs(left)+math.Abs(right))); ok {
			return s
		}
	} else {
		o := t.point(v[3])
		det, size := det3(p[0]-o[0], p[1]-o[1], p[2]-o[2], q[0]-o[0], q[1]-o[1], q[2]-o[2], r[0]-o[0], r[1]-o[1], r[2]-o[2])
		if s, ok := sign(det, orientBound3*size); ok {
			return s
		}
	}
	return t.exactDet(v, v[t.d], false)
}

// det3 returns a determinant and its permanent in absolute values.
func det3(a, b, c, d, e, f, g, h, i float64) (det, size float64) {
	ei, fh, di, fg, dh, eg := e*i, f*h, d*i, f*g, d*h, e*g
	det = a*(ei-fh) - b*(di-fg) + c*(dh-eg)
	size = math.Abs(a)*(math.Abs(ei)+math.Abs(fh)) + math.Abs(b)*(math.Abs(di)+math.Abs(fg)) + math.Abs(c)*(math.Abs(dh)+math.Abs(eg))
	return det, size
}

// inSphere lifts the vertices to the paraboloid around q.
func (t *Triangulation) inSphere(v []int32, q int32) int {
	o := t.point(q)
	var x [4][3]float64
	var lift [4]float64
	for i, u := range v {
		p := t.point(u)
		for j := range t.d {
			x[i][j] = p[j] - o[j]
			lift[i] += x[i][j] * x[i][j]
		}
	}
	if t.d == 2 {
		det, size := det3(x[0][0], x[0][1], lift[0], x[1][0], x[1][1], lift[1], x[2][0], x[2][1], lift[2])
		if s, ok := sign(det, sphereBound2*size); ok {
			return s
		}
		return t.exactDet(v, q, true)
	}
	det, size := 0.0, 0.0
	for i := range 4 {
		a, b, c := x[(i+1)&3], x[(i+2)&3], x[(i+3)&3]
		minor, s := det3(a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2])
		if i&1 == 0 {
			minor = -minor
		}
		det += lift[i] * minor
		size += lift[i] * s
	}
	if s, ok := sign(det, sphereBound3*size); ok {
		return s
	}
	return t.exactDet(v, q, true)
}

// exactDet returns the sign of the determinant of the differences to q, with
// the lifts as last column if lifted: of orient (v without its last vertex, q the last) or of inSphere.
func (t *Triangulation) exactDet(v []int32, q int32, lifted bool) int {
	rows := t.d
	if lifted {
		rows++
	}
	m := make([][]*big.Int, rows)
	o := t.exactPoint(q)
	for i := range m {
		p := t.exactPoint(v[i])
		lift := new(big.Int)
		for j := range t.d {
			diff := new(big.Int).Sub(p[j], o[j])
			m[i] = append(m[i], diff)
			lift.Add(lift, new(big.Int).Mul(diff, diff))
		}
		if lifted {
			m[i] = append(m[i], lift)
		}
	}
	return determinant(m).Sign()
}

// determinant expands along the first row; m is at most 4 x 4.
func determinant(m [][]*big.Int) *big.Int {
	if len(m) == 1 {
		return m[0][0]
	}
	sum := new(big.Int)
	for j, v := range m[0] {
		if v.Sign() == 0 {
			continue
		}
		var minor [][]*big.Int
		for _, row := range m[1:] {
			r := append([]*big.Int(nil), row[:j]...)
			minor = append(minor, append(r, row[j+1:]...))
		}
		term := new(big.Int).Mul(v, determinant(minor))
		if j&1 == 1 {
			term.Neg(term)
		}
		sum.Add(sum, term)
	}
	return sum
}

// exactPoint returns a point in units of the finest bit of all coordinates.
func (t *Triangulation) exactPoint(v int32) []*big.Int {
	p := make([]*big.Int, t.d)
	for j, x := range t.point(v) {
		fraction, exp := math.Frexp(x)
		p[j] = big.NewInt(int64(math.Ldexp(fraction, 53)))
		if x != 0 {
			p[j].Lsh(p[j], uint(exp-53-t.finest))
		}
	}
	return p
}

// finestBit returns the exponent of the last bit of any of the numbers.
func finestBit(x []float64) int {
	least := math.MaxInt
	for _, v := range x {
		if v != 0 {
			_, exp := math.Frexp(v)
			least = min(least, exp-53)
		}
	}
	if least == math.MaxInt {
		return 0
	}
	return least
}
