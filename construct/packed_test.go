package construct

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
)

// integerSet is n rows at the places 0..n-1, moved by up to jitter/2, with p
// targets in 0..most-1, less 3.
func integerSet(t testing.TB, n, p, most int, jitter float64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), uint64(most)))
	x, y := mat.NewDense(n, 1, nil), mat.NewDense(n, p, nil)
	for i := range n {
		x.Set(i, 0, float64(i)+jitter*(rng.Float64()-0.5))
		for o := range p {
			y.Set(i, o, float64(rng.IntN(most)-3))
		}
	}
	set, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Every integer comes back as it is, in floating point and in exact arithmetic.
func TestPackedIsExact(t *testing.T) {
	for _, c := range []struct{ n, p, most int }{{2, 1, 2}, {30, 1, 2}, {200, 1, 2}, {200, 3, 5}, {90, 1, 1000}, {60, 2, 1 << 20}} {
		for _, jitter := range []float64{0, 0.4} {
			set := integerSet(t, c.n, c.p, c.most, jitter)
			net, err := BuildNamed(&Problem{Set: set}, "packed")
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if !mat.Equal(net.Forward(set.X), set.Y) {
				t.Errorf("%+v, jitter %v: not every label comes back", c, jitter)
			}
			for i := 0; i < c.n; i += 1 + c.n/5 {
				for o, v := range net.EvalExact(set.X.RawRowView(i)) {
					if got, exact := v.Float64(); !exact || got != set.Y.At(i, o) {
						t.Errorf("%+v, row %d: exactly %v, want %v", c, i, v, set.Y.At(i, o))
					}
				}
			}
		}
	}
}

// The peel on its own: every word comes apart into the labels that were put in.
func TestPackedWords(t *testing.T) {
	set := integerSet(t, 120, 1, 8, 0)
	k := &packed{outputs: 1}
	for i := range 120 {
		k.t, k.y = append(k.t, set.X.At(i, 0)), append(k.y, set.Y.At(i, 0))
	}
	if err := k.setLabels(); err != nil {
		t.Fatal(err)
	}
	if k.bits != 3 {
		t.Fatalf("%d bits for labels 0..7", k.bits)
	}
	rows := 0
	for _, g := range k.cut(17) {
		word := uint64(k.words(g)[0])
		if g.cells > 17 || float64(word) >= math.Ldexp(1, 3*17) {
			t.Errorf("%d cells and the word %d", g.cells, word)
		}
		for i := g.from; i < g.to; i++ {
			cell := int(k.place(g, i))
			if got := word >> (3 * cell) & 7; got != k.label[i] {
				t.Errorf("row %d: the word holds %d, want %d", i, got, k.label[i])
			}
			rows++
		}
	}
	if groups := len(k.cut(17)); rows != 120 || groups != 8 {
		t.Errorf("%d rows in %d groups; evenly spaced rows fill 8 groups of 17 cells", rows, groups)
	}
}

// In exact arithmetic the peel has no limit: a word of 600 bits comes apart by the
// same two comparisons per bit, the rest always in one of two parts. (A network
// holds float64 weights, so its words end at 52 bits.)
func TestPackedPeelOfBigIntegers(t *testing.T) {
	const bits = 600
	rng := rand.New(rand.NewPCG(6, 6))
	word := new(big.Int)
	for k := range bits {
		word.SetBit(word, k, uint(rng.IntN(2)))
	}
	relu := func(z *big.Int) *big.Int {
		if z.Sign() < 0 {
			return z.SetInt64(0)
		}
		return z
	}
	high, rest := new(big.Int), new(big.Int).Set(word)
	for k := bits - 1; k >= 0; k-- {
		l := new(big.Int).Add(high, rest)
		top := new(big.Int).Lsh(big.NewInt(1), uint(k))
		a := relu(new(big.Int).Sub(l, top))
		b := relu(new(big.Int).Add(new(big.Int).Sub(l, top), big.NewInt(1)))
		if bit := new(big.Int).Sub(b, a); bit.Cmp(big.NewInt(int64(word.Bit(k)))) != 0 {
			t.Fatalf("bit %d is peeled as %v", k, bit)
		}
		high, rest = a, relu(new(big.Int).Sub(l, new(big.Int).Mul(b, top.Lsh(top, 1))))
		if high.Sign() != 0 && rest.Sign() != 0 {
			t.Fatalf("below bit %d both parts are awake: %v and %v", k, high, rest)
		}
	}
}

// Fewer numbers than rows, and growing like the root of n before words are full.
func TestPackedHasFewerParametersThanRows(t *testing.T) {
	at := map[int]int{}
	for _, n := range []int{500, 2000, 8000, 40_000} {
		net, err := BuildNamed(&Problem{Set: integerSet(t, n, 1, 2, 0.2)}, "packed")
		if err != nil {
			t.Fatal(err)
		}
		at[n] = net.Parameters()
		if n >= 2000 && net.Parameters() >= n {
			t.Errorf("%d parameters for %d rows", net.Parameters(), n)
		}
	}
	if r := float64(at[2000]) / float64(at[500]); r < 1.7 || r > 2.3 {
		t.Errorf("four times the rows take %.2f times the parameters, want about 2: %v", r, at)
	}
	if r := float64(at[40_000]) / 40_000; r > 0.33 {
		t.Errorf("%.2f parameters a row at 40,000 rows", r)
	}
}

func TestPackedRefusesRealTargets(t *testing.T) {
	for _, y := range []float64{0.5, 0x1p60} {
		set, err := dataset.New(mat.NewDense(3, 1, []float64{0, 1, 2}), mat.NewDense(3, 1, []float64{0, 1, y}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = BuildNamed(&Problem{Set: set}, "packed")
		var unfit *UnfitError
		if !errors.As(err, &unfit) || unfit.Advice == "" {
			t.Errorf("target %v: %v", y, err)
		}
	}
}

func ExampleBuildNamed_packed() {
	x, y := mat.NewDense(4096, 1, nil), mat.NewDense(4096, 1, nil)
	for i := range 4096 {
		x.Set(i, 0, float64(i))
		y.Set(i, 0, float64(i*i%7%2))
	}
	set, _ := dataset.New(x, y)
	net, err := BuildNamed(&Problem{Set: set}, "packed")
	fmt.Println(err, mat.Equal(net.Forward(x), y), net.Parameters() < 4096)
	// Output: <nil> true true
}
