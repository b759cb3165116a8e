package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"hinge"
	"hinge/analyze"
	"hinge/dataset"
	"hinge/dataset/table"
	"hinge/network"
)

// memorised: of networks that fit labels of which 5 % were flipped at random,
// are the flipped rows the ones that analyze calls most memorised?
func (b *bench) memorised() error {
	b.printf("\n## Memorised rows: 5 %% of the labels flipped, every row fitted\n\nRows by the score of `hinge analyze`, worst first. AUC: the probability that a flipped row stands before another one. First: how many of the first rows, as many as were flipped, were.\n\n")
	b.printf("| network | rows | units | rows hit | flipped | AUC | first | AUC by loss |\n|---|---|---|---|---|---|---|---|\n")
	for _, name := range []string{"features", "needles"} {
		set, marked, err := flippedMoons(1000, 11)
		if err != nil {
			return err
		}
		r, err := hinge.Build(set, hinge.Options{Construction: name})
		if err != nil {
			return err
		}
		if err := b.ranking("two moons, built by `"+name+"`", r.Network, set, marked); err != nil {
			return err
		}
	}
	tables := []string{"digits"}
	if _, ok := b.file("mnist/train-images-idx3-ubyte.gz"); ok {
		tables = append(tables, filepath.Join(b.data, "mnist"))
	}
	for _, name := range tables {
		if err := b.trained(name); err != nil {
			return err
		}
	}
	return nil
}

// flippedMoons returns n rows of two classes and which of their labels were
// flipped.
func flippedMoons(n int, seed uint64) (*dataset.Set, []bool, error) {
	set := dataset.Moons(n, 0.15, seed)
	class, marked := slices.Clone(set.Class), make([]bool, n)
	for _, i := range rand.New(rand.NewPCG(seed, 5)).Perm(n)[:n/20] {
		class[i], marked[i] = 1-class[i], true
	}
	noisy, err := dataset.NewClasses(set.X, class, []string{"a", "b"})
	return noisy, marked, err
}

// trained lets PyTorch fit a table with flipped labels, and ranks its rows.
func (b *bench) trained(name string) error {
	var p struct {
		Epochs, Errors int
		Layers         string
		Flipped        []int
	}
	out := filepath.Join(b.tmp, filepath.Base(name))
	if _, ok := b.peer(&p, "memorise.py", name, out); !ok {
		return nil
	}
	net, err := hinge.LoadWith(out+".pt", hinge.LoadOptions{Layers: p.Layers})
	if err != nil {
		return err
	}
	set, err := table.Read(out+".csv", table.Options{Task: string(dataset.Classification)})
	if err != nil {
		return err
	}
	marked := make([]bool, set.N())
	for i, row := range set.Rows {
		marked[i] = slices.Contains(p.Flipped, row)
	}
	return b.ranking(fmt.Sprintf("%s, trained with Adam, %d epochs", filepath.Base(name), p.Epochs), net, set, marked)
}

// ranking prints how well the scores find the marked rows.
func (b *bench) ranking(name string, net *network.Network, set *dataset.Set, marked []bool) error {
	a, err := hinge.Analyze(context.Background(), net, set, analyze.Options{Patience: -1})
	if err != nil {
		return err
	}
	m := a.Last.Memorised
	if m == nil {
		return fmt.Errorf("%s: not computed: %v", name, a.Last.Notes)
	}
	flipped := 0
	for _, yes := range marked {
		if yes {
			flipped++
		}
	}
	order := make([]int, set.N())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, k int) int { return cmp.Compare(m.Scores[k], m.Scores[i]) })
	first := 0
	for _, i := range order[:flipped] {
		if marked[i] {
			first++
		}
	}
	b.printf("| %s | %d | %d | %d | %d | %.3f | %d of %d | %.3f |\n", name, set.N(), net.Units(), a.Last.Hit, flipped,
		area(m.Scores, marked), first, flipped, area(losses(net, set), marked))
	return nil
}

// losses are what those who cannot leave rows out rank by: the cross entropy of
// each row.
func losses(net *network.Network, set *dataset.Set) []float64 {
	out := net.Eval(set.X)
	loss := make([]float64, set.N())
	for i := range loss {
		row := out.RawRowView(i)
		most, sum := slices.Max(row), 0.0
		for _, v := range row {
			sum += math.Exp(v - most)
		}
		loss[i] = most + math.Log(sum) - row[set.Class[i]]
	}
	return loss
}

// area under the ROC curve: the probability that a marked row has the larger
// score, equal ones counting half.
func area(scores []float64, marked []bool) float64 {
	wins, pairs := 0.0, 0.0
	for i, s := range scores {
		for k, t := range scores {
			if !marked[i] || marked[k] {
				continue
			}
			pairs++
			switch {
			case s > t:
				wins++
			case s == t:
				wins += 0.5
			}
		}
	}
	return wins / pairs
}
