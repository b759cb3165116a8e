package report

import (
	"encoding/json"
	"fmt"
	"strconv"

	"hinge/dataset"
	"hinge/network"
	"hinge/train"
)

// Training is a network trained by gradient descent on a table.
type Training struct {
	Data
	Test       string          `json:"test_source,omitempty"` // table of the test rows
	TestRows   int             `json:"test_rows,omitempty"`
	Hidden     []int           `json:"hidden"`
	Units      int             `json:"units"`
	Parameters int             `json:"parameters"`
	Precision  string          `json:"precision"`
	Optimizer  train.Optimizer `json:"optimizer"`
	Rate       float64         `json:"rate"`
	Momentum   float64         `json:"momentum"`
	Decay      float64         `json:"decay"`
	Schedule   train.Schedule  `json:"schedule"`
	Init       train.Init      `json:"init"`
	Batch      int             `json:"batch"`
	Epochs     int             `json:"epochs"` // asked for
	Seed       uint64          `json:"seed"`
	Engine     string          `json:"engine"`

	History  []train.Epoch   `json:"history"`
	Stopped  string          `json:"stopped"` // done, finish or interrupted
	Resumed  int             `json:"resumed_in_epoch,omitempty"`
	Final    *train.Measure  `json:"final"`
	TestNow  *train.Measure  `json:"test,omitempty"`
	Solution *train.Solution `json:"solution,omitempty"`

	// Finished says how the trained network was made exact afterwards, and
	// TestFinished how it then does on the test rows; nil when it was not.
	Finished     *Finish        `json:"finished,omitempty"`
	TestFinished *train.Measure `json:"test_finished,omitempty"`

	Network    string `json:"network"` // SHA-256 of the network
	File       string `json:"file,omitempty"`
	Bytes      int64  `json:"bytes,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Command    string `json:"command,omitempty"`
	Seconds    struct {
		Read  float64 `json:"read"`
		Train float64 `json:"train"` // steps alone, over all epochs
		All   float64 `json:"all"`   // training and measuring, in this process
		Write float64 `json:"write"`
	} `json:"seconds"`
}

// NewTraining gathers what a run of package train did.
func NewTraining(set *dataset.Set, r *train.Result) *Training {
	o := &r.Options
	digest := r.Network.Digest()
	t := &Training{
		Data: NewData(set), Hidden: o.Hidden, Units: r.Network.Units(), Parameters: r.Network.Parameters(),
		Precision: r.Network.Precision.String(), Optimizer: o.Optimizer, Rate: o.Rate, Momentum: o.Momentum, Decay: o.Decay,
		Schedule: o.Schedule, Init: o.Init, Batch: o.Batch, Epochs: o.Epochs, Seed: o.Seed, Engine: r.Engine,
		History: r.History, Stopped: r.Stopped, Resumed: r.Resumed, Final: r.Final, Checkpoint: o.Checkpoint,
		Network: fmt.Sprintf("%x", digest),
	}
	if t.History == nil {
		t.History = []train.Epoch{}
	}
	for _, e := range r.History {
		t.Seconds.Train += e.Seconds
	}
	if o.Test != nil {
		t.Test, t.TestRows = o.Test.Source, o.Test.N()
		t.TestNow = train.Score(r.Network, o.Test)
	}
	t.Seconds.All = r.Seconds
	return t
}

// WriteTrainingMeta notes in a trained network how raw tables become inputs, and that
// it was trained. It has no certificate.
func WriteTrainingMeta(net *network.Network, set *dataset.Set, t *Training) error {
	schema, err := json.Marshal(set.Schema)
	if err != nil {
		return err
	}
	ranges, err := json.Marshal(set.Range())
	if err != nil {
		return err
	}
	net.Meta = map[string]string{
		MetaSchema: string(schema), MetaRange: string(ranges), MetaConstruction: "trained by " + string(t.Optimizer),
		MetaSeed: strconv.FormatUint(t.Seed, 10),
	}
	return nil
}

// epochsShown is how many epochs the text lists; of more, evenly spread ones.
const epochsShown = 16

// Text tells the run: what was asked for, the epochs, what came of it.
func (t *Training) Text() string {
	var f facts
	t.Data.addTo(&f)
	if t.Test != "" {
		f.add("test", "%s: %s", t.Test, several(t.TestRows, "row", "rows"))
	}
	f.add("network", "%s", t.networkText())
	f.add("training", "%s", t.recipe())
	f.b.WriteByte('\n')
	f.grid(t.epochRows())
	if rows := t.traceRows(); rows != nil {
		f.b.WriteByte('\n')
		f.grid(rows)
		f.add("", "on %s", several(t.traced(), "row looked at", "rows looked at, evenly spread"))
	}
	f.b.WriteByte('\n')
	f.add("now", "%s", t.misfitText(t.Final, "row", "rows"))
	if t.TestNow != nil {
		f.add("", "%s", t.misfitText(t.TestNow, "test row", "test rows"))
	}
	if s := t.Solution; s != nil {
		for k, line := range t.SolutionText() {
			f.add(map[bool]string{true: "solution"}[k == 0], "%s", line)
		}
	}
	switch t.Stopped {
	case train.StoppedInterrupt:
		f.add("INCOMPLETE", "interrupted; the network is as far as it came")
	case train.StoppedByWish:
		f.add("stopped", "after %s of %s: finishing is estimated to take less than another", several(t.History[len(t.History)-1].Epoch, "epoch", "epochs"), count(t.Epochs))
	}
	for k, line := range t.FinishedText() {
		f.add(map[bool]string{true: "finished"}[k == 0], "%s", line)
	}
	f.add("time", "read %s, steps %s, with measuring %s", seconds(t.Seconds.Read), seconds(t.Seconds.Train), seconds(t.Seconds.All))
	if t.File != "" {
		f.add("wrote", "%s (%s)", t.File, fileSize(t.Bytes))
		if t.Finished == nil {
			f.add("", "no certificate: gradient descent proves nothing")
		}
	}
	return f.String()
}

// FinishedText says in lines how the network was made exact afterwards.
func (t *Training) FinishedText() []string {
	r := t.Finished
	if r == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("in %s: %s; %s -> %s", seconds(r.Seconds.Finish), r.Method, several(r.Units, "unit", "units"), count(r.Units+r.Added))}
	lines = append(lines, CertificateText(r.Certificate))
	if t.TestFinished != nil {
		lines = append(lines, t.misfitText(t.TestFinished, "test row", "test rows"))
	}
	return lines
}

func (t *Training) networkText() string {
	widths := strconv.Itoa(t.D)
	for _, h := range t.Hidden {
		widths += "-" + strconv.Itoa(h)
	}
	return fmt.Sprintf("%s-%d, %s, %s, %s", widths, t.P, several(t.Units, "unit", "units"), several(t.Parameters, "parameter", "parameters"), t.Precision)
}

// recipe puts the options in a line.
func (t *Training) recipe() string {
	text := fmt.Sprintf("%s, rate %s %s", t.Optimizer, exact(t.Rate), t.Schedule)
	if t.Momentum > 0 {
		text += ", momentum " + exact(t.Momentum)
	}
	if t.Decay > 0 {
		text += ", weight decay " + exact(t.Decay)
	}
	text += fmt.Sprintf(", batches of %s, %s initialisation, seed %d", count(t.Batch), t.Init, t.Seed)
	if t.Resumed > 0 {
		text += fmt.Sprintf("; resumed in epoch %d from %s", t.Resumed, t.Checkpoint)
	}
	return text
}

// classes says that the targets are classes.
func (t *Training) classes() bool { return t.Task == string(dataset.Classification) }

// shown returns the epochs that the text lists.
func (t *Training) shown() []train.Epoch {
	var list []train.Epoch
	for _, k := range sample(len(t.History), epochsShown) {
		list = append(list, t.History[k])
	}
	if n := len(t.History); n > 0 && len(list) > 0 {
		list[len(list)-1] = t.History[n-1]
	}
	return list
}

// epochRows is the table of the epochs.
func (t *Training) epochRows() [][]string {
	head := []string{"epoch", "loss"}
	if t.classes() {
		head = append(head, "missed on the way")
	}
	measured := len(t.History) > 0 && t.History[len(t.History)-1].Wrong != nil
	if measured {
		head = append(head, map[bool]string{true: "wrong after it", false: "relative residual"}[t.classes()])
	}
	if t.Test != "" {
		head = append(head, map[bool]string{true: "test accuracy", false: "test R2"}[t.classes()])
	}
	if measured {
		head = append(head, "to finish now")
	}
	rows := [][]string{append(head, "time")}
	for _, e := range t.shown() {
		row := []string{strconv.Itoa(e.Epoch), number(e.Loss)}
		if t.classes() {
			row = append(row, count(e.Missed))
		}
		if measured {
			row = append(row, t.afterText(&e))
		}
		if t.Test != "" {
			row = append(row, scoreText(e.Test))
		}
		if measured {
			row = append(row, costText(e.Cost))
		}
		rows = append(rows, append(row, seconds(e.Seconds)))
	}
	return rows
}

func (t *Training) afterText(e *train.Epoch) string {
	switch {
	case t.classes() && e.Wrong != nil:
		return count(*e.Wrong)
	case !t.classes() && e.Residual != nil:
		return number(*e.Residual)
	}
	return ""
}

func scoreText(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', 4, 64)
}

// costText says what finishing would take.
func costText(c *train.Cost) string {
	if c == nil {
		return ""
	}
	about := ""
	if c.Estimated {
		about = "about "
	}
	switch c.Method {
	case "none":
		return "nothing"
	case "solve":
		return fmt.Sprintf("a solve, %s%s", about, seconds(c.Seconds))
	}
	return fmt.Sprintf("%s%s, %s", about, several(c.Units, "unit", "units"), seconds(c.Seconds))
}

// misfitText says how far the network is from its targets.
func (t *Training) misfitText(m *train.Measure, one, many string) string {
	if t.classes() {
		return fmt.Sprintf("%s of %s wrong (%.2f%% right)", count(m.Wrong), several(m.Rows, one, many), 100*m.Score)
	}
	return fmt.Sprintf("relative residual %s on %s (R2 %.4f)", number(*m.Residual), several(m.Rows, one, many), m.Score)
}
