package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"hinge/dataset"
	"hinge/train"
)

const seeds = 5

// start returns what Φ of a fresh network is like: rank of [Φ 1] and condition.
func start(set *dataset.Set, units int, init train.Init, seed uint64) (rank, condition float64, err error) {
	t, err := fresh(set, train.Options{Hidden: []int{units}, Init: init, Seed: seed})
	if err != nil {
		return 0, 0, err
	}
	y := t.Layers[0]
	if y.RankWithBias == nil || y.Condition == nil {
		return 0, 0, fmt.Errorf("the rank of %d units was not decided", units)
	}
	return float64(*y.RankWithBias), *y.Condition, nil
}

// initialisations: widths against rank, with ten inputs and with two.
func initialisations(w *bytes.Buffer) error {
	fmt.Fprintf(w, "\n## Initialisations and widths against rank\n\nMedian rank of [Φ 1] of a fresh network over %d seeds; in brackets the median condition of Φ, σ₁/σᵣ.\nRanks are numerical: singular values above max(n, m)·2⁻²³ σ₁ count, what float32 can tell from rounding.\n", seeds)
	for _, set := range []*dataset.Set{dataset.Friedman(rows, 0, 1), dataset.Franke(rows, 0, 1)} {
		fmt.Fprintf(w, "\n%s, %d inputs:\n", set.Source, set.D())
		set, err := set.Rounded()
		if err != nil {
			return err
		}
		if err := rankTable(w, set); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, `
"Through the rows" is what the construction `+"`features`"+` draws: normal directions, each hyperplane through a row.

- he and lecun give the same ranks, draw by draw. **[P]** Biases start at 0, so a unit is positively homogeneous in its weights: he multiplies lecun's weights by √2, which multiplies
  all of Φ by √2 and changes neither its rank nor its condition. (√2 is rounded, so a rank that the tolerance leaves in doubt may still differ by one.) The scale of an initialisation matters to gradient descent, never to what its first layer can represent.
- rank [Φ 1] ≤ min(n, m + 1). **[P]** With ten inputs the named initialisations attain the bound at every width; what grows beyond m = n is not the rank but the distance to losing it: the condition
  falls. Their names hardly matter. **[N]**
- With zero biases every hyperplane of the first layer passes through one point, the mean of the rows. **[P]** With two inputs that costs rank: the units know the rows by little more than their angle around that
  point, and no width tried comes near n. That the rank even falls for the widest layers is the tolerance, which grows with m and σ₁ while the small singular values do not. Hyperplanes through the rows have
  the larger rank at every width, and reach n. With ten inputs zero biases cost nothing. **[N]**
`)
	return nil
}

var rankWidths = []int{50, 100, 200, 220, 250, 300, 400, 800}

// rankTable writes ranks and conditions, a line per initialisation.
func rankTable(w *bytes.Buffer, set *dataset.Set) error {
	head := []string{"initialisation"}
	for _, m := range rankWidths {
		head = append(head, fmt.Sprintf("m = %d", m))
	}
	var lines [][]string
	for _, init := range []train.Init{train.He, train.LeCun, train.Glorot, train.Orthogonal} {
		line, err := rankLine(string(init), func(m int, seed uint64) (float64, float64, error) { return start(set, m, init, seed) })
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	line, err := rankLine("through the rows", func(m int, seed uint64) (float64, float64, error) {
		return newFeatures(set, m, seed).rank()
	})
	table(w, head, append(lines, line))
	return err
}

// rankLine writes the medians for one way of drawing.
func rankLine(name string, draw func(m int, seed uint64) (rank, condition float64, err error)) ([]string, error) {
	line := []string{name}
	for _, m := range rankWidths {
		var ranks, conditions []float64
		for seed := range uint64(seeds) {
			rank, condition, err := draw(m, seed)
			if err != nil {
				return nil, err
			}
			ranks, conditions = append(ranks, rank), append(conditions, condition)
		}
		line = append(line, fmt.Sprintf("%.0f (%s)", median(ranks), figure(median(conditions))))
	}
	return line, nil
}

// whileTraining: rank, condition and density after each epoch.
func whileTraining(w *bytes.Buffer) error {
	set := dataset.Friedman(rows, 0, 1)
	fmt.Fprintf(w, "\n## What training does to Φ\n\n%s, Adam, rate 0.01, batches of 20, he, seed 1. Density is the share of nonzeros of Φ.\n", set.Source)
	at := []int{0, 1, 10, 50, 200}
	var lines [][]string
	for _, hidden := range [][]int{{50}, {300}, {50, 50}} {
		traces, err := looks(set, train.Options{Hidden: hidden, Batch: 20, Rate: 0.01, Seed: 1}, at)
		if err != nil {
			return err
		}
		for _, epoch := range at {
			t := traces[epoch]
			y := t.Layers[len(t.Layers)-1]
			rank := "not decided"
			if y.RankWithBias != nil {
				rank = strconv.Itoa(*y.RankWithBias)
			}
			condition := "not decided"
			if y.Condition != nil {
				condition = figure(*y.Condition)
			}
			lines = append(lines, []string{strings.Trim(fmt.Sprint(hidden), "[]"), strconv.Itoa(epoch), rank, condition, figure(y.Density), strconv.Itoa(*y.Patterns), strconv.Itoa(y.Dead), figure(t.Own)})
		}
	}
	table(w, []string{"hidden layers", "epoch", "rank [Φ 1] of the last", "condition", "density", "patterns", "dead units", "relative residual"}, lines)
	fmt.Fprintf(w, `
Training hardly changes the rank; it changes which functions the columns are. The network with the full rank could have hit every row before the first step. **[N]**
`)
	return nil
}

// outputLayer: the residual by gradient and by a solve.
func outputLayer(w *bytes.Buffer) error {
	set := dataset.Friedman(rows, 0, 1)
	fmt.Fprintf(w, `
## Why the output layer never needs training

With the hidden layers fixed, the squared error is |[Φ 1][A; c] - Y|², a convex quadratic in (A, c), and least squares attains its minimum. So for every Φ that training passes through, the
residual by a solve is at most the residual that training has there. **[P]** How much less is measured: %s, Adam, rate 0.003, batches of 20, he, seed 2; relative residual |f(X)-Y| / |Y - mean Y|. **[N]**
`, set.Source)
	at := []int{0, 1, 2, 5, 10, 20, 50, 100, 200}
	head := []string{"epoch"}
	lines := make([][]string, len(at))
	for k, epoch := range at {
		lines[k] = []string{strconv.Itoa(epoch)}
	}
	for _, m := range []int{20, 60, 300} {
		head = append(head, fmt.Sprintf("m = %d, trained", m), "by a solve")
		traces, err := looks(set, train.Options{Hidden: []int{m}, Batch: 20, Rate: 0.003, Seed: 2}, at)
		if err != nil {
			return err
		}
		for k, epoch := range at {
			t := traces[epoch]
			if t.Solved == nil || *t.Solved > t.Own*(1+1e-9) {
				return fmt.Errorf("m = %d, epoch %d: a solve is not the better one, against the theorem", m, epoch)
			}
			lines[k] = append(lines[k], figure(t.Own), solved(*t.Solved))
		}
	}
	table(w, head, lines)
	fmt.Fprintf(w, `
With m = 300 > n the solve is exact (the residual is rounding) before any training: training is then not about hitting the rows at all, but about which of the exact solutions one gets.
With fewer units than rows, training pays through Φ: the residual by a solve falls from epoch to epoch too, and always ahead of the trained one.
`)
	return nil
}

// exactResidual is below what any solve in float64 of float32 outputs can miss by
// other than rounding; its digits depend on the order of sums, so they are not
// printed.
const exactResidual = 1e-9

func solved(v float64) string {
	if v < exactResidual {
		return "< 1e-9"
	}
	return figure(v)
}
