package analyze

import (
	"errors"
	"fmt"

	"hinge/network"
)

// This file ends an analysis at any time, and tells how far it has come.

// errStopped ends a job whose context has ended.
var errStopped = errors.New("analyze: stopped")

// meter estimates how much of a job is done. A unit of width is worth the same
// in every layer; the parts of a layer are worth their shares of it, rounded from
// runs on 60,000 rows.
type meter struct {
	all, done float64 // finished parts
	now       float64 // the part being worked on
	width     float64 // of the layer being worked on
	stage     string
}

// Shares of the parts of a layer, and of the parts of the output layer, which
// counts as the width of the last hidden one.
const (
	shareOutputs, shareRank, shareClasses, shareSeparability = 1, 3, 1, 5
	shareMisses, shareSpace, shareMemorised                  = 0.5, 1, 1.5
)

func newMeter(net *network.Network, hidden []int) meter {
	m := meter{width: float64(net.Inputs())}
	widths := m.width
	for _, l := range hidden {
		m.width = float64(net.Layers[l].Width())
		widths += m.width
	}
	m.all = widths*(shareOutputs+shareRank+shareClasses+shareSeparability) + m.width*(shareMisses+shareSpace+shareMemorised)
	return m
}

// step tells what begins, worth a share of the layer, and ends the job when its
// context has.
func (j *job) step(share float64, format string, args ...any) error {
	j.meter.done += j.meter.now
	j.meter.now = share * j.meter.width
	j.meter.stage = fmt.Sprintf(format, args...)
	j.tell(0)
	if j.ctx.Err() != nil {
		j.out.Stopped = "before " + j.meter.stage
		return errStopped
	}
	return nil
}

// tell passes on that a part of the present step is done.
func (j *job) tell(part float64) {
	if j.opt.Progress != nil {
		j.opt.Progress(j.meter.stage, min((j.meter.done+part*j.meter.now)/j.meter.all, 1))
	}
}

// within runs f and returns what it does, or errStopped when the context ends
// before. What f works on is then left to it: nothing that it writes may be read
// any more. A factorization of LAPACK cannot be told to stop; left behind, it
// ends by itself.
func within[T any](j *job, f func() (T, error)) (T, error) {
	type end struct {
		value T
		err   error
		fault any
	}
	done := make(chan end, 1)
	go func() {
		var e end
		defer func() {
			e.fault = recover()
			done <- e
		}()
		e.value, e.err = f()
	}()
	select {
	case e := <-done:
		if e.fault != nil {
			panic(e.fault)
		}
		return e.value, e.err
	case <-j.ctx.Done():
		var nothing T
		return nothing, j.stoppedDuring()
	}
}

// stoppedDuring notes where the job was stopped.
func (j *job) stoppedDuring() error {
	j.out.Stopped = "during " + j.meter.stage
	return errStopped
}
