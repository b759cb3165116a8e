package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
)

// trainRuns is how often every contestant trains each network, in turns, and
// trainEpochs the epochs of a run; the fastest epoch of all counts, since other
// work on the machine only adds to it.
const (
	trainRuns   = 2
	trainEpochs = 3
)

// trained are the networks and batches of the comparison.
var trained = []struct {
	hidden string
	batch  int
}{{"256", 128}, {"512", 128}, {"256", 32}, {"256", 512}, {"256,256", 128}}

// recipes are trainings that go for few wrong rows in little time: with as many
// units as PyTorch's network, with so few that those of finishing keep it
// smaller, and with far too few for gradient descent to get there.
var recipes = []struct {
	hidden string
	epochs int
	rate   string
}{{"256", 3, "0.003"}, {"256", 6, "0.003"}, {"256", 10, "0.003"}, {"240", 6, "0.003"}, {"32", 10, "0.005"}}

// train: epochs a second beside PyTorch's, and how far a few seconds lead.
func (b *bench) train() error {
	images, ok := b.file("mnist/train-images-idx3-ubyte.gz")
	if !ok {
		b.printf("\n## Training\n\nskipped: %s is not there\n", images)
		return nil
	}
	labels, _ := b.file("mnist/train-labels-idx1-ubyte.gz")
	b.printf("\n## Training: Adam on MNIST's 60,000 rows\n\n")
	b.printf("Seconds of the fastest of %d epochs, run in turns; hinge and PyTorch with the same network, batch and threads, PyTorch also at its better number of threads.\n\n", trainRuns*trainEpochs)
	b.printf("| network | batch | threads | hinge s | PyTorch s | PyTorch / hinge |\n|---|---|---|---|---|---|\n")
	for _, c := range trained {
		if !b.epochTimes(c.hidden, c.batch, images, labels) {
			return nil
		}
	}
	return b.recipes(images, labels)
}

// epochTimes writes the rows of one network; false when PyTorch is not there.
func (b *bench) epochTimes(hidden string, batch int, images, labels string) bool {
	const most = 2 // threads
	var own, peer [most + 1]float64
	for threads := range own {
		own[threads], peer[threads] = math.Inf(1), math.Inf(1)
	}
	for range trainRuns {
		for threads := 1; threads <= most; threads++ {
			v, err := b.trainHinge(hidden, batch, threads, images+","+labels)
			if err != nil {
				b.printf("\nhinge: %v\n", err)
				return false
			}
			own[threads] = min(own[threads], v)
			var p struct{ Seconds []float64 }
			if _, ok := b.peer(&p, "train.py", strconv.Itoa(threads), hidden, strconv.Itoa(batch), strconv.Itoa(trainEpochs), images, labels); !ok {
				return false
			}
			peer[threads] = min(peer[threads], slices.Min(p.Seconds))
		}
	}
	for threads := 1; threads <= most; threads++ {
		b.printf("| 784-%s-10 | %d | %d | %.2f | %.2f | %.2f |\n", hidden, batch, threads, own[threads], peer[threads], peer[threads]/own[threads])
	}
	best := min(peer[1], peer[2])
	b.printf("| | | best of each | %.2f | %.2f | %.2f |\n", min(own[1], own[2]), best, best/min(own[1], own[2]))
	return true
}

// trainReport is what the tables take from hinge train --json.
type trainReport struct {
	History  []struct{ Seconds float64 }
	Final    struct{ Wrong int }
	Finished struct {
		Added       int
		Certificate struct{ Hit, Rows int }
		Seconds     struct{ Finish float64 }
	}
	TestFinished struct{ Score float64 } `json:"test_finished"`
	Seconds      struct{ Read, Train, All float64 }
}

func (b *bench) trainJSON(args ...string) (trainReport, outcome, error) {
	var r trainReport
	o, err := b.process(b.hinge, append([]string{"train", "--json", "-q", "-o", filepath.Join(b.tmp, "trained.onnx")}, args...)...)
	if err == nil {
		err = json.Unmarshal(o.stdout, &r)
	}
	return r, o, err
}

func (b *bench) trainHinge(hidden string, batch, threads int, data string) (float64, error) {
	r, _, err := b.trainJSON(data, "--hidden", hidden, "--batch", strconv.Itoa(batch), "--threads", strconv.Itoa(threads), "--epochs", strconv.Itoa(trainEpochs))
	if err != nil {
		return 0, err
	}
	best := math.Inf(1)
	for _, e := range r.History {
		best = min(best, e.Seconds)
	}
	return best, nil
}

// recipes trains for few epochs along a cosine and finishes, beside PyTorch's
// training of 256 units to its last error.
func (b *bench) recipes(images, labels string) error {
	test, _ := b.file("mnist/t10k-images-idx3-ubyte.gz")
	testLabels, _ := b.file("mnist/t10k-labels-idx1-ubyte.gz")
	b.printf("\nBatches of 128: `hinge train --schedule cosine --finish --precision float64`, and PyTorch's Adam on 256 units until no row is wrong. Seconds are of whole processes, reading included.\n\n")
	b.printf("| | seconds | of steps | of finishing, certificates included | wrong before | units in all | certified | test accuracy |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range recipes {
		r, o, err := b.trainJSON(images+","+labels, "--test", test+","+testLabels, "--hidden", c.hidden, "--epochs", strconv.Itoa(c.epochs), "--lr", c.rate, "--schedule", "cosine", "--finish", "--precision", "float64")
		if err != nil {
			return fmt.Errorf("hinge train: %w", err)
		}
		f := &r.Finished
		units, _ := strconv.Atoi(c.hidden)
		b.printf("| hinge, %s units, %d epochs at %s | %.1f | %.1f | %.1f | %d | %d | %d of %d | %.4f |\n", c.hidden, c.epochs, c.rate, o.seconds, r.Seconds.Train, f.Seconds.Finish,
			r.Final.Wrong, units+f.Added, f.Certificate.Hit, f.Certificate.Rows, r.TestFinished.Score)
	}
	var p digitsPeer
	if o, ok := b.peer(&p, "digits.py", "pytorch-adam", images, labels, test, testLabels); ok {
		b.printf("| PyTorch, 256 units, to its last error | %.1f | | | %d | 256 | no proof | %.4f |\n", o.seconds, p.Errors, p.TestAccuracy)
	}
	return nil
}
