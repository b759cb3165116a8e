package parallel

import (
	"runtime"
	"testing"
)

func TestEachCallsOncePerIndex(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, 1001} {
		calls := make([]int, n)
		Each(n, func(i int) { calls[i]++ })
		for i, c := range calls {
			if c != 1 {
				t.Errorf("n = %d: %d calls for %d", n, c, i)
			}
		}
	}
}

func TestRangesCover(t *testing.T) {
	covered := make([]bool, 777)
	Ranges(len(covered), func(from, to int) {
		for i := from; i < to; i++ {
			covered[i] = true
		}
	})
	for i, c := range covered {
		if !c {
			t.Errorf("%d is in no range", i)
		}
	}
}

// A panic on another goroutine reaches the caller, who can recover it.
func TestPanicsReachTheCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	defer func() {
		if p := recover(); p != "odd" {
			t.Errorf("recovered %v, want the panic of the last index", p)
		}
	}()
	Each(8, func(i int) {
		if i == 7 {
			panic("odd")
		}
	})
	t.Error("Each returned")
}

func TestBatchesCover(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		seen := make([]int, n)
		Batches(n, 8, func() func(from, to int) {
			return func(from, to int) {
				if from%8 != 0 || to-from > 8 {
					t.Errorf("batch %d..%d of %d", from, to, n)
				}
				for i := from; i < to; i++ {
					seen[i]++
				}
			}
		})
		for i, c := range seen {
			if c != 1 {
				t.Errorf("n = %d: row %d is in %d batches", n, i, c)
			}
		}
	}
}
