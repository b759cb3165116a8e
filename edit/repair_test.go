package edit

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// trained returns a random network, the weights of its layers scaled as those
// of trained ones are.
func trained(seed uint64, precision network.Precision, acts string, widths ...int) *network.Network {
	rng := rand.New(rand.NewPCG(seed, 77))
	net := &network.Network{Precision: precision}
	for i := 1; i < len(widths); i++ {
		m := network.NewDense(widths[i], widths[i-1], make([]float64, widths[i]*widths[i-1]))
		for k := range m.W {
			m.W[k] = rng.NormFloat64() * math.Sqrt(2/float64(widths[i-1]))
		}
		l := network.Layer{Map: m, Bias: make([]float64, widths[i])}
		for k := range l.Bias {
			l.Bias[k] = 0.1 * rng.NormFloat64()
		}
		if acts[i-1] == 'r' {
			l.Act = network.ReLU
		}
		net.Layers = append(net.Layers, l)
	}
	net.Round()
	return net
}

// rows returns n rows of d numbers of the precision.
func rows(seed uint64, precision network.Precision, n, d int) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 78))
	x := mat.NewDense(n, d, nil)
	for k := range x.RawMatrix().Data {
		x.RawMatrix().Data[k] = precision.Round(rng.NormFloat64())
	}
	return x
}

// relabelled returns rows whose wanted class is the one after the network's own.
func relabelled(t *testing.T, net *network.Network, x *mat.Dense) *dataset.Set {
	t.Helper()
	out := net.Eval(x)
	n, p := out.Dims()
	class := make([]int, n)
	var names []string
	for c := range p {
		names = append(names, fmt.Sprint("class ", c))
	}
	for i := range class {
		best := 0
		for j, v := range out.RawRowView(i) {
			if v > out.At(i, best) {
				best = j
			}
		}
		class[i] = (best + 1) % p
	}
	set, err := dataset.NewClasses(x, class, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// kinds are networks of every shape that gates have a place in.
var kinds = map[string]struct {
	acts   string
	widths []int
}{
	"two hidden layers":             {"rri", []int{6, 20, 15, 4}},
	"one hidden layer":              {"ri", []int{6, 20, 4}},
	"many hidden layers":            {"rrrrri", []int{6, 12, 12, 12, 12, 12, 4}},
	"a scaling layer first":         {"irri", []int{6, 6, 20, 15, 4}},
	"an affine layer in between":    {"riri", []int{6, 20, 10, 15, 4}},
	"two affine layers at the end":  {"rrii", []int{6, 20, 15, 9, 4}},
	"a ReLU on the outputs":         {"rrr", []int{6, 20, 15, 4}},
	"a ReLU on the outputs, narrow": {"rr", []int{6, 20, 4}},
}

// checkKept wants the outputs on the rows to keep to be the same, bit for bit,
// and the proof to say so.
func checkKept(t *testing.T, net *network.Network, keep *mat.Dense, r *Repaired) {
	t.Helper()
	n, _ := keep.Dims()
	if !r.Keep.Holds || r.Keep.Rows != n || r.Keep.Same != n {
		t.Errorf("the proof says %+v of %d rows", r.Keep, n)
	}
	if !mat.Equal(net.Eval(keep), r.Network.Eval(keep)) {
		t.Error("outputs of rows to keep moved")
	}
}

// Classes: every fixed row gets its class by the margin, certified, and nothing
// else moves by a bit.
func TestRepairClasses(t *testing.T) {
	for name, kind := range kinds {
		for _, precision := range []network.Precision{network.Float32, network.Float64} {
			t.Run(name+" "+precision.String(), func(t *testing.T) {
				net := trained(1, precision, kind.acts, kind.widths...)
				fix := relabelled(t, net, rows(2, precision, 12, 6))
				keep := rows(3, precision, 2000, 6)
				r, err := Repair(net, fix, keep, nil, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !r.Fix.Holds || r.Fix.Rows != 12 {
					t.Errorf("%d of %d fixed rows are certified, the least margin is %g", r.Fix.Hit, r.Fix.Rows, r.Fix.MinMargin)
				}
				if r.Fix.MinMargin < r.Margin/2 {
					t.Errorf("the margin is %g, asked for was %g", r.Fix.MinMargin, r.Margin)
				}
				checkKept(t, net, keep, r)
				if got := r.Network.Units() - net.Units(); got != r.Added+r.Copied {
					t.Errorf("%d units were added, %d + %d are told", got, r.Added, r.Copied)
				}
			})
		}
	}
}

// Numbers: every fixed row gets its values, and nothing else moves by a bit.
func TestRepairValues(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			net := trained(4, network.Float64, kind.acts, kind.widths...)
			x := rows(5, network.Float64, 12, 6)
			y := net.Eval(x)
			rng := rand.New(rand.NewPCG(6, 6))
			for k := range y.RawMatrix().Data {
				y.RawMatrix().Data[k] = math.Abs(y.RawMatrix().Data[k] + rng.NormFloat64())
			}
			fix, err := dataset.New(x, y)
			if err != nil {
				t.Fatal(err)
			}
			keep := rows(7, network.Float64, 2000, 6)
			r, err := Repair(net, fix, keep, nil, Options{Tolerance: 1e-9})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Fix.Holds {
				t.Errorf("%d of %d fixed rows are certified, the error is %g", r.Fix.Hit, r.Fix.Rows, r.Fix.MaxError)
			}
			checkKept(t, net, keep, r)
		})
	}
}

// Rows that are right already are kept as they are.
func TestRepairLeavesRightRowsAlone(t *testing.T) {
	net := trained(8, network.Float64, "rri", 6, 20, 15, 4)
	wrong, right := relabelled(t, net, rows(9, network.Float64, 5, 6)), rows(10, network.Float64, 7, 6)
	agreed := relabelled(t, net, right)
	var x mat.Dense
	x.Stack(wrong.X, right)
	class := append([]int(nil), wrong.Class...)
	for _, c := range agreed.Class {
		class = append(class, (c+3)%4)
	}
	fix, err := dataset.NewClasses(&x, class, wrong.Schema.Classes)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Repair(net, fix, nil, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Already) != 7 || !r.Fix.Holds {
		t.Errorf("%d rows were right before, of 7; the certificate holds: %v", len(r.Already), r.Fix.Holds)
	}
	if !mat.Equal(net.Eval(right), r.Network.Eval(right)) {
		t.Error("rows that were right moved")
	}
	again, err := Repair(r.Network, fix, nil, nil, Options{})
	if err != nil || again.Network.Digest() != r.Network.Digest() || again.Method != None {
		t.Errorf("repairing a repaired network changes it: %v, %v", again.Method, err)
	}
}

// The same seed gives the same bytes.
func TestRepairRepeats(t *testing.T) {
	net := trained(11, network.Float32, "rri", 6, 20, 15, 4)
	fix, keep := relabelled(t, net, rows(12, network.Float32, 12, 6)), rows(13, network.Float32, 500, 6)
	a, errA := Repair(net, fix, keep, nil, Options{Seed: 5})
	b, errB := Repair(net, fix, keep, nil, Options{Seed: 5})
	if errA != nil || errB != nil || a.Network.Digest() != b.Network.Digest() {
		t.Error("two runs give two networks", errA, errB)
	}
}

// Wishes that contradict what is to be kept are named by row.
func TestRepairNamesContradictions(t *testing.T) {
	net := trained(14, network.Float64, "rri", 6, 20, 15, 4)
	keep := rows(15, network.Float64, 50, 6)
	fix := relabelled(t, net, mat.DenseCopyOf(keep.Slice(20, 23, 0, 6)))
	_, err := Repair(net, fix, keep, nil, Options{})
	var overlap *OverlapError
	if !errors.As(err, &overlap) {
		t.Fatalf("got %v", err)
	}
	want := [][2]int{{1, 21}, {2, 22}, {3, 23}}
	if len(overlap.Pairs) != 3 || overlap.Pairs[0] != want[0] || overlap.Pairs[1] != want[1] || overlap.Pairs[2] != want[2] {
		t.Errorf("pairs %v instead of %v", overlap.Pairs, want)
	}
}

// What cannot be done is said, with the rows, and by what it fails.
func TestRepairSaysWhatIsImpossible(t *testing.T) {
	t.Run("affine", func(t *testing.T) {
		net := trained(16, network.Float64, "i", 6, 4)
		_, err := Repair(net, relabelled(t, net, rows(17, network.Float64, 3, 6)), nil, nil, Options{})
		wantImpossible(t, err, 0)
	})
	t.Run("negative outputs of a ReLU", func(t *testing.T) {
		net := trained(18, network.Float64, "rr", 6, 20, 4)
		y := mat.NewDense(2, 4, []float64{1, 2, 3, 4, 1, -2, 3, 4})
		fix, err := dataset.New(rows(19, network.Float64, 2, 6), y)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Repair(net, fix, nil, nil, Options{})
		wantImpossible(t, err, 2)
	})
	t.Run("too close to tell apart", func(t *testing.T) {
		net := trained(20, network.Float32, "rri", 6, 20, 15, 4)
		x := rows(21, network.Float32, 1, 6)
		keep := mat.DenseCopyOf(x)
		keep.Set(0, 0, float64(math.Nextafter32(float32(keep.At(0, 0)), 9)))
		_, err := Repair(net, relabelled(t, net, x), keep, nil, Options{})
		wantImpossible(t, err, 1)
	})
	t.Run("shape", func(t *testing.T) {
		net := trained(22, network.Float64, "rri", 6, 20, 15, 4)
		fix := relabelled(t, net, rows(23, network.Float64, 3, 6))
		var shape *ShapeError
		if _, err := Repair(net, fix, rows(24, network.Float64, 3, 5), nil, Options{}); !errors.As(err, &shape) {
			t.Errorf("rows of 5 numbers are kept by a network of 6: %v", err)
		}
		if _, err := Repair(trained(25, network.Float64, "ri", 5, 9, 4), fix, nil, nil, Options{}); !errors.As(err, &shape) {
			t.Errorf("rows of 6 numbers are fixed in a network of 5: %v", err)
		}
	})
}

func wantImpossible(t *testing.T, err error, row int) {
	t.Helper()
	var impossible *ImpossibleError
	if !errors.As(err, &impossible) || impossible.Advice == "" && row == 0 {
		t.Fatalf("got %v", err)
	}
	if row > 0 && (len(impossible.Rows) != 1 || impossible.Rows[0] != row) {
		t.Errorf("rows %v are named instead of %d", impossible.Rows, row)
	}
}
