package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"hinge/internal/blas"
	"hinge/internal/wholefile"
)

// A checkpoint is everything that the rest of a run depends on.
//
//	8 bytes   "hingeCKP"
//	4 bytes   version, 1
//	4 bytes   length of the header
//	header    JSON, see checkpointHeader
//	floats    per layer: weights, biases, then the moments that the optimiser
//	          has, in the order w b m mb v vb; float32, row-major
//	32 bytes  SHA-256 of all that stands before
//
// All numbers are little-endian. The generators of random numbers have no state
// of their own: the order of an epoch's rows is drawn from the seed and the
// epoch's number, so the position in the run says where they stand.
//
// The file is written beside its name, synced, and renamed: a process killed at any
// moment leaves the old one or the new one. A file of another run, of other rows, or
// with one bit changed is refused.
const (
	checkpointMagic   = "hingeCKP"
	checkpointVersion = 1
	// maxHeader bounds the header: a million epochs with their traces fit.
	maxHeader = 1 << 29
)

// A CheckpointError says why a checkpoint cannot be taken up.
type CheckpointError struct {
	Path   string
	Reason string
	Err    error // the system's, if it was that
}

func (e *CheckpointError) Error() string {
	return fmt.Sprintf("checkpoint %s: %s; remove the file to start anew", e.Path, e.Reason)
}

func (e *CheckpointError) Unwrap() error { return e.Err }

// checkpointHeader says what run a checkpoint is of, and where it stands.
type checkpointHeader struct {
	Run     checkpointRun `json:"run"`
	Epoch   int           `json:"epoch"`
	At      int           `json:"at"`
	Steps   int           `json:"steps"`
	Loss    uint64        `json:"loss_bits"` // sum over the epoch under way, bit by bit
	Missed  int           `json:"missed"`
	Seconds float64       `json:"seconds"`
	History []Epoch       `json:"history"`
}

// checkpointRun is what must agree between a checkpoint and the run that takes
// it up.
type checkpointRun struct {
	Data      string    `json:"data"` // SHA-256 of the rows
	Widths    []int     `json:"widths"`
	Epochs    int       `json:"epochs"`
	Batch     int       `json:"batch"`
	Optimizer Optimizer `json:"optimizer"`
	Rate      float64   `json:"rate"`
	Momentum  float64   `json:"momentum"`
	Decay     float64   `json:"decay"`
	Schedule  Schedule  `json:"schedule"`
	Init      Init      `json:"init"`
	Seed      uint64    `json:"seed"`
	Engine    string    `json:"engine"`
}

// identity describes this run.
func (r *run) identity() checkpointRun {
	c := checkpointRun{
		Data: hex.EncodeToString(r.digest[:]), Widths: []int{r.table.d}, Epochs: r.opt.Epochs, Batch: r.opt.Batch,
		Optimizer: r.opt.Optimizer, Rate: r.opt.Rate, Momentum: r.opt.Momentum, Decay: r.opt.Decay,
		Schedule: r.opt.Schedule, Init: r.opt.Init, Seed: r.opt.Seed, Engine: blas.Engine(),
	}
	for _, y := range r.layers {
		c.Widths = append(c.Widths, y.units)
	}
	return c
}

// differs names the first thing in which two runs differ, or "". More epochs at a
// constant rate are the same run, longer.
func (c *checkpointRun) differs(other *checkpointRun) string {
	for _, f := range []struct {
		name       string
		mine, then any
	}{
		{"the rows", c.Data, other.Data}, {"the layers", fmt.Sprint(c.Widths), fmt.Sprint(other.Widths)},
		{"the batch", c.Batch, other.Batch}, {"the optimizer", c.Optimizer, other.Optimizer}, {"the rate", c.Rate, other.Rate},
		{"the momentum", c.Momentum, other.Momentum}, {"the weight decay", c.Decay, other.Decay},
		{"the schedule", c.Schedule, other.Schedule}, {"the initialisation", c.Init, other.Init}, {"the seed", c.Seed, other.Seed},
		{"the engine of the products", c.Engine, other.Engine},
	} {
		if f.mine != f.then {
			if f.name == "the rows" {
				return "the rows are others"
			}
			return fmt.Sprintf("%s was %v and is now %v", f.name, f.then, f.mine)
		}
	}
	if c.Epochs != other.Epochs && (c.Schedule != Constant || c.Epochs < other.Epochs) {
		return fmt.Sprintf("the number of epochs was %d and is now %d", other.Epochs, c.Epochs)
	}
	return ""
}

// arrays lists the numbers of a layer in the order of the file.
func (l *layer) arrays() [][]float32 {
	return [][]float32{l.w, l.b, l.m, l.mb, l.v, l.vb}
}

// save writes the checkpoint, if there is to be one.
func (r *run) save() error {
	if r.opt.Checkpoint == "" {
		return nil
	}
	header := checkpointHeader{Run: r.identity(), Epoch: r.epoch, At: r.at, Steps: r.steps, Loss: math.Float64bits(r.loss),
		Missed: r.missed, Seconds: r.seconds, History: r.history}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	err = wholefile.Write(r.opt.Checkpoint, func(w io.Writer) error { return writeCheckpoint(w, text, r.layers) })
	r.saved = time.Now()
	return err
}

func writeCheckpoint(w io.Writer, header []byte, layers []*layer) error {
	sum := sha256.New()
	both := io.MultiWriter(w, sum)
	head := binary.LittleEndian.AppendUint32([]byte(checkpointMagic), checkpointVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
	if _, err := both.Write(append(head, header...)); err != nil {
		return err
	}
	var buf []byte
	for _, l := range layers {
		for _, v := range l.arrays() {
			buf = buf[:0]
			for _, x := range v {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
			}
			if _, err := both.Write(buf); err != nil {
				return err
			}
		}
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// resume takes the checkpoint up, if there is one, and returns the epoch that it
// stands in, counted from 1.
func (r *run) resume() (epoch int, err error) {
	path := r.opt.Checkpoint
	if path == "" {
		return 0, nil
	}
	sweep(path)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, &CheckpointError{path, "it cannot be read", err}
	}
	header, floats, reason := parseCheckpoint(data)
	if reason == "" {
		reason = r.takeUp(header, floats)
	}
	if reason != "" {
		return 0, &CheckpointError{Path: path, Reason: reason}
	}
	return header.Epoch + 1, nil
}

// sweep removes what writes of a killed process left beside the checkpoint.
func sweep(path string) {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".????????.tmp"))
	if err != nil {
		return // a name with the signs of a pattern: then they stay
	}
	for _, name := range left {
		os.Remove(name)
	}
}

// parseCheckpoint takes a file apart: its header and the bytes of its floats.
// The reason is "" or what is wrong.
func parseCheckpoint(data []byte) (header *checkpointHeader, floats []byte, reason string) {
	const fixed = len(checkpointMagic) + 8
	switch {
	case len(data) < len(checkpointMagic) || string(data[:len(checkpointMagic)]) != checkpointMagic:
		return nil, nil, "it is no checkpoint of hinge"
	case len(data) < fixed+sha256.Size:
		return nil, nil, "it is cut off"
	}
	if v := binary.LittleEndian.Uint32(data[len(checkpointMagic):]); v != checkpointVersion {
		return nil, nil, fmt.Sprintf("it is of version %d, this is version %d", v, checkpointVersion)
	}
	body, digest := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], digest) {
		return nil, nil, "its digest does not fit: it is cut off or was changed"
	}
	length := binary.LittleEndian.Uint32(data[len(checkpointMagic)+4:])
	if length > maxHeader || int64(length) > int64(len(body)-fixed) {
		return nil, nil, "its header is longer than the file"
	}
	header = new(checkpointHeader)
	if err := json.Unmarshal(body[fixed:fixed+int(length)], header); err != nil {
		return nil, nil, "its header cannot be read: " + err.Error()
	}
	return header, body[fixed+int(length):], ""
}

// takeUp puts the state of a checkpoint in place. The reason is "" or what does
// not fit; then nothing was changed.
func (r *run) takeUp(h *checkpointHeader, floats []byte) (reason string) {
	mine := r.identity()
	if difference := mine.differs(&h.Run); difference != "" {
		return "it is of another run: " + difference
	}
	size := 0
	for _, l := range r.layers {
		for _, v := range l.arrays() {
			size += 4 * len(v)
		}
	}
	if len(floats) != size {
		return fmt.Sprintf("it holds %d bytes of weights and moments, not %d", len(floats), size)
	}
	loss := math.Float64frombits(h.Loss)
	if h.Epoch < 0 || h.Epoch > r.opt.Epochs || h.At < 0 || h.At >= r.perEpoch || h.Steps != h.Epoch*r.perEpoch+h.At ||
		h.Epoch == r.opt.Epochs && h.At > 0 || math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Sprintf("it stands at step %d of epoch %d, which the run does not have", h.At, h.Epoch)
	}
	for _, l := range r.layers {
		for _, v := range l.arrays() {
			for i := range v {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(floats[4*i:]))
			}
			floats = floats[4*len(v):]
		}
	}
	r.epoch, r.at, r.steps, r.loss, r.missed, r.seconds, r.history = h.Epoch, h.At, h.Steps, loss, h.Missed, h.Seconds, h.History
	return ""
}
