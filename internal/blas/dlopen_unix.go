//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package blas

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ebitengine/purego"
)

// libraryNames are tried in order: the names that the dynamic linker knows,
// then the usual places of distributions and of Homebrew.
var libraryNames = []string{
	"libopenblas.so.0",
	"libopenblas.so",
	"libopenblasp.so.0", // Fedora's threaded build
	"/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
	"/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0",
	"/usr/local/lib/libopenblas.so",
	"/opt/OpenBLAS/lib/libopenblas.so",
	"libopenblas.dylib",
	"/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
	"/usr/local/opt/openblas/lib/libopenblas.dylib",
}

// loadOpenBLAS opens the first library that has every kernel we use.
func loadOpenBLAS() (*library, error) {
	var faults []string
	for _, name := range libraryNames {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		lib, err := bind(handle)
		if err == nil {
			return lib, nil
		}
		faults = append(faults, fmt.Sprintf("%s: %v", name, err))
	}
	return nil, errors.New(strings.Join(faults[:1], "; "))
}

func bind(handle uintptr) (*library, error) {
	lib := new(library)
	var missing error
	register := func(f any, symbol string) {
		address, err := purego.Dlsym(handle, symbol)
		if err != nil {
			missing = fmt.Errorf("it has no %s", symbol)
			return
		}
		purego.RegisterFunc(f, address)
	}
	bindKernels(&lib.f64, "d", register)
	bindKernels(&lib.f32, "s", register)
	register(&lib.threads, "openblas_set_num_threads")
	if missing != nil {
		return nil, missing
	}
	if address, err := purego.Dlsym(handle, "openblas_get_config"); err == nil {
		var config func() string
		purego.RegisterFunc(&config, address)
		lib.config = strings.TrimSpace(config())
	}
	return lib, nil
}

func bindKernels[T Float](k *kernels[T], letter string, register func(f any, symbol string)) {
	register(&k.cgemm, "cblas_"+letter+"gemm")
	register(&k.csymm, "cblas_"+letter+"symm")
	register(&k.csyrk, "cblas_"+letter+"syrk")
	register(&k.csyr2k, "cblas_"+letter+"syr2k")
	register(&k.ctrmm, "cblas_"+letter+"trmm")
	register(&k.ctrsm, "cblas_"+letter+"trsm")
	register(&k.cgemv, "cblas_"+letter+"gemv")
	register(&k.cger, "cblas_"+letter+"ger")
}
