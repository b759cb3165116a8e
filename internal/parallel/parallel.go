// Package parallel spreads independent pieces of work over the processors.
package parallel

import (
	"runtime"
	"sync"
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
