package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hinge"
	"hinge/network"
)

// mnist are the files of MNIST, as the command takes them.
type mnist struct{ images, labels, testImages, testLabels string }

func (m *mnist) train() string { return m.images + "," + m.labels }
func (m *mnist) test() string  { return m.testImages + "," + m.testLabels }

// edit: repair, finish and prune on trained networks, and what one would do
// without them.
func (b *bench) edit() error {
	b.printf("\n## Editing trained networks\n")
	var m mnist
	ok := false
	for _, f := range []struct {
		path *string
		name string
	}{{&m.images, "train-images-idx3"}, {&m.labels, "train-labels-idx1"}, {&m.testImages, "t10k-images-idx3"}, {&m.testLabels, "t10k-labels-idx1"}} {
		if *f.path, ok = b.file("mnist/" + f.name + "-ubyte.gz"); !ok {
			b.printf("\nskipped: %s is not there\n", *f.path)
			return nil
		}
	}
	for _, part := range []func(*mnist) error{b.repairs, b.values, b.finishes, b.prunes} {
		if err := part(&m); err != nil {
			return err
		}
	}
	return nil
}

// net returns a network of the shared ones beside the tables, and whether it is
// there.
func (b *bench) net(name string) (string, bool) {
	path := filepath.Join(b.data, "..", "nets", name)
	if _, err := os.Stat(path); err != nil {
		b.printf("\nskipped: %s is not there\n", path)
		return path, false
	}
	return path, true
}

// repairReport is what the tables take from hinge repair --json.
type repairReport struct {
	Method       string
	Units, Added int
	Freedom      float64
	Rows         []struct{ Error float64 }
	Certificate  struct{ Hit, Rows int }
	Keep         struct {
		Rows, Same, Decided int
		Holds               bool
	}
	Test *struct {
		Moved, Changed int
		Before         float64 `json:"accuracy_before"`
		After          float64 `json:"accuracy_after"`
	}
}

// edited runs a verb that edits a network and decodes its report.
func (b *bench) edited(r any, args ...string) (outcome, error) {
	o, err := b.process(b.hinge, append(args, "--json", "-q", "-o", filepath.Join(b.tmp, "edited.onnx"))...)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(o.stdout, r)
}

// repairs corrects rows of MNIST in a trained network of two hidden layers of 256.
func (b *bench) repairs(m *mnist) error {
	const name = "mnist_fc_256x2.onnx"
	net, ok := b.net(name)
	if !ok {
		return nil
	}
	b.printf("\nrepair of %s, float32: rows made right while all other rows of MNIST's 60,000 training images keep what they have. 1,000: test images that shall get a class other than their own, with all 60,000 rows kept; they are a tenth of the test rows, whose accuracy falls by about as much.\n\n", name)
	b.printf("| who | fixed | preserve | method | units added | kept rows proved | wall s | peak MB | test accuracy |\n|---|---|---|---|---|---|---|---|---|\n")
	foreign, err := b.foreignRows(m, 1000)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		fix, preserve string
		most          int
		more          []string
	}{
		{"wrong", "bits", 10, nil}, {"wrong", "bits", 100, nil}, {"wrong", "bits", 0, nil}, {foreign, "bits", 0, nil},
		{"wrong", "decisions", 0, []string{"--precision", "float64"}},
	} {
		var r repairReport
		args := append([]string{"repair", net, "--fix", c.fix, "--keep", m.train(), "--scale", "1/255", "--preserve", c.preserve, "--most", strconv.Itoa(c.most), "--test", m.test()}, c.more...)
		o, err := b.edited(&r, args...)
		if err != nil {
			return err
		}
		proved := fmt.Sprintf("%d of %d, bit for bit", r.Keep.Same, r.Keep.Rows)
		if c.preserve == "decisions" {
			proved = fmt.Sprintf("%d of %d decisions", r.Keep.Decided, r.Keep.Rows)
		}
		b.printf("| %s | %d of %d | %s | %s | %d | %s | %.1f | %.0f | %.4f -> %.4f |\n", strings.Join(append([]string{"hinge repair"}, c.more...), " "), r.Certificate.Hit, r.Certificate.Rows,
			c.preserve, r.Method, r.Added, proved, o.seconds, o.peakMB, r.Test.Before, r.Test.After)
	}
	return b.finetune(net, m)
}

// finetune lets PyTorch's Adam correct the wrong rows, and counts what it breaks.
func (b *bench) finetune(file string, m *mnist) error {
	net, err := hinge.Load(file)
	if err != nil {
		return err
	}
	weights := filepath.Join(b.tmp, "weights.bin")
	sizes, err := dump(net, weights)
	if err != nil {
		return err
	}
	for _, rate := range []string{"1e-3", "1e-4", "1e-5"} {
		var p struct {
			Fixed, Left, Steps, Broken int
			Before                     float64 `json:"accuracy_before"`
			After                      float64 `json:"accuracy_after"`
		}
		o, ok := b.peer(&p, "finetune.py", weights, sizes, rate, m.images, m.labels, m.testImages, m.testLabels)
		if !ok {
			return nil
		}
		b.printf("| PyTorch Adam on the wrong rows, rate %s | %d of %d | nothing | %d steps | 0 | %d decisions broken | %.1f | %.0f | %.4f -> %.4f |\n",
			rate, p.Fixed-p.Left, p.Fixed, p.Steps, p.Broken, o.seconds, o.peakMB, p.Before, p.After)
	}
	return nil
}

// dump writes the numbers of a dense network in float32 and returns its sizes.
func dump(net *network.Network, path string) (string, error) {
	var data []byte
	sizes := []string{strconv.Itoa(net.Inputs())}
	for _, l := range net.Dense().Layers {
		bias := l.Bias
		if bias == nil {
			bias = make([]float64, l.Width())
		}
		for _, v := range append(append([]float64(nil), l.Map.(*network.Dense).W...), bias...) {
			data, _ = binary.Append(data, binary.LittleEndian, float32(v))
		}
		sizes = append(sizes, strconv.Itoa(l.Width()))
	}
	return strings.Join(sizes, ","), os.WriteFile(path, data, 0o644)
}

// foreignRows writes the first test images with the class after their own.
func (b *bench) foreignRows(m *mnist, n int) (string, error) {
	images, err := gunzipped(m.testImages)
	if err != nil {
		return "", err
	}
	labels, err := gunzipped(m.testLabels)
	if err != nil {
		return "", err
	}
	const pixels, imageHead, labelHead = 784, 16, 8
	var text strings.Builder
	for j := range pixels {
		fmt.Fprintf(&text, "p%d,", j+1)
	}
	text.WriteString("class\n")
	for i := range n {
		for _, p := range images[imageHead+i*pixels:][:pixels] {
			fmt.Fprintf(&text, "%d,", p)
		}
		fmt.Fprintf(&text, "%d\n", (labels[labelHead+i]+1)%10)
	}
	path := filepath.Join(b.tmp, "foreign.csv")
	return path, os.WriteFile(path, []byte(text.String()), 0o644)
}

// values sets outputs of an ACAS Xu network while random rows are kept.
func (b *bench) values(*mnist) error {
	const name, fixed, kept = "acasxu_N_1_1_gemm.onnx", 50, 100_000
	net, ok := b.net(name)
	if !ok {
		return nil
	}
	rng := rand.New(rand.NewPCG(1, 1))
	fix, keep := filepath.Join(b.tmp, "fix.csv"), filepath.Join(b.tmp, "keep.csv")
	if err := writeRandom(fix, fixed, 10, rng); err != nil {
		return err
	}
	if err := writeRandom(keep, kept, 5, rng); err != nil {
		return err
	}
	b.printf("\nrepair of %s: %d random rows get random values, %d random rows are kept bit for bit.\n\n", name, fixed, kept)
	b.printf("| arithmetic | units added | kept | error as computed | error proved | wall s |\n|---|---|---|---|---|---|\n")
	for _, precision := range []string{"float64", ""} {
		var r struct {
			repairReport
			Certificate struct {
				MaxError float64 `json:"max_error"`
			}
		}
		args := []string{"repair", net, "--fix", fix, "--keep", keep, "--header", "no"}
		if precision != "" {
			args = append(args, "--precision", precision)
		}
		o, err := b.edited(&r, args...)
		if err != nil {
			return err
		}
		worst := 0.0
		for _, row := range r.Rows {
			worst = max(worst, row.Error)
		}
		if precision == "" {
			precision = fmt.Sprintf("float32 (two runs of the network as it was may differ by %.1e)", r.Freedom)
		}
		b.printf("| %s | %d | %d of %d | %.1e | %.1e | %.1f |\n", precision, r.Added, r.Keep.Same, r.Keep.Rows, worst, r.Certificate.MaxError, o.seconds)
	}
	return nil
}

// writeRandom writes rows of numbers between -1/2 and 1/2.
func writeRandom(path string, n, columns int, rng *rand.Rand) error {
	var text strings.Builder
	for range n {
		for j := range columns {
			if j > 0 {
				text.WriteByte(',')
			}
			text.WriteString(strconv.FormatFloat(rng.Float64()-0.5, 'g', 12, 64))
		}
		text.WriteByte('\n')
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}
