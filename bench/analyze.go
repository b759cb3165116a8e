package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// productsPeer is what an analysis cannot do without, in seconds.
type productsPeer struct {
	Forward, Gram float64
	Rows          int
}

// analysisReport is what the section takes from hinge analyze --json.
type analysisReport struct {
	Rows, Units int
	Complete    bool
	Inputs      int
	Outputs     int
	Layers      []struct {
		Units        int
		Rank         *int
		Separability []struct{ Verdict string }
	}
	Seconds struct{ Read, Analyze float64 }
}

// analyzeRuns is how many times hinge and the products run, in turns.
const analyzeRuns = 3

// analyzed is the network that the section takes apart.
const analyzed = "mnist_fc_256x2.onnx"

// analysis: a network that others trained, taken apart on all 60,000 rows of
// MNIST, beside one forward pass and the Gram matrices' own multiplications.
func (b *bench) analysis() error {
	b.printf("\n## A trained network taken apart: %s on MNIST's 60,000 rows\n\n", analyzed)
	net := filepath.Join(b.data, "..", "nets", analyzed)
	images, ok := b.file("mnist/train-images-idx3-ubyte.gz")
	labels, _ := b.file("mnist/train-labels-idx1-ubyte.gz")
	if _, err := os.Stat(net); err != nil || !ok {
		b.printf("skipped: %s or %s is not there\n", net, images)
		return nil
	}
	load := loadAverage()
	args := []string{"analyze", "--json", "-q", net, images + "," + labels, "--scale", "1/255"}
	var floors, own, ratios []float64
	var last productsPeer
	for range analyzeRuns {
		var r analysisReport
		if _, err := b.analyzeOnce(&r, append(args, "--patience", "0s")...); err != nil {
			return err
		}
		if _, ok := b.peer(&last, "analyze.py", "products", images, r.widths()); !ok {
			return nil
		}
		floor := last.Forward + last.Gram
		floors, own, ratios = append(floors, floor), append(own, r.Seconds.Analyze), append(ratios, r.Seconds.Analyze/floor)
	}
	var full analysisReport
	o, err := b.analyzeOnce(&full, args...)
	if err != nil {
		return err
	}
	b.printf("Measured on %s; %d runs of both in turns, the median of each. Load of the machine before: %s.\n\n", time.Now().UTC().Format("2006-01-02"), analyzeRuns, load)
	b.printf("| what | s |\n|---|---|\n")
	b.printf("| floor: one float32 forward pass in PyTorch (%.2f) + the Gram matrices of all layers, float64, numpy (%.2f) | %.2f |\n", last.Forward, last.Gram, median(floors))
	b.printf("| hinge analyze, everything but the separability witnesses | %.2f |\n", median(own))
	b.printf("| ratio (%.1f to %.1f; at most 10 is wanted) | **%.1f** |\n", slices.Min(ratios), slices.Max(ratios), median(ratios))
	b.printf("\nThe full report with its separability witnesses: %.1f s in all, peak memory %.0f MB (under 120 s and 4096 MB is wanted); verdicts: %s.\n",
		o.seconds, o.peakMB, full.verdicts())
	return nil
}

// loadAverage is how many processes wanted a processor in the last minute, or
// "not known". Above a few tenths, times are those of a machine that is shared.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// analyzeOnce runs hinge analyze and decodes its report into r.
func (b *bench) analyzeOnce(r *analysisReport, args ...string) (outcome, error) {
	o, err := b.process(b.hinge, args...)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(o.stdout, r)
}

// widths lists the inputs, the layers' units and the outputs.
func (r *analysisReport) widths() string {
	var all []string
	for _, y := range r.Layers {
		all = append(all, strconv.Itoa(y.Units))
	}
	return strings.Join(append(all, strconv.Itoa(r.Outputs)), ",")
}

// verdicts counts the classes by what is known of them, over all layers.
func (r *analysisReport) verdicts() string {
	counts := map[string]int{}
	for _, y := range r.Layers {
		for _, s := range y.Separability {
			counts[s.Verdict]++
		}
	}
	var text []string
	for _, verdict := range []string{"separable", "inseparable", "unknown"} {
		text = append(text, strconv.Itoa(counts[verdict])+" "+verdict)
	}
	return strings.Join(text, ", ")
}
