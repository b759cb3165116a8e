package edit

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/dataset"
	"hinge/network"
)

// wished returns rows whose wanted values are those of the network and a bit.
func wished(t *testing.T, net *network.Network, x *mat.Dense, by float64) *dataset.Set {
	t.Helper()
	y := net.Eval(x)
	rng := rand.New(rand.NewPCG(61, 6))
	for k := range y.RawMatrix().Data {
		y.RawMatrix().Data[k] = net.Precision.Round(y.RawMatrix().Data[k] + by*rng.NormFloat64())
	}
	fix, err := dataset.New(x, y)
	if err != nil {
		t.Fatal(err)
	}
	return fix
}

// checkProved wants the proofs to hold, and the evaluated outputs to agree.
func checkProved(t *testing.T, net *network.Network, fix *dataset.Set, keep *mat.Dense, r *Repaired, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !r.Fix.Holds || !r.Keep.Holds {
		t.Fatalf("%s: %d of %d rows are hit, error %g of %g, kept rows %+v, tried %q", r.Method, r.Fix.Hit, r.Fix.Rows, r.Fix.MaxError, r.Fix.Tolerance, r.Keep, r.Tried)
	}
	if got := r.Network.Units() - net.Units(); got != r.Added+r.Copied {
		t.Errorf("%d units were added, %d + %d are told", got, r.Added, r.Copied)
	}
	before, after := net.Eval(keep), r.Network.Eval(keep)
	var off mat.Dense
	off.Sub(before, after)
	if moved := math.Max(mat.Max(&off), -mat.Min(&off)); moved > r.Keep.Moved {
		t.Errorf("an output moved by %g, proved was %g", moved, r.Keep.Moved)
	}
	decided := 0
	for i := range rowCount(keep) {
		if largest(before.RawRowView(i)) == largest(after.RawRowView(i)) {
			decided++
		}
	}
	if decided < r.Keep.Decided {
		t.Errorf("%d decisions are kept, proved were %d", decided, r.Keep.Decided)
	}
}

// Where the rank of the last hidden layer allows, values are set by the weights
// of the output layer alone, and the change is the least there is.
func TestRepairValuesByTheOutputLayer(t *testing.T) {
	net := trained(31, network.Float64, "rri", 6, 30, 60, 3)
	keep := rows(32, network.Float64, 25, 6)
	fix := wished(t, net, rows(33, network.Float64, 5, 6), 1)
	r, err := Repair(net, fix, keep, nil, Options{Preserve: Values})
	checkProved(t, net, fix, keep, r, err)
	if r.Method != Output || r.Added != 0 || r.Change.Weights == 0 || r.Change.Layer != 3 {
		t.Errorf("repaired by %s with %d units more, change %+v", r.Method, r.Added, r.Change)
	}
	// The least change is the pseudo-inverse of [Phi 1] of all rows times what the
	// rows lack.
	var all mat.Dense
	all.Stack(fix.X, keep)
	h := homogeneous(net.Activations(&all, 1), upTo(30))
	lack := mat.NewDense(30, 3, nil)
	var missing mat.Dense
	missing.Sub(fix.Y, net.Eval(fix.X))
	lack.Slice(0, 5, 0, 3).(*mat.Dense).Copy(&missing)
	var svd mat.SVD
	svd.Factorize(h, mat.SVDThin)
	var least mat.Dense
	svd.SolveTo(&least, lack, 30)
	was, _ := readWeights(net, 2)
	is, _ := readWeights(r.Network, 2)
	var change mat.Dense
	change.Sub(is, was)
	if got, want := mat.Norm(&change, 2), mat.Norm(&least, 2); math.Abs(got-want) > 1e-6*want {
		t.Errorf("the change is %g long, the least one %g", got, want)
	}
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// Where it does not, that is said with the ranks, and auto goes on to gates.
func TestRepairValuesBeyondTheRank(t *testing.T) {
	net := trained(34, network.Float64, "rri", 6, 12, 10, 3)
	keep := rows(35, network.Float64, 1500, 6)
	fix := wished(t, net, rows(36, network.Float64, 4, 6), 1)
	for _, m := range []Method{Output, Inner} {
		_, err := Repair(net, fix, keep, nil, Options{Preserve: Values, Method: m})
		if err == nil || !strings.Contains(err.Error(), "rank 11") && !strings.Contains(err.Error(), "rank 7") {
			t.Errorf("%s: %v", m, err)
		}
	}
	r, err := Repair(net, fix, keep, nil, Options{Preserve: Values})
	checkProved(t, net, fix, keep, r, err)
	if r.Method != Gates || len(r.Tried) != 2 || r.Keep.Same != 1500 {
		t.Errorf("repaired by %s after %q", r.Method, r.Tried)
	}
}

// An inner layer serves where all outputs fit into one system, and where the
// rows to keep leave directions of its inputs free.
func TestRepairValuesByAnInnerLayer(t *testing.T) {
	t.Run("few rows", func(t *testing.T) {
		net := trained(37, network.Float64, "rri", 6, 30, 20, 3)
		keep := rows(38, network.Float64, 60, 6)
		fix := wished(t, net, rows(39, network.Float64, 5, 6), 0.05)
		r, err := Repair(net, fix, keep, nil, Options{Preserve: Values, Method: Inner})
		checkProved(t, net, fix, keep, r, err)
		if r.Change.Layer != 1 && r.Change.Layer != 2 {
			t.Errorf("change %+v", r.Change)
		}
	})
	t.Run("free inputs", func(t *testing.T) {
		net := trained(40, network.Float64, "rri", 9, 24, 20, 3)
		keep := rows(41, network.Float64, 1500, 9)
		for i := range 1500 {
			copy(keep.RawRowView(i)[6:], []float64{0, 0, 0})
		}
		fix := wished(t, net, rows(42, network.Float64, 3, 9), 0.05)
		r, err := Repair(net, fix, keep, nil, Options{Preserve: Values})
		checkProved(t, net, fix, keep, r, err)
		if r.Method != Inner || r.Change.Layer != 1 || r.Added != 0 {
			t.Errorf("repaired by %s, change %+v, after %q", r.Method, r.Change, r.Tried)
		}
	})
}

// Classes are changed by the weights of the output layer where decisions are to
// be kept, and every kept one is proved.
func TestRepairDecisionsByTheOutputLayer(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		net := trained(43, precision, "rri", 6, 40, 80, 4)
		keep := rows(44, precision, 1000, 6)
		fix := relabelled(t, net, rows(45, precision, 6, 6))
		r, err := Repair(net, fix, keep, nil, Options{Preserve: Decisions})
		checkProved(t, net, fix, keep, r, err)
		if r.Method != Output || r.Added != 0 {
			t.Errorf("%v: repaired by %s with %d units more, after %q", precision, r.Method, r.Added, r.Tried)
		}
		if r.Fix.MinMargin < r.Margin/2 {
			t.Errorf("%v: the margin is %g, asked for was %g", precision, r.Fix.MinMargin, r.Margin)
		}
	}
}

// Where the output layer cannot tell the rows apart, bumps or gates do, and of
// them the one with fewer units is taken.
func TestRepairDecisionsByFewestUnits(t *testing.T) {
	net := trained(46, network.Float64, "rri", 6, 12, 8, 4)
	keep := rows(47, network.Float64, 3000, 6)
	fix := relabelled(t, net, rows(48, network.Float64, 20, 6))
	units := map[Method]int{}
	for _, m := range []Method{Bumps, Gates, Auto} {
		r, err := Repair(net, fix, keep, nil, Options{Preserve: Decisions, Method: m})
		checkProved(t, net, fix, keep, r, err)
		units[m] = r.Added + r.Copied
	}
	if units[Auto] > min(units[Bumps], units[Gates]) {
		t.Errorf("units by method: %v", units)
	}
	if _, err := Repair(net, fix, keep, nil, Options{Preserve: Decisions, Method: Output}); err == nil {
		t.Error("the output layer of 8 units keeps 3,000 decisions")
	}
}

// collapsing returns a network whose second hidden layer is 0 on most rows, and
// so are all that follow.
func collapsing(precision network.Precision, hidden int) *network.Network {
	acts, widths := "", []int{6}
	for range hidden {
		acts, widths = acts+"r", append(widths, 14)
	}
	net := trained(49, precision, acts+"i", append(widths, 4)...)
	for k := range net.Layers[1].Bias {
		net.Layers[1].Bias[k] = -8
	}
	return net
}

// Rows that a hidden layer makes equal are told apart in an earlier one, and the
// gate is carried up.
func TestRepairRowsThatALayerMakesEqual(t *testing.T) {
	for _, precision := range []network.Precision{network.Float32, network.Float64} {
		for _, hidden := range []int{4, 6} {
			net := collapsing(precision, hidden)
			keep := rows(50, precision, 800, 6)
			fix := relabelled(t, net, rows(51, precision, 9, 6))
			r, err := Repair(net, fix, keep, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkKept(t, net, keep, r)
			checkProved(t, net, fix, keep, r, err)
			if r.Gates[0].Layer > 2 {
				t.Errorf("%v, %d layers: the thresholds stand in layer %d", precision, hidden, r.Gates[0].Layer)
			}
			units := 0
			for _, g := range r.Gates {
				units += g.Units
			}
			if units != r.Added {
				t.Errorf("the gates have %d units, %d are told", units, r.Added)
			}
			values := wished(t, net, rows(52, precision, 4, 6), 1)
			r, err = Repair(net, values, keep, nil, Options{Tolerance: 1e-4})
			if err != nil {
				t.Fatal(err)
			}
			checkKept(t, net, keep, r)
			checkProved(t, net, values, keep, r, err)
		}
	}
}

// A method that cannot do what is asked says so.
func TestRepairRefusesMethods(t *testing.T) {
	net := trained(53, network.Float64, "rri", 6, 12, 8, 4)
	keep := rows(54, network.Float64, 30, 6)
	classes, values := relabelled(t, net, rows(55, network.Float64, 2, 6)), wished(t, net, rows(55, network.Float64, 2, 6), 1)
	for _, c := range []struct {
		fix  *dataset.Set
		opts Options
		says string
	}{
		{classes, Options{Method: Output}, "last bits"},
		{classes, Options{Method: Bumps, Preserve: Bits}, "last bits"},
		{classes, Options{Method: Bumps, Preserve: Values}, "decisions of classes"},
		{values, Options{Method: Bumps, Preserve: Decisions}, "decisions of classes"},
	} {
		if _, err := Repair(net, c.fix, keep, nil, c.opts); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.opts, err)
		}
	}
}

// The wanted outputs of a class are the nearest ones in which it leads.
func TestLeastWinning(t *testing.T) {
	for _, c := range []struct {
		out, want []float64
		class     int
	}{
		{[]float64{3, 1, 0}, []float64{2, 2, 0}, 1},               // margin 0
		{[]float64{3, 3, 0}, []float64{2, 2, 2}, 2},               //
		{[]float64{9, 1, 8, 0}, []float64{6, 6, 6, 0}, 1},         //
		{[]float64{1, 5}, []float64{1, 5}, 1},                     // it leads already
		{[]float64{4, 0, 1, 1}, []float64{2, 2, 1, 1}, 1},         //
		{[]float64{-4, -8, -7, -9}, []float64{-6, -6, -7, -9}, 1}, //
	} {
		got := leastWinning(c.out, c.class, 0)
		for j := range got {
			if math.Abs(got[j]-c.want[j]) > 1e-12 {
				t.Errorf("%v, class %d: %v instead of %v", c.out, c.class, got, c.want)
				break
			}
		}
		if lead := margin(leastWinning(c.out, c.class, 0.5), c.class); lead < 0.5-1e-12 {
			t.Errorf("%v, class %d: it leads by %g", c.out, c.class, lead)
		}
	}
}

// Where float32 itself leaves more open than the default tolerance, that much is
// allowed, and told.
func TestRepairValuesInFloat32(t *testing.T) {
	net := trained(56, network.Float32, "rrrrrri", 6, 40, 40, 40, 40, 40, 40, 3)
	keep := rows(57, network.Float32, 500, 6)
	fix := wished(t, net, rows(58, network.Float32, 8, 6), 1)
	r, err := Repair(net, fix, keep, nil, Options{})
	checkProved(t, net, fix, keep, r, err)
	checkKept(t, net, keep, r)
	if want := max(1e-5, 2*r.Freedom); r.Freedom == 0 || r.Fix.Tolerance != want {
		t.Errorf("the freedom is %g, the tolerance %g", r.Freedom, r.Fix.Tolerance)
	}
	// The freedom is no less than what two orders of summation differ by.
	ranges := fix.Range()
	for seed := range uint64(5) {
		var off mat.Dense
		off.Sub(ordered(net, fix.X, seed), ordered(net, fix.X, seed+20))
		for i := range rowCount(&off) {
			for j, v := range off.RawRowView(i) {
				if math.Abs(v) > r.Freedom*ranges[j] {
					t.Errorf("two orders differ by %g of the range, the freedom is %g", math.Abs(v)/ranges[j], r.Freedom)
				}
			}
		}
	}
	if r, err = Repair(net, fix, keep, nil, Options{Tolerance: 1e-12}); err != nil || r.Fix.Holds {
		t.Errorf("float32 holds a tolerance of 1e-12: %v", err)
	}
}

// Rows that enter the output layer as the same numbers cannot be led apart by it,
// and are named.
func TestRepairNamesRowsTheOutputLayerCannotTellApart(t *testing.T) {
	net := collapsing(network.Float64, 4)
	keep := rows(59, network.Float64, 300, 6)
	fix := relabelled(t, net, rows(60, network.Float64, 3, 6))
	_, err := Repair(net, fix, keep, nil, Options{Preserve: Decisions, Method: Output})
	var impossible *ImpossibleError
	if !errors.As(err, &impossible) || len(impossible.Rows) == 0 || !strings.Contains(err.Error(), "equal to others") {
		t.Errorf("got %v", err)
	}
}

// Equal rows have equal keys, 0 and -0 too, and a changed number changes the key.
func TestKeys(t *testing.T) {
	a := []float64{1, 0, -3}
	if keyOf(a) != keyOf([]float64{1, math.Copysign(0, -1), -3}) {
		t.Error("0 and -0 have different keys")
	}
	x := rows(62, network.Float64, 3000, 4)
	seen := map[uint64]int{}
	for i, k := range keysOf(x) {
		if j, ok := seen[k]; ok {
			t.Errorf("rows %d and %d share a key", i, j)
		}
		seen[k] = i
	}
}
