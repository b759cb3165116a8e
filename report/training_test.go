package report

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"hinge/dataset"
	"hinge/train"
)

// trainings are small runs: with everything in it, and with as little as can be.
func trainings(t *testing.T) []*Training {
	t.Helper()
	var list []*Training
	for _, c := range []struct {
		set *dataset.Set
		opt train.Options
	}{
		{dataset.Moons(60, 0.1, 1), train.Options{Hidden: []int{20, 10}, Epochs: 25, Batch: 16, Trace: true, Test: dataset.Moons(20, 0.1, 2)}},
		{dataset.Friedman(50, 0, 1), train.Options{Hidden: []int{12}, Epochs: 3, Trace: true, Optimizer: train.SGD, Rate: 0.01, Momentum: 0.5, Decay: 0.1}},
		{dataset.Friedman(50, 0, 1), train.Options{Hidden: []int{12}, Epochs: 2}},
	} {
		r, err := train.Run(context.Background(), c.set, c.opt)
		if err != nil {
			t.Fatal(err)
		}
		report := NewTraining(c.set, r)
		if c.opt.Trace {
			if report.Solution, err = train.Describe(r.Network, c.set, 1000); err != nil {
				t.Fatal(err)
			}
		}
		if err := WriteTrainingMeta(r.Network, c.set, report); err != nil {
			t.Fatal(err)
		}
		if SchemaOf(r.Network) == nil || RangeOf(r.Network) == nil || CertificateOf(r.Network) != nil {
			t.Error("the network carries no schema, no range, or a certificate")
		}
		list = append(list, report)
	}
	return list
}

// TestTrainingText: the figures of the text are those of the JSON.
func TestTrainingText(t *testing.T) {
	for _, run := range trainings(t) {
		var buf bytes.Buffer
		if err := WriteJSON(&buf, run); err != nil {
			t.Fatal(err)
		}
		var back Training
		if err := json.Unmarshal(buf.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		last := back.History[len(back.History)-1]
		want := []string{several(back.Units, "unit", "units"), string(back.Optimizer), number(last.Loss), "no certificate"}
		run.File = "net.onnx"
		text := run.Text()
		if last.Trace != nil {
			want = append(want, number(last.Trace.Layers[0].Density), optionalNumber(last.Trace.Layers[0].Condition), "essential", costText(last.Cost))
		}
		if back.TestNow != nil {
			want = append(want, scoreText(last.Test), several(back.TestNow.Rows, "test row", "test rows"))
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("the text does not say %q:\n%s", w, text)
			}
		}
		if n := strings.Count(text, "\n"); n > 80 {
			t.Errorf("the text has %d lines", n)
		}
	}
}

// TestTrainingPage: the page loads nothing, closes what it opens, and has a
// figure for what was measured only.
func TestTrainingPage(t *testing.T) {
	for k, figures := range []int{9, 7, 1} {
		run := trainings(t)[k]
		var buf bytes.Buffer
		if err := run.WriteHTML(&buf); err != nil {
			t.Fatal(err)
		}
		page := buf.String()
		for _, banned := range []string{"http://", "https://", "<script", "<link", "@import", "NaN", "Inf", "ZgotmplZ", "<no value>", "%!"} {
			if strings.Contains(page, banned) {
				t.Errorf("page %d has %q", k, banned)
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("page %d: id %s stands twice", k, m[1])
			}
			ids[m[1]] = true
		}
		if n := strings.Count(page, "<figure>"); n != figures || n != strings.Count(page, "</figure>") {
			t.Errorf("page %d has %d figures, want %d", k, n, figures)
		}
	}
}
