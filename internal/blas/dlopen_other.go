//go:build !((linux || darwin || freebsd) && (amd64 || arm64))

package blas

import (
	"fmt"
	"runtime"
)

// loadOpenBLAS fails: on this system only gonum's kernels are available.
func loadOpenBLAS() (*library, error) {
	return nil, fmt.Errorf("loading libraries at run time is not supported on %s/%s", runtime.GOOS, runtime.GOARCH)
}
