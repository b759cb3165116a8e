package delaunay

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// clouds are points in general and in special position.
func clouds(d int) map[string][]float64 {
	rng := rand.New(rand.NewPCG(uint64(d), 1))
	all := map[string][]float64{}
	draw := func(n int, f func(j int) float64) []float64 {
		x := make([]float64, n*d)
		for i := range x {
			x[i] = f(i % d)
		}
		return x
	}
	all["uniform"] = draw(300, func(int) float64 { return rng.Float64() })
	all["few"] = draw(d+1, func(int) float64 { return rng.Float64() })
	all["integer grid"] = draw(300, func(int) float64 { return float64(rng.IntN(6)) })
	all["far from zero"] = draw(100, func(int) float64 { return 1e9 + rng.Float64() })
	all["flat"] = draw(100, func(j int) float64 { return rng.Float64() * math.Pow(1e-7, float64(j)) })
	sphere := draw(120, func(int) float64 { return rng.NormFloat64() })
	for i := 0; i < len(sphere); i += d {
		r := 0.0
		for _, v := range sphere[i : i+d] {
			r += v * v
		}
		for j := range d {
			sphere[i+j] /= math.Sqrt(r)
		}
	}
	all["sphere"] = sphere
	return all
}

func TestDelaunay(t *testing.T) {
	for _, d := range []int{2, 3} {
		for name, x := range clouds(d) {
			tri, err := New(x, d, 1)
			if err != nil {
				t.Fatal(d, name, err)
			}
			checkWhole(t, tri, name)
			checkEmptySpheres(t, tri, name)
			before := volume(tri)
			kept := map[[4]int32]bool{}
			tri.Simplices(func(v []int32) { kept[named(v)] = true })
			box := tri.Enclose(corners(x, d))
			checkWhole(t, tri, name+" enclosed")
			have := 0
			tri.Simplices(func(v []int32) {
				if kept[named(v)] {
					have++
				}
			})
			if have != len(kept) {
				t.Errorf("%s, d=%d: %d of %d simplices kept", name, d, have, len(kept))
			}
			all := 1.0
			for j := range d {
				all *= tri.Point(box[len(box)-1])[j] - tri.Point(box[0])[j]
			}
			if v := volume(tri); math.Abs(v-all) > 1e-6*all || before >= v {
				t.Errorf("%s, d=%d: the box of volume %v holds simplices of %v", name, d, all, v)
			}
		}
	}
}

func named(v []int32) (key [4]int32) {
	copy(key[:], v)
	slices.Sort(key[:len(v)])
	return key
}

// corners returns the corners of a box three times as wide as the points.
func corners(x []float64, d int) [][]float64 {
	lo, hi := slices.Clone(x[:d]), slices.Clone(x[:d])
	for i, v := range x {
		lo[i%d], hi[i%d] = min(lo[i%d], v), max(hi[i%d], v)
	}
	var all [][]float64
	for c := range 1 << d {
		p := make([]float64, d)
		for j := range p {
			p[j] = lo[j] - (hi[j] - lo[j])
			if c>>j&1 == 1 {
				p[j] = hi[j] + (hi[j] - lo[j])
			}
		}
		all = append(all, p)
	}
	return all
}

func volume(t *Triangulation) float64 {
	total := 0.0
	t.Simplices(func(v []int32) {
		var e [3][3]float64
		e[2][2] = 1
		o := t.point(v[t.d])
		for i := range t.d {
			for j := range t.d {
				e[i][j] = t.point(v[i])[j] - o[j]
			}
		}
		det, _ := det3(e[0][0], e[0][1], e[0][2], e[1][0], e[1][1], e[1][2], e[2][0], e[2][1], e[2][2])
		total += det / []float64{2, 6}[t.d-2]
	})
	return total
}

// checkWhole checks orientation, neighbours, and that every point is a vertex.
func checkWhole(t *testing.T, tri *Triangulation, name string) {
	t.Helper()
	seen := map[int32]bool{}
	for s := range tri.dead {
		if tri.dead[s] {
			continue
		}
		v := tri.of(int32(s))
		if !slices.Contains(v, Infinity) && tri.orient(v) <= 0 {
			t.Fatalf("%s: simplex %v is not positive", name, v)
		}
		for i, o := range tri.beside(int32(s)) {
			seen[v[i]] = true
			shared := 0
			for k, u := range tri.of(o) {
				if slices.Contains(v, u) {
					shared++
				} else if tri.beside(o)[k] != int32(s) {
					t.Fatalf("%s: %v and %v are neighbours on one side only", name, v, tri.of(o))
				}
			}
			if tri.dead[o] || shared != tri.d {
				t.Fatalf("%s: %v and %v are no neighbours", name, v, tri.of(o))
			}
		}
	}
	if points := len(tri.x)/tri.d + 1 - len(tri.Doubles); len(seen) != points {
		t.Fatalf("%s: %d vertices of %d", name, len(seen), points)
	}
}

func checkEmptySpheres(t *testing.T, tri *Triangulation, name string) {
	t.Helper()
	checked := 0
	tri.Simplices(func(v []int32) {
		for p := range int32(len(tri.x) / tri.d) {
			s := tri.inSphere(v, p)
			if checked++; checked%101 == 0 && s != tri.exactDet(v, p, true) {
				t.Fatalf("%s: the sign for point %d and the sphere of %v is not exact", name, p, v)
			}
			if s > 0 {
				t.Fatalf("%s: point %d is inside the sphere of %v", name, p, v)
			}
		}
	})
}

func TestFlatPoints(t *testing.T) {
	for _, x := range [][]float64{{0, 0, 1, 1, 2, 2}, {0, 0}, {1, 2, 1, 2}} {
		if _, err := New(x, 2, 1); err != ErrFlat {
			t.Errorf("%v: %v", x, err)
		}
	}
	if _, err := New([]float64{0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 5, 3, 1}, 3, 1); err != ErrFlat {
		t.Error("points of the plane z = 1:", err)
	}
}

func BenchmarkNew(b *testing.B) {
	for _, d := range []int{2, 3} {
		rng := rand.New(rand.NewPCG(1, 1))
		x := make([]float64, 20000*d)
		for i := range x {
			x[i] = rng.Float64()
		}
		b.Run([]string{"plane", "space"}[d-2], func(b *testing.B) {
			for b.Loop() {
				if _, err := New(x, d, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
