package construct

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// affine, C0: no hidden unit.
//
// Real targets are reproduced by an affine map when they are one on the rows,
// or when [X 1] has rank n, so that every target is. Both are the same question
// to least squares: is the residual zero? On a table of many rows almost all of
// the work is spared by asking a few rows first. If some d+1 or more rows have
// a least-squares residual whose root mean square is above the tolerance, then
// no affine map is within the tolerance on these, and none on all rows. Only
// if the few rows agree is the map tried on all; the rows that it misses most
// join the few, and the map is solved for again, a bounded number of times.
//
// Classes need less: one affine output per class such that the right one wins
// on every row. Least squares on the indicators is tried first, then passes of
// passive-aggressive updates [Crammer, Singer 2003; Crammer et al. 2006], which
// find a separating map if there is one with a margin and time allows. The
// effort is bounded; "not found" says so and is no proof.
//
// Cost: O(min(n, 4d) d^2 + n d p) for targets, at most [perceptronWork]
// multiplications for classes.
func init() {
	register(&Construction{
		Name:   "affine",
		Title:  "no hidden unit, where the targets are affine in the inputs or the classes linearly separable",
		Source: "linear algebra; for classes Crammer, Dekel, Keshet, Shalev-Shwartz, Singer 2006",
		Plan: func(p *Problem) (Size, error) {
			net, bound, err := buildAffine(p)
			return sizeOf(net, bound), err
		},
		Build: func(p *Problem) (*network.Network, error) {
			net, _, err := buildAffine(p)
			return net, err
		},
	})
}

const (
	affineRounds   = 5       // solves, each with more rows
	perceptronWork = 1 << 30 // multiplications spent on looking for a linear classifier
	perceptronPass = 2000    // passes over the rows at most
)

func buildAffine(p *Problem) (*network.Network, float64, error) {
	input, x := inputLayer(p)
	var w *mat.Dense // p x (d+1), the constant last
	var err error
	if p.Set.IsClasses() {
		w = linearClassifier(p, x)
	} else {
		w, err = affineMap(p, x)
	}
	if err != nil {
		return nil, 0, err
	}
	roundAll(p.Precision, w)
	bound, unfit := affineError(p, x, w)
	if unfit != nil {
		return nil, 0, unfit
	}
	return affineNetwork(p, input, w), bound, nil
}

// affineNetwork is the input layer and the map w (p x (d+1)).
func affineNetwork(p *Problem, input network.Layer, w *mat.Dense) *network.Network {
	outputs, columns := w.Dims()
	d := columns - 1
	out := network.NewDense(outputs, d, make([]float64, outputs*d))
	for o := range outputs {
		copy(out.Row(o), w.RawRowView(o)[:d])
	}
	return &network.Network{
		Precision: p.Precision,
		Layers:    []network.Layer{input, {Map: out, Bias: mat.Col(nil, d, w), Name: "output"}},
	}
}

// affineAt returns w.(x, 1) for one output's w (d+1 numbers) and a row x.
func affineAt(w, x []float64) float64 {
	d := len(x)
	sum := w[d]
	for j, v := range w[:d] {
		sum += float64(v * x[j])
	}
	return sum
}

// affineMap returns the map (p x (d+1)) that solves the rows of x, or an
// [*UnfitError] that says how far from affine the targets are.
func affineMap(p *Problem, x *mat.Dense) (*mat.Dense, error) {
	n, d := x.Dims()
	few := min(n, 4*(d+1))
	rows := rand.New(rand.NewPCG(p.Seed, 0xaff)).Perm(n)[:few]
	ranges := p.Set.Range()
	for round := 1; ; round++ {
		slices.Sort(rows)
		rows = slices.Compact(rows)
		w, rms := solveAffine(p, x, rows, ranges)
		if rms > allowedError(p) {
			return nil, notAffine(fmt.Sprintf("the targets are not affine in the inputs: on %d rows the best affine map is off by %.2g of the range in root mean square", len(rows), rms))
		}
		missed := rowsMissed(p, x, w, ranges)
		if len(missed) == 0 || round == affineRounds {
			return w, nil
		}
		rows = append(rows, missed[:min(few, len(missed))]...)
	}
}

func notAffine(reason string) *UnfitError {
	return &UnfitError{Construction: "affine", Reason: reason, Advice: "every other construction has hidden units for that"}
}

// solveAffine returns the least-squares map of the given rows, with one step of
// refinement, and the root mean square of its residual as a fraction of the
// targets' ranges, the largest over the outputs.
func solveAffine(p *Problem, x *mat.Dense, rows []int, ranges []float64) (*mat.Dense, float64) {
	a, y := withOnes(rowsOf(x, rows)), rowsOf(p.Set.Y, rows)
	_, outputs := y.Dims()
	middle := make([]float64, outputs) // solving for deviations keeps large offsets out of the roundings
	for o := range middle {
		for i := range rows {
			middle[o] += y.At(i, o) / float64(len(rows))
		}
		for i := range rows {
			y.Set(i, o, y.At(i, o)-middle[o])
		}
	}
	f := factorize(mat.DenseCopyOf(a))
	w := f.solve(y)
	var residual mat.Dense
	for range 2 {
		residual.Mul(a, w)
		residual.Sub(y, &residual)
		w.Add(w, f.solve(&residual))
	}
	residual.Mul(a, w)
	residual.Sub(y, &residual)
	d, _ := w.Dims()
	worst := 0.0
	for o := range middle {
		worst = max(worst, mat.Norm(residual.ColView(o), 2)/math.Sqrt(float64(len(rows)))/ranges[o])
		w.Set(d-1, o, w.At(d-1, o)+middle[o])
	}
	return mat.DenseCopyOf(w.T()), worst
}

// withOnes returns [x 1].
func withOnes(x *mat.Dense) *mat.Dense {
	n, d := x.Dims()
	a := mat.NewDense(n, d+1, nil)
	for i := range n {
		row := a.RawRowView(i)
		copy(row, x.RawRowView(i))
		row[d] = 1
	}
	return a
}

// rowsMissed returns the rows on which the map misses by more than half of what
// is allowed, the worst first.
func rowsMissed(p *Problem, x, w *mat.Dense, ranges []float64) []int {
	n, _ := x.Dims()
	miss := make([]float64, n)
	var rows []int
	for i := range n {
		for o, r := range ranges {
			miss[i] = max(miss[i], math.Abs(affineAt(w.RawRowView(o), x.RawRowView(i))-p.Set.Y.At(i, o))/r)
		}
		if miss[i] > allowedError(p)/2 {
			rows = append(rows, i)
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(miss[b], miss[a]) })
	return rows
}

// affineError bounds the error of the rounded map w over the rows, whatever the
// order of summation, or says why it will not do.
func affineError(p *Problem, x, w *mat.Dense) (float64, *UnfitError) {
	n, d := x.Dims()
	ranges := p.Set.Range()
	worst := 0.0
	relative := termError(p.Precision, d+2)
	for i := range n {
		row, y := x.RawRowView(i), p.Set.Y.RawRowView(i)
		out, doubt := make([]float64, len(y)), make([]float64, len(y))
		for o := range y {
			weights := w.RawRowView(o)
			out[o] = affineAt(weights, row)
			doubt[o] = math.Abs(weights[d])
			for j, v := range row {
				doubt[o] += math.Abs(v * weights[j])
			}
			doubt[o] *= relative
		}
		if !p.Set.IsClasses() {
			for o, r := range ranges {
				worst = max(worst, (math.Abs(out[o]-y[o])+doubt[o])/r)
			}
			continue
		}
		own := p.Set.Class[i]
		for o := range y {
			if o != own && !(out[own]-out[o] > doubt[own]+doubt[o]) {
				return 0, notAffine(fmt.Sprintf("no affine map was found that classifies all rows; one misses row %d", p.Set.Rows[i]))
			}
		}
	}
	if !(worst <= allowedError(p)) {
		return 0, notAffine(fmt.Sprintf("the best affine map found is off by %.2g of the range, and %.2g is allowed", worst, allowedError(p)))
	}
	return worst, nil
}

func roundAll(precision network.Precision, w *mat.Dense) {
	w.Apply(func(_, _ int, v float64) float64 { return precision.Round(v) }, w)
}

// linearClassifier returns a map (p x (d+1)) that classifies all rows, if it
// finds one within its bounded effort; otherwise the best it has.
func linearClassifier(p *Problem, x *mat.Dense) *mat.Dense {
	n, d := x.Dims()
	few := min(n, 4*(d+1))
	rows := rand.New(rand.NewPCG(p.Seed, 0xaff)).Perm(n)[:few]
	slices.Sort(rows)
	w, _ := solveAffine(p, x, rows, p.Set.Range())
	passes := min(perceptronPass, perceptronWork/(n*(d+1)*p.Set.P()))
	for range max(2, passes) {
		if updates := passiveAggressive(w, x, p.Set.Class); updates == 0 {
			break
		}
	}
	return w
}

// passiveAggressive walks once over the rows of x and moves the weights
// (p x (d+1)) by the least change that gives each row a margin of 1, where it
// has not half of that; it returns how many rows it moved for.
func passiveAggressive(w, x *mat.Dense, class []int) int {
	n, d := x.Dims()
	classes, _ := w.Dims()
	updates := 0
	for i := range n {
		row := x.RawRowView(i)
		own, rival, at := 0.0, math.Inf(-1), -1
		for o := range classes {
			score := affineAt(w.RawRowView(o), row)
			if o == class[i] {
				own = score
			} else if score > rival {
				rival, at = score, o
			}
		}
		if at < 0 || own-rival >= 0.5 {
			continue
		}
		updates++
		size := 1.0
		for _, v := range row {
			size += float64(v * v)
		}
		step := (1 - (own - rival)) / (2 * size)
		up, down := w.RawRowView(class[i]), w.RawRowView(at)
		for j, v := range row {
			up[j] += float64(step * v)
			down[j] -= float64(step * v)
		}
		up[d] += step
		down[d] -= step
	}
	return updates
}
