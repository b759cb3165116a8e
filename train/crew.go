package train

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A crew runs the pieces of one phase of a step after the other on a fixed set of
// goroutines. A step has a handful of phases of some hundred microseconds; the
// workers therefore wait for the next phase by looking, for a while, before they
// sleep. Which worker runs a piece is left to chance: pieces do not depend on it.
type crew struct {
	workers int
	do      func(piece int)
	pieces  int64
	phase   atomic.Uint64 // number of the phase, 1, 2, ...
	next    atomic.Int64  // piece to be taken
	left    atomic.Int64  // workers that have not finished the phase
	over    atomic.Bool
	wg      sync.WaitGroup
}

// Patience of a waiting worker: it looks without a pause for some ten
// microseconds, then lets others run in between, then sleeps.
const (
	looks  = 5000
	yields = 5200
	nap    = 20 * time.Microsecond
)

// newCrew starts workers-1 goroutines; the caller of run is the last worker.
func newCrew(workers int) *crew {
	c := &crew{workers: workers}
	for range workers - 1 {
		c.wg.Go(c.serve)
	}
	return c
}

// dismiss ends the goroutines.
func (c *crew) dismiss() {
	c.over.Store(true)
	c.wg.Wait()
}

// run calls do(piece) for every 0 <= piece < pieces and returns when all are done.
func (c *crew) run(pieces int, do func(piece int)) {
	if c.workers == 1 || pieces < 2 {
		for k := range pieces {
			do(k)
		}
		return
	}
	c.do, c.pieces = do, int64(pieces)
	c.next.Store(0)
	c.left.Store(int64(c.workers - 1))
	c.phase.Add(1)
	c.take()
	wait(func() bool { return c.left.Load() == 0 })
}

func (c *crew) take() {
	for k := c.next.Add(1) - 1; k < c.pieces; k = c.next.Add(1) - 1 {
		c.do(int(k))
	}
}

func (c *crew) serve() {
	for seen := uint64(1); ; seen++ {
		wait(func() bool { return c.phase.Load() >= seen || c.over.Load() })
		if c.phase.Load() < seen {
			return
		}
		c.take()
		c.left.Add(-1)
	}
}

func wait(ready func() bool) {
	for k := 0; !ready(); k++ {
		switch {
		case k < looks:
		case k < yields:
			runtime.Gosched()
		default:
			time.Sleep(nap)
		}
	}
}
