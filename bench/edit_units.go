package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// gunzipped returns the bytes of a compressed file.
func gunzipped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// trainFor trains a network on MNIST and returns its file and the wall seconds.
func (b *bench) trainFor(m *mnist, hidden string, epochs int) (string, float64, error) {
	net := filepath.Join(b.tmp, fmt.Sprintf("trained-%s-%d.onnx", hidden, epochs))
	o, err := b.process(b.hinge, "train", m.train(), "--hidden", hidden, "--epochs", strconv.Itoa(epochs), "--lr", "0.003", "--schedule", "cosine", "-q", "-o", net)
	return net, o.seconds, err
}

// finishes makes networks exact that were trained for a few epochs.
func (b *bench) finishes(m *mnist) error {
	b.printf("\nfinish: MNIST's 60,000 rows, networks trained with Adam for a while, then made exact and certified in float64. The seconds are of whole processes: training, and finishing with reading and certifying; `hinge train --finish` does both in one and reads once.\n\n")
	b.printf("| hidden units | epochs | wrong before | how | units after | s training | s finishing | certified | test accuracy |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range []struct {
		hidden string
		epochs int
	}{{"256", 3}, {"256", 6}, {"256", 10}, {"32", 6}} {
		net, seconds, err := b.trainFor(m, c.hidden, c.epochs)
		if err != nil {
			return err
		}
		var r struct {
			Wrong, Units, Added int
			Method              string
			Certificate         struct{ Hit, Rows int }
			Test                struct {
				Before float64 `json:"accuracy_before"`
				After  float64 `json:"accuracy_after"`
			}
		}
		o, err := b.edited(&r, "finish", net, m.train(), "--precision", "float64", "--test", m.test())
		if err != nil {
			return err
		}
		b.printf("| %s | %d | %d | %s | %d | %.1f | %.1f | %d of %d | %.4f -> %.4f |\n", c.hidden, c.epochs, r.Wrong, r.Method, r.Units+r.Added, seconds, o.seconds,
			r.Certificate.Hit, r.Certificate.Rows, r.Test.Before, r.Test.After)
	}
	var p digitsPeer
	if o, ok := b.peer(&p, "digits.py", "pytorch-adam", m.images, m.labels, m.testImages, m.testLabels); ok {
		b.printf("| PyTorch Adam to its last error, %d | | %d left | | %d | %.1f | | | %.4f |\n", p.Units, p.Errors, p.Units, o.seconds, p.TestAccuracy)
	}
	return nil
}

// prunes takes units out of trained networks.
func (b *bench) prunes(m *mnist) error {
	b.printf("\nprune: on MNIST's 60,000 rows. Fraction: what is proved of the outputs, as a fraction of their range; decisions: rows whose largest output is another one.\n\n")
	b.printf("| network | preserve | units | fraction | decisions changed | proved | test rows decided otherwise | wall s |\n|---|---|---|---|---|---|---|---|\n")
	list := []struct{ title, file, preserve, precision string }{}
	if net, ok := b.net("mnist_fc_256x2.onnx"); ok {
		list = append(list, struct{ title, file, preserve, precision string }{"mnist_fc_256x2.onnx", net, "values", ""})
	}
	deep, _, err := b.trainFor(m, "256,256,256,256,256,256", 2)
	if err != nil {
		return err
	}
	wide, _, err := b.trainFor(m, "512", 6)
	if err != nil {
		return err
	}
	list = append(list, []struct{ title, file, preserve, precision string }{
		{"6 x 256, Adam, 2 epochs", deep, "values", "float64"},
		{"512, Adam, 6 epochs", wide, "decisions", "float64"},
	}...)
	for _, c := range list {
		args := []string{"prune", c.file, m.train(), "--preserve", c.preserve, "--test", m.test()}
		if c.precision != "" {
			args = append(args, "--precision", c.precision)
		} else {
			args = append(args, "--scale", "1/255")
		}
		var r struct {
			Layers    []struct{ Before, After int }
			Fraction  float64
			Decided   bool
			Decisions int
			Precision string
			Test      struct{ Changed int }
		}
		o, err := b.edited(&r, args...)
		if err != nil {
			return err
		}
		before, after := 0, 0
		for _, l := range r.Layers {
			before, after = before+l.Before, after+l.After
		}
		b.printf("| %s, %s | %s | %d -> %d | %.1e | %d | %t | %d | %.1f |\n", c.title, r.Precision, c.preserve, before, after, r.Fraction, r.Decisions, r.Decided, r.Test.Changed, o.seconds)
	}
	return nil
}
