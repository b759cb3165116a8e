// Package ort runs exported networks in the real ONNX Runtime. It is for tests
// only; nothing that users run imports it.
//
// For most uses, call [Run] in a test. The runtime's library comes from the npm
// package that npm/package-lock.json pins, which ./test installs into
// .cache/ort; the environment variable HINGE_ORT names another one.
package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Required reports whether a missing runtime must fail tests instead of
// skipping them: in CI, and where HINGE_REQUIRE_ORT is set.
func Required() bool {
	return os.Getenv("CI") != "" || os.Getenv("HINGE_REQUIRE_ORT") != ""
}

// Find returns the path of the runtime's shared library: HINGE_ORT, or the one
// that ./test installed in the repository around the working directory.
func Find() (string, error) {
	if lib := os.Getenv("HINGE_ORT"); lib != "" {
		if _, err := os.Stat(lib); err != nil {
			return "", fmt.Errorf("ONNX Runtime: HINGE_ORT: %w", err)
		}
		return lib, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	pattern := filepath.Join(root, ".cache/ort/node_modules/onnxruntime-node/bin/napi-v*", runtime.GOOS, arch, "libonnxruntime.*")
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("ONNX Runtime is not installed (no %s): run ./test once, or set HINGE_ORT to its shared library", pattern)
	}
	return found[0], nil
}

// moduleRoot returns the folder of go.mod around the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("ONNX Runtime: no go.mod around the working directory")
		}
		dir = parent
	}
}
