// Package parallel spreads independent pieces of work over the processors.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls f(i) for every 0 <= i < n. Calls run at the same time, so each
// must write only what belongs to its own i; the result then does not depend
// on the schedule.
func Each(n int, f func(i int)) {
	Ranges(n, func(from, to int) {
		for i := from; i < to; i++ {
			f(i)
		}
	})
}

// Ranges splits 0..n into one contiguous range per processor and calls
// f(from, to) for each at the same time. A panic of f is passed on to the caller
// when all are done.
func Ranges(n int, f func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var wg sync.WaitGroup
	panics := make([]any, workers)
	for w := 0; w < workers; w++ {
		from, to := n*w/workers, n*(w+1)/workers
		wg.Go(func() {
			defer func() { panics[w] = recover() }()
			f(from, to)
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// Batches splits 0..n into batches of the given size and hands them out to one
// worker per processor. newWorker is called once for each worker and returns
// what it does with a batch, so that a worker can keep work space of its own.
// The batches are the same for any number of processors. A panic is passed on to
// the caller when all workers are done.
func Batches(n, size int, newWorker func() func(from, to int)) {
	batches := (n + size - 1) / size
	var next atomic.Int64
	Each(min(runtime.GOMAXPROCS(0), batches), func(int) {
		work := newWorker()
		for {
			from := (int(next.Add(1)) - 1) * size
			if from >= n {
				return
			}
			work(from, min(from+size, n))
		}
	})
}
